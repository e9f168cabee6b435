//! The thread that writes day files from the spool. What it does is [`SpooledDayLog`]'s; here are its clock, its way to
//! the spool's writer, and what it shows.

use crate::clock::Clock;
use crate::disk_state::{DiskOperation, DiskState};
use crate::ledger::{DropReason, Ledger};
use crate::spool_disk::SpoolDisk;
use crate::spool_state::SpoolState;
use crate::spooler::SpoolRequest;
use blueox_log::day_log::{
    DayLog, FileJournal, LogHost, LogOperation, Next, Notice, SpooledDayLog, SpooledLimits, Vouched,
    WriteError,
};
use blueox_log::spool::{FileId, FileLength, OpenFile, Place, Spool};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Sender, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// What the log writer works with.
#[derive(Debug)]
pub(crate) struct SpooledLog {
    pub(crate) log: DayLog<SpoolDisk>,
    pub(crate) spool: Spool<SpoolDisk>,
    pub(crate) vouched: Vouched,
    pub(crate) state: Arc<SpoolState>,
    pub(crate) requests: Sender<SpoolRequest>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) clock: Clock,
    /// Set by SIGHUP: sync and open all files anew.
    pub(crate) reopen: Arc<AtomicBool>,
}

impl SpooledLog {
    /// Cuts the files back to what is vouched for, then writes until [`SpoolState::finish`] and the spool's end.
    pub(crate) fn spawn(self) -> Result<JoinHandle<()>, WriteError> {
        let Self { log, spool, vouched, state, requests, ledger, disk_state, clock, reopen } = self;
        let limits = SpooledLimits::default();
        let log = SpooledDayLog::recover(SpoolDisk::Real, log, spool, vouched, limits, clock.elapsed())?;
        let events = log.unvouched_events();
        ledger.recover(events);
        if events > 0 {
            tracing::info!(events, "events of an earlier run are written to their files");
        }
        let host = Host { requests, ledger, disk_state };
        let run = move || run(log, host, &state, clock, &reopen);
        let thread = std::thread::Builder::new().name("log-writer".into()).spawn(run);
        thread.map_err(|source| WriteError { operation: "start", path: PathBuf::from("log-writer"), source })
    }
}

fn run(
    mut log: SpooledDayLog<SpoolDisk>,
    mut host: Host,
    state: &SpoolState,
    clock: Clock,
    reopen: &AtomicBool,
) {
    let mut seen = 0;
    loop {
        let finish = state.is_finishing();
        if reopen.swap(false, Relaxed) {
            log.reopen_files();
        }
        let next = log.turn(clock.elapsed(), finish, &mut host);
        state.note_unwritten(log.unwritten_bytes());
        match next {
            Next::Again => {}
            Next::Wait { until, for_news } => {
                seen = state.wait(seen, for_news, finish, until.saturating_sub(clock.elapsed()));
            }
            Next::Finished => return,
            Next::Stuck => {
                tracing::error!(
                    "the log path cannot be written or synced; what is not in the files stays in the spool"
                );
                return;
            }
        }
    }
}

/// The way to the spool's writer, and those who count and show.
#[derive(Debug)]
struct Host {
    requests: Sender<SpoolRequest>,
    ledger: Arc<Ledger>,
    disk_state: Arc<DiskState>,
}

impl Host {
    /// Sends a request and waits until it is durable.
    fn ask(
        &self,
        request: impl FnOnce(SyncSender<Result<(), String>>) -> SpoolRequest,
    ) -> Result<(), String> {
        let (done, answer) = sync_channel(1);
        let gone = || "the spool's writer is gone".to_owned();
        self.requests.send(request(done)).map_err(|_| gone())?;
        answer.recv().map_err(|_| gone())?
    }
}

fn not_noted(path: PathBuf) -> impl FnOnce(String) -> WriteError {
    |error| WriteError { operation: "note in the spool", path, source: std::io::Error::other(error) }
}

impl FileJournal for Host {
    fn files_opened(&mut self, files: &[(FileId, OpenFile)]) -> Result<(), WriteError> {
        let path = files.first().map(|(_, file)| file.path.clone()).unwrap_or_default();
        self.ask(|done| SpoolRequest::FilesOpened { files: files.to_vec(), done }).map_err(not_noted(path))
    }
}

impl LogHost for Host {
    fn materialised(&mut self, place: Place, files: &[FileLength]) -> Result<(), WriteError> {
        self.ask(|done| SpoolRequest::Materialised { place, files: files.to_vec(), done })
            .map_err(not_noted(PathBuf::from("the files' lengths")))
    }

    fn note(&mut self, notice: Notice<'_>) {
        match notice {
            Notice::Stored { events, bytes } => self.ledger.store(events, bytes),
            Notice::Unstored { events } => self.ledger.unstore(events),
            Notice::Lost { events, damaged } => {
                let reason = if damaged { DropReason::SpoolDamaged } else { DropReason::SpoolFull };
                tracing::warn!(events, reason = reason.name(), "events of the spool are lost");
                self.ledger.lose(reason, events);
            }
            Notice::Damaged(damage) => tracing::error!(?damage, "the spool is damaged; going on behind it"),
            Notice::Unreadable { bytes } => {
                tracing::error!(bytes, "BUG: the spool holds bytes that are no event");
            }
            Notice::Outcome(operation, outcome) => {
                let operation = match operation {
                    LogOperation::Write => DiskOperation::Write,
                    LogOperation::Sync => DiskOperation::Sync,
                    LogOperation::Spool => DiskOperation::Spool,
                };
                self.disk_state.note(operation, outcome.err());
            }
            Notice::OpenFiles(count) => self.disk_state.note_open_files(count),
        }
    }
}
