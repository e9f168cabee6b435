//! What can go wrong: the caller's fault, the environment, corruption.

use super::position::Position;
use super::stream::Seq;
use std::io;
use std::path::{Path, PathBuf};

/// Why the spool did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// It refuses; nothing has changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The file system failed.
    #[error(transparent)]
    Environment(#[from] EnvironmentError),
    /// Bytes on the disk are not what was written.
    #[error(transparent)]
    Corruption(#[from] Corruption),
}

impl SpoolError {
    /// Whether there is no room, be it the disk's or the spool's own limit: draining goes on and makes some.
    #[must_use]
    pub fn is_full(&self) -> bool {
        match self {
            Self::Refused(Refusal::Full { .. } | Refusal::RoomIsMade) => true,
            Self::Environment(error) => error.is_no_space(),
            _ => false,
        }
    }
}

/// What the caller asked for cannot be done now, or never.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The group is full: commit it and append again.
    #[error("the group is full; commit it first")]
    CommitFirst,
    /// The byte limit is reached.
    #[error("the spool holds {used} of at most {limit} bytes; readers must drain it, or raise --spool-max")]
    Full {
        /// What its files take.
        used: u64,
        /// What they may take.
        limit: u64,
    },
    /// A chore is out that makes room: append again when it was given back.
    #[error("room is being made; append it again when that is done")]
    RoomIsMade,
    /// A record that this spool can never take.
    #[error("a record of {bytes} bytes is above the limit of {limit} bytes of this spool")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// A batch that is not the next of its stream.
    #[error("batch {found} of a stream came where {expected} is next")]
    OutOfOrder {
        /// What would be accepted.
        expected: Seq,
        /// What came.
        found: Seq,
    },
    /// A table that checkpoints carry is full.
    #[error("there are {limit} {what} already")]
    TooMany {
        /// Streams, cursors or files.
        what: &'static str,
        /// How many there may be.
        limit: usize,
    },
    /// A cursor was moved back, beyond what is durable, or has no valid name.
    #[error("cursor {name:?} cannot be put to position {position}")]
    Cursor {
        /// Its name.
        name: String,
        /// Where it should have gone.
        position: Position,
    },
    /// The configuration is out of range.
    #[error("{what} must be at least {least}, not {found}")]
    Configuration {
        /// Which value.
        what: &'static str,
        /// Its smallest allowed value.
        least: u64,
        /// What it was.
        found: u64,
    },
    /// Another daemon has the directory.
    #[error("the spool {} is in use by another daemon", directory.display())]
    Locked {
        /// The directory.
        directory: PathBuf,
    },
}

/// The file system refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct EnvironmentError {
    /// What was tried.
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl EnvironmentError {
    pub(crate) fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { operation, path: path.to_path_buf(), source }
    }

    /// Whether the disk is full, or a quota is.
    #[must_use]
    pub fn is_no_space(&self) -> bool {
        crate::disk::is_no_space(&self.source)
    }
}

/// Bytes on the disk that this version cannot take, and must not touch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} at byte {offset}: expected {expected}, found {found}", path.display())]
pub struct Corruption {
    /// The segment's file.
    pub path: PathBuf,
    /// Where in it.
    pub offset: u64,
    /// What should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}
