//! A connection to a daemon of 2012: a ZeroMQ PUSH socket. It acknowledges nothing, so an event is sent at most once: what was
//! in a batch whose writing broke off counts as dropped.

use super::LinkEnd;
use super::outbox::Outbox;
use super::route::Socket;
use crate::chunk::Chunk;
use blueox_event::EncodedEvent;
use blueox_event::wire::original::Header;
use blueox_event::wire::zmtp::{Connection, SocketType};
use std::os::fd::{AsFd, BorrowedFd};

/// The longest message that the daemon could send us: it sends none.
const MAX_MESSAGE_BYTES: usize = 1024;

pub(super) struct Original {
    socket: Socket,
    connection: Connection,
    input: Vec<u8>,
    /// The batch that is being written.
    writing: Option<Chunk>,
    has_output: bool,
}

impl Original {
    pub(super) fn new(socket: Socket) -> Self {
        let connection = Connection::connect(SocketType::Push, MAX_MESSAGE_BYTES);
        Self { socket, connection, input: Vec::new(), writing: None, has_output: true }
    }

    pub(super) fn fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Whether there is something that could not be written yet.
    pub(super) fn has_output(&self) -> bool {
        self.has_output
    }

    /// Whether the handshake is done.
    pub(super) fn is_ready(&self) -> bool {
        self.connection.peer().is_some()
    }

    /// Reads and writes what can be read and written.
    pub(super) fn exchange(&mut self, outbox: &mut Outbox) -> Result<(), LinkEnd> {
        let limit = self.connection.buffer_limit();
        let is_open = self.socket.read_into(&mut self.input, limit)?;
        self.read()?;
        if !is_open {
            return Err(LinkEnd::Broken("the daemon has closed the connection".into()));
        }
        loop {
            self.socket.write_from(self.connection.output())?;
            self.has_output = !self.connection.output().is_empty();
            if self.has_output {
                return Ok(());
            }
            if let Some(written) = self.writing.take() {
                outbox.sent(written);
            }
            if !self.is_ready() {
                return Ok(());
            }
            let Some(next) = outbox.take_oldest() else { return Ok(()) };
            let encoded = self.encode(&next);
            self.writing = Some(next);
            encoded?;
        }
    }

    /// The connection is no more: what was being written is lost.
    pub(super) fn abandon(&mut self, outbox: &mut Outbox) {
        if let Some(lost) = self.writing.take() {
            outbox.broken(lost);
        }
    }

    fn read(&mut self) -> Result<(), LinkEnd> {
        let mut consumed = 0;
        loop {
            let step = self.connection.advance(&self.input[consumed..]);
            let step = step.map_err(|error| LinkEnd::Broken(error.to_string()))?;
            consumed += step.consumed;
            if step.consumed == 0 && step.item.is_none() {
                break;
            }
        }
        self.input.drain(..consumed);
        Ok(())
    }

    fn encode(&mut self, chunk: &Chunk) -> Result<(), LinkEnd> {
        let mut rest = &chunk.bytes[..];
        while !rest.is_empty() {
            let event = EncodedEvent::read(rest).expect("BUG: a chunk holds whole events");
            let (end, host) = (event.end().unwrap_or(0.0), event.host().unwrap_or_default());
            let header = Header::encode(end, host, event.type_bytes());
            let sent = self.connection.send(&[&header, event.bytes()]);
            sent.map_err(|error| LinkEnd::Broken(error.to_string()))?;
            rest = &rest[event.bytes().len()..];
        }
        Ok(())
    }
}
