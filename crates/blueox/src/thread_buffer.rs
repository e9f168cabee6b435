//! Where a thread puts its finished events until the transport collects them.
//!
//! ```text
//! the thread ── try_lock, the first that is free ──▶ slot 0 | slot 1 ◀── lock, one after the other ── the one collector
//!                                                    open chunk, full chunks, counts
//! ```
//!
//! Invariants:
//!
//! 1. The thread never waits. The collector holds one slot at a time, so the other one is free; between two attempts it may have moved on, so
//!    the attempts are repeated a few times, and then the event is counted as dropped. (It takes a collector that changes slots as
//!    fast as the thread tries; it does so twice in 50 ms.)
//! 2. There is one collector at a time: whoever holds the lock of the recorder's list of buffers.
//! 3. An event is in a chunk, whole, or counted as dropped; `produced` counts both, under the same lock.
//! 4. All capacity is taken from the budget before it is allocated. Without room the event is dropped (`queue_full`): the newest goes, what was
//!    accepted stays.
//! 5. After a fork nobody touches a buffer of the parent: the child's recorder has a list of its own.
//!
//! In the steady state nothing is allocated: a chunk that is taken away is replaced by an empty one. A thread that is faster than that takes memory for a whole
//! chunk at once; it grows in steps only from the first event on to the first whole chunk.

use crate::budget::Budget;
use crate::chunk::Chunk;
use crate::limits::{COPIED_CHUNK_BYTES, FIRST_CHUNK_BYTES};
use crate::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering, spin_loop};
use crate::tally::Tally;
use blueox_event::limits::MAX_EVENT_BYTES;

/// How often the thread looks for a free slot. (A model checker tries all ways in which that may go: few must do.)
const ATTEMPTS: usize = if cfg!(loom) { 3 } else { 64 };

/// After so many visits without an event the memory of a thread's slots is given back.
const IDLE_VISITS: u8 = 40;

/// The collector is woken when so many whole chunks wait in a slot, and again after so many more. To wake it costs a system call, and where the machine is busy this thread its turn: it
/// must be rarer than one event in a thousand.
const RING_AFTER: usize = 4;

/// Two threads' buffers share no cache line.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ThreadBuffer {
    slots: [Mutex<Slot>; 2],
    /// Events for which no slot was free.
    overrun: AtomicU64,
    is_closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Slot {
    open: Chunk,
    full: Vec<Chunk>,
    spare: Vec<Chunk>,
    tally: Tally,
    idle_visits: u8,
}

/// What the thread must do after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Nothing.
    Quietly,
    /// Wake the collector: there are whole batches.
    Urgently,
}

/// What the collector found in a slot.
struct Visited {
    is_empty: bool,
    /// The open chunk's memory in bytes, if there were events.
    used: Option<usize>,
}

/// What takes the chunks over.
pub(crate) trait Collector {
    /// Copies a small chunk's events. `false`: there is no room for them, they stay where they are.
    fn copy(&mut self, chunk: &Chunk) -> bool;
    /// Takes a chunk.
    fn take(&mut self, chunk: Chunk);
    /// An empty chunk to put in the place of one that was taken. It may have no memory.
    fn spare(&mut self) -> Chunk;
    /// Counts.
    fn count(&mut self, tally: &Tally);
}

impl ThreadBuffer {
    /// Appends an event of at most `bound` bytes, which `encode` writes.
    #[inline]
    pub(crate) fn record(
        &self,
        bound: usize,
        budget: &Budget,
        encode: impl FnOnce(&mut Vec<u8>),
    ) -> Recorded {
        for slot in self.slots.iter().cycle().take(ATTEMPTS) {
            if let Some(mut slot) = try_lock(slot) {
                return slot.record(bound, budget, encode);
            }
            spin_loop();
        }
        self.overrun.fetch_add(1, Ordering::Relaxed);
        Recorded::Quietly // the collector is awake: it is here
    }

