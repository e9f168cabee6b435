//! A question, made ready: which paths are looked up and what is kept of each.

use super::{Every, Question, StatisticsError};
use crate::failed::Failed;
use crate::limits::{MAX_BY, MAX_MEASURES};
use crate::lookups::{Lookups, Slot};
use crate::measure::{Function, Measure};
use crate::tally::{Kept, Tally};
use blueox_event::Path;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) question: Question,
    pub(crate) lookups: Lookups,
    pub(crate) by: Vec<Slot>,
    pub(crate) failed: Option<Failed>,
    pub(crate) numbers: Vec<(Slot, Kept)>,
    pub(crate) distinct: Vec<Slot>,
    /// Where each measure finds its number.
    sources: Vec<Source>,
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Count,
    Rate,
    Err,
    Number(usize, Function),
    Distinct(usize),
}

impl Plan {
    pub(crate) fn new(question: &Question) -> Result<Self, StatisticsError> {
        if question.by.len() > MAX_BY {
            return Err(StatisticsError::TooManyFields);
        }
        if question.measures.len() > MAX_MEASURES {
            return Err(StatisticsError::TooManyMeasures);
        }
        let mut lookups = Lookups::default();
        let mut plan = Self {
            question: question.clone(),
            by: question.by.iter().map(|path| lookups.add(path)).collect(),
            failed: question.measures.contains(&Measure::Err).then(|| Failed::new(&mut lookups)),
            numbers: Vec::new(),
            distinct: Vec::new(),
            sources: Vec::new(),
            lookups,
        };
        for measure in &question.measures {
            let source = match measure {
                Measure::Count => Source::Count,
                Measure::Rate => Source::Rate,
                Measure::Err => Source::Err,
                Measure::Of(function, path) => Source::Number(plan.number(path, *function), *function),
                Measure::Distinct(path) => {
                    plan.distinct.push(plan.lookups.add(path));
                    Source::Distinct(plan.distinct.len() - 1)
                }
            };
            plan.sources.push(source);
        }
        Ok(plan)
    }

    fn number(&mut self, path: &Path, function: Function) -> usize {
        let slot = self.lookups.add(path);
        let quantiles = matches!(function, Function::Quantile(_));
        if let Some(at) = self.numbers.iter().position(|(known, _)| *known == slot) {
            self.numbers[at].1.quantiles |= quantiles;
            return at;
        }
        self.numbers.push((slot, Kept { quantiles }));
        self.numbers.len() - 1
    }

    pub(crate) fn tally(&self) -> Tally {
        let kept: Vec<Kept> = self.numbers.iter().map(|(_, kept)| *kept).collect();
        Tally::new(&kept, self.distinct.len())
    }

    pub(crate) fn every(&self) -> Option<Every> {
        self.question.every
    }

    /// A number for each measure. `seconds`: over which time the tally goes, if known.
    pub(crate) fn values(&self, tally: &Tally, seconds: Option<f64>) -> Vec<Option<f64>> {
        let share = |part: f64| (tally.weight > 0.0).then(|| part / tally.weight);
        self.sources
            .iter()
            .map(|source| match source {
                Source::Count => Some(tally.weight),
                Source::Rate => seconds.map(|seconds| tally.weight / seconds),
                Source::Err => share(tally.errors),
                Source::Number(at, function) => tally.numbers[*at].value(*function),
                Source::Distinct(at) => Some(tally.distinct[*at].value()),
            })
            .collect()
    }
}
