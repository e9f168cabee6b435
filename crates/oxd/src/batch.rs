//! Events on their way through the daemon: many in one piece of memory.

use blueox_event::event::EventError;
use blueox_event::{EncodedEvent, TypeName};

/// Events one after another, with an index of what the daemon needs of each. The daemon never decodes a body.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    index: Vec<IndexEntry>,
    /// When the daemon received them, in seconds since the epoch.
    pub(crate) received: f64,
}

/// Where an event, its type and its host stand in the batch.
#[derive(Debug, Clone, Copy)]
struct IndexEntry {
    start: u32,
    length: u32,
    type_start: u32,
    host_start: u32,
    type_length: u16,
    host_length: u16,
    end: f64,
}

/// One event of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BatchEvent<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) type_name: TypeName<'a>,
    /// Empty if the event has none.
    pub(crate) host: &'a [u8],
    /// When it ended; the time of receipt if it does not say, or says more than a day later.
    pub(crate) end: f64,
}

impl Batch {
    pub(crate) fn new(received: f64) -> Self {
        Self { bytes: Vec::new(), index: Vec::new(), received }
    }

    /// A batch that is about to get events of so many bytes.
    pub(crate) fn with_capacity(received: f64, bytes: usize) -> Self {
        // An event of less than a hundred bytes is rare.
        Self { bytes: Vec::with_capacity(bytes), index: Vec::with_capacity(bytes / 256), received }
    }

    /// Copies an event to the end of the batch.
    pub(crate) fn push(&mut self, event: &EncodedEvent<'_>) -> Result<(), EventError> {
        let entry = self.entry(event, self.bytes.len())?;
        self.index.push(entry);
        self.bytes.extend_from_slice(event.bytes());
        Ok(())
    }

    /// The entry of an event that stands at `base`.
    fn entry(&self, event: &EncodedEvent<'_>, base: usize) -> Result<IndexEntry, EventError> {
        let type_name = event.type_name()?;
        let host = event.host().filter(|host| u16::try_from(host.len()).is_ok()).unwrap_or_default();
        let at = |part: &[u8]| small(base + offset_in(part, event.bytes()));
        Ok(IndexEntry {
            start: small(base),
            length: small(event.bytes().len()),
            type_start: at(type_name.bytes()),
            host_start: if host.is_empty() { 0 } else { at(host) },
            type_length: u16::try_from(type_name.bytes().len()).expect("BUG: type names are short"),
            host_length: u16::try_from(host.len()).expect("BUG: longer hosts were filtered out"),
            // A clock that is far ahead must not be the last word for ever.
            end: event.end().filter(|end| *end < self.received + 86_400.0).unwrap_or(self.received),
        })
    }

    /// What a batch of a payload takes, in bytes.
    pub(crate) fn memory_of_payload(bytes: usize, count: u32) -> usize {
        bytes + count as usize * size_of::<IndexEntry>() + size_of::<Self>()
    }

    /// All events, one after another.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The events of a payload that says it holds `count` of them, and how many of those are none. They are walked once;
    /// what is no event is left out.
    pub(crate) fn of_payload(payload: Vec<u8>, count: u32, received: f64) -> (Self, u32) {
        let mut batch = Self { bytes: Vec::new(), index: Vec::with_capacity(count as usize), received };
        let mut walked = 0;
        while batch.index.len() < count as usize {
            let event = EncodedEvent::read(&payload[walked..]);
            let Some(entry) = event.ok().and_then(|event| batch.entry(&event, walked).ok()) else { break };
            walked += entry.length as usize;
            batch.index.push(entry);
        }
        if batch.index.len() == count as usize && walked == payload.len() {
            batch.bytes = payload;
            return (batch, 0);
        }
        let batch = Self::of_damaged_payload(&payload, count, received);
        let kept = small(batch.len());
        (batch, count - kept)
    }

