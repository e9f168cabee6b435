//! The one writer of the day files.
//!
//! Events are collected per type in memory and appended by [`DayLog::flush`] in whole events, one write a file.
//! Syncing is apart ([`DayLog::sync_job`]), so that it can run on another thread.
//!
//! Invariants:
//! - A file holds whole events only: after a failed append it is cut back to the last whole event before anything
//!   else is written to it.
//! - An event is pending or in a file, never both; what is pending is bounded by the caller, who asks
//!   [`DayLog::pending_bytes`] and may [`DayLog::drop_pending`], which tells how many events that cost.
//! - At most `max_open_files` files are open, however many types there are.
//! - No byte is appended to a file before the [`FileJournal`] knows it: whoever recovers after a crash can cut every
//!   file back to what a sync point vouches for.

use super::journal::{FileJournal, Tracked, TrackedFiles};
use super::path::{self, RotateHours, Window};
use super::range_book::PendingParts;
use super::sync_job::{SyncJob, SyncPoint};
use super::write_out::WriteOut;
use crate::disk::{Disk, DiskFile, FileIdentity};
use crate::mutation::{Mutation, is};
use crate::spool::{self, FileId};
use blueox_event::TypeName;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

mod ranges;
use ranges::Ranges;

/// What bounds a [`DayLog`].
#[derive(Debug, Clone, Copy)]
pub struct DayLogLimits {
    /// How many files may be open at once; at least 1.
    pub max_open_files: usize,
    /// A file that got nothing for so long is closed.
    pub idle: Duration,
    /// How often, at most, a file's name is looked up to see whether it was removed or renamed from outside.
    pub look_again: Duration,
}

impl Default for DayLogLimits {
    fn default() -> Self {
        Self { max_open_files: 256, idle: Duration::from_secs(60), look_again: Duration::from_millis(500) }
    }
}

