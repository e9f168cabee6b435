//! Requests to an original daemon: a MsgPack map each way, over ZMTP REQ.

use crate::address::ControlAddress;
use crate::client::Timeouts;
use crate::clock::Deadline;
use crate::dial;
use crate::error::ClientError;
use crate::limits::MAX_ANSWER_BYTES;
use crate::status::{Seen, Status};
use crate::zmtp::{Failure, Received, ZmtpSocket};
use blueox_event::msgpack::{RawValue, Token};
use blueox_event::wire::zmtp::SocketType;
use blueox_event::{Value, json};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};

/// How an original daemon is asked.
#[derive(Debug, Clone)]
pub(crate) struct Original {
    pub(crate) address: ControlAddress,
    target: SocketAddr,
    pub(crate) timeouts: Timeouts,
}

impl Original {
    pub(crate) fn new(address: ControlAddress, target: SocketAddr, timeouts: Timeouts) -> Self {
        Self { address, target, timeouts }
    }

    /// The answer to STATUS, as JSON.
    pub(crate) fn status_json(&self) -> Result<serde_json::Value, ClientError> {
        self.request("STATUS", |reply| {
            let mut text = String::new();
            json::write(reply, &mut text);
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })
    }

    /// The answer to STATUS.
    pub(crate) fn status(&self) -> Result<Status, ClientError> {
        let reply = self.status_json()?;
        Ok(Status {
            ports: BTreeMap::from([("control".to_owned(), Some(self.target.to_string()))]),
            last: reply.get("last").and_then(serde_json::Value::as_f64),
            lag_seconds: reply.get("lag").and_then(serde_json::Value::as_f64),
            types: seen(reply.get("events")),
            hosts: seen(reply.get("hosts")),
            ..Status::default()
        })
    }

    /// Stops the daemon.
    pub(crate) fn shutdown(&self) -> Result<(), ClientError> {
        self.request("SHUTDOWN", |reply| match reply.get(b"ok").map(RawValue::token) {
            Some(Token::Bool(true)) => Ok(()),
            _ => Err("it does not say ok".to_owned()),
        })
    }

    /// The address of the streaming port.
    pub(crate) fn streaming(&self) -> Result<SocketAddr, ClientError> {
        let port = self.request("SOCK_STREAM", |reply| match reply.get(b"port").map(RawValue::token) {
            Some(Token::UInt(port)) => {
                u16::try_from(port).ok().filter(|port| *port > 0).ok_or(format!("{port} is no port"))
            }
            _ => Err("it names no port".to_owned()),
        })?;
        let mut target = self.target;
        target.set_port(port);
        Ok(target)
    }

    /// Opens a connection to one of the daemon's ports.
    pub(crate) fn open(
        &self,
        target: SocketAddr,
        socket_type: SocketType,
        what: &'static str,
    ) -> Result<ZmtpSocket, ClientError> {
        let address = self.address.with_port(target.port());
        let stream = dial::reconnect(target, self.timeouts.connect)
            .map_err(|source| ClientError::Unreachable { address: address.clone(), source })?;
        let deadline = Deadline::after(self.timeouts.answer);
        ZmtpSocket::open(stream, socket_type, MAX_ANSWER_BYTES, deadline)
            .map_err(|failure| failure.at(&address, what, self.timeouts.answer))
    }

    /// Asks `command`, and hands the reply, which is a map, to `read`.
    fn request<T>(
        &self,
        command: &'static str,
        read: impl FnOnce(RawValue<'_>) -> Result<T, String>,
    ) -> Result<T, ClientError> {
        let mut socket = self.open(self.target, SocketType::Req, command)?;
        let deadline = Deadline::after(self.timeouts.answer);
        let request = Value::map([("cmd", Value::from(command))]).to_msgpack();
        // REQ puts an empty part before what is asked (RFC 28).
        let received = socket
            .send(&[b"", &request], deadline)
            .and_then(|()| socket.receive(deadline))
            .map_err(|failure| failure.at(&self.address, command, self.timeouts.answer))?;
        let bad = |reason| ClientError::BadAnswer { address: self.address.clone(), what: command, reason };
        let parts = match received {
            Received::Message(parts) => parts,
            Received::Discarded(bytes) => return Err(bad(format!("it has {bytes} bytes"))),
        };
        let [delimiter, reply] = &parts[..] else { return Err(bad(format!("it has {} parts", parts.len()))) };
        let reply = match RawValue::parse(reply) {
            Ok(Some(reply)) if delimiter.is_empty() && reply.pairs().is_some() => reply,
            Ok(_) => return Err(bad("it is no MsgPack map".into())),
            Err(error) => return Err(bad(error.to_string())),
        };
        if let Some(error) = reply.get(b"error") {
            let text = error.as_text().unwrap_or_default();
            let message =
                format!("the original oxd at {} says: {}", self.address, String::from_utf8_lossy(text));
            return Err(ClientError::Refused { status: 0, message });
        }
        read(reply).map_err(bad)
    }
}

/// Shakes hands with whatever listens, and returns the version that it gives if it is one of our daemons.
pub(crate) fn greet(stream: TcpStream, timeouts: Timeouts) -> Result<Option<String>, Failure> {
    let deadline = Deadline::after(timeouts.answer);
    let socket = ZmtpSocket::open(stream, SocketType::Req, MAX_ANSWER_BYTES, deadline)?;
    Ok(socket.peer().blueox.clone())
}

fn seen(map: Option<&serde_json::Value>) -> BTreeMap<String, Seen> {
    let pairs = map.and_then(serde_json::Value::as_object).into_iter().flatten();
    pairs
        .map(|(name, seen)| {
            let last = seen.get("last").and_then(serde_json::Value::as_f64);
            (name.clone(), Seen { last, ..Seen::default() })
        })
        .collect()
}
