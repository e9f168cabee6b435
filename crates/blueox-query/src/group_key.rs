//! The values by which events are grouped.
//!
//! A key is one part a field, each a kind, a length (u16, little endian) and its bytes. Text is text whichever family it
//! was written in, an integer its digits however wide it was written, so that the same value is the same key; the number
//! 500 and the text "500" are two.

use crate::limits::MAX_KEY_PART_BYTES;
use blueox_event::event::Found;
use blueox_event::json;
use blueox_event::msgpack::Token;

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum KeyPart {
    /// The event has no such field.
    Missing,
    /// Text, or bytes; cut when it is long.
    Text(Vec<u8>),
    /// Any other value as its JSON; cut when it is long.
    Json(String),
}

const MISSING: u8 = 0;
const TEXT: u8 = 1;
const JSON: u8 = 2;

/// Appends what was found to a key.
pub(crate) fn write(found: Option<Found<'_>>, key: &mut Vec<u8>, scratch: &mut String) {
    let Some(found) = found else { return put(MISSING, b"", key) };
    scratch.clear();
    match found {
        Found::Value(value) => match value.token() {
            Token::Str(text) | Token::Bin(text) => return put(TEXT, text, key),
            _ => json::write(value, scratch),
        },
        Found::Duration(seconds) => scratch.push_str(&((seconds * 1e9).round() / 1e9).to_string()),
    }
    put(JSON, scratch.as_bytes(), key);
}

fn put(kind: u8, bytes: &[u8], key: &mut Vec<u8>) {
    let bytes = &bytes[..bytes.len().min(MAX_KEY_PART_BYTES)];
    let length = u16::try_from(bytes.len()).expect("BUG: a part is shorter");
    key.push(kind);
    key.extend_from_slice(&length.to_le_bytes());
    key.extend_from_slice(bytes);
}

/// The parts of a key.
pub(crate) fn read(mut key: &[u8]) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    while let [kind, low, high, rest @ ..] = key {
        let (bytes, rest) = rest.split_at(usize::from(u16::from_le_bytes([*low, *high])));
        parts.push(match *kind {
            TEXT => KeyPart::Text(bytes.to_vec()),
            JSON => KeyPart::Json(String::from_utf8_lossy(bytes).into_owned()),
            _ => KeyPart::Missing,
        });
        key = rest;
    }
    parts
}
