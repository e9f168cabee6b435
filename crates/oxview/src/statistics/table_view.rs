//! An answer as a table for people, JSON lines, or CSV.
//!
//! ```text
//! request.path  count  err%   p50    p95
//! /cart         8,412   4.1  38ms  910ms ▁▂▇█
//! ```

use super::number::{measured, shown, spark, thousands, title};
use super::{Form, Manner};
use crate::fields::timestamp;
use crate::form::csv;
use crate::text;
use blueox_event::{Value, json};
use blueox_query::group_key::KeyPart;
use blueox_query::table::{Row, Table};
use std::fmt::Write;

/// Columns of a group's name at most, and of a series.
const KEY_COLUMNS: usize = 48;
const SPARK_COLUMNS: usize = 20;

/// Appends the answer in the form that is wanted.
pub(crate) fn write(table: &Table, manner: &Manner, out: &mut Vec<u8>) {
    match manner.form {
        Form::Table => people(table, manner, out),
        Form::Json => json_lines(table, manner, out),
        Form::Csv => csv(table, manner.header, out),
    }
}

/// What there is to say beside the numbers.
pub(crate) fn remarks(table: &Table) -> Vec<String> {
    let mut remarks = Vec::new();
    if table.events == 0 {
        remarks.push("no event matches".to_owned());
    }
    if table.missing > 0.0 {
        remarks.push(format!(
            "there were too many groups to keep all: the rarest are in \"other\", and any count may be too low by up \
             to {}; fewer fields, a filter or a shorter time help",
            thousands(table.missing.ceil())
        ));
    }
    if table.late > 0.0 {
        let late = thousands(table.late);
        remarks.push(format!("{late} events came after their step of time was written, and are left out"));
    }
    remarks
}

/// One line of an answer: a group, or what it was in one step of time.
struct Line<'t> {
    time: Option<String>,
    row: &'t Row,
    is_other: bool,
    values: &'t [Option<f64>],
}

/// All lines: by steps of time, where they were asked for, and then as the rows are ranked.
fn lines(table: &Table) -> Vec<Line<'_>> {
    let rows = table.rows.iter().map(|row| (row, false)).chain(table.other.iter().map(|row| (row, true)));
    if table.every.is_none() {
        return rows.map(|(row, is_other)| Line { time: None, row, is_other, values: &row.values }).collect();
    }
    let mut lines: Vec<(f64, Line<'_>)> = rows
        .flat_map(|(row, is_other)| row.steps.iter().map(move |step| (row, is_other, step)))
        .map(|(row, is_other, step)| {
            let time = Some(step.start.map_or_else(String::new, timestamp));
            let start = step.start.unwrap_or(f64::INFINITY);
            (start, Line { time, row, is_other, values: &step.values })
        })
        .collect();
    // A stable sort keeps the ranks within a step.
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    lines.into_iter().map(|(_, line)| line).collect()
}

fn people(table: &Table, manner: &Manner, out: &mut Vec<u8>) {
    let keys = table.by.len();
    let timed = usize::from(table.every.is_some());
    let mut cells: Vec<Vec<String>> = Vec::new();
    let mut head: Vec<String> = Vec::new();
    if timed > 0 {
        head.push("time".to_owned());
    }
    head.extend(table.by.iter().map(|path| text::printable_text(path.to_string().as_bytes())));
    head.extend(table.measures.iter().map(title));
    cells.push(head);
    let lines = lines(table);
    for line in &lines {
        let mut row: Vec<String> = line.time.iter().map(|time| short_time(time)).collect();
        if line.is_other {
            let mut name = format!("other ({} groups)", thousands(table.other_groups as f64));
            row.extend((0..keys).map(|_| std::mem::take(&mut name)));
        } else {
            row.extend(line.row.key.iter().map(|part| text::cut(&key_text(part), KEY_COLUMNS)));
        }
        row.extend(line.values.iter().zip(&table.measures).map(|(value, measure)| shown(*value, measure)));
        cells.push(row);
    }
    let widths: Vec<usize> = (0..cells[0].len())
        .map(|column| cells.iter().map(|row| text::width(&row[column])).max().unwrap_or(0))
        .collect();
    for (number, row) in cells.iter().enumerate() {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let gap = if column == 0 { "" } else { "  " };
            line.push_str(gap);
            if column < keys + timed {
                line.push_str(&text::pad(cell, widths[column]));
            } else {
                line.extend(std::iter::repeat_n(' ', widths[column] - text::width(cell)));
                line.push_str(cell);
            }
        }
        let series = number.checked_sub(1).map(|at| &lines[at].row.spark).filter(|_| timed == 0);
        if let Some(series) = series.filter(|series| series.len() > 1) {
            let _ = write!(line, "  {}", spark(series, SPARK_COLUMNS));
        }
        let line = text::cut(line.trim_end(), manner.columns.unwrap_or(usize::MAX));
        let style = if number == 0 { manner.palette.dim() } else { anstyle::Style::new() };
        out.extend_from_slice(format!("{style}{line}{style:#}\n").as_bytes());
    }
}

