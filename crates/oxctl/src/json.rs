//! JSON for standard output.

use blueox_control::printable::is_unsafe;
use serde_json::Value;
use std::fmt::Write;
use std::io::{self, IsTerminal};

/// `value` as JSON: one line in a pipe, indented on a terminal, and harmless for it.
pub(crate) fn text(value: &Value) -> String {
    let json = if io::stdout().is_terminal() { format!("{value:#}\n") } else { format!("{value}\n") };
    escaped(&json)
}

/// Escapes what JSON leaves to itself and a terminal obeys. It can only stand in strings.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_unsafe(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            write!(out, "\\u{unit:04x}").expect("BUG: writing to memory failed");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_escaped_and_reads_the_same() {
        let value = Value::from("\u{9b}31m\u{e0041}é\u{202e}");
        let json = escaped(&value.to_string());
        assert_eq!(json, "\"\\u009b31m\\udb40\\udc41é\\u202e\"");
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap(), value);
    }
}
