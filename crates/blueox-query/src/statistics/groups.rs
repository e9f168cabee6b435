//! The groups, and how much memory they take.
//!
//! When they take more than they may, the rarest are added to one, `other`. A group that was added to it and then comes
//! again begins anew, so its count may be too low: by no more than the sum, over all such times, of the greatest count
//! that was given up. Source of the bound: G. S. Manku, R. Motwani, "Approximate frequency counts over data streams",
//! VLDB 2002 (lossy counting).

use super::StatisticsError;
use super::plan::Plan;
use crate::limits::{SPARK_COLUMNS, WEIGH_AFTER_EVENTS, WEIGH_AFTER_TALLIES};
use crate::tally::Tally;
use crate::time_step::TimeStep;
use std::collections::HashMap;

/// What a group takes beside its tallies, in bytes: its place in the table, allocations.
const GROUP_BYTES: usize = 160;

#[derive(Debug)]
pub(crate) struct Groups {
    limit: usize,
    by_key: HashMap<Box<[u8]>, Group>,
    /// Groups that were given up, as one.
    other: Group,
    given_up: u64,
    /// No count of a group is too low by more.
    missing: f64,
    events: u64,
    /// When the first and the last event ended, in seconds since the epoch.
    span: Option<(f64, f64)>,
    spark_step: TimeStep,
    spark_span: Option<(u64, u64)>,
    /// Steps of time before this one have been taken out.
    closed_before: u64,
    late: f64,
    new_tallies: usize,
    events_since_weighed: u64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// By the number of the step of time; `None`: no time, or no steps are asked for. In order.
    pub(crate) tallies: Vec<(Option<u64>, Tally)>,
    /// Counts by steps of the size that all groups share; empty when steps are asked for. In order.
    pub(crate) spark: Vec<(u64, f64)>,
}

impl Groups {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            by_key: HashMap::new(),
            other: Group::default(),
            given_up: 0,
            missing: 0.0,
            events: 0,
            span: None,
            spark_step: TimeStep::SMALLEST,
            spark_span: None,
            closed_before: 0,
            late: 0.0,
            new_tallies: 0,
            events_since_weighed: 0,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn events(&self) -> u64 {
        self.events
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], &Group)> {
        self.by_key.iter().map(|(key, group)| (&**key, group))
    }

    pub(crate) fn other(&self) -> (&Group, u64, f64) {
        (&self.other, self.given_up, self.missing)
    }

    pub(crate) fn late(&self) -> f64 {
        self.late
    }

    pub(crate) fn span(&self) -> Option<(f64, f64)> {
        self.span
    }

    pub(crate) fn spark(&self) -> (TimeStep, Option<(u64, u64)>) {
        (self.spark_step, self.spark_span)
    }

    pub(crate) fn latest_step(&self) -> Option<u64> {
        self.by_key.values().filter_map(|group| group.tallies.last()?.0).max()
    }

    /// The tally to which an event belongs; `None` when it is too late for it.
    pub(crate) fn tally(
        &mut self,
        plan: &Plan,
        key: &[u8],
        end: Option<f64>,
        weight: f64,
    ) -> Option<&mut Tally> {
        let step = plan.every().and_then(|every| every.index(end?));
        if step.is_some_and(|step| step < self.closed_before) {
            self.late += weight;
            return None;
        }
        self.events += 1;
        self.events_since_weighed += 1;
        let spark = if plan.every().is_none() { self.spark_index(end) } else { None };
        if let Some(end) = end.filter(|end| TimeStep::SMALLEST.index(*end).is_some()) {
            let (first, last) = self.span.unwrap_or((end, end));
            self.span = Some((first.min(end), last.max(end)));
        }
        // Nearly always the group is there, and then its key needs no memory.
        if !self.by_key.contains_key(key) {
            self.by_key.insert(key.into(), Group::default());
        }
        let group = self.by_key.get_mut(key).expect("BUG: it was inserted above");
        if let Some(index) = spark {
            *at_key(&mut group.spark, index, || 0.0).0 += weight;
        }
        let (tally, is_new) = at_key(&mut group.tallies, step, || plan.tally());
        self.new_tallies += usize::from(is_new);
        Some(tally)
    }

    /// The step of the series in which an event lies; all series go to larger steps when there would be too many.
    fn spark_index(&mut self, end: Option<f64>) -> Option<u64> {
        let mut index = self.spark_step.index(end?)?;
        let (mut first, mut last) = self.spark_span.unwrap_or((index, index));
        (first, last) = (first.min(index), last.max(index));
        while last - first >= SPARK_COLUMNS as u64 {
            let smaller = self.spark_step;
            let step = smaller.next();
            self.coarsen(step);
            first = step.coarsen(first, smaller);
            last = step.coarsen(last, smaller);
            index = step.coarsen(index, smaller);
        }
        self.spark_span = Some((first, last));
        Some(index)
    }

    fn coarsen(&mut self, step: TimeStep) {
        let smaller = self.spark_step;
        self.spark_step = step;
        for group in self.by_key.values_mut().chain([&mut self.other]) {
            group.coarsen(step, smaller);
        }
        self.spark_span =
            self.spark_span.map(|(first, last)| (step.coarsen(first, smaller), step.coarsen(last, smaller)));
    }

    /// Gives groups up when there are too many; looks now and then only.
    ///
    /// # Errors
    /// When that does not help.
    pub(crate) fn weigh_now_and_then(&mut self) -> Result<(), StatisticsError> {
        if self.new_tallies < WEIGH_AFTER_TALLIES && self.events_since_weighed < WEIGH_AFTER_EVENTS {
            return Ok(());
        }
        self.weigh()
    }

    fn weigh(&mut self) -> Result<(), StatisticsError> {
        self.new_tallies = 0;
        self.events_since_weighed = 0;
        let mut bytes = self.other.bytes(&[]);
        let mut groups = Vec::with_capacity(self.by_key.len());
        for (key, group) in &self.by_key {
            let size = group.bytes(key);
            bytes += size;
            groups.push((group.weight(), size));
        }
        if bytes <= self.limit {
            return Ok(());
        }
        groups.sort_by(|a, b| a.0.total_cmp(&b.0));
        // The rarest, until half of the memory is free.
        let mut greatest = 0.0;
        let mut left = bytes;
        for (weight, size) in groups {
            if left <= self.limit / 2 {
                break;
            }
            greatest = weight;
            left -= size;
        }
        let rare: Vec<Box<[u8]>> = self
            .by_key
            .iter()
            .filter(|(_, group)| group.weight() <= greatest)
            .map(|(key, _)| key.clone())
            .collect();
        self.missing += greatest;
        for key in rare {
            let group = self.by_key.remove(&key).expect("BUG: it was found above");
            self.given_up += 1;
            self.other.merge(group);
        }
        let bytes: usize =
            self.other.bytes(&[]) + self.by_key.iter().map(|(key, group)| group.bytes(key)).sum::<usize>();
        // What is left are steps of time, and there is nothing to give up among them.
        if bytes > self.limit / 4 * 3 {
            return Err(StatisticsError::TooLarge { bytes: self.limit });
        }
        Ok(())
    }

    pub(crate) fn merge(&mut self, mut other: Self) -> Result<(), StatisticsError> {
        let step = self.spark_step.max(other.spark_step);
        for groups in [&mut *self, &mut other] {
            if groups.spark_step < step {
                groups.coarsen(step);
            }
        }
        for (key, group) in other.by_key {
            self.new_tallies += group.tallies.len();
            self.by_key.entry(key).or_default().merge(group);
        }
        self.other.merge(other.other);
        self.given_up += other.given_up;
        self.missing += other.missing;
        self.late += other.late;
        self.events += other.events;
        self.span = outer(self.span, other.span, f64::min, f64::max);
        self.spark_span = outer(self.spark_span, other.spark_span, u64::min, u64::max);
        if let Some((first, last)) = self.spark_span {
            let (mut first, mut last) = (first, last);
            while last - first >= SPARK_COLUMNS as u64 {
                let smaller = self.spark_step;
                self.coarsen(smaller.next());
                first = self.spark_step.coarsen(first, smaller);
                last = self.spark_step.coarsen(last, smaller);
            }
        }
        self.weigh()
    }

    /// Takes out all steps before one.
    pub(crate) fn take_before(&mut self, step: u64) -> Self {
        let mut taken = Self::new(self.limit);
        self.closed_before = self.closed_before.max(step);
        self.by_key.retain(|key, group| {
            let part = group.take_before(step);
            if !part.tallies.is_empty() {
                taken.by_key.insert(key.clone(), part);
            }
            !group.tallies.is_empty()
        });
        taken.other = self.other.take_before(step);
        taken.given_up = self.given_up;
        taken.missing = self.missing;
        taken.span = self.span;
        taken
    }
}

