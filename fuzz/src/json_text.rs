//! Events as JSON, one object a line.

use crate::json_event::{Defaults, encode};
use crate::ledger::DropReason;
use blueox_event::{EncodedEvent, json};

const DEFAULTS: Defaults<'_> = Defaults { host: "web-1", now: 1_331_640_000.5 };

/// The daemon's way from JSON to an event.
pub fn json_text(bytes: &[u8]) {
    let encoded = match encode(bytes, &DEFAULTS) {
        Ok(encoded) => encoded,
        Err(error) => {
            assert!(matches!(error.reason, DropReason::Malformed | DropReason::Type));
            return assert!(!error.message.is_empty());
        }
    };
    let event = match EncodedEvent::parse(&encoded) {
        Ok(event) => event,
        Err(error) => panic!("JSON became no event: {error}"),
    };
    let given: serde_json::Value = serde_json::from_slice(bytes).expect("was read before");
    assert_eq!(Some(event.type_bytes()), given["type"].as_str().map(str::as_bytes));
    assert!(event.id().is_some() && event.body().is_some());
    for (key, value) in given.as_object().expect("an event is an object") {
        let is_kept = event.raw().get(key.as_bytes()).or_else(|| event.body()?.get(key.as_bytes()));
        assert!(is_kept.is_some(), "{key} is lost: {value}");
    }

    let mut text = String::new();
    json::write(event.raw(), &mut text);
    match encode(text.as_bytes(), &DEFAULTS) {
        Ok(again) => assert_eq!(again, encoded, "{text}"),
        // Keys that became part of the body stand a level deeper than they were given.
        Err(error) => assert!(error.message.contains("recursion limit"), "{}: {text}", error.message),
    }
}
