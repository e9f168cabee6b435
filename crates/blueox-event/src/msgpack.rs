//! MsgPack over bytes that nobody vouches for.
//!
//! The [`Reader`] walks encoded values in place. It never recurses, never allocates, never trusts a length
//! that it read, and keeps strings as bytes, because the senders of 2012 wrote byte strings and text in one
//! family. Encoding is the `rmp` crate's. Source of the format: the MessagePack specification, 2013 edition.

use crate::limits::MAX_DEPTH;
use rmp::Marker;

/// Why bytes could not be read as MsgPack. Offsets count from the first byte given to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MsgpackError {
    /// The bytes end inside a value. More bytes may complete it.
    #[error("the bytes end inside a value")]
    Incomplete,
    /// A byte that starts no value (0xc1).
    #[error("byte 0xc1 at offset {offset} starts no MsgPack value")]
    Reserved {
        /// Where the byte stands.
        offset: usize,
    },
    /// Arrays and maps nest deeper than [`MAX_DEPTH`].
    #[error("arrays and maps nest deeper than {MAX_DEPTH} at offset {offset}")]
    TooDeep {
        /// Where the limit was passed.
        offset: usize,
    },
}

/// One step of a walk: a scalar with its content, or the header of an array or a map.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// An integer that is not negative.
    UInt(u64),
    /// An integer that is negative.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// The `str` family: text, or bytes written by an old encoder.
    Str(&'a [u8]),
    /// The `bin` family.
    Bin(&'a [u8]),
    /// An extension: its code and its content.
    Ext(i8, &'a [u8]),
    /// An array's header: so many values follow.
    Array(u32),
    /// A map's header: so many pairs of values follow.
    Map(u32),
}

/// Walks MsgPack values in a slice.
///
/// ```
/// use blueox_event::msgpack::{Reader, Token};
/// let mut reader = Reader::new(&[0x92, 0x01, 0xa1, b'x']); // [1, "x"]
/// assert_eq!(reader.token(), Ok(Token::Array(2)));
/// assert_eq!(reader.token(), Ok(Token::UInt(1)));
/// assert_eq!(reader.token(), Ok(Token::Str(b"x")));
/// assert!(reader.is_at_end());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    /// A reader at the first byte of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    /// How many bytes have been walked.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    /// Whether all bytes have been walked.
    #[must_use]
    pub fn is_at_end(&self) -> bool {
        self.position == self.bytes.len()
    }

    /// Reads one scalar, or the header of one array or map (its content is then read by further calls).
    ///
    /// # Errors
    /// [`MsgpackError::Incomplete`] or [`MsgpackError::Reserved`]; the reader then stands where it stood.
    #[inline]
    pub fn token(&mut self) -> Result<Token<'a>, MsgpackError> {
        let start = self.position;
        let result = self.token_or_partial();
        if result.is_err() {
            self.position = start;
        }
        result
    }

    #[inline]
    fn token_or_partial(&mut self) -> Result<Token<'a>, MsgpackError> {
        let offset = self.position;
        let [marker] = self.fixed::<1>()?;
        Ok(match Marker::from_u8(marker) {
            Marker::FixPos(n) => Token::UInt(u64::from(n)),
            Marker::FixNeg(n) => Token::Int(i64::from(n)),
            Marker::FixStr(n) => Token::Str(self.take(usize::from(n))?),
            Marker::FixArray(n) => Token::Array(u32::from(n)),
            Marker::FixMap(n) => Token::Map(u32::from(n)),
            Marker::Null => Token::Nil,
            Marker::True => Token::Bool(true),
            Marker::False => Token::Bool(false),
            Marker::U8 => Token::UInt(u64::from(u8::from_be_bytes(self.fixed()?))),
            Marker::U16 => Token::UInt(u64::from(u16::from_be_bytes(self.fixed()?))),
            Marker::U32 => Token::UInt(u64::from(u32::from_be_bytes(self.fixed()?))),
            Marker::U64 => Token::UInt(u64::from_be_bytes(self.fixed()?)),
            Marker::I8 => signed(i64::from(i8::from_be_bytes(self.fixed()?))),
            Marker::I16 => signed(i64::from(i16::from_be_bytes(self.fixed()?))),
            Marker::I32 => signed(i64::from(i32::from_be_bytes(self.fixed()?))),
            Marker::I64 => signed(i64::from_be_bytes(self.fixed()?)),
            Marker::F32 => Token::F32(f32::from_be_bytes(self.fixed()?)),
            Marker::F64 => Token::F64(f64::from_be_bytes(self.fixed()?)),
            Marker::Str8 => Token::Str(self.counted::<1>()?),
            Marker::Str16 => Token::Str(self.counted::<2>()?),
            Marker::Str32 => Token::Str(self.counted::<4>()?),
            Marker::Bin8 => Token::Bin(self.counted::<1>()?),
            Marker::Bin16 => Token::Bin(self.counted::<2>()?),
            Marker::Bin32 => Token::Bin(self.counted::<4>()?),
            Marker::Array16 => Token::Array(u32::from(u16::from_be_bytes(self.fixed()?))),
            Marker::Array32 => Token::Array(u32::from_be_bytes(self.fixed()?)),
            Marker::Map16 => Token::Map(u32::from(u16::from_be_bytes(self.fixed()?))),
            Marker::Map32 => Token::Map(u32::from_be_bytes(self.fixed()?)),
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => {
                let length = self.length::<1>()?;
                self.extension(length)?
            }
            Marker::Ext16 => {
                let length = self.length::<2>()?;
                self.extension(length)?
            }
            Marker::Ext32 => {
                let length = self.length::<4>()?;
                self.extension(length)?
            }
            Marker::Reserved => return Err(MsgpackError::Reserved { offset }),
        })
    }

    /// Walks over one whole value, however nested.
    ///
    /// # Errors
    /// As [`Reader::token`], and [`MsgpackError::TooDeep`]. `depth` is how many arrays and maps already
    /// enclose the value.
    #[inline]
    pub fn skip(&mut self, depth: usize) -> Result<(), MsgpackError> {
        let start = self.position;
        let result = match self.skip_or_enter() {
            Ok(0) => Ok(()),
            Ok(items) => self.skip_items(items, depth + 1),
            Err(error) => Err(error),
        };
        if result.is_err() {
            self.position = start;
        }
        result
    }

    /// Walks over a scalar or an empty container, giving 0, or into a container, giving how many values it holds.
    #[inline]
    fn skip_or_enter(&mut self) -> Result<u64, MsgpackError> {
        let Some(marker) = self.bytes.get(self.position) else { return Err(MsgpackError::Incomplete) };
        let width = usize::from(SCALAR_WIDTHS[usize::from(*marker)]);
        if width > 0 {
            let end = self.position + width;
            if end > self.bytes.len() {
                return Err(MsgpackError::Incomplete);
            }
            self.position = end;
            return Ok(0);
        }
        // What is frequent beside the scalars of a known width: small containers, and strings below 256 bytes.
        match *marker {
            0x80..=0x9f => {
                self.position += 1;
                let items = u64::from(marker & 0x0f);
                return Ok(if *marker < 0x90 { items * 2 } else { items });
            }
            0xd9 | 0xc4 => {
                let length = *self.bytes.get(self.position + 1).ok_or(MsgpackError::Incomplete)?;
                let end = self.position + 2 + usize::from(length);
                if end > self.bytes.len() {
                    return Err(MsgpackError::Incomplete);
                }
                self.position = end;
                return Ok(0);
            }
            _ => {}
        }
        Ok(match self.token_or_partial()? {
            Token::Array(items) => u64::from(items),
            Token::Map(pairs) => u64::from(pairs) * 2,
            _ => 0,
        })
    }

    /// Walks over the `left` values of a container that is itself at level `depth`. What holds so few containers that it
    /// cannot be too deep needs no more than a count of the values that are left.
    fn skip_items(&mut self, left: u64, depth: usize) -> Result<(), MsgpackError> {
        let start = self.position;
        let mut containers = depth;
        let mut values = left;
        while values > 0 && containers <= MAX_DEPTH {
            values -= self.skip_scalars(values)?;
            if values == 0 {
                break;
            }
            let items = self.skip_or_enter()?;
            values = values - 1 + items;
            containers += usize::from(items > 0);
        }
        if containers > MAX_DEPTH {
            self.position = start;
            return self.skip_levels(left, depth);
        }
        Ok(())
    }

    /// Walks over at most `limit` values as long as their markers alone tell their lengths; gives how many there were.
    #[inline]
    fn skip_scalars(&mut self, limit: u64) -> Result<u64, MsgpackError> {
        // Not in `self`: the loop is a few instructions as long as nothing is written to memory.
        let (bytes, mut position, mut left) = (self.bytes, self.position, limit);
        while left > 0 {
            let Some(marker) = bytes.get(position) else { return Err(MsgpackError::Incomplete) };
            let width = usize::from(SCALAR_WIDTHS[usize::from(*marker)]);
            if width == 0 {
                break;
            }
            position += width;
            left -= 1;
        }
        if position > bytes.len() {
            return Err(MsgpackError::Incomplete);
        }
        self.position = position;
        Ok(limit - left)
    }

    /// As [`Reader::skip_items`], for any number of containers. The levels are kept on a fixed stack: input decides
    /// neither recursion nor memory.
    #[cold]
    fn skip_levels(&mut self, mut left: u64, depth: usize) -> Result<(), MsgpackError> {
        if depth > MAX_DEPTH {
            return Err(MsgpackError::TooDeep { offset: self.position });
        }
        let mut enclosing = [0u64; MAX_DEPTH];
        let mut level = depth;
        loop {
            while left == 0 {
                if level == depth {
                    return Ok(());
                }
                level -= 1;
                left = enclosing[level];
            }
            left -= 1;
            let items = self.skip_or_enter()?;
            if items == 0 {
                continue;
            }
            if level == MAX_DEPTH {
                return Err(MsgpackError::TooDeep { offset: self.position });
            }
            enclosing[level] = left;
            level += 1;
            left = items;
        }
    }

    /// Reads one whole value as the bytes that encode it.
    ///
    /// # Errors
    /// As [`Reader::skip`].
    #[inline]
    pub fn value(&mut self, depth: usize) -> Result<RawValue<'a>, MsgpackError> {
        let start = self.position;
        self.skip(depth)?;
        Ok(RawValue { bytes: &self.bytes[start..self.position] })
    }

    /// Walks over one whole value as [`Reader::skip`] does, and gives its content if it is text of either family.
    ///
    /// # Errors
    /// As [`Reader::skip`].
    #[inline]
    pub(crate) fn key(&mut self, depth: usize) -> Result<Option<&'a [u8]>, MsgpackError> {
        let start = self.position;
        if let Some(marker @ 0xa0..=0xbf) = self.bytes.get(start) {
            let end = start + 1 + usize::from(marker & 0x1f);
            let key = self.bytes.get(start + 1..end).ok_or(MsgpackError::Incomplete)?;
            self.position = end;
            return Ok(Some(key));
        }
        Ok(self.value(depth)?.as_text())
    }

    #[inline]
    fn take(&mut self, length: usize) -> Result<&'a [u8], MsgpackError> {
        let end = self.position.checked_add(length).ok_or(MsgpackError::Incomplete)?;
        let content = self.bytes.get(self.position..end).ok_or(MsgpackError::Incomplete)?;
        self.position = end;
        Ok(content)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], MsgpackError> {
        let content = self.take(N)?;
        Ok(content.try_into().expect("BUG: take gives as many bytes as were asked for"))
    }

    #[inline]
    fn length<const N: usize>(&mut self) -> Result<usize, MsgpackError> {
        let content: [u8; N] = self.fixed()?;
        Ok(content.iter().fold(0usize, |length, byte| length << 8 | usize::from(*byte)))
    }

    #[inline]
    fn counted<const N: usize>(&mut self) -> Result<&'a [u8], MsgpackError> {
        let length = self.length::<N>()?;
        self.take(length)
    }

    #[inline]
    fn extension(&mut self, length: usize) -> Result<Token<'a>, MsgpackError> {
        let code = i8::from_be_bytes(self.fixed()?);
        Ok(Token::Ext(code, self.take(length)?))
    }
}

