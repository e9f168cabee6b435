//! One event of a visit.

use blueox_event::wire::original::{self, Header};
use blueox_event::{EventId, Value};

/// An event together with its place among the events of the same id.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its type.
    pub type_name: &'static str,
    /// The id of all events of the visit.
    pub id: EventId,
    /// Its own span.
    pub span: u64,
    /// The span that opened this one.
    pub parent: Option<u64>,
    /// Where it happened.
    pub host: &'static str,
    /// In which process.
    pub pid: u32,
    /// In seconds since the epoch, as `end`.
    pub start: f64,
    /// When it ended.
    pub end: f64,
    /// What was recorded.
    pub body: Value,
}

impl Step {
    /// The two parts of its message on the original's wire.
    #[must_use]
    pub fn parts(&self) -> ([u8; original::LENGTH], Vec<u8>) {
        let header = Header::encode(self.end, self.host.as_bytes(), self.type_name.as_bytes());
        (header, self.to_msgpack())
    }

    /// The event's map.
    #[must_use]
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut pairs = vec![
            ("type", Value::from(self.type_name)),
            ("id", Value::from(self.id.to_string())),
            ("span", Value::from(format!("{:016x}", self.span))),
            ("host", Value::from(self.host)),
            ("pid", Value::from(self.pid)),
            ("start", Value::from(self.start)),
            ("end", Value::from(self.end)),
            ("body", self.body.clone()),
        ];
        if let Some(parent) = self.parent {
            pairs.insert(3, ("parent", Value::from(format!("{parent:016x}"))));
        }
        Value::map(pairs).to_msgpack()
    }
}
