//! The way in, the same for both sides: the preface, then frames; what is not wanted is thrown away as it
//! comes.

use super::NativeError;
use super::frame::Frame;

/// Where the major version stands.
pub(super) const PREFACE: [u8; 8] = *b"\0BlueOx\x01";

/// Finds the frames in what comes in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Inlet {
    greeted: bool,
    /// So many bytes are to be thrown away before the next frame.
    skip: usize,
}

/// What the inlet found at the beginning of its input.
#[derive(Debug)]
pub(super) enum Found<'b> {
    /// Nothing: after `consumed`, at least `needed` bytes must come.
    Nothing { consumed: usize, needed: usize },
    /// The peer's preface.
    Preface { consumed: usize },
    /// A frame whose head is whole, after `consumed` bytes.
    Frame { consumed: usize, frame: Frame<'b> },
}

impl Inlet {
    #[inline]
    pub(super) fn find<'b>(&mut self, input: &'b [u8]) -> Result<Found<'b>, NativeError> {
        if !self.greeted {
            return self.greet(input);
        }
        let skipped = self.skip.min(input.len());
        self.skip -= skipped;
        if self.skip > 0 {
            return Ok(Found::Nothing { consumed: skipped, needed: 1 });
        }
        Ok(match Frame::parse(&input[skipped..])? {
            Ok(frame) => Found::Frame { consumed: skipped, frame },
            Err(needed) => Found::Nothing { consumed: skipped, needed },
        })
    }

    /// Throws away `bytes` of what follows, whether they are there or not.
    #[inline]
    pub(super) fn skip(&mut self, bytes: usize) {
        self.skip += bytes;
    }

    fn greet(&mut self, input: &[u8]) -> Result<Found<'static>, NativeError> {
        let length = input.len().min(PREFACE.len());
        if input[..length] != PREFACE[..length] {
            return Err(match *input {
                [0, b'B', b'l', b'u', b'e', b'O', b'x', major, ..] => NativeError::MajorVersion { major },
                [first, ..] => NativeError::NotNative { first },
                [] => NativeError::NotNative { first: 0 },
            });
        }
        if length < PREFACE.len() {
            return Ok(Found::Nothing { consumed: 0, needed: PREFACE.len() - length });
        }
        self.greeted = true;
        Ok(Found::Preface { consumed: PREFACE.len() })
    }
}
