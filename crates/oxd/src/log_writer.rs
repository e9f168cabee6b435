//! Day files without a spool (`--spool none`): the one thread that writes them, and the one that syncs them.
//!
//! Batches are written together: at the latest 50 ms after the first, at once when there is 1 MiB of them or when
//! somebody waits until they are durable. Files are synced every few seconds, at shutdown and for those who wait.
//! While the disk fails, writing is tried again every second; up to a bound events are kept for that, beyond it
//! they are given up and counted, so that the ports never stall.

use crate::batch::Batch;
use crate::budget::Held;
use crate::clock::Clock;
use crate::disk_state::{DiskOperation, DiskState};
use crate::ledger::{DropReason, Ledger};
use crate::live::Live;
use crate::native_streams::{EXPIRE_EVERY, MARK_AGE, NativeStreams};
use crate::numbered::{Content, Numbered, Opening};
use crate::spool_disk::SpoolDisk;
use crate::spooler::{Admitted, Durability, NotKept, SpoolRequest};
use crate::tally::Tally;
use blueox_event::wire::native::{Seq, StreamId};
use blueox_log::day_log::{DayLog, NoJournal, SyncJob};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

const FLUSH_AFTER: Duration = Duration::from_millis(50);
const FLUSH_BYTES: usize = 1 << 20;
const SYNC_EVERY: Duration = Duration::from_secs(3);
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// So much is kept in memory while the disk fails.
const KEEP_WHILE_FAILING_BYTES: usize = 8 << 20;
const HOUSEKEEPING_EVERY: Duration = Duration::from_secs(1);

type Waiter = oneshot::Sender<Result<Durability, NotKept>>;

/// What the log writer works with.
#[derive(Debug)]
pub(crate) struct LogWriter {
    /// None: the daemon keeps nothing.
    pub(crate) log: Option<DayLog<SpoolDisk>>,
    pub(crate) live: Arc<Live>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) clock: Clock,
    /// Set by SIGHUP: sync and open all files anew.
    pub(crate) reopen: Arc<AtomicBool>,
    /// How far native streams have got, for as long as the daemon runs.
    pub(crate) marks: HashMap<StreamId, ReceivedMark>,
    pub(crate) streams: Arc<NativeStreams>,
}

/// How far a stream has got, and when that was, since the daemon was started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReceivedMark {
    high: Seq,
    seen: Duration,
}

/// Batches that were handed to the day log and not yet flushed.
#[derive(Default)]
struct Unflushed {
    batches: Vec<(Batch, Held)>,
    waiters: Vec<Waiter>,
}

impl LogWriter {
    /// Writes until every [`crate::spooler::Spooler`] is gone, then flushes and syncs.
    /// The thread gives how many events it had to give up in the end.
    pub(crate) fn spawn(self, batches: Receiver<SpoolRequest>) -> std::io::Result<JoinHandle<u64>> {
        std::thread::Builder::new().name("log-writer".into()).spawn(move || self.run(&batches))
    }

