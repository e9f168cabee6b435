//! Every limit of the spool that is not configuration.

/// The smallest spool, in bytes.
pub const MIN_SPOOL_BYTES: u64 = 1 << 20;

/// The longest segment that is made ahead, in bytes.
pub const MAX_SEGMENT_BYTES: u64 = 64 << 20;

/// The most bytes of events in one batch.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// The most bytes of origin in one batch.
pub const MAX_ORIGIN_BYTES: usize = 64 << 10;

/// A group that has reached this many bytes takes no further record before it is committed.
pub const MAX_GROUP_BYTES: usize = 4 << 20;

/// The longest payload of any frame, in bytes; a header that says more is not believed.
pub const MAX_PAYLOAD_BYTES: usize = 16 << 20;

/// What a checkpoint holds for each stream, in bytes.
pub(crate) const MARK_BYTES: u64 = 41;

/// The most streams whose marks are kept.
pub const MAX_STREAMS: usize = 65_536;

/// The most cursors.
pub const MAX_CURSORS: usize = 256;

/// The longest cursor name, in bytes.
pub const MAX_CURSOR_NAME_BYTES: usize = 128;

/// The most open files that a checkpoint carries.
pub const MAX_FILES: usize = 2048;

/// The longest path of an open file, in bytes.
pub const MAX_FILE_PATH_BYTES: usize = 4096;

/// The smallest reserve for a full disk, in bytes.
pub const RESERVE_BYTES: u64 = 64 << 10;

/// What batches leave free at the end of a segment, so that cursors can be written before the next one starts.
pub(crate) const HEADROOM_BYTES: u64 = 1024;

/// How much a reader, or the recovery, reads at once.
pub(crate) const WINDOW_BYTES: usize = 256 << 10;

/// A commit is not longer than this, so nothing that one left behind lies farther behind the end.
pub(crate) const REMAINS_BYTES: u64 = 16 << 20;

/// How many damaged places a recovery lists one by one.
pub(crate) const MAX_DAMAGES_LISTED: usize = 1000;

/// How many files of segments that are no longer needed are kept for those to come. Removing one takes as long as some
/// commits, and a new one's first bytes cost more than those that overwrite others. Files are synced, and segments
/// retired, after 256 MiB: that is so many.
pub(crate) const MAX_SPARES: u8 = 4;