/// A file that could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}: {source}", path.display())]
pub struct WriteError {
    /// What was tried.
    pub operation: &'static str,
    /// The file or directory.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// What a flush did.
#[derive(Debug, Default)]
pub struct FlushReport {
    /// How many events are now in their files.
    pub events: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// The first error, if any; the events that it concerns are still pending.
    pub error: Option<WriteError>,
}

/// Writes day files below one log path. Time is handed in as the duration since any fixed instant.
#[derive(Debug)]
pub struct DayLog<D: Disk> {
    disk: D,
    root: PathBuf,
    rotate: Option<RotateHours>,
    limits: DayLogLimits,
    /// By type; the file of the window that its last event fell in. In order, so that a test's schedule replays.
    files: BTreeMap<Box<[u8]>, TypeLog<D::File>>,
    /// Files of past windows that could not be written yet.
    past: Vec<TypeLog<D::File>>,
    open_files: usize,
    pending_bytes: usize,
    waiting_files: usize,
    waiting_name_bytes: usize,
    unsynced: SyncJob<D>,
    tracked: TrackedFiles,
    ranges: Option<Ranges<D::File>>,
}

#[derive(Debug)]
struct TypeLog<F> {
    window: Window,
    path: PathBuf,
    open: Option<OpenFile<F>>,
    pending: Vec<u8>,
    /// Where each pending event ends in `pending`.
    pending_ends: Vec<usize>,
    parts: PendingParts,
    touched: Duration,
}

#[derive(Debug)]
struct OpenFile<F> {
    file: Arc<F>,
    identity: FileIdentity,
    /// An append failed and the file could not be cut back yet; up to here it holds whole events.
    torn_at: Option<u64>,
    looked: Duration,
    write_out: WriteOut,
}

/// The journal learns of so many files at once.
const FILES_AT_ONCE: usize = 512;

/// What was tried, and what the system said.
type Failure = (&'static str, io::Error);

impl<D: Disk> DayLog<D> {
    /// A writer below `root`, which is created when the first event comes.
    #[must_use]
    pub fn new(disk: D, root: PathBuf, rotate: Option<RotateHours>, limits: DayLogLimits) -> Self {
        let unsynced = SyncJob::new(root.clone());
        Self {
            disk,
            root,
            rotate,
            limits,
            files: BTreeMap::new(),
            past: Vec::new(),
            open_files: 0,
            pending_bytes: 0,
            waiting_files: 0,
            waiting_name_bytes: 0,
            unsynced,
            tracked: TrackedFiles::default(),
            ranges: None,
        }
    }

    /// Creates the log path, so that it stays whatever happens.
    ///
    /// # Errors
    /// It cannot be created or synced.
    pub fn make_root(&self) -> Result<(), WriteError> {
        let failed = |source| WriteError { operation: "create", path: self.root.clone(), source };
        self.disk.create_dir_durably(&self.root).map_err(failed)
    }

    /// The log path.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// The window of what is received then.
    pub(super) fn window_of(&self, received: i64) -> Window {
        Window::of(received, self.rotate)
    }

    /// Takes one event, received at `received` seconds since the epoch; it stands in its file after the next
    /// successful [`DayLog::flush`].
    pub fn append(&mut self, type_name: TypeName<'_>, received: i64, event: &[u8], now: Duration) {
        let window = Window::of(received, self.rotate);
        if !self.files.contains_key(type_name.bytes()) {
            let log = TypeLog::new(self.root.join(path::relative_path(type_name, window)), window, now);
            self.files.insert(type_name.bytes().into(), log);
        }
        let log = self.files.get_mut(type_name.bytes()).expect("BUG: inserted above");
        if log.window != window {
            let next = TypeLog::new(self.root.join(path::relative_path(type_name, window)), window, now);
            let past = std::mem::replace(log, next);
            self.past.push(past);
        }
        let log = self.files.get_mut(type_name.bytes()).expect("BUG: inserted above");
        if log.pending.is_empty() {
            self.waiting_files += 1;
            self.waiting_name_bytes += log.name_bytes();
        }
        if let Some(batch) = self.ranges.as_ref().and_then(|ranges| ranges.book.current()) {
            log.parts.note(batch, log.pending.len(), log.pending_ends.len());
        }
        log.pending.extend_from_slice(event);
        log.pending_ends.push(log.pending.len());
        log.touched = now;
        self.pending_bytes += event.len();
    }

    /// How many bytes wait for a flush.
    #[must_use]
    pub fn pending_bytes(&self) -> usize {
        self.pending_bytes + self.ranges.as_ref().map_or(0, |ranges| ranges.book.waiting_bytes())
    }

    /// How many files a flush would write.
    #[must_use]
    pub fn waiting_files(&self) -> usize {
        self.waiting_files
    }

    /// What the names of these take in the spool, at most.
    pub(super) fn waiting_name_bytes(&self) -> usize {
        self.waiting_name_bytes
    }

    /// How many files are open.
    #[must_use]
    pub fn open_files(&self) -> usize {
        self.open_files
    }

    /// How many files were written since they were last vouched for and forgotten, or are open.
    #[must_use]
    pub fn tracked_files(&self) -> usize {
        self.tracked.len()
    }

    /// What the names of these take in the spool.
    pub(super) fn tracked_name_bytes(&self) -> usize {
        self.tracked.name_bytes()
    }

    /// Appends all that is pending to the files. What cannot be written stays pending; the other files are
    /// written all the same. `journal` learns of every file before its first byte.
    pub fn flush(&mut self, journal: &mut impl FileJournal, now: Duration) -> FlushReport {
        let mut report = FlushReport::default();
        self.mend_torn();
        let at_once = FILES_AT_ONCE;
        let mut past = std::mem::take(&mut self.past);
        for logs in past.chunks_mut(at_once) {
            self.flush_some(logs.iter_mut().collect(), journal, now, &mut report);
            for log in logs.iter_mut().filter(|log| log.pending.is_empty()) {
                self.close(log);
            }
        }
        past.retain(|log| !log.pending.is_empty());
        self.past = past;

        let waiting: Vec<Box<[u8]>> = self
            .files
            .iter()
            .filter(|(_, log)| !log.pending.is_empty())
            .map(|(name, _)| name.clone())
            .collect();
        for names in waiting.chunks(at_once) {
            let mut taken: Vec<_> = names.iter().filter_map(|name| self.files.remove_entry(name)).collect();
            self.flush_some(taken.iter_mut().map(|(_, log)| log).collect(), journal, now, &mut report);
            self.files.extend(taken);
        }
        self.flush_ranges(journal, now, &mut report);
        report
    }

    /// Cuts torn files back while nothing else is to be opened: they cannot be closed to make room for others.
    fn mend_torn(&mut self) {
        if !self.files.values().chain(&self.past).any(TypeLog::is_torn) {
            return;
        }
        let mut files = std::mem::take(&mut self.files);
        let mut past = std::mem::take(&mut self.past);
        for log in files.values_mut().chain(&mut past).filter(|log| log.is_torn()) {
            // What cannot be cut back is tried again, and told, when it is written.
            let mended = log.open.as_mut().is_some_and(|open| open.mend().is_ok());
            if mended {
                self.close_if_crowded(log);
            }
        }
        (self.files, self.past) = (files, past);
    }

    /// Opens the files of `logs`, tells the journal of those that it does not know, and appends.
    fn flush_some(
        &mut self,
        logs: Vec<&mut TypeLog<D::File>>,
        journal: &mut impl FileJournal,
        now: Duration,
        report: &mut FlushReport,
    ) {
        let mut logs: Vec<_> = logs.into_iter().filter(|log| !log.pending.is_empty()).collect();
        logs.retain_mut(|log| match self.prepare(log, now) {
            Ok(()) => {
                self.close_if_crowded(log);
                true
            }
            Err(error) => {
                report.error.get_or_insert(error);
                false
            }
        });
        if !is(Mutation::FileLate)
            && let Err(error) = self.tracked.tell(journal)
        {
            report.error.get_or_insert(error);
            return;
        }
        // Few types at full speed use the same memory again and again; of many types none keeps much.
        let keep_bytes = if self.files.len() + logs.len() <= 8 { 2 << 20 } else { 64 << 10 };
        for log in logs {
            let (written, result) = match self.prepare(log, now) {
                Ok(()) => self.write_pending(log),
                Err(error) => (0, Err(error)),
            };
            self.close_if_crowded(log);
            if written == log.pending.len() {
                self.waiting_files -= 1;
                self.waiting_name_bytes -= log.name_bytes();
            }
            report.events += log.forget_written(written, keep_bytes);
            report.bytes += written as u64;
            self.pending_bytes -= written;
            if let Err(error) = result {
                report.error.get_or_insert(error);
            }
        }
        if is(Mutation::FileLate)
            && let Err(error) = self.tracked.tell(journal)
        {
            report.error.get_or_insert(error);
        }
    }

    /// Sees to it that the file is open and tracked.
    fn prepare(&mut self, log: &mut TypeLog<D::File>, now: Duration) -> Result<(), WriteError> {
        self.reopen_if_moved(log, now);
        if log.open.is_some() {
            return Ok(());
        }
        if self.open_files >= self.limits.max_open_files && !self.close_oldest() {
            let (path, source) = (log.path.clone(), io::Error::other("no file can be closed"));
            return Err(WriteError { operation: "open", path, source });
        }
        let open = self.open(&log.path, now)?;
        let failed = |source| WriteError { operation: "look at", path: log.path.clone(), source };
        let length = open.file.length().map_err(failed)?;
        let relative = log.path.strip_prefix(&self.root).unwrap_or(&log.path);
        self.tracked.open(open.identity, relative, length);
        log.open = Some(open);
        self.open_files += 1;
        Ok(())
    }

    /// Leaves room for the files that are still to be looked at.
    fn close_if_crowded(&mut self, log: &mut TypeLog<D::File>) {
        if self.open_files >= self.limits.max_open_files && !log.is_torn() {
            self.close(log);
        }
    }

    /// Appends what is pending; gives how many bytes of it, whole events, are in the file now.
    fn write_pending(&mut self, log: &mut TypeLog<D::File>) -> (usize, Result<(), WriteError>) {
        let Some(open) = log.open.as_mut() else { return (0, Ok(())) };
        // Replaced from outside just now: the journal learns of the new file first.
        if !self.tracked.is_told(open.identity) && !is(Mutation::FileLate) {
            return (0, Ok(()));
        }
        self.unsynced.add_file(&open.file, (self.limits.max_open_files / 4).clamp(1, 64));
        let (written, length, result) = open.append(&log.pending, &log.pending_ends);
        if let Some(length) = length {
            self.tracked.grow(open.identity, length);
        }
        if let (Some(ranges), Some(length)) = (&mut self.ranges, length.filter(|_| written > 0)) {
            let path = log.path.strip_prefix(&self.root).unwrap_or(&log.path);
            let parts = log.parts.written(written, &log.pending_ends);
            ranges.book.wrote(open.identity, path, length - written as u64, parts);
        }
        let path = &log.path;
        (written, result.map_err(|(operation, source)| WriteError { operation, path: path.clone(), source }))
    }

    /// A file that was removed, renamed or replaced from outside is left to whoever did that; its name gets a
    /// new file.
    fn reopen_if_moved(&mut self, log: &mut TypeLog<D::File>, now: Duration) {
        let Some(open) = &mut log.open else { return };
        if now.saturating_sub(open.looked) < self.limits.look_again {
            return;
        }
        open.looked = now;
        // A failure says nothing; giving up a file that may have to be cut back would leave a torn event in it.
        if matches!(self.disk.identity(&log.path), Ok(found) if found != Some(open.identity)) {
            self.close(log);
        }
    }

    fn open(&mut self, path: &Path, now: Duration) -> Result<OpenFile<D::File>, WriteError> {
        let failed = |operation| move |source| WriteError { operation, path: path.to_path_buf(), source };
        let directory = path.parent().expect("BUG: a day file stands in a day directory");
        let mut made_directory = false;
        let file = match self.disk.open_append(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                made_directory = true;
                self.disk.create_dir_all(directory).map_err(failed("create the directory of"))?;
                self.disk.open_append(path)
            }
            result => result,
        }
        .map_err(failed("open"))?;
        // Also when it was there: a process that died may have made it without syncing.
        if made_directory || !is(Mutation::TrustDirectory) {
            self.unsynced.add_directory(&self.root);
        }
        self.unsynced.add_directory(directory);
        Ok(OpenFile {
            identity: file.identity().map_err(failed("look at"))?,
            file: Arc::new(file),
            torn_at: None,
            looked: now,
            write_out: WriteOut::default(),
        })
    }

    /// Closes files that got nothing for long, and forgets types of past windows.
    pub fn close_idle(&mut self, now: Duration) {
        let mut files = std::mem::take(&mut self.files);
        files.retain(|_, log| {
            let idle = log.pending.is_empty()
                && !log.is_torn()
                && now.saturating_sub(log.touched) >= self.limits.idle;
            if idle {
                self.close(log);
            }
            !idle
        });
        self.files = files;
        self.close_idle_ranges(now);
    }

    /// Closes all files, whether idle or not; they are opened again by the next flush.
    pub fn close_all(&mut self) {
        let mut files = std::mem::take(&mut self.files);
        for log in files.values_mut() {
            self.close(log);
        }
        files.retain(|_, log| !log.pending.is_empty());
        self.files = files;
        self.close_all_ranges();
    }

    /// False when no file can be closed: each waits to be cut back, or is being written.
    fn close_oldest(&mut self) -> bool {
        let closable = self.files.iter().filter(|(_, log)| log.open.is_some() && !log.is_torn());
        let Some(name) = closable.min_by_key(|(_, log)| log.touched).map(|(name, _)| name.clone()) else {
            return false;
        };
        let Some((name, mut log)) = self.files.remove_entry(&name) else { return false };
        self.close(&mut log);
        if !log.pending.is_empty() {
            self.files.insert(name, log);
        }
        true
    }

    /// The file itself stays open in the next sync job when it was written since the last.
    fn close(&mut self, log: &mut TypeLog<D::File>) {
        let Some(open) = log.open.take() else { return };
        // The last chance to cut back: a reader finds a torn event, names it and goes on, should this fail too.
        if let Some(length) = open.torn_at {
            let _ = open.file.truncate(length);
        }
        self.tracked.close(open.identity);
        self.open_files -= 1;
    }

    /// Gives up all that is pending; tells how many events and bytes that were.
    pub fn drop_pending(&mut self) -> (u64, u64) {
        let bytes = self.pending_bytes as u64;
        let mut events = 0;
        for log in self.files.values_mut().chain(&mut self.past) {
            events += log.forget_written(log.pending.len(), 0);
        }
        self.pending_bytes = 0;
        (self.waiting_files, self.waiting_name_bytes) = (0, 0);
        if let Some(ranges) = &mut self.ranges {
            ranges.book.reset();
        }
        (events, bytes)
    }

    /// What must be synced so that all that was flushed up to now is durable, and how long the files are then;
    /// `None` if that is nothing.
    pub fn sync_point(&mut self) -> Option<SyncPoint<D>> {
        let files = self.tracked.lengths();
        if self.unsynced.is_empty() && files.is_empty() {
            return None;
        }
        let job = std::mem::replace(&mut self.unsynced, SyncJob::new(self.root.clone()));
        Some(SyncPoint { job, files })
    }

    /// After a crash: cuts every file back to the length that was vouched for, so that what followed can be written
    /// once more. A file that was removed, renamed or replaced since is not touched, and no file is made longer.
    /// Nothing may be pending. The cuts are part of the next sync point. Gives what could not be restored.
    pub fn recover(&mut self, files: &BTreeMap<FileId, spool::OpenFile>) -> Vec<WriteError> {
        debug_assert_eq!(self.pending_bytes, 0);
        self.close_all();
        if let Some(ranges) = &mut self.ranges {
            ranges.book.reset();
        }
        let mut failures = Vec::new();
        self.tracked = TrackedFiles::default();
        for (id, known) in files {
            let path = self.root.join(&known.path);
            self.tracked.restore(*id, Tracked::closed(known.identity, &known.path, known.length));
            let failed = |operation| {
                let path = path.clone();
                move |source| WriteError { operation, path, source }
            };
            let restored = match self.disk.identity(&path) {
                Ok(Some(identity)) if identity == known.identity || is(Mutation::CutAnyFile) => {
                    self.cut_back(&path, known.length)
                }
                Ok(_) => Ok(()),
                Err(source) => Err(failed("look at")(source)),
            };
            failures.extend(restored.err());
        }
        failures
    }

    fn cut_back(&mut self, path: &Path, length: u64) -> Result<(), WriteError> {
        let open = self.open(path, Duration::ZERO)?;
        let failed = |operation| move |source| WriteError { operation, path: path.to_path_buf(), source };
        let found = open.file.length().map_err(failed("look at"))?;
        if found > length && !is(Mutation::LeaveFileTail) {
            open.file.truncate(length).map_err(failed("cut back"))?;
        }
        // Also when it was short enough: a process that died may have cut it without syncing.
        if found > length || !is(Mutation::TrustCut) {
            self.unsynced.add_file(&open.file, (self.limits.max_open_files / 4).clamp(1, 64));
        }
        Ok(())
    }
}

impl<F> TypeLog<F> {
    fn new(path: PathBuf, window: Window, now: Duration) -> Self {
        let (pending, pending_ends, parts) = (Vec::new(), Vec::new(), PendingParts::default());
        Self { window, path, open: None, pending, pending_ends, parts, touched: now }
    }