    /// As many events as there are until the bytes are no MsgPack any more.
    fn of_damaged_payload(payload: &[u8], count: u32, received: f64) -> Self {
        let mut batch = Self::with_capacity(received, payload.len());
        let mut rest = payload;
        for _ in 0..count {
            let Ok(event) = EncodedEvent::read(rest) else { break };
            rest = &rest[event.bytes().len()..];
            // One without a type is left out.
            let _ = batch.push(&event);
        }
        batch
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// How many events it holds.
    pub(crate) fn len(&self) -> usize {
        self.index.len()
    }

    /// The length of all its events together, in bytes.
    pub(crate) fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The events from number `first` on, as many as have at most `max_bytes` together and are not more than
    /// `max_events`, but one at least: how many, and their bytes.
    pub(crate) fn run(&self, first: usize, max_bytes: usize, max_events: usize) -> (usize, &[u8]) {
        let start = self.index[first].start as usize;
        let end = |entry: &IndexEntry| entry.start as usize + entry.length as usize;
        let candidates = &self.index[first..self.index.len().min(first + max_events)];
        let fitting = candidates.partition_point(|entry| end(entry) - start <= max_bytes).max(1);
        (fitting, &self.bytes[start..end(&self.index[first + fitting - 1])])
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.bytes.capacity() + self.index.capacity() * size_of::<IndexEntry>() + size_of::<Self>()
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = BatchEvent<'_>> {
        self.index.iter().map(|entry| {
            let part =
                |start: u32, length: u32| &self.bytes[start as usize..start as usize + length as usize];
            BatchEvent {
                bytes: part(entry.start, entry.length),
                type_name: TypeName::new(part(entry.type_start, entry.type_length.into()))
                    .expect("BUG: the type was one when the event was pushed"),
                host: part(entry.host_start, entry.host_length.into()),
                end: entry.end,
            }
        })
    }
}

/// Batches stay far below 4 GiB: they are handed on at 256 KiB, and an event has at most 4 MiB.
fn small(n: usize) -> u32 {
    u32::try_from(n).expect("BUG: a batch grew over 4 GiB")
}

/// Where `part` stands in `whole`, of which it is a slice.
fn offset_in(part: &[u8], whole: &[u8]) -> usize {
    let offset = part.as_ptr().addr() - whole.as_ptr().addr();
    debug_assert!(offset + part.len() <= whole.len());
    offset
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{Event, Value};
    use proptest::prelude::*;

    #[test]
    fn what_is_pushed_is_listed() {
        let mut batch = Batch::new(5.0);
        let event = Event {
            type_name: "request".into(),
            id: Value::Nil,
            host: "web-1".into(),
            pid: 1,
            start: 1.0,
            end: 2.0,
            body: Value::Nil,
        }
        .to_msgpack();
        let bare = Value::map([("type", Value::from("bare"))]).to_msgpack();
        for bytes in [&event, &bare] {
            batch.push(&EncodedEvent::parse(bytes).unwrap()).unwrap();
        }
        let listed: Vec<_> = batch
            .events()
            .map(|event| (event.bytes, event.type_name.bytes(), event.host, event.end))
            .collect();
        assert_eq!(batch.run(0, event.len(), 9), (1, &event[..]));
        assert_eq!(batch.run(1, 1, 9), (1, &bare[..]));
        assert_eq!(batch.run(0, 1 << 20, 9).0, 2);
        assert_eq!(batch.run(0, 1 << 20, 1).0, 1);
        assert_eq!(
            listed,
            [(&event[..], &b"request"[..], &b"web-1"[..], 2.0), (&bare[..], &b"bare"[..], &b""[..], 5.0)]
        );
    }
    proptest! {
        /// A payload is walked once, and what comes out is what a walk event by event finds.
        #[test]
        fn a_payload_becomes_its_events(
            bodies in prop::collection::vec(prop::option::weighted(0.9, "[a-z]{0,40}"), 1..20),
            damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
            more in 0u32..3,
        ) {
            let mut payload = Vec::new();
            for body in &bodies {
                // One without a type is no event.
                let key = if body.is_some() { "type" } else { "typo" };
                let text = body.as_deref().filter(|text| !text.is_empty()).unwrap_or("bare");
                payload.extend(Value::map([(key, Value::from(text)), ("n", Value::from(1))]).to_msgpack());
            }
            if let Some((at, byte)) = damage {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            let count = bodies.len() as u32 + more;
            let (mut expected, mut rest) = (Vec::new(), &payload[..]);
            for _ in 0..count {
                let Ok(event) = EncodedEvent::read(rest) else { break };
                rest = &rest[event.bytes().len()..];
                expected.extend(event.type_name().is_ok().then(|| event.bytes()));
            }
            let (batch, none) = Batch::of_payload(payload.clone(), count, 5.0);
            prop_assert_eq!(batch.events().map(|event| event.bytes).collect::<Vec<_>>(), expected.clone());
            prop_assert_eq!(none as usize, count as usize - expected.len());
            prop_assert_eq!(batch.bytes(), expected.concat());
        }
    }
}