/// The length, marker included, of every value whose marker alone tells it; 0 for all others.
static SCALAR_WIDTHS: [u8; 256] = scalar_widths();

const fn scalar_widths() -> [u8; 256] {
    let mut widths = [0; 256];
    let mut marker = 0u8;
    loop {
        widths[marker as usize] = match marker {
            0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => 1,
            0xa0..=0xbf => 1 + (marker - 0xa0),
            0xcc | 0xd0 => 2,
            0xcd | 0xd1 | 0xd4 => 3,
            0xd5 => 4,
            0xca | 0xce | 0xd2 => 5,
            0xd6 => 6,
            0xcb | 0xcf | 0xd3 => 9,
            0xd7 => 10,
            0xd8 => 18,
            _ => 0,
        };
        if marker == u8::MAX {
            return widths;
        }
        marker += 1;
    }
}

#[inline]
fn signed(n: i64) -> Token<'static> {
    u64::try_from(n).map_or(Token::Int(n), Token::UInt)
}

/// Exactly one MsgPack value, walked once and found whole, within [`MAX_DEPTH`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawValue<'a> {
    bytes: &'a [u8],
}

impl<'a> RawValue<'a> {
    /// Takes `bytes` as one value.
    ///
    /// # Errors
    /// What [`Reader::skip`] reports; `None` inside the `Ok` when bytes are left over after the value.
    pub fn parse(bytes: &'a [u8]) -> Result<Option<Self>, MsgpackError> {
        let mut reader = Reader::new(bytes);
        let value = reader.value(0)?;
        Ok(reader.is_at_end().then_some(value))
    }

