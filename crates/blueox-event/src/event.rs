//! One finished unit of work.

use crate::limits::{MAX_EVENT_BYTES, MIN_SAMPLE_RATE};
use crate::msgpack::{MsgpackError, RawValue, Reader, Token};
use crate::path::{self, Path};
use crate::type_name::{TypeName, TypeNameError};
use crate::value::Value;
use std::borrow::Cow;

/// An event as an application makes it, decoded.
///
/// ```
/// use blueox_event::{EncodedEvent, Event, Value};
/// let event = Event {
///     type_name: "request".into(),
///     id: "4f5f36c0070707070707070707070707".into(),
///     host: "web-2".into(),
///     pid: 4121,
///     start: 1331640000.0,
///     end: 1331640000.8,
///     body: Value::map([("status", Value::from(500))]),
/// };
/// let bytes = event.to_msgpack();
/// assert_eq!(EncodedEvent::parse(&bytes).unwrap().type_name().unwrap().bytes(), b"request");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The dotted type name.
    pub type_name: String,
    /// The id, usually an [`crate::EventId`] as text.
    pub id: Value,
    /// The host that it happened on.
    pub host: String,
    /// The process that it happened in.
    pub pid: u32,
    /// When it began, in seconds since the epoch.
    pub start: f64,
    /// When it ended, in seconds since the epoch.
    pub end: f64,
    /// What the application recorded: a map, or nil.
    pub body: Value,
}

impl Event {
    /// The event as one MsgPack map.
    #[must_use]
    pub fn to_msgpack(&self) -> Vec<u8> {
        Value::map([
            ("type", Value::from(self.type_name.as_str())),
            ("id", self.id.clone()),
            ("host", Value::from(self.host.as_str())),
            ("pid", Value::from(self.pid)),
            ("start", Value::from(self.start)),
            ("end", Value::from(self.end)),
            ("body", self.body.clone()),
        ])
        .to_msgpack()
    }
}

/// Why bytes are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// They are no MsgPack.
    #[error("not MsgPack: {0}")]
    Msgpack(#[from] MsgpackError),
    /// They are MsgPack, but no map.
    #[error("an event is a MsgPack map, but these bytes hold another value")]
    NotAMap,
    /// Bytes follow the event.
    #[error("{count} bytes follow the event's map")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// The event is longer than [`MAX_EVENT_BYTES`].
    #[error("the event has more than {MAX_EVENT_BYTES} bytes")]
    TooLong,
    /// The map has no `type`, or it is no text.
    #[error("the event's map has no text under \"type\"")]
    NoType,
    /// The type cannot be one.
    #[error(transparent)]
    Type(#[from] TypeNameError),
}

/// What a path leads to in an event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'a> {
    /// A value that stands in the event.
    Value(RawValue<'a>),
    /// The event's duration in seconds: `end - start`.
    Duration(f64),
}

/// An event as it travels and lies on disk: one MsgPack map, walked once to be sure that it is whole and within
/// the limits. Its own fields are then reached without a second walk; the body is not decoded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EncodedEvent<'a> {
    raw: RawValue<'a>,
    fields: Fields<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Fields<'a> {
    type_name: Option<RawValue<'a>>,
    id: Option<RawValue<'a>>,
    host: Option<RawValue<'a>>,
    pid: Option<RawValue<'a>>,
    start: Option<RawValue<'a>>,
    end: Option<RawValue<'a>>,
    body: Option<RawValue<'a>>,
    sample_rate: Option<RawValue<'a>>,
    /// Whether there are keys that are none of these.
    has_others: bool,
}