    /// What it takes in the spool once it is open.
    fn name_bytes(&self) -> usize {
        spool::file_name_bytes(&self.path)
    }

    fn is_torn(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.torn_at.is_some())
    }

    /// Takes `written` bytes, whole events, off the front; gives how many events those were.
    fn forget_written(&mut self, written: usize, keep_bytes: usize) -> u64 {
        if written < self.pending.len() {
            self.pending.drain(..written);
            let events = self.pending_ends.partition_point(|end| *end <= written);
            self.pending_ends.drain(..events);
            self.pending_ends.iter_mut().for_each(|end| *end -= written);
            self.parts.forget(written, events);
            return events as u64;
        }
        let events = self.pending_ends.len() as u64;
        // A burst's memory is given back; what a usual flush needs is kept.
        if self.pending.capacity() > keep_bytes {
            self.pending = Vec::new();
            self.pending_ends = Vec::new();
        }
        self.pending.clear();
        self.pending_ends.clear();
        self.parts.clear();
        events
    }
}

impl<F: DiskFile> OpenFile<F> {
    /// Cuts it back to whole events, if it is torn.
    fn mend(&mut self) -> io::Result<()> {
        if let Some(length) = self.torn_at {
            self.file.truncate(length)?;
            self.torn_at = None;
        }
        Ok(())
    }

