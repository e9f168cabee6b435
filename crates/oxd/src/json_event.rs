//! One JSON object as an event.

use crate::ledger::DropReason;
use blueox_event::{EventId, Value};
use serde_json::Map;

/// What an event is given when it does not say it itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults<'a> {
    pub(crate) host: &'a str,
    /// Seconds since the epoch.
    pub(crate) now: f64,
}

/// Why a line is no event.
#[derive(Debug)]
pub(crate) struct JsonError {
    pub(crate) reason: DropReason,
    pub(crate) message: String,
}

const OWN_KEYS: [&str; 8] = ["type", "id", "host", "pid", "start", "end", "body", "span"];

/// Encodes one JSON object as an event. Missing are filled in: `id`, `host`, `start` and `end`; without `body`, all
/// keys that are not the event's own become its body.
pub(crate) fn encode(line: &[u8], defaults: &Defaults<'_>) -> Result<Vec<u8>, JsonError> {
    let malformed = |message: String| JsonError { reason: DropReason::Malformed, message };
    let mut object: Map<String, serde_json::Value> = serde_json::from_slice(line)
        .map_err(|error| malformed(format!("one JSON object a line is expected: {error}")))?;
    if !object.get("type").is_some_and(serde_json::Value::is_string) {
        let message = "the event has no text under \"type\"".into();
        return Err(JsonError { reason: DropReason::Type, message });
    }
    for (key, wanted, is_wanted) in [
        ("host", "text", serde_json::Value::is_string as fn(&serde_json::Value) -> bool),
        ("pid", "a number", serde_json::Value::is_number),
        ("start", "a number", serde_json::Value::is_number),
        ("end", "a number", serde_json::Value::is_number),
        ("body", "an object", serde_json::Value::is_object),
    ] {
        if object.get(key).is_some_and(|value| !value.is_null() && !is_wanted(value)) {
            return Err(malformed(format!("{key:?} must be {wanted}")));
        }
    }
    let mut event = Vec::with_capacity(object.len() + 4);
    let mut put = |key: &str, value: Value| event.push((Value::from(key), value));
    let own = |object: &mut Map<_, _>, key: &str| object.shift_remove(key).map(to_value);
    put("type", own(&mut object, "type").expect("BUG: looked at above"));
    put("id", own(&mut object, "id").unwrap_or_else(|| new_id(defaults.now)));
    put("host", own(&mut object, "host").unwrap_or_else(|| Value::from(defaults.host)));
    if let Some(pid) = own(&mut object, "pid") {
        put("pid", pid);
    }
    let (start, end) = (own(&mut object, "start"), own(&mut object, "end"));
    let end = end.unwrap_or(Value::F64(defaults.now));
    put("start", start.unwrap_or_else(|| end.clone()));
    put("end", end);
    let body = match own(&mut object, "body") {
        Some(body) => body,
        None => {
            let (own, body): (Map<_, _>, Map<_, _>) =
                object.into_iter().partition(|(key, _)| OWN_KEYS.contains(&key.as_str()));
            object = own;
            to_value(serde_json::Value::Object(body))
        }
    };
    put("body", body);
    for (key, value) in object {
        put(&key, to_value(value));
    }
    Ok(Value::Map(event).to_msgpack())
}

/// Recursion is bounded: serde_json reads at most 128 levels.
fn to_value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(number) => number
            .as_u64()
            .map(Value::UInt)
            .or_else(|| number.as_i64().map(Value::from))
            .unwrap_or_else(|| Value::F64(number.as_f64().unwrap_or(f64::NAN))),
        serde_json::Value::String(text) => Value::from(text),
        serde_json::Value::Array(items) => Value::Array(items.into_iter().map(to_value).collect()),
        serde_json::Value::Object(pairs) => {
            Value::Map(pairs.into_iter().map(|(key, value)| (Value::from(key), to_value(value))).collect())
        }
    }
}

fn new_id(now: f64) -> Value {
    let mut random = [0; 12];
    // Without randomness the id is still valid, only not unique; the event matters more.
    let _ = getrandom::fill(&mut random);
    Value::from(EventId::new(now as u32, random).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::EncodedEvent;

    fn json_of(line: &str) -> Result<String, String> {
        let defaults = Defaults { host: "web-1", now: 7.5 };
        let encoded = encode(line.as_bytes(), &defaults).map_err(|error| error.message)?;
        let mut text = String::new();
        blueox_event::json::write(EncodedEvent::parse(&encoded).unwrap().raw(), &mut text);
        Ok(text)
    }

    #[test]
    fn what_is_missing_is_filled_in() {
        assert_eq!(
            json_of(r#"{"type":"deploy","id":"x","version":"1.2","n":[1,-1,1.5,null]}"#).unwrap(),
            r#"{"type":"deploy","id":"x","host":"web-1","start":7.5,"end":7.5,"body":{"version":"1.2","n":[1,-1,1.5,null]}}"#
        );
        assert_eq!(
            json_of(r#"{"type":"a","id":1,"host":"h","pid":3,"start":1,"end":2,"body":{},"span":"s"}"#)
                .unwrap(),
            r#"{"type":"a","id":1,"host":"h","pid":3,"start":1,"end":2,"body":{},"span":"s"}"#
        );
        assert!(json_of(r#"{"type":"a"}"#).unwrap().contains(r#""id":"00000007"#));
    }

    #[test]
    fn what_is_no_event_says_why() {
        assert!(json_of("[1]").unwrap_err().starts_with("one JSON object a line"));
        assert!(json_of("{}").unwrap_err().contains("\"type\""));
        assert_eq!(json_of(r#"{"type":"a","body":[1]}"#).unwrap_err(), "\"body\" must be an object");
        assert_eq!(json_of(r#"{"type":"a","end":"x"}"#).unwrap_err(), "\"end\" must be a number");
        assert!(json_of(&"[".repeat(100_000)).is_err());
    }
}
