//! HELLO: who connects, and where its stream stands.

use super::fields::{Fields, cut};
use super::frame::{self, Kind};
use super::{NativeError, Seq, Session, StreamId};
use crate::limits::{MAX_HOST_BYTES, MAX_TOKEN_BYTES};
use std::fmt;

/// What kind of producer a stream has. It decides how long its high-water mark is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// An application: its stream lives as long as its process.
    Application,
    /// A daemon that forwards: its stream lives as long as its spool.
    Daemon,
}

/// A secret that opens a daemon to a sender. It is not shown by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token<'b>(&'b [u8]);

impl<'b> Token<'b> {
    /// `None` when it is empty or longer than [`MAX_TOKEN_BYTES`].
    #[must_use]
    pub fn new(token: &'b [u8]) -> Option<Self> {
        (1..=MAX_TOKEN_BYTES).contains(&token.len()).then_some(Self(token))
    }

    /// The secret. Compare it in constant time.
    #[must_use]
    pub fn secret(self) -> &'b [u8] {
        self.0
    }
}

impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// Who a sender is: the part of HELLO that its owner gives for each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Introduction<'b> {
    /// Raised durably since the stream's last connection.
    pub session: Session,
    /// The host's name. Cut at [`MAX_HOST_BYTES`] and at its first control character.
    pub host: &'b str,
    /// The process.
    pub pid: u32,
    /// What opens the receiver, if it wants to be opened.
    pub token: Option<Token<'b>>,
}

/// HELLO, as the receiver gets it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hello<'b> {
    /// The newest minor version that the sender speaks.
    pub minor: u16,
    /// What it is.
    pub role: Role,
    /// Its stream.
    pub stream: StreamId,
    /// The first number that was never given to a batch.
    pub next_seq: Seq,
    /// All up to this number was acked by some receiver.
    pub ack_floor: Seq,
    /// Who it is.
    pub sender: Introduction<'b>,
}

impl<'b> Hello<'b> {
    pub(super) fn parse(fields: &'b [u8]) -> Result<Self, NativeError> {
        let mut fields = Fields::new(Kind::Hello, fields);
        let minor = fields.u16()?;
        let role = match fields.u8()? {
            1 => Role::Application,
            2 => Role::Daemon,
            _ => return Err(fields.malformed("its role is unknown")),
        };
        let host_bytes = usize::from(fields.u8()?);
        let pid = fields.u32()?;
        let stream = StreamId(fields.u128()?);
        let session = Session(fields.u64()?);
        let next_seq = fields.seq()?;
        let ack_floor = fields.seq()?;
        if ack_floor >= next_seq {
            return Err(fields.malformed("its ack_floor is not below its next_seq"));
        }
        let token_bytes = usize::from(fields.u16()?);
        if token_bytes > MAX_TOKEN_BYTES {
            return Err(fields.malformed("its token is too long"));
        }
        let host = fields.text(host_bytes)?;
        let token = Token::new(fields.bytes(token_bytes)?);
        Ok(Self {
            minor,
            role,
            stream,
            next_seq,
            ack_floor,
            sender: Introduction { session, host, pid, token },
        })
    }

    pub(super) fn write(&self, output: &mut Vec<u8>) {
        let host = cut(self.sender.host, MAX_HOST_BYTES);
        let token = self.sender.token.map_or(&[][..], Token::secret);
        frame::write(output, Kind::Hello, |head| {
            head.extend_from_slice(&self.minor.to_le_bytes());
            head.push(match self.role {
                Role::Application => 1,
                Role::Daemon => 2,
            });
            head.push(host.len() as u8); // cut
            head.extend_from_slice(&self.sender.pid.to_le_bytes());
            head.extend_from_slice(&self.stream.0.to_le_bytes());
            head.extend_from_slice(&self.sender.session.0.to_le_bytes());
            head.extend_from_slice(&self.next_seq.get().to_le_bytes());
            head.extend_from_slice(&self.ack_floor.get().to_le_bytes());
            head.extend_from_slice(&(token.len() as u16).to_le_bytes()); // a Token is short
            head.extend_from_slice(host.as_bytes());
            head.extend_from_slice(token);
        });
    }
}
