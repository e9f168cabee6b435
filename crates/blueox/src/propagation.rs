//! An id that goes from process to process: the W3C `traceparent`.

use crate::span_id::SpanId;
use blueox_event::EventId;
use std::fmt;
use std::str::FromStr;

/// The content of a W3C `traceparent` header (Trace Context, level 1): `00-<id>-<span>-<flags>`. An id of BlueOx is a valid trace id.
///
/// ```
/// # let events = blueox::testing::capture();
/// use blueox::TraceParent;
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent: TraceParent = header.parse()?;
/// assert_eq!(parent.to_string(), header);
/// let request = blueox::builder("request").remote(parent).enter();
/// assert_eq!(request.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// # Ok::<(), blueox::TraceParentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceParent {
    /// The id that both processes share.
    pub id: EventId,
    /// The context in the other process.
    pub span: SpanId,
    /// Whether the other process records it. Contexts that go on with it are recorded either way, by their own sampling.
    pub is_sampled: bool,
}

/// Text that is no `traceparent`. Such a header is best ignored, as W3C says.
///
/// ```
/// assert_eq!("nonsense".parse::<blueox::TraceParent>(), Err(blueox::TraceParentError));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a W3C traceparent (00-<32 hex digits>-<16 hex digits>-<2 hex digits>)")]
pub struct TraceParentError;

/// The header's name.
///
/// ```
/// assert_eq!(blueox::TRACEPARENT, "traceparent");
/// ```
pub const TRACEPARENT: &str = "traceparent";

impl FromStr for TraceParent {
    type Err = TraceParentError;

    fn from_str(text: &str) -> Result<Self, TraceParentError> {
        let text = text.trim_ascii();
        let is_lower =
            text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')) || text.len() > 55;
        let mut parts = text.split('-');
        let mut part =
            |length: usize| parts.next().filter(|part| part.len() == length).ok_or(TraceParentError);
        let (version, id, span, flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let hex = |text: &str| {
            let is_hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u8::from_str_radix(text, 16).ok().filter(|_| is_hex).ok_or(TraceParentError)
        };
        // A later version may append fields, this one may not.
        let (version, flags) = (hex(version)?, hex(flags)?);
        if version == 0xff || !is_lower || (version == 0 && parts.next().is_some()) {
            return Err(TraceParentError);
        }
        Ok(Self {
            id: id.parse().map_err(|_| TraceParentError)?,
            span: span.parse().map_err(|_| TraceParentError)?,
            is_sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", self.id, self.span, u8::from(self.is_sampled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_traceparent() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for text in [
            "".to_owned(),
            format!("00-{id}-00f067aa0ba902b7"),
            format!("00-{id}-00f067aa0ba902b7-01-x"),
            format!("ff-{id}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", id.to_uppercase()),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{id}-{}-01", "0".repeat(16)),
            format!("00-{id}-00f067aa0ba902b7-+1"),
            "é".repeat(30),
        ] {
            assert_eq!(text.parse::<TraceParent>(), Err(TraceParentError), "{text}");
        }
        assert!(format!("01-{id}-00f067aa0ba902b7-01-later").parse::<TraceParent>().is_ok());
    }
}
