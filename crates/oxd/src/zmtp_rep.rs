//! The control port's ZeroMQ side: the four commands that original tools know.

use crate::control::Control;
use crate::ledger::RefuseReason;
use crate::listen::is_loopback;
use crate::read_buffer::ReadBuffer;
use crate::shutdown::{DEFAULT_DRAIN, Stop};
use crate::socket::Socket;
use crate::zmtp_io;
use blueox_event::Value;
use blueox_event::msgpack::RawValue;
use blueox_event::wire::zmtp::{Connection, Item, SocketType};
use std::net::SocketAddr;
use std::time::Duration;

/// The longest request.
const REQUEST_BYTES: usize = 64 << 10;

/// Answers requests until the peer closes or breaks the protocol, or the shutdown begins.
pub(crate) async fn serve(
    stream: &Socket,
    peer: SocketAddr,
    control: &Control,
    mut buffer: ReadBuffer,
    mut stop: Stop,
) -> Result<(), RefuseReason> {
    let mut zmtp = Connection::accept(SocketType::Rep, REQUEST_BYTES)
        .with_property("X-BlueOx", env!("CARGO_PKG_VERSION"));
    loop {
        let needed = answer_all(&mut zmtp, &mut buffer, control, peer);
        zmtp_io::write_output(stream, &mut zmtp).await?;
        let needed = needed?;
        if stop.is_asked() {
            return Ok(());
        }
        let patience = if zmtp.peer().is_none() { zmtp_io::HANDSHAKE_TIMEOUT } else { Duration::MAX };
        let read = tokio::select! {
            read = zmtp_io::within(patience, buffer.fill(stream, needed)) => read,
            _ = stop.asked() => return Ok(()),
        };
        match read {
            Some(Ok(0) | Err(_)) => return Ok(()),
            Some(Ok(_)) => {}
            None => return Err(RefuseReason::Silent),
        }
    }
}

fn answer_all(
    zmtp: &mut Connection,
    buffer: &mut ReadBuffer,
    control: &Control,
    peer: SocketAddr,
) -> Result<usize, RefuseReason> {
    let mut consumed = 0;
    let result = loop {
        match zmtp.advance(&buffer.unread()[consumed..]) {
            Ok(step) => {
                consumed += step.consumed;
                match step.item {
                    Some(Item::Message(message)) => {
                        // A message without an envelope cannot be answered.
                        let Some((address, content)) = message.split_envelope() else { continue };
                        let request = content.parts().next().unwrap_or_default();
                        let reply = answer(request, control, peer).to_msgpack();
                        if zmtp.reply(address, &reply).is_err() {
                            break Err(RefuseReason::Broken);
                        }
                    }
                    // A REQ waits for its answer; without the request its address is taken to be the usual one.
                    Some(Item::Discarded { .. }) => {
                        let reply =
                            error_reply(&format!("a request has at most {REQUEST_BYTES} bytes")).to_msgpack();
                        if zmtp.send(&[b"", &reply]).is_err() {
                            break Err(RefuseReason::Broken);
                        }
                    }
                    Some(_) => {}
                    None => break Ok(step.needed),
                }
            }
            Err(error) => {
                tracing::debug!(%error, "a zmtp control connection ends");
                break Err(RefuseReason::Broken);
            }
        }
    };
    buffer.consume(consumed);
    result
}

/// Every request gets an answer, whatever it is.
fn answer(request: &[u8], control: &Control, peer: SocketAddr) -> Value {
    let command = RawValue::parse(request).ok().flatten();
    let command = command.and_then(|request| request.get(b"cmd")).and_then(RawValue::as_text);
    let port = |port: u16| Value::map([("port", Value::from(port))]);
    match command {
        Some(b"SOCK_STREAM") => port(control.observed.ports.streaming.port()),
        Some(b"SOCK_COLLECT") => port(control.observed.ports.collection.port()),
        Some(b"STATUS") => control.observed.original_status(),
        Some(b"SHUTDOWN") if is_loopback(peer.ip()) => {
            tracing::info!(%peer, "shutdown asked for over zmtp");
            control.shutdown.begin(DEFAULT_DRAIN);
            Value::map([("ok", Value::from(true))])
        }
        Some(b"SHUTDOWN") => error_reply("SHUTDOWN is taken from this host only; use oxctl with a token"),
        _ => error_reply("Unknown Command"),
    }
}

fn error_reply(error: &str) -> Value {
    Value::map([("error", Value::from(error))])
}
