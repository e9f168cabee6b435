//! Which connection of a stream is the one that counts.

use super::{Session, StreamId};
use std::collections::BTreeMap;

/// The highest session of every stream that a daemon follows: a higher one takes over, an equal or lower one
/// is refused.
///
/// ```
/// use blueox_event::wire::native::{Admission, Session, SessionTable, StreamId};
/// let mut table = SessionTable::new(1000);
/// assert_eq!(table.enter(StreamId(7), Session(1)), Admission::Enters);
/// assert_eq!(table.enter(StreamId(7), Session(2)), Admission::TakesOver { previous: Session(1) });
/// assert!(!table.is_current(StreamId(7), Session(1))); // what it still brings is thrown away
/// assert_eq!(table.enter(StreamId(7), Session(2)), Admission::Refused { current: Session(2) });
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SessionTable {
    streams: BTreeMap<StreamId, Entry>,
    capacity: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Entry {
    session: Session,
    connected: bool,
}

/// What becomes of a HELLO.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Admission {
    /// No other connection of the stream is open.
    Enters,
    /// The connection with the previous session is to be closed; WELCOME waits until all that it brought is
    /// durable or discarded.
    TakesOver {
        /// Of the connection that is to be closed.
        previous: Session,
    },
    /// A connection of this session, or of a later one, was here: refuse it.
    Refused {
        /// The highest one that was here.
        current: Session,
    },
    /// The table is full: refuse it.
    Full,
}

impl SessionTable {
    /// A table for so many streams.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { streams: BTreeMap::new(), capacity }
    }

    /// Remembers a session from before a restart. `false` if there is no room.
    pub fn restore(&mut self, stream: StreamId, session: Session) -> bool {
        if !self.streams.contains_key(&stream) && self.streams.len() >= self.capacity {
            return false;
        }
        let entry = self.streams.entry(stream).or_insert(Entry { session, connected: false });
        entry.session = entry.session.max(session);
        true
    }

    /// A HELLO has come.
    pub fn enter(&mut self, stream: StreamId, session: Session) -> Admission {
        let Some(entry) = self.streams.get_mut(&stream) else {
            if self.streams.len() >= self.capacity {
                return Admission::Full;
            }
            self.streams.insert(stream, Entry { session, connected: true });
            return Admission::Enters;
        };
        if session <= entry.session {
            return Admission::Refused { current: entry.session };
        }
        let before = std::mem::replace(entry, Entry { session, connected: true });
        if before.connected { Admission::TakesOver { previous: before.session } } else { Admission::Enters }
    }

    /// Whether what this connection brings may be committed.
    #[must_use]
    pub fn is_current(&self, stream: StreamId, session: Session) -> bool {
        self.streams.get(&stream).is_some_and(|entry| entry.session == session)
    }

    /// A connection has closed. Its session stays known.
    pub fn leave(&mut self, stream: StreamId, session: Session) {
        if let Some(entry) = self.streams.get_mut(&stream).filter(|entry| entry.session == session) {
            entry.connected = false;
        }
    }

    /// The stream has ended, or its mark was given up.
    pub fn forget(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// Forgets all streams but some.
    pub fn retain(&mut self, mut is_kept: impl FnMut(StreamId) -> bool) {
        self.streams.retain(|stream, _| is_kept(*stream));
    }

    /// How many streams are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.streams.len()
    }

    /// Whether no stream is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: StreamId = StreamId(9);

    #[test]
    fn a_session_stays_known_after_its_connection_has_closed() {
        let mut table = SessionTable::new(1);
        assert_eq!(table.enter(STREAM, Session(5)), Admission::Enters);
        table.leave(STREAM, Session(5));
        assert_eq!(table.enter(STREAM, Session(5)), Admission::Refused { current: Session(5) });
        assert_eq!(table.enter(STREAM, Session(6)), Admission::Enters);
        table.leave(STREAM, Session(5)); // comes late
        assert_eq!(table.enter(STREAM, Session(7)), Admission::TakesOver { previous: Session(6) });
    }

    #[test]
    fn a_session_from_before_a_restart_is_refused_again() {
        let mut table = SessionTable::new(1);
        assert!(table.restore(STREAM, Session(5)));
        assert!(table.restore(STREAM, Session(3)));
        assert_eq!(table.enter(STREAM, Session(5)), Admission::Refused { current: Session(5) });
    }

    #[test]
    fn the_table_is_bounded() {
        let mut table = SessionTable::new(2);
        assert_eq!(table.enter(StreamId(1), Session(1)), Admission::Enters);
        assert!(table.restore(StreamId(2), Session(1)));
        assert_eq!(table.enter(StreamId(3), Session(1)), Admission::Full);
        assert!(!table.restore(StreamId(3), Session(1)));
        table.forget(StreamId(1));
        assert_eq!(table.enter(StreamId(3), Session(1)), Admission::Enters);
        assert_eq!(table.len(), 2);
        assert!(!table.is_empty());
    }
}
