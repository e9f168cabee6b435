//! A finished context as an event's MsgPack (FORMAT.md, "Event").

use crate::body::Body;
use crate::id::Id;
use crate::msgpack;
use crate::recorder::Settings;
use crate::sampling::Rate;
use crate::span_id::SpanId;

/// How a context ended.
///
/// ```
/// # let events = blueox::testing::capture();
/// blueox::context("job").done_as(blueox::Outcome::Cancelled);
/// assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// As it should. Stands in no event.
    Finished,
    /// Its future was dropped before it was done. `outcome` = `cancelled`.
    Cancelled,
    /// A panic went through it. `outcome` = `panicked`.
    Panicked,
}

/// All of an event but its body.
#[derive(Debug)]
pub(crate) struct EventHead<'o> {
    pub(crate) name: &'o str,
    pub(crate) id: &'o Id,
    pub(crate) span: SpanId,
    pub(crate) parent: Option<SpanId>,
    pub(crate) rate: Rate,
    pub(crate) outcome: Outcome,
    pub(crate) start: f64,
    pub(crate) end: f64,
}

/// All keys with their encodings, and the values of fixed length.
const FIXED_BYTES: usize = 192;

impl EventHead<'_> {
    /// How many bytes [`EventHead::encode`] appends at most, less the body's and the settings' share.
    pub(crate) fn bound(&self) -> usize {
        FIXED_BYTES + blueox_event::limits::MAX_HOST_BYTES + self.name.len() + self.id.bound()
    }

    pub(crate) fn encode(&self, settings: &Settings, body: &Body, out: &mut Vec<u8>) {
        let is_sampled = self.rate != Rate::ALL;
        let outcome = match self.outcome {
            Outcome::Finished => None,
            Outcome::Cancelled => Some(&b"\xa7outcome\xa9cancelled"[..]),
            Outcome::Panicked => Some(&b"\xa7outcome\xa8panicked"[..]),
        };
        let keys = 8 + u8::from(self.parent.is_some()) + u8::from(is_sampled) + u8::from(outcome.is_some());
        out.extend_from_slice(&[0x80 | keys, 0xa4, b't', b'y', b'p', b'e']); // fixmap
        msgpack::put_text(out, self.name.as_bytes());
        self.id.encode_pair(out);
        out.extend_from_slice(&span_pair(*b"\xa4span\xb0................", self.span));
        if let Some(parent) = self.parent {
            out.extend_from_slice(&span_pair(*b"\xa6parent\xb0................", parent));
        }
        out.extend_from_slice(settings.host_and_pid());
        out.extend_from_slice(&times(self.start, self.end));
        if is_sampled {
            out.extend_from_slice(b"\xabsample_rate");
            msgpack::put_float(out, self.rate.get());
        }
        out.extend_from_slice(outcome.unwrap_or_default());
        out.extend_from_slice(b"\xa4body");
        body.encode(out);
    }
}

/// Puts the span's digits at the end of a key with a place for them.
#[inline]
fn span_pair<const N: usize>(mut pair: [u8; N], span: SpanId) -> [u8; N] {
    if let Some(digits) = pair.last_chunk_mut() {
        *digits = span.digits();
    }
    pair
}

/// `start` and `end`, with their keys.
#[inline]
fn times(start: f64, end: f64) -> [u8; 28] {
    let mut pairs = *b"\xa5start\xcb........\xa3end\xcb........";
    pairs[7..15].copy_from_slice(&start.to_be_bytes());
    pairs[20..28].copy_from_slice(&end.to_be_bytes());
    pairs
}
