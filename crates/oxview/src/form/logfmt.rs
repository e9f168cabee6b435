//! `key=value` pairs, one event a line.

use super::Form;
use crate::projection::Projection;
use crate::{duration, fields, text};
use blueox_event::EncodedEvent;
use blueox_event::msgpack::RawValue;

/// Names of pairs that a body's field of the same name must not look like.
const OWN: [&str; 6] = ["ts", "type", "host", "pid", "id", "duration"];

pub(super) struct Logfmt {
    projection: Projection,
}

impl Logfmt {
    pub(super) fn new(projection: Projection) -> Self {
        Self { projection }
    }
}

impl Form for Logfmt {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        let mut line = String::new();
        if let Some(flat) = self.projection.flat(event) {
            let flat = RawValue::parse(&flat).ok().flatten();
            for (key, value) in flat.and_then(RawValue::pairs).into_iter().flatten() {
                pair(&text::printable_text(key.as_text().unwrap_or_default()), value, &mut line);
            }
        } else {
            own_pairs(event, &mut line);
            if let Some(body) = event.body() {
                fields::walk(body, &mut |path, value| {
                    if OWN.contains(&path) {
                        pair(&format!("body.{path}"), value, &mut line);
                    } else {
                        pair(path, value, &mut line);
                    }
                });
            }
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
    }
}

fn own_pairs(event: &EncodedEvent<'_>, line: &mut String) {
    let mut own = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            text_pair(key, &value, line);
        }
    };
    own("ts", event.end().map(fields::timestamp));
    own("type", Some(text::printable_text(event.type_bytes())));
    own("host", event.host().map(text::printable_text));
    own("pid", event.pid().map(value_text));
    own("id", event.id_text().map(|id| text::printable_text(&id)));
    own("duration", event.duration().map(duration::short));
}

fn pair(key: &str, value: RawValue<'_>, line: &mut String) {
    text_pair(key, &value_text(value), line);
}

fn text_pair(key: &str, value: &str, line: &mut String) {
    if !line.is_empty() {
        line.push(' ');
    }
    // A key with a space or a quote in it would be read as two.
    line.extend(key.chars().map(|c| if c.is_whitespace() || matches!(c, '=' | '"') { '_' } else { c }));
    line.push('=');
    text::write_pair_value(value, line);
}

fn value_text(value: RawValue<'_>) -> String {
    let mut text = String::new();
    text::write_value(value, &mut text);
    text
}