    /// Appends `pending`, whose events end at `ends`. On a full disk as many whole events stay as fit. The length is
    /// asked for each time: the file may have been cut from outside.
    ///
    /// Gives how many bytes were written, the file's length then if it is known, and the error.
    fn append(&mut self, pending: &[u8], ends: &[usize]) -> (usize, Option<u64>, Result<(), Failure>) {
        if let Err(error) = self.mend() {
            return (0, None, Err(("cut back", error)));
        }
        let before = match self.file.length() {
            Ok(length) => length,
            Err(error) => return (0, None, Err(("look at", error))),
        };
        let Err(error) = self.file.append(pending) else {
            let length = before + pending.len() as u64;
            self.write_out.grew(&*self.file, before, length);
            return (pending.len(), Some(length), Ok(()));
        };
        let Ok(reached) = self.file.length() else {
            // Nobody knows what stands there now: all of it goes before anything else is written.
            self.torn_at = Some(before);
            return (0, Some(before), Err(("append to", error)));
        };
        let reached = reached.saturating_sub(before);
        let reached = usize::try_from(reached).unwrap_or(usize::MAX);
        let whole = ends.partition_point(|end| *end <= reached).checked_sub(1).map_or(0, |last| ends[last]);
        let length = before + whole as u64;
        if reached > whole && self.file.truncate(length).is_err() {
            self.torn_at = Some(length);
        }
        (whole, Some(length), Err(("append to", error)))
    }
}

#[cfg(test)]
mod tests;
