//! The waterfall of one id: when its events began and how long they took.
//!
//! ```text
//! request        812ms ████████████████ GET /cart 500
//! └ request.sql  790ms ▐███████████████ SELECT ... carts
//! ```

use crate::output::Output;
use crate::palette::Palette;
use crate::sink::Sink;
use crate::summary::Summarizer;
use crate::{duration, fields, text};
use anstyle::Style;
use blueox_event::EncodedEvent;
use std::fmt::Write;
use std::ops::ControlFlow;

/// How many events of one id are drawn.
const MAX_EVENTS: usize = 10_000;
/// Columns: without a terminal, for the bar at least, for the names at most.
const DEFAULT_COLUMNS: usize = 100;
const MIN_BAR: usize = 16;
const MAX_BAR: usize = 48;
const MAX_LABEL: usize = 40;
const DURATION: usize = 7;
/// How far an event may stick out of its parent: clocks are read one after the other.
const SLACK_SECONDS: f64 = 0.001;

/// Collects the events of one id and draws them.
pub(crate) struct Trace {
    events: Vec<Vec<u8>>,
    dropped: u64,
    /// Draw as soon as the parent event has arrived: no more will come.
    until_root: bool,
}

/// An event in the drawing.
struct Row {
    type_name: Vec<u8>,
    start: f64,
    end: f64,
    span: Option<Vec<u8>>,
    parent_span: Option<Vec<u8>>,
    summary: String,
    error: bool,
    parent: Option<usize>,
}

impl Trace {
    pub(crate) fn new(until_root: bool) -> Self {
        Self { events: Vec::new(), dropped: 0, until_root }
    }

    /// Draws what was collected. `false`: nothing was.
    ///
    /// # Errors
    /// Those of standard output.
    pub(crate) fn draw(
        self,
        palette: Palette,
        columns: Option<usize>,
        output: &mut Output,
    ) -> anyhow::Result<bool> {
        let Some(drawing) = self.drawing(palette, columns) else { return Ok(false) };
        output.buffer.extend_from_slice(drawing.as_bytes());
        output.flush()?;
        Ok(true)
    }

    /// What was collected, drawn; `None`: nothing was.
    pub(crate) fn drawing(self, palette: Palette, columns: Option<usize>) -> Option<String> {
        let first = self.events.first()?;
        let id =
            EncodedEvent::parse(first).ok().and_then(|event| Some(text::printable_text(&event.id_text()?)));
        let mut rows = rows(&self.events);
        rows.sort_by(|a, b| a.start.total_cmp(&b.start).then(b.end.total_cmp(&a.end)));
        find_parents(&mut rows);
        let mut drawing = draw(&rows, &id.unwrap_or_default(), palette, columns.unwrap_or(DEFAULT_COLUMNS));
        if self.dropped > 0 {
            drawing.push_str(&format!("... and {} more events\n", self.dropped));
        }
        Some(drawing)
    }
}

