//! BlueOx's own protocol: numbered batches, acknowledged when they are durable. From applications to daemons
//! and from daemons to daemons it is the same. Drawn byte by byte, with its rules N1 to L3, in FORMAT.md.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `sender` | [`Sender`]: the side that connects; lives as long as its stream, over many connections |
//! | `receiver` | [`Receiver`]: the side that accepts; lives as long as one connection |
//! | `arrival`, `notice` | [`Arrival`], [`Notice`]: what the two tell their owners |
//! | `session_table` | [`SessionTable`]: which connection of a stream is the one that counts |
//! | `sequence` | the rule by which a receiver accepts numbers |
//! | `flow` | how far one connection of a sender is |
//! | `window` | the frames under way, and their credit |
//! | `heartbeat` | when to ping and when to give up |
//! | `hello`, `welcome`, `batch`, `lost`, `ledger`, `refusal`, `mark` | the frames |
//! | `inlet`, `frame`, `fields` | from bytes to frames |
//! | `number` | [`Seq`], [`StreamId`], [`Session`], [`NodeId`], [`ByteCount`] |
//! | `error` | [`NativeError`]: the peer's fault; [`NotNow`]: the owner's |
//!
//! The owner reads into a buffer and calls `advance` with all unread bytes until there is neither an item nor
//! something consumed; it writes `output` whenever it is not empty, and reads nothing while much of it waits.
//!
//! ```
//! use blueox_event::wire::native::*;
//! use std::time::Duration;
//!
//! let now = Duration::ZERO;
//! let mut sender = Sender::new(StreamId(7), Role::Application);
//! sender.connect(&Introduction { session: Session(1), host: "web1", pid: 42, token: None }, now);
//! let mut receiver = Receiver::accept();
//!
//! // The receiver's owner looks the stream's mark up and answers.
//! let step = receiver.advance(sender.output())?;
//! let Some(Arrival::Hello(hello)) = step.item else { panic!() };
//! assert_eq!(hello.stream, StreamId(7));
//! let welcome = Welcome { node: NodeId(1), durable: true, high_water: Seq::NONE, credit: ByteCount(65536) };
//! receiver.welcome(&welcome)?;
//! sender.output().clear();
//!
//! // The sender's owner numbers a batch, keeps it, and sends it.
//! let step = sender.advance(receiver.output(), now)?;
//! assert!(matches!(step.item, Some(Notice::Welcomed { resume, .. }) if resume == Seq::new(1)));
//! receiver.output().clear();
//! let batch = Batch::plain(sender.number(), 1, b"\x81\xa4type\xa1x")?;
//! sender.send(&batch)?;
//!
//! // The receiver's owner commits it, and only then says so.
//! let step = receiver.advance(sender.output())?;
//! assert_eq!(step.item, Some(Arrival::Data { batch, gap: None }));
//! receiver.durable(Seq::new(1))?;
//! let step = sender.advance(receiver.output(), now)?;
//! assert_eq!(step.item, Some(Notice::Acked { high_water: Seq::new(1) })); // the sender's owner forgets the batch
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advance;
mod arrival;
mod batch;
mod error;
mod fields;
mod flow;
mod frame;
mod heartbeat;
mod hello;
mod inlet;
mod ledger;
mod lost;
mod mark;
mod notice;
mod number;
mod receiver;
mod refusal;
mod sender;
mod sequence;
mod session_table;
mod welcome;
mod window;

#[cfg(test)]
mod tests;

pub use advance::Advance;
pub use arrival::Arrival;
pub use batch::{Batch, Codec, Origin, PayloadCrc};
pub use error::{NativeError, NotNow};
pub use hello::{Hello, Introduction, Role, Token};
pub use ledger::{Ledger, Report};
pub use lost::{LossReason, Lost};
pub use notice::Notice;
pub use number::{ByteCount, NodeId, Seq, SeqRange, Session, StreamId};
pub use receiver::Receiver;
pub use refusal::{GoAwayReason, RefusedReason};
pub use sender::Sender;
pub use session_table::{Admission, SessionTable};
pub use welcome::Welcome;

use crate::limits::{MAX_BATCH_BYTES, MAX_FRAME_HEAD_BYTES};

/// The first byte of a sender: it tells the protocols on a port apart.
pub const FIRST_BYTE: u8 = inlet::PREFACE[0];

/// What each side says first.
pub const PREFACE: [u8; 8] = inlet::PREFACE;

/// The major version: peers with another one are not understood.
pub const MAJOR_VERSION: u8 = inlet::PREFACE[7];

/// The newest minor version that is spoken here. The smaller one of both sides is in force.
pub const MINOR_VERSION: u16 = 0;

/// The most bytes that ever have to be kept unread: a buffer of this size is large enough for all that a peer
/// can send.
pub const BUFFER_LIMIT: usize = frame::HEADER_BYTES + MAX_FRAME_HEAD_BYTES + MAX_BATCH_BYTES;
