//! Damage in files: collected while they are read, told at the end.

use blueox_event::EventError;
use blueox_event::msgpack::MsgpackError;
use blueox_log::day_log::scan::{Damage, DamageKind};
use blueox_log::ranges::RangesDamage;
use blueox_log::spool;

/// How many places are named.
const NAMED: usize = 20;

/// What could not be read.
#[derive(Debug, Default)]
pub(crate) struct DamageReport {
    lines: Vec<String>,
    places: u64,
    bytes: u64,
}

impl DamageReport {
    /// Bytes that are no event. `decompressed`: the offset counts in what the file decompresses to.
    pub(crate) fn add(&mut self, name: &str, damage: &Damage, decompressed: bool) {
        let Damage { offset, length, kind, why } = damage;
        let unit = if decompressed { " of its decompressed content" } else { "" };
        let why = reason(why);
        self.bytes += length;
        self.line(match kind {
            DamageKind::Middle => {
                format!("{name}: skipped {length} damaged bytes at offset {offset}{unit} ({why})")
            }
            DamageKind::TornTail => format!(
                "{name}: ends inside an event: the {length} bytes from offset {offset}{unit} were left out; \
                 its writer was stopped or has not finished"
            ),
            DamageKind::Tail if *offset == 0 => {
                format!("{name}: no event found in its {length} bytes ({why}); is it a log of BlueOx?")
            }
            DamageKind::Tail => {
                format!("{name}: no event in the last {length} bytes, from offset {offset}{unit} on ({why})")
            }
        });
    }

    /// Compressed content that cannot be decompressed any further.
    pub(crate) fn add_compressed(&mut self, name: &str, offset: u64, error: &std::io::Error) {
        self.line(format!(
            "{name}: its compressed content is damaged or cut off ({error}); what follows offset {offset} of its \
             decompressed content is lost"
        ));
    }

    /// A sealed file that cannot be read, or not any further.
    pub(crate) fn add_sealed(&mut self, why: &str) {
        self.line(why.to_owned());
    }

    /// Ranges that cannot be read.
    pub(crate) fn add_ranges(&mut self, name: &str, damage: &RangesDamage) {
        let RangesDamage { offset, length } = damage;
        self.bytes += length;
        self.line(format!(
            "{name}: {length} damaged bytes at offset {offset}: which batches they were about is not known, and events \
             that another log path has too may be shown twice"
        ));
    }

    /// A place of a spool that is not what was written.
    pub(crate) fn add_spool(&mut self, name: &str, damage: &spool::Damage) {
        let spool::Damage { offset, length, fault, events, .. } = damage;
        self.bytes += length;
        let lost = events.map_or(String::new(), |events| format!("; it held {events} events"));
        self.line(format!("{name}: skipped {length} damaged bytes at offset {offset} ({fault}){lost}"));
    }

    /// A batch of a spool whose checksum is right and whose content is not.
    pub(crate) fn add_batch(&mut self, name: &str, offset: u64, why: &EventError) {
        self.line(format!("{name}: the batch at offset {offset} holds what is no event ({})", reason(why)));
    }

    fn line(&mut self, line: String) {
        self.places += 1;
        if self.lines.len() < NAMED {
            self.lines.push(line);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places == 0
    }

    /// Takes the lines that have not been told.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.places as usize > lines.len() && lines.len() == NAMED {
            lines.push(format!("... {} damaged places in all, {} bytes", self.places, self.bytes));
        }
        lines
    }
}

/// What was wrong, without an offset that would count from elsewhere.
fn reason(why: &EventError) -> String {
    match why {
        EventError::Msgpack(MsgpackError::Reserved { .. }) => "byte 0xc1 starts no MsgPack value".to_owned(),
        EventError::Msgpack(MsgpackError::TooDeep { .. }) => "lists and maps nest too deep".to_owned(),
        EventError::TrailingBytes { count } => {
            format!("a wrong length in an event: it reached {count} bytes into those behind it")
        }
        why => why.to_string(),
    }
}
