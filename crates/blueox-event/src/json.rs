//! An encoded value as JSON text.
//!
//! JSON cannot hold all that MsgPack can. What it cannot hold becomes readable text and is exact in MsgPack only:
//!
//! | value | JSON |
//! | --- | --- |
//! | bytes that are not UTF-8 (`str` or `bin`) | text; each byte that is not UTF-8 as `\xe9` (a literal backslash) |
//! | NaN and infinities | `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | map keys that are no text | their JSON as text; an array or a map as `0x` and the hex of its MsgPack |
//! | an extension | `{"$ext": code, "data": "hex"}` |
//! | a timestamp (extension -1) | RFC 3339 text |

use crate::msgpack::{RawValue, Reader, Token};
use crate::time::rfc3339;
use std::fmt::{self, Write};

/// Appends `value` as one line of JSON.
///
/// ```
/// use blueox_event::{json, msgpack::RawValue};
/// let mut text = String::new();
/// json::write(RawValue::parse(&[0x81, 0xa1, b'a', 0xc4, 1, 0xe9]).unwrap().unwrap(), &mut text);
/// assert_eq!(text, r#"{"a":"\\xe9"}"#);
/// ```
pub fn write(value: RawValue<'_>, out: &mut String) {
    write_next(&mut Reader::new(value.bytes()), out);
}

/// Walks the value once, whatever its depth; recursion is bounded by [`crate::limits::MAX_DEPTH`].
fn write_next(reader: &mut Reader<'_>, out: &mut String) {
    match reader.token().expect("BUG: a raw value was walked before") {
        Token::Array(items) => {
            out.push('[');
            for index in 0..items {
                if index > 0 {
                    out.push(',');
                }
                write_next(reader, out);
            }
            out.push(']');
        }
        Token::Map(pairs) => {
            out.push('{');
            for index in 0..pairs {
                if index > 0 {
                    out.push(',');
                }
                write_key(reader.value(0).expect("BUG: a raw value was walked before"), out);
                out.push(':');
                write_next(reader, out);
            }
            out.push('}');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_scalar(scalar: Token<'_>, out: &mut String) {
    match scalar {
        Token::Nil | Token::Array(_) | Token::Map(_) => out.push_str("null"),
        Token::Bool(b) => out.push_str(if b { "true" } else { "false" }),
        Token::UInt(n) => write_display(n, out),
        Token::Int(n) => write_display(n, out),
        Token::F32(n) => write_float(f64::from(n), out),
        Token::F64(n) => write_float(n, out),
        Token::Str(text) | Token::Bin(text) => write_string(text, out),
        Token::Ext(code, content) => write_extension(code, content, out),
    }
}

/// Appends a map key as a JSON string, whatever its kind. Keys in keys would be escaped once more at every level, so
/// an array or a map becomes the digits of its MsgPack.
pub fn write_key(key: RawValue<'_>, out: &mut String) {
    match key.token() {
        Token::Str(text) | Token::Bin(text) => write_string(text, out),
        Token::Array(_) | Token::Map(_) => {
            out.push_str("\"0x");
            write_hex(key.bytes(), out);
            out.push('"');
        }
        scalar => {
            let mut text = String::new();
            write_scalar(scalar, &mut text);
            // A float such as NaN is already quoted.
            if text.starts_with('"') {
                out.push_str(&text);
            } else {
                write_string(text.as_bytes(), out);
            }
        }
    }
}

/// Appends `text` as a JSON string, bytes that are not UTF-8 as `\xNN`.
pub fn write_string(text: &[u8], out: &mut String) {
    out.push('"');
    for chunk in text.utf8_chunks() {
        write_escaped(chunk.valid(), out);
        for byte in chunk.invalid() {
            write_formatted(format_args!("\\\\x{byte:02x}"), out);
        }
    }
    out.push('"');
}

/// Writes `text` as it is where it is UTF-8, and every other byte as `\xNN`.
///
/// # Errors
/// Those of `out`.
pub fn write_text_lossless(text: &[u8], out: &mut impl Write) -> fmt::Result {
    for chunk in text.utf8_chunks() {
        out.write_str(chunk.valid())?;
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}")?;
        }
    }
    Ok(())
}

fn write_escaped(text: &str, out: &mut String) {
    let mut written = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0..0x20 | 0x7f => "",
            _ => continue,
        };
        out.push_str(&text[written..at]);
        if escape.is_empty() {
            write_formatted(format_args!("\\u{byte:04x}"), out);
        } else {
            out.push_str(escape);
        }
        written = at + 1;
    }
    out.push_str(&text[written..]);
}

