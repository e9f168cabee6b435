//! What several collectors' directories have in common, found by their ranges.
//!
//! A batch has one stream and number wherever it is, and the same events. So of the events of one type of a batch
//! that stand in several directories all but one copy are dropped: kept is the copy with most events, among equal ones
//! that of the smallest node. Only what is there counts: a copy whose file is gone, is not among those that are read,
//! or does not hold the events that the ranges name, neither wins nor is dropped. Nor is a copy dropped that has an event
//! which the kept one has not, value for value: one of the files was rewritten from outside.
//!
//! A copy may also stand where ranges do not lead: in a sealed file, whose rows say themselves of which batch they are.
//! Whoever can read those says it through [`OtherCopies`].
//!
//! First the numbers are compared; they are few, since they follow each other. Only for those in several directories
//! the entries are kept and their events are looked at. Without overlap that is one reading of the ranges.

use super::entry::{Entry, Part, Stored};
use super::likeness::likeness;
use super::place::Places;
use super::reader::{RangesDamage, RangesItem, RangesReader, Unread};
use super::spans::{Numbers, Spans};
use crate::day_log::LogFileName;
use crate::spool::StreamId;
use blueox_event::EncodedEvent;
use blueox_event::wire::native::{NodeId, Seq};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// The longest part that is looked at, in bytes: a batch has at most 4 MiB.
const MAX_PART_BYTES: u64 = 16 << 20;

/// Something about ranges that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// A log path has no ranges.
    None {
        /// The log path.
        root: PathBuf,
    },
    /// Ranges cannot be read in part.
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        damage: RangesDamage,
    },
    /// A file does not hold what its ranges say, or other events than another directory under the same number.
    Unfit {
        /// The day file.
        path: PathBuf,
    },
}

/// What is to be left out, by file.
#[derive(Debug, Default)]
pub struct Overlap {
    /// Bytes of day files, and rows of other files, whose events another directory has too.
    pub dropped: HashMap<PathBuf, Spans>,
    /// How many events those are.
    pub events: u64,
    /// What could not be read.
    pub remarks: Vec<Remark>,
}

/// An event that stands elsewhere than in a day file.
#[derive(Debug, Clone, Copy)]
pub struct OtherEvent<'a> {
    /// The daemon that kept it.
    pub node: NodeId,
    /// The stream of its batch.
    pub stream: StreamId,
    /// Its batch's number there.
    pub seq: Seq,
    /// Its type, as the names of day files have it.
    pub encoded_type: &'a str,
    /// The event.
    pub event: EncodedEvent<'a>,
    /// The file that it stands in.
    pub path: &'a Path,
    /// Which of its rows.
    pub row: u64,
}

/// Events that stand elsewhere than in day files.
pub trait OtherCopies {
    /// The numbers of batches below the log path of this index.
    ///
    /// # Errors
    /// When they cannot be read.
    fn numbers(&self, root: usize, each: &mut dyn FnMut(StreamId, Seq)) -> io::Result<()>;

    /// The events of the batches that are wanted.
    ///
    /// # Errors
    /// When they cannot be read.
    fn events(
        &self,
        root: usize,
        wanted: &dyn Fn(StreamId, Seq) -> bool,
        each: &mut dyn FnMut(OtherEvent<'_>),
    ) -> io::Result<()>;
}

/// There are none.
#[derive(Debug, Clone, Copy)]
pub struct NoOtherCopies;

impl OtherCopies for NoOtherCopies {
    fn numbers(&self, _: usize, _: &mut dyn FnMut(StreamId, Seq)) -> io::Result<()> {
        Ok(())
    }

