//! Fields of events by name: those that `--fields` asks for, and all that a body has.

use crate::failure::Usage;
use crate::text;
use blueox_event::event::Found;
use blueox_event::msgpack::{RawValue, Token};
use blueox_event::time::rfc3339;
use blueox_event::{EncodedEvent, Path, Value};

/// A field that `--fields` asks for.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    /// As it was asked for; it names the column.
    pub(crate) name: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// `end` as RFC 3339.
    Time,
    /// The duration in milliseconds.
    DurationMs,
    Path(Path),
}

impl Field {
    /// # Errors
    /// [`Usage`] when `name` is no path.
    pub(crate) fn parse(name: &str) -> Result<Self, Usage> {
        let name = name.trim();
        let kind = match name {
            "time" => Kind::Time,
            "duration_ms" => Kind::DurationMs,
            _ => Kind::Path(
                Path::parse(name).map_err(|error| Usage(format!("{name:?} is no field: {error}")))?,
            ),
        };
        Ok(Self { name: name.to_owned(), kind })
    }

    /// The field's value in an event.
    pub(crate) fn value(&self, event: &EncodedEvent<'_>) -> Option<Value> {
        match &self.kind {
            Kind::Time => event.end().map(|end| Value::from(timestamp(end))),
            Kind::DurationMs => event.duration().map(|seconds| Value::from(milliseconds(seconds))),
            Kind::Path(path) => Some(match event.lookup(path)? {
                Found::Value(value) => Value::from_raw(value),
                Found::Duration(seconds) => Value::from((seconds * 1e9).round() / 1e9),
            }),
        }
    }
}

/// An instant in RFC 3339 with milliseconds, empty when no calendar holds it.
pub(crate) fn timestamp(seconds: f64) -> String {
    if !(-62_135_596_800.0..253_402_300_800.0).contains(&seconds) {
        return String::new();
    }
    let milliseconds = (seconds * 1e3).round() as i64;
    let whole = rfc3339(milliseconds.div_euclid(1000), 0);
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), milliseconds.rem_euclid(1000))
}

/// Milliseconds without the noise of subtracting two large floats.
pub(crate) fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1e6).round() / 1e3
}

/// Calls `visit` with every scalar and list below `value`, and the dotted path that leads to it.
pub(crate) fn walk<'a>(value: RawValue<'a>, visit: &mut impl FnMut(&str, RawValue<'a>)) {
    walk_below(value, &mut String::new(), visit);
}

fn walk_below<'a>(value: RawValue<'a>, path: &mut String, visit: &mut impl FnMut(&str, RawValue<'a>)) {
    match value.token() {
        Token::Map(count) if count > 0 => {
            for (key, inner) in value.pairs().into_iter().flatten() {
                let length = path.len();
                if length > 0 {
                    path.push('.');
                }
                text::write_value(key, path);
                walk_below(inner, path, visit);
                path.truncate(length);
            }
        }
        _ if path.is_empty() => {}
        _ => visit(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_rounded_and_carried() {
        assert_eq!(timestamp(1_331_640_000.25), "2012-03-13T12:00:00.250Z");
        assert_eq!(timestamp(1_331_639_999.999_9), "2012-03-13T12:00:00.000Z");
        assert_eq!(timestamp(f64::MAX), "");
        assert_eq!(milliseconds(0.812_000_03), 812.0);
    }

    #[test]
    fn a_body_is_walked_to_its_scalars() {
        let body = Value::map([
            ("a", Value::map([("b", Value::from(1)), ("empty", Value::Map(vec![]))])),
            ("list", Value::Array(vec![1.into()])),
        ])
        .to_msgpack();
        let mut seen = Vec::new();
        walk(RawValue::parse(&body).unwrap().unwrap(), &mut |path, _| seen.push(path.to_owned()));
        assert_eq!(seen, ["a.b", "a.empty", "list"]);
    }
}
