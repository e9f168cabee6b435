//! One connection: from the greeting to the last message.

use super::command::{self, Command, Metadata, SOCKET_TYPE};
use super::error::printable;
use super::frame::{FrameHeader, MAX_HEADER_BYTES, write_command, write_message_header};
use super::greeting;
use super::item::{Advance, Item, Message};
use super::traffic::{Discarding, Partial};
use super::{SocketType, ZmtpError};
use crate::limits::{MAX_SUBSCRIPTION_BYTES, MAX_ZMTP_COMMAND_BYTES, MAX_ZMTP_PARTS};

/// One side of a ZMTP connection. See the [module](super) for how it is used.
#[derive(Debug)]
pub struct Connection {
    pub(super) ours: SocketType,
    /// The limit for the sum of a message's parts.
    pub(super) max_message_bytes: u64,
    pub(super) state: State,
    /// The properties of our READY.
    metadata: Vec<u8>,
    pub(super) output: Vec<u8>,
    peer: Option<Peer>,
    pub(super) partial: Partial,
}

/// Who is on the other side, as far as its READY tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// The version of ZMTP that it greeted with: major, minor.
    pub version: (u8, u8),
    /// Its socket's type, one that goes with ours.
    pub socket_type: &'static str,
    /// The property `X-BlueOx`: the version of BlueOx, if it is one of us. Made printable.
    pub blueox: Option<String>,
}

#[derive(Debug)]
pub(super) enum State {
    /// The peer's greeting is not complete.
    Greeting { answered: bool },
    /// The peer's READY has not come.
    Handshake { version: (u8, u8) },
    /// Frames are read, at the beginning or in the middle of a message.
    Traffic,
    /// The rest of a message is thrown away as it comes.
    Discarding(Discarding),
    /// Nothing more is read.
    Failed(ZmtpError),
}

impl Connection {
    /// The side that was connected to. It says nothing before the peer has sent its first byte.
    /// `max_message_bytes` limits the sum of the lengths of a message's parts.
    #[must_use]
    pub fn accept(socket_type: SocketType, max_message_bytes: usize) -> Self {
        let mut metadata = Vec::new();
        command::write_property(&mut metadata, SOCKET_TYPE, socket_type.name().as_bytes());
        let limit = match socket_type {
            SocketType::Pub => max_message_bytes.min(1 + MAX_SUBSCRIPTION_BYTES),
            _ => max_message_bytes,
        };
        Self {
            ours: socket_type,
            max_message_bytes: limit.min(isize::MAX as usize / 2) as u64,
            state: State::Greeting { answered: false },
            metadata,
            output: Vec::new(),
            peer: None,
            partial: Partial::default(),
        }
    }

    /// The side that connects. Its greeting is in the output at once.
    #[must_use]
    pub fn connect(socket_type: SocketType, max_message_bytes: usize) -> Self {
        let mut connection = Self::accept(socket_type, max_message_bytes);
        connection.output.extend_from_slice(&greeting::OURS);
        connection.state = State::Greeting { answered: true };
        connection
    }

    /// Adds a property to our READY, `X-BlueOx` for example. To be called before the first byte is read.
    /// A value is cut to 255 bytes.
    ///
    /// # Panics
    /// When the name is empty or longer than 255 bytes, or when there are so many properties that no READY
    /// holds them: these are the program's own constants.
    ///
    /// ```
    /// use blueox_event::wire::zmtp::{Connection, SocketType};
    /// let connection = Connection::accept(SocketType::Pull, 4096).with_property("X-BlueOx", "1.0.0");
    /// assert!(connection.peer().is_none());
    /// ```
    #[must_use]
    pub fn with_property(mut self, name: &'static str, value: &str) -> Self {
        assert!((1..=255).contains(&name.len()), "BUG: a property's name has 1 to 255 bytes");
        command::write_property(&mut self.metadata, name, &value.as_bytes()[..value.len().min(255)]);
        assert!(self.metadata.len() < MAX_ZMTP_COMMAND_BYTES - 16, "BUG: too many properties");
        self
    }

    /// The bytes that are to be written to the peer. The owner takes from the front what it has written.
    #[inline]
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The type of our side.
    #[must_use]
    pub fn socket_type(&self) -> SocketType {
        self.ours
    }

    /// Who is on the other side. Known from [`Item::Ready`] on.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// The most bytes that ever have to be kept unread: a buffer of this size is large enough for all that a
    /// peer can send.
    #[must_use]
    pub fn buffer_limit(&self) -> usize {
        let message = usize::try_from(self.max_message_bytes).unwrap_or(usize::MAX);
        let frames = (MAX_ZMTP_PARTS + 1) * MAX_HEADER_BYTES;
        message.saturating_add(frames).max(MAX_HEADER_BYTES + MAX_ZMTP_COMMAND_BYTES)
    }

