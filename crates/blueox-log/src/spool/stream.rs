//! Where records come from: streams and their numbers, which are those of the native protocol.

pub use blueox_event::wire::native::{Seq, Session, StreamId};

/// Who numbers a stream, which decides how long its mark is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Producer {
    /// An application: its mark may go when it said goodbye or was not seen for a day.
    Application,
    /// A daemon: its mark is kept.
    Daemon,
}

/// Where a record came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// The producer's stream.
    pub stream: StreamId,
    /// The batch's number in it; for a gap the last one.
    pub seq: Seq,
    /// The connection's session.
    pub session: Session,
    /// Who the producer is.
    pub producer: Producer,
}

/// Microseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Whole seconds since 1970-01-01 UTC.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0 / 1_000_000
    }
}
