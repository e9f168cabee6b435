//! Both sides of a ZMTP connection.

use crate::chunks::Chunks;
use blueox_event::limits::{MAX_ZMTP_COMMAND_BYTES, MAX_ZMTP_PARTS};
use blueox_event::wire::zmtp::{Connection, DiscardReason, Item, Message, SocketType, ZmtpError};

const SOCKET_TYPES: [SocketType; 6] =
    [SocketType::Pull, SocketType::Push, SocketType::Rep, SocketType::Req, SocketType::Pub, SocketType::Sub];

/// Limits for the length of a message.
const MESSAGE_BYTES: [usize; 4] = [4 << 10, 0, 100, 1 << 20];

/// What may wait in the output of a side whose peer never reads: a greeting, READY, PONGs up to a limit, an ERROR.
const MAX_OUTPUT_BYTES: usize = MAX_ZMTP_COMMAND_BYTES + 1024;

/// The side that was connected to. The first byte chooses the socket, the second the pieces that the rest comes in.
pub fn zmtp_accept(bytes: &[u8]) {
    check(bytes, Connection::accept);
}

/// The side that connects; bytes as for [`zmtp_accept`].
pub fn zmtp_connect(bytes: &[u8]) {
    check(bytes, Connection::connect);
}

fn check(bytes: &[u8], open: fn(SocketType, usize) -> Connection) {
    let [socket, seed, stream @ ..] = bytes else { return };
    let socket_type = SOCKET_TYPES[usize::from(*socket) % SOCKET_TYPES.len()];
    let message_bytes = MESSAGE_BYTES[usize::from(*socket) / SOCKET_TYPES.len() % MESSAGE_BYTES.len()];
    let open = || open(socket_type, message_bytes).with_property("X-BlueOx", "1.0.0");

    let mut whole = Owner::new(open());
    whole.read(stream);
    let output = whole.connection.output().len();
    assert!(output <= MAX_OUTPUT_BYTES, "{output} bytes of output wait for a peer that never reads");

    let mut pieces = Owner::new(open());
    let (mut left, mut chunks) = (stream, Chunks::new(*seed));
    while !left.is_empty() {
        let (piece, rest) = left.split_at(chunks.next_of(left.len()));
        pieces.read(piece);
        pieces.connection.output().clear();
        left = rest;
    }
    assert_eq!(pieces.seen, whole.seen, "items depend on the pieces that they came in");
    assert_eq!(pieces.error, whole.error, "the end depends on the pieces that it came in");
    if whole.error.is_none() {
        assert_eq!(pieces.unread, whole.unread);
    }
    check_resent(&whole.seen);
}

/// An item that does not borrow.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Ready,
    Message(Vec<Vec<u8>>),
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    Discarded(DiscardReason, u64),
}

/// The owner of a connection: a buffer with what is not consumed.
#[derive(Debug)]
struct Owner {
    connection: Connection,
    unread: Vec<u8>,
    needed: usize,
    seen: Vec<Seen>,
    error: Option<ZmtpError>,
}

impl Owner {
    fn new(connection: Connection) -> Self {
        Self { connection, unread: Vec::new(), needed: 0, seen: Vec::new(), error: None }
    }

    fn read(&mut self, bytes: &[u8]) {
        if let Some(error) = &self.error {
            assert_eq!(self.connection.advance(bytes), Err(error.clone()), "an error is final");
            return;
        }
        let too_few = bytes.len() < self.needed;
        let (items_before, mut position) = (self.seen.len(), 0);
        self.unread.extend_from_slice(bytes);
        loop {
            let step = match self.connection.advance(&self.unread[position..]) {
                Ok(step) => step,
                Err(error) => {
                    assert!(!error.to_string().chars().any(char::is_control), "{error:?}");
                    self.error = Some(error);
                    return;
                }
            };
            assert!(step.consumed <= self.unread.len() - position);
            position += step.consumed;
            let Some(item) = step.item else {
                assert!(step.needed > 0, "neither an item nor a need");
                self.needed = step.needed;
                break;
            };
            assert_eq!(step.needed, 0);
            let seen = own(&mut self.connection, &item);
            self.seen.push(seen);
        }
        self.unread.drain(..position);
        assert!(self.unread.len() + self.needed <= self.connection.buffer_limit());
        let is_early = too_few && self.seen.len() > items_before;
        assert!(!is_early, "an item came before the bytes that it was said to need");
        assert_eq!(self.connection.peer().is_some(), !self.seen.is_empty());
    }
}

fn own(connection: &mut Connection, item: &Item<'_>) -> Seen {
    match *item {
        Item::Ready => Seen::Ready,
        Item::Message(message) => {
            check_message(connection, message);
            Seen::Message(message.parts().map(<[u8]>::to_vec).collect())
        }
        Item::Subscribe(prefix) => Seen::Subscribe(prefix.to_vec()),
        Item::Cancel(prefix) => Seen::Cancel(prefix.to_vec()),
        Item::Discarded { reason, bytes } => Seen::Discarded(reason, bytes),
    }
}

fn check_message(connection: &mut Connection, message: Message<'_>) {
    assert_eq!(message.parts().count(), message.count());
    assert!((1..=MAX_ZMTP_PARTS).contains(&message.count()));
    assert_eq!(message.exactly::<2>().is_some(), message.count() == 2);
    let bytes: usize = message.parts().map(<[u8]>::len).sum();
    assert!(bytes <= connection.buffer_limit());
    let Some((address, content)) = message.split_envelope() else {
        return assert!(message.parts().all(|part| !part.is_empty()));
    };
    assert!(address.parts().chain(content.parts()).eq(message.parts()));
    assert_eq!((address.parts().count(), content.parts().count()), (address.count(), content.count()));
    assert_eq!(address.parts().last(), Some(&[][..]));
    let waiting = connection.output().len();
    connection.reply(address, b"").expect("a connection that gives messages can send");
    connection.output().truncate(waiting);
}

/// A message that is sent on arrives as it was.
fn check_resent(seen: &[Seen]) {
    if !seen.iter().any(|item| matches!(item, Seen::Message(_))) {
        return;
    }
    let (mut push, mut pull) = connected_pair();
    let mut expected = vec![Seen::Ready];
    for item in seen {
        let Seen::Message(parts) = item else { continue };
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        push.connection.send(&parts).expect("the handshake is done");
        expected.push(item.clone());
    }
    pull.read(push.connection.output());
    assert_eq!(pull.seen, expected);
    assert!(pull.unread.is_empty() && pull.error.is_none());
}

fn connected_pair() -> (Owner, Owner) {
    let mut push = Owner::new(Connection::connect(SocketType::Push, 0));
    let mut pull = Owner::new(Connection::accept(SocketType::Pull, 1 << 20));
    for _ in 0..2 {
        pull.read(&std::mem::take(push.connection.output()));
        push.read(&std::mem::take(pull.connection.output()));
    }
    assert_eq!((&push.seen, &pull.seen), (&vec![Seen::Ready], &vec![Seen::Ready]));
    (push, pull)
}
