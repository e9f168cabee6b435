//! Bytes of unknown origin as text that a terminal shows and does not obey.

use blueox_control::printable;
use blueox_event::json;
use blueox_event::msgpack::RawValue;
use std::fmt::Write;

/// Appends `bytes`: what is no UTF-8 as `\xNN`, control characters and invisible ones as escapes.
pub(crate) fn write_printable(bytes: &[u8], out: &mut String) {
    for chunk in bytes.utf8_chunks() {
        out.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("BUG: writing to memory failed");
        }
    }
}

/// `bytes` as [`write_printable`] writes them.
pub(crate) fn printable_text(bytes: &[u8]) -> String {
    let mut text = String::new();
    write_printable(bytes, &mut text);
    text
}

/// Appends a value: text as it is, anything else as its JSON, all of it printable.
pub(crate) fn write_value(value: RawValue<'_>, out: &mut String) {
    if let Some(text) = value.as_text() {
        write_printable(text, out);
    } else {
        let mut text = String::new();
        json::write(value, &mut text);
        // NaN, infinities and times are texts in JSON only.
        let bare = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&text);
        write_printable(bare.as_bytes(), out);
    }
}

/// Appends `text` as the value of a `key=value` pair: in quotes where it would not be one word.
pub(crate) fn write_pair_value(text: &str, out: &mut String) {
    let plain =
        !text.is_empty() && !text.contains([' ', '"', '=', '\'']) && !text.contains(char::is_whitespace);
    if plain {
        out.push_str(text);
        return;
    }
    out.push('"');
    for c in text.chars() {
        if c == '"' {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// How many columns `text` takes on a terminal.
pub(crate) fn width(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.chars().map(char_width).sum() }
}

/// 2 for the scripts of East Asia and for emoji, 0 for combining marks. Source: Unicode Standard Annex 11, by block.
fn char_width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// The beginning of `text`, at most `columns` wide, with `…` where it was cut.
pub(crate) fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut left = columns.saturating_sub(1);
    let mut short = String::new();
    for c in text.chars() {
        match left.checked_sub(char_width(c)) {
            Some(rest) => left = rest,
            None => break,
        }
        short.push(c);
    }
    if columns > 0 {
        short.push('…');
    }
    short
}

/// `text` with spaces behind it, `columns` wide.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let mut padded = text.to_owned();
    padded.extend(std::iter::repeat_n(' ', columns.saturating_sub(width(text))));
    padded
}

/// Makes JSON text harmless for a terminal: what JSON may hold as it is and a terminal obeys becomes `\uNNNN`.
pub(crate) fn escape_json(text: &str) -> Option<String> {
    let is_unsafe = |c: char| c > '\u{7f}' && printable(c.encode_utf8(&mut [0; 4])).len() > c.len_utf8();
    if text.is_ascii() || !text.contains(is_unsafe) {
        return None;
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_unsafe(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(escaped, "\\u{unit:04x}").expect("BUG: writing to memory failed");
            }
        } else {
            escaped.push(c);
        }
    }
    Some(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_a_terminal_that_it_would_obey() {
        assert_eq!(printable_text(b"a\x1b[31m\xff\xc2\x9b"), r"a\u{1b}[31m\xff\u{9b}");
        assert_eq!(escape_json("{\"a\":\"\u{9b}\u{202e}é\"}").unwrap(), r#"{"a":"\u009b\u202eé"}"#);
        assert_eq!(escape_json("{\"a\":\"é\"}"), None);
    }

    #[test]
    fn pairs_stay_one_word() {
        for (text, expected) in [("a", "a"), ("", "\"\""), ("a b", "\"a b\""), ("a\"b", "\"a\\\"b\"")] {
            let mut out = String::new();
            write_pair_value(text, &mut out);
            assert_eq!(out, expected);
        }
    }
}
