//! One encoded event.

use crate::json_output::check_json;
use blueox_event::event::Found;
use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::{MsgpackError, RawValue, Token};
use blueox_event::{EncodedEvent, EventError, Filter, Path, Value};
use std::sync::LazyLock;

const OWN_FIELDS: [&str; 7] = ["type", "id", "host", "pid", "start", "end", "body"];

/// So many keys of a body are looked up.
const MAX_LOOKUPS: usize = 16;

static FILTERS: LazyLock<Vec<Filter>> = LazyLock::new(|| {
    [
        "status >= 500",
        "type = request*",
        "duration > 250ms",
        "a.b exists",
        "tags = x*",
        "pid = 4*",
        "id ~ [0-7]$",
    ]
    .iter()
    .map(|source| Filter::parse(source).expect("a good filter"))
    .collect()
});

/// An event: its fields, its lookups, its JSON.
pub fn event(bytes: &[u8]) {
    let parsed = EncodedEvent::parse(bytes);
    let event = match EncodedEvent::read(bytes) {
        Ok(event) => event,
        Err(error) => {
            assert_eq!(parsed, Err(error));
            assert!(!matches!(
                error,
                EventError::TrailingBytes { .. } | EventError::NoType | EventError::Type(_)
            ));
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let length = event.bytes().len();
    assert!(length <= MAX_EVENT_BYTES);
    assert_eq!(event.bytes(), &bytes[..length]);
    match bytes.len() - length {
        0 => assert_eq!(parsed, Ok(event)),
        count => assert_eq!(parsed, Err(EventError::TrailingBytes { count })),
    }
    assert_eq!(EncodedEvent::parse(&bytes[..length]), Ok(event));
    assert_eq!(
        EncodedEvent::parse(&bytes[..length - 1]),
        Err(EventError::Msgpack(MsgpackError::Incomplete)),
        "an event lacks its last byte"
    );
    check_fields(&event);
    check_body_lookups(&event);
    check_reencoded(&event);
    check_json(event.raw());
}

/// The fields are what a lookup in the map gives.
fn check_fields(event: &EncodedEvent<'_>) {
    let get = |key: &str| event.raw().get(key.as_bytes());
    assert_eq!(event.type_bytes(), get("type").and_then(RawValue::as_text).unwrap_or_default());
    match event.type_name() {
        Ok(name) => assert_eq!(name.bytes(), event.type_bytes()),
        Err(error) => assert!(matches!(error, EventError::NoType | EventError::Type(_))),
    }
    assert_eq!(event.host(), get("host").and_then(RawValue::as_text));
    assert_eq!((event.id(), event.pid(), event.body()), (get("id"), get("pid"), get("body")));
    assert!(event.start().is_none_or(f64::is_finite) && event.end().is_none_or(f64::is_finite));
    assert_eq!(event.duration().is_some(), event.start().is_some() && event.end().is_some());
    for name in OWN_FIELDS {
        if let Some(value) = get(name) {
            let path = Path::parse(name).expect("a name is a path");
            assert_eq!(event.lookup(&path), Some(Found::Value(value)), "{name}");
        }
    }
}

/// What stands in the body under a name is found under that name.
fn check_body_lookups(event: &EncodedEvent<'_>) {
    let Some(body) = event.body() else { return };
    for (key, _) in body.pairs().into_iter().flatten().take(MAX_LOOKUPS) {
        let Some(name) = key.as_text().and_then(|name| std::str::from_utf8(name).ok()) else { continue };
        let is_own = OWN_FIELDS.contains(&name) || name == "duration";
        if is_own || name.is_empty() || name.contains('`') {
            continue;
        }
        let path = Path::parse(&format!("`{name}`")).expect("a name in backticks is a path");
        assert_eq!(event.lookup(&path), body.get(name.as_bytes()).map(Found::Value), "{name}");
    }
}

/// The shortest encoding of the same event is the same event.
fn check_reencoded(event: &EncodedEvent<'_>) {
    let encoded = Value::from_raw(event.raw()).to_msgpack();
    let again = EncodedEvent::parse(&encoded).expect("our own MsgPack");
    assert_eq!(seen(&again), seen(event));
    for filter in FILTERS.iter() {
        assert_eq!(filter.matches(&again), filter.matches(event), "{filter}");
    }
}

/// All that can be seen of an event without its body.
fn seen<'a>(event: &EncodedEvent<'a>) -> impl PartialEq + std::fmt::Debug + use<'a> {
    let bits = |n: Option<f64>| n.map(f64::to_bits);
    let id_text = event.id_text();
    assert!(id_text.is_none() || event.id().is_some_and(|id| id.token() != Token::Nil));
    // Arrays and maps as keys are written as the digits of their MsgPack, which differ from encoding to encoding.
    let is_container = event.id().is_some_and(|id| matches!(id.token(), Token::Array(_) | Token::Map(_)));
    let id_text = id_text.filter(|_| !is_container);
    (
        (event.type_bytes(), event.host(), id_text),
        (bits(event.start()), bits(event.end()), bits(event.duration())),
    )
}
