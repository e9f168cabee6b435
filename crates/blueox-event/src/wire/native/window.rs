//! The numbered frames under way: sent (or accepted) and not yet acknowledged.

use super::{ByteCount, Seq};
use crate::limits::MIN_FRAME_COST;
use std::collections::VecDeque;

/// What a numbered frame with a payload of `payload_bytes` costs of the credit. LOST costs what an empty
/// payload does.
pub(super) fn cost(payload_bytes: usize) -> ByteCount {
    ByteCount((payload_bytes as u64).max(MIN_FRAME_COST))
}

/// Frames in order of their numbers. Credit bounds how many there are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Window {
    /// The last number of each frame and its cost.
    frames: VecDeque<(Seq, ByteCount)>,
    bytes: ByteCount,
}

impl Window {
    /// The sum of the costs.
    #[inline]
    pub(super) fn bytes(&self) -> ByteCount {
        self.bytes
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Adds a frame that ends with `last`, a higher number than all before.
    #[inline]
    pub(super) fn push(&mut self, last: Seq, cost: ByteCount) {
        self.frames.push_back((last, cost));
        self.bytes = self.bytes.plus(cost);
    }

    /// Takes out what ends at or below `high_water`.
    #[inline]
    pub(super) fn acknowledge(&mut self, high_water: Seq) {
        while let Some((_, cost)) = self.frames.front().copied().filter(|(last, _)| *last <= high_water) {
            self.frames.pop_front();
            self.bytes = self.bytes.minus(cost);
        }
    }

    /// Takes out what ends at or above `seq`: it is to be sent again.
    pub(super) fn rewind(&mut self, seq: Seq) {
        while let Some((_, cost)) = self.frames.back().copied().filter(|(last, _)| *last >= seq) {
            self.frames.pop_back();
            self.bytes = self.bytes.minus(cost);
        }
    }
}
