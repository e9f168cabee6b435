//! Sets of numbers, kept as runs: memory goes with the number of holes, not of numbers.

use blueox_event::wire::native::{Seq, SeqRange};
use std::collections::BTreeMap;

/// A set of numbers of one stream.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Runs {
    /// The first of each run to its last; runs neither overlap nor touch.
    runs: BTreeMap<u64, u64>,
}

impl Runs {
    /// Adds numbers; gives how many of them were not in it.
    pub(crate) fn insert(&mut self, range: SeqRange) -> u64 {
        let (mut first, mut last) = (range.first().get(), range.last().get());
        let mut new = last - first + 1;
        // The last run that begins at or before the range's end and reaches it, again and again: each is swallowed.
        while let Some((&from, &to)) = self.runs.range(..=last.saturating_add(1)).next_back() {
            if to.saturating_add(1) < first {
                break;
            }
            self.runs.remove(&from);
            let (inside_from, inside_to) = (from.max(range.first().get()), to.min(range.last().get()));
            new -= (inside_to + 1).saturating_sub(inside_from);
            (first, last) = (first.min(from), last.max(to));
        }
        self.runs.insert(first, last);
        new
    }

    /// How many numbers of a range are in it.
    pub(crate) fn count_in(&self, range: SeqRange) -> u64 {
        self.parts_in(range).map(|(first, last)| last - first + 1).sum()
    }

    /// The numbers of a range that are not in it.
    pub(crate) fn holes_in(&self, range: SeqRange) -> Vec<SeqRange> {
        let mut holes = Vec::new();
        let mut next = range.first().get();
        for (first, last) in self.parts_in(range) {
            holes.extend(run(next, first - 1));
            next = last + 1;
        }
        holes.extend(run(next, range.last().get()));
        holes
    }

    /// Takes out the lowest numbers of a range, `count` at most; gives how many.
    pub(crate) fn take(&mut self, range: SeqRange, count: u64) -> u64 {
        let mut left = count;
        let parts: Vec<_> = self.parts_in(range).collect();
        for (first, last) in parts {
            if left == 0 {
                break;
            }
            let last = last.min(first + (left - 1));
            left -= last - first + 1;
            self.remove(first, last);
        }
        count - left
    }

    /// Numbers that stand in one run.
    fn remove(&mut self, first: u64, last: u64) {
        let Some((&from, &to)) = self.runs.range(..=first).next_back() else { return };
        self.runs.remove(&from);
        if from < first {
            self.runs.insert(from, first - 1);
        }
        if last < to {
            self.runs.insert(last + 1, to);
        }
    }

    /// All of both.
    pub(crate) fn union(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for range in other.iter() {
            both.insert(range);
        }
        both
    }

    /// What is in both.
    pub(crate) fn overlap(&self, other: &Self) -> Self {
        let common = other.iter().flat_map(|range| self.parts_in(range));
        Self { runs: common.collect() }
    }

    /// The runs, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = SeqRange> {
        self.runs.iter().filter_map(|(first, last)| run(*first, *last))
    }

    /// How many numbers it has.
    pub(crate) fn len(&self) -> u64 {
        self.runs.iter().map(|(first, last)| last - first + 1).sum()
    }

    /// The highest number.
    pub(crate) fn last(&self) -> Option<Seq> {
        self.runs.last_key_value().map(|(_, last)| Seq::new(*last))
    }

    fn parts_in(&self, range: SeqRange) -> impl Iterator<Item = (u64, u64)> {
        let (from, to) = (range.first().get(), range.last().get());
        let before = self.runs.range(..from).next_back();
        let parts = before.into_iter().chain(self.runs.range(from..=to));
        parts
            .map(move |(first, last)| (*first.max(&from), *last.min(&to)))
            .filter(|(first, last)| first <= last)
    }
}

fn run(first: u64, last: u64) -> Option<SeqRange> {
    SeqRange::new(Seq::new(first), Seq::new(last))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn ranges() -> impl Strategy<Value = Vec<(u64, u64)>> {
        prop::collection::vec((1u64..60, 0u64..9).prop_map(|(first, more)| (first, first + more)), 0..12)
    }

    fn both(ranges: &[(u64, u64)]) -> (Runs, BTreeSet<u64>) {
        let (mut runs, mut model) = (Runs::default(), BTreeSet::new());
        for (first, last) in ranges {
            let new = (*first..=*last).filter(|number| model.insert(*number)).count();
            assert_eq!(runs.insert(run(*first, *last).unwrap()), new as u64);
        }
        (runs, model)
    }

    fn numbers(ranges: impl IntoIterator<Item = SeqRange>) -> Vec<u64> {
        ranges.into_iter().flat_map(|range| range.first().get()..=range.last().get()).collect()
    }

    proptest! {
        #[test]
        fn runs_are_sets(a in ranges(), b in ranges(), (from, more) in (1u64..60, 0u64..30)) {
            let ((a, in_a), (b, in_b)) = (both(&a), both(&b));
            let window = run(from, from + more).unwrap();
            prop_assert_eq!(numbers(a.iter()), in_a.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(a.len(), in_a.len() as u64);
            prop_assert_eq!(a.last().map(Seq::get), in_a.last().copied());
            prop_assert_eq!(numbers(a.union(&b).iter()), in_a.union(&in_b).copied().collect::<Vec<_>>());
            prop_assert_eq!(numbers(a.overlap(&b).iter()), in_a.intersection(&in_b).copied().collect::<Vec<_>>());
            let holes: Vec<u64> = (from..=from + more).filter(|number| !in_a.contains(number)).collect();
            prop_assert_eq!(a.count_in(window), more + 1 - holes.len() as u64);
            prop_assert_eq!(numbers(a.holes_in(window)), holes);
            let mut rest = a.clone();
            prop_assert_eq!(rest.take(window, more / 2), (more / 2).min(a.count_in(window)));
            let taken = in_a.iter().filter(|number| (from..=from + more).contains(number)).take(more as usize / 2);
            let left: BTreeSet<u64> = &in_a - &taken.copied().collect();
            prop_assert_eq!(numbers(rest.iter()), left.into_iter().collect::<Vec<_>>());
            // Runs neither overlap nor touch.
            let ends: Vec<_> = a.iter().map(|range| (range.first().get(), range.last().get())).collect();
            prop_assert!(ends.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
