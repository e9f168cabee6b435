//! The live stream: what was just written, for whoever watches.
//!
//! A watcher never holds anything back. Each has a bounded queue; what does not fit is skipped, counted, and told to
//! the watcher in band.

use crate::batch::Batch;
use crate::budget::Budget;
use crate::ledger::Ledger;
use blueox_event::TypePattern;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// So many may watch at once.
const MAX_WATCHERS: usize = 32;
/// So much may wait for one watcher.
const MAX_WAITING_BYTES: usize = 512 << 10;

/// What all watchers together may take to write large events out.
const RENDER_BYTES: usize = 24 << 20;

/// All watchers.
#[derive(Debug)]
pub(crate) struct Live {
    watchers: Mutex<Vec<Arc<Watcher>>>,
    ledger: Arc<Ledger>,
    render_budget: Budget,
}

/// Which types a watcher wants.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Any that one of the patterns means; none means all.
    Patterns(Vec<TypePattern>),
    /// Any that begins with one of the prefixes, as ZeroMQ subscriptions do; none means nothing.
    Prefixes(Mutex<Vec<Vec<u8>>>),
}

impl Wanted {
    pub(crate) fn matches(&self, type_name: &[u8]) -> bool {
        match self {
            Self::Patterns(patterns) => {
                patterns.is_empty() || patterns.iter().any(|pattern| pattern.matches(type_name))
            }
            Self::Prefixes(prefixes) => prefixes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .iter()
                .any(|prefix| type_name.starts_with(prefix)),
        }
    }
}

/// One who watches.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) peer: String,
    pub(crate) protocol: &'static str,
    pub(crate) wanted: Wanted,
    queue: Mutex<Waiting>,
    arrived: Notify,
    gone: AtomicBool,
    /// Events that were shown.
    pub(crate) sent: AtomicU64,
    /// Events that were skipped since it began.
    pub(crate) skipped: AtomicU64,
}

#[derive(Debug, Default)]
struct Waiting {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    /// Skipped and not yet told.
    untold: u64,
}

/// A watcher's end of its queue; dropping it ends the watching.
#[derive(Debug)]
pub(crate) struct Watching {
    pub(crate) watcher: Arc<Watcher>,
}

/// What a watcher gets next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Events, of which it picks those it wants.
    Batch(Arc<Batch>),
    /// So many events that it wanted were skipped here.
    Skipped(u64),
}

/// No more watchers are taken.
#[derive(Debug, thiserror::Error)]
#[error("{MAX_WATCHERS} watchers are there already; end one of them first")]
pub(crate) struct TooManyWatchers;

impl Live {
    pub(crate) fn new(ledger: Arc<Ledger>) -> Self {
        Self { watchers: Mutex::default(), ledger, render_budget: Budget::new(RENDER_BYTES) }
    }

    /// The memory in which large events are written out for watchers.
    pub(crate) fn render_budget(&self) -> Budget {
        self.render_budget.clone()
    }

    /// Begins to watch.
    pub(crate) fn watch(
        &self,
        peer: String,
        protocol: &'static str,
        wanted: Wanted,
    ) -> Result<Watching, TooManyWatchers> {
        let mut watchers = self.lock();
        watchers.retain(|watcher| !watcher.gone.load(Relaxed));
        if watchers.len() >= MAX_WATCHERS {
            return Err(TooManyWatchers);
        }
        let watcher = Arc::new(Watcher {
            peer,
            protocol,
            wanted,
            queue: Mutex::default(),
            arrived: Notify::new(),
            gone: AtomicBool::new(false),
            sent: AtomicU64::new(0),
            skipped: AtomicU64::new(0),
        });
        watchers.push(Arc::clone(&watcher));
        Ok(Watching { watcher })
    }

    /// Shows a batch to all who watch. Never waits.
    pub(crate) fn publish(&self, batch: Batch) {
        let mut watchers = self.lock();
        watchers.retain(|watcher| !watcher.gone.load(Relaxed));
        if watchers.is_empty() {
            return;
        }
        let batch = Arc::new(batch);
        for watcher in watchers.iter() {
            let wanted =
                batch.events().filter(|event| watcher.wanted.matches(event.type_name.bytes())).count() as u64;
            if wanted > 0 && !watcher.offer(&batch, wanted) {
                watcher.skipped.fetch_add(wanted, Relaxed);
                self.ledger.skip(wanted);
            }
        }
    }