    /// Reads as far as the next item. `input` is all that was received and not yet consumed, contiguous.
    ///
    /// # Errors
    /// When the peer breaks the protocol or cannot be talked to. The error is final, and every further call
    /// reports it again; what [`Connection::output`] holds may still tell the peer why.
    #[inline]
    pub fn advance<'b>(&mut self, input: &'b [u8]) -> Result<Advance<'b>, ZmtpError> {
        let mut consumed = 0;
        loop {
            let rest = &input[consumed..];
            let step = match &self.state {
                State::Traffic => self.traffic(rest),
                State::Discarding(message) => self.discard(*message, rest),
                State::Greeting { answered } => self.greeting(*answered, rest),
                State::Handshake { version } => self.handshake(*version, rest),
                State::Failed(error) => return Err(error.clone()),
            };
            match step {
                Ok(step) => {
                    consumed += step.consumed;
                    if step.item.is_some() || step.needed > 0 {
                        return Ok(Advance { consumed, ..step });
                    }
                }
                Err(error) => {
                    self.state = State::Failed(error.clone());
                    return Err(error);
                }
            }
        }
    }

    /// Appends a message to the output. A message of no parts is none. The parts are those on the wire: a REQ's
    /// message begins with an empty part.
    ///
    /// # Errors
    /// [`ZmtpError::NotReady`] before [`Item::Ready`]; after a failure, that failure.
    pub fn send(&mut self, parts: &[&[u8]]) -> Result<(), ZmtpError> {
        self.check_ready()?;
        for (index, part) in parts.iter().enumerate() {
            self.write_part(part, index + 1 < parts.len());
        }
        Ok(())
    }

    /// Appends a reply of one part to the output of a REP. The address is that of the request, as
    /// [`Message::split_envelope`] gives it.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn reply(&mut self, address: Message<'_>, content: &[u8]) -> Result<(), ZmtpError> {
        self.check_ready()?;
        for part in address.parts() {
            self.write_part(part, true);
        }
        self.write_part(content, false);
        Ok(())
    }

    fn write_part(&mut self, part: &[u8], more: bool) {
        write_message_header(&mut self.output, part.len(), more);
        self.output.extend_from_slice(part);
    }

    /// Asks a PUB for the messages whose first part begins with `prefix`, in the form that every version
    /// understands.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn subscribe(&mut self, prefix: &[u8]) -> Result<(), ZmtpError> {
        self.send_subscription(1, prefix)
    }

    /// Takes one subscription to `prefix` back.
    ///
    /// # Errors
    /// As [`Connection::send`].
    pub fn cancel(&mut self, prefix: &[u8]) -> Result<(), ZmtpError> {
        self.send_subscription(0, prefix)
    }

    fn send_subscription(&mut self, kind: u8, prefix: &[u8]) -> Result<(), ZmtpError> {
        self.check_ready()?;
        write_message_header(&mut self.output, 1 + prefix.len(), false);
        self.output.push(kind);
        self.output.extend_from_slice(prefix);
        Ok(())
    }

    fn check_ready(&self) -> Result<(), ZmtpError> {
        match &self.state {
            State::Traffic | State::Discarding(_) => Ok(()),
            State::Greeting { .. } | State::Handshake { .. } => Err(ZmtpError::NotReady),
            State::Failed(error) => Err(error.clone()),
        }
    }

    fn greeting(&mut self, answered: bool, input: &[u8]) -> Result<Advance<'static>, ZmtpError> {
        let version = greeting::check(input)?;
        if input.is_empty() {
            return Ok(Advance::starved(0, 1));
        }
        if !answered {
            self.output.extend_from_slice(&greeting::OURS);
            self.state = State::Greeting { answered: true };
        }
        let Some(version) = version else { return Ok(Advance::starved(0, greeting::LENGTH - input.len())) };
        write_command(&mut self.output, "READY", &[&self.metadata]);
        self.state = State::Handshake { version };
        Ok(Advance::onward(greeting::LENGTH))
    }

    fn handshake(&mut self, version: (u8, u8), input: &[u8]) -> Result<Advance<'static>, ZmtpError> {
        let when = "before the handshake was done";
        let header = match FrameHeader::parse(input)? {
            Ok(header) => header,
            Err(needed) => return Ok(Advance::starved(0, needed)),
        };
        if !header.is_command() {
            return Err(ZmtpError::OutOfTurn { what: "a message", when });
        }
        let end = header.header_bytes() + header.length as usize; // a command's length is small
        let Some(body) = input.get(header.header_bytes()..end) else {
            return Ok(Advance::starved(0, end - input.len()));
        };
        match Command::parse(body)? {
            Command::Ready(metadata) => self.meet(version, metadata)?,
            Command::Error { reason } => return Err(ZmtpError::Refused { reason: printable(reason) }),
            _ => return Err(ZmtpError::OutOfTurn { what: "another command than READY", when }),
        }
        Ok(Advance::item(end, Item::Ready))
    }

    fn meet(&mut self, version: (u8, u8), metadata: Metadata<'_>) -> Result<(), ZmtpError> {
        let Some(socket_type) = self.ours.compatible(metadata.socket_type) else {
            let theirs = printable(metadata.socket_type);
            let error = ZmtpError::Incompatible { ours: self.ours, theirs };
            let reason = format!("this is a {} socket, connect a {}", self.ours, self.ours.partner());
            write_command(&mut self.output, "ERROR", &[&[reason.len() as u8], reason.as_bytes()]);
            return Err(error);
        };
        self.peer = Some(Peer { version, socket_type, blueox: metadata.blueox.map(printable) });
        self.state = State::Traffic;
        Ok(())
    }
}
