//! The seam between those who receive events and those who keep them.
//!
//! Receivers hand over whole batches and wait here while too much is on its way: that is the back-pressure that
//! their senders feel. Behind it is the spool's writer, or with `--spool none` the log writer itself, and then a durable
//! answer waits until the day files are synced.

use crate::audit::SpoolSurvey;
use crate::batch::Batch;
use crate::budget::{Budget, Held};
use crate::ledger::Ledger;
use crate::numbered::{Numbered, Opening};
use crate::tally::Tally;
use blueox_log::spool::{CursorName, FileId, FileLength, OpenFile, Place, Seq, StreamId};
use std::sync::{Arc, PoisonError, RwLock, mpsc};
use tokio::sync::oneshot;

/// Events that are on their way and not yet in a file may take so much memory.
pub(crate) const QUEUE_BYTES: usize = 16 << 20;

/// What a batch costs in the queue besides its own memory.
const BATCH_OVERHEAD_BYTES: usize = 512;

/// Takes batches; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Spooler {
    /// None once closed.
    queue: Arc<RwLock<Option<mpsc::Sender<SpoolRequest>>>>,
    budget: Budget,
    ledger: Arc<Ledger>,
    tally: Arc<Tally>,
}

/// What those who keep events are asked.
#[derive(Debug)]
pub(crate) enum SpoolRequest {
    /// Keep this.
    Batch(Admitted),
    /// A connection of a native stream begins: tell where the stream stands.
    Open(Opening),
    /// The log writer is about to append to these files; it waits until that is durable.
    FilesOpened { files: Vec<(FileId, OpenFile)>, done: mpsc::SyncSender<Result<(), String>> },
    /// Up to here everything is in synced files of these lengths; it waits until that is durable.
    Materialised { place: Place, files: Vec<FileLength>, done: mpsc::SyncSender<Result<(), String>> },
    /// A list has forwarded all up to here. Nobody waits; it is durable with one of the next commits.
    MoveCursor { cursor: CursorName, place: Place },
    /// The daemon's own stream gets another id; it waits until that is durable, and is told up to which number none is of
    /// the new stream.
    RenewStream { stream: StreamId, done: mpsc::SyncSender<Result<Seq, String>> },
    /// Where all streams and readers stand.
    Survey { done: mpsc::SyncSender<SpoolSurvey> },
}

/// A batch that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) batch: Batch,
    /// Its place in a native stream; then it is one record, or several that stand for its numbers.
    pub(crate) numbered: Option<Numbered>,
    /// Who waits until the batch is durable.
    pub(crate) durable: Option<oneshot::Sender<Result<Durability, NotKept>>>,
    /// Given back when the batch has left the queue.
    pub(crate) memory: Held,
}

/// What an answer to a sender may promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// The events are on disk and synced.
    Durable,
    /// The events were received; this daemon keeps nothing, or in memory only.
    Received,
}

/// The events, or some of them, are not durable.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the events could not be made durable: {reason}; send them again later")]
pub(crate) struct NotKept {
    pub(crate) reason: String,
}

impl Spooler {
    pub(crate) fn new(ledger: Arc<Ledger>, tally: Arc<Tally>) -> (Self, mpsc::Receiver<SpoolRequest>) {
        let (queue, batches) = mpsc::channel();
        (
            Self {
                queue: Arc::new(RwLock::new(Some(queue))),
                budget: Budget::new(QUEUE_BYTES),
                ledger,
                tally,
            },
            batches,
        )
    }

    /// Hands over a batch, waiting until there is room.
    pub(crate) async fn admit(&self, batch: Batch) {
        self.enqueue(batch, None).await;
    }

    /// Hands over a batch, waiting until there is room; the receiver tells when it is durable.
    pub(crate) async fn admit_durably(&self, batch: Batch) -> oneshot::Receiver<Result<Durability, NotKept>> {
        let (durable, answer) = oneshot::channel();
        self.enqueue(batch, Some(durable)).await;
        answer
    }

    async fn enqueue(&self, batch: Batch, durable: Option<oneshot::Sender<Result<Durability, NotKept>>>) {
        let memory = self.budget.take(batch.memory() + BATCH_OVERHEAD_BYTES).await;
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        // Closed: the batch comes from a connection that was not drained in time, and is not accepted.
        let Some(queue) = &*queue else { return };
        self.ledger.accept(batch.len() as u64, batch.byte_len() as u64);
        self.tally.add(&batch);
        let sent = queue.send(SpoolRequest::Batch(Admitted { batch, numbered: None, durable, memory }));
        debug_assert!(sent.is_ok(), "the log writer runs until the queue is closed");
    }

    /// Waits until a batch of so many bytes has room, before memory is taken for it. Cancel safe.
    pub(crate) async fn reserve(&self, bytes: usize) -> Held {
        self.budget.take(bytes + BATCH_OVERHEAD_BYTES).await
    }

    /// Hands over numbers of a native stream; false when nothing is taken any more. They count as accepted when they are
    /// durable: until then their sender has them too.
    pub(crate) fn admit_numbered(&self, batch: Batch, numbered: Numbered, memory: Held) -> bool {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queue) = &*queue else { return false };
        let admitted = Admitted { batch, numbered: Some(numbered), durable: None, memory };
        queue.send(SpoolRequest::Batch(admitted)).is_ok()
    }

    /// Asks where a native stream stands, behind all that was admitted; false when nothing is taken any more.
    pub(crate) fn open_stream(&self, opening: Opening) -> bool {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        queue.as_ref().is_some_and(|queue| queue.send(SpoolRequest::Open(opening)).is_ok())
    }

    /// Takes nothing more; the log writer ends when it has written what is queued.
    pub(crate) fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The way for the log writer's own requests.
    pub(crate) fn requests(&self) -> Option<mpsc::Sender<SpoolRequest>> {
        self.queue.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes are on their way.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.budget.in_use()
    }
}