fn write_float(n: f64, out: &mut String) {
    if n.is_nan() {
        out.push_str("\"NaN\"");
    } else if n.is_infinite() {
        out.push_str(if n > 0.0 { "\"Infinity\"" } else { "\"-Infinity\"" });
    } else {
        write_formatted(format_args!("{n:?}"), out);
    }
}

fn write_extension(code: i8, content: &[u8], out: &mut String) {
    if let (-1, Some((seconds, nanoseconds))) = (code, timestamp(content)) {
        write_string(rfc3339(seconds, nanoseconds).as_bytes(), out);
        return;
    }
    write_formatted(format_args!("{{\"$ext\":{code},\"data\":\""), out);
    write_hex(content, out);
    out.push_str("\"}");
}

fn write_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        write_formatted(format_args!("{byte:02x}"), out);
    }
}

/// The content of a timestamp extension as seconds since the epoch and nanoseconds; `None` if it is no valid
/// one. Source: MessagePack specification, "Timestamp extension type".
#[must_use]
pub fn timestamp(content: &[u8]) -> Option<(i64, u32)> {
    let (seconds, nanoseconds) = match content.len() {
        4 => (i64::from(u32::from_be_bytes(content.try_into().ok()?)), 0),
        8 => {
            let packed = u64::from_be_bytes(content.try_into().ok()?);
            (i64::try_from(packed & 0x3_ffff_ffff).ok()?, u32::try_from(packed >> 34).ok()?)
        }
        12 => {
            let (nanoseconds, seconds) = content.split_at(4);
            (i64::from_be_bytes(seconds.try_into().ok()?), u32::from_be_bytes(nanoseconds.try_into().ok()?))
        }
        _ => return None,
    };
    // Years 0 to 9999: what RFC 3339 can write.
    (nanoseconds < 1_000_000_000 && (-62_167_219_200..253_402_300_800).contains(&seconds))
        .then_some((seconds, nanoseconds))
}

fn write_display(n: impl fmt::Display, out: &mut String) {
    write_formatted(format_args!("{n}"), out);
}

fn write_formatted(text: fmt::Arguments<'_>, out: &mut String) {
    out.write_fmt(text).expect("BUG: writing to memory failed");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn json_of(value: &Value) -> String {
        let mut text = String::new();
        let bytes = value.to_msgpack();
        write(RawValue::parse(&bytes).unwrap().unwrap(), &mut text);
        text
    }

    #[test]
    fn what_json_cannot_hold_becomes_text() {
        let value = Value::Map(vec![
            (Value::from(1), Value::Str(b"caf\xe9".to_vec())),
            (Value::Nil, Value::F64(f64::NAN)),
            (Value::F64(f64::INFINITY), Value::F32(0.5)),
            (Value::Bin(b"k".to_vec()), Value::Ext(5, vec![0xab])),
            (Value::from("t"), Value::Ext(-1, vec![0x4f, 0x5f, 0x36, 0xc0])),
            (Value::from("c"), Value::from("\"\\\n\u{1}é")),
            (Value::from("f"), Value::Array(vec![Value::F64(1.0), Value::F64(1e300), Value::from(-3)])),
        ]);
        assert_eq!(
            json_of(&value),
            r#"{"1":"caf\\xe9","null":"NaN","Infinity":0.5,"k":{"$ext":5,"data":"ab"},"t":"2012-03-13T12:00:00Z","c":"\"\\\n\u0001é","f":[1.0,1e300,-3]}"#
        );
    }

    #[test]
    fn maps_as_keys_of_maps_do_not_explode() {
        let nested = (0..60).fold(Value::from(1), |key, _| Value::Map(vec![(key, Value::from(1))]));
        assert!(json_of(&nested).len() < 500);
        let value = Value::Map(vec![(Value::Array(vec![Value::from(1)]), Value::Nil)]);
        assert_eq!(json_of(&value), r#"{"0x9101":null}"#);
    }

    #[test]
    fn a_bad_timestamp_is_an_extension() {
        let value = Value::Ext(-1, vec![0xff; 8]);
        assert_eq!(json_of(&value), r#"{"$ext":-1,"data":"ffffffffffffffff"}"#);
    }
}