    pub(crate) fn watchers(&self) -> Vec<Arc<Watcher>> {
        self.lock().iter().filter(|watcher| !watcher.gone.load(Relaxed)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Watcher>>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watcher {
    fn offer(&self, batch: &Arc<Batch>, wanted: u64) -> bool {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        // A batch is never refused by an empty queue, however large it is.
        let fits = queue.batches.is_empty() || queue.bytes + batch.memory() <= MAX_WAITING_BYTES;
        // Once something was skipped the watcher is told so before it gets more.
        if fits && queue.untold == 0 {
            queue.bytes += batch.memory();
            queue.batches.push_back(Arc::clone(batch));
        } else {
            queue.untold += wanted;
        }
        let taken = queue.untold == 0;
        drop(queue);
        self.arrived.notify_one();
        taken
    }
}

impl Watching {
    /// Waits for what comes next. Cancel safe.
    pub(crate) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.watcher.arrived.notified().await;
        }
    }

    fn take(&self) -> Option<Next> {
        let mut queue = self.watcher.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(batch) = queue.batches.pop_front() {
            queue.bytes -= batch.memory();
            return Some(Next::Batch(batch));
        }
        (queue.untold > 0).then(|| Next::Skipped(std::mem::take(&mut queue.untold)))
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.watcher.gone.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{EncodedEvent, Value};

    fn batch(type_name: &str, events: usize, bytes: usize) -> Batch {
        let mut batch = Batch::new(0.0);
        let event =
            Value::map([("type", Value::from(type_name)), ("body", Value::Bin(vec![0; bytes]))]).to_msgpack();
        for _ in 0..events {
            batch.push(&EncodedEvent::parse(&event).unwrap()).unwrap();
        }
        batch
    }

    fn watch(live: &Live, pattern: &str) -> Watching {
        live.watch("peer".into(), "test", Wanted::Patterns(vec![TypePattern::new(pattern)])).unwrap()
    }

    /// What is shown and what is told as skipped add up to what was published, whenever the watcher reads.
    #[test]
    fn a_slow_watcher_is_told_how_much_it_missed() {
        let ledger = Arc::new(Ledger::default());
        let live = Live::new(Arc::clone(&ledger));
        let watching = watch(&live, "a*");
        let (mut shown, mut skipped) = (0, 0);
        let mut read_all = || {
            while let Some(next) = watching.take() {
                match next {
                    Next::Batch(batch) => shown += batch.len() as u64,
                    Next::Skipped(count) => skipped += count,
                }
            }
            (shown, skipped)
        };
        for _ in 0..100 {
            live.publish(batch("ab", 10, 10_000));
        }
        live.publish(batch("b", 7, 10));
        let (shown_before, skipped_before) = read_all();
        assert_eq!(shown_before + skipped_before, 1000);
        assert!(skipped_before > 0 && shown_before > 0);
        assert_eq!(ledger.skipped(), skipped_before);
        live.publish(batch("ab", 5, 10));
        assert_eq!(read_all(), (shown_before + 5, skipped_before));
    }

    #[test]
    fn a_batch_larger_than_the_queue_is_still_shown() {
        let live = Live::new(Arc::default());
        let watching = watch(&live, "*");
        live.publish(batch("big", 1, 2 * MAX_WAITING_BYTES));
        assert!(matches!(watching.take(), Some(Next::Batch(_))));
    }

    #[test]
    fn watchers_are_bounded_and_leave() {
        let live = Live::new(Arc::default());
        let mut watchings: Vec<_> = (0..MAX_WATCHERS).map(|_| watch(&live, "*")).collect();
        assert!(live.watch("peer".into(), "test", Wanted::Patterns(Vec::new())).is_err());
        watchings.pop();
        assert_eq!(live.watchers().len(), MAX_WATCHERS - 1);
        watch(&live, "*");
    }
}
