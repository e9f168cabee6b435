//! BUSY, REFUSED and GOAWAY: how a receiver says no.

use super::NativeError;
use super::fields::{Fields, cut};
use super::frame::{self, Kind};
use crate::limits::MAX_REASON_TEXT_BYTES;

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident: $($(#[$reason_doc:meta])* $reason:ident = $id:literal,)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$reason_doc])* $reason,)*
            /// A reason of a newer version: its number.
            Other(u8),
        }

        impl $name {
            /// The number on the wire.
            #[must_use]
            pub fn id(self) -> u8 {
                match self {
                    $(Self::$reason => $id,)*
                    Self::Other(id) => id,
                }
            }

            /// The reason with this number.
            #[must_use]
            pub fn from_id(id: u8) -> Self {
                match id {
                    $($id => Self::$reason,)*
                    other => Self::Other(other),
                }
            }
        }
    };
}

reasons! {
    /// Why a HELLO is refused.
    RefusedReason:
    /// The session is not above the last one: two machines have one stream, or an old connection comes late.
    Session = 1,
    /// The token is missing or wrong.
    Token = 2,
    /// The versions do not go together.
    Version = 3,
    /// The receiver follows as many streams as it can.
    TooManyStreams = 4,
    /// This sender is not wanted here.
    NotAllowed = 5,
}

reasons! {
    /// Why a receiver takes no more on a connection.
    GoAwayReason:
    /// It is shutting down.
    Shutdown = 1,
    /// A higher session of the stream has connected.
    TakenOver = 2,
    /// The sender broke the protocol.
    Protocol = 3,
    /// The sender said nothing for too long.
    Idle = 4,
    /// A person has asked for it.
    Asked = 5,
}

/// Appends REFUSED or GOAWAY.
pub(super) fn write(output: &mut Vec<u8>, kind: Kind, reason: u8, text: &str) {
    let text = cut(text, MAX_REASON_TEXT_BYTES);
    frame::write(output, kind, |head| {
        head.extend_from_slice(&[reason, text.len() as u8]); // cut
        head.extend_from_slice(text.as_bytes());
    });
}

/// The reason's number and the text of REFUSED or GOAWAY.
pub(super) fn parse(kind: Kind, fields: &[u8]) -> Result<(u8, &str), NativeError> {
    let mut fields = Fields::new(kind, fields);
    let reason = fields.u8()?;
    let length = usize::from(fields.u8()?);
    Ok((reason, fields.text(length)?))
}