    fn events(
        &self,
        _: usize,
        _: &dyn Fn(StreamId, Seq) -> bool,
        _: &mut dyn FnMut(OtherEvent<'_>),
    ) -> io::Result<()> {
        Ok(())
    }
}

/// A batch's events of one type, in one directory.
#[derive(Debug, Default)]
struct Copy {
    /// The likenesses of its events, ascending once all are known.
    events: Vec<u64>,
    /// Bytes of day files, and rows of others: begin and end.
    parts: Vec<(PathBuf, u64, u64)>,
}

type Type = String;
/// By type, and by node and log path.
type Copies = BTreeMap<(Type, NodeId, usize), Copy>;

impl Overlap {
    /// Compares what stands in several log paths. `is_read`: whether what stands in a day file at an offset is read there.
    ///
    /// # Errors
    /// When ranges cannot be read.
    pub fn find(
        roots: &[PathBuf],
        is_read: &dyn Fn(&Path, u64) -> bool,
        others: &dyn OtherCopies,
    ) -> io::Result<Self> {
        let mut overlap = Self::default();
        let mut places: Vec<Places> = roots.iter().map(|root| Places::new(root)).collect();
        let mut numbers = Vec::new();
        for (index, (root, places)) in roots.iter().zip(&mut places).enumerate() {
            let mut found = overlap.survey(root, places)?;
            others.numbers(index, &mut |stream, seq| found.entry(stream).or_default().add(seq.get()))?;
            found.values_mut().for_each(Numbers::settle);
            numbers.push(found);
        }
        let common = in_common(&numbers);
        if common.is_empty() {
            return Ok(overlap);
        }
        let mut batches: BTreeMap<(StreamId, Seq), Copies> = BTreeMap::new();
        let mut unfit = Vec::new();
        let is_common =
            |stream: StreamId, seq: Seq| common.get(&stream).is_some_and(|numbers| numbers.holds(seq.get()));
        for (index, root) in roots.iter().enumerate() {
            each_stored(root, |stored, reader| {
                let batch = stored.batch;
                if !is_common(batch.stream, batch.seq) {
                    return;
                }
                let copies = batches.entry((batch.stream, batch.seq)).or_default();
                for part in &stored.parts {
                    let file = reader.file(part.file);
                    let name = file.path.file_name().and_then(|name| name.to_str());
                    let Some(name) = name.and_then(|name| LogFileName::parse(name, None)) else { continue };
                    let Some(path) = places[index].find(file).filter(|path| is_read(path, part.offset))
                    else {
                        continue;
                    };
                    let Some(events) = events_of(&path, part) else {
                        unfit.push(path);
                        continue;
                    };
                    let copy = copies.entry((name.encoded_type, stored.node, index)).or_default();
                    copy.events.extend(events);
                    copy.parts.push((path, part.offset, part.offset + part.bytes));
                }
            })?;
            others.events(index, &is_common, &mut |other| {
                let copies = batches.entry((other.stream, other.seq)).or_default();
                let copy = copies.entry((other.encoded_type.to_owned(), other.node, index)).or_default();
                copy.events.push(likeness(other.event.raw()));
                match copy.parts.last_mut() {
                    Some((path, _, end)) if *end == other.row && path == other.path => *end += 1,
                    _ => copy.parts.push((other.path.to_owned(), other.row, other.row + 1)),
                }
            })?;
        }
        for copies in batches.into_values() {
            overlap.drop_all_but_one(copies, &mut unfit);
        }
        overlap.dropped.values_mut().for_each(Spans::settle);
        unfit.sort();
        unfit.dedup();
        overlap.remarks.extend(unfit.into_iter().map(|path| Remark::Unfit { path }));
        Ok(overlap)
    }

