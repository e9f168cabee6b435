//! Events one after another in one piece of memory.

use crate::budget::Budget;
use crate::limits::BATCH_BYTES;
use blueox_event::limits::MAX_BATCH_EVENTS;

/// Encoded events, as many as a batch may have.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    pub(crate) bytes: Vec<u8>,
    pub(crate) events: u32,
}

impl Chunk {
    /// An empty one with memory for a whole batch. Without room for that it has none, and takes what it needs in steps.
    pub(crate) fn whole(budget: &Budget) -> Self {
        let mut chunk = Self::default();
        let _ = chunk.make_room(BATCH_BYTES, budget);
        chunk
    }

    /// Whether an event of at most `bound` bytes may be appended. An event that is longer than a batch stands alone.
    #[inline]
    pub(crate) fn takes(&self, bound: usize) -> bool {
        self.events == 0 || (self.events < MAX_BATCH_EVENTS && self.bytes.len() + bound <= BATCH_BYTES)
    }

    /// Makes room for `bound` more bytes.
    #[inline]
    #[must_use]
    pub(crate) fn make_room(&mut self, bound: usize, budget: &Budget) -> bool {
        budget.grow(&mut self.bytes, bound, BATCH_BYTES)
    }

    /// Forgets the events and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.events = 0;
    }

    /// Frees everything.
    pub(crate) fn release(&mut self, budget: &Budget) {
        budget.release(std::mem::take(&mut self.bytes));
        self.events = 0;
    }
}
