//! The bound on memory, in bytes. Taken in steps, so that threads rarely meet here.

use std::sync::atomic::{AtomicUsize, Ordering};

/// On a cache line of its own: what stands beside it is read with every event.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Budget {
    free: AtomicUsize,
    whole: usize,
}

impl Budget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { free: AtomicUsize::new(bytes), whole: bytes }
    }

    /// Takes `bytes`, if they are there.
    #[must_use]
    pub(crate) fn take(&self, bytes: usize) -> bool {
        self.free.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |free| free.checked_sub(bytes)).is_ok()
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        self.free.fetch_add(bytes, Ordering::Relaxed);
    }

    /// How many bytes there are, free and taken.
    pub(crate) fn whole(&self) -> usize {
        self.whole
    }

    /// How many bytes are taken.
    pub(crate) fn taken(&self) -> usize {
        self.whole.saturating_sub(self.free.load(Ordering::Relaxed))
    }

    /// Makes room for `more` bytes behind those in `bytes`, in steps that double up to `step_limit`.
    #[must_use]
    pub(crate) fn grow(&self, bytes: &mut Vec<u8>, more: usize, step_limit: usize) -> bool {
        let needed = bytes.len() + more;
        let before = bytes.capacity();
        if needed <= before {
            return true;
        }
        let step = (before * 2).clamp(crate::limits::FIRST_CHUNK_BYTES, step_limit);
        let wanted = needed.max(step);
        if !self.take(wanted - before) {
            return false;
        }
        bytes.reserve_exact(wanted - bytes.len());
        // An allocator may give more than was asked for.
        let beyond = bytes.capacity().saturating_sub(wanted);
        if beyond > 0 && !self.take(beyond) {
            bytes.shrink_to(wanted);
        }
        true
    }

    /// Frees what `bytes` holds.
    pub(crate) fn release(&self, bytes: Vec<u8>) {
        let capacity = bytes.capacity();
        drop(bytes);
        self.give_back(capacity);
    }
}