    /// Hands everything to `to`, as far as there is room; gives whether nothing was left. To be called by one at a time.
    pub(crate) fn collect(&self, to: &mut impl Collector, budget: &Budget) -> bool {
        let overrun = self.overrun.swap(0, Ordering::Relaxed);
        to.count(&Tally { produced: overrun, queue_full: overrun, ..Tally::default() });
        let [first, second] = &self.slots;
        let first = lock(first).collect(to, budget, None);
        let second = lock(second).collect(to, budget, first.used);
        first.is_empty && second.is_empty
    }

    /// Adds the counts that were not collected yet. To be called by the one collector.
    pub(crate) fn peek(&self, tally: &mut Tally) {
        let overrun = self.overrun.load(Ordering::Relaxed);
        tally.add(&Tally { produced: overrun, queue_full: overrun, ..Tally::default() });
        self.slots.iter().for_each(|slot| tally.add(&lock(slot).tally));
    }

    /// The thread has ended: what is left is collected once more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Whether no event waits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| {
            let slot = lock(slot);
            slot.open.events == 0 && slot.full.is_empty()
        })
    }

    /// Gives the memory back that holds no events.
    pub(crate) fn release(&self, budget: &Budget) {
        for slot in &self.slots {
            let mut slot = lock(slot);
            if slot.open.events == 0 {
                slot.open.release(budget);
            }
            slot.spare.drain(..).for_each(|mut chunk| chunk.release(budget));
        }
    }
}

impl Slot {
    #[inline]
    fn record(&mut self, bound: usize, budget: &Budget, encode: impl FnOnce(&mut Vec<u8>)) -> Recorded {
        self.tally.produced += 1;
        let mut recorded = Recorded::Quietly;
        if !self.open.takes(bound) {
            let next = self.spare.pop().unwrap_or_else(|| Chunk::whole(budget));
            self.full.push(std::mem::replace(&mut self.open, next));
            if self.full.len().is_multiple_of(RING_AFTER) {
                recorded = Recorded::Urgently;
            }
        }
        if !self.open.make_room(bound, budget) {
            // Room comes with an ack, which wakes the transport by itself. To ring for each drop would cost a system call, and this thread its turn.
            self.tally.queue_full += 1;
            return recorded;
        }
        let before = self.open.bytes.len();
        encode(&mut self.open.bytes);
        let length = self.open.bytes.len() - before;
        debug_assert!(length <= bound, "BUG: an event of {length} bytes was announced with {bound}");
        if length > MAX_EVENT_BYTES {
            self.open.bytes.truncate(before);
            self.tally.too_large += 1;
        } else {
            self.open.events += 1;
        }
        recorded
    }

    /// `other`: the other slot is in use, with so much memory. This one then keeps its own, and has some, for the moments in which the other one is not free.
    fn collect(&mut self, to: &mut impl Collector, budget: &Budget, other: Option<usize>) -> Visited {
        to.count(&std::mem::take(&mut self.tally));
        let is_used = self.open.events > 0 || !self.full.is_empty();
        self.idle_visits = if is_used || other.is_some() { 0 } else { self.idle_visits.saturating_add(1) };
        for chunk in self.full.drain(..) {
            to.take(chunk);
            if self.spare.len() < 2 {
                self.spare.push(to.spare());
            }
        }
        if self.open.bytes.len() >= COPIED_CHUNK_BYTES {
            let spare = to.spare();
            to.take(std::mem::replace(&mut self.open, spare));
        } else if self.open.events > 0 && to.copy(&self.open) {
            self.open.clear();
        }
        if let Some(bytes) = other
            && self.open.events == 0
        {
            let _ = self.open.make_room(bytes.min(COPIED_CHUNK_BYTES), budget); // without room: as before
        }
        if self.idle_visits == IDLE_VISITS {
            self.spare.drain(..).for_each(|mut chunk| chunk.release(budget));
            if self.open.bytes.capacity() > FIRST_CHUNK_BYTES {
                self.open.release(budget);
            }
        }
        Visited { is_empty: self.open.events == 0, used: is_used.then(|| self.open.bytes.capacity()) }
    }
}

fn try_lock(slot: &Mutex<Slot>) -> Option<MutexGuard<'_, Slot>> {
    match slot.try_lock() {
        Ok(slot) => Some(slot),
        Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
        Err(std::sync::TryLockError::WouldBlock) => None,
    }
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(all(test, loom))]
mod model;