impl<'a> EncodedEvent<'a> {
    /// Takes `bytes` as exactly one event.
    ///
    /// # Errors
    /// Every [`EventError`] but those about the type, which [`EncodedEvent::type_name`] reports.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, EventError> {
        let event = Self::read(bytes)?;
        match bytes.len() - event.bytes().len() {
            0 => Ok(event),
            count => Err(EventError::TrailingBytes { count }),
        }
    }

    /// Takes the event at the beginning of `bytes`; others may follow. The event's length is that of its
    /// [`EncodedEvent::bytes`].
    ///
    /// # Errors
    /// [`MsgpackError::Incomplete`] when the bytes end inside the event, unless it is already longer than an
    /// event may be; the others as [`EncodedEvent::parse`].
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Result<Self, EventError> {
        match Self::read_unlimited(bytes) {
            Ok(event) if event.bytes().len() > MAX_EVENT_BYTES => Err(EventError::TooLong),
            Err(EventError::Msgpack(MsgpackError::Incomplete)) if bytes.len() > MAX_EVENT_BYTES => {
                Err(EventError::TooLong)
            }
            result => result,
        }
    }

    #[inline]
    fn read_unlimited(bytes: &'a [u8]) -> Result<Self, EventError> {
        let mut reader = Reader::new(bytes);
        let Token::Map(pairs) = reader.token()? else { return Err(EventError::NotAMap) };
        let mut fields = Fields::default();
        for _ in 0..pairs {
            let key = reader.key(1)?;
            let value = reader.value(1)?;
            let field = match key {
                Some(b"type") => &mut fields.type_name,
                Some(b"id") => &mut fields.id,
                Some(b"host") => &mut fields.host,
                Some(b"pid") => &mut fields.pid,
                Some(b"start") => &mut fields.start,
                Some(b"end") => &mut fields.end,
                Some(b"body") => &mut fields.body,
                Some(b"sample_rate") => {
                    // Looked up as a key that is no field.
                    fields.has_others = true;
                    &mut fields.sample_rate
                }
                _ => {
                    fields.has_others = true;
                    continue;
                }
            };
            // The first of several equal keys counts, as it does for a lookup.
            field.get_or_insert(value);
        }
        let whole = &bytes[..reader.position()];
        Ok(Self { raw: RawValue::walked(whole), fields })
    }

    /// The event's MsgPack.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.raw.bytes()
    }

    /// The event as a value: a map.
    #[must_use]
    pub fn raw(&self) -> RawValue<'a> {
        self.raw
    }

    /// The event's type.
    ///
    /// # Errors
    /// When it is missing, no text, empty or too long.
    pub fn type_name(&self) -> Result<TypeName<'a>, EventError> {
        let name = self.fields.type_name.and_then(RawValue::as_text).ok_or(EventError::NoType)?;
        Ok(TypeName::new(name)?)
    }

    /// The type's bytes, empty when the event has none.
    #[must_use]
    pub fn type_bytes(&self) -> &'a [u8] {
        self.fields.type_name.and_then(RawValue::as_text).unwrap_or_default()
    }

    /// The host, if it is text.
    #[must_use]
    pub fn host(&self) -> Option<&'a [u8]> {
        self.fields.host.and_then(RawValue::as_text)
    }

    /// The process id, whatever value it is.
    #[must_use]
    pub fn pid(&self) -> Option<RawValue<'a>> {
        self.fields.pid
    }

    /// When the event began, in seconds since the epoch.
    #[must_use]
    pub fn start(&self) -> Option<f64> {
        self.fields.start.and_then(RawValue::as_f64).filter(|n| n.is_finite())
    }

    /// When the event ended, in seconds since the epoch.
    #[must_use]
    pub fn end(&self) -> Option<f64> {
        self.fields.end.and_then(RawValue::as_f64).filter(|n| n.is_finite())
    }

    /// How long the event took, in seconds.
    #[must_use]
    pub fn duration(&self) -> Option<f64> {
        Some(self.end()? - self.start()?)
    }

    /// The id, whatever scalar it is.
    #[must_use]
    pub fn id(&self) -> Option<RawValue<'a>> {
        self.fields.id
    }

    /// The id as text, by which events are grouped and compared: text as it is, any other value as its JSON.
    /// `None` when the event has no id or it is nil.
    #[must_use]
    pub fn id_text(&self) -> Option<Cow<'a, [u8]>> {
        let id = self.fields.id?;
        match id.token() {
            Token::Nil => None,
            Token::Str(text) | Token::Bin(text) => Some(Cow::Borrowed(text)),
            _ => {
                let mut text = String::new();
                crate::json::write(id, &mut text);
                Some(Cow::Owned(text.into_bytes()))
            }
        }
    }

    /// For how many events this one stands: 1, or the inverse of the rate at which it was sampled (`sample_rate`, the
    /// share of such events that were recorded). A rate that is none counts as 1, one below [`MIN_SAMPLE_RATE`] as that:
    /// no single event outweighs all others.
    ///
    /// ```
    /// use blueox_event::{EncodedEvent, Value};
    /// let bytes = Value::map([("type", Value::from("cache")), ("sample_rate", Value::from(0.25))]).to_msgpack();
    /// assert_eq!(EncodedEvent::parse(&bytes).unwrap().weight(), 4.0);
    /// ```
    #[must_use]
    pub fn weight(&self) -> f64 {
        let rate = self.fields.sample_rate.and_then(RawValue::as_f64);
        rate.filter(|rate| *rate > 0.0 && *rate <= 1.0).map_or(1.0, |rate| 1.0 / rate.max(MIN_SAMPLE_RATE))
    }

    /// What the application recorded, if anything.
    #[must_use]
    pub fn body(&self) -> Option<RawValue<'a>> {
        self.fields.body
    }

    /// Whether the event's map has keys beside `type`, `id`, `host`, `pid`, `start`, `end` and `body`.
    #[must_use]
    pub fn has_other_keys(&self) -> bool {
        self.fields.has_others
    }

    /// What `path` leads to: one of the event's own fields, `duration`, else a value of the body, else any other
    /// key of the event's map.
    #[must_use]
    pub fn lookup(&self, path: &Path) -> Option<Found<'a>> {
        let (first, rest) = path.segments().split_first()?;
        let field = match first.as_str() {
            "type" => self.fields.type_name,
            "id" => self.fields.id,
            "host" => self.fields.host,
            "pid" => self.fields.pid,
            "start" => self.fields.start,
            "end" => self.fields.end,
            "body" => self.fields.body,
            "duration" if rest.is_empty() => {
                if let Some(duration) = self.duration() {
                    return Some(Found::Duration(duration));
                }
                None
            }
            _ => None,
        };
        let own = field.and_then(|value| path::find(value, rest));
        let in_body = || path::find(self.fields.body?, path.segments());
        // The event's own keys were looked at already.
        let other = || match field {
            None if self.fields.has_others => path::find(self.raw.get(first.as_bytes())?, rest),
            Some(_) | None => None,
        };
        own.or_else(in_body).or_else(other).map(Found::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            type_name: "request.sql".into(),
            id: Value::from(17),
            host: "web-1".into(),
            pid: 7,
            start: 10.0,
            end: 10.5,
            body: Value::map([
                ("status", Value::from(500)),
                ("type", Value::from("inner")),
                ("body", Value::map([("x", Value::from(1))])),
            ]),
        }
    }

    #[test]
    fn fields_are_read_without_the_body() {
        let bytes = event().to_msgpack();
        let encoded = EncodedEvent::parse(&bytes).unwrap();
        assert_eq!(encoded.type_name().unwrap().bytes(), b"request.sql");
        assert_eq!(encoded.host(), Some(&b"web-1"[..]));
        assert_eq!(encoded.duration(), Some(0.5));
        assert_eq!(encoded.id_text().unwrap(), &b"17"[..]);
    }

    #[test]
    fn lookups() {
        let bytes = event().to_msgpack();
        let encoded = EncodedEvent::parse(&bytes).unwrap();
        let text = |path: &str| match encoded.lookup(&Path::parse(path).unwrap())? {
            Found::Value(value) => {
                let mut text = String::new();
                crate::json::write(value, &mut text);
                Some(text)
            }
            Found::Duration(seconds) => Some(seconds.to_string()),
        };
        assert_eq!(text("type").unwrap(), "\"request.sql\"");
        assert_eq!(text("body.type").unwrap(), "\"inner\"");
        assert_eq!(text("status").unwrap(), "500");
        assert_eq!(text("body.status").unwrap(), "500");
        assert_eq!(text("body.body.x").unwrap(), "1");
        assert_eq!(text("duration").unwrap(), "0.5");
        assert_eq!(text("nowhere"), None);
    }

    #[test]
    fn a_sampled_event_stands_for_others() {
        let weight = |rate: Value| {
            let bytes = Value::map([("type", Value::from("cache")), ("sample_rate", rate)]).to_msgpack();
            EncodedEvent::parse(&bytes).unwrap().weight()
        };
        for (rate, expected) in [
            (Value::from(0.25), 4.0),
            (Value::from(1), 1.0),
            (Value::from(0), 1.0),
            (Value::from(-0.5), 1.0),
            (Value::from(17), 1.0),
            (Value::from(f64::NAN), 1.0),
            (Value::from("0.5"), 1.0),
            (Value::from(1e-300), 1e6),
        ] {
            assert_eq!(weight(rate.clone()), expected, "{rate:?}");
        }
    }

    #[test]
    fn what_is_no_event_says_why() {
        assert_eq!(EncodedEvent::parse(&[0x01]), Err(EventError::NotAMap));
        assert_eq!(EncodedEvent::parse(&[0x80, 0x80]), Err(EventError::TrailingBytes { count: 1 }));
        assert_eq!(EncodedEvent::parse(&[0x81]), Err(EventError::Msgpack(MsgpackError::Incomplete)));
        assert_eq!(EncodedEvent::parse(&[0x80]).unwrap().type_name(), Err(EventError::NoType));
    }

    #[test]
    fn an_endless_event_is_too_long() {
        let mut bytes = vec![0xdf, 0xff, 0xff, 0xff, 0xff];
        bytes.resize(MAX_EVENT_BYTES + 1, 0x01);
        assert_eq!(EncodedEvent::read(&bytes), Err(EventError::TooLong));
    }
}
