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

/// Writes `bytes` as lower-case hex digits, twice as many.
#[inline]
pub(crate) fn hex(bytes: &[u8], digits: &mut [u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
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
