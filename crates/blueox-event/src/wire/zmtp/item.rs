//! What a connection gives to its owner.

use super::frame::FrameHeader;
#[cfg(doc)]
use crate::limits::MAX_ZMTP_PARTS;

/// What one call of [`Connection::advance`](super::Connection::advance) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance<'b> {
    /// So many bytes at the beginning of the input are done with: the next call's input begins after them.
    pub consumed: usize,
    /// What was found, if anything. It borrows from the input.
    pub item: Option<Item<'b>>,
    /// Without an item: so many bytes must at least come after the end of the input before there is something
    /// to do. It covers the frame at hand, so it says how far a buffer must grow, before it grows; it never
    /// exceeds what [`Connection::buffer_limit`](super::Connection::buffer_limit) leaves. It is no promise that a
    /// peer sends so much unasked: call again after every read. With an item: 0.
    pub needed: usize,
}

impl<'b> Advance<'b> {
    /// Goes on after `consumed` bytes.
    #[inline]
    pub(super) fn onward(consumed: usize) -> Self {
        Self { consumed, item: None, needed: 0 }
    }

    #[inline]
    pub(super) fn item(consumed: usize, item: Item<'b>) -> Self {
        Self { consumed, item: Some(item), needed: 0 }
    }

    #[inline]
    pub(super) fn starved(consumed: usize, needed: usize) -> Self {
        Self { consumed, item: None, needed }
    }
}

/// Something that the owner must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'b> {
    /// The handshake is done: [`Connection::peer`](super::Connection::peer) tells who is there, and messages may be
    /// sent. Comes once, before all other items.
    Ready,
    /// A whole message.
    Message(Message<'b>),
    /// The peer of a PUB wants messages that begin with this prefix. Equal subscriptions add up.
    Subscribe(&'b [u8]),
    /// The peer of a PUB takes one subscription back.
    Cancel(&'b [u8]),
    /// A message that was not kept has ended. The connection goes on.
    Discarded {
        /// Why it was not kept.
        reason: DiscardReason,
        /// The sum of its parts' lengths.
        bytes: u64,
    },
}

/// Why a message was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DiscardReason {
    /// Its parts are together longer than the connection's limit.
    TooLarge,
    /// It has more than [`MAX_ZMTP_PARTS`] parts.
    TooManyParts,
    /// Our socket takes no such message: PUSH takes none, PUB takes subscriptions only.
    Unexpected,
}

/// A message: its frames as they stand in the input. It is small and cheap to copy; its parts are slices of the
/// input too.
///
/// ```
/// # use blueox_event::wire::zmtp::Message;
/// fn event<'b>(message: Message<'b>) -> Option<(&'b [u8], &'b [u8])> {
///     let [header, map] = message.exactly()?;
///     Some((header, map))
/// }
/// ```
#[derive(Clone, Copy)]
pub struct Message<'b> {
    /// The frames of the parts. There may be commands between them, which are passed over.
    frames: &'b [u8],
    count: usize,
}

impl<'b> Message<'b> {
    /// The message of `count` parts whose frames are `frames`, as the connection has found them.
    #[inline]
    pub(super) fn new(frames: &'b [u8], count: usize) -> Self {
        Self { frames, count }
    }

    /// How many parts there are: at least one, at most [`MAX_ZMTP_PARTS`].
    #[must_use]
    #[inline]
    pub fn count(self) -> usize {
        self.count
    }

    /// The parts in their order.
    #[inline]
    pub fn parts(self) -> Parts<'b> {
        Parts { rest: self.frames }
    }

    /// The parts, if there are exactly `N`.
    #[must_use]
    #[inline]
    pub fn exactly<const N: usize>(self) -> Option<[&'b [u8]; N]> {
        if self.count != N {
            return None;
        }
        let mut parts: [&[u8]; N] = [&[]; N];
        for (slot, part) in parts.iter_mut().zip(self.parts()) {
            *slot = part;
        }
        Some(parts)
    }

    /// The address and the content of a request or a reply: all up to and with the first empty part, and what
    /// follows it, which may be nothing. `None` if there is no empty part.
    #[must_use]
    pub fn split_envelope(self) -> Option<(Message<'b>, Message<'b>)> {
        let mut parts = self.parts();
        let count = 1 + parts.position(<[u8]>::is_empty)?;
        let (address, content) = self.frames.split_at_checked(self.frames.len() - parts.rest.len())?;
        Some((Self::new(address, count), Self::new(content, self.count - count)))
    }
}

impl PartialEq for Message<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.parts().eq(other.parts())
    }
}

impl Eq for Message<'_> {}

impl std::fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.parts().map(|part| part.escape_ascii().to_string())).finish()
    }
}

/// The parts of a [`Message`].
#[derive(Debug, Clone)]
pub struct Parts<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Parts<'b> {
    type Item = &'b [u8];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // The connection has been over these frames: they are whole and valid.
            let header = FrameHeader::parse(self.rest).ok()?.ok()?;
            let (body, rest) =
                self.rest.get(header.header_bytes()..)?.split_at_checked(header.length as usize)?;
            self.rest = rest;
            if !header.is_command() {
                return Some(body);
            }
        }
    }
}
