//! The spool's writer as the day files see it, and an ear.

use crate::day_log::spooled::{LogHost, Notice};
use crate::day_log::{FileJournal, WriteError};
use crate::disk::model::ModelDisk;
use crate::spool::{
    Appended, CursorName, FileId, FileLength, OpenFile, Place, Record, Refusal, SpoolError, Timestamp, Writer,
};
use std::io;

pub(super) const CURSOR: &str = "log";

/// Writes the spool, and counts what it is told.
pub(super) struct Host {
    pub(super) writer: Writer<ModelDisk>,
    pub(super) now: Timestamp,
    /// Numbers of events whose group waits for a commit.
    pub(super) group: Vec<u32>,
    /// Numbers of events that were acknowledged.
    pub(super) acked: Vec<u32>,
    pub(super) stored: u64,
    pub(super) lost: u64,
    pub(super) failures: u64,
    pub(super) strange: Option<String>,
}

impl Host {
    pub(super) fn new(writer: Writer<ModelDisk>, now: Timestamp) -> Self {
        let (group, acked, strange) = (Vec::new(), Vec::new(), None);
        Self { writer, now, group, acked, stored: 0, lost: 0, failures: 0, strange }
    }

    /// An ack leaves here and nowhere else.
    pub(super) fn commit(&mut self) -> Result<(), SpoolError> {
        if !self.writer.has_group() {
            return Ok(());
        }
        let group = std::mem::take(&mut self.group);
        let committed = self.writer.commit(self.now);
        if crate::schedules::is_traced() {
            eprintln!("commit: {committed:?}");
        }
        committed?;
        self.acked.extend(group);
        // What could not be made ready is tried again.
        drop(self.writer.maintain());
        Ok(())
    }

    pub(super) fn append(&mut self, record: &Record<'_>) -> Result<Appended, SpoolError> {
        match self.writer.append(record, self.now) {
            Err(SpoolError::Refused(Refusal::CommitFirst)) => {
                self.commit()?;
                self.writer.append(record, self.now)
            }
            result => result,
        }
    }

    fn note_durably(&mut self, records: &[Record<'_>]) -> Result<(), WriteError> {
        if crate::schedules::is_traced() {
            eprintln!("notes {records:?}");
        }
        let appended = records.iter().try_for_each(|record| self.append(record).map(drop));
        appended.and_then(|()| self.commit()).map_err(|error| {
            if let SpoolError::Refused(refusal) = &error
                && !error.is_full()
            {
                self.strange.get_or_insert(format!("the spool refuses {records:?}: {refusal}"));
            }
            let source = io::Error::other(error.to_string());
            WriteError { operation: "note in the spool", path: "spool".into(), source }
        })
    }
}

impl FileJournal for Host {
    fn files_opened(&mut self, files: &[(FileId, OpenFile)]) -> Result<(), WriteError> {
        let records: Vec<_> = files.iter().map(|(file, open)| Record::File { file: *file, open }).collect();
        self.note_durably(&records)
    }
}

impl LogHost for Host {
    fn materialised(&mut self, place: Place, files: &[FileLength]) -> Result<(), WriteError> {
        let cursor = CursorName::new(CURSOR);
        self.note_durably(&[Record::Materialised { cursor: &cursor, place, files }])
    }

    fn note(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Stored { events, .. } => self.stored += events,
            Notice::Unstored { events } => self.stored -= events,
            Notice::Lost { events, damaged: false } => self.lost += events,
            Notice::Outcome(operation, Err(error)) => {
                if crate::schedules::is_traced() {
                    eprintln!("{operation:?} fails: {error}");
                }
                self.failures += 1;
            }
            Notice::Outcome(_, Ok(())) | Notice::OpenFiles(_) => {}
            strange @ (Notice::Lost { .. } | Notice::Damaged(_) | Notice::Unreadable { .. }) => {
                self.strange.get_or_insert(format!("{strange:?}"));
            }
        }
    }
}
