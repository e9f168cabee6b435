//! Text from a network, made harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// `text` with everything that a terminal would obey or hide as an escape: control characters (`\n`, `\u{1b}`),
/// direction marks and other invisible ones.
///
/// ```
/// assert_eq!(blueox_control::printable("a\u{1b}[2J\n"), r"a\u{1b}[2J\n");
/// ```
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The beginning of `bytes` in quotes, at most `limit` bytes of it, printable whatever they are.
#[must_use]
pub(crate) fn quoted(bytes: &[u8], limit: usize) -> String {
    let mut out = String::from("\"");
    for chunk in bytes[..bytes.len().min(limit)].utf8_chunks() {
        out.push_str(&printable(chunk.valid()));
        for byte in chunk.invalid() {
            write!(out, "\\x{byte:02x}").expect("BUG: writing to memory failed");
        }
    }
    out.push_str(if bytes.len() > limit { "\"..." } else { "\"" });
    out
}

/// Whether a terminal would obey or hide the character.
#[must_use]
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert!(matches!(printable("request.sql é \\x9b"), Cow::Borrowed(_)));
        assert_eq!(printable("\u{9b}31m\u{202e}\0\t"), r"\u{9b}31m\u{202e}\u{0}\t");
        assert_eq!(quoted(b"\xff\x00ab", 60), r#""\xff\u{0}ab""#);
        assert_eq!(quoted(b"abcdef", 3), r#""abc"..."#);
    }
}
