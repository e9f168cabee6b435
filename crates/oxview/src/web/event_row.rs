//! An event in a list: what a row shows of it, and all of it.

use crate::summary::Summarizer;
use blueox_event::{EncodedEvent, json};
use std::fmt::Write;

/// Appends an event as JSON.
pub(crate) fn write(event: &EncodedEvent<'_>, summarizer: &Summarizer, out: &mut String) {
    let summary = summarizer.of(event);
    let mut member = |name: &str, write: &dyn Fn(&mut String)| {
        out.push(if name == "type" { '{' } else { ',' });
        out.push('"');
        out.push_str(name);
        out.push_str("\":");
        write(out);
    };
    let text = |text: Option<&[u8]>, out: &mut String| match text {
        Some(text) => json::write_string(text, out),
        None => out.push_str("null"),
    };
    let number = |number: Option<f64>, out: &mut String| match number.filter(|number| number.is_finite()) {
        Some(number) => write!(out, "{number}").expect("BUG: writing to memory failed"),
        None => out.push_str("null"),
    };
    member("type", &|out| text(Some(event.type_bytes()), out));
    member("id", &|out| text(event.id_text().as_deref(), out));
    member("host", &|out| text(event.host(), out));
    member("time", &|out| number(event.end(), out));
    member("start", &|out| number(event.start(), out));
    member("duration", &|out| number(event.duration().map(|seconds| (seconds * 1e9).round() / 1e9), out));
    member("error", &|out| out.push_str(if summary.error { "true" } else { "false" }));
    member("summary", &|out| text(Some(summary.text.as_bytes()), out));
    member("event", &|out| json::write(event.raw(), out));
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;

    #[test]
    fn whatever_an_event_holds_it_becomes_json() {
        let events = [
            Value::map([("type", Value::from("t"))]),
            Value::map([
                ("type", Value::Str(b"\xff<script>".to_vec())),
                ("id", Value::from(7)),
                ("host", Value::from("\"\n\u{2028}")),
                ("start", Value::from(f64::NEG_INFINITY)),
                ("end", Value::from(f64::MAX)),
                ("body", Value::map([("status", Value::from(500)), ("x", Value::F64(f64::NAN))])),
            ]),
        ];
        let rows = events.map(|event| {
            let bytes = event.to_msgpack();
            let mut row = String::new();
            write(&EncodedEvent::parse(&bytes).unwrap(), &Summarizer::new(), &mut row);
            serde_json::from_str::<serde_json::Value>(&row).unwrap()
        });
        assert_eq!(rows[0]["id"], serde_json::Value::Null);
        assert_eq!(rows[0]["error"], false);
        assert_eq!(rows[1]["type"], "\\xff<script>");
        assert_eq!(rows[1]["id"], "7");
        assert_eq!(rows[1]["error"], true);
        assert_eq!(rows[1]["event"]["body"]["x"], "NaN");
    }
}
