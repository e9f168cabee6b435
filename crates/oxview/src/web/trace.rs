//! All events of one id: as a tree, in columns, so that a browser reads a hundred thousand of them at once; and one of them
//! as a whole.

mod tree;

use super::limits::{TRACE_BYTES, TRACE_EVENTS};
use super::page::Page;
use super::parameters::Parameters;
use super::question::{Answer, Place, Question, answer};
use super::range::Asked;
use super::refusal::Refusal;
use super::store::Counts;
use crate::summary::Summarizer;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use blueox_event::{EncodedEvent, json};
use blueox_query::statistics::StatisticsError;
use std::collections::HashMap;
use std::sync::Arc;
use tree::{Row, Tree};

/// From when on events of a trace are looked for, unless told otherwise.
const SINCE: &str = "-24h";

/// `GET /api/v1/trace/ID`
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn get(
    State(page): State<Arc<Page>>,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let Path(id) = id.map_err(|error| Refusal::new(StatusCode::BAD_REQUEST, error.body_text()))?;
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let asked = Asked::read(&mut parameters, Some(id), SINCE, page.now())?;
    parameters.finish()?;
    answer(page, asked, Trace, &parameters, &Place::new(&headers, &uri)).await
}

/// `GET /api/v1/trace/ID/event/ROW`
///
/// # Errors
/// See [`Refusal`].
pub(crate) async fn get_event(
    State(page): State<Arc<Page>>,
    place: Result<Path<(String, usize)>, PathRejection>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let bad = |error: PathRejection| Refusal::new(StatusCode::BAD_REQUEST, error.body_text());
    let Path((id, row)) = place.map_err(bad)?;
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let of = parameters.count("of", (0, TRACE_EVENTS))?;
    if of == 0 {
        return Err(Refusal::parameter("of", "of is missing: the count of the trace that was loaded"));
    }
    let asked = Asked::read(&mut parameters, Some(id), SINCE, page.now())?;
    parameters.finish()?;
    answer(page, asked, TraceEvent { row, of }, &parameters, &Place::new(&headers, &uri)).await
}

/// All of it.
#[derive(Debug)]
struct Trace;

/// One event of it.
#[derive(Debug)]
struct TraceEvent {
    row: usize,
    /// How many events whoever asks has seen.
    of: usize,
}

/// The events of an id.
#[derive(Debug, Default)]
struct Collected {
    events: Vec<Box<[u8]>>,
    bytes: usize,
    left_out: u64,
}

impl Counts for Collected {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        if self.events.len() < TRACE_EVENTS && self.bytes + event.bytes().len() <= TRACE_BYTES {
            self.bytes += event.bytes().len();
            self.events.push(event.bytes().into());
        } else {
            self.left_out += 1;
        }
        Ok(())
    }

    fn part(&self, _parts: usize) -> Self {
        Self::default()
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        self.left_out += other.left_out;
        for event in other.events {
            if self.events.len() < TRACE_EVENTS && self.bytes + event.len() <= TRACE_BYTES {
                self.bytes += event.len();
                self.events.push(event);
            } else {
                self.left_out += 1;
            }
        }
        Ok(())
    }
}

/// The tree of the one id that is meant.
struct Found {
    id: String,
    tree: Tree,
    other_ids: usize,
    left_out: u64,
}

impl Found {
    fn new(asked: &Asked, collected: Collected) -> Result<Self, Refusal> {
        let wanted = asked.selection.id().unwrap_or_default().to_owned();
        let mut rows: Vec<Row> = collected.events.into_iter().map(Row::new).collect();
        rows.sort_by(Row::order);
        let ids = |rows: &[Row]| -> Vec<String> {
            let mut ids: Vec<String> = rows.iter().map(Row::id).collect();
            ids.sort();
            ids.dedup();
            ids
        };
        let ids = ids(&rows);
        let Some(id) = ids.iter().find(|id| **id == wanted).cloned().or_else(|| Some(rows.first()?.id()))
        else {
            let error = format!(
                "no event since {} has the id {wanted}; ask for a longer time (since), or look whether the id is whole",
                asked.since_text
            );
            return Err(Refusal::new(StatusCode::NOT_FOUND, error));
        };
        rows.retain(|row| row.id() == id);
        Ok(Self { id, tree: Tree::new(rows), other_ids: ids.len() - 1, left_out: collected.left_out })
    }

    fn remark(&self, answer: &mut Answer) {
        if self.other_ids > 0 {
            let text = format!("{} other ids begin or end so; give more of the id", self.other_ids);
            answer.remark("limit", text);
        }
        if self.left_out > 0 {
            answer.remark("limit", format!("{} events more than can be shown were left out", self.left_out));
        }
    }
}

impl Question for Trace {
    type Counts = Collected;

    fn read(_parameters: &mut Parameters, _asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        Ok(Self)
    }

    fn counts(&self, _asked: &Asked) -> Result<Collected, Refusal> {
        Ok(Collected::default())
    }

