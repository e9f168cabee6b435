//! Events by the values of one or two fields.

use super::filter_text::Shown;
use super::limits::{BY, GROUPS};
use super::parameters::Parameters;
use super::question::{Answer, Question, bounded};
use super::range::{Asked, path};
use super::refusal::Refusal;
use super::store::Counts;
use axum::http::StatusCode;
use blueox_event::{EncodedEvent, Path};
use blueox_query::measure::Measure;
use blueox_query::statistics::{self, Statistics, StatisticsError};
use blueox_query::table::{Row, Wanted};
use serde_json::{Value, json};

/// What is counted, unless told otherwise.
const STATS: &str = "count,rate,err,p50,p95,p99";

/// `GET /api/v1/breakdown`
#[derive(Debug)]
pub(crate) struct Breakdown {
    by: Vec<Path>,
    stats: Vec<Measure>,
    /// By which of `stats` rows are ranked.
    sort: usize,
    top: usize,
}

/// The groups, and all events as one.
#[derive(Debug)]
pub(crate) struct Grouped {
    groups: Statistics,
    total: Statistics,
}

impl Counts for Grouped {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        self.groups.add(event)?;
        self.total.add(event)
    }

    fn part(&self, parts: usize) -> Self {
        Self { groups: self.groups.part(parts), total: self.total.part(parts) }
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        self.groups.merge(other.groups)?;
        self.total.merge(other.total)
    }

    fn paths(&self) -> Option<Vec<Path>> {
        Some([self.groups.paths(), self.total.paths()].concat())
    }
}

impl Question for Breakdown {
    type Counts = Grouped;

    fn read(parameters: &mut Parameters, _asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        let by = parameters.all("by");
        if !(1..=BY).contains(&by.len()) {
            return Err(Refusal::parameter(
                "by",
                "give one or two fields to group by, such as by=type&by=host",
            ));
        }
        let by = by.iter().map(|name| path("by", name)).collect::<Result<_, _>>()?;
        let stats = parameters.one("stats")?.unwrap_or_else(|| STATS.to_owned());
        let bad = |error: &dyn std::fmt::Display| Refusal::parameter("stats", error.to_string());
        let stats = Measure::parse_list(&stats).map_err(|error| bad(&error))?;
        if stats.is_empty() {
            return Err(bad(&"stats names nothing to count; write stats=count,err,p99"));
        }
        let sort = match parameters.one("sort")? {
            None => 0,
            Some(sort) => {
                stats.iter().position(|measure| measure.to_string() == sort.trim()).ok_or_else(|| {
                    let names: Vec<String> = stats.iter().map(ToString::to_string).collect();
                    Refusal::parameter(
                        "sort",
                        format!("sort is {sort:?}; it must be one of {}", names.join(", ")),
                    )
                })?
            }
        };
        Ok(Self { by, stats, sort, top: parameters.count("top", GROUPS)? })
    }

    fn counts(&self, _asked: &Asked) -> Result<Grouped, Refusal> {
        let counts = |by: &[Path]| {
            let question = statistics::Question { by: by.to_vec(), measures: self.ranked(), every: None };
            let statistics = Statistics::new(&question);
            statistics.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.to_string()))
        };
        Ok(Grouped { groups: bounded(counts(&self.by)?), total: counts(&[])? })
    }

    fn answer(&self, asked: &Asked, grouped: Grouped, answer: &mut Answer) -> Result<(), Refusal> {
        let wanted = Wanted { top: Some(self.top), seconds: Some(asked.seconds()) };
        let table = grouped.groups.finish(wanted);
        let total = grouped.total.finish(wanted);
        let names = |stats: &[Measure]| -> Value { stats.iter().map(ToString::to_string).collect() };
        answer.put("by", self.by.iter().map(ToString::to_string).collect::<Value>());
        answer.put("stats", names(&self.stats));
        answer.put("sort", self.stats[self.sort].to_string());
        answer.put("units", self.stats.iter().map(unit).collect::<Value>());
        let rows = table.rows.iter().map(|row| {
            let key = self.by.iter().zip(&row.key);
            let key = key.map(|(path, part)| Value::Object(Shown::key_part(path, part).into_json()));
            json!({ "key": key.collect::<Value>(), "values": self.values(row), "spark": row.spark })
        });
        answer.put("rows", rows.collect::<Value>());
        let numbers = |row: &Row| json!({ "values": self.values(row), "spark": row.spark });
        answer.put("other", table.other.as_ref().map(numbers));
        answer.put("other_groups", table.other_groups);
        answer.put("missing", table.missing);
        answer.put("spark_start", table.spark.map(|(start, _)| start));
        answer.put("spark_step", table.spark.map(|(_, step)| step));
        answer.put("total", total.rows.first().map(numbers));
        if table.missing > 0.0 {
            let text = format!(
                "there are too many groups to count each: a row may be too low by up to {} events",
                table.missing
            );
            answer.remark("limit", text);
        }
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        let join = |texts: Vec<String>| texts.join(",");
        let by = join(self.by.iter().map(ToString::to_string).collect());
        let stats = join(self.ranked().iter().map(ToString::to_string).collect());
        let words = ["--by", &by, "--stats", &stats, "--top", &self.top.to_string()];
        Some((None, words.map(str::to_owned).to_vec()))
    }
}

impl Breakdown {
    /// The measures, the one by which rows are ranked first.
    fn ranked(&self) -> Vec<Measure> {
        let mut ranked = self.stats.clone();
        ranked[..=self.sort].rotate_right(1);
        ranked
    }

    /// A row's values in the order that was asked for.
    fn values(&self, row: &Row) -> Vec<Option<f64>> {
        let mut values = row.values.clone();
        values[..=self.sort].rotate_left(1);
        values
    }
}

/// In what a measure counts: `s`, `1/s`, `share`, or nothing that is known.
fn unit(measure: &Measure) -> &'static str {
    match measure {
        Measure::Rate => "1/s",
        Measure::Err => "share",
        measure if measure.is_duration() => "s",
        _ => "",
    }
}
