//! What a spool is told when it is opened.

use super::error::Refusal;
use super::limits::{
    MARK_BYTES, MAX_BATCH_BYTES, MAX_ORIGIN_BYTES, MAX_SEGMENT_BYTES, MAX_SPARES, MAX_STREAMS,
    MIN_SPOOL_BYTES, RESERVE_BYTES, WINDOW_BYTES,
};
use super::stream::StreamId;

/// What to do when the byte limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FullPolicy {
    /// Appending says so until readers have drained a segment.
    #[default]
    Block,
    /// The oldest segment is dropped, although somebody has not read it; that reader is told what it missed.
    DropOldest,
}

/// What a spool is told when it is opened.
#[derive(Debug, Clone, Copy)]
pub struct SpoolConfig {
    pub(crate) max_bytes: u64,
    pub(crate) policy: FullPolicy,
    pub(crate) own_stream: StreamId,
    pub(crate) segment_bytes: u64,
    pub(crate) reserve_bytes: u64,
    pub(crate) max_batch_bytes: usize,
    pub(crate) max_streams: usize,
    pub(crate) window_bytes: usize,
    pub(crate) page_bytes: u64,
    pub(crate) max_spares: u8,
}

impl SpoolConfig {
    /// A spool whose files take at most `max_bytes`. `own_stream` is used when there is no spool yet; one that
    /// exists keeps its own. A batch may take a quarter of the limit, and 4 MiB at most.
    ///
    /// # Errors
    /// [`Refusal::Configuration`] if the limit is below 1 MiB.
    pub fn new(max_bytes: u64, policy: FullPolicy, own_stream: StreamId) -> Result<Self, Refusal> {
        if max_bytes < MIN_SPOOL_BYTES {
            let what = "the spool's limit in bytes";
            return Err(Refusal::Configuration { what, least: MIN_SPOOL_BYTES, found: max_bytes });
        }
        let quarter = usize::try_from(max_bytes / 4).unwrap_or(usize::MAX);
        let segment_bytes = (max_bytes / 8).min(MAX_SEGMENT_BYTES) / 4096 * 4096;
        // Every segment begins with all marks; they must leave room for what it is for.
        let streams = usize::try_from(segment_bytes / 4 / MARK_BYTES).unwrap_or(MAX_STREAMS);
        Ok(Self {
            max_bytes,
            policy,
            own_stream,
            segment_bytes,
            max_streams: streams.min(MAX_STREAMS),
            reserve_bytes: RESERVE_BYTES,
            max_batch_bytes: quarter.min(MAX_BATCH_BYTES + MAX_ORIGIN_BYTES),
            window_bytes: WINDOW_BYTES,
            page_bytes: 4096,
            max_spares: MAX_SPARES,
        })
    }

    /// The room of segments that all have read is given back at once: for a spool in memory.
    #[must_use]
    pub fn without_spares(mut self) -> Self {
        self.max_spares = 0;
        self
    }

    /// The longest batch, origin included, that this spool takes, in bytes.
    #[must_use]
    pub fn max_batch_bytes(&self) -> usize {
        self.max_batch_bytes
    }

    /// How many streams' marks it keeps: a quarter of a segment's room, and 65,536 at most.
    #[must_use]
    pub fn max_streams(&self) -> usize {
        self.max_streams
    }

    /// How many bytes the names of open files may have together: a quarter of a segment, for each begins with them.
    pub(crate) fn file_name_room(&self) -> usize {
        usize::try_from(self.segment_bytes / 4).unwrap_or(usize::MAX)
    }

    /// The same with tiny segments, so that tests meet every boundary.
    #[cfg(test)]
    pub(crate) fn tiny(mut self, segment_bytes: u64, max_bytes: u64) -> Self {
        self.max_bytes = max_bytes;
        self.segment_bytes = segment_bytes;
        self.reserve_bytes = segment_bytes / 2;
        self.max_batch_bytes = usize::try_from(max_bytes / 4).unwrap();
        self.window_bytes = 4096;
        // Zeros up to the end of a page would hide remains that recovery must find.
        self.page_bytes = 512;
        self.max_spares = 2;
        self
    }
}
