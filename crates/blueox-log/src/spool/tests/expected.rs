//! What must be in the log, as a plain model.

use crate::disk::model::{ModelDisk, Random};
use crate::spool::{FileId, FileLength, Place, Seq, Session, Source, StreamId, Writer};
use std::collections::BTreeMap;

/// A numbered record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbered {
    pub(super) source: Option<Source>,
    pub(super) count: u32,
    /// Of data, what it is made from; of a gap the first number.
    pub(super) content: Content,
    /// Its place in the log.
    pub(super) from: u64,
    pub(super) to: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    Data { id: u64, length: usize },
    Gap { first: Seq, events: u64 },
}

#[derive(Debug, Clone)]
pub(super) enum Op {
    Numbered(Numbered),
    Mark(Source, bool),
    File(FileId, u64),
    Lengths(Vec<FileLength>),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ModelState {
    pub(super) marks: BTreeMap<StreamId, (Seq, Session)>,
    pub(super) files: BTreeMap<FileId, u64>,
    pub(super) numbered: u64,
    pub(super) events: u64,
}

impl ModelState {
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Numbered(numbered) => {
                self.numbered += 1;
                self.events += u64::from(numbered.count);
                if let Some(source) = numbered.source {
                    self.raise(source);
                }
            }
            Op::Mark(source, true) => drop(self.marks.remove(&source.stream)),
            Op::Mark(source, false) => self.raise(*source),
            Op::File(file, length) => drop(self.files.insert(*file, *length)),
            Op::Lengths(lengths) => {
                for file in lengths {
                    if file.closed {
                        self.files.remove(&file.file);
                    } else if let Some(length) = self.files.get_mut(&file.file) {
                        *length = file.length;
                    }
                }
            }
        }
    }

    fn raise(&mut self, source: Source) {
        let mark = self.marks.entry(source.stream).or_default();
        *mark = (mark.0.max(source.seq), mark.1.max(source.session));
    }

    pub(super) fn of(writer: &Writer<ModelDisk>, tail: Place) -> Self {
        Self {
            marks: writer.marks().iter().map(|(stream, mark)| (*stream, (mark.high, mark.session))).collect(),
            files: writer.files().iter().map(|(file, open)| (*file, open.length)).collect(),
            numbered: tail.own_seq.previous().get(),
            events: tail.events,
        }
    }
}

/// The bytes of a batch.
pub(super) fn content(id: u64, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = Vec::with_capacity(length + 8);
    let mut random = Random(id);
    while bytes.len() < length {
        bytes.extend_from_slice(&random.next().to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}
