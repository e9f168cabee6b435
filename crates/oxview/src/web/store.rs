//! The events on disk: those that are asked for, given to whatever counts them.
//!
//! Day files and sealed files are scanned by several threads, in no order; what several log paths have in common is given once.

use super::limits::REMARKS;
use super::refusal::Refusal;
use crate::damage::DamageReport;
use crate::input::{Input, Packing};
use crate::log_path;
use crate::progress::Progress;
use crate::read::{self, Reading};
use crate::selection::Selection;
use crate::sink::Sink;
use crate::{clock, stores, text};
use axum::http::StatusCode;
use blueox_event::{EncodedEvent, Path as EventPath};
use blueox_log::day_log::scan::DamageKind;
use blueox_query::catalog::{Catalog, Kind, StoreFile};
use blueox_query::scan::{Report, scan_store};
use blueox_query::statistics::StatisticsError;
use serde_json::{Value, json};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// What counts events. Several of one question, over parts of the events, merge.
pub(crate) trait Counts: Send + Sized {
    /// Counts an event.
    ///
    /// # Errors
    /// When that takes more memory than there may be.
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError>;

    /// Nothing counted yet, of the same question, as one of so many.
    fn part(&self, parts: usize) -> Self;

    /// Adds what another has counted.
    ///
    /// # Errors
    /// As [`Counts::add`].
    fn merge(&mut self, other: Self) -> Result<(), StatisticsError>;

    /// The fields that are looked at: of sealed files no others are read. `None`: the whole event.
    fn paths(&self) -> Option<Vec<EventPath>> {
        None
    }
}

/// Log paths.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) dirs: Vec<PathBuf>,
    /// How late an event may come to a day's file, in seconds.
    pub(crate) slack: f64,
}

/// The files that a question is about, as they were when it was asked.
#[derive(Debug)]
pub(crate) struct Snapshot {
    catalog: Catalog,
    remarks: Vec<Remarked>,
}

/// What was looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scanned {
    pub(crate) events: u64,
    pub(crate) matched: u64,
    pub(crate) bytes: u64,
    pub(crate) files: usize,
    pub(crate) seconds: f64,
    pub(crate) remarks: Vec<Remarked>,
}

/// Something that makes an answer less than it should be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Remarked {
    pub(crate) reason: &'static str,
    pub(crate) text: String,
}

impl Remarked {
    pub(crate) fn new(reason: &'static str, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "reason": self.reason, "text": self.text })
    }
}

impl Store {
    /// Looks which files there are.
    ///
    /// # Errors
    /// When a log path cannot be read.
    pub(crate) fn snapshot(&self, selection: &Selection) -> Result<Snapshot, Refusal> {
        let unreadable = |error: anyhow::Error| Refusal::internal(format!("{error:#}"));
        let dirs: Vec<PathBuf> =
            self.dirs.iter().filter(|dir| stores::is_url(dir) || dir.is_dir()).cloned().collect();
        let mut catalog = log_path::open(&dirs, selection, self.slack, None).map_err(unreadable)?;
        let mut remarks: Vec<Remarked> = self
            .dirs
            .iter()
            .filter(|dir| !dirs.contains(dir))
            .map(|dir| Remarked::new("unreadable", format!("there is no log path {}", dir.display())))
            .collect();
        let (mut progress, mut damage) = (Progress::new(), DamageReport::default());
        let said = progress.hold_back();
        let overlap = catalog.drop_overlap(&dirs).map_err(|error| unreadable(error.into()))?;
        let mut reading = Reading { selection, damage: &mut damage, progress: &mut progress, unreadable: 0 };
        for remark in &overlap {
            reading.say_of_ranges(remark);
        }
        let said = said.take().into_iter().chain(damage.take_lines());
        remarks.extend(said.map(|text| Remarked::new("overlap", text)));
        remarks.extend(catalog.unreadable().iter().map(|(_, why)| Remarked::new("damage", why.as_str())));
        Ok(Snapshot { catalog, remarks })
    }
}