/// The least and the greatest of two spans.
fn outer<T: Copy>(
    a: Option<(T, T)>,
    b: Option<(T, T)>,
    min: fn(T, T) -> T,
    max: fn(T, T) -> T,
) -> Option<(T, T)> {
    match (a, b) {
        (Some(a), Some(b)) => Some((min(a.0, b.0), max(a.1, b.1))),
        (a, b) => a.or(b),
    }
}

impl Group {
    pub(crate) fn weight(&self) -> f64 {
        self.tallies.iter().map(|(_, tally)| tally.weight).sum()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (step, tally) in other.tallies {
            let mut given = Some(tally);
            let (mine, is_new) = at_key(&mut self.tallies, step, || given.take().expect("BUG: taken once"));
            if !is_new {
                mine.merge(&given.expect("BUG: only a new one is taken"));
            }
        }
        for (index, weight) in other.spark {
            *at_key(&mut self.spark, index, || 0.0).0 += weight;
        }
    }

    fn coarsen(&mut self, step: TimeStep, smaller: TimeStep) {
        for (index, _) in &mut self.spark {
            *index = step.coarsen(*index, smaller);
        }
        self.spark.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 += later.1;
            }
            same
        });
    }

    fn take_before(&mut self, step: u64) -> Self {
        let at = self.tallies.partition_point(|(index, _)| index.is_none_or(|index| index < step));
        let rest = self.tallies.split_off(at);
        Self { tallies: std::mem::replace(&mut self.tallies, rest), spark: Vec::new() }
    }

    fn bytes(&self, key: &[u8]) -> usize {
        let spare = (self.tallies.capacity() - self.tallies.len()) * size_of::<(Option<u64>, Tally)>();
        GROUP_BYTES
            + key.len()
            + spare
            + self.spark.capacity() * size_of::<(u64, f64)>()
            + self.tallies.iter().map(|(_, tally)| tally.bytes() + size_of::<Option<u64>>()).sum::<usize>()
    }
}

/// The value under a key in a list that is in order, and whether it is new. Most come at the end.
fn at_key<K: Ord + Copy, V>(list: &mut Vec<(K, V)>, key: K, new: impl FnOnce() -> V) -> (&mut V, bool) {
    let at = match list.last() {
        Some((last, _)) if *last == key => Ok(list.len() - 1),
        Some((last, _)) if *last < key => Err(list.len()),
        _ => list.binary_search_by_key(&key, |(known, _)| *known),
    };
    let (at, is_new) = match at {
        Ok(at) => (at, false),
        Err(at) => {
            list.insert(at, (key, new()));
            (at, true)
        }
    };
    (&mut list[at].1, is_new)
}
