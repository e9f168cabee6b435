//! Filters that select the events with a value, written so that the filter language reads them back.

use blueox_event::Path;
use blueox_query::facets::FacetValue;
use blueox_query::group_key::KeyPart;
use blueox_query::limits::MAX_KEY_PART_BYTES;
use serde_json::{Map, Value, json};
use std::fmt::Write;

const KEYWORDS: [&str; 5] = ["and", "or", "not", "in", "exists"];

/// A value as answers show it: what it is, and which filters select it and all others.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Shown {
    value: Option<String>,
    kind: &'static str,
    filter: Option<String>,
    not: Option<String>,
}

impl Shown {
    /// A value of a group's key.
    pub(crate) fn key_part(path: &Path, part: &KeyPart) -> Self {
        match part {
            KeyPart::Missing => Self::missing(path),
            KeyPart::Text(bytes) => Self::text(path, bytes),
            KeyPart::Json(json) => {
                let kind = match json.as_str() {
                    "true" | "false" => "bool",
                    "null" => "null",
                    _ if json.parse::<i128>().is_ok() => "integer",
                    _ if json.parse::<f64>().is_ok_and(f64::is_finite) => "number",
                    _ => "json",
                };
                // A duration that a filter compares has digits that a key has not.
                let is_exact = kind != "json" && path.segments() != ["duration"];
                let filter = is_exact.then(|| self::path(path)).flatten();
                Self::equal(Some(json.clone()), kind, filter, json)
            }
        }
    }

    /// A value of a field.
    pub(crate) fn facet(path: &Path, value: &FacetValue) -> Self {
        let name = || self::path(path);
        let shown = value.to_string();
        match value {
            FacetValue::Nil => Self::equal(Some(shown), "null", name(), "null"),
            FacetValue::Bool(value) => Self::equal(Some(shown), "bool", name(), &value.to_string()),
            FacetValue::Integer(number) => Self::equal(Some(shown), "integer", name(), &number.to_string()),
            FacetValue::Text(bytes) => Self::text(path, bytes),
            FacetValue::Special("0.0") => Self::equal(Some("0".to_owned()), "number", name(), "0"),
            FacetValue::Special(_) => Self::equal(Some(shown), "number", None, ""),
            FacetValue::Fraction { negative, power } => {
                let (near, far) = (f64::from(*power).exp2(), f64::from(power.saturating_add(1)).exp2());
                let filter = name().filter(|_| far.is_finite()).map(|name| {
                    if *negative {
                        format!("{name} <= -{near} and {name} > -{far}")
                    } else {
                        format!("{name} >= {near} and {name} < {far}")
                    }
                });
                let not = filter.as_ref().map(|filter| format!("not ({filter})"));
                Self { value: Some(shown), kind: "range", filter, not }
            }
        }
    }

    /// That an event has no such field.
    pub(crate) fn missing(path: &Path) -> Self {
        let name = self::path(path);
        Self {
            value: None,
            kind: "missing",
            filter: name.as_ref().map(|name| format!("not {name} exists")),
            not: name.map(|name| format!("{name} exists")),
        }
    }

    fn text(path: &Path, bytes: &[u8]) -> Self {
        let mut shown = String::new();
        blueox_event::json::write_text_lossless(bytes, &mut shown).expect("BUG: writing to memory failed");
        // Of a value that was cut the rest is not known.
        let name = if bytes.len() < MAX_KEY_PART_BYTES { self::path(path) } else { None };
        Self::equal(Some(shown), "text", name, &quoted(bytes))
    }

    fn equal(value: Option<String>, kind: &'static str, name: Option<String>, written: &str) -> Self {
        Self {
            value,
            kind,
            filter: name.as_ref().map(|name| format!("{name} = {written}")),
            not: name.map(|name| format!("{name} != {written}")),
        }
    }

    /// Its members, to which others may be added.
    pub(crate) fn into_json(self) -> Map<String, Value> {
        let Value::Object(members) = json!({
            "value": self.value, "kind": self.kind, "filter": self.filter, "not": self.not,
        }) else {
            unreachable!("BUG: an object was written")
        };
        members
    }
}

