//! Memory that the network may make the daemon take, counted in bytes before it is taken.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

/// A number of bytes that several holders share.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    permits: Arc<Semaphore>,
    total: usize,
}

/// Bytes taken out of a budget; they go back when this is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    permit: OwnedSemaphorePermit,
}

impl Budget {
    pub(crate) fn new(total: usize) -> Self {
        let total = total.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        Self { permits: Arc::new(Semaphore::new(total)), total }
    }

    /// Waits until `bytes` are free, in the order of asking, and takes them. Who asks for more than there is gets
    /// all there is.
    pub(crate) async fn take(&self, bytes: usize) -> Held {
        let bytes = u32::try_from(bytes.min(self.total)).expect("BUG: the total fits");
        let permit = Arc::clone(&self.permits).acquire_many_owned(bytes).await;
        Held { permit: permit.expect("BUG: a budget is never closed") }
    }

    /// Takes `bytes` if they are free now.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Held> {
        let bytes = u32::try_from(bytes).ok()?;
        match Arc::clone(&self.permits).try_acquire_many_owned(bytes) {
            Ok(permit) => Some(Held { permit }),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => None,
        }
    }

    /// How many bytes are taken.
    pub(crate) fn in_use(&self) -> usize {
        self.total - self.permits.available_permits().min(self.total)
    }
}

impl Held {
    pub(crate) fn merge(&mut self, other: Self) {
        self.permit.merge(other.permit);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.permit.num_permits()
    }
}
