//! The day files behind a spool: what is durable there is written to files, so that every event stands in them exactly
//! once, whatever crashes.
//!
//! Before the first byte goes to a file the spool knows it (FILE). Every few seconds the files are synced, and then the
//! spool learns, in one record, how far the log has got and how long each file is (MATERIALISED). After a crash every
//! file is cut back to its length there, and what follows in the spool is written again.
//!
//! It has no thread and no clock: whoever runs it calls [`SpooledDayLog::turn`], and is its [`LogHost`].
//!
//! When a window is over, and its files are closed and forgotten, it says so ([`Settled`]): others may then seal them and
//! take them away.
//!
//! Invariants:
//! - What is vouched for is in synced files, whole; nothing is vouched for while events are pending.
//! - After a failed sync, or a MATERIALISED that did not become durable, nothing is written until every file is cut
//!   back; and no file is cut back before the spool says again, durably, what it said last: a record whose commit failed
//!   may otherwise surface after a crash and vouch for bytes that were cut.

use super::journal::FileJournal;
use super::path::{LogFileName, Window};
use super::settled::Settled;
use super::writer::{DayLog, WriteError};
use crate::disk::PositionalDisk;
use crate::mutation::{Mutation, is};
use crate::ranges::{Batch, Missing};
use crate::spool::{Damage, FileId, FileLength, Item, OpenFile, Place, Reader, Spool};
use blueox_event::EncodedEvent;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often what is done.
#[derive(Debug, Clone, Copy)]
pub struct SpooledLimits {
    /// Events wait in memory so long at most before they are written.
    pub flush_after: Duration,
    /// So many bytes are written at once.
    pub flush_bytes: usize,
    /// Files are synced so often.
    pub sync_every: Duration,
    /// So many bytes of the spool are written before files are synced although it is not time yet: it bounds what a
    /// restart writes again.
    pub sync_bytes: u64,
    /// So many files are written before they are synced and forgotten; the spool's checkpoints carry them.
    pub sync_files: usize,
    /// What failed is tried again after this.
    pub retry_after: Duration,
    /// How often to look around when nothing comes.
    pub idle: Duration,
}

impl Default for SpooledLimits {
    fn default() -> Self {
        Self {
            flush_after: Duration::from_millis(50),
            flush_bytes: 1 << 20,
            sync_every: Duration::from_secs(3),
            sync_bytes: 256 << 20,
            sync_files: 512,
            retry_after: Duration::from_secs(1),
            idle: Duration::from_secs(1),
        }
    }
}

/// What the last MATERIALISED record and the FILE records after it say: where to begin after a crash.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// Everything before it is in the files.
    pub place: Place,
    /// The files that are being written.
    pub files: BTreeMap<FileId, OpenFile>,
}

/// Who runs a [`SpooledDayLog`]: the way to the spool's writer, and an ear.
pub trait LogHost: FileJournal {
    /// Everything before `place` is in synced files of these lengths; when this returns the spool has it durably.
    ///
    /// # Errors
    /// Then the files are cut back and written again.
    fn materialised(&mut self, place: Place, files: &[FileLength]) -> Result<(), WriteError>;

    /// Something happened that is to be counted or shown.
    fn note(&mut self, notice: Notice<'_>);
}

/// Something that happened.
#[derive(Debug)]
pub enum Notice<'a> {
    /// Events stand in their files, not yet synced.
    Stored {
        /// How many.
        events: u64,
        /// How many bytes they have.
        bytes: u64,
    },
    /// So many events that were stored are written once more.
    Unstored {
        /// How many.
        events: u64,
    },
    /// Events cannot be read from the spool any more. Told once, when the log has durably got past them.
    Lost {
        /// How many.
        events: u64,
        /// Their bytes were damaged; otherwise the spool's limit dropped them.
        damaged: bool,
    },
    /// A place of the spool could not be read.
    Damaged(&'a Damage),
    /// A batch ends in so many bytes that are no event.
    Unreadable {
        /// How many bytes.
        bytes: usize,
    },
    /// How an operation went.
    Outcome(LogOperation, Result<(), String>),
    /// So many files are open.
    OpenFiles(usize),
}

/// What can fail for long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOperation {
    /// Writing day files, or cutting them back.
    Write,
    /// Syncing them.
    Sync,
    /// Reading the spool, or noting in it.
    Spool,
}

/// What to do after a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// There is more to do at once.
    Again,
    /// Nothing to do before this time, unless, with `for_news`, the spool grows.
    Wait {
        /// The time.
        until: Duration,
        /// Whether more in the spool is a reason to go on.
        for_news: bool,
    },
    /// It was asked to finish, and everything in the spool is in synced files.
    Finished,
    /// It was asked to finish and could not: what is not vouched for is written again next time.
    Stuck,
}