impl Snapshot {
    /// The same as long as no file of it has changed.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for file in self.files() {
            (&file.path, file.bytes).hash(&mut hasher);
        }
        hasher.finish()
    }

    /// The types that the files are of.
    pub(crate) fn types(&self) -> Vec<String> {
        let mut types: Vec<String> =
            self.files().map(|file| text::printable_text(&file.name.type_name)).collect();
        types.sort();
        types.dedup();
        types
    }

    fn files(&self) -> impl Iterator<Item = &StoreFile> {
        self.catalog.files()
    }

    /// Gives every event that is asked for to `counts`, until `stop` is set.
    ///
    /// # Errors
    /// When counting takes too much memory.
    pub(crate) fn count<C: Counts>(
        &self,
        selection: &Selection,
        mut counts: C,
        stop: &AtomicBool,
    ) -> Result<(C, Scanned), Refusal> {
        let begun = clock::Stopwatch::start();
        let mut scanned = Scanned {
            files: self.files().count(),
            bytes: self.catalog.bytes(),
            remarks: self.remarks.clone(),
            ..Scanned::default()
        };
        let result = self.scan(selection, &mut counts, stop, &mut scanned);
        result.map_err(|error| Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()))?;
        scanned.seconds = begun.elapsed().as_secs_f64();
        scanned.remarks.truncate(REMARKS);
        Ok((counts, scanned))
    }

    fn scan<C: Counts>(
        &self,
        selection: &Selection,
        counts: &mut C,
        stop: &AtomicBool,
        scanned: &mut Scanned,
    ) -> Result<(), StatisticsError> {
        let (mut plain, mut packed) = (Vec::new(), Vec::new());
        for file in self.files() {
            let packing = match &file.object {
                Some(_) if file.kind == Kind::Sealed => Ok(Packing::Parquet),
                // Far away: read from its beginning to its end, whatever it is.
                Some(_) => Ok(Packing::Bzip2),
                None => packing(&file.path),
            };
            match packing {
                Ok(Packing::Plain) => plain.push(StoreFile { kind: Kind::Hot, ..file.clone() }),
                Ok(Packing::Parquet) => plain.push(StoreFile { kind: Kind::Sealed, ..file.clone() }),
                Ok(_) => packed.push(file.clone()),
                Err(error) => scanned.remarks.push(unreadable(&file.path, &error)),
            }
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let need = counts.paths().map_or_else(|| selection.need(), |paths| selection.need_of(paths));
        let parts: Vec<Part<C>> = (0..threads).map(|_| Part::new(counts.part(threads + 1))).collect();
        let each = |part: &mut Part<C>, event: &EncodedEvent<'_>| part.event(selection, event);
        let mut damage = DamageReport::default();
        let remarks = &mut scanned.remarks;
        let (parts, _) = scan_store(&plain, &need, parts, stop, each, |report| match report {
            Report::Read(_) => {}
            // A daemon may be writing the rest.
            Report::Damage(_, what) if what.kind == DamageKind::TornTail => {}
            Report::Damage(file, what) => damage.add(&name(&plain[file].path), &what, false),
            Report::MoreDamage(file) => {
                remarks.push(Remarked::new(
                    "damage",
                    format!("{}: more damage than is told", name(&plain[file].path)),
                ));
            }
            Report::Broken(_, error) => remarks.push(Remarked::new("damage", error.to_string())),
            Report::Unreadable(file, error) => remarks.push(unreadable(&plain[file].path, &error)),
        })?;
        for part in parts {
            scanned.events += part.events;
            scanned.matched += part.matched;
            counts.merge(part.counts)?;
        }
        scanned.remarks.extend(damage.take_lines().into_iter().map(|text| Remarked::new("damage", text)));
        if packed.is_empty() {
            return Ok(());
        }
        self.read(selection, counts, stop, scanned, |reading, feed| {
            for file in &packed {
                let Some(input) = reading.readable(Input::of_store_file(file)) else { continue };
                if read::read(input, reading, feed)?.is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// Reads event by event, as `give` goes through the files.
    fn read<C: Counts>(
        &self,
        selection: &Selection,
        counts: &mut C,
        stop: &AtomicBool,
        scanned: &mut Scanned,
        give: impl FnOnce(&mut Reading<'_>, &mut dyn Sink) -> anyhow::Result<()>,
    ) -> Result<(), StatisticsError> {
        let (mut progress, mut damage) = (Progress::new(), DamageReport::default());
        let said = progress.hold_back();
        let all = Selection::default();
        let mut feed = Feed { counts, selection, stop, events: 0, matched: 0, failure: None };
        let mut reading =
            Reading { selection: &all, damage: &mut damage, progress: &mut progress, unreadable: 0 };
        let given = give(&mut reading, &mut feed);
        scanned.events += feed.events;
        scanned.matched += feed.matched;
        if let Some(failure) = feed.failure {
            return Err(failure);
        }
        if let Err(error) = given
            && !error.is::<Stopped>()
        {
            scanned.remarks.push(Remarked::new("unreadable", format!("{error:#}")));
        }
        let unreadable = said.take().into_iter().map(|text| Remarked::new("unreadable", text));
        scanned.remarks.extend(unreadable);
        scanned.remarks.extend(damage.take_lines().into_iter().map(|text| Remarked::new("damage", text)));
        Ok(())
    }
}

/// What one thread counts. Two of them never share a line of the processor's cache.
#[repr(align(128))]
struct Part<C> {
    counts: C,
    events: u64,
    matched: u64,
}

impl<C: Counts> Part<C> {
    fn new(counts: C) -> Self {
        Self { counts, events: 0, matched: 0 }
    }

    fn event(&mut self, selection: &Selection, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        self.events += 1;
        if !selection.matches(event) {
            return Ok(());
        }
        self.matched += 1;
        self.counts.add(event)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("stopped")]
struct Stopped;

struct Feed<'f, C> {
    counts: &'f mut C,
    selection: &'f Selection,
    stop: &'f AtomicBool,
    events: u64,
    matched: u64,
    failure: Option<StatisticsError>,
}

impl<C: Counts> Sink for Feed<'_, C> {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.events += 1;
        if self.selection.matches(event) {
            self.matched += 1;
            if let Err(failure) = self.counts.add(event) {
                self.failure = Some(failure);
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.pause()
    }

    fn pause(&mut self) -> anyhow::Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Stopped.into()) } else { Ok(()) }
    }

    fn count(&self) -> u64 {
        self.matched
    }
}

fn packing(path: &Path) -> std::io::Result<Packing> {
    let mut first = Vec::new();
    File::open(path)?.take(4).read_to_end(&mut first)?;
    Ok(Packing::of(&first))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Remarked {
    Remarked::new("unreadable", format!("cannot read {}: {error}", name(path)))
}

fn name(path: &Path) -> String {
    text::printable_text(path.as_os_str().as_encoded_bytes())
}
