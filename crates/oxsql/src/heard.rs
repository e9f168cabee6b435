//! What is to be said when the answer is there: damage, files that cannot be read; and how much has been read meanwhile.

use crate::damage::DamageReport;
use crate::text::printable_text;
use blueox_query::scan::Report;
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many lines are kept; the others are counted.
const KEPT_LINES: usize = 50;

/// Shared by all that read.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Set from anywhere, it ends all reading soon.
    stop: AtomicBool,
    /// How many bytes of files have been read.
    bytes: AtomicU64,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    /// A file may be read several times for one query.
    seen: HashSet<String>,
    lines: Vec<String>,
    more: u64,
    damaged: bool,
    unreadable: bool,
}

impl Heard {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub(crate) fn stop_flag(&self) -> &AtomicBool {
        &self.stop
    }

    pub(crate) fn read(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// What a scan says of a file.
    pub(crate) fn report(&self, path: &Path, report: Report) {
        let name = printable_text(path.as_os_str().as_encoded_bytes());
        match report {
            Report::Read(bytes) => self.read(bytes),
            Report::Damage(_, damage) => {
                let mut lines = DamageReport::default();
                lines.add(&name, &damage, false);
                lines.take_lines().into_iter().for_each(|line| self.damaged(line));
            }
            Report::MoreDamage(_) => self.damaged(format!("{name}: more damage than is told")),
            Report::Broken(_, error) => self.damaged(error.to_string()),
            Report::Unreadable(_, error) => self.unreadable(format!("cannot read {name}: {error}")),
        }
    }

    /// Some input is damaged.
    pub(crate) fn damaged(&self, line: String) {
        let mut told = self.told();
        told.damaged = true;
        told.say(line);
    }

    /// Some input cannot be read.
    pub(crate) fn unreadable(&self, line: String) {
        let mut told = self.told();
        told.unreadable = true;
        told.say(line);
    }

    pub(crate) fn say(&self, line: String) {
        self.told().say(line);
    }

    /// Takes what there is to say.
    pub(crate) fn take_lines(&self) -> Vec<String> {
        let mut told = self.told();
        let mut lines = std::mem::take(&mut told.lines);
        let more = std::mem::take(&mut told.more);
        if more > 0 {
            lines.push(format!("... and {more} more of this kind"));
        }
        lines
    }

    pub(crate) fn is_damaged(&self) -> bool {
        self.told().damaged
    }

    pub(crate) fn is_unreadable(&self) -> bool {
        self.told().unreadable
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn say(&mut self, line: String) {
        if self.seen.len() >= KEPT_LINES {
            self.more += u64::from(!self.seen.contains(&line));
        } else if self.seen.insert(line.clone()) {
            self.lines.push(line);
        }
    }
}
