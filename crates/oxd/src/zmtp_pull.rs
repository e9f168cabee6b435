//! The collection port's ZeroMQ side: original clients and whatever else speaks PUSH.

use crate::batch::Batch;
use crate::clock::Clock;
use crate::ledger::{DropReason, Ledger, RefuseReason};
use crate::read_buffer::ReadBuffer;
use crate::shutdown::Stop;
use crate::socket::Socket;
use crate::spooler::Spooler;
use crate::zmtp_io;
use blueox_event::EncodedEvent;
use blueox_event::event::EventError;
use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::MsgpackError;
use blueox_event::wire::original::{self, Header};
use blueox_event::wire::zmtp::{Connection, DiscardReason, Item, Message, SocketType, ZmtpError};
use std::time::Duration;

/// A batch that has grown to this size goes on before more is read.
const BATCH_BYTES: usize = 256 << 10;
/// A connection that has sent nothing for so long counts as drained at shutdown.
const QUIET: Duration = Duration::from_millis(100);
/// How long an event may stay half sent.
const STALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What a connection works with.
#[derive(Debug)]
pub(crate) struct PullConnection<'a> {
    pub(crate) spooler: &'a Spooler,
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: Clock,
}

impl PullConnection<'_> {
    /// Takes events until the peer closes, breaks the protocol, or the shutdown drains it.
    pub(crate) async fn serve(
        &self,
        stream: &Socket,
        mut buffer: ReadBuffer,
        mut stop: Stop,
    ) -> Result<(), RefuseReason> {
        let mut zmtp = Connection::accept(SocketType::Pull, MAX_EVENT_BYTES + original::LENGTH);
        loop {
            let needed = self.take_all(&mut zmtp, &mut buffer).await;
            zmtp_io::write_output(stream, &mut zmtp).await?;
            let needed = needed.map_err(|error| {
                tracing::debug!(%error, "a zmtp connection ends");
                RefuseReason::Broken
            })?;
            let patience = if zmtp.peer().is_none() {
                zmtp_io::HANDSHAKE_TIMEOUT
            } else if buffer.unread().is_empty() {
                Duration::MAX
            } else {
                STALL_TIMEOUT
            };
            let read = tokio::select! {
                read = zmtp_io::within(patience, buffer.fill(stream, needed)) => read,
                () = drained(&mut stop) => return self.drain(stream, buffer, zmtp).await,
            };
            match read {
                Some(Ok(0) | Err(_)) => return Ok(()),
                Some(Ok(_)) => {}
                None if zmtp.peer().is_none() => return Err(RefuseReason::Silent),
                None => return Err(RefuseReason::Stalled),
            }
        }
    }

    /// After the shutdown was asked for: takes what is still coming, until the connection is quiet.
    async fn drain(
        &self,
        stream: &Socket,
        mut buffer: ReadBuffer,
        mut zmtp: Connection,
    ) -> Result<(), RefuseReason> {
        loop {
            let Ok(needed) = self.take_all(&mut zmtp, &mut buffer).await else {
                return Err(RefuseReason::Broken);
            };
            match zmtp_io::within(QUIET, buffer.fill(stream, needed)).await {
                Some(Ok(count)) if count > 0 => {}
                _ => return Ok(()),
            }
        }
    }

    /// Decodes all that was received and hands the events on; gives how many bytes the next step needs.
    async fn take_all(&self, zmtp: &mut Connection, buffer: &mut ReadBuffer) -> Result<usize, ZmtpError> {
        loop {
            let mut batch = Batch::with_capacity(self.clock.now(), buffer.unread().len().min(BATCH_BYTES));
            let mut consumed = 0;
            let end = loop {
                match zmtp.advance(&buffer.unread()[consumed..]) {
                    Ok(step) => {
                        consumed += step.consumed;
                        match step.item {
                            Some(Item::Message(message)) => self.take(message, &mut batch),
                            Some(Item::Discarded { reason, .. }) => self.ledger.reject(match reason {
                                DiscardReason::TooLarge => DropReason::TooLarge,
                                DiscardReason::TooManyParts | DiscardReason::Unexpected => DropReason::Parts,
                            }),
                            Some(Item::Ready | Item::Subscribe(_) | Item::Cancel(_)) => {}
                            None => break Some(Ok(step.needed)),
                        }
                    }
                    Err(error) => break Some(Err(error)),
                }
                if batch.byte_len() >= BATCH_BYTES {
                    break None;
                }
            };
            buffer.consume(consumed);
            if !batch.is_empty() {
                self.spooler.admit(batch).await;
                // A connection that always has more to read must not keep others waiting, least of all STATUS.
                tokio::task::yield_now().await;
            }
            if let Some(end) = end {
                return end;
            }
        }
    }

    fn take(&self, message: Message<'_>, batch: &mut Batch) {
        let Some([header, map]) = message.exactly() else {
            return self.ledger.reject(DropReason::Parts);
        };
        if Header::parse(header).is_err() {
            return self.ledger.reject(DropReason::Header);
        }
        let pushed = EncodedEvent::parse(map).and_then(|event| batch.push(&event));
        if let Err(error) = pushed {
            self.ledger.reject(drop_reason(&error));
        }
    }
}

/// Under which reason bytes that are no event are counted.
pub(crate) fn drop_reason(error: &EventError) -> DropReason {
    match error {
        EventError::Msgpack(MsgpackError::TooDeep { .. }) => DropReason::TooDeep,
        EventError::TooLong => DropReason::TooLarge,
        EventError::NoType | EventError::Type(_) => DropReason::Type,
        EventError::Msgpack(_) | EventError::NotAMap | EventError::TrailingBytes { .. } => {
            DropReason::Malformed
        }
    }
}

async fn drained(stop: &mut Stop) {
    stop.asked().await;
}