    /// Takes bytes that the caller has walked as one value.
    pub(crate) fn walked(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// The bytes that encode the value.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// The value's first token: all of a scalar, the header of an array or a map.
    #[must_use]
    #[inline]
    pub fn token(self) -> Token<'a> {
        Reader::new(self.bytes).token().expect("BUG: a raw value was walked before")
    }

    /// The content of a string of either family, UTF-8 or not.
    #[must_use]
    #[inline]
    pub fn as_text(self) -> Option<&'a [u8]> {
        // What nearly all text is.
        if let [0xa0..=0xbf, text @ ..] | [0xd9, _, text @ ..] = self.bytes {
            return Some(text);
        }
        match self.token() {
            Token::Str(text) | Token::Bin(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a number, integers rounded to the nearest float.
    #[must_use]
    #[inline]
    pub fn as_f64(self) -> Option<f64> {
        // What nearly all times are.
        if let [0xcb, number @ ..] = self.bytes
            && let Ok(number) = <[u8; 8]>::try_from(number)
        {
            return Some(f64::from_be_bytes(number));
        }
        match self.token() {
            Token::UInt(n) => Some(n as f64),
            Token::Int(n) => Some(n as f64),
            Token::F32(n) => Some(f64::from(n)),
            Token::F64(n) => Some(n),
            _ => None,
        }
    }

    /// The pairs of a map, in the order in which they were written; `None` if the value is no map.
    #[must_use]
    pub fn pairs(self) -> Option<impl Iterator<Item = (RawValue<'a>, RawValue<'a>)>> {
        let mut reader = Reader::new(self.bytes);
        let Ok(Token::Map(pairs)) = reader.token() else { return None };
        Some((0..pairs).map(move |_| (next(&mut reader), next(&mut reader))))
    }

    /// The items of an array; `None` if the value is no array.
    #[must_use]
    pub fn items(self) -> Option<impl Iterator<Item = RawValue<'a>>> {
        let mut reader = Reader::new(self.bytes);
        let Ok(Token::Array(items)) = reader.token() else { return None };
        Some((0..items).map(move |_| next(&mut reader)))
    }

    /// The value under `key` in a map. The first of several equal keys counts.
    #[must_use]
    pub fn get(self, key: &[u8]) -> Option<RawValue<'a>> {
        self.pairs()?.find(|(name, _)| name.as_text() == Some(key)).map(|(_, value)| value)
    }
}

