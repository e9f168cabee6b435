//! ZeroMQ's transport protocol, ZMTP 3.0 and 3.1, as a state machine for both sides.
//!
//! Sources: RFC 23/ZMTP 3.0, RFC 37/ZMTP 3.1, RFC 28/REQREP, and what libzmq 4.0 to 4.3 send. The mechanism is NULL.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `connection` | [`Connection`]: the handshake and the way out; bytes in, [`Item`]s out |
//! | `socket_type` | [`SocketType`], and which go together |
//! | `greeting` | the first 64 bytes |
//! | `frame` | the frames after them |
//! | `command` | READY, ERROR, PING, SUBSCRIBE, CANCEL |
//! | `traffic` | messages, commands and discarding after the handshake |
//! | `item` | [`Advance`], [`Item`], [`Message`] |
//! | `error` | [`ZmtpError`] |
//!
//! The owner reads into a buffer and calls [`Connection::advance`] with all unread bytes until there is neither an
//! item nor something consumed; it writes [`Connection::output`] whenever it is not empty.
//!
//! ```
//! use blueox_event::wire::zmtp::{Connection, Item, Message, SocketType, ZmtpError};
//!
//! /// Hands bytes to `to` until it has used them up, and each message to `take`.
//! fn feed(to: &mut Connection, mut bytes: &[u8], mut take: impl FnMut(Message<'_>)) -> Result<(), ZmtpError> {
//!     loop {
//!         let step = to.advance(bytes)?;
//!         bytes = &bytes[step.consumed..];
//!         match step.item {
//!             Some(Item::Message(message)) => take(message),
//!             Some(_) => {}
//!             None => return Ok(()), // a real owner keeps what is left of `bytes`
//!         }
//!     }
//! }
//!
//! let mut push = Connection::connect(SocketType::Push, 4096);
//! let mut pull = Connection::accept(SocketType::Pull, 4096);
//! for _ in 0..2 {
//!     feed(&mut pull, &std::mem::take(push.output()), |_| {})?; // the greetings, then READY
//!     feed(&mut push, &std::mem::take(pull.output()), |_| {})?;
//! }
//! push.send(&[b"header", b"map"])?;
//! let mut parts = 0;
//! feed(&mut pull, &std::mem::take(push.output()), |message| parts = message.count())?;
//! assert_eq!(parts, 2);
//! # Ok::<(), ZmtpError>(())
//! ```

mod command;
mod connection;
mod error;
mod frame;
mod greeting;
mod item;
mod socket_type;
mod traffic;

#[cfg(test)]
mod tests;

pub use connection::{Connection, Peer};
pub use error::ZmtpError;
pub use item::{Advance, DiscardReason, Item, Message, Parts};
pub use socket_type::SocketType;
