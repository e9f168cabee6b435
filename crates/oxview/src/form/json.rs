//! One JSON object a line, keys in the event's own order; a group is one list a line.

use super::{Audience, Form};
use crate::projection::Projection;
use crate::text;
use blueox_event::msgpack::RawValue;
use blueox_event::{EncodedEvent, json};

pub(super) struct Json {
    projection: Projection,
    terminal: bool,
    line: String,
}

impl Json {
    pub(super) fn new(projection: Projection, audience: Audience) -> Self {
        Self { projection, terminal: audience.columns.is_some(), line: String::new() }
    }

    fn append(&mut self, event: &EncodedEvent<'_>) {
        match self.projection.flat(event) {
            Some(flat) => write_map(&flat, &mut self.line),
            None => json::write(event.raw(), &mut self.line),
        }
    }

    fn end_line(&mut self, out: &mut Vec<u8>) {
        self.line.push('\n');
        if self.terminal
            && let Some(escaped) = text::escape_json(&self.line)
        {
            self.line = escaped;
        }
        out.extend_from_slice(self.line.as_bytes());
        self.line.clear();
    }
}

impl Form for Json {
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        self.append(event);
        self.end_line(out);
    }

    fn group(&mut self, events: &[EncodedEvent<'_>], out: &mut Vec<u8>) {
        self.line.push('[');
        for (index, event) in events.iter().enumerate() {
            if index > 0 {
                self.line.push(',');
            }
            self.append(event);
        }
        self.line.push(']');
        self.end_line(out);
    }
}

/// Appends a map that was made here as JSON.
fn write_map(msgpack: &[u8], line: &mut String) {
    let map = RawValue::parse(msgpack).ok().flatten().expect("BUG: a map that was just encoded");
    json::write(map, line);
}
