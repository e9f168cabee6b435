//! The events of many files, by several threads: day files, each by one of them, and sealed files, each row group by one.
//!
//! A scan sees every day file up to the length that it had when the scan was asked for: what is appended meanwhile is not
//! part of the answer. Files are read in large pieces, not mapped: a file that is cut back while it is mapped would end the
//! process. Order between files, and between parts, means nothing; who needs it merges.

use crate::catalog::{Kind, StoreFile, fetch_footers};
use crate::hot::{Hears, HotReader, Stopped};
use crate::limits::DAMAGE_TOLD;
use crate::need::Need;
use crate::sealed::{SealError, SealedFile};
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::Damage;
use blueox_log::ranges::Spans;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

/// How much a thread reads before it says so, in bytes.
const REPORT_BYTES: u64 = 16 << 20;
/// Fewer footers than this are not worth a thread.
const FEWEST_FOOTERS: usize = 8;
/// Sealed events after which a thread looks whether it is to stop.
const STOP_AFTER_EVENTS: u32 = 4_096;
/// How many reports wait to be heard.
const WAITING_REPORTS: usize = 64;

/// A file with events that is not compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotFile {
    /// Where it is.
    pub path: PathBuf,
    /// How much of it belongs to the snapshot, in bytes.
    pub bytes: u64,
}

/// What a scan says on its way.
#[derive(Debug)]
pub enum Report {
    /// So many more bytes have been read.
    Read(u64),
    /// Bytes that are no event were skipped in the file of this index. At most [`DAMAGE_TOLD`] for each file.
    Damage(usize, Damage),
    /// More was skipped in this file than is told.
    MoreDamage(usize),
    /// The file of this index cannot be read, or not any further.
    Unreadable(usize, io::Error),
    /// The sealed file of this index is damaged; what could be read of it was given.
    Broken(usize, SealError),
}

/// How a scan ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything was read.
    Whole,
    /// It was told to stop.
    Stopped,
}