/// `2012-03-13 12:00:00`: the zone is always UTC, and the milliseconds of a step are seldom of use.
fn short_time(time: &str) -> String {
    time.trim_end_matches('Z').trim_end_matches(".000").replacen('T', " ", 1)
}

fn key_text(part: &KeyPart) -> String {
    match part {
        KeyPart::Missing => "-".to_owned(),
        KeyPart::Text(bytes) if bytes.is_empty() => "\"\"".to_owned(),
        KeyPart::Text(bytes) => text::printable_text(bytes),
        KeyPart::Json(json) => text::printable_text(json.as_bytes()),
    }
}

fn json_lines(table: &Table, manner: &Manner, out: &mut Vec<u8>) {
    for line in lines(table) {
        let mut json = String::from("{");
        if let Some(time) = &line.time {
            let time = Some(time).filter(|time| !time.is_empty());
            member("time", &time.map_or(Value::Nil, |time| Value::from(time.as_str())), &mut json);
        }
        for (index, path) in table.by.iter().enumerate() {
            let name = path.to_string();
            match line.row.key.get(index) {
                Some(KeyPart::Text(bytes)) => member(&name, &Value::Str(bytes.clone()), &mut json),
                // It is JSON as it is, unless it was cut.
                Some(KeyPart::Json(value)) if is_whole(value) => {
                    key(&name, &mut json);
                    json.push_str(value);
                }
                Some(KeyPart::Json(value)) => member(&name, &Value::from(value.as_str()), &mut json),
                Some(KeyPart::Missing) | None => member(&name, &Value::Nil, &mut json),
            }
        }
        if line.is_other {
            member("other_groups", &Value::from(table.other_groups), &mut json);
        }
        for (value, measure) in line.values.iter().zip(&table.measures) {
            let value = value.map_or(Value::Nil, |value| measured(value, measure));
            member(&measure.to_string(), &value, &mut json);
        }
        json.push_str("}\n");
        let harmless = manner.columns.and_then(|_| text::escape_json(&json));
        out.extend_from_slice(harmless.unwrap_or(json).as_bytes());
    }
}

/// Whether the JSON of a key's value was not cut.
fn is_whole(json: &str) -> bool {
    json.len() < blueox_query::limits::MAX_KEY_PART_BYTES
}

/// Appends a member's name to an object that is being written, alone or within others.
pub(crate) fn key(name: &str, json: &mut String) {
    if !json.ends_with('{') {
        json.push(',');
    }
    write_value(&Value::from(name), json);
    json.push(':');
}

/// Appends a member to an object that is being written.
pub(crate) fn member(name: &str, value: &Value, json: &mut String) {
    key(name, json);
    write_value(value, json);
}

fn write_value(value: &Value, json: &mut String) {
    let bytes = value.to_msgpack();
    let raw = blueox_event::msgpack::RawValue::parse(&bytes).ok().flatten();
    json::write(raw.expect("BUG: it was encoded just now"), json);
}

fn csv(table: &Table, header: bool, out: &mut Vec<u8>) {
    let mut text = String::new();
    if header {
        let time = table.every.iter().map(|_| "time".to_owned());
        let by = table.by.iter().map(ToString::to_string);
        csv::row(time.chain(by).chain(table.measures.iter().map(ToString::to_string)), &mut text);
    }
    for line in lines(table) {
        let key: Vec<String> = if line.is_other {
            table.by.iter().map(|_| "(other)".to_owned()).collect()
        } else {
            line.row.key.iter().map(csv_key).collect()
        };
        let values = line.values.iter().zip(&table.measures).map(|(value, measure)| {
            let mut text = String::new();
            if let Some(value) = value {
                write_value(&measured(*value, measure), &mut text);
            }
            text
        });
        csv::row(line.time.into_iter().chain(key).chain(values), &mut text);
    }
    out.extend_from_slice(text.as_bytes());
}

fn csv_key(part: &KeyPart) -> String {
    match part {
        KeyPart::Missing => String::new(),
        KeyPart::Text(bytes) => text::printable_text(bytes),
        KeyPart::Json(json) => json.clone(),
    }
}
