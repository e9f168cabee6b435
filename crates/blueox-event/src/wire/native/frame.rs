//! Frames: a header that is checked before anything is believed, a head of fields, and in DATA a payload.
//!
//! ```text
//! type (1) | flags (1) | head length (2) | payload length (4) | CRC32C of these and the head (4) | head | payload
//! ```

use super::NativeError;
use crate::limits::{MAX_BATCH_BYTES, MAX_FRAME_HEAD_BYTES};

pub(super) const HEADER_BYTES: usize = 12;

/// From this type on, a type that is not known may not be passed over.
const FIRST_CRITICAL: u8 = 0x80;

/// The types that this version knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Hello = 1,
    Welcome = 2,
    Data = 3,
    Lost = 4,
    Ack = 5,
    Nack = 6,
    Ping = 7,
    Pong = 8,
    Bye = 9,
    Busy = 10,
    Refused = 11,
    GoAway = 12,
}

impl Kind {
    pub(super) const ALL: [Self; 12] = [
        Self::Hello,
        Self::Welcome,
        Self::Data,
        Self::Lost,
        Self::Ack,
        Self::Nack,
        Self::Ping,
        Self::Pong,
        Self::Bye,
        Self::Busy,
        Self::Refused,
        Self::GoAway,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hello => "HELLO",
            Self::Welcome => "WELCOME",
            Self::Data => "DATA",
            Self::Lost => "LOST",
            Self::Ack => "ACK",
            Self::Nack => "NACK",
            Self::Ping => "PING",
            Self::Pong => "PONG",
            Self::Bye => "BYE",
            Self::Busy => "BUSY",
            Self::Refused => "REFUSED",
            Self::GoAway => "GOAWAY",
        }
    }

    /// The type with this number; `None` for one that may be passed over.
    fn find(kind: u8) -> Result<Option<Self>, NativeError> {
        let known = usize::from(kind).checked_sub(1).and_then(|index| Self::ALL.get(index)).copied();
        if known.is_none() && (kind == 0 || kind >= FIRST_CRITICAL) {
            return Err(NativeError::UnknownFrame { kind });
        }
        Ok(known)
    }
}

/// A frame whose head is whole and undamaged. Its payload need not be there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'b> {
    /// `None`: of a newer minor version, to be passed over.
    pub(super) kind: Option<Kind>,
    pub(super) flags: u8,
    pub(super) fields: &'b [u8],
    /// Header and head together: here the payload begins.
    pub(super) start: usize,
    pub(super) payload_bytes: usize,
}

impl<'b> Frame<'b> {
    /// Reads a frame's head at the beginning of `input`; `Err(n)` inside the `Ok` when `n` more bytes are
    /// needed.
    #[inline]
    pub(super) fn parse(input: &'b [u8]) -> Result<Result<Self, usize>, NativeError> {
        let Some((header, rest)) = input.split_first_chunk::<HEADER_BYTES>() else {
            return Ok(Err(HEADER_BYTES - input.len()));
        };
        let [kind, flags, h0, h1, p0, p1, p2, p3, c0, c1, c2, c3] = *header;
        let head_bytes = usize::from(u16::from_le_bytes([h0, h1]));
        let payload_bytes = u32::from_le_bytes([p0, p1, p2, p3]) as usize;
        check_length(kind, "head", head_bytes, MAX_FRAME_HEAD_BYTES)?;
        check_length(kind, "payload", payload_bytes, MAX_BATCH_BYTES)?;
        let Some(fields) = rest.get(..head_bytes) else { return Ok(Err(head_bytes - rest.len())) };
        let (expected, found) = (u32::from_le_bytes([c0, c1, c2, c3]), checksum(header, fields));
        if expected != found {
            return Err(NativeError::HeadDamaged { expected, found });
        }
        let known = Kind::find(kind)?;
        if known.is_some_and(|known| known != Kind::Data) {
            check_length(kind, "payload", payload_bytes, 0)?;
        }
        Ok(Ok(Self { kind: known, flags, fields, start: HEADER_BYTES + head_bytes, payload_bytes }))
    }
}

fn check_length(kind: u8, part: &'static str, bytes: usize, limit: usize) -> Result<(), NativeError> {
    if bytes > limit {
        return Err(NativeError::Length { kind, part, bytes: bytes as u64, limit: limit as u64 });
    }
    Ok(())
}

fn checksum(header: &[u8; HEADER_BYTES], fields: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&header[..8]), fields)
}

/// Appends a frame without a payload; `fields` appends its head.
pub(super) fn write(output: &mut Vec<u8>, kind: Kind, fields: impl FnOnce(&mut Vec<u8>)) {
    write_head(output, kind, 0, 0, fields);
}

/// Appends all of a frame but its payload. The head has at most [`MAX_FRAME_HEAD_BYTES`]: the callers see to
/// that.
pub(super) fn write_head(
    output: &mut Vec<u8>,
    kind: Kind,
    flags: u8,
    payload_bytes: usize,
    fields: impl FnOnce(&mut Vec<u8>),
) {
    let start = output.len();
    output.extend_from_slice(&[0; HEADER_BYTES]);
    fields(output);
    let Some((header, head)) = output[start..].split_first_chunk_mut::<HEADER_BYTES>() else { return };
    debug_assert!(head.len() <= MAX_FRAME_HEAD_BYTES && payload_bytes <= MAX_BATCH_BYTES);
    header[0] = kind as u8;
    header[1] = flags;
    header[2..4].copy_from_slice(&(head.len() as u16).to_le_bytes());
    header[4..8].copy_from_slice(&(payload_bytes as u32).to_le_bytes());
    let crc = checksum(header, head);
    header[8..].copy_from_slice(&crc.to_le_bytes());
}
