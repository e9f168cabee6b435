//! Why a ZMTP connection ends.

use super::SocketType;

/// Why a connection cannot go on. All of them are final: the owner writes what is left of the output and closes.
/// Only [`ZmtpError::NotReady`] is the owner's own mistake and leaves the connection as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZmtpError {
    /// The first byte is none that ZMTP 2.0 or later begins with.
    #[error("peer does not speak ZMTP 3 (its first byte is {first:#04x}); is this the right port?")]
    NotZmtp {
        /// The first byte.
        first: u8,
    },
    /// The peer is older than ZMTP 3.0.
    #[error("peer speaks ZMTP {version}; BlueOx needs 3.0 or later (libzmq 4)")]
    OldVersion {
        /// The version's name.
        version: &'static str,
    },
    /// The peer wants to be authenticated or encrypted.
    #[error(
        "peer wants the security mechanism {name:?}; BlueOx speaks NULL: switch security off on that socket"
    )]
    Mechanism {
        /// The mechanism's name, made printable.
        name: String,
    },
    /// The peer's socket is of a type that does not go with ours. The output holds an ERROR that says so.
    #[error("a {theirs:?} socket cannot talk to a {ours} socket; {} goes with it", ours.partner())]
    Incompatible {
        /// The type of our side.
        ours: SocketType,
        /// The type that the peer gave, made printable.
        theirs: String,
    },
    /// The peer has sent the command ERROR.
    #[error("peer refuses the connection: {reason}")]
    Refused {
        /// The peer's reason, made printable.
        reason: String,
    },
    /// A frame's flags hold bits that have no meaning, or that do not go together.
    #[error("a frame has the flags {flags:#04x}, which mean nothing")]
    Flags {
        /// The flags.
        flags: u8,
    },
    /// A frame's length does not fit into 63 bits.
    #[error("a frame announces {bytes} bytes")]
    FrameLength {
        /// The length.
        bytes: u64,
    },
    /// A command is longer than [`MAX_ZMTP_COMMAND_BYTES`](crate::limits::MAX_ZMTP_COMMAND_BYTES).
    #[error("a command of {bytes} bytes; {} are allowed", crate::limits::MAX_ZMTP_COMMAND_BYTES)]
    CommandLength {
        /// Its length.
        bytes: u64,
    },
    /// A command's content is not what its name promises.
    #[error("the command {command} is malformed")]
    Malformed {
        /// The command's name.
        command: &'static str,
    },
    /// Something valid came at a moment at which it must not come.
    #[error("peer sent {what} {when}")]
    OutOfTurn {
        /// What came.
        what: &'static str,
        /// When it came.
        when: &'static str,
    },
    /// The owner wanted to send before the handshake was done.
    #[error("the ZMTP handshake is not done: wait for Item::Ready before sending")]
    NotReady,
}

/// The longest text of a peer's that is kept, in bytes. ERROR's reason has at most 255.
const MAX_TEXT_BYTES: usize = 255;

/// A peer's text as it may be shown and logged: valid, short, without control characters.
pub(super) fn printable(text: &[u8]) -> String {
    let text = &text[..text.len().min(MAX_TEXT_BYTES)];
    let shown = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
    String::from_utf8_lossy(text).chars().map(shown).collect()
}
