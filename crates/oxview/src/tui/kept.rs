//! The last events, shared between the source and the screen.

use crate::failure::ClosedPipe;
use crate::sink::Sink;
use blueox_event::EncodedEvent;
use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many events are kept, and how many bytes of them.
const MAX_EVENTS: usize = 100_000;
const MAX_BYTES: usize = 128 << 20;

/// Events in the order in which they came, each with a number of its own.
#[derive(Default)]
pub(super) struct Kept {
    events: VecDeque<Box<[u8]>>,
    /// The number of the first that is still here.
    first: u64,
    bytes: usize,
    pub(super) has_ended: bool,
    pub(super) is_wanted: bool,
}

impl Kept {
    /// The numbers of those that are here.
    pub(super) fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + self.events.len() as u64
    }

    pub(super) fn get(&self, number: u64) -> Option<EncodedEvent<'_>> {
        let bytes = self.events.get(usize::try_from(number.checked_sub(self.first)?).ok()?)?;
        EncodedEvent::parse(bytes).ok()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.events.push_back(bytes.into());
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
            let Some(gone) = self.events.pop_front() else { break };
            self.bytes -= gone.len();
            self.first += 1;
        }
    }
}

/// A panic of the other side leaves nothing half-done here.
pub(super) fn lock(shared: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the source gives its events to.
pub(super) struct Keeper {
    shared: Arc<Mutex<Kept>>,
    count: u64,
}

impl Keeper {
    pub(super) fn new(shared: Arc<Mutex<Kept>>) -> Self {
        lock(&shared).is_wanted = true;
        Self { shared, count: 0 }
    }

    fn check(&self) -> anyhow::Result<()> {
        if lock(&self.shared).is_wanted { Ok(()) } else { Err(ClosedPipe.into()) }
    }
}

impl Sink for Keeper {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        let mut kept = lock(&self.shared);
        kept.push(event.bytes());
        Ok(if kept.is_wanted { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.check()
    }

    fn pause(&mut self) -> anyhow::Result<()> {
        self.check()
    }

    fn count(&self) -> u64 {
        self.count
    }
}
