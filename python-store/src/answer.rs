//! The numbers of a question.

use crate::batches::Arrow;
use crate::columns::Columns;
use crate::events::over_all;
use crate::failure::Failure;
use crate::interrupt::interruptible;
use crate::shape::{Kinds, time_field};
use crate::sources::Sources;
use arrow_schema::{DataType, Field, Schema};
use blueox_event::{Path, Value};
use blueox_query::group_key::KeyPart;
use blueox_query::limits::MAX_KEY_PART_BYTES;
use blueox_query::measure::Measure;
use blueox_query::statistics::{Every, Question, Statistics};
use blueox_query::table::{Row, Table, Wanted};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use std::sync::Arc;
use std::thread;

const TIME: &str = "time";
const OTHER: &str = "other_groups";

/// An answer: one line a group, or a group and step of time.
#[pyclass(frozen)]
pub(crate) struct Answer {
    table: Table,
    remarks: Vec<String>,
}

/// Counts what `sources` have. `every` is in seconds; `seconds`: over which time rates are.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "a list comes from Python as a Vec")]
pub(crate) fn stats(
    py: Python<'_>,
    sources: &Bound<'_, Sources>,
    by: Vec<String>,
    measures: &str,
    every: Option<f64>,
    top: Option<usize>,
    seconds: Option<f64>,
) -> PyResult<Answer> {
    let sources = sources.get();
    let question = question(&by, measures, every)?;
    let whole = Statistics::new(&question).map_err(Failure::from)?;
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (counted, mut remarks) = interruptible(py, |stop| {
        let parts = whole.part(1);
        let part = || parts.part(threads + 1);
        over_all(
            sources,
            Some(parts.paths()),
            whole,
            stop,
            part,
            |statistics, event| Ok(statistics.add(event)?),
            |whole, part| Ok(whole.merge(part)?),
        )
    })??;
    let table = counted.finish(Wanted { top, seconds });
    if table.missing > 0.0 {
        remarks.push(format!(
            "there were too many groups to keep all: the rarest are one, and any count may be too low by up to {}; \
             fewer fields, a filter or a shorter time help",
            table.missing.ceil()
        ));
    }
    Ok(Answer { table, remarks })
}

fn question(by: &[String], measures: &str, every: Option<f64>) -> Result<Question, Failure> {
    let path = |name: &String| {
        Path::parse(name.trim()).map_err(|error| Failure::Asked(format!("{name:?} is no field: {error}")))
    };
    let by = by.iter().map(path).collect::<Result<Vec<_>, _>>()?;
    let measures = Measure::parse_list(measures).map_err(|error| Failure::Asked(error.to_string()))?;
    if measures.is_empty() {
        return Err(Failure::Asked("stats names nothing to count; write stats=\"count,err,p99\"".to_owned()));
    }
    let every = every.map(|seconds| {
        Every::from_seconds(seconds)
            .ok_or_else(|| Failure::Asked("every is from a millisecond to a year".to_owned()))
    });
    let question = Question { by, measures, every: every.transpose()? };
    let names = names(&question.by, &question.measures, question.every.is_some());
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            return Err(Failure::Asked(format!("{name:?} would be two columns; leave one out")));
        }
    }
    Ok(question)
}

fn names(by: &[Path], measures: &[Measure], timed: bool) -> Vec<String> {
    let time = timed.then(|| TIME.to_owned()).into_iter();
    let by = by.iter().map(ToString::to_string);
    time.chain(by).chain(measures.iter().map(ToString::to_string)).collect()
}

/// One line of an answer.
struct Line<'t> {
    start: Option<f64>,
    row: &'t Row,
    is_other: bool,
    values: &'t [Option<f64>],
}

#[pymethods]
impl Answer {
    /// What there is to say beside the numbers.
    #[getter]
    fn remarks(&self) -> Vec<String> {
        self.remarks.clone()
    }

    /// How many events were counted.
    #[getter]
    fn events(&self) -> u64 {
        self.table.events
    }

    /// The columns' names.
    #[getter]
    fn columns(&self) -> Vec<String> {
        names(&self.table.by, &self.table.measures, self.table.every.is_some())
    }

    /// The lines, as dicts.
    fn rows<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyDict>>> {
        let loads = py.import("json")?.getattr("loads")?;
        self.lines().iter().map(|line| self.row(py, line, &loads)).collect()
    }

    /// The lines, as columns.
    fn arrow(&self) -> Arrow {
        let lines = self.lines();
        let schema = Arc::new(Schema::new(self.fields(&lines)));
        let mut columns = Columns::new(&schema);
        for line in &lines {
            columns.put_time(TIME, line.start.filter(|_| self.table.every.is_some()));
            for (path, part) in self.table.by.iter().zip(&line.row.key) {
                columns.put(&path.to_string(), &value_of(part));
            }
            for (measure, value) in self.table.measures.iter().zip(line.values) {
                if let Some(value) = value {
                    columns.put(&measure.to_string(), &Value::F64(measured(*value, measure)));
                }
            }
            if line.is_other {
                columns.put(OTHER, &Value::from(self.table.other_groups));
            }
            columns.end_row();
        }
        let batch = columns.take().expect("BUG: columns of one length and type");
        Arrow::new(schema, vec![batch])
    }
}

