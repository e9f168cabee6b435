//! A blocking ZeroMQ connection, as applications and the original's tools open one.

use anyhow::{Context, bail};
use blueox_event::Value;
use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: usize = 4 << 20;

/// A connection after its handshake.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) stream: TcpStream,
    zmtp: Connection,
    unread: Vec<u8>,
}

impl Peer {
    /// Connects; every wait for the other side is at most `patience`.
    pub(crate) fn connect(
        address: SocketAddr,
        socket_type: SocketType,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)
            .with_context(|| format!("no daemon at {address}"))?;
        Self::greet(stream, Connection::connect(socket_type, MAX_ANSWER_BYTES), patience)
    }

    /// The other side of a connection that was accepted: a sink for measuring what the machine allows.
    pub(crate) fn accepted(stream: TcpStream, patience: Duration) -> anyhow::Result<Self> {
        Self::greet(stream, Connection::accept(SocketType::Pull, MAX_ANSWER_BYTES), patience)
    }

    fn greet(stream: TcpStream, zmtp: Connection, patience: Duration) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        let mut peer = Self { stream, zmtp, unread: Vec::new() };
        while peer.zmtp.peer().is_none() {
            peer.flush()?;
            peer.wait_for_item()?;
        }
        Ok(peer)
    }

    /// Asks a control port of the original's kind; `Value::Map` in, `Value` out.
    pub(crate) fn ask(&mut self, command: &str) -> anyhow::Result<Value> {
        let request = Value::map([("cmd", Value::from(command))]).to_msgpack();
        self.zmtp.send(&[b"", &request])?;
        self.flush()?;
        loop {
            if let Some(answer) = self.wait_for_item()? {
                return Ok(Value::from_msgpack(&answer)?);
            }
        }
    }

    /// The bytes of one message, as they stand on the wire.
    pub(crate) fn encode(&mut self, parts: &[&[u8]]) -> anyhow::Result<Vec<u8>> {
        self.zmtp.send(parts)?;
        Ok(std::mem::take(self.zmtp.output()))
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(self.zmtp.output())?;
        self.zmtp.output().clear();
        Ok(())
    }

    /// Reads up to the next item; gives the last part if it is a message.
    fn wait_for_item(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            let step = self.zmtp.advance(&self.unread)?;
            let consumed = step.consumed;
            let found = step.item.map(|item| match item {
                Item::Message(message) => message.parts().last().map(<[u8]>::to_vec),
                _ => None,
            });
            self.unread.drain(..consumed);
            self.flush()?;
            if let Some(answer) = found {
                return Ok(answer);
            }
            if consumed > 0 {
                continue;
            }
            let mut chunk = [0; 16 << 10];
            match self.stream.read(&mut chunk).context("the other side does not answer")? {
                0 => bail!("the other side has closed the connection"),
                count => self.unread.extend_from_slice(&chunk[..count]),
            }
        }
    }
}
