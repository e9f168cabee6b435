//! A receiving daemon: a store with marks that survives it, and all else that does not.

use super::super::super::{Seq, Session, SessionTable, StreamId};
use super::world::Broken;
use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Data,
    Lost,
    /// Acked by another collector.
    Gap,
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Record {
    pub(super) stream: StreamId,
    pub(super) kind: Kind,
    pub(super) first: Seq,
    pub(super) last: Seq,
    /// The connection that brought it.
    pub(super) link: u8,
    pub(super) session: Session,
    pub(super) cost: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Collector {
    /// Durable.
    pub(super) store: BTreeMap<(StreamId, Seq), Kind>,
    pub(super) marks: BTreeMap<StreamId, Seq>,
    /// Accepted, not durable.
    pub(super) pending: Vec<Record>,
    pub(super) table: SessionTable,
}

impl Collector {
    pub(super) fn new() -> Self {
        Self {
            store: BTreeMap::new(),
            marks: BTreeMap::new(),
            pending: Vec::new(),
            table: SessionTable::new(16),
        }
    }

    pub(super) fn mark(&self, stream: StreamId) -> Seq {
        self.marks.get(&stream).copied().unwrap_or_default()
    }

    /// How far the stream is stored. Unlike its mark, that is never forgotten.
    pub(super) fn stored_up_to(&self, stream: StreamId) -> Seq {
        let stored = self.store.range((stream, Seq::NONE)..=(stream, Seq::LAST));
        stored.last().map_or(Seq::NONE, |((_, seq), _)| *seq)
    }

    /// Makes all that is pending durable, marks and all, in one commit.
    pub(super) fn commit(&mut self) -> Result<Vec<Record>, Broken> {
        let records = std::mem::take(&mut self.pending);
        for record in &records {
            if record.kind == Kind::End {
                self.marks.remove(&record.stream);
                continue;
            }
            let mark = self.mark(record.stream);
            if record.first != mark.next() {
                return Err(Broken(format!(
                    "{record:?} does not continue a stream that is stored up to {mark}"
                )));
            }
            for seq in record.first.get()..=record.last.get() {
                let before = self.store.insert((record.stream, Seq::new(seq)), record.kind);
                if before.is_some() && record.kind != Kind::Gap {
                    return Err(Broken(format!("{record:?} is stored twice")));
                }
                if let (Some(before), Kind::Gap) = (before, record.kind) {
                    self.store.insert((record.stream, Seq::new(seq)), before);
                }
            }
            self.marks.insert(record.stream, record.last);
        }
        Ok(records)
    }

    /// What is not durable is gone.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
        self.table = SessionTable::new(16);
    }
}