impl Answer {
    /// By steps of time, where they were asked for, and then as the groups are ranked.
    fn lines(&self) -> Vec<Line<'_>> {
        let table = &self.table;
        let rows = table.rows.iter().map(|row| (row, false)).chain(table.other.iter().map(|row| (row, true)));
        if table.every.is_none() {
            return rows
                .map(|(row, is_other)| Line { start: None, row, is_other, values: &row.values })
                .collect();
        }
        let mut lines: Vec<Line<'_>> = rows
            .flat_map(|(row, is_other)| row.steps.iter().map(move |step| (row, is_other, step)))
            .map(|(row, is_other, step)| Line { start: step.start, row, is_other, values: &step.values })
            .collect();
        // A stable sort keeps the ranks within a step.
        let start = |line: &Line<'_>| line.start.unwrap_or(f64::INFINITY);
        lines.sort_by(|a, b| start(a).total_cmp(&start(b)));
        lines
    }

    fn fields(&self, lines: &[Line<'_>]) -> Vec<Field> {
        let mut fields: Vec<Field> = self.table.every.iter().map(|_| time_field()).collect();
        for (at, path) in self.table.by.iter().enumerate() {
            let mut kinds = Kinds::default();
            for part in lines.iter().filter_map(|line| line.row.key.get(at)) {
                kinds.add(&value_of(part));
            }
            fields.push(Field::new(path.to_string(), kinds.data_type(), true));
        }
        let measures = self.table.measures.iter();
        fields.extend(measures.map(|measure| Field::new(measure.to_string(), DataType::Float64, true)));
        fields.extend(self.table.other.iter().map(|_| Field::new(OTHER, DataType::Int64, true)));
        fields
    }

    fn row<'py>(
        &self,
        py: Python<'py>,
        line: &Line<'_>,
        loads: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let row = PyDict::new(py);
        if self.table.every.is_some() {
            row.set_item(TIME, instant(py, line.start)?)?;
        }
        for (at, path) in self.table.by.iter().enumerate() {
            let value = match line.row.key.get(at) {
                Some(KeyPart::Text(text)) => match str::from_utf8(text) {
                    Ok(text) => PyString::new(py, text).into_any(),
                    Err(_) => PyBytes::new(py, text).into_any(),
                },
                // JSON that was cut is no JSON any more.
                Some(KeyPart::Json(json)) if json.len() < MAX_KEY_PART_BYTES => loads.call1((json,))?,
                Some(KeyPart::Json(json)) => PyString::new(py, json).into_any(),
                Some(KeyPart::Missing) | None => py.None().into_bound(py),
            };
            row.set_item(path.to_string(), value)?;
        }
        if line.is_other {
            row.set_item(OTHER, self.table.other_groups)?;
        }
        for (measure, value) in self.table.measures.iter().zip(line.values) {
            let value = value.map(|value| measured(value, measure));
            // Whole numbers without a point, as oxview writes them.
            match value.filter(|value| value.fract() == 0.0 && value.abs() < 9e15) {
                Some(whole) => row.set_item(measure.to_string(), whole as i64)?,
                None => row.set_item(measure.to_string(), value)?,
            }
        }
        Ok(row)
    }
}

/// Durations go to the nanosecond, as oxview's: what is below is noise of the subtraction.
fn measured(value: f64, measure: &Measure) -> f64 {
    if measure.is_duration() { (value * 1e9).round() / 1e9 } else { value }
}

fn value_of(part: &KeyPart) -> Value {
    match part {
        KeyPart::Missing => Value::Nil,
        KeyPart::Text(text) => Value::Str(text.clone()),
        KeyPart::Json(json) => match json.as_str() {
            "null" => Value::Nil,
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            text => {
                let whole = text.parse::<i64>().map(Value::Int);
                let number = whole.or_else(|_| text.parse::<f64>().map(Value::F64));
                number.unwrap_or_else(|_| Value::from(text))
            }
        },
    }
}

/// A `datetime` in UTC; `None` when no calendar holds it.
pub(crate) fn instant<'py>(py: Python<'py>, seconds: Option<f64>) -> PyResult<Bound<'py, PyAny>> {
    let in_calendar = |seconds: &f64| (-62_135_596_800.0..253_402_300_799.0).contains(seconds);
    let Some(seconds) = seconds.filter(in_calendar) else { return Ok(py.None().into_bound(py)) };
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    let epoch = datetime.getattr("datetime")?.call_method1("fromtimestamp", (0, utc))?;
    let micros = (seconds * 1e6).round() as i64;
    let delta = datetime.getattr("timedelta")?.call1((0, 0, micros))?;
    epoch.add(delta)
}