/// Writes day files from a spool.
#[derive(Debug)]
pub struct SpooledDayLog<D: PositionalDisk> {
    disk: D,
    log: DayLog<D>,
    spool: Spool<D>,
    reader: Reader<D>,
    vouched: Vouched,
    limits: SpooledLimits,
    /// When the names of files take so many bytes in the spool they are synced and forgotten, be it in the middle of a
    /// batch. The rest of the room is for the names of this moment.
    name_bytes: usize,
    flush_at: Option<Duration>,
    sync_at: Duration,
    write_fails: bool,
    reopen: bool,
    restoring: Restoring,
    /// Since the last time that something was vouched for.
    stored: u64,
    lost: u64,
    lost_damaged: u64,
    /// When the last record was received, in seconds since the epoch; 0 if none was read.
    received: i64,
    /// What was said last.
    settled: Option<Settled>,
}

/// Whether the files are to be cut back before anything else is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Restoring {
    No,
    /// First the spool must say again what it said last.
    Vouch,
    Cut,
}

impl<D: PositionalDisk> SpooledDayLog<D> {
    /// Cuts the files back to what is vouched for, and begins there.
    ///
    /// # Errors
    /// A file could not be looked at or cut back: nothing may be written then.
    pub fn recover(
        disk: D,
        mut log: DayLog<D>,
        spool: Spool<D>,
        vouched: Vouched,
        limits: SpooledLimits,
        now: Duration,
    ) -> Result<Self, WriteError> {
        log.make_root()?;
        if let Some(error) = log.recover(&vouched.files).pop() {
            return Err(error);
        }
        // Another spool may have stood here, with another idea of the time. It is said again soon.
        let _ = Settled::forget(&disk, log.root());
        let reader = spool.reader(vouched.place);
        let name_bytes = spool.file_name_room() / 2;
        Ok(Self {
            disk,
            log,
            spool,
            reader,
            vouched,
            limits,
            name_bytes,
            flush_at: None,
            sync_at: now + limits.sync_every,
            write_fails: false,
            reopen: false,
            restoring: Restoring::No,
            stored: 0,
            lost: 0,
            lost_damaged: 0,
            received: 0,
            settled: None,
        })
    }

    /// How many events were found in the spool that are not known to be in their files.
    #[must_use]
    pub fn unvouched_events(&self) -> u64 {
        self.spool.tail().events.saturating_sub(self.vouched.place.events)
    }

    /// How many bytes of the spool are not in the files yet.
    #[must_use]
    pub fn unwritten_bytes(&self) -> u64 {
        let unread = self.spool.tail().position.since(self.reader.place().position);
        unread + self.log.pending_bytes() as u64
    }

    /// All files are to be synced and opened anew, with the next sync.
    pub fn reopen_files(&mut self) {
        self.reopen = true;
    }

    /// Does what is due. `finish`: nothing more will come; all that there is is to be written and synced.
    pub fn turn(&mut self, now: Duration, finish: bool, host: &mut impl LogHost) -> Next {
        if !self.restore(host) {
            return if finish { Next::Stuck } else { self.wait_until(now + self.limits.retry_after) };
        }
        let caught_up = self.read(now, host);
        if self.log.pending_bytes() > 0 {
            self.flush_at = self.flush_at.or(Some(now + self.limits.flush_after));
        }
        let finishing = finish && caught_up;
        let full = self.log.pending_bytes() > 0 && self.wants_flush() && !self.write_fails;
        if full || self.flush_at.is_some_and(|at| at <= now) || finish {
            let failed = self.flush(now, host);
            self.flush_at = failed.then_some(now + self.limits.retry_after);
            if failed && finish {
                return Next::Stuck;
            }
        }
        if self.log.pending_bytes() == 0 && (finishing || self.wants_sync(now)) {
            self.keep_house(now, finishing, host);
            let vouched = self.materialise(host);
            self.sync_at = now + self.limits.sync_every;
            if finishing {
                return if vouched { Next::Finished } else { Next::Stuck };
            }
        }
        if caught_up || self.log.pending_bytes() > 0 {
            let until = self.flush_at.unwrap_or(now + self.limits.idle);
            let until = until.min(self.sync_at.max(now + Duration::from_millis(1)));
            // While it waits to try again, more in the spool is no news.
            return Next::Wait { until, for_news: caught_up };
        }
        Next::Again
    }

    fn wait_until(&self, until: Duration) -> Next {
        Next::Wait { until, for_news: false }
    }

