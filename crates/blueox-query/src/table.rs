//! The answer: the groups in the order of the first measure, the greatest first, those beyond the first few as one.

use crate::group_key::{self, KeyPart};
use crate::limits::SPARK_COLUMNS;
use crate::measure::Measure;
use crate::statistics::{Every, Group, Groups, Plan};
use crate::tally::Tally;
use blueox_event::Path;

/// How much of an answer is wanted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    /// So many groups; `None`: all.
    pub top: Option<usize>,
    /// Over which time rates are, in seconds, where that was asked for; else from the first event to the last.
    pub seconds: Option<f64>,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Table {
    /// The fields by which events were grouped.
    pub by: Vec<Path>,
    /// What was counted: a row's values in this order.
    pub measures: Vec<Measure>,
    /// The length of a step of time in seconds, when steps were asked for.
    pub every: Option<f64>,
    /// The groups, the greatest first.
    pub rows: Vec<Row>,
    /// All groups that have no row, as one.
    pub other: Option<Row>,
    /// How many groups that are, at least.
    pub other_groups: u64,
    /// A row's count may be too low by so many events, because there were too many groups; never when 0.
    pub missing: f64,
    /// Events that came after their step of time had been taken.
    pub late: f64,
    /// How many events were counted.
    pub events: u64,
    /// When the first column of [`Row::spark`] begins, in seconds since the epoch, and how long a column is; `None` when no
    /// event has a time.
    pub spark: Option<(f64, f64)>,
}

/// The numbers of one group.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its values of the fields; empty in `other`.
    pub key: Vec<KeyPart>,
    /// A number for each measure; `None` where there was nothing to measure.
    pub values: Vec<Option<f64>>,
    /// How many events there were, from the first to the last of all events, in up to [`SPARK_COLUMNS`] equal steps.
    pub spark: Vec<f64>,
    /// The same for every step of time that has events, in order, when steps were asked for.
    pub steps: Vec<StepValues>,
}

/// The numbers of one group in one step of time.
#[derive(Debug, Clone)]
pub struct StepValues {
    /// When it begins, in seconds since the epoch; `None`: events without a time.
    pub start: Option<f64>,
    /// As [`Row::values`].
    pub values: Vec<Option<f64>>,
}

pub(crate) fn table(plan: &Plan, groups: &Groups, wanted: Wanted) -> Table {
    let answer = Answer { plan, seconds: seconds(plan, groups, wanted), columns: columns(plan, groups) };
    let mut ranked: Vec<Ranked<'_>> = groups
        .iter()
        .map(|(key, group)| {
            let values = answer.values(group);
            Ranked {
                rank: values.first().copied().flatten().unwrap_or(f64::NEG_INFINITY),
                key,
                group,
                values,
            }
        })
        .collect();
    // All events as one are there, be they none.
    if ranked.is_empty() && plan.by.is_empty() {
        let group = groups.other().0;
        ranked.push(Ranked { rank: 0.0, key: &[], group, values: answer.values(group) });
    }
    ranked.sort_unstable_by(|a, b| b.rank.total_cmp(&a.rank).then_with(|| a.key.cmp(b.key)));
    let rest = ranked.split_off(ranked.len().min(wanted.top.unwrap_or(usize::MAX)));
    let (given_up, given_up_groups, missing) = groups.other();
    let other_groups = given_up_groups + rest.len() as u64;
    let other = (other_groups > 0).then(|| {
        let mut other = Group::default();
        for group in rest.iter().map(|ranked| ranked.group).chain([given_up]) {
            other.merge(group.clone());
        }
        answer.row(&[], &other, answer.values(&other))
    });
    Table {
        by: plan.question.by.clone(),
        measures: plan.question.measures.clone(),
        every: plan.every().map(Every::seconds),
        rows: ranked.into_iter().map(|ranked| answer.row(ranked.key, ranked.group, ranked.values)).collect(),
        other,
        other_groups,
        missing,
        late: groups.late(),
        events: groups.events(),
        spark: answer.columns.map(|(first, per_column, _)| match plan.every() {
            Some(every) => (every.start(first), every.seconds() * per_column as f64),
            None => {
                let step = groups.spark().0.seconds();
                ((first * step) as f64, (step * per_column) as f64)
            }
        }),
    }
}

struct Ranked<'g> {
    rank: f64,
    key: &'g [u8],
    group: &'g Group,
    values: Vec<Option<f64>>,
}

struct Answer<'g> {
    plan: &'g Plan,
    seconds: Option<f64>,
    /// The first step of the series and how many steps a column has, and how many columns there are.
    columns: Option<(u64, u64, usize)>,
}

impl Answer<'_> {
    fn values(&self, group: &Group) -> Vec<Option<f64>> {
        match &group.tallies[..] {
            [] => self.plan.values(&self.plan.tally(), self.seconds),
            [(_, tally)] => self.plan.values(tally, self.seconds),
            tallies => {
                let mut all: Tally = self.plan.tally();
                for (_, tally) in tallies {
                    all.merge(tally);
                }
                self.plan.values(&all, self.seconds)
            }
        }
    }

    fn row(&self, key: &[u8], group: &Group, values: Vec<Option<f64>>) -> Row {
        let steps = self.plan.every().map_or_else(Vec::new, |every| {
            let step = |(index, tally): &(Option<u64>, Tally)| StepValues {
                start: index.map(|index| every.start(index)),
                values: self.plan.values(tally, index.map(|_| every.seconds())),
            };
            group.tallies.iter().map(step).collect()
        });
        Row { key: group_key::read(key), values, spark: self.spark(group), steps }
    }

    fn spark(&self, group: &Group) -> Vec<f64> {
        let Some((first, per_column, columns)) = self.columns else { return Vec::new() };
        let mut spark = vec![0.0; columns];
        let by_tally = group.tallies.iter().filter_map(|(index, tally)| Some(((*index)?, tally.weight)));
        for (index, weight) in group.spark.iter().copied().chain(by_tally) {
            spark[((index - first) / per_column) as usize] += weight;
        }
        spark
    }
}

/// Over which time rates are.
fn seconds(plan: &Plan, groups: &Groups, wanted: Wanted) -> Option<f64> {
    let seen = || {
        let (first, last) = groups.span()?;
        let seen = last - first;
        Some(plan.every().map_or(seen, |every| seen.max(every.seconds())))
    };
    wanted.seconds.or_else(seen).filter(|seconds| *seconds > 0.0)
}

fn columns(plan: &Plan, groups: &Groups) -> Option<(u64, u64, usize)> {
    let (first, last) = if plan.every().is_some() {
        let all = || groups.iter().map(|(_, group)| group).chain([groups.other().0]);
        let indexes = || all().flat_map(|group| group.tallies.iter().filter_map(|(index, _)| *index));
        (indexes().min()?, indexes().max()?)
    } else {
        groups.spark().1?
    };
    let per_column = (last - first) / SPARK_COLUMNS as u64 + 1;
    Some((first, per_column, ((last - first) / per_column + 1) as usize))
}
