//! The spool as others see it: how full it is, and that it has grown.

use crate::forward::Waker;
use std::path::PathBuf;
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// Shared by the spool's writer, its readers and status.
#[derive(Debug)]
pub(crate) struct SpoolState {
    /// `None`: it is in memory, and gone with the process.
    pub(crate) directory: Option<PathBuf>,
    pub(crate) max_bytes: u64,
    used_bytes: AtomicU64,
    unwritten_bytes: AtomicU64,
    full: AtomicBool,
    /// How often it has grown, or was told to finish.
    changes: Mutex<u64>,
    changed: Condvar,
    /// Readers that wait for sockets too.
    wakers: RwLock<Vec<Arc<Waker>>>,
    finish: AtomicBool,
    /// By when readers must have finished, in microseconds since the daemon started.
    finish_by: AtomicU64,
}

impl SpoolState {
    pub(crate) fn new(directory: Option<PathBuf>, max_bytes: u64) -> Self {
        Self {
            directory,
            max_bytes,
            used_bytes: AtomicU64::new(0),
            unwritten_bytes: AtomicU64::new(0),
            full: AtomicBool::new(false),
            changes: Mutex::new(0),
            changed: Condvar::new(),
            wakers: RwLock::default(),
            finish: AtomicBool::new(false),
            finish_by: AtomicU64::new(0),
        }
    }

    /// More is durable: wakes the readers.
    pub(crate) fn advance(&self) {
        *self.changes.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.changed.notify_all();
        for waker in self.wakers.read().unwrap_or_else(PoisonError::into_inner).iter() {
            waker.wake();
        }
    }

    /// Wakes this one too.
    pub(crate) fn wakes(&self, waker: Arc<Waker>) {
        self.wakers.write().unwrap_or_else(PoisonError::into_inner).push(waker);
    }

    /// Waits until it is to finish, unless that is known, and with `for_news` until it has grown since `seen`, for so
    /// long at most; gives what is seen now.
    pub(crate) fn wait(&self, seen: u64, for_news: bool, finish_known: bool, patience: Duration) -> u64 {
        let changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, _) = self
            .changed
            .wait_timeout_while(changes, patience, |changes| {
                let grown = for_news && *changes != seen;
                !grown && self.is_finishing() == finish_known
            })
            .unwrap_or_else(PoisonError::into_inner);
        *changes
    }

    /// Nothing more will come: the readers are to finish what there is, and those that wait for others by then at last
    /// (a time since the daemon started).
    pub(crate) fn finish(&self, by: Duration) {
        self.finish_by.store(u64::try_from(by.as_micros()).unwrap_or(u64::MAX), Relaxed);
        self.finish.store(true, Release);
        self.advance();
    }

    pub(crate) fn finish_by(&self) -> Duration {
        Duration::from_micros(self.finish_by.load(Relaxed))
    }

    pub(crate) fn is_finishing(&self) -> bool {
        self.finish.load(Acquire)
    }

    pub(crate) fn note_full(&self, full: bool) {
        if self.full.swap(full, Relaxed) != full {
            if full {
                tracing::warn!("the spool is full; senders wait until there is room");
            } else {
                tracing::info!("the spool has room again");
            }
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Relaxed)
    }

    /// So much of the spool is not in the day files yet.
    pub(crate) fn note_unwritten(&self, bytes: u64) {
        self.unwritten_bytes.store(bytes, Relaxed);
    }

    pub(crate) fn unwritten_bytes(&self) -> u64 {
        self.unwritten_bytes.load(Relaxed)
    }

    pub(crate) fn note_used(&self, bytes: u64) {
        self.used_bytes.store(bytes, Relaxed);
    }

    pub(crate) fn used_bytes(&self) -> u64 {
        self.used_bytes.load(Relaxed)
    }
}