    /// The numbers that stand below a log path.
    fn survey(&mut self, root: &Path, places: &mut Places) -> io::Result<HashMap<StreamId, Numbers>> {
        let mut numbers: HashMap<StreamId, Numbers> = HashMap::new();
        let files = super::list(root)?;
        if files.is_empty() {
            self.remarks.push(Remark::None { root: root.to_path_buf() });
        }
        for (_, path) in files {
            let mut reader = RangesReader::new(File::open(&path)?);
            while let Some(item) = reader.read()? {
                match item {
                    RangesItem::Damage(damage) => {
                        self.remarks.push(Remark::Damaged { path: path.clone(), damage });
                    }
                    RangesItem::Entry(Entry::Stored(stored)) => {
                        numbers.entry(stored.batch.stream).or_default().add(stored.batch.seq.get());
                    }
                    RangesItem::Entry(Entry::Missing(..)) => {}
                }
            }
            if let Unread::Damaged(damage) = reader.unread() {
                self.remarks.push(Remark::Damaged { path, damage });
            }
            reader.files().iter().for_each(|file| places.know(file));
        }
        Ok(numbers)
    }

    fn drop_all_but_one(&mut self, copies: Copies, differing: &mut Vec<PathBuf>) {
        let mut copies: Vec<_> = copies.into_iter().collect();
        copies.iter_mut().for_each(|(_, copy)| copy.events.sort_unstable());
        for copies in copies.chunk_by(|((a, ..), _), ((b, ..), _)| a == b) {
            // The first of those with most events: they are in the order of their nodes.
            let most = copies.iter().map(|(_, copy)| copy.events.len()).max();
            let kept = copies.iter().find(|(_, copy)| Some(copy.events.len()) == most);
            let Some(((_, _, root), kept)) = kept else { continue };
            for ((_, _, index), copy) in copies {
                if index == root {
                    continue;
                }
                if !is_among(&copy.events, &kept.events) {
                    differing.extend(copy.parts.iter().map(|(path, ..)| path.clone()));
                    continue;
                }
                self.events += copy.events.len() as u64;
                for (path, begin, end) in &copy.parts {
                    self.dropped.entry(path.clone()).or_default().add(*begin, *end);
                }
            }
        }
    }
}

/// Whether all of `some` are among `all`, as often; both ascend.
fn is_among(some: &[u64], all: &[u64]) -> bool {
    let mut all = all.iter();
    some.iter().all(|wanted| all.any(|found| found == wanted))
}

/// Numbers that stand in more than one place.
fn in_common(places: &[HashMap<StreamId, Numbers>]) -> HashMap<StreamId, Numbers> {
    let mut common: HashMap<StreamId, Numbers> = HashMap::new();
    for (index, place) in places.iter().enumerate() {
        for (stream, numbers) in place {
            for other in places[index + 1..].iter().filter_map(|other| other.get(stream)) {
                numbers
                    .in_common(other, |first, last| common.entry(*stream).or_default().add_all(first, last));
            }
        }
    }
    common.values_mut().for_each(Numbers::settle);
    common
}

fn each_stored(root: &Path, mut each: impl FnMut(&Stored, &RangesReader<File>)) -> io::Result<()> {
    for (_, path) in super::list(root)? {
        let mut reader = RangesReader::new(File::open(&path)?);
        while let Some(item) = reader.read()? {
            if let RangesItem::Entry(Entry::Stored(stored)) = item {
                each(&stored, &reader);
            }
        }
    }
    Ok(())
}

/// Whether the file has a part's events where it says, whole and as many.
#[must_use]
pub fn holds(path: &Path, part: &Part) -> bool {
    events_of(path, part).is_some()
}

/// The likenesses of a part's events, if the file has them where it says, whole and as many.
fn events_of(path: &Path, part: &Part) -> Option<Vec<u64>> {
    if part.bytes > MAX_PART_BYTES {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(part.bytes).expect("BUG: bounded above")];
    File::open(path).and_then(|file| file.read_exact_at(&mut bytes, part.offset)).ok()?;
    let (mut rest, mut events) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let event = EncodedEvent::read(rest).ok()?;
        events.push(likeness(event.raw()));
        rest = &rest[event.bytes().len()..];
    }
    (events.len() as u64 == part.events).then_some(events)
}

#[cfg(test)]
mod tests;
