//! The filter language.

use blueox_event::filter::FilterError;
use blueox_event::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
use blueox_event::{EncodedEvent, Event, Filter, Value};
use std::sync::LazyLock;

/// A line of the source, a line of carets, the message and the suggestion: all are cut when they are long. Only what a
/// regular expression's error says is not ours.
const MAX_RENDERED_CHARS: usize = 2_000;

static EVENT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    Event {
        type_name: "request.sql".into(),
        id: "4f5f36c0070707070707070707070707".into(),
        host: "web-2".into(),
        pid: 4121,
        start: 1_331_640_000.0,
        end: 1_331_640_000.8,
        body: Value::Map(vec![
            ("status".into(), 500.into()),
            ("ok".into(), false.into()),
            ("none".into(), Value::Nil),
            ("a".into(), Value::map([("b", Value::from(0.5f32)), ("c", Value::from(-3))])),
            ("a.c".into(), "dotted".into()),
            ("tags".into(), Value::Array(vec!["x".into(), 1.into(), Value::Array(vec!["y".into()])])),
            ("raw".into(), Value::Bin(b"caf\xe9".to_vec())),
            ("nan".into(), f64::NAN.into()),
            ("ext".into(), Value::Ext(-1, vec![0x4f, 0x5f, 0x36, 0xc0])),
        ]),
    }
    .to_msgpack()
});

/// A filter up to the first NUL, and an event behind it.
pub fn filter(bytes: &[u8]) {
    let (source, encoded) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let source = String::from_utf8_lossy(source);
    match Filter::parse(&source) {
        Ok(filter) => check_filter(&filter, &source, encoded),
        Err(error) => check_error(&error, &source),
    }
}

fn check_filter(filter: &Filter, source: &str, encoded: &[u8]) {
    assert_eq!((filter.source(), filter.to_string().as_str()), (source, source));
    let opposite = match Filter::parse(&format!("not ({source})")) {
        Ok(opposite) => Some(opposite),
        Err(error) => {
            let deeper = format!("nest deeper than {MAX_FILTER_DEPTH}");
            let is_limit = error.message.contains(&deeper) || source.len() + 6 > MAX_FILTER_BYTES;
            assert!(is_limit, "`not` before a good filter: {error}");
            None
        }
    };
    let mut events = vec![EncodedEvent::parse(&EVENT).expect("a good event")];
    events.extend(EncodedEvent::read(&[0x80]).ok());
    events.extend(EncodedEvent::read(encoded).ok());
    for event in events {
        let matches = filter.matches(&event);
        assert!(opposite.as_ref().is_none_or(|opposite| opposite.matches(&event) != matches));
        if let (true, Ok(name), Some(patterns)) = (matches, event.type_name(), filter.type_patterns()) {
            let is_expected = patterns.iter().any(|pattern| pattern.matches(name.bytes()));
            assert!(is_expected, "{filter} matches the type {name}, which none of its patterns does");
        }
    }
}

fn check_error(error: &FilterError, source: &str) {
    let span = error.span.clone();
    let marked = source.get(span.clone());
    assert!(marked.is_some(), "bytes {span:?} are no text of {source:?}");
    assert!(error.suggestion.is_none() || error.suggestion.as_deref() != marked, "{error}: that was written");
    assert!(!error.message.is_empty());
    assert!(!error.to_string().contains('\n'), "{error}");

    let rendered = error.render(source);
    assert!(rendered.chars().count() <= MAX_RENDERED_CHARS, "{rendered}");
    assert!(!rendered.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')), "{rendered:?}");
    let mut lines = rendered.lines();
    let (Some(shown), Some(carets)) = (lines.next(), lines.next()) else { panic!("no carets: {rendered}") };
    assert!(carets.trim_start().chars().all(|c| c == '^') && carets.ends_with('^'), "{rendered}");
    assert!(carets.chars().count() <= shown.chars().count() + 1, "{rendered}");
    assert!(lines.next().is_some_and(|message| !message.is_empty()), "{rendered}");
}
