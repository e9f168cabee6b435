//! Frames: what all traffic after the greeting consists of.
//!
//! ```text
//! flags (1) | length (1, or 8 with LONG; big endian) | body
//! flags: 0x01 MORE of the message follows, 0x02 LONG, 0x04 COMMAND (never with MORE); all others are 0
//! ```

use super::ZmtpError;
use crate::limits::MAX_ZMTP_COMMAND_BYTES;

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// The longest header of a frame, in bytes.
pub(super) const MAX_HEADER_BYTES: usize = 9;

/// The header of a frame that is within the rules of the protocol.
#[derive(Debug, Clone, Copy)]
pub(super) struct FrameHeader {
    flags: u8,
    /// The body's length, at most 2^63 - 1; of a command at most [`MAX_ZMTP_COMMAND_BYTES`].
    pub(super) length: u64,
}

impl FrameHeader {
    /// Reads a header at the beginning of `input`; `Err(n)` inside the `Ok` when `n` more bytes are needed.
    #[inline]
    pub(super) fn parse(input: &[u8]) -> Result<Result<Self, usize>, ZmtpError> {
        let Some(flags) = input.first().copied() else { return Ok(Err(2)) };
        if flags & !(MORE | LONG | COMMAND) != 0 || flags & (MORE | COMMAND) == MORE | COMMAND {
            return Err(ZmtpError::Flags { flags });
        }
        let length = if flags & LONG == 0 {
            let Some(length) = input.get(1) else { return Ok(Err(1)) };
            u64::from(*length)
        } else {
            let Some(length) = input[1..].first_chunk() else {
                return Ok(Err(MAX_HEADER_BYTES - input.len()));
            };
            u64::from_be_bytes(*length)
        };
        if length > i64::MAX as u64 {
            return Err(ZmtpError::FrameLength { bytes: length });
        }
        if flags & COMMAND != 0 && length > MAX_ZMTP_COMMAND_BYTES as u64 {
            return Err(ZmtpError::CommandLength { bytes: length });
        }
        Ok(Ok(Self { flags, length }))
    }

    #[inline]
    pub(super) fn is_command(self) -> bool {
        self.flags & COMMAND != 0
    }

    #[inline]
    pub(super) fn has_more(self) -> bool {
        self.flags & MORE != 0
    }

    /// The header's own length, in bytes.
    #[inline]
    pub(super) fn header_bytes(self) -> usize {
        if self.flags & LONG == 0 { 2 } else { MAX_HEADER_BYTES }
    }
}

/// Appends the header of a message's frame.
pub(super) fn write_message_header(output: &mut Vec<u8>, length: usize, more: bool) {
    write_header(output, if more { MORE } else { 0 }, length);
}

/// Appends a command: its name and its content, which is given in pieces.
pub(super) fn write_command(output: &mut Vec<u8>, name: &str, content: &[&[u8]]) {
    let length = 1 + name.len() + content.iter().map(|piece| piece.len()).sum::<usize>();
    write_header(output, COMMAND, length);
    output.push(name.len() as u8); // our own names only
    output.extend_from_slice(name.as_bytes());
    for piece in content {
        output.extend_from_slice(piece);
    }
}

fn write_header(output: &mut Vec<u8>, flags: u8, length: usize) {
    if let Ok(short) = u8::try_from(length) {
        output.extend_from_slice(&[flags, short]);
    } else {
        output.push(flags | LONG);
        output.extend_from_slice(&(length as u64).to_be_bytes());
    }
}