    /// Reads what is durable into the day log, until that wants to be flushed; true when all was read.
    fn read(&mut self, now: Duration, host: &mut impl LogHost) -> bool {
        while !self.wants_flush() {
            let begun = self.reader.place();
            match self.reader.read() {
                Ok(None) => return true,
                Ok(Some(Item::Data(data))) => {
                    let received = i64::try_from(data.received.seconds()).unwrap_or(i64::MAX);
                    self.received = received;
                    if let Some(node) = self.log.ranges_node() {
                        self.log.begin_batch(Batch::of(&data, node), received);
                    }
                    // A record with very many types goes into the files in pieces; so many of its events have gone.
                    let at = data.place;
                    let gone = if begun.position == at.position {
                        begun.events.saturating_sub(at.events)
                    } else {
                        0
                    };
                    let room = self.name_bytes;
                    let taken = append_some(&mut self.log, data.events, gone, received, now, room, host);
                    if let Some(taken) = taken {
                        self.reader.seek(Place { events: at.events + taken, ..at });
                    }
                }
                Ok(Some(Item::Gap(gap))) => {
                    self.received = i64::try_from(gap.received.seconds()).unwrap_or(i64::MAX);
                    if let Some(node) = self.log.ranges_node()
                        && let Some(missing) = Missing::of_gap(&gap, node)
                    {
                        self.log.note_missing(missing, self.received);
                    }
                }
                Ok(Some(Item::Lost(lost))) => {
                    if lost.damaged {
                        self.lost_damaged += lost.events;
                    } else {
                        self.lost += lost.events;
                    }
                    if let Some(node) = self.log.ranges_node()
                        && let Some(missing) = Missing::of_lost(&lost, node)
                    {
                        self.log.note_missing(missing, self.received);
                    }
                }
                Ok(Some(Item::Damage(damage))) => host.note(Notice::Damaged(&damage)),
                Err(error) => {
                    host.note(Notice::Outcome(LogOperation::Spool, Err(error.to_string())));
                    return true;
                }
            }
        }
        false
    }

    fn wants_flush(&self) -> bool {
        self.log.pending_bytes() >= self.limits.flush_bytes
            || self.log.waiting_files() + self.log.tracked_files() >= self.limits.sync_files
            || self.log.waiting_name_bytes() + self.log.tracked_name_bytes() >= self.name_bytes
    }

    fn wants_sync(&self, now: Duration) -> bool {
        let unsynced = self.reader.place().position.since(self.vouched.place.position);
        self.sync_at <= now || unsynced >= self.limits.sync_bytes || self.is_crowded()
    }

    /// So many files are tracked that no more may be read before they are synced and forgotten.
    fn is_crowded(&self) -> bool {
        self.log.tracked_files() >= self.limits.sync_files || self.log.tracked_name_bytes() >= self.name_bytes
    }

    /// Writes what is pending; true when some of it could not be written.
    fn flush(&mut self, now: Duration, host: &mut impl LogHost) -> bool {
        let mut journal = RememberingJournal { host, files: &mut self.vouched.files };
        let report = self.log.flush(&mut journal, now);
        self.stored += report.events;
        host.note(Notice::Stored { events: report.events, bytes: report.bytes });
        host.note(Notice::OpenFiles(self.log.open_files()));
        self.write_fails = report.error.is_some();
        if is(Mutation::SettleEarly) {
            self.say_what_is_settled();
        }
        let outcome = report.error.map_or(Ok(()), |error| Err(error.to_string()));
        host.note(Notice::Outcome(LogOperation::Write, outcome));
        self.write_fails
    }

    fn keep_house(&mut self, now: Duration, finishing: bool, host: &mut impl LogHost) {
        self.log.close_idle(now);
        // Those that stay open stay tracked.
        if std::mem::take(&mut self.reopen) || finishing || self.is_crowded() {
            self.log.close_all();
        }
        host.note(Notice::OpenFiles(self.log.open_files()));
    }

    /// Syncs the files and vouches for them. If that fails nothing since the last time can be trusted: the files are to
    /// be cut back and written again from the spool.
    fn materialise(&mut self, host: &mut impl LogHost) -> bool {
        let place = self.reader.place();
        let (job, files) = match self.log.sync_point() {
            Some(point) => (Some(point.job), point.files),
            // Nothing was written, but gaps may have been passed. What the spool notes for itself is no news.
            None if place.own_seq == self.vouched.place.own_seq => return true,
            None => (None, Vec::new()),
        };
        if let Some(job) = job {
            let synced = job.run(&self.disk);
            let failed = synced.is_err();
            let outcome = synced.map_err(|error| error.to_string());
            host.note(Notice::Outcome(LogOperation::Sync, outcome));
            if failed && !is(Mutation::RetryFileSync) {
                self.begin_restoring(Restoring::Cut, host);
                return false;
            }
        }
        let mut told = Ok(());
        if is(Mutation::LengthsApart) {
            told = host.materialised(place, &[]);
            self.vouched.place = if told.is_ok() { place } else { self.vouched.place };
        }
        if let Err(error) = told.and_then(|()| host.materialised(place, &files)) {
            host.note(Notice::Outcome(LogOperation::Spool, Err(error.to_string())));
            let first = if is(Mutation::CutBeforeVouch) { Restoring::Cut } else { Restoring::Vouch };
            self.begin_restoring(first, host);
            return false;
        }
        self.note_vouched(place, files, host);
        true
    }

