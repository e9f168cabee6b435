//! A query that is wrong: the word underlined, and what was meant.

use crate::statement::Query;
use crate::text::{printable_text, width};
use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::{Location, Span};
use std::fmt;

/// How alike two names must be for one to be meant, of 1.
const ALIKE: f64 = 0.75;
/// How much less it says that the last parts of two names are alike.
const LAST_PART: f64 = 0.98;
/// How many names are listed.
const LISTED: usize = 12;

/// Bytes of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    begin: usize,
    end: usize,
}

impl Place {
    pub(crate) fn of_span(text: &str, span: Span) -> Self {
        Self::between(text, span, span)
    }

    /// From the beginning of one to the end of the other.
    pub(crate) fn between(text: &str, first: Span, last: Span) -> Self {
        let begin = offset(text, first.start);
        Self { begin, end: offset(text, last.end).max(begin) }
    }

    /// The word that begins at a line and a column, counted from 1.
    fn at(text: &str, line: u64, column: u64) -> Self {
        let begin = offset(text, Location { line, column });
        let rest = &text[begin..];
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = match rest.chars().next() {
            Some(c) if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            Some(c) => c.len_utf8(),
            None => 0,
        };
        Self { begin, end: begin + length }
    }
}

/// The byte at a line and a column, both counted from 1; a column is a character.
fn offset(text: &str, at: Location) -> usize {
    let mut start = 0;
    for _ in 1..at.line {
        match text[start..].find('\n') {
            Some(end) => start += end + 1,
            None => return text.len(),
        }
    }
    let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(usize::MAX);
    text[start..].char_indices().nth(column).map_or(text.len(), |(byte, _)| start + byte)
}

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) struct Mistake {
    message: String,
    /// The line of the query, and how much of it is before and below the underline, in columns.
    line: Option<(String, usize, usize)>,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some((line, before, marked)) = &self.line {
            write!(f, "\n{line}\n{:before$}{}", "", "^".repeat(*marked))?;
        }
        Ok(())
    }
}

impl Mistake {
    pub(crate) fn plain(message: impl Into<String>) -> Self {
        Self { message: message.into(), line: None }
    }

    pub(crate) fn new(text: &str, message: impl Into<String>, place: Option<Place>) -> Self {
        let line = place.map(|Place { begin, end }| {
            let start = text[..begin].rfind('\n').map_or(0, |at| at + 1);
            let stop = text[begin..].find('\n').map_or(text.len(), |at| begin + at);
            let shown = |part: &str| printable_text(part.replace('\t', " ").as_bytes());
            let marked = width(&shown(&text[begin..end.min(stop)])).max(1);
            (shown(&text[start..stop]), width(&shown(&text[start..begin])), marked)
        });
        Self { message: message.into(), line }
    }

    /// What the parser says ends in a place.
    pub(crate) fn of_parser(text: &str, error: &str) -> Self {
        let error = ["SQL error: ", "ParserError(\"", "sql parser error: ", "Tokenizer error: "]
            .iter()
            .fold(error, |error, prefix| error.strip_prefix(prefix).unwrap_or(error))
            .trim_end_matches("\")");
        let number = |word: &str| {
            let at = error.rfind(word)? + word.len();
            let digits = error[at..].find(|c: char| !c.is_ascii_digit()).unwrap_or(error.len() - at);
            error[at..at + digits].parse::<u64>().ok()
        };
        let place =
            number("Line: ").zip(number("Column: ")).map(|(line, column)| Place::at(text, line, column));
        let place = place.or_else(|| {
            error.ends_with("found: EOF").then_some(Place { begin: text.len(), end: text.len() })
        });
        let what = error.split(" at Line: ").next().unwrap_or(error).replace("\\\"", "\"");
        let what = what.strip_prefix("Expected: ").map_or(what.clone(), |rest| format!("expected {rest}"));
        let what = what.replace("found: EOF", "but the query ends").replace("found: ", "found ");
        Self::new(text, format!("that is no SQL: {what}"), place)
    }

    /// There is no such table.
    pub(crate) fn no_table<'n>(
        query: &Query,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Self {
        let hint = meant(name, known.clone())
            .map_or_else(String::new, |name| format!("; did you mean {}?", shown(name)));
        let message = format!("there is no table {}{hint}\ntables: {}", shown(name), list(known));
        Self::new(query.text(), message, query.place_of(name))
    }

