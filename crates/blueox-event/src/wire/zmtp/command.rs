//! Commands: the frames by which two sides talk about the connection itself.

use super::ZmtpError;

/// A PING's context is echoed up to this length, in bytes (RFC 37).
const MAX_PING_CONTEXT_BYTES: usize = 16;

/// A command that we act upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Ready(Metadata<'a>),
    Error {
        reason: &'a [u8],
    },
    Ping {
        context: &'a [u8],
    },
    Subscribe(&'a [u8]),
    Cancel(&'a [u8]),
    /// PONG, and whatever later versions bring.
    Unknown,
}

impl<'a> Command<'a> {
    /// Takes apart the body of a command's frame.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ZmtpError> {
        let (name, content) = short_text(body).ok_or(malformed("of no name"))?;
        Ok(match name {
            b"READY" => Self::Ready(Metadata::parse(content)?),
            b"ERROR" => {
                let (reason, _) = short_text(content).ok_or(malformed("ERROR"))?;
                Self::Error { reason }
            }
            b"PING" => {
                let context = content.get(2..).ok_or(malformed("PING"))?; // after the time to live
                Self::Ping { context: &context[..context.len().min(MAX_PING_CONTEXT_BYTES)] }
            }
            b"SUBSCRIBE" => Self::Subscribe(content),
            b"CANCEL" => Self::Cancel(content),
            _ => Self::Unknown,
        })
    }
}

/// The properties of a READY that matter. The first of several equal names counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Metadata<'a> {
    pub(super) socket_type: &'a [u8],
    pub(super) blueox: Option<&'a [u8]>,
}

/// The property by which our daemons tell each other their version.
const BLUEOX: &str = "X-BlueOx";
pub(super) const SOCKET_TYPE: &str = "Socket-Type";

impl<'a> Metadata<'a> {
    fn parse(mut content: &'a [u8]) -> Result<Self, ZmtpError> {
        let (mut socket_type, mut blueox) = (None, None);
        while !content.is_empty() {
            let (name, value, rest) = property(content).ok_or(malformed("READY"))?;
            if name.eq_ignore_ascii_case(SOCKET_TYPE.as_bytes()) {
                socket_type = socket_type.or(Some(value));
            } else if name.eq_ignore_ascii_case(BLUEOX.as_bytes()) {
                blueox = blueox.or(Some(value));
            }
            content = rest;
        }
        Ok(Self { socket_type: socket_type.ok_or(malformed("READY"))?, blueox })
    }
}

/// Appends one property in the form that READY has.
pub(super) fn write_property(metadata: &mut Vec<u8>, name: &str, value: &[u8]) {
    metadata.push(name.len() as u8); // at most 255: the callers' names are constants
    metadata.extend_from_slice(name.as_bytes());
    metadata.extend_from_slice(&(value.len() as u32).to_be_bytes());
    metadata.extend_from_slice(value);
}

/// A name, a value and what follows them.
fn property(content: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = short_text(content).filter(|(name, _)| !name.is_empty())?;
    let (length, rest) = rest.split_first_chunk()?;
    let (value, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((name, value, rest))
}

/// A text with its length in one byte before it, and what follows it.
fn short_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn malformed(command: &'static str) -> ZmtpError {
    ZmtpError::Malformed { command }
}