    fn answer(&self, asked: &Asked, collected: Collected, answer: &mut Answer) -> Result<(), Refusal> {
        let found = Found::new(asked, collected)?;
        found.remark(answer);
        let mut columns = Columns::default();
        for placed in &found.tree.placed {
            columns.add(&found.tree.rows[placed.row], placed, found.tree.begin);
        }
        answer.put("id", found.id);
        answer.put("count", found.tree.placed.len());
        answer.put("start", found.tree.begin);
        answer.put("end", found.tree.end);
        answer.put("errors", columns.error.iter().sum::<i64>());
        answer.put("truncated", found.left_out > 0);
        answer.put_json("strings", columns.strings());
        answer.put_json("columns", columns.write());
        Ok(())
    }

    fn command(&self, asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        Some((None, vec!["trace".to_owned(), asked.selection.id()?.to_owned()]))
    }
}

impl Question for TraceEvent {
    type Counts = Collected;

    fn read(_parameters: &mut Parameters, _asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        Err(Refusal::internal("BUG: a row is named by its path"))
    }

    fn counts(&self, _asked: &Asked) -> Result<Collected, Refusal> {
        Ok(Collected::default())
    }

    fn answer(&self, asked: &Asked, collected: Collected, answer: &mut Answer) -> Result<(), Refusal> {
        let found = Found::new(asked, collected)?;
        let count = found.tree.placed.len();
        if count != self.of {
            let error = format!("the trace has {count} events now, not {}; load it again", self.of);
            return Err(Refusal::new(StatusCode::CONFLICT, error));
        }
        let Some(placed) = found.tree.placed.get(self.row) else {
            return Err(Refusal::new(StatusCode::NOT_FOUND, format!("the trace has no row {}", self.row)));
        };
        let mut text = String::new();
        json::write(found.tree.rows[placed.row].event().raw(), &mut text);
        answer.put_json("event", text);
        Ok(())
    }

    fn command(&self, asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        Some((None, vec!["--id".to_owned(), asked.selection.id()?.to_owned(), "-p".to_owned()]))
    }
}

/// The rows, a list for each thing that is known of them.
#[derive(Default)]
struct Columns {
    texts: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, i64>,
    summarizer: Option<Summarizer>,
    type_name: Vec<i64>,
    host: Vec<i64>,
    summary: Vec<i64>,
    start: Vec<i64>,
    duration: Vec<i64>,
    parent: Vec<i64>,
    depth: Vec<i64>,
    size: Vec<i64>,
    error: Vec<i64>,
    missing_parent: Vec<i64>,
}

impl Columns {
    fn add(&mut self, row: &Row, placed: &tree::Placed, begin: Option<f64>) {
        let event = row.event();
        let summary = self.summarizer.get_or_insert_with(Summarizer::new).of(&event);
        let begin = begin.unwrap_or(0.0);
        let (start, end) = row.times(begin);
        let microseconds = |seconds: f64| (seconds * 1e6).round().clamp(-9e15, 9e15) as i64;
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let type_name = self.number(event.type_bytes());
        let host = event.host().map_or(-1, |host| self.number(host));
        let text = if summary.text.is_empty() { -1 } else { self.number(summary.text.as_bytes()) };
        self.type_name.push(type_name);
        self.host.push(host);
        self.summary.push(text);
        self.start.push(microseconds(start - begin));
        self.duration.push(microseconds(end - start));
        self.parent.push(placed.parent.map_or(-1, count));
        self.depth.push(count(placed.depth));
        self.size.push(count(placed.size));
        self.error.push(i64::from(summary.error));
        self.missing_parent.push(i64::from(placed.missing_parent));
    }

    /// The number of a text in the dictionary.
    fn number(&mut self, text: &[u8]) -> i64 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = i64::try_from(self.texts.len()).expect("BUG: memory holds no more");
        self.texts.push(text.to_vec());
        self.numbers.insert(text.to_vec(), number);
        number
    }

    fn strings(&self) -> String {
        let mut strings = String::from("[");
        for (number, text) in self.texts.iter().enumerate() {
            if number > 0 {
                strings.push(',');
            }
            json::write_string(text, &mut strings);
        }
        strings.push(']');
        strings
    }

    fn write(&self) -> String {
        let mut columns = String::from("{");
        for (name, column) in [
            ("type", &self.type_name),
            ("host", &self.host),
            ("summary", &self.summary),
            ("start", &self.start),
            ("duration", &self.duration),
            ("parent", &self.parent),
            ("depth", &self.depth),
            ("size", &self.size),
            ("error", &self.error),
            ("missing_parent", &self.missing_parent),
        ] {
            columns.push_str(if columns.len() == 1 { "\"" } else { ",\"" });
            columns.push_str(name);
            columns.push_str("\":[");
            for (row, number) in column.iter().enumerate() {
                if row > 0 {
                    columns.push(',');
                }
                columns.push_str(&number.to_string());
            }
            columns.push(']');
        }
        columns.push('}');
        columns
    }
}