    fn note_vouched(&mut self, place: Place, files: Vec<FileLength>, host: &mut impl LogHost) {
        self.vouched.place = place;
        for file in files {
            if file.closed {
                self.vouched.files.remove(&file.file);
            } else if let Some(known) = self.vouched.files.get_mut(&file.file) {
                known.length = file.length;
            }
        }
        self.say_what_is_settled();
        self.stored = 0;
        let lost = [(std::mem::take(&mut self.lost), false), (std::mem::take(&mut self.lost_damaged), true)];
        for (events, damaged) in lost.into_iter().filter(|(events, _)| *events > 0) {
            host.note(Notice::Lost { events, damaged });
        }
    }

    /// All that was read is vouched for, and what comes was not received before it. Files that are not forgotten yet may
    /// still be cut back.
    fn say_what_is_settled(&mut self) {
        let Some(node) = self.log.ranges_node().filter(|_| self.received > 0) else { return };
        let begins = |window: &Window| (window.day, window.hour.unwrap_or(0));
        let window_of = |file: &OpenFile| {
            let name = file.path.file_name()?.to_str()?;
            Some(LogFileName::parse(name, None)?.window)
        };
        let open = self.vouched.files.values().filter(|_| !is(Mutation::SettleEarly)).filter_map(window_of);
        let before = open.chain([self.log.window_of(self.received)]).min_by_key(begins);
        let settled = before.map(|before| Settled { node, before });
        if settled == self.settled {
            return;
        }
        // Where it cannot be written nothing is sealed: nobody loses an event by it.
        let said = settled.map(|settled| settled.write(&self.disk, self.log.root()));
        self.settled = settled.filter(|_| said.is_some_and(|said| said.is_ok()));
    }

    fn begin_restoring(&mut self, restoring: Restoring, host: &mut impl LogHost) {
        self.restoring = restoring;
        host.note(Notice::Unstored { events: std::mem::take(&mut self.stored) });
        (self.lost, self.lost_damaged) = (0, 0);
        // At once if it can be: what follows the cut is read again in the next turn.
        self.restore(host);
    }

    /// True when nothing, or nothing any more, stands in the way of writing.
    fn restore(&mut self, host: &mut impl LogHost) -> bool {
        if self.restoring == Restoring::Vouch {
            if let Err(error) = host.materialised(self.vouched.place, &[]) {
                host.note(Notice::Outcome(LogOperation::Spool, Err(error.to_string())));
                return false;
            }
            self.restoring = Restoring::Cut;
        }
        if self.restoring == Restoring::Cut {
            if let Some(error) = self.log.recover(&self.vouched.files).pop() {
                host.note(Notice::Outcome(LogOperation::Write, Err(error.to_string())));
                if !is(Mutation::ForgetUncut) {
                    return false;
                }
            }
            self.reader = self.spool.reader(self.vouched.place);
            self.restoring = Restoring::No;
        }
        true
    }
}

/// Tells the host of files, and remembers.
struct RememberingJournal<'a, H> {
    host: &'a mut H,
    files: &'a mut BTreeMap<FileId, OpenFile>,
}

impl<H: LogHost> FileJournal for RememberingJournal<'_, H> {
    fn files_opened(&mut self, files: &[(FileId, OpenFile)]) -> Result<(), WriteError> {
        self.host.files_opened(files)?;
        self.files.extend(files.iter().cloned());
        Ok(())
    }
}

/// Appends events that stand one after another, but for the first `gone`; they were checked when they were accepted. Stops
/// when the names of files that are or will be open take `name_bytes`: then it gives how many events are gone now.
fn append_some<D: PositionalDisk>(
    log: &mut DayLog<D>,
    mut events: &[u8],
    gone: u64,
    received: i64,
    now: Duration,
    name_bytes: usize,
    host: &mut impl LogHost,
) -> Option<u64> {
    let mut passed = 0;
    while !events.is_empty() {
        let Ok(event) = EncodedEvent::read(events) else {
            host.note(Notice::Unreadable { bytes: events.len() });
            return None;
        };
        if passed >= gone
            && let Ok(type_name) = event.type_name()
        {
            log.append(type_name, received, event.bytes(), now);
        }
        passed += 1;
        events = &events[event.bytes().len()..];
        if passed > gone && log.waiting_name_bytes() + log.tracked_name_bytes() >= name_bytes {
            return (!events.is_empty()).then_some(passed);
        }
    }
    None
}

#[cfg(test)]
mod tests;
