//! What several log paths have in common, while they grow.
//!
//! Who shows events as they come cannot wait for a smaller node: here a batch is the directory's in which it is seen first.

use super::entry::{Entry, Stored};
use super::place::Places;
use super::reader::{RangesItem, RangesReader};
use super::spans::Spans;
use crate::spool::StreamId;
use blueox_event::time::UtcDay;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// Follows the ranges of several log paths.
#[derive(Debug)]
pub struct Watch {
    sides: Vec<Side>,
    /// By stream: spans of numbers, from a first to a last, and whose they are.
    owners: HashMap<StreamId, BTreeMap<u64, (u64, usize)>>,
    files: HashMap<PathBuf, Watched>,
}

#[derive(Debug)]
struct Side {
    root: PathBuf,
    days: BTreeMap<UtcDay, Day>,
}

#[derive(Debug)]
struct Day {
    path: PathBuf,
    reader: RangesReader<File>,
    places: Places,
}

#[derive(Debug, Default)]
struct Watched {
    covered: u64,
    dropped: Spans,
}

impl Watch {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(roots: &[PathBuf]) -> Self {
        let sides = roots.iter().map(|root| Side { root: root.clone(), days: BTreeMap::new() }).collect();
        Self { sides, owners: HashMap::new(), files: HashMap::new() }
    }

    /// Reads what has been added, of the last `days` days of each log path or of all.
    ///
    /// # Errors
    /// When ranges cannot be read.
    pub fn poll(&mut self, days: Option<usize>) -> io::Result<()> {
        let mut sides = std::mem::take(&mut self.sides);
        let polled = sides.iter_mut().enumerate().try_for_each(|(index, side)| {
            side.discover(days)?;
            for day in side.days.values_mut() {
                while let Some(item) = day.reader.read()? {
                    if let RangesItem::Entry(Entry::Stored(stored)) = item {
                        self.take(index, &stored, day);
                    }
                }
            }
            Ok(())
        });
        self.sides = sides;
        polled
    }

    /// Whether the event at `offset` of a file is another directory's too, and shown from there.
    #[must_use]
    pub fn drops(&self, path: &Path, offset: u64) -> bool {
        self.files.get(path).is_some_and(|file| file.dropped.holds(offset))
    }

    /// Up to where it is known which events of a file are shown. `None`: no ranges are kept where it is.
    #[must_use]
    pub fn known_until(&self, path: &Path) -> Option<u64> {
        if let Some(file) = self.files.get(path) {
            return Some(file.covered);
        }
        let kept = self.sides.iter().any(|side| !side.days.is_empty() && path.starts_with(&side.root));
        kept.then_some(0)
    }

    fn take(&mut self, side: usize, stored: &Stored, day: &mut Day) {
        let mut parts = Vec::new();
        for part in &stored.parts {
            let file = day.reader.file(part.file);
            day.places.know(file);
            parts.extend(day.places.find(file).map(|path| (path, *part)));
        }
        let mine = self.owner(stored, side, parts.len() == stored.parts.len()) == side;
        for (path, part) in parts {
            let file = self.files.entry(path).or_default();
            file.covered = file.covered.max(part.offset + part.bytes);
            if !mine {
                file.dropped.add(part.offset, part.offset + part.bytes);
                file.dropped.settle();
            }
        }
    }

    /// Whose the batch is; `side`'s from now on if it is nobody's, and `side` has it whole.
    fn owner(&mut self, stored: &Stored, side: usize, whole: bool) -> usize {
        let spans = self.owners.entry(stored.batch.stream).or_default();
        let seq = stored.batch.seq.get();
        if let Some((_, (last, owner))) = spans.range_mut(..=seq).next_back() {
            if seq <= *last {
                return *owner;
            }
            if seq == *last + 1 && *owner == side && whole {
                *last = seq;
                return side;
            }
        }
        if whole {
            spans.insert(seq, (seq, side));
        }
        side
    }
}

impl Side {
    /// Opens what is new, and what became shorter: after a crash that is written again.
    fn discover(&mut self, days: Option<usize>) -> io::Result<()> {
        let files = super::list(&self.root)?;
        let skipped = days.map_or(0, |days| files.len().saturating_sub(days));
        for (day, path) in files.into_iter().skip(skipped) {
            let known = self.days.get(&day).is_some_and(|known| {
                known.path == path && path.metadata().is_ok_and(|found| found.len() >= known.reader.offset())
            });
            if !known {
                let reader = RangesReader::new(File::open(&path)?);
                self.days.insert(day, Day { path, reader, places: Places::new(&self.root) });
            }
        }
        Ok(())
    }
}
