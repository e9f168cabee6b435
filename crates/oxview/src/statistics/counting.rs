//! Events that become numbers.

use super::comparison::Comparison;
use super::facets::FacetCounts;
use super::live_view::LiveView;
use crate::interrupt::Interrupt;
use crate::sink::Sink;
use blueox_event::{EncodedEvent, Path};
use blueox_query::heatmap::Heatmap;
use blueox_query::statistics::{Statistics, StatisticsError};
use std::ops::ControlFlow;

/// Whoever watched has seen enough.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Stopped;

/// What counts.
#[derive(Debug)]
pub(crate) enum Counter {
    Statistics(Statistics),
    Heatmap(Heatmap),
    Facets(FacetCounts),
    Comparison(Comparison),
}

impl Counter {
    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        match self {
            Self::Statistics(statistics) => statistics.add(event),
            Self::Heatmap(heatmap) => {
                heatmap.add(event);
                Ok(())
            }
            Self::Facets(facets) => {
                facets.add(event);
                Ok(())
            }
            Self::Comparison(comparison) => {
                comparison.add(event);
                Ok(())
            }
        }
    }

    /// The fields that are looked at; `None`: the whole event.
    pub(crate) fn paths(&self) -> Option<Vec<Path>> {
        match self {
            Self::Statistics(statistics) => Some(statistics.paths()),
            Self::Heatmap(heatmap) => Some(heatmap.paths()),
            Self::Facets(facets) => facets.paths(),
            Self::Comparison(_) => None,
        }
    }

    /// One that has counted nothing, to be merged with this one, as one of so many.
    pub(crate) fn part(&self, parts: usize) -> Self {
        match self {
            Self::Statistics(statistics) => Self::Statistics(statistics.part(parts)),
            Self::Heatmap(heatmap) => Self::Heatmap(heatmap.part()),
            Self::Facets(facets) => Self::Facets(facets.part()),
            Self::Comparison(comparison) => Self::Comparison(comparison.part()),
        }
    }

    pub(crate) fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        match (self, other) {
            (Self::Statistics(mine), Self::Statistics(theirs)) => mine.merge(theirs),
            (Self::Heatmap(mine), Self::Heatmap(theirs)) => {
                mine.merge(theirs);
                Ok(())
            }
            (Self::Facets(mine), Self::Facets(theirs)) => {
                mine.merge(theirs);
                Ok(())
            }
            (Self::Comparison(mine), Self::Comparison(theirs)) => {
                mine.merge(theirs);
                Ok(())
            }
            _ => unreachable!("BUG: parts are of the kind of the whole"),
        }
    }
}

/// Counts events one after the other, and shows how far it has got when they never end.
pub(crate) struct Counting {
    counter: Counter,
    view: Option<LiveView>,
    interrupt: Interrupt,
    count: u64,
}

impl Counting {
    pub(crate) fn new(counter: Counter, view: Option<LiveView>, interrupt: Interrupt) -> Self {
        Self { counter, view, interrupt, count: 0 }
    }

    /// What was counted, and what has shown it.
    pub(crate) fn into_parts(self) -> (Counter, Option<LiveView>) {
        (self.counter, self.view)
    }
}

impl Sink for Counting {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        self.counter.add(event)?;
        if self.interrupt.is_asked() {
            return Ok(ControlFlow::Break(()));
        }
        if let Some(view) = &mut self.view {
            view.busy(&mut self.counter)?;
        }
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        if self.interrupt.is_asked() {
            return Err(Stopped.into());
        }
        match &mut self.view {
            Some(view) => view.idle(&mut self.counter),
            None => Ok(()),
        }
    }

    fn count(&self) -> u64 {
        self.count
    }
}