/// Gives every event of `files` to `each`, with one of `parts`; there are as many threads as parts. `stop` may be set from
/// anywhere, and ends the scan soon. `report` is called on the calling thread.
///
/// # Errors
/// The first of `each`, which ends the scan.
///
/// # Panics
/// When `each` does.
pub fn scan<P: Send, E: Send>(
    files: &[HotFile],
    mut parts: Vec<P>,
    stop: &AtomicBool,
    each: impl Fn(&mut P, &EncodedEvent<'_>) -> Result<(), E> + Sync,
    mut report: impl FnMut(Report),
) -> Result<(Vec<P>, Ended), E> {
    let units: Vec<Unit<'_>> = files
        .iter()
        .enumerate()
        .map(|(file, hot)| Unit { file, bytes: hot.bytes, what: What::Hot(&hot.path, None) })
        .collect();
    run(units, &mut parts, stop, &each, &mut report)?;
    Ok((parts, if stop.load(Ordering::Relaxed) { Ended::Stopped } else { Ended::Whole }))
}

/// As [`scan`], over day files and sealed files of a store. Of sealed files only what `need` says is read: `each` is given
/// all events that are needed, and may be given others. Archives are passed over: decompressing is for the one who asks.
///
/// # Errors
/// The first of `each`, which ends the scan.
///
/// # Panics
/// When `each` does.
pub fn scan_store<P: Send, E: Send>(
    files: &[StoreFile],
    need: &Need,
    mut parts: Vec<P>,
    stop: &AtomicBool,
    each: impl Fn(&mut P, &EncodedEvent<'_>) -> Result<(), E> + Sync,
    mut report: impl FnMut(Report),
) -> Result<(Vec<P>, Ended), E> {
    fetch_footers(files.iter().filter(|file| file.kind == Kind::Sealed));
    let sealed = open_sealed(files, parts.len(), stop, &mut report);
    if stop.load(Ordering::Relaxed) {
        return Ok((parts, Ended::Stopped));
    }
    let mut units = Vec::new();
    for (file, found) in files.iter().enumerate().filter(|(_, found)| found.kind == Kind::Hot) {
        let dropped = Some(&found.dropped).filter(|dropped| !dropped.is_empty());
        units.push(Unit { file, bytes: found.bytes, what: What::Hot(&found.path, dropped) });
    }
    for (file, open) in &sealed {
        let groups = open.groups_needed(need);
        let bytes = files[*file].bytes / open.groups().max(1) as u64;
        report(Report::Read(bytes * (open.groups() - groups.len()) as u64));
        units.extend(groups.into_iter().map(|group| Unit {
            file: *file,
            bytes,
            what: What::Sealed { open, group, need, dropped: &files[*file].dropped },
        }));
    }
    run(units, &mut parts, stop, &each, &mut report)?;
    Ok((parts, if stop.load(Ordering::Relaxed) { Ended::Stopped } else { Ended::Whole }))
}

/// The sealed files, with their indexes among `files` and in that order. With many of them reading their footers is most of the
/// time that a small question takes, so all threads do it.
fn open_sealed(
    files: &[StoreFile],
    threads: usize,
    stop: &AtomicBool,
    report: &mut impl FnMut(Report),
) -> Vec<(usize, SealedFile)> {
    let wanted: Vec<usize> = (0..files.len()).filter(|file| files[*file].kind == Kind::Sealed).collect();
    let share = wanted.len().div_ceil(threads.max(1)).max(FEWEST_FOOTERS);
    let open = |some: &[usize]| -> Vec<(usize, Result<SealedFile, SealError>)> {
        let going_on = some.iter().take_while(|_| !stop.load(Ordering::Relaxed));
        going_on.map(|file| (*file, files[*file].open_sealed())).collect()
    };
    let opened: Vec<_> = thread::scope(|scope| {
        let mut shares = wanted.chunks(share);
        let first = shares.next().unwrap_or_default();
        let workers: Vec<_> = shares.map(|some| scope.spawn(move || open(some))).collect();
        let mut opened = open(first);
        for worker in workers {
            opened.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        opened
    });
    let mut sealed = Vec::with_capacity(opened.len());
    for (file, open) in opened {
        match open {
            Ok(open) => sealed.push((file, open)),
            Err(error) => report(Report::Broken(file, error)),
        }
    }
    sealed
}

/// What one thread reads at a time.
struct Unit<'u> {
    file: usize,
    bytes: u64,
    what: What<'u>,
}

enum What<'u> {
    Hot(&'u Path, Option<&'u Spans>),
    Sealed { open: &'u SealedFile, group: usize, need: &'u Need, dropped: &'u Spans },
}

fn run<P: Send, E: Send>(
    mut units: Vec<Unit<'_>>,
    parts: &mut [P],
    stop: &AtomicBool,
    each: &(impl Fn(&mut P, &EncodedEvent<'_>) -> Result<(), E> + Sync),
    report: &mut impl FnMut(Report),
) -> Result<(), E> {
    // The largest first, so that no thread has one left to do alone.
    units.sort_by_key(|unit| std::cmp::Reverse(unit.bytes));
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let stopped = || stop.load(Ordering::Relaxed) || failed.load(Ordering::Relaxed);
    let (sender, receiver) = sync_channel(WAITING_REPORTS);
    thread::scope(|scope| {
        let workers: Vec<_> = parts
            .iter_mut()
            .map(|part| {
                let (sender, units, next, stopped, failed) =
                    (sender.clone(), &units, &next, &stopped, &failed);
                scope.spawn(move || {
                    let mut reading =
                        Reading { file: 0, sender: &sender, told: 0, unreported: 0, buffer: Vec::new() };
                    while let Some(unit) = units.get(next.fetch_add(1, Ordering::Relaxed)) {
                        (reading.file, reading.told) = (unit.file, 0);
                        let read = reading.unit(unit, stopped, |event| each(part, event));
                        if read.is_err() {
                            failed.store(true, Ordering::Relaxed);
                            return read;
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        drop(sender);
        for message in receiver {
            report(message);
        }
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

struct Reading<'s> {
    file: usize,
    sender: &'s SyncSender<Report>,
    told: usize,
    unreported: u64,
    /// Of a day file, for the next.
    buffer: Vec<u8>,
}

/// What becomes of what a day file holds.
struct Hearing<'h, 's, S, F> {
    reading: &'h mut Reading<'s>,
    dropped: Option<&'h Spans>,
    stopped: S,
    each: F,
}

impl<E, S, F> Hears for Hearing<'_, '_, S, F>
where
    S: Fn() -> bool,
    F: FnMut(&EncodedEvent<'_>) -> Result<(), E>,
{
    type Stop = E;

    #[inline]
    fn event(&mut self, offset: u64, event: &EncodedEvent<'_>) -> Result<(), E> {
        if self.dropped.is_some_and(|dropped| dropped.holds(offset)) { Ok(()) } else { (self.each)(event) }
    }

    fn damage(&mut self, damage: Damage) {
        self.reading.damage(damage);
    }

    fn passed(&mut self, bytes: u64) -> bool {
        self.reading.read(bytes);
        !(self.stopped)()
    }
}

impl Reading<'_> {
    fn unit<E>(
        &mut self,
        unit: &Unit<'_>,
        stopped: impl Fn() -> bool,
        each: impl FnMut(&EncodedEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if stopped() {
            return Ok(());
        }
        match unit.what {
            What::Hot(path, dropped) => self.hot(path, (unit.bytes, dropped), stopped, each),
            What::Sealed { open, group, need, dropped } => {
                let read = self.group(open, (need, group, dropped), stopped, each);
                self.say(Report::Read(unit.bytes));
                read
            }
        }
    }

    /// A row group of a sealed file.
    fn group<E>(
        &mut self,
        open: &SealedFile,
        (need, group, dropped): (&Need, usize, &Spans),
        stopped: impl Fn() -> bool,
        mut each: impl FnMut(&EncodedEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rows = match open.rows(need, vec![group], dropped.clone()) {
            Ok(rows) => rows,
            Err(error) => {
                self.say(Report::Broken(self.file, error));
                return Ok(());
            }
        };
        let mut count = 0u32;
        while let Some(next) = rows.next_event() {
            let broken = match next.map(|(_, bytes)| EncodedEvent::parse(bytes)) {
                Ok(Ok(event)) => {
                    each(&event)?;
                    None
                }
                Ok(Err(error)) => Some(SealError::not_an_event(open.path(), &error)),
                Err(error) => Some(error),
            };
            if let Some(error) = broken {
                self.say(Report::Broken(self.file, error));
                break;
            }
            count = count.wrapping_add(1);
            if count.is_multiple_of(STOP_AFTER_EVENTS) && stopped() {
                break;
            }
        }
        Ok(())
    }

    /// A day file, without the events that begin in some of its bytes.
    fn hot<E>(
        &mut self,
        path: &Path,
        (bytes, dropped): (u64, Option<&Spans>),
        stopped: impl Fn() -> bool,
        each: impl FnMut(&EncodedEvent<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        // What another file has first need not be read at all.
        let begins = dropped.into_iter().flat_map(Spans::iter).take_while(|(begin, _)| *begin == 0);
        let begin = begins.map(|(_, end)| end).last().unwrap_or(0);
        let buffer = std::mem::take(&mut self.buffer);
        let mut reader = match HotReader::open(path, bytes, begin, buffer) {
            Ok(reader) => reader,
            Err(error) => {
                self.say(Report::Unreadable(self.file, error));
                return Ok(());
            }
        };
        self.read(begin.min(bytes));
        let read = reader.read(bytes, &mut Hearing { reading: self, dropped, stopped, each });
        self.buffer = reader.into_buffer();
        let read = match read {
            Ok(()) => Ok(()),
            Err(Stopped::Told(error)) => Err(error),
            Err(Stopped::Failed(error)) => {
                self.say(Report::Unreadable(self.file, error));
                Ok(())
            }
        };
        self.say(Report::Read(self.unreported));
        self.unreported = 0;
        read
    }

    fn read(&mut self, bytes: u64) {
        self.unreported += bytes;
        if self.unreported >= REPORT_BYTES {
            self.say(Report::Read(self.unreported));
            self.unreported = 0;
        }
    }

    fn damage(&mut self, damage: Damage) {
        self.told += 1;
        if self.told <= DAMAGE_TOLD {
            self.say(Report::Damage(self.file, damage));
        } else if self.told == DAMAGE_TOLD + 1 {
            self.say(Report::MoreDamage(self.file));
        }
    }

    /// The receiver is there as long as a thread runs.
    fn say(&self, report: Report) {
        let _ = self.sender.send(report);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{Event, Value};
    use std::collections::BTreeSet;

    fn event(number: u64) -> Vec<u8> {
        Event {
            type_name: "t".into(),
            id: Value::from(number),
            host: "h".into(),
            pid: 1,
            start: 1e9,
            end: 1e9,
            body: Value::Nil,
        }
        .to_msgpack()
    }

    fn write(dir: &tempfile::TempDir, files: u64, events: u64) -> Vec<HotFile> {
        (0..files)
            .map(|file| {
                let path = dir.path().join(file.to_string());
                let bytes: Vec<u8> = (0..events).flat_map(|number| event(file * events + number)).collect();
                std::fs::write(&path, &bytes).unwrap();
                HotFile { path, bytes: bytes.len() as u64 }
            })
            .collect()
    }

    fn collect(part: &mut BTreeSet<String>, event: &EncodedEvent<'_>) -> Result<(), ()> {
        let id = String::from_utf8(event.id_text().unwrap().into_owned()).unwrap();
        if part.insert(id) { Ok(()) } else { Err(()) }
    }

    #[test]
    fn every_event_of_the_snapshot_is_given_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = write(&dir, 7, 50);
        // What came after the snapshot.
        let mut grown = std::fs::read(&files[3].path).unwrap();
        grown.extend(event(1_000_000));
        std::fs::write(&files[3].path, grown).unwrap();
        let missing = dir.path().join("gone");
        files.push(HotFile { path: missing, bytes: 3 });
        let mut reports = Vec::new();
        let parts = vec![BTreeSet::new(); 3];
        let stop = AtomicBool::new(false);
        let (parts, ended) = scan(&files, parts, &stop, collect, |report| reports.push(report)).unwrap();
        let all: BTreeSet<String> = parts.into_iter().flatten().collect();
        assert_eq!(all, (0..350u64).map(|number| number.to_string()).collect());
        assert_eq!(ended, Ended::Whole);
        assert!(reports.iter().any(|report| matches!(report, Report::Unreadable(7, _))));
    }

    #[test]
    fn damage_is_told_with_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = write(&dir, 2, 3);
        files[1].bytes -= 1;
        let mut damaged = Vec::new();
        let stop = AtomicBool::new(false);
        let (parts, _) = scan(&files, vec![BTreeSet::new()], &stop, collect, |report| {
            if let Report::Damage(file, _) = report {
                damaged.push(file);
            }
        })
        .unwrap();
        assert_eq!((parts[0].len(), damaged), (5, vec![1]));
    }

    #[test]
    fn it_stops_when_it_is_told_to_and_when_it_has_failed() {
        let dir = tempfile::tempdir().unwrap();
        let files = write(&dir, 2, 3);
        let stopped = AtomicBool::new(true);
        let (parts, ended) = scan(&files, vec![BTreeSet::new()], &stopped, collect, |_| {}).unwrap();
        assert_eq!((parts[0].len(), ended), (0, Ended::Stopped));
        let twice = [files[0].clone(), files[0].clone()];
        let stop = AtomicBool::new(false);
        assert_eq!(scan(&twice, vec![BTreeSet::new()], &stop, collect, |_| {}).unwrap_err(), ());
    }
}