    /// There is no such column.
    pub(crate) fn no_column<'n>(
        query: &Query,
        name: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Self {
        let hint = meant(name, known.clone())
            .map_or_else(String::new, |name| format!("; did you mean {}?", shown(name)));
        let message = format!(
            "there is no column {}, and no event of that time has such a field{hint}\ncolumns: {}",
            shown(name),
            list(known)
        );
        Self::new(query.text(), message, query.place_of(name))
    }

    /// What DataFusion says of a query that cannot be planned; `None`: it is not about the query.
    pub(crate) fn of_planner(query: &Query, error: &DataFusionError) -> Option<Self> {
        let root = error.find_root();
        let message = match root {
            DataFusionError::Plan(message) | DataFusionError::NotImplemented(message) => message.clone(),
            DataFusionError::SchemaError(error, _) => error.to_string(),
            DataFusionError::SQL(error, _) => return Some(Self::of_parser(query.text(), &error.to_string())),
            DataFusionError::Diagnostic(diagnostic, _) => diagnostic.message.clone(),
            // Casts of constants are tried while a query is planned.
            DataFusionError::ArrowError(error, _) => error.to_string(),
            DataFusionError::Execution(message) => message.clone(),
            DataFusionError::Configuration(message) => message.clone(),
            _ => return None,
        };
        if let Some(column) = ungrouped(&message) {
            let known = query.place_of(column).is_some();
            let name = if known { column } else { column.split_once('.').map_or(column, |(_, name)| name) };
            let message = format!("{} must be in GROUP BY, or in an aggregate such as max()", shown(name));
            return Some(Self::new(query.text(), message, query.place_of(name)));
        }
        let message = message.split("\n\nbacktrace").next().unwrap_or(&message);
        let message = message.replace(".\nDid you mean '", "; did you mean '");
        let place = error
            .diagnostic()
            .and_then(|diagnostic| diagnostic.span)
            .map(|span| {
                let location =
                    |at: datafusion::common::Location| Location { line: at.line, column: at.column };
                Place::of_span(query.text(), Span { start: location(span.start), end: location(span.end) })
            })
            .or_else(|| first_quoted(&message).and_then(|name| query.place_of(name)));
        Some(Self::new(query.text(), message, place))
    }
}

/// The column that a planner did not find, as it was written.
pub(crate) fn missing_column(error: &DataFusionError) -> Option<String> {
    let DataFusionError::SchemaError(error, _) = error.find_root() else { return None };
    let SchemaError::FieldNotFound { field, .. } = &**error else { return None };
    Some(match &field.relation {
        Some(relation) => format!("{}.{}", relation.table(), field.name),
        None => field.name.clone(),
    })
}

/// The column that is neither grouped by nor counted.
fn ungrouped(message: &str) -> Option<&str> {
    let (before, _) = message.split_once("\" must appear in the GROUP BY clause")?;
    before.rsplit_once('"').map(|(_, name)| name)
}

/// The first name that a message has in quotes.
fn first_quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    rest.split_once('\'').map(|(name, _)| name)
}

/// A name as one would write it in a query.
pub(crate) fn shown(name: &str) -> String {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let name = printable_text(name.as_bytes());
    let is_plain = !name.is_empty()
        && name
            .split('.')
            .all(|part| part.chars().all(plain) && part.starts_with(|c: char| !c.is_ascii_digit()));
    if is_plain { name } else { format!("\"{name}\"") }
}

/// The name that is most like another, if any is.
fn meant<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let name = name.to_lowercase();
    let like = |other: &str| {
        let other = other.to_lowercase();
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        let whole = strsim::jaro_winkler(&name, &other);
        // `statsu` is meant to be `response.status`.
        whole.max(strsim::jaro_winkler(&last(&name), &last(&other)) * LAST_PART)
    };
    known
        .map(|other| (like(other), other))
        .filter(|(score, _)| *score >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn list<'n>(known: impl Iterator<Item = &'n str> + Clone) -> String {
    let more = if known.clone().count() > LISTED { ", ..." } else { "" };
    known.take(LISTED).map(shown).collect::<Vec<_>>().join(", ") + more
}
