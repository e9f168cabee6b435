//! A heading and the body over several lines, for people:
//!
//! ```text
//! === request (a1b2c3d4e5f6@web-2:4121)  (812 ms)  2012-03-13 12:00:03.412
//! {
//!   "response": { "status": 500 },
//! }
//! ```

use super::{Audience, Form};
use crate::projection::Projection;
use crate::summary::Summarizer;
use crate::{duration, fields, text};
use blueox_event::msgpack::{RawValue, Token};
use blueox_event::{EncodedEvent, json};
use std::fmt::Write;

/// Lists and maps up to this many columns stay on one line.
const INLINE: usize = 72;
const INDENT: usize = 2;
/// Longer durations are told in years: some thirty of them.
const MAX_MILLISECONDS: f64 = 1e12;
/// Shown in the heading.
const OWN: [&[u8]; 6] = [b"type", b"id", b"host", b"pid", b"start", b"end"];

pub(super) struct Pretty {
    projection: Projection,
    audience: Audience,
    summarizer: Summarizer,
}

impl Pretty {
    pub(super) fn new(projection: Projection, audience: Audience) -> Self {
        Self { projection, audience, summarizer: Summarizer::new() }
    }

    fn heading(&self, event: &EncodedEvent<'_>, text: &mut String) {
        let palette = self.audience.palette;
        let dim = palette.dim();
        let error = self.summarizer.of(event).error;
        let kind = if error { palette.error() } else { palette.type_name() };
        let mut origin = event.id_text().map(|id| text::printable_text(&id)).unwrap_or_default();
        if let Some(host) = event.host() {
            origin.push('@');
            text::write_printable(host, &mut origin);
        }
        if let Some(pid) = event.pid() {
            origin.push(':');
            text::write_value(pid, &mut origin);
        }
        let name = text::printable_text(event.type_bytes());
        let mark = if error { "✗ " } else { "" };
        put(text, format_args!("=== {kind}{mark}{name}{kind:#} {dim}({origin}){dim:#}"));
        if let Some(seconds) = event.duration() {
            let milliseconds = fields::milliseconds(seconds);
            if milliseconds.abs() < MAX_MILLISECONDS {
                put(text, format_args!("  ({} ms)", (milliseconds * 10.0).round() / 10.0));
            } else {
                put(text, format_args!("  ({})", duration::short(seconds)));
            }
        }
        if let Some(end) = event.end() {
            let stamp = fields::timestamp(end);
            put(text, format_args!("  {dim}{}{dim:#}", stamp.trim_end_matches('Z').replacen('T', " ", 1)));
        }
        text.push('\n');
    }

    fn value(&self, value: RawValue<'_>, indent: usize, text: &mut String) {
        let large =
            value.bytes().len() > 4 * INLINE && matches!(value.token(), Token::Map(_) | Token::Array(_));
        let inline = if large { String::new() } else { self.inline(value) };
        if !large && text::width(&inline) + indent <= INLINE {
            text.push_str(&self.colored(value, &inline));
            return;
        }
        match value.token() {
            Token::Map(_) => {
                let pairs: Vec<_> = value.pairs().into_iter().flatten().collect();
                self.lines(('{', '}'), &pairs, indent, text, |(key, value), text| {
                    let style = self.audience.palette.key();
                    put(text, format_args!("{style}{}{style:#}: ", key_text(*key)));
                    self.value(*value, indent + INDENT, text);
                });
            }
            Token::Array(_) => {
                let items: Vec<_> = value.items().into_iter().flatten().collect();
                self.lines(('[', ']'), &items, indent, text, |item, text| {
                    self.value(*item, indent + INDENT, text);
                });
            }
            _ => text.push_str(&self.colored(value, &inline)),
        }
    }

    fn lines<T>(
        &self,
        (open, close): (char, char),
        items: &[T],
        indent: usize,
        text: &mut String,
        write: impl Fn(&T, &mut String),
    ) {
        text.push(open);
        for (index, item) in items.iter().enumerate() {
            put(text, format_args!("\n{:1$}", "", indent + INDENT));
            write(item, text);
            if index + 1 < items.len() {
                text.push(',');
            }
        }
        put(text, format_args!("\n{:indent$}{close}", ""));
    }

    /// On one line, with a little air in it.
    fn inline(&self, value: RawValue<'_>) -> String {
        let mut text = String::new();
        match value.token() {
            Token::Map(0) => text.push_str("{}"),
            Token::Map(_) => {
                let pairs = value.pairs().into_iter().flatten();
                let pairs: Vec<_> =
                    pairs.map(|(key, value)| format!("{}: {}", key_text(key), self.inline(value))).collect();
                put(&mut text, format_args!("{{ {} }}", pairs.join(", ")));
            }
            Token::Array(_) => {
                let items: Vec<_> =
                    value.items().into_iter().flatten().map(|item| self.inline(item)).collect();
                put(&mut text, format_args!("[{}]", items.join(", ")));
            }
            _ => text = scalar(value),
        }
        text
    }

    /// `inline` is the value's text; lists and maps stay plain on one line but for their keys.
    fn colored(&self, value: RawValue<'_>, inline: &str) -> String {
        let palette = self.audience.palette;
        let style = match value.token() {
            Token::Str(_) | Token::Bin(_) => palette.text(),
            Token::Map(count) if count > 0 => {
                let pairs = value.pairs().into_iter().flatten();
                let key = palette.key();
                let pairs: Vec<_> = pairs
                    .map(|(name, value)| {
                        let inner = self.inline(value);
                        format!("{key}{}{key:#}: {}", key_text(name), self.colored(value, &inner))
                    })
                    .collect();
                return format!("{{ {} }}", pairs.join(", "));
            }
            Token::Array(_) | Token::Map(_) => anstyle::Style::new(),
            _ => palette.number(),
        };
        format!("{style}{inline}{style:#}")
    }
}

impl Form for Pretty {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        let mut text = String::new();
        self.heading(event, &mut text);
        if let Some(flat) = self.projection.flat(event) {
            let flat = RawValue::parse(&flat).ok().flatten().expect("BUG: a map that was just encoded");
            self.value(flat, 0, &mut text);
        } else {
            let shown: Vec<_> = event
                .raw()
                .pairs()
                .into_iter()
                .flatten()
                .filter(|(key, _)| key.as_text().is_none_or(|key| !OWN.contains(&key)))
                .collect();
            self.lines(('{', '}'), &shown, 0, &mut text, |(key, value), text| {
                let style = self.audience.palette.key();
                put(text, format_args!("{style}{}{style:#}: ", key_text(*key)));
                self.value(*value, INDENT, text);
            });
        }
        text.push_str("\n\n");
        out.extend_from_slice(text.as_bytes());
    }
}

fn key_text(key: RawValue<'_>) -> String {
    let mut text = String::new();
    json::write_key(key, &mut text);
    text::escape_json(&text).unwrap_or(text)
}

fn scalar(value: RawValue<'_>) -> String {
    let mut text = String::new();
    json::write(value, &mut text);
    text::escape_json(&text).unwrap_or(text)
}

fn put(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("BUG: writing to memory failed");
}
