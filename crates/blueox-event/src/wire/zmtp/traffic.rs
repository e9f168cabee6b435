//! The traffic after the handshake: messages found in place, commands obeyed, the rest thrown away as it comes.

use super::command::Command;
use super::connection::State;
use super::error::printable;
use super::frame::{FrameHeader, write_command};
use super::item::{Advance, DiscardReason, Item, Message};
use super::{Connection, SocketType, ZmtpError};
use crate::limits::{MAX_SUBSCRIPTION_BYTES, MAX_ZMTP_COMMAND_BYTES, MAX_ZMTP_PARTS};

/// A PING is answered only while less than this waits to be written: who pings and never reads gets no memory.
const MAX_OUTPUT_BYTES_BEFORE_PONG: usize = MAX_ZMTP_COMMAND_BYTES;

#[derive(Debug, Clone, Copy)]
pub(super) struct Discarding {
    reason: DiscardReason,
    /// What is still to come of the frame at hand.
    left: u64,
    /// Whether another frame of the message follows it.
    more: bool,
    /// The sum of the parts' lengths, the frame at hand included.
    bytes: u64,
}

/// The frames of a message that were seen while the message was not complete. They are not consumed; this
/// remembers how far they were understood, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub(super) struct Partial {
    /// How many parts are whole.
    count: usize,
    /// All before this was understood, counted from the message's first byte.
    scanned: usize,
    /// The sum of the parts' lengths.
    bytes: u64,
    /// The same and the commands between the parts (libzmq may send PING there), which stay in the input too.
    held: u64,
}

