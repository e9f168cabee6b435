mod errors;
mod golden;
mod model;

use super::Filter;
use crate::event::EncodedEvent;
use crate::value::Value;

/// Whether `filter` matches the event that is the map `event`.
fn matches(filter: &Filter, event: &Value) -> bool {
    let bytes = event.to_msgpack();
    filter.matches(&EncodedEvent::parse(&bytes).expect("BUG: a test's event is broken"))
}

fn bin(bytes: &[u8]) -> Value {
    Value::Bin(bytes.to_vec())
}

fn list(items: impl IntoIterator<Item = Value>) -> Value {
    Value::Array(items.into_iter().collect())
}
