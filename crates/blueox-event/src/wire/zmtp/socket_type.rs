//! Which sockets there are, and which go together.

use std::fmt;

/// The type of our side of a connection.
///
/// ```
/// use blueox_event::wire::zmtp::SocketType;
/// assert_eq!(SocketType::Pull.to_string(), "PULL");
/// assert_eq!(SocketType::Pull.partner(), SocketType::Push);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SocketType {
    /// Takes messages from PUSH.
    Pull,
    /// Gives messages to PULL.
    Push,
    /// Answers requests.
    Rep,
    /// Asks and awaits an answer.
    Req,
    /// Gives messages to those who subscribe.
    Pub,
    /// Subscribes.
    Sub,
}

impl SocketType {
    /// The name in READY.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "PULL",
            Self::Push => "PUSH",
            Self::Rep => "REP",
            Self::Req => "REQ",
            Self::Pub => "PUB",
            Self::Sub => "SUB",
        }
    }

    /// The type of ours that goes with it.
    #[must_use]
    pub fn partner(self) -> Self {
        match self {
            Self::Pull => Self::Push,
            Self::Push => Self::Pull,
            Self::Rep => Self::Req,
            Self::Req => Self::Rep,
            Self::Pub => Self::Sub,
            Self::Sub => Self::Pub,
        }
    }

    /// The name of a peer's type, if it goes with ours (RFC 23, "Socket Type Property").
    pub(super) fn compatible(self, theirs: &[u8]) -> Option<&'static str> {
        let names: &[&'static str] = match self {
            Self::Pull => &["PUSH"],
            Self::Push => &["PULL"],
            Self::Rep => &["REQ", "DEALER"],
            Self::Req => &["REP", "ROUTER"],
            Self::Pub => &["SUB", "XSUB"],
            Self::Sub => &["PUB", "XPUB"],
        };
        names.iter().copied().find(|name| name.as_bytes() == theirs)
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
