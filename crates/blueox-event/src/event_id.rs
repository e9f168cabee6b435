//! The id that an event shares with its sub-events.

use std::fmt;
use std::str::FromStr;

/// 16 bytes, written as 32 lower-case hex digits: the first four are the seconds since the epoch (big-endian)
/// at which the id was made, the others are random. Never all zero, so that it is a valid W3C trace id.
///
/// Senders of 2012 may use any scalar as an id; such an id is kept in the event as it is and compared as text
/// ([`crate::EncodedEvent::id_text`]).
///
/// ```
/// use blueox_event::EventId;
/// let id = EventId::new(1_331_640_000, [7; 12]);
/// assert_eq!(id.to_string(), "4f5f36c0070707070707070707070707");
/// assert_eq!("4f5f36c0070707070707070707070707".parse(), Ok(id));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId([u8; 16]);

/// Text that is no [`EventId`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an event id is 32 hex digits, not all zero")]
pub struct EventIdError;

impl EventId {
    /// The id made at `seconds` since the epoch from 12 random bytes.
    #[must_use]
    pub fn new(seconds: u32, random: [u8; 12]) -> Self {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..].copy_from_slice(&random);
        if bytes == [0; 16] {
            bytes[15] = 1;
        }
        Self(bytes)
    }

    /// The 16 bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, EventIdError> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(EventIdError);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| EventIdError)?;
        if number == 0 {
            return Err(EventIdError);
        }
        Ok(Self(number.to_be_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_all_zero() {
        assert_ne!(EventId::new(0, [0; 12]).bytes(), &[0; 16]);
        assert_eq!("00000000000000000000000000000000".parse::<EventId>(), Err(EventIdError));
    }

    proptest::proptest! {
        #[test]
        fn text_and_bytes_agree(seconds: u32, random: [u8; 12]) {
            let id = EventId::new(seconds, random);
            proptest::prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }
}
