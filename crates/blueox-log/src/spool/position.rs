//! Where something stands in the log.

use super::stream::Seq;
use std::fmt;

/// A byte address in the whole log, across all segments. It never falls and is never used twice for durable
/// bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position(u64);

impl Position {
    /// The beginning of a new log.
    pub const START: Self = Self(0);

    /// The position at a number of bytes.
    #[must_use]
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// As a number of bytes.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn after(self, bytes: u64) -> Self {
        Self(self.0 + bytes)
    }

    /// How many bytes lie from `earlier` to here; 0 if it is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.0)
    }
}

/// A position between two frames, with what came before it. The two counts make every hole exact: whoever
/// reads on behind it sees how many own numbers and events it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The position.
    pub position: Position,
    /// The own number of the next numbered record.
    pub own_seq: Seq,
    /// How many events stand before it in the log, since the log began.
    pub events: u64,
}

impl Place {
    /// The beginning of a new log.
    pub const START: Self = Self { position: Position::START, own_seq: Seq::new(1), events: 0 };
}