    fn run(mut self, batches: &Receiver<SpoolRequest>) -> u64 {
        let (sync_jobs, syncer) = match Syncer::spawn(Arc::clone(&self.disk_state)) {
            Ok(spawned) => spawned,
            Err(error) => {
                tracing::error!(%error, "cannot start the thread that syncs files");
                return 0;
            }
        };
        let mut unflushed = Unflushed::default();
        let mut flush_at: Option<Duration> = None;
        let mut sync_at = self.clock.elapsed() + SYNC_EVERY;
        let mut housekeeping_at = self.clock.elapsed() + HOUSEKEEPING_EVERY;
        let mut expire_at = self.clock.elapsed() + EXPIRE_EVERY;
        loop {
            let now = self.clock.elapsed();
            let wake_at = flush_at.unwrap_or(housekeeping_at).min(housekeeping_at);
            match batches.recv_timeout(wake_at.saturating_sub(now)) {
                Ok(first) => {
                    self.take(first, &mut unflushed);
                    while self.pending_bytes() < FLUSH_BYTES
                        && let Ok(next) = batches.try_recv()
                    {
                        self.take(next, &mut unflushed);
                    }
                    flush_at = flush_at.or(Some(self.clock.elapsed() + FLUSH_AFTER));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let now = self.clock.elapsed();
            let full = self.pending_bytes() >= FLUSH_BYTES && self.disk_state.fault().is_none();
            if full || !unflushed.waiters.is_empty() || flush_at.is_some_and(|at| at <= now) {
                let failed = self.flush(&mut unflushed, &sync_jobs);
                flush_at = failed.then_some(now + RETRY_AFTER);
            } else if self.pending_bytes() >= KEEP_WHILE_FAILING_BYTES {
                self.give_up_pending();
                self.settle(&mut unflushed);
            }
            if sync_at <= now {
                self.hand_over(None, &sync_jobs);
                sync_at = now + SYNC_EVERY;
            }
            if housekeeping_at <= now {
                self.keep_house(now, &sync_jobs);
                housekeeping_at = now + HOUSEKEEPING_EVERY;
                if expire_at <= now {
                    self.expire_streams(now);
                    expire_at = now + EXPIRE_EVERY;
                }
            }
        }
        let failed = self.flush(&mut unflushed, &sync_jobs);
        let given_up = if failed { self.give_up_pending() } else { 0 };
        self.hand_over(None, &sync_jobs);
        drop(sync_jobs);
        if syncer.join().is_err() {
            tracing::error!("BUG: the thread that syncs files panicked");
        }
        given_up
    }

    fn pending_bytes(&self) -> usize {
        self.log.as_ref().map_or(0, DayLog::pending_bytes)
    }

    fn take(&mut self, request: SpoolRequest, unflushed: &mut Unflushed) {
        let Admitted { batch, numbered, durable, memory } = match request {
            SpoolRequest::Batch(admitted) => admitted,
            SpoolRequest::Open(opening) => return self.open_stream(opening),
            // These come from readers of a spool.
            SpoolRequest::FilesOpened { .. }
            | SpoolRequest::Materialised { .. }
            | SpoolRequest::MoveCursor { .. }
            | SpoolRequest::RenewStream { .. }
            | SpoolRequest::Survey { .. } => return,
        };
        if numbered.is_some_and(|numbered| !self.take_numbers(&numbered, &batch)) {
            return;
        }
        if let Some(log) = &mut self.log {
            // The window follows the receive time.
            let received = batch.received as i64;
            let now = self.clock.elapsed();
            for event in batch.events() {
                log.append(event.type_name, received, event.bytes, now);
            }
        }
        unflushed.batches.push((batch, memory));
        unflushed.waiters.extend(durable);
    }

    /// Tells where a stream stands; of an older connection nothing more is taken.
    fn open_stream(&self, opening: Opening) {
        if let Some(previous) = &opening.previous {
            previous.fence();
        }
        // The connection may be gone.
        let _ = opening.answer.send(self.marks.get(&opening.stream).map_or(Seq::NONE, |mark| mark.high));
    }

    /// Without a spool a batch counts as acked once it is here; false if its connection does not count any more.
    fn take_numbers(&mut self, numbered: &Numbered, batch: &Batch) -> bool {
        if numbered.progress.is_fenced() {
            return false;
        }
        match numbered.content {
            Content::End => drop(self.marks.remove(&numbered.source.stream)),
            _ => {
                let mark = ReceivedMark { high: numbered.source.seq, seen: self.clock.elapsed() };
                self.marks.insert(numbered.source.stream, mark);
            }
        }
        self.ledger.accept(batch.len() as u64, batch.byte_len() as u64);
        self.tally.add(batch);
        numbered.settle();
        true
    }

    /// Forgets streams that were not seen for long.
    fn expire_streams(&mut self, now: Duration) {
        let marks = &mut self.marks;
        self.streams.expire(|is_connected| {
            marks.retain(|stream, mark| mark.seen + MARK_AGE >= now || is_connected(*stream));
            marks.keys().copied().collect()
        });
    }

    /// Writes what is pending and lets the batches go; true when some of it could not be written.
    fn flush(&mut self, unflushed: &mut Unflushed, sync_jobs: &Sender<SyncRequest>) -> bool {
        let waiters = std::mem::take(&mut unflushed.waiters);
        let Some(log) = &mut self.log else {
            let events = unflushed.batches.iter().map(|(batch, _)| batch.len() as u64).sum();
            self.ledger.give_up(DropReason::NoDestination, events);
            self.settle(unflushed);
            answer(waiters, &Ok(Durability::Received));
            return false;
        };
        let report = log.flush(&mut NoJournal, self.clock.elapsed());
        self.ledger.store(report.events, report.bytes);
        self.disk_state.note_open_files(log.open_files());
        let failure = report.error.map(|error| error.to_string());
        self.disk_state.note(DiskOperation::Write, failure.clone());
        self.settle(unflushed);
        let failed = failure.is_some();
        if let Some(reason) = failure {
            answer(waiters, &Err(NotKept { reason }));
            if self.pending_bytes() >= KEEP_WHILE_FAILING_BYTES {
                self.give_up_pending();
            }
        } else if !waiters.is_empty() {
            self.hand_over(Some(waiters), sync_jobs);
        }
        failed
    }

    /// Shows the batches to watchers and gives their memory back.
    fn settle(&self, unflushed: &mut Unflushed) {
        for (batch, memory) in unflushed.batches.drain(..) {
            self.live.publish(batch);
            drop(memory);
        }
    }

    fn give_up_pending(&mut self) -> u64 {
        let Some(log) = &mut self.log else { return 0 };
        let (events, bytes) = log.drop_pending();
        if events > 0 {
            tracing::warn!(events, bytes, "events are dropped because the log path cannot be written");
            self.ledger.give_up(DropReason::Disk, events);
        }
        events
    }

    fn hand_over(&mut self, waiters: Option<Vec<Waiter>>, sync_jobs: &Sender<SyncRequest>) {
        let job = self.log.as_mut().and_then(DayLog::sync_point).map(|point| point.job);
        let waiters = waiters.unwrap_or_default();
        if job.is_some() || !waiters.is_empty() {
            // If the syncing thread is gone, the waiters see their channel closed.
            let _ = sync_jobs.send(SyncRequest { job, waiters });
        }
    }

    fn keep_house(&mut self, now: Duration, sync_jobs: &Sender<SyncRequest>) {
        let reopen = self.reopen.swap(false, Ordering::Relaxed);
        let Some(log) = &mut self.log else { return };
        log.close_idle(now);
        if reopen {
            log.close_all();
        }
        self.disk_state.note_open_files(log.open_files());
        if reopen {
            self.hand_over(None, sync_jobs);
        }
    }
}

fn answer(waiters: Vec<Waiter>, result: &Result<Durability, NotKept>) {
    for waiter in waiters {
        // A sender that hung up does not wait any more.
        let _ = waiter.send(result.clone());
    }
}

struct SyncRequest {
    job: Option<SyncJob<SpoolDisk>>,
    waiters: Vec<Waiter>,
}

/// Syncs files on a thread of its own, so that writing goes on meanwhile.
struct Syncer;

impl Syncer {
    fn spawn(disk_state: Arc<DiskState>) -> std::io::Result<(Sender<SyncRequest>, JoinHandle<()>)> {
        let (sender, requests) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("log-syncer".into())
            .spawn(move || Self::run(&requests, &disk_state))?;
        Ok((sender, thread))
    }

    /// Everything that waits is synced together.
    fn run(requests: &Receiver<SyncRequest>, disk_state: &DiskState) {
        while let Ok(SyncRequest { mut job, mut waiters }) = requests.recv() {
            for more in requests.try_iter() {
                job = match (job, more.job) {
                    (Some(job), Some(other)) => Some(job.and(other)),
                    (job, other) => job.or(other),
                };
                waiters.extend(more.waiters);
            }
            let result =
                job.map_or(Ok(()), |job| job.run(&SpoolDisk::Real)).map_err(|error| error.to_string());
            disk_state.note(DiskOperation::Sync, result.clone().err());
            answer(waiters, &result.map(|()| Durability::Durable).map_err(|reason| NotKept { reason }));
        }
    }
}
