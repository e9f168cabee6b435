//! JSON that was written from MsgPack.

use blueox_event::json;
use blueox_event::msgpack::{RawValue, Token};
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};

/// serde_json reads fewer than 128 levels.
const MAX_COMPARED_DEPTH: usize = 120;

/// Checks the JSON of a value.
pub(crate) fn check_json(value: RawValue<'_>) {
    let mut text = String::from("before");
    json::write(value, &mut text);
    let text = text.strip_prefix("before").expect("JSON is appended");
    assert!(!text.chars().any(|c| c.is_ascii_control()), "a control character in JSON: {text:?}");
    assert!(text.len() <= 16 + 64 * value.bytes().len(), "{} bytes of JSON", text.len());
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        panic!("{error}: {text}");
    }
    if depth(value) <= MAX_COMPARED_DEPTH {
        let read: Value = serde_json::from_str(text).expect("was read before");
        assert_eq!(read, model(value), "{text}");
    }
}

fn depth(value: RawValue<'_>) -> usize {
    let items = value.items().into_iter().flatten().map(depth).max();
    let pairs = value.pairs().into_iter().flatten().map(|(_, value)| depth(value)).max();
    1 + items.max(pairs).unwrap_or(0)
}

/// What the JSON of a value must be read as.
fn model(value: RawValue<'_>) -> Value {
    match value.token() {
        Token::Nil => Value::Null,
        Token::Bool(b) => Value::Bool(b),
        Token::UInt(n) => Value::Number(n.into()),
        Token::Int(n) => Value::Number(n.into()),
        Token::F32(n) => float(f64::from(n)),
        Token::F64(n) => float(n),
        Token::Str(text) | Token::Bin(text) => Value::String(lossless(text)),
        Token::Ext(-1, content) if json::timestamp(content).is_some() => Value::String(written_key(value)),
        Token::Ext(code, content) => {
            let data: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
            Value::Object(Map::from_iter([("$ext".into(), code.into()), ("data".into(), data.into())]))
        }
        Token::Array(_) => Value::Array(value.items().into_iter().flatten().map(model).collect()),
        Token::Map(_) => Value::Object(
            value.pairs().into_iter().flatten().map(|(key, value)| (key_text(key), model(value))).collect(),
        ),
    }
}

fn float(n: f64) -> Value {
    let name = if n > 0.0 { "Infinity" } else { "-Infinity" };
    let name = if n.is_nan() { "NaN" } else { name };
    Number::from_f64(n).map_or(Value::String(name.into()), Value::Number)
}

fn key_text(key: RawValue<'_>) -> String {
    key.as_text().map_or_else(|| written_key(key), lossless)
}

/// A value's JSON as text; JSON that is text already is that text.
fn written_key(key: RawValue<'_>) -> String {
    if matches!(key.token(), Token::Array(_) | Token::Map(_)) {
        return key.bytes().iter().fold("0x".into(), |text, byte| format!("{text}{byte:02x}"));
    }
    let mut text = String::new();
    json::write(key, &mut text);
    serde_json::from_str(&text).unwrap_or(text)
}

fn lossless(text: &[u8]) -> String {
    let mut shown = String::new();
    for chunk in text.utf8_chunks() {
        shown.push_str(chunk.valid());
        shown.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    shown
}