impl Connection {
    /// Reads frames up to the end of a message, of a command between messages, or of the input.
    #[inline]
    pub(super) fn traffic<'b>(&mut self, input: &'b [u8]) -> Result<Advance<'b>, ZmtpError> {
        loop {
            let scanned = self.partial.scanned;
            let header = match FrameHeader::parse(input.get(scanned..).unwrap_or_default())? {
                Ok(header) => header,
                Err(needed) => return Ok(Advance::starved(0, needed)),
            };
            if header.is_command() {
                if let Some(step) = self.command(header, input)? {
                    return Ok(step);
                }
                continue;
            }
            let start = scanned + header.header_bytes();
            if let Some(reason) = self.refusal(header) {
                let bytes = self.partial.bytes.saturating_add(header.length);
                let (left, more) = (header.length, header.has_more());
                self.partial.clear();
                self.state = State::Discarding(Discarding { reason, left, more, bytes });
                return Ok(Advance::onward(start));
            }
            let end = start + header.length as usize; // not refused: within max_message_bytes
            if end > input.len() {
                return Ok(Advance::starved(0, end - input.len()));
            }
            self.partial.add(header, end);
            if !header.has_more() {
                let message = Message::new(&input[..end], self.partial.count);
                self.partial.clear();
                return Ok(Advance::item(end, self.item(message)));
            }
        }
    }

    /// Why the message that the frame belongs to cannot be kept, if it cannot.
    #[inline]
    fn refusal(&self, header: FrameHeader) -> Option<DiscardReason> {
        let unexpected = match self.ours {
            SocketType::Push => true,
            SocketType::Pub => header.has_more(),
            _ => false,
        };
        if unexpected {
            return Some(DiscardReason::Unexpected);
        }
        if self.partial.held.saturating_add(header.length) > self.max_message_bytes {
            return Some(DiscardReason::TooLarge);
        }
        (self.partial.count == MAX_ZMTP_PARTS).then_some(DiscardReason::TooManyParts)
    }

    /// Acts upon a command between two frames. Nothing is returned when reading goes on in the middle of a
    /// message: the command's bytes stay where they are, as the message's do, and are passed over.
    fn command<'b>(
        &mut self,
        header: FrameHeader,
        input: &'b [u8],
    ) -> Result<Option<Advance<'b>>, ZmtpError> {
        let start = self.partial.scanned;
        let frame_bytes = header.header_bytes() as u64 + header.length;
        let is_between_messages = self.partial.count == 0;
        if !is_between_messages && self.partial.held + frame_bytes > self.max_message_bytes {
            let bytes = self.partial.bytes;
            self.partial.clear();
            let reason = DiscardReason::TooLarge;
            self.state = State::Discarding(Discarding { reason, left: 0, more: true, bytes });
            return Ok(Some(Advance::onward(start)));
        }
        let end = start + frame_bytes as usize; // a command's length is small
        let Some(body) = input.get(start + header.header_bytes()..end) else {
            return Ok(Some(Advance::starved(0, end - input.len())));
        };
        let item = self.obey(body)?;
        if is_between_messages {
            return Ok(Some(Advance { consumed: end, item, needed: 0 }));
        }
        // Only a PUB gets items from commands, and a PUB keeps no message of several parts.
        debug_assert!(item.is_none());
        self.partial.scanned = end;
        self.partial.held += frame_bytes;
        Ok(None)
    }

    /// Acts upon a command's body after the handshake.
    fn obey<'b>(&mut self, body: &'b [u8]) -> Result<Option<Item<'b>>, ZmtpError> {
        let is_pub = self.ours == SocketType::Pub;
        match Command::parse(body)? {
            Command::Ping { context } => {
                if self.output.len() < MAX_OUTPUT_BYTES_BEFORE_PONG {
                    write_command(&mut self.output, "PONG", &[context]);
                }
                Ok(None)
            }
            Command::Subscribe(prefix) if is_pub => Ok(Some(subscription(prefix, Item::Subscribe))),
            Command::Cancel(prefix) if is_pub => Ok(Some(subscription(prefix, Item::Cancel))),
            Command::Error { reason } => Err(ZmtpError::Refused { reason: printable(reason) }),
            Command::Ready(_) => {
                Err(ZmtpError::OutOfTurn { what: "READY", when: "after the handshake was done" })
            }
            Command::Subscribe(_) | Command::Cancel(_) | Command::Unknown => Ok(None),
        }
    }

    /// What a whole message means to our socket.
    #[inline]
    fn item<'b>(&self, message: Message<'b>) -> Item<'b> {
        if self.ours != SocketType::Pub {
            return Item::Message(message);
        }
        match message.parts().next().unwrap_or_default() {
            [1, prefix @ ..] => Item::Subscribe(prefix),
            [0, prefix @ ..] => Item::Cancel(prefix),
            other => Item::Discarded { reason: DiscardReason::Unexpected, bytes: other.len() as u64 },
        }
    }

    /// Throws away what there is of a message. Commands between its frames are acted upon.
    pub(super) fn discard<'b>(
        &mut self,
        mut message: Discarding,
        input: &'b [u8],
    ) -> Result<Advance<'b>, ZmtpError> {
        let available = input.len() as u64;
        if message.left > available {
            message.left -= available;
            self.state = State::Discarding(message);
            return Ok(Advance::starved(input.len(), 1));
        }
        let taken = message.left as usize; // at most input.len()
        message.left = 0;
        self.state = State::Discarding(message);
        if !message.more {
            self.state = State::Traffic;
            let Discarding { reason, bytes, .. } = message;
            return Ok(Advance::item(taken, Item::Discarded { reason, bytes }));
        }
        let input = &input[taken..];
        let header = match FrameHeader::parse(input)? {
            Ok(header) => header,
            Err(needed) => return Ok(Advance::starved(taken, needed)),
        };
        let start = header.header_bytes();
        if !header.is_command() {
            message.left = header.length;
            message.more = header.has_more();
            message.bytes = message.bytes.saturating_add(header.length);
            self.state = State::Discarding(message);
            return Ok(Advance::onward(taken + start));
        }
        let end = start + header.length as usize; // a command's length is small
        let Some(body) = input.get(start..end) else {
            return Ok(Advance::starved(taken, end - input.len()));
        };
        Ok(Advance { consumed: taken + end, item: self.obey(body)?, needed: 0 })
    }
}

impl Partial {
    #[inline]
    fn add(&mut self, part: FrameHeader, end: usize) {
        self.count += 1;
        self.scanned = end;
        self.bytes += part.length;
        self.held += part.length;
    }

    #[inline]
    fn clear(&mut self) {
        (self.count, self.scanned, self.bytes, self.held) = (0, 0, 0, 0);
    }
}

/// No type is as long as a prefix over the limit: to forget such a subscription loses nothing.
fn subscription<'b>(prefix: &'b [u8], item: impl FnOnce(&'b [u8]) -> Item<'b>) -> Item<'b> {
    if prefix.len() > MAX_SUBSCRIPTION_BYTES {
        return Item::Discarded { reason: DiscardReason::TooLarge, bytes: prefix.len() as u64 };
    }
    item(prefix)
}