fn next<'a>(reader: &mut Reader<'a>) -> RawValue<'a> {
    reader.value(0).expect("BUG: a raw value was walked before")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundred_thousand_levels_are_refused_without_recursion() {
        let mut bytes = vec![0x91; 100_000];
        bytes.push(0xc0);
        let error = Reader::new(&bytes).skip(0).unwrap_err();
        assert_eq!(error, MsgpackError::TooDeep { offset: MAX_DEPTH + 1 });
    }

    #[test]
    fn the_deepest_allowed_value_is_read() {
        let mut bytes = vec![0x91; MAX_DEPTH];
        bytes.push(0xc0);
        assert!(matches!(RawValue::parse(&bytes), Ok(Some(_))));
        bytes.insert(0, 0x91);
        assert!(RawValue::parse(&bytes).is_err());
    }

    #[test]
    fn a_container_that_announces_four_thousand_million_items_takes_no_memory() {
        assert_eq!(Reader::new(&[0xdf, 0xff, 0xff, 0xff, 0xff, 1]).skip(0), Err(MsgpackError::Incomplete));
        assert_eq!(Reader::new(&[0xc6, 0xff, 0xff, 0xff, 0xff, 1]).skip(0), Err(MsgpackError::Incomplete));
    }

    #[test]
    fn bytes_after_the_value_are_seen() {
        assert_eq!(RawValue::parse(&[0xc0, 0xc0]), Ok(None));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_walked_without_a_panic(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while let Ok(value) = reader.value(0) {
                assert!(!value.bytes().is_empty());
                let _ = value.token();
            }
        }

        /// Counting what is left finds what going through all levels does.
        #[test]
        fn both_ways_to_skip_agree(
            bytes in proptest::collection::vec(
                proptest::prop_oneof![4 => 0x80u8..0xa4, 1 => proptest::num::u8::ANY], 0..400),
            left in 0u64..40,
            depth in 1usize..140,
        ) {
            let (mut counted, mut exact) = (Reader::new(&bytes), Reader::new(&bytes));
            let results = (counted.skip_items(left, depth), exact.skip_levels(left, depth));
            proptest::prop_assert_eq!(results.0, results.1);
            if results.0.is_ok() {
                proptest::prop_assert_eq!(counted.position(), exact.position());
            }
        }

        /// A prefix of a value is incomplete, never damaged and never a shorter value of its own.
        #[test]
        fn a_prefix_of_a_value_is_incomplete(value in crate::value::tests::any_value(), cut: proptest::sample::Index) {
            let bytes = value.to_msgpack();
            let end = cut.index(bytes.len());
            proptest::prop_assert_eq!(Reader::new(&bytes[..end]).skip(0), Err(MsgpackError::Incomplete));
            proptest::prop_assert_eq!(RawValue::parse(&bytes).unwrap().unwrap().bytes(), &bytes[..]);
        }
    }
}
