//! Comma-separated values (RFC 4180). Without `--fields` the columns are found in the first events.

use super::Form;
use crate::fields::{self, Field};
use crate::projection::Projection;
use crate::text;
use blueox_event::EncodedEvent;
use blueox_event::msgpack::{RawValue, Token};
use std::collections::BTreeSet;

/// How many events tell which columns there are.
const SAMPLE: usize = 200;
/// The columns that every event has.
const OWN: [&str; 6] = ["time", "type", "host", "pid", "id", "duration_ms"];
/// How many columns that came too late are named.
const NAMED: usize = 5;

pub(super) struct Csv {
    columns: Vec<Field>,
    /// Events whose columns are still being collected; `None` once the header is written.
    sample: Option<Vec<Vec<u8>>>,
    /// Whether the columns were asked for.
    chosen: bool,
    late: BTreeSet<String>,
}

impl Csv {
    pub(super) fn new(projection: &Projection) -> Self {
        let columns = projection.fields().to_vec();
        Self { chosen: !columns.is_empty(), columns, sample: Some(Vec::new()), late: BTreeSet::new() }
    }

    fn header(&mut self, sample: &[Vec<u8>], out: &mut Vec<u8>) {
        if !self.chosen {
            let mut names: Vec<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
            let mut seen = BTreeSet::new();
            for body in sample.iter().filter_map(|bytes| EncodedEvent::parse(bytes).ok()?.body()) {
                fields::walk(body, &mut |path, _| {
                    if seen.insert(path.to_owned()) {
                        names.push(format!("body.{path}"));
                    }
                });
            }
            self.columns = names.iter().filter_map(|name| Field::parse(name).ok()).collect();
        }
        let mut line = String::new();
        row(self.columns.iter().map(|column| column.name.clone()), &mut line);
        out.extend_from_slice(line.as_bytes());
    }

    fn write(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        let mut line = String::new();
        row(self.columns.iter().map(|column| cell(column, event)), &mut line);
        out.extend_from_slice(line.as_bytes());
        if !self.chosen
            && self.late.len() <= NAMED
            && let Some(body) = event.body()
        {
            fields::walk(body, &mut |path, _| {
                let name = format!("body.{path}");
                if !self.columns.iter().any(|column| column.name == name) {
                    self.late.insert(name);
                }
            });
        }
    }
}

impl Form for Csv {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        match &mut self.sample {
            Some(sample) => {
                sample.push(event.bytes().to_vec());
                if self.chosen || sample.len() >= SAMPLE {
                    self.settle(out);
                }
            }
            None => self.write(event, out),
        }
    }

    fn settle(&mut self, out: &mut Vec<u8>) {
        // Without an event there is no telling what its columns would be, but for those asked for.
        if self.sample.as_ref().is_some_and(|sample| !sample.is_empty() || self.chosen)
            && let Some(sample) = self.sample.take()
        {
            self.header(&sample, out);
            for bytes in sample {
                let event = EncodedEvent::parse(&bytes).expect("BUG: it was an event when it came");
                self.write(&event, out);
            }
        }
    }

    fn remark(&self) -> Option<String> {
        let named: Vec<&str> = self.late.iter().take(NAMED).map(String::as_str).collect();
        let more = if self.late.len() > NAMED { " and more" } else { "" };
        (!named.is_empty()).then(|| {
            format!(
                "fields that came after the header are not in the csv: {}{more}; name the columns with --fields",
                named.join(", ")
            )
        })
    }
}

fn cell(column: &Field, event: &EncodedEvent<'_>) -> String {
    let mut cell = String::new();
    if let Some(value) = column.value(event) {
        let bytes = value.to_msgpack();
        let raw = RawValue::parse(&bytes).ok().flatten().expect("BUG: a value that was just encoded");
        match raw.token() {
            Token::Nil => {}
            // Line feeds and tabs are what quotes are for.
            Token::Str(content) | Token::Bin(content) => {
                for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
                    if index > 0 {
                        cell.push('\n');
                    }
                    text::write_printable(line, &mut cell);
                }
            }
            _ => text::write_value(raw, &mut cell),
        }
    }
    cell
}

/// Appends a line of cells, in quotes where they need them.
pub(crate) fn row(cells: impl Iterator<Item = String>, line: &mut String) {
    for (index, cell) in cells.enumerate() {
        if index > 0 {
            line.push(',');
        }
        if cell.contains([',', '"', '\n', '\r']) || cell.starts_with(' ') || cell.ends_with(' ') {
            line.push('"');
            line.push_str(&cell.replace('"', "\"\""));
            line.push('"');
        } else {
            line.push_str(&cell);
        }
    }
    line.push('\n');
}
