//! Groups of events and their numbers, over files and over a stream alike.
//!
//! ```
//! use blueox_event::{EncodedEvent, Event, Path, Value};
//! use blueox_query::measure::Measure;
//! use blueox_query::statistics::{Question, Statistics};
//! use blueox_query::table::Wanted;
//! let question = Question {
//!     by: vec![Path::parse("path").unwrap()],
//!     measures: Measure::parse_list("count,p99").unwrap(),
//!     every: None,
//! };
//! let mut statistics = Statistics::new(&question).unwrap();
//! let event = Event {
//!     type_name: "request".into(),
//!     id: Value::Nil,
//!     host: "web-2".into(),
//!     pid: 1,
//!     start: 1_331_640_000.0,
//!     end: 1_331_640_000.5,
//!     body: Value::map([("path", Value::from("/cart"))]),
//! };
//! statistics.add(&EncodedEvent::parse(&event.to_msgpack()).unwrap()).unwrap();
//! let table = statistics.finish(Wanted::default());
//! assert_eq!(table.rows[0].values, [Some(1.0), Some(0.5)]);
//! ```

mod groups;
mod plan;

#[cfg(test)]
mod tests;

use crate::limits::{MAX_BY, MAX_MEASURES, STATISTICS_BYTES};
use crate::measure::Measure;
use crate::table::{self, Table, Wanted};
use blueox_event::event::Found;
use blueox_event::{EncodedEvent, Path};
pub(crate) use groups::{Group, Groups};
pub(crate) use plan::Plan;
use std::sync::Arc;

/// What is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// Events with the same values of these are a group; none: all events are one.
    pub by: Vec<Path>,
    /// What is counted of each group.
    pub measures: Vec<Measure>,
    /// Once for every step of time, too.
    pub every: Option<Every>,
}

/// A step of time, in whole milliseconds, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every(u64);

impl Every {
    /// The longest.
    const MAX_SECONDS: f64 = 366.0 * 86_400.0;

    /// Takes seconds, from a millisecond to a year.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Option<Self> {
        (0.001..=Self::MAX_SECONDS).contains(&seconds).then(|| Self((seconds * 1e3).round() as u64))
    }

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e3
    }

    /// The number of the step in which an instant lies; `None` when no sane clock says that.
    #[must_use]
    pub fn index(self, seconds: f64) -> Option<u64> {
        (crate::limits::TIMES.0..crate::limits::TIMES.1)
            .contains(&seconds)
            .then(|| (seconds * 1e3) as u64 / self.0)
    }

    /// When a step begins, in seconds since the epoch.
    #[must_use]
    pub fn start(self, index: u64) -> f64 {
        (index * self.0) as f64 / 1e3
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatisticsError {
    /// More fields than a question may group by.
    #[error("a question groups by at most {MAX_BY} fields")]
    TooManyFields,
    /// More measures than a question may have.
    #[error("a question has at most {MAX_MEASURES} statistics")]
    TooManyMeasures,
    /// The steps of time alone take more memory than there may be.
    #[error(
        "the answer needs more than {} MiB: ask for longer steps, a shorter time, or fewer statistics",
        bytes >> 20
    )]
    TooLarge {
        /// How much there may be.
        bytes: usize,
    },
}

/// Counts events. Several of one question, over parts of the events, merge.
#[derive(Debug)]
pub struct Statistics {
    plan: Arc<Plan>,
    groups: Groups,
    /// Used again from event to event; empty in between.
    findings: Vec<Option<Found<'static>>>,
    key: Vec<u8>,
    text: String,
}

impl Statistics {
    /// Nothing counted yet.
    ///
    /// # Errors
    /// When the question asks for too much.
    pub fn new(question: &Question) -> Result<Self, StatisticsError> {
        Ok(Self::of(Arc::new(Plan::new(question)?), STATISTICS_BYTES))
    }

    /// With another limit than [`STATISTICS_BYTES`].
    #[must_use]
    pub fn with_limit(self, bytes: usize) -> Self {
        Self::of(self.plan, bytes)
    }

    /// Nothing counted yet, of the same question, to be merged with it; each of `parts` may take its part of the memory.
    #[must_use]
    pub fn part(&self, parts: usize) -> Self {
        Self::of(Arc::clone(&self.plan), self.groups.limit() / parts.max(1))
    }

    fn of(plan: Arc<Plan>, bytes: usize) -> Self {
        let groups = Groups::new(bytes);
        Self { plan, groups, findings: Vec::new(), key: Vec::new(), text: String::new() }
    }

    /// Counts an event.
    ///
    /// # Errors
    /// [`StatisticsError::TooLarge`]; what was counted so far is still there.
    pub fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        let mut found = crate::lookups::Findings::in_room(std::mem::take(&mut self.findings));
        self.plan.lookups.find(event, &mut found);
        self.key.clear();
        for slot in &self.plan.by {
            crate::group_key::write(found.get(*slot), &mut self.key, &mut self.text);
        }
        let weight = event.weight();
        let end = event.end();
        if let Some(tally) = self.groups.tally(&self.plan, &self.key, end, weight) {
            tally.weight += weight;
            if self.plan.failed.as_ref().is_some_and(|failed| failed.is_error(&found)) {
                tally.errors += weight;
            }
            for (numbers, (slot, _)) in tally.numbers.iter_mut().zip(&self.plan.numbers) {
                if let Some(number) = found.number(*slot) {
                    numbers.add(number, weight);
                }
            }
            for (distinct, slot) in tally.distinct.iter_mut().zip(&self.plan.distinct) {
                if let Some(value) = found.get(*slot) {
                    distinct.add(value, &mut self.key, &mut self.text);
                }
            }
        }
        self.findings = found.into_room();
        self.groups.weigh_now_and_then()
    }

    /// Adds what another has counted of the same question.
    ///
    /// # Errors
    /// [`StatisticsError::TooLarge`].
    pub fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        self.groups.merge(other.groups)
    }

    /// The fields that are looked at, for a [`crate::need::Need`].
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        self.plan.lookups.paths().to_vec()
    }

    /// How many events have been counted, those left out by sampling not included.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.groups.events()
    }

    /// The number of the latest step of time, if the question has steps and there was an event.
    #[must_use]
    pub fn latest_step(&self) -> Option<u64> {
        self.groups.latest_step()
    }

    /// The number of the step of time in which an instant lies, if the question has steps.
    #[must_use]
    pub fn step_of(&self, seconds: f64) -> Option<u64> {
        self.plan.every()?.index(seconds)
    }

    /// Forgets all steps of time before one, and counts events that still come for them as late.
    pub fn forget_before(&mut self, step: u64) {
        let _ = self.groups.take_before(step);
    }

    /// Takes out all steps of time before one; events that still come for them are counted as late.
    #[must_use]
    pub fn take_before(&mut self, step: u64) -> Self {
        let mut taken = Self::of(Arc::clone(&self.plan), self.groups.limit());
        taken.groups = self.groups.take_before(step);
        taken
    }

    /// The answer to what was counted so far.
    #[must_use]
    pub fn finish(&self, wanted: Wanted) -> Table {
        table::table(&self.plan, &self.groups, wanted)
    }
}
