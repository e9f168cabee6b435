//! The fields of a frame's head, read one after another.

use super::frame::Kind;
use super::{NativeError, Origin, Seq};

/// What is left of a head. Bytes after the fields that are known belong to a newer minor version.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields<'b> {
    frame: &'static str,
    rest: &'b [u8],
}

impl<'b> Fields<'b> {
    #[inline]
    pub(super) fn new(kind: Kind, fields: &'b [u8]) -> Self {
        Self { frame: kind.name(), rest: fields }
    }

    pub(super) fn malformed(&self, what: &'static str) -> NativeError {
        NativeError::Malformed { frame: self.frame, what }
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], NativeError> {
        let (fixed, rest) = self.rest.split_first_chunk().ok_or(self.malformed("it is too short"))?;
        self.rest = rest;
        Ok(*fixed)
    }

    #[inline]
    pub(super) fn bytes(&mut self, length: usize) -> Result<&'b [u8], NativeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(self.malformed("it is too short"))?;
        self.rest = rest;
        Ok(bytes)
    }

    #[inline]
    pub(super) fn u8(&mut self) -> Result<u8, NativeError> {
        Ok(u8::from_le_bytes(self.fixed()?))
    }

    #[inline]
    pub(super) fn u16(&mut self) -> Result<u16, NativeError> {
        Ok(u16::from_le_bytes(self.fixed()?))
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, NativeError> {
        Ok(u32::from_le_bytes(self.fixed()?))
    }

    #[inline]
    pub(super) fn u64(&mut self) -> Result<u64, NativeError> {
        Ok(u64::from_le_bytes(self.fixed()?))
    }

    #[inline]
    pub(super) fn u128(&mut self) -> Result<u128, NativeError> {
        Ok(u128::from_le_bytes(self.fixed()?))
    }

    #[inline]
    pub(super) fn seq(&mut self) -> Result<Seq, NativeError> {
        let n = self.u64()?;
        if n > Seq::LAST.get() {
            return Err(self.malformed("a number is beyond the last possible one"));
        }
        Ok(Seq::new(n))
    }

    /// The origin that a flag announces.
    #[inline]
    pub(super) fn origin(&mut self, is_present: bool) -> Result<Option<Origin>, NativeError> {
        if !is_present {
            return Ok(None);
        }
        let origin = Origin::decode(self.bytes(Origin::BYTES)?);
        origin.map(Some).ok_or(self.malformed("its origin is no range"))
    }

    /// A text of `length` bytes that can be shown as it is.
    pub(super) fn text(&mut self, length: usize) -> Result<&'b str, NativeError> {
        let text =
            std::str::from_utf8(self.bytes(length)?).map_err(|_| self.malformed("a text is not UTF-8"))?;
        if text.chars().any(char::is_control) {
            return Err(self.malformed("a text holds control characters"));
        }
        Ok(text)
    }
}

/// The longest beginning of `text` that has at most `limit` bytes, up to its first control character.
pub(super) fn cut(text: &str, limit: usize) -> &str {
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= limit && !c.is_control();
    let end = text.char_indices().take_while(fits).last().map_or(0, |(at, c)| at + c.len_utf8());
    &text[..end]
}
