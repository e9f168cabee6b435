//! A row for each type: how many, how many failed, how long they took, and the same over time.

use super::axis::Axis;
use super::limits::{COLUMNS, TYPES};
use super::parameters::Parameters;
use super::question::{Answer, Question, bounded};
use super::range::Asked;
use super::refusal::Refusal;
use super::store::Counts;
use blueox_event::{EncodedEvent, Path};
use blueox_query::group_key::KeyPart;
use blueox_query::measure::Measure;
use blueox_query::statistics::{self, Every, Statistics, StatisticsError};
use blueox_query::table::{Row, Wanted};
use serde_json::{Value, json};

/// The numbers of a row, in the order of [`NAMES`].
const MEASURES: &str = "count,rate,err,p50,p95,p99";
const NAMES: [&str; 6] = ["count", "rate", "err", "p50", "p95", "p99"];

/// `GET /api/v1/overview`
#[derive(Debug)]
pub(crate) struct Overview {
    axis: Axis,
    top: usize,
}

impl Counts for Statistics {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        Statistics::add(self, event)
    }

    fn part(&self, parts: usize) -> Self {
        Statistics::part(self, parts)
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        Statistics::merge(self, other)
    }

    fn paths(&self) -> Option<Vec<Path>> {
        Some(Statistics::paths(self))
    }
}

impl Question for Overview {
    type Counts = Statistics;

    fn read(parameters: &mut Parameters, asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        let columns = parameters.count("columns", COLUMNS)?;
        Ok(Self { axis: Axis::new(asked.since, asked.until, columns), top: parameters.count("top", TYPES)? })
    }

    fn counts(&self, _asked: &Asked) -> Result<Statistics, Refusal> {
        let question = statistics::Question {
            by: vec![Path::parse("type").map_err(Refusal::internal)?],
            measures: Measure::parse_list(MEASURES).map_err(Refusal::internal)?,
            every: Every::from_seconds(self.axis.step),
        };
        Ok(bounded(Statistics::new(&question).map_err(Refusal::internal)?))
    }

    fn answer(&self, asked: &Asked, statistics: Statistics, answer: &mut Answer) -> Result<(), Refusal> {
        let table = statistics.finish(Wanted { top: Some(self.top), seconds: Some(asked.seconds()) });
        answer.put("step", self.axis.step);
        answer.put("seconds", asked.seconds());
        answer.put("times", self.axis.times());
        let row = |row: &Row| {
            let type_name = row.key.first().map(|key| match key {
                KeyPart::Text(name) => String::from_utf8_lossy(name).into_owned(),
                KeyPart::Json(json) => json.clone(),
                KeyPart::Missing => String::new(),
            });
            self.row(type_name.as_deref(), row)
        };
        answer.put("rows", table.rows.iter().map(row).collect::<Value>());
        answer.put("other", table.other.as_ref().map(|other| self.row(None, other)));
        answer.put("other_types", table.other_groups);
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        let step = format!("{}s", self.axis.step);
        let words = ["--by", "type", "--stats", MEASURES, "--every", &step, "--top", &self.top.to_string()];
        Some((None, words.map(str::to_owned).to_vec()))
    }
}

impl Overview {
    fn row(&self, type_name: Option<&str>, row: &Row) -> Value {
        let mut shown = json!({ "type": type_name });
        for (name, value) in NAMES.iter().zip(&row.values) {
            shown[name] = json!(value);
        }
        let errors = |values: &[Option<f64>]| {
            (values[0].unwrap_or(0.0) * values[2].unwrap_or(0.0) * 1e6).round() / 1e6
        };
        shown["errors"] = errors(&row.values).into();
        let mut series = json!({});
        for (index, name) in NAMES.iter().enumerate().filter(|(_, name)| !matches!(**name, "rate" | "err")) {
            let empty = if *name == "count" { Value::from(0.0) } else { Value::Null };
            let values = row.steps.iter().filter_map(|step| Some((step.start?, json!(step.values[index]))));
            series[name] = self.axis.series(values, &empty);
        }
        let errors = row.steps.iter().filter_map(|step| Some((step.start?, errors(&step.values).into())));
        series["errors"] = self.axis.series(errors, &Value::from(0.0));
        shown["series"] = series;
        shown
    }
}
