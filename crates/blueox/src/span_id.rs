//! The id of one context, by which others name it as their parent.

use std::fmt;
use std::str::FromStr;

/// 8 random bytes, never all zero, written as 16 lower-case hex digits: a valid W3C parent id.
///
/// ```
/// use blueox::SpanId;
/// let span: SpanId = "00f067aa0ba902b7".parse().unwrap();
/// assert_eq!(span.to_string(), "00f067aa0ba902b7");
/// assert!("0000000000000000".parse::<SpanId>().is_err());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(u64);

/// Text that is no [`SpanId`].
///
/// ```
/// assert_eq!("nonsense".parse::<blueox::SpanId>(), Err(blueox::SpanIdError));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a span id is 16 hex digits, not all zero")]
pub struct SpanIdError;

impl SpanId {
    /// The id with this number; 0 becomes 1.
    ///
    /// ```
    /// assert_eq!(blueox::SpanId::new(7).to_string(), "0000000000000007");
    /// ```
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(if number == 0 { 1 } else { number })
    }

    /// As a number.
    ///
    /// ```
    /// assert_eq!(blueox::SpanId::new(7).number(), 7);
    /// ```
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The 16 hex digits.
    ///
    /// ```
    /// assert_eq!(&blueox::SpanId::new(7).digits(), b"0000000000000007");
    /// ```
    #[must_use]
    pub fn digits(self) -> [u8; 16] {
        let mut digits = [0; 16];
        hex(&self.0.to_be_bytes(), &mut digits);
        digits
    }
}

/// Writes `bytes` as lower-case hex digits, two for each that has a place.
#[inline]
pub(crate) fn hex(bytes: &[u8], digits: &mut [u8]) {
    let bytes = &bytes[..bytes.len().min(digits.len() / 2)];
    let (fours, rest) = bytes.as_chunks::<4>();
    let (eights, last) = digits.split_at_mut(2 * bytes.len() - 2 * rest.len());
    for (four, eight) in fours.iter().zip(eights.as_chunks_mut::<8>().0) {
        *eight = eight_digits(u32::from_be_bytes(*four));
    }
    let one_each = [rest.first(), rest.get(1), rest.get(2)];
    for (byte, pair) in one_each.into_iter().flatten().zip(last.chunks_exact_mut(2)) {
        pair.copy_from_slice(&eight_digits(u32::from(*byte))[6..]);
    }
}

/// The hex digits of a number, all at once: each half of a byte in a byte of its own, then made a digit.
#[inline]
fn eight_digits(number: u32) -> [u8; 8] {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let n = u64::from(number);
    let n = (n | n << 16) & 0x0000_ffff_0000_ffff;
    let n = (n | n << 8) & 0x00ff_00ff_00ff_00ff;
    let n = (n | n << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    let above_nine = ((n + 6 * ONES) >> 4) & ONES;
    (n + u64::from(b'0') * ONES + above_nine * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpanId({self})")
    }
}

impl FromStr for SpanId {
    type Err = SpanIdError;

    fn from_str(text: &str) -> Result<Self, SpanIdError> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(SpanIdError);
        }
        match u64::from_str_radix(text, 16) {
            Ok(0) | Err(_) => Err(SpanIdError),
            Ok(number) => Ok(Self(number)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_formatter() {
        for number in (0..=u16::MAX).map(u64::from).chain([u64::MAX, 0x0123_4567_89ab_cdef, 0xfedc << 40]) {
            let bytes = number.to_be_bytes();
            for begin in 0..=bytes.len() {
                let mut digits = [0; 16];
                hex(&bytes[begin..], &mut digits[..16 - 2 * begin]);
                let expected: String = bytes[begin..].iter().map(|byte| format!("{byte:02x}")).collect();
                assert_eq!(digits[..16 - 2 * begin], *expected.as_bytes());
            }
        }
        let mut few = [0; 5];
        hex(&[0xab; 9], &mut few);
        assert_eq!(few, *b"abab\0");
    }
}