/// A path as a filter has it; `None` where it cannot be written.
pub(crate) fn path(path: &Path) -> Option<String> {
    let mut text = String::new();
    for segment in path.segments() {
        if !text.is_empty() {
            text.push('.');
        }
        let is_word = segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-@$/".contains(&byte))
            && !KEYWORDS.iter().any(|keyword| segment.eq_ignore_ascii_case(keyword));
        if is_word {
            text.push_str(segment);
        } else if segment.contains('`') {
            return None;
        } else {
            write!(text, "`{segment}`").expect("BUG: writing to memory failed");
        }
    }
    Some(text)
}

/// Text in double quotes, any bytes.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if c.is_ascii_control() => {
                    write!(text, "\\x{:02x}", u32::from(c)).expect("BUG: writing to memory failed");
                }
                c => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            write!(text, "\\x{byte:02x}").expect("BUG: writing to memory failed");
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{EncodedEvent, Filter, Value as EventValue};
    use blueox_query::facets::Facets;
    use blueox_query::measure::Measure;
    use blueox_query::statistics::{Question, Statistics};
    use blueox_query::table::Wanted;

    fn event(name: &str, value: EventValue) -> Vec<u8> {
        let body = EventValue::Map(vec![(EventValue::from(name), value)]);
        EventValue::map([("type", EventValue::from("t")), ("body", body)]).to_msgpack()
    }

    /// Whatever a body holds: the filters that are offered select it, and what they exclude is all else.
    #[test]
    fn filters_that_are_offered_select_what_they_are_offered_for() {
        let values = [
            EventValue::from("plain"),
            EventValue::from("a \"b\" \\ c\n\r\t\u{1}é*?"),
            EventValue::Str(b"caf\xe9".to_vec()),
            EventValue::from("500"),
            EventValue::from(500),
            EventValue::from(-3),
            EventValue::from(0.0),
            EventValue::from(0.3),
            EventValue::from(-0.3),
            EventValue::from(true),
            EventValue::Nil,
            EventValue::from(u64::MAX),
            EventValue::from(1e300),
        ];
        let names = ["path", "a b", "x.y", "and", "Exists", "sql-time", "ü", "(", "'", "\"quoted\"", "=="];
        let other = event("elsewhere", EventValue::from("other"));
        let other = EncodedEvent::parse(&other).unwrap();
        for name in names {
            for value in &values {
                let bytes = event(name, value.clone());
                let event = EncodedEvent::parse(&bytes).unwrap();
                let mut facets = Facets::default();
                facets.add(&event);
                let facet = facets.top(1).into_iter().find(|facet| facet.field != "type").unwrap();
                let path = Path::parse(&facet.field).unwrap();
                let question = Question {
                    by: vec![path.clone()],
                    measures: Measure::parse_list("count").unwrap(),
                    every: None,
                };
                let mut statistics = Statistics::new(&question).unwrap();
                statistics.add(&event).unwrap();
                let key = statistics.finish(Wanted::default()).rows[0].key[0].clone();
                for shown in [Shown::facet(&path, &facet.values[0].0), Shown::key_part(&path, &key)] {
                    let filter = shown.filter.unwrap_or_else(|| panic!("{name} {value:?}"));
                    let parsed = Filter::parse(&filter).unwrap_or_else(|e| panic!("{filter}: {e}"));
                    assert!(parsed.matches(&event), "{filter}");
                    assert!(!parsed.matches(&other), "{filter}");
                    let not = Filter::parse(&shown.not.unwrap()).unwrap();
                    assert!(!not.matches(&event) && not.matches(&other), "{filter}");
                }
                let missing = Shown::missing(&path);
                assert!(!Filter::parse(&missing.filter.unwrap()).unwrap().matches(&event));
                assert!(Filter::parse(&missing.not.unwrap()).unwrap().matches(&event));
            }
        }
    }

    #[test]
    fn what_no_filter_can_say_offers_none() {
        let path = Path::parse("a").unwrap();
        let long = FacetValue::Text(vec![b'x'; MAX_KEY_PART_BYTES]);
        assert_eq!(Shown::facet(&path, &long).filter, None);
        assert_eq!(Shown::facet(&path, &FacetValue::Special("NaN")).filter, None);
        assert_eq!(Shown::key_part(&path, &KeyPart::Json("[1]".into())).filter, None);
    }
}
