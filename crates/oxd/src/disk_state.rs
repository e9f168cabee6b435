//! Whether the log path can be written, as status tells it.

use crate::clock::Clock;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use tracing::{error, info};

/// The ways in which a disk fails, each with its last error until it works again.
#[derive(Debug)]
pub(crate) struct DiskState {
    clock: Clock,
    faults: Mutex<[Option<Fault>; 3]>,
    open_files: AtomicUsize,
}

/// Which operation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum DiskOperation {
    /// Writing day files.
    Write,
    /// Syncing them.
    Sync,
    /// Writing the spool.
    Spool,
}

/// A failure that lasts.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) error: String,
    /// Since when, in seconds since the epoch.
    pub(crate) since: f64,
}

impl DiskState {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, faults: Mutex::default(), open_files: AtomicUsize::new(0) }
    }

    /// Notes how an operation went; a change is logged once.
    pub(crate) fn note(&self, operation: DiskOperation, failure: Option<String>) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = &mut faults[operation as usize];
        match (fault.as_mut(), failure) {
            (None, None) => {}
            (None, Some(error)) => {
                error!(%error, "the disk cannot be written; trying again");
                *fault = Some(Fault { error, since: self.clock.now() });
            }
            (Some(known), Some(error)) => known.error = error,
            (Some(known), None) => {
                info!(seconds = self.clock.now() - known.since, "the disk can be written again");
                *fault = None;
            }
        }
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten().next().cloned()
    }

    pub(crate) fn note_open_files(&self, count: usize) {
        self.open_files.store(count, Relaxed);
    }

    pub(crate) fn open_files(&self) -> usize {
        self.open_files.load(Relaxed)
    }
}
