//! Dotted paths.

use blueox_event::limits::MAX_DEPTH;
use blueox_event::msgpack::RawValue;
use blueox_event::{EncodedEvent, Path, Value};

/// A path up to the first NUL, and a value behind it.
pub fn path(bytes: &[u8]) {
    let (text, value) = match bytes.iter().position(|byte| *byte == 0) {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let text = String::from_utf8_lossy(text);
    let path = match Path::parse(&text) {
        Ok(path) => path,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!path.segments().is_empty() && path.segments().iter().all(|segment| !segment.is_empty()));
    assert_eq!(Path::parse(&path.to_string()), Ok(path.clone()), "{path} is not read as it is written");
    check_find(&path);
    if let Ok(Some(value)) = RawValue::parse(value) {
        let found = path.find(value);
        assert!(found.is_none_or(|found| found.bytes().len() < value.bytes().len()));
        if let Ok(event) = EncodedEvent::parse(value.bytes()) {
            let _ = event.lookup(&path);
        }
    }
}

/// A value is found where the path says, in nested maps and under a key with dots.
fn check_find(path: &Path) {
    let segments = path.segments();
    let dotted = Value::map([(segments.join("."), Value::from(7))]);
    assert_eq!(find(path, &dotted), Some(Value::from(7)), "{path} as one key");
    if segments.len() < MAX_DEPTH {
        let nested = segments
            .iter()
            .rev()
            .fold(Value::from(7), |inner, segment| Value::map([("", Value::Nil), (segment.as_str(), inner)]));
        assert_eq!(find(path, &nested), Some(Value::from(7)), "{path} as nested maps");
    }
}

fn find(path: &Path, value: &Value) -> Option<Value> {
    let bytes = value.to_msgpack();
    let raw = RawValue::parse(&bytes).expect("our own MsgPack").expect("one value");
    path.find(raw).map(Value::from_raw)
}
