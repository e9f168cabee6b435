//! The proof: every number from 1 to the highest known one is stored, queued or lost with a reason, or it is named.
//!
//! A hole in an application's numbers is held against the numbers of the daemons that carried it: what stood between its
//! neighbours there. A record has one own number, so a daemon's lost own numbers stand for as many records, and each of
//! them explains one number of one stream only. Holes are taken in the order in which their brackets end, each the lowest
//! numbers that are left: if all can be explained, they are.

use super::book::{Book, DirectoryIndex, ends, length};
use super::runs::Runs;
use blueox_event::wire::native::{Seq, SeqRange, StreamId};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the directories' days.
pub(crate) trait Days {
    /// The first day in `days` (both ends included, as numbers) that has day files and no ranges.
    fn without_ranges(&self, directory: DirectoryIndex, days: (u64, u64)) -> Option<String>;
}

/// Numbers that are neither stored nor queued where somebody looked, nor lost by their own account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hole {
    pub(crate) stream: StreamId,
    pub(crate) numbers: SeqRange,
    /// What became of how many of them; together all.
    pub(crate) parts: Vec<(u64, Fate)>,
}

/// What became of numbers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// A daemon lost the records that held them.
    Dropped { reason: String, by: StreamId },
    /// They stand in a part of a daemon's spool that was not read.
    Queued { by: StreamId },
    /// Their days were removed from a directory, with their ranges.
    Removed { by: StreamId },
    /// The ranges of a day whose files are there are gone: nobody knows what stands in them.
    Unproven { by: StreamId, day: String },
    /// A daemon says that it has written them to its log path, which was not looked at.
    NotLookedAt { by: StreamId },
    /// Nobody knows.
    Missing,
}

impl Fate {
    /// Whether the number is accounted for.
    pub(crate) fn is_known(&self) -> bool {
        !matches!(self, Self::Unproven { .. } | Self::NotLookedAt { .. } | Self::Missing)
    }
}

/// By daemon, what its numbers without a record may have become.
type Pools = BTreeMap<StreamId, Vec<(Fate, Runs)>>;

/// All holes, explained as far as possible; by stream and number.
pub(crate) fn holes(book: &Book, days: &impl Days) -> Vec<Hole> {
    let mut holes: Vec<Hole> = Vec::new();
    for (stream, account) in &book.streams {
        let Some(all) = SeqRange::new(Seq::new(1), Seq::new(account.high())) else { continue };
        let found = account.accounted().holes_in(all);
        holes.extend(found.into_iter().map(|numbers| Hole { stream: *stream, numbers, parts: Vec::new() }));
    }
    let pools_of_daemons = pools(book, &holes, days);
    let mut open: Vec<(u64, usize, StreamId, SeqRange)> = Vec::new();
    for (index, hole) in holes.iter().enumerate() {
        open.extend(
            brackets(book, hole)
                .into_iter()
                .map(|(carrier, bracket)| (bracket.last().get(), index, carrier, bracket)),
        );
    }
    open.sort_by_key(|(end, index, carrier, _)| (*end, *index, *carrier));
    let mut left = pools_of_daemons.clone();
    let mut missing: Vec<u64> = holes.iter().map(|hole| length(hole.numbers)).collect();
    for (_, index, carrier, bracket) in open {
        for (fate, runs) in left.get_mut(&carrier).into_iter().flatten() {
            let taken = runs.take(bracket, missing[index]);
            if taken > 0 {
                missing[index] -= taken;
                holes[index].parts.push((taken, fate.clone()));
            }
        }
    }
    for (hole, mut missing) in holes.iter_mut().zip(missing) {
        // A daemon's own numbers explain themselves, whomever they carried.
        for (fate, runs) in pools_of_daemons.get(&hole.stream).into_iter().flatten() {
            let known = runs.count_in(hole.numbers).min(missing);
            if known > 0 {
                missing -= known;
                hole.parts.push((known, fate.clone()));
            }
        }
        if missing > 0 {
            hole.parts.push((missing, Fate::Missing));
        }
    }
    holes
}

/// Where the hole's numbers stood in the streams of those who had them.
fn brackets(book: &Book, hole: &Hole) -> Vec<(StreamId, SeqRange)> {
    let account = &book.streams[&hole.stream];
    let (first, last) = ends(hole.numbers);
    let carriers: BTreeSet<_> = account.carried.keys().chain(account.marks.keys()).collect();
    let bracket = |carrier: &&StreamId| {
        let around = account.carried.get(*carrier).map_or((None, None), |tied| tied.around(first, last));
        let had_it = around.1.is_some() || account.marks.get(*carrier).is_some_and(|mark| *mark >= first);
        let end = around.1.or(book.streams.get(*carrier).map(|of| of.high() + 1));
        let end = end.filter(|_| had_it)?;
        let range = SeqRange::new(Seq::new(around.0.unwrap_or(0) + 1), Seq::new(end.checked_sub(1)?))?;
        Some((**carrier, range))
    };
    carriers.iter().filter_map(bracket).filter(|(carrier, _)| *carrier != hole.stream).collect()
}

fn pools(book: &Book, holes: &[Hole], days: &impl Days) -> Pools {
    let mut pools = Pools::new();
    let daemons: BTreeSet<_> = book
        .carriers()
        .into_iter()
        .chain(
            book.streams
                .iter()
                .filter(|(_, account)| account.last.is_some() || !account.days.is_empty())
                .map(|(stream, _)| *stream),
        )
        .collect();
    for by in daemons {
        let Some(account) = book.streams.get(&by) else { continue };
        let pool = pools.entry(by).or_default();
        for (reason, (runs, _)) in &account.lost {
            pool.push((Fate::Dropped { reason: reason.clone(), by }, runs.clone()));
        }
        pool.push((Fate::Queued { by }, account.unread.clone()));
        for hole in holes.iter().filter(|hole| hole.stream == by) {
            let fate = account.days.iter().find_map(|(directory, tied)| {
                let (first, last) = ends(hole.numbers);
                let (before, behind) = tied.around(first, last);
                fate_of_days(by, *directory, (before, behind), days)
            });
            let mut runs = Runs::default();
            runs.insert(hole.numbers);
            match fate {
                Some(fate) => pool.push((fate, runs)),
                None if account.days.is_empty() => {
                    pool.push((Fate::NotLookedAt { by }, account.said_stored.overlap(&runs)));
                }
                None => {}
            }
        }
    }
    pools
}

/// Own numbers between two days: were whole days removed?
fn fate_of_days(
    by: StreamId,
    directory: DirectoryIndex,
    (before, behind): (Option<u64>, Option<u64>),
    days: &impl Days,
) -> Option<Fate> {
    let from = before.map_or(0, |day| day + 1);
    let to = behind.map_or(u64::MAX, |day| day.saturating_sub(1));
    if from > to || behind == Some(0) {
        return None;
    }
    if let Some(day) = days.without_ranges(directory, (from, to)) {
        return Some(Fate::Unproven { by, day });
    }
    // At the end nothing is removed: there it is not written yet, or lost.
    behind.map(|_| Fate::Removed { by })
}

#[cfg(test)]
mod tests;
