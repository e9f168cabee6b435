//! A ZMTP socket that blocks, until a deadline.

use crate::address::ControlAddress;
use crate::clock::Deadline;
use crate::error::ClientError;
use crate::limits::{MAX_QUOTED_BYTES, READ_BYTES};
use crate::printable::{printable, quoted};
use blueox_event::wire::zmtp::{Connection, Item, Peer, SocketType, ZmtpError};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// One connection whose handshake is done. Its memory is bounded by the longest message that it takes.
#[derive(Debug)]
pub(crate) struct ZmtpSocket {
    stream: TcpStream,
    connection: Connection,
    buffer: Box<[u8]>,
    /// What was received; all before `consumed` is done with.
    input: Vec<u8>,
    consumed: usize,
}

/// Something that came after the handshake.
#[derive(Debug)]
pub(crate) enum Received {
    /// A message's parts.
    Message(Vec<Vec<u8>>),
    /// A message that was too large, of so many bytes.
    Discarded(u64),
}

/// Why a socket cannot go on.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The deadline has passed.
    TimedOut,
    /// The connection broke.
    Io(io::Error),
    /// The peer is not what it should be.
    Zmtp(ZmtpError),
    /// The peer speaks something else; this is how it begins.
    Foreign(Vec<u8>),
}

impl ZmtpSocket {
    /// Shakes hands over a new connection.
    pub(crate) fn open(
        stream: TcpStream,
        socket_type: SocketType,
        max_message_bytes: usize,
        deadline: Deadline,
    ) -> Result<Self, Failure> {
        // Small requests and answers: waiting to fill a segment costs 40 ms each.
        stream.set_nodelay(true).map_err(Failure::Io)?;
        let connection = Connection::connect(socket_type, max_message_bytes);
        let mut socket =
            Self { stream, connection, buffer: vec![0; READ_BYTES].into(), input: Vec::new(), consumed: 0 };
        socket.flush(deadline)?;
        while socket.connection.peer().is_none() {
            if socket.step()?.is_none() && socket.connection.peer().is_none() {
                socket.fill(deadline)?;
            }
        }
        Ok(socket)
    }

    /// Who is on the other side.
    pub(crate) fn peer(&self) -> &Peer {
        self.connection.peer().expect("BUG: open waits for the peer")
    }

    /// Sends a message.
    pub(crate) fn send(&mut self, parts: &[&[u8]], deadline: Deadline) -> Result<(), Failure> {
        self.connection.send(parts).map_err(Failure::Zmtp)?;
        self.flush(deadline)
    }

    /// Subscribes to messages that begin with one of `prefixes`.
    pub(crate) fn subscribe(&mut self, prefixes: &[Vec<u8>], deadline: Deadline) -> Result<(), Failure> {
        for prefix in prefixes {
            self.connection.subscribe(prefix).map_err(Failure::Zmtp)?;
        }
        self.flush(deadline)
    }

    /// Sends something that changes nothing, a subscription and its end: a side that only reads never learns that
    /// the other has forgotten the connection.
    pub(crate) fn probe(&mut self, prefix: &[u8], deadline: Deadline) -> Result<(), Failure> {
        self.connection.subscribe(prefix).map_err(Failure::Zmtp)?;
        self.connection.cancel(prefix).map_err(Failure::Zmtp)?;
        self.flush(deadline)
    }

    /// Waits for the next message.
    pub(crate) fn receive(&mut self, deadline: Deadline) -> Result<Received, Failure> {
        loop {
            match self.step()? {
                Some(received) => return Ok(received),
                None => self.fill(deadline)?,
            }
        }
    }

    /// Takes the next message out of what was received.
    fn step(&mut self) -> Result<Option<Received>, Failure> {
        loop {
            let step = match self.connection.advance(&self.input[self.consumed..]) {
                Ok(step) => step,
                Err(ZmtpError::NotZmtp { .. }) => {
                    return Err(Failure::Foreign(std::mem::take(&mut self.input)));
                }
                Err(error) => return Err(Failure::Zmtp(error)),
            };
            self.consumed += step.consumed;
            match step.item {
                Some(Item::Message(message)) => {
                    return Ok(Some(Received::Message(message.parts().map(<[u8]>::to_vec).collect())));
                }
                Some(Item::Discarded { bytes, .. }) => return Ok(Some(Received::Discarded(bytes))),
                Some(Item::Ready | Item::Subscribe(_) | Item::Cancel(_)) => {}
                None => return Ok(None),
            }
        }
    }

    /// Reads more, after writing what the connection wants to say (READY, PONG).
    fn fill(&mut self, deadline: Deadline) -> Result<(), Failure> {
        self.flush(deadline)?;
        self.input.drain(..self.consumed);
        self.consumed = 0;
        loop {
            let left = deadline.remaining().ok_or(Failure::TimedOut)?;
            self.stream.set_read_timeout(Some(left)).map_err(Failure::Io)?;
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return Err(Failure::Io(io::ErrorKind::UnexpectedEof.into())),
                Ok(read) => {
                    self.input.extend_from_slice(&self.buffer[..read]);
                    return Ok(());
                }
                Err(error) => retry(error)?,
            }
        }
    }

    fn flush(&mut self, deadline: Deadline) -> Result<(), Failure> {
        while !self.connection.output().is_empty() {
            let left = deadline.remaining().ok_or(Failure::TimedOut)?;
            self.stream.set_write_timeout(Some(left)).map_err(Failure::Io)?;
            match self.stream.write(self.connection.output()) {
                Ok(0) => return Err(Failure::Io(io::ErrorKind::WriteZero.into())),
                Ok(written) => drop(self.connection.output().drain(..written)),
                Err(error) => retry(error)?,
            }
        }
        Ok(())
    }
}

/// Whether a call that failed is to be made again; a time-out is, so that the deadline decides.
fn retry(error: io::Error) -> Result<(), Failure> {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted => Ok(()),
        _ => Err(Failure::Io(error)),
    }
}

impl Failure {
    /// The failure of `what` at `address`, for which `after` was allowed.
    pub(crate) fn at(self, address: &ControlAddress, what: &'static str, after: Duration) -> ClientError {
        let address = address.clone();
        match self {
            Self::TimedOut => ClientError::TimedOut { address, what, after },
            Self::Io(source) => ClientError::Broken { address, what, source },
            Self::Zmtp(error) => ClientError::NotOxd { address, found: found(&error) },
            Self::Foreign(bytes) => {
                let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
                ClientError::NotOxd { address, found: format!("it says {}", quoted(line, MAX_QUOTED_BYTES)) }
            }
        }
    }
}

fn found(error: &ZmtpError) -> String {
    match error {
        ZmtpError::Incompatible { theirs, .. } if theirs == "PULL" => {
            "it is a PULL socket, as a collection port is (control is 3513, collection 3514, unless told)"
                .into()
        }
        ZmtpError::Incompatible { theirs, .. } if theirs == "PUB" => {
            "it is a PUB socket, as a streaming port is (control is 3513 unless told)".into()
        }
        ZmtpError::Incompatible { theirs, .. } => {
            format!("it is a ZeroMQ socket of type {}", printable(theirs))
        }
        error => printable(&error.to_string()).into_owned(),
    }
}
