//! What is written down of a batch.

use crate::disk::FileIdentity;
use crate::spool::{GapReason, StreamId};
use blueox_event::wire::native::{NodeId, Origin, Seq, SeqRange};
use std::path::PathBuf;

/// A batch: the stream and number under which every collector has it, and the number that this one gave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The producer's stream; that of the daemon itself for producers that do not number.
    pub stream: StreamId,
    /// Its number there.
    pub seq: Seq,
    /// The number in the stream of the daemon that wrote it.
    pub own: Seq,
    /// How many events it has.
    pub events: u32,
    /// Where a daemon that forwarded it had its events from.
    pub origin: Option<Origin>,
}

/// A day file that parts stand in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RangedFile {
    /// Its path below the log path when it was written.
    pub path: PathBuf,
    /// Which file that was: it keeps this when it is renamed, not when it is copied.
    pub identity: FileIdentity,
}

/// A [`RangedFile`] of one reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileNumber(pub u32);

/// Events of one batch that stand one after another in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The file.
    pub file: FileNumber,
    /// Where in it.
    pub offset: u64,
    /// How many bytes.
    pub bytes: u64,
    /// How many events.
    pub events: u64,
}

/// Events of a batch that were written at one time: usually all, fewer when a disk was full in between.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The daemon that wrote them.
    pub node: NodeId,
    /// The batch.
    pub batch: Batch,
    /// Where they stand.
    pub parts: Vec<Part>,
}

/// Numbers whose events are in no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Missing {
    /// The stream.
    pub stream: StreamId,
    /// The numbers.
    pub numbers: SeqRange,
    /// How many events they had, as far as is known.
    pub events: u64,
    /// Why.
    pub reason: MissingReason,
    /// What stands for them in the stream of the daemon that wrote this.
    pub own: SeqRange,
    /// A daemon that forwarded this had it from there: these numbers are the ones that the reason is about.
    pub origin: Option<Origin>,
}

/// Why numbers have no events here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingReason {
    /// A gap in the spool, with the reason that it gives: numbers of a producer's stream.
    Gap(GapReason),
    /// The spool was damaged there: the daemon's own numbers.
    Damaged,
    /// The spool gave them up for its limit: the daemon's own numbers.
    Deleted,
}

/// An entry of a file of ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Events that stand in files.
    Stored(Stored),
    /// Numbers without events, noted by this daemon.
    Missing(NodeId, Missing),
}
