//! One line an event, for people:
//! `12:00:03.412 web-2 request      GET /cart 500  812ms a1b2c3d4 user.id=42`

use super::{Audience, Form};
use crate::projection::Projection;
use crate::summary::{Summarizer, Summary};
use crate::{duration, fields, text};
use blueox_event::EncodedEvent;
use blueox_event::msgpack::{RawValue, Token};
use std::fmt::Write;

/// Columns grow with what they hold, up to these.
const MAX_HOST: usize = 20;
const MAX_TYPE: usize = 28;
const MAX_SUMMARY: usize = 40;
const DURATION: usize = 6;
/// How much of an id is shown. Its first half tells the time, so it is the end that tells ids apart.
const ID: usize = 8;
const ERROR_MARK: &str = "✗ ";

pub(super) struct Line {
    projection: Projection,
    audience: Audience,
    summarizer: Summarizer,
    day: String,
    host_width: usize,
    type_width: usize,
    summary_width: usize,
    grouped: bool,
}

impl Line {
    pub(super) fn new(projection: Projection, audience: Audience) -> Self {
        Self {
            projection,
            audience,
            summarizer: Summarizer::new(),
            day: String::new(),
            host_width: 0,
            type_width: 7,
            summary_width: 0,
            grouped: false,
        }
    }

    /// A line of its own when the day changes: the other lines have only the time of day.
    fn day(&mut self, day: &str, out: &mut Vec<u8>) {
        if !day.is_empty() && day != self.day {
            self.day = day.to_owned();
            let dim = self.audience.palette.dim();
            out.extend_from_slice(format!("{dim}-- {day} UTC{dim:#}\n").as_bytes());
        }
    }

    /// The pairs behind the summary, of which `shown` bytes are shown.
    fn pairs(&self, event: &EncodedEvent<'_>, summary: &Summary, shown: usize) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        let mut push = |path: &str, value: RawValue<'_>| {
            let mut plain = String::new();
            let mut quoted = String::new();
            text::write_value(value, &mut plain);
            text::write_pair_value(&plain, &mut quoted);
            pairs.push((path.to_owned(), quoted));
        };
        if let Some(flat) = self.projection.flat(event) {
            let flat = RawValue::parse(&flat).ok().flatten();
            for (key, value) in flat.and_then(RawValue::pairs).into_iter().flatten() {
                push(&text::printable_text(key.as_text().unwrap_or_default()), value);
            }
        } else if let Some(body) = event.body() {
            fields::walk(body, &mut |path, value| {
                let empty = matches!(value.token(), Token::Nil | Token::Map(0) | Token::Array(0));
                if !empty && !summary.told.iter().any(|(told, end)| *end <= shown && told == path) {
                    push(path, value);
                }
            });
            // What stands near the top of a body matters more than headers of headers.
            let begun = |path: &str| summary.begun.as_deref() == Some(path);
            pairs.sort_by_key(|(path, _)| (begun(path), path.matches('.').count()));
        }
        pairs
    }
}

impl Form for Line {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        let stamp = event.end().map(fields::timestamp).unwrap_or_default();
        self.day(stamp.get(..10).unwrap_or_default(), out);
        let time = stamp.get(11..23).unwrap_or("--:--:--.---");
        let host = text::printable_text(event.host().unwrap_or(b"-"));
        let type_name = text::printable_text(event.type_bytes());
        let summary = self.summarizer.of(event);
        let mark = if summary.error { ERROR_MARK } else { "" };
        // With --fields the summary would only repeat what was, or was not, asked for.
        let about = if self.projection.fields().is_empty() {
            format!("{mark}{}", summary.text)
        } else {
            mark.trim_end().to_owned()
        };
        let (about, told) = cut_summary(about, &summary);
        let took = event.duration().map(duration::short).unwrap_or_default();
        let id = event.id_text().map(|id| short_id(&text::printable_text(&id))).unwrap_or_default();

        self.host_width = self.host_width.max(text::width(&host)).min(MAX_HOST);
        self.type_width = self.type_width.max(text::width(&type_name)).min(MAX_TYPE);
        self.summary_width = self.summary_width.max(text::width(&about)).min(MAX_SUMMARY);
        let palette = self.audience.palette;
        let (dim, kind, key, red) = (palette.dim(), palette.type_name(), palette.key(), palette.error());
        let loud = if summary.error { red } else { anstyle::Style::new() };
        let kind = if summary.error { red } else { kind };

        let mut left = self.audience.columns.unwrap_or(usize::MAX);
        let mut line = String::new();
        let mut put = |style: anstyle::Style, text: &str| {
            let shown = if text::width(text) > left { text::cut(text, left) } else { text.to_owned() };
            left -= text::width(&shown);
            write!(line, "{style}{shown}{style:#}").expect("BUG: writing to memory failed");
        };
        put(dim, &format!("{time} {} ", text::pad(&text::cut(&host, MAX_HOST), self.host_width)));
        put(kind, &format!("{} ", text::pad(&text::cut(&type_name, MAX_TYPE), self.type_width)));
        put(loud, &format!("{} ", text::pad(&about, self.summary_width)));
        put(loud, &format!("{took:>DURATION$} "));
        put(dim, &format!("{id:<ID$}"));
        for (path, value) in self.pairs(event, &summary, told) {
            put(key, &format!(" {path}="));
            put(anstyle::Style::new(), &value);
        }
        out.extend_from_slice(line.trim_end().as_bytes());
        out.push(b'\n');
    }

    /// Groups have an empty line between them.
    fn group(&mut self, events: &[EncodedEvent<'_>], out: &mut Vec<u8>) {
        if self.grouped {
            out.push(b'\n');
        }
        self.grouped = true;
        for event in events {
            self.event(event, out);
        }
    }
}

/// `about` as long as it may be, and how many bytes of the summary that shows.
fn cut_summary(about: String, summary: &Summary) -> (String, usize) {
    if text::width(&about) <= MAX_SUMMARY {
        return (about, usize::MAX);
    }
    let cut = text::cut(&about, MAX_SUMMARY);
    let mark = about.len() - summary.text.len();
    let shown = cut.len().saturating_sub("…".len() + mark);
    (cut, shown)
}

fn short_id(id: &str) -> String {
    let count = id.chars().count();
    if count <= ID + 4 { text::cut(id, ID) } else { id.chars().skip(count - ID).collect() }
}
