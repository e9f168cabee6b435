//! What an event is about, in a few words, and whether it went wrong.

use crate::{fields, text};
use blueox_event::msgpack::{RawValue, Token};
use blueox_event::{EncodedEvent, Path};
use blueox_query::failed::{EXCEPTION, STATUS, is_error_status};

/// Where bodies have such things, the most telling name first.
const METHOD: [&str; 4] = ["method", "request.method", "http.method", "http_method"];
const PATH: [&str; 9] =
    ["path", "request.path", "uri", "request.uri", "url", "request.url", "http.target", "endpoint", "route"];
const MESSAGE: [&str; 3] = ["msg", "message", "event"];
const STATEMENT: [&str; 5] = ["sql", "query", "statement", "command", "cmd"];
const LEVEL: [&str; 2] = ["level", "levelname"];
/// How many columns the first scalars may take when there is nothing more telling.
const SCALARS_COLUMNS: usize = 28;
const STATEMENT_COLUMNS: usize = 40;

/// Finds the summaries of events.
#[derive(Debug)]
pub(crate) struct Summarizer {
    method: Vec<Path>,
    path: Vec<Path>,
    status: Vec<Path>,
    message: Vec<Path>,
    statement: Vec<Path>,
    level: Vec<Path>,
}

/// What an event is about.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Summary {
    /// In a few words, printable; empty when the event says nothing.
    pub(crate) text: String,
    /// The fields of the body that it tells, by their dotted paths, and where in the text they end.
    pub(crate) told: Vec<(String, usize)>,
    /// A field of which only the beginning is told.
    pub(crate) begun: Option<String>,
    /// Whether the event is an error.
    pub(crate) error: bool,
}

impl Summarizer {
    pub(crate) fn new() -> Self {
        let parse = |names: &[&str]| names.iter().filter_map(|name| Path::parse(name).ok()).collect();
        Self {
            method: parse(&METHOD),
            path: parse(&PATH),
            status: parse(&STATUS),
            message: parse(&MESSAGE),
            statement: parse(&STATEMENT),
            level: parse(&LEVEL),
        }
    }

    pub(crate) fn of(&self, event: &EncodedEvent<'_>) -> Summary {
        let mut summary = Summary::default();
        let Some(body) = event.body() else { return summary };
        let status = first(body, &self.status);
        summary.error = status.is_some_and(|(_, value)| is_error_status(value)) || has_exception(body);

        let method = first(body, &self.method);
        let path = first(body, &self.path);
        if path.is_some() || (method.is_some() && status.is_some()) {
            for found in [method, path, status].into_iter().flatten() {
                summary.tell(found, usize::MAX);
            }
        } else if let Some(message) = first(body, &self.message) {
            if let Some(level) = first(body, &self.level) {
                summary.tell(level, usize::MAX);
            }
            summary.tell(message, usize::MAX);
        } else if let Some(statement) = first(body, &self.statement) {
            summary.tell(statement, STATEMENT_COLUMNS);
        } else {
            summary.tell_scalars(body);
        }
        if summary.error {
            summary.tell_exception(body);
        }
        summary
    }
}

impl Summary {
    fn tell(&mut self, (path, value): (&Path, RawValue<'_>), columns: usize) {
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        let mut told = String::new();
        text::write_value(value, &mut told);
        // What was cut is shown in full behind.
        if text::width(&told) > columns {
            self.text.push_str(&text::cut(&told, columns));
            self.begun = Some(path.to_string());
        } else {
            self.text.push_str(&told);
            self.told.push((path.to_string(), self.text.len()));
        }
    }

    fn tell_scalars(&mut self, body: RawValue<'_>) {
        let mut full = false;
        fields::walk(body, &mut |path, value| {
            if full || path.starts_with(EXCEPTION) {
                return;
            }
            let mut pair = format!("{path}=");
            let mut told = String::new();
            text::write_value(value, &mut told);
            text::write_pair_value(&told, &mut pair);
            full = text::width(&self.text) + text::width(&pair) >= SCALARS_COLUMNS;
            if !full {
                if !self.text.is_empty() {
                    self.text.push(' ');
                }
                self.text.push_str(&pair);
                self.told.push((path.to_owned(), self.text.len()));
            }
        });
    }

    /// The exception's text, or its last line when it is a traceback.
    fn tell_exception(&mut self, body: RawValue<'_>) {
        let Some(exception) = body.get(EXCEPTION.as_bytes()) else { return };
        let last_line = |bytes: &[u8]| {
            let end = bytes.trim_ascii_end();
            text::printable_text(end.rsplit(|byte| *byte == b'\n').next().unwrap_or(end))
        };
        let told = match exception.token() {
            Token::Map(_) => ["type", "name", "message", "msg", "value"]
                .iter()
                .filter_map(|key| exception.get(key.as_bytes())?.as_text())
                .take(2)
                .map(last_line)
                .collect::<Vec<_>>()
                .join(": "),
            Token::Str(text) | Token::Bin(text) => last_line(text),
            _ => String::new(),
        };
        if !told.is_empty() {
            if !self.text.is_empty() {
                self.text.push(' ');
            }
            self.text.push_str(&told);
            // However much of a traceback is seen, all of it would be too much.
            self.told.push((EXCEPTION.to_owned(), 0));
        }
    }
}

/// The first of `paths` that leads to something else than nil, a list or a map.
fn first<'p, 'a>(body: RawValue<'a>, paths: &'p [Path]) -> Option<(&'p Path, RawValue<'a>)> {
    paths.iter().find_map(|path| {
        let value = path.find(body)?;
        (!matches!(value.token(), Token::Nil | Token::Map(_) | Token::Array(_))).then_some((path, value))
    })
}

fn has_exception(body: RawValue<'_>) -> bool {
    body.get(EXCEPTION.as_bytes()).is_some_and(|exception| exception.token() != Token::Nil)
}