impl Sink for Trace {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        if self.events.len() < MAX_EVENTS {
            self.events.push(event.bytes().to_vec());
        } else {
            self.dropped += 1;
        }
        let is_root = event.type_name().is_ok_and(blueox_event::TypeName::is_root);
        Ok(if self.until_root && is_root { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn count(&self) -> u64 {
        self.events.len() as u64 + self.dropped
    }
}

fn rows(events: &[Vec<u8>]) -> Vec<Row> {
    let summarizer = Summarizer::new();
    events
        .iter()
        .filter_map(|bytes| EncodedEvent::parse(bytes).ok())
        .map(|event| {
            let end = event.end().or(event.start()).unwrap_or(0.0);
            let start = event.start().unwrap_or(end);
            let own = |key: &[u8]| event.raw().get(key)?.as_text().map(<[u8]>::to_vec);
            let summary = summarizer.of(&event);
            Row {
                type_name: event.type_bytes().to_vec(),
                start: start.min(end),
                end,
                span: own(b"span"),
                parent_span: own(b"parent"),
                summary: summary.text,
                error: summary.error,
                parent: None,
            }
        })
        .collect()
}

/// The parent that an event names; else, of the events whose type is a beginning of its own, one that encloses it,
/// the longest name first, then the latest. Rows are sorted by their start, so a parent stands before its children
/// unless it is named.
fn find_parents(rows: &mut [Row]) {
    for index in 0..rows.len() {
        let row = &rows[index];
        let named = row.parent_span.as_ref().and_then(|parent| {
            rows.iter().position(|other| other.span.as_ref() == Some(parent)).filter(|other| *other != index)
        });
        let by_name = || {
            (0..rows.len()).filter(|other| is_below(&row.type_name, &rows[*other].type_name)).max_by_key(
                |other| {
                    let candidate = &rows[*other];
                    let encloses = candidate.start <= row.start + SLACK_SECONDS
                        && candidate.end + SLACK_SECONDS >= row.end;
                    (encloses, candidate.type_name.len(), *other)
                },
            )
        };
        rows[index].parent = named.or_else(by_name);
    }
    // Spans that name each other in a circle have no parent.
    for index in 0..rows.len() {
        let mut above = rows[index].parent;
        for _ in 0..rows.len() {
            let Some(row) = above else { break };
            above = rows[row].parent;
        }
        if above.is_some() {
            rows[index].parent = None;
        }
    }
}

fn is_below(name: &[u8], parent: &[u8]) -> bool {
    name.strip_prefix(parent).is_some_and(|rest| rest.starts_with(b"."))
}

fn draw(rows: &[Row], id: &str, palette: Palette, columns: usize) -> String {
    let begin = rows.iter().map(|row| row.start).fold(f64::INFINITY, f64::min);
    let end = rows.iter().map(|row| row.end).fold(f64::NEG_INFINITY, f64::max);
    let order = order(rows);
    let label = |index: usize, prefix: &str| {
        text::cut(&format!("{prefix}{}", text::printable_text(&rows[index].type_name)), MAX_LABEL)
    };
    let widest = order.iter().map(|(index, prefix)| text::width(&label(*index, prefix))).max().unwrap_or(0);
    let bar = (columns.saturating_sub(widest + DURATION + 3) * 3 / 5).clamp(MIN_BAR, MAX_BAR);
    let summary = columns.saturating_sub(widest + DURATION + bar + 3);

    let (dim, name, red) = (palette.dim(), palette.type_name(), palette.error());
    let when = fields::timestamp(begin);
    let when = when.trim_end_matches('Z').replacen('T', " ", 1);
    let mut out = format!(
        "{dim}trace{dim:#} {id}  {}  {dim}{when} UTC, {}{dim:#}\n",
        duration::short(end - begin),
        if rows.len() == 1 { "1 event".to_owned() } else { format!("{} events", rows.len()) }
    );
    for (index, prefix) in &order {
        let row = &rows[*index];
        let style = if row.error { red } else { name };
        let loud = if row.error { red } else { Style::new() };
        let mark = if row.error { "✗ " } else { "" };
        let line = format!(
            "{style}{}{style:#} {loud}{:>DURATION$}{loud:#} {loud}{}{loud:#} {}",
            text::pad(&label(*index, prefix), widest),
            duration::short(row.end - row.start),
            blocks(row.start - begin, row.end - begin, end - begin, bar),
            text::cut(&format!("{mark}{}", row.summary), summary),
        );
        writeln!(out, "{}", line.trim_end()).expect("BUG: writing to memory failed");
    }
    out
}

/// The rows from the top down, parents before their children, each with what is drawn before its name.
fn order(rows: &[Row]) -> Vec<(usize, String)> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); rows.len()];
    let mut roots = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match row.parent {
            Some(parent) => children[parent].push(index),
            None => roots.push(index),
        }
    }
    let mut order = Vec::new();
    let mut open: Vec<(usize, String, String)> =
        roots.iter().rev().map(|index| (*index, String::new(), String::new())).collect();
    while let Some((index, before, below)) = open.pop() {
        order.push((index, before));
        let count = children[index].len();
        for (nth, child) in children[index].iter().enumerate().rev() {
            let (branch, trunk) = if nth + 1 == count { ("└ ", "  ") } else { ("├ ", "│ ") };
            open.push((*child, format!("{below}{branch}"), format!("{below}{trunk}")));
        }
    }
    order
}

/// A bar from `start` to `end` of `total`, to half a column exactly, and never invisible.
fn blocks(start: f64, end: f64, total: f64, columns: usize) -> String {
    let halves = (columns * 2) as f64;
    let at = |time: f64| if total > 0.0 { (time / total * halves).clamp(0.0, halves) } else { 0.0 };
    let first = (at(start).floor() as usize).min(columns * 2 - 1);
    let last = if total > 0.0 { (at(end).round() as usize).max(first + 1) } else { columns * 2 };
    let filled = |half: usize| (first..last).contains(&half);
    (0..columns)
        .map(|column| match (filled(column * 2), filled(column * 2 + 1)) {
            (true, true) => '█',
            (true, false) => '▌',
            (false, true) => '▐',
            (false, false) => ' ',
        })
        .collect()
}
