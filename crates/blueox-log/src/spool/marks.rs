//! High-water marks: up to which number each producer's stream is in the log. What follows for the next batch is the
//! native protocol's rule (`blueox_event::wire::native::Receiver`); the writer refuses what is out of order.

use super::stream::{Producer, Seq, Session, StreamId, Timestamp};
use std::collections::HashMap;

/// How far a stream has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The highest number in the log; all below are in it too, as data or as gaps.
    pub high: Seq,
    /// The highest session seen.
    pub session: Session,
    /// When its last record was received.
    pub seen: Timestamp,
    /// Who numbers it.
    pub producer: Producer,
}

/// All marks.
pub type Marks = HashMap<StreamId, Mark>;

/// Numbers of a stream, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeqSpan {
    /// The first.
    pub first: Seq,
    /// The last; below `first` if the range is empty.
    pub last: Seq,
}

impl SeqSpan {
    /// How many numbers it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        if self.is_empty() { 0 } else { (self.last.get() - self.first.get()).saturating_add(1) }
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.last < self.first
    }
}
