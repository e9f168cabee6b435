use super::connection::Connection;
use super::{DiscardReason, Item, SocketType, ZmtpError};
use crate::limits::{MAX_SUBSCRIPTION_BYTES, MAX_ZMTP_COMMAND_BYTES, MAX_ZMTP_PARTS};
use crate::wire::original::Header;
use proptest::prelude::*;

/// An item that does not borrow.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Ready,
    Message(Vec<Vec<u8>>),
    Subscribe(Vec<u8>),
    Cancel(Vec<u8>),
    Discarded(DiscardReason, u64),
}

/// The owner's part: a buffer with the bytes that are not consumed.
struct Owner {
    connection: Connection,
    unread: Vec<u8>,
    /// The last hint: so many more bytes are needed.
    needed: usize,
}

impl Owner {
    fn new(connection: Connection) -> Self {
        Self { connection, unread: Vec::new(), needed: 0 }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<Vec<Seen>, ZmtpError> {
        let too_few = bytes.len() < self.needed;
        self.unread.extend_from_slice(bytes);
        let mut seen = Vec::new();
        let mut position = 0;
        loop {
            let step = self.connection.advance(&self.unread[position..])?;
            position += step.consumed;
            match step.item {
                None => {
                    assert!(step.needed > 0);
                    self.needed = step.needed;
                    break;
                }
                Some(item) => {
                    assert_eq!(step.needed, 0);
                    seen.push(own(&item));
                }
            }
        }
        self.unread.drain(..position);
        assert!(self.unread.len() + self.needed <= self.connection.buffer_limit());
        assert!(!too_few || seen.is_empty(), "an item came before the bytes that it was said to need");
        Ok(seen)
    }

    fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(self.connection.output())
    }
}

fn own(item: &Item<'_>) -> Seen {
    match *item {
        Item::Ready => Seen::Ready,
        Item::Message(message) => Seen::Message(message.parts().map(<[u8]>::to_vec).collect()),
        Item::Subscribe(prefix) => Seen::Subscribe(prefix.to_vec()),
        Item::Cancel(prefix) => Seen::Cancel(prefix.to_vec()),
        Item::Discarded { reason, bytes } => Seen::Discarded(reason, bytes),
    }
}

fn greeting(minor: u8) -> Vec<u8> {
    let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, minor];
    bytes.extend_from_slice(b"NULL");
    bytes.resize(64, 0);
    bytes
}

fn command(body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(length) => [&[4, length], body].concat(),
        Err(_) => [&[6][..], &(body.len() as u64).to_be_bytes(), body].concat(),
    }
}

fn ready(socket_type: &str) -> Vec<u8> {
    let length = socket_type.len() as u8;
    command(&[b"\x05READY\x0bSocket-Type\0\0\0", &[length][..], socket_type.as_bytes()].concat())
}

fn frame(more: bool, body: &[u8]) -> Vec<u8> {
    match u8::try_from(body.len()) {
        Ok(length) => [&[u8::from(more), length], body].concat(),
        Err(_) => [&[2 | u8::from(more)][..], &(body.len() as u64).to_be_bytes(), body].concat(),
    }
}

fn message(parts: &[Vec<u8>]) -> Vec<u8> {
    parts.iter().enumerate().flat_map(|(at, part)| frame(at + 1 < parts.len(), part)).collect()
}

/// An accepting side of the type, greeted by a peer that goes with it.
fn met(socket_type: SocketType, max_message_bytes: usize) -> Owner {
    let mut owner = Owner::new(Connection::accept(socket_type, max_message_bytes));
    let hello = [greeting(0), ready(socket_type.partner().name())].concat();
    assert_eq!(owner.read(&hello).unwrap(), [Seen::Ready]);
    owner.take_output();
    owner
}

fn fails(socket_type: SocketType, bytes: &[u8]) -> ZmtpError {
    let mut owner = Owner::new(Connection::accept(socket_type, 1000));
    let error = owner.read(bytes).unwrap_err();
    assert_eq!(owner.read(b"more").unwrap_err(), error, "an error is final");
    assert_eq!(owner.connection.send(&[b"x"]).unwrap_err(), error);
    error
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/wire/", $name, ".bin"))
    };
}

mod handshake {
    use super::*;

    #[test]
    fn the_accepting_side_is_silent_until_the_first_byte_and_then_greets_in_full() {
        let mut owner =
            Owner::new(Connection::accept(SocketType::Pull, 1000).with_property("X-BlueOx", "1.2.3"));
        assert_eq!(owner.read(b"").unwrap(), []);
        assert_eq!(owner.take_output(), b"");
        assert_eq!(owner.read(b"\xff").unwrap(), []);
        let mut expected = greeting(0);
        expected[8] = 0;
        assert_eq!(owner.take_output(), expected);
        assert_eq!(owner.read(&greeting(1)[1..63]).unwrap(), []);
        assert_eq!(owner.take_output(), b"");
        assert_eq!(owner.connection.send(&[b"x"]), Err(ZmtpError::NotReady));
        assert_eq!(owner.read(&greeting(1)[63..]).unwrap(), []);
        let mut expected = ready("PULL")[2..].to_vec();
        expected.extend_from_slice(b"\x08X-BlueOx\0\0\0\x051.2.3");
        assert_eq!(owner.take_output(), command(&expected));
        assert_eq!(owner.read(&ready("PUSH")).unwrap(), [Seen::Ready]);
        let peer = owner.connection.peer().unwrap();
        assert_eq!((peer.version, peer.socket_type, &peer.blueox), ((3, 1), "PUSH", &None));
    }

    #[test]
    fn the_connecting_side_greets_at_once() {
        let mut connection = Connection::connect(SocketType::Push, 1000);
        assert_eq!(connection.output().len(), 64);
        connection.output().clear();
        connection.advance(&greeting(0)).unwrap();
        assert_eq!(*connection.output(), ready("PUSH"));
    }

    #[test]
    fn properties_are_found_in_any_case_and_order_and_unknown_ones_passed_over() {
        let body = b"\x05READY\x08Identity\0\0\0\x02ab\x08x-blueox\0\0\0\x039\x1b9\x0bsocket-type\0\0\0\x03SUB\x01z\0\0\0\0";
        let mut owner = Owner::new(Connection::accept(SocketType::Pub, 1000));
        assert_eq!(owner.read(&[greeting(1), command(body)].concat()).unwrap(), [Seen::Ready]);
        let peer = owner.connection.peer().unwrap();
        assert_eq!((peer.socket_type, peer.blueox.as_deref()), ("SUB", Some("9\u{fffd}9")));
    }

    #[test]
    fn a_peer_of_the_wrong_type_is_told_so() {
        let mut owner = Owner::new(Connection::accept(SocketType::Pull, 1000));
        let error = owner.read(&[greeting(0), ready("REQ")].concat()).unwrap_err();
        assert_eq!(error, ZmtpError::Incompatible { ours: SocketType::Pull, theirs: "REQ".into() });
        assert_eq!(error.to_string(), r#"a "REQ" socket cannot talk to a PULL socket; PUSH goes with it"#);
        assert!(
            owner.take_output().ends_with(&command(b"\x05ERROR\x25this is a PULL socket, connect a PUSH"))
        );
    }

    #[test]
    fn what_is_not_zmtp_3_is_refused_as_soon_as_it_shows() {
        let pull = SocketType::Pull;
        assert_eq!(fails(pull, b"GET"), ZmtpError::NotZmtp { first: b'G' });
        assert_eq!(fails(pull, b"\xff\0\0\0\0\0\0\x01\0\x01"), ZmtpError::OldVersion { version: "1.0" });
        assert_eq!(fails(pull, b"\xff\0\0\0\0\0\0\0\x01\x7f\0"), ZmtpError::OldVersion { version: "1.0" });
        let error = fails(pull, b"\xff\0\0\0\0\0\0\0\x01\x7f\x01");
        assert_eq!(error.to_string(), "peer speaks ZMTP 2.0; BlueOx needs 3.0 or later (libzmq 4)");
        let mut plain = greeting(0);
        plain[12..17].copy_from_slice(b"PLAIN");
        assert_eq!(fails(pull, &plain[..32]), ZmtpError::Mechanism { name: "PLAIN".into() });
    }

    #[test]
    fn bad_handshakes_are_refused() {
        let after_greeting = |bytes: &[u8]| fails(SocketType::Pull, &[&greeting(0), bytes].concat());
        for bad in [
            &b"\x05READY"[..],
            b"\x05READY\x0bSocket-Type\0\0\0\x05PUSH",
            b"\x05READY\x0bSocket-Type\xff\xff\xff\xffPUSH",
            b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH\0\0\0\0\0",
            b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x01",
        ] {
            assert_eq!(after_greeting(&command(bad)), ZmtpError::Malformed { command: "READY" });
        }
        assert_eq!(after_greeting(&command(b"\x09READY")), ZmtpError::Malformed { command: "of no name" });
        assert_eq!(
            after_greeting(&command(b"\x05ERROR\x06go\n\xffon")),
            ZmtpError::Refused { reason: "go\u{fffd}\u{fffd}on".into() }
        );
        assert!(matches!(after_greeting(&frame(false, b"early")), ZmtpError::OutOfTurn { .. }));
        assert!(matches!(after_greeting(&command(b"\x04PING\0\0")), ZmtpError::OutOfTurn { .. }));
        assert_eq!(after_greeting(b"\x0c"), ZmtpError::Flags { flags: 0x0c });
    }
}

mod recorded {
    //! What libzmq 4.3.2 (ZMTP 3.0) and 4.3.5 (3.1) sent.

    use super::*;

    /// The items of a recording, which are the same however it is cut.
    fn play(socket_type: SocketType, recording: &[u8]) -> (Owner, Vec<Seen>) {
        let mut at_once = Owner::new(Connection::accept(socket_type, 1000));
        let seen = at_once.read(recording).unwrap();
        assert_eq!(at_once.unread, b"");
        let mut slowly = Owner::new(Connection::accept(socket_type, 1000));
        let seen_slowly: Vec<_> = recording.iter().flat_map(|byte| slowly.read(&[*byte]).unwrap()).collect();
        assert_eq!(seen_slowly, seen);
        assert_eq!(slowly.take_output(), *at_once.connection.output());
        (at_once, seen)
    }

    #[test]
    fn a_push_socket() {
        for (recording, version) in
            [(fixture!("pyzmq-19-push-to-3.0"), (3, 0)), (fixture!("pyzmq-27-push-to-3.1"), (3, 1))]
        {
            let (owner, seen) = play(SocketType::Pull, recording);
            assert_eq!(owner.connection.peer().unwrap().version, version);
            let headers = seen[1..].iter().map(|item| match item {
                Seen::Message(parts) => {
                    let header = Header::parse(&parts[0]).unwrap();
                    (header.end, String::from_utf8_lossy(header.type_name).into_owned(), parts[1].len())
                }
                other => panic!("{other:?}"),
            });
            assert_eq!(
                headers.collect::<Vec<_>>(),
                [
                    (1425211200.5, "request".to_owned(), 81),
                    (1425211201.5, "request.sql".to_owned(), 85),
                    (1425211202.5, "request".to_owned(), 81),
                ]
            );
        }
    }

    #[test]
    fn a_req_socket() {
        for recording in [fixture!("pyzmq-19-req-to-3.0"), fixture!("pyzmq-27-req-to-3.1")] {
            let (mut owner, seen) = play(SocketType::Rep, recording);
            let request = b"\x81\xa3cmd\xa6STATUS".to_vec();
            assert_eq!(seen, [Seen::Ready, Seen::Message(vec![vec![], request])]);
            owner.take_output();
            owner.connection.send(&[b"", b"\x80"]).unwrap();
            assert_eq!(owner.take_output(), b"\x01\0\0\x01\x80");
        }
    }

    #[test]
    fn a_sub_socket() {
        for recording in [
            &fixture!("pyzmq-19-sub-to-3.0")[..],
            fixture!("pyzmq-27-sub-to-3.0"),
            fixture!("pyzmq-27-sub-to-3.1"), // as a command
        ] {
            let (_, seen) = play(SocketType::Pub, recording);
            assert_eq!(seen, [Seen::Ready, Seen::Subscribe(b"request".to_vec())]);
        }
    }
}

mod traffic {
    use super::*;

    #[test]
    fn ping_is_answered_and_its_context_echoed() {
        let mut owner = met(SocketType::Pull, 1000);
        assert_eq!(owner.read(&command(b"\x04PING\0\x0ahello")).unwrap(), []);
        assert_eq!(owner.take_output(), command(b"\x04PONGhello"));
        assert_eq!(owner.read(&command(b"\x04PING\0\0ABCDEFGHIJKLMNOPQ")).unwrap(), []);
        assert_eq!(owner.take_output(), command(b"\x04PONGABCDEFGHIJKLMNOP"));
        assert_eq!(owner.read(&command(b"\x04PONG")).unwrap(), []);
        assert_eq!(owner.read(&command(b"\x07UNHEARDof")).unwrap(), []);
        assert_eq!(owner.take_output(), b"");
        assert_eq!(owner.read(&command(b"\x04PING\0")), Err(ZmtpError::Malformed { command: "PING" }));
    }

    #[test]
    fn who_pings_and_never_reads_gets_no_memory() {
        let mut owner = met(SocketType::Pull, 1000);
        let pings = command(b"\x04PING\0\0ABCDEFGHIJKLMNOP").repeat(10_000);
        assert_eq!(owner.read(&pings).unwrap(), []);
        assert!(owner.connection.output().len() < MAX_ZMTP_COMMAND_BYTES + 32);
    }

    #[test]
    fn a_ping_between_two_parts_is_answered_at_once_and_once() {
        let mut owner = met(SocketType::Pull, 1000);
        let ping = command(b"\x04PING\0\0x");
        assert_eq!(owner.read(&[frame(true, b"one"), ping].concat()).unwrap(), []);
        assert_eq!(owner.take_output(), command(b"\x04PONGx"));
        let expected = Seen::Message(vec![b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(owner.read(&frame(false, b"two")).unwrap(), [expected]);
        assert_eq!(owner.take_output(), b"");
        assert_eq!(owner.unread, b"");
    }

    #[test]
    fn commands_between_parts_count_as_part_of_the_message() {
        let mut owner = met(SocketType::Pull, 1000);
        let ping = command(b"\x04PING\0\0x");
        let bytes = [frame(true, b"one"), ping.repeat(10_000), frame(false, b"two"), frame(false, b"next")];
        let next = Seen::Message(vec![b"next".to_vec()]);
        assert_eq!(owner.read(&bytes.concat()).unwrap(), [Seen::Discarded(DiscardReason::TooLarge, 6), next]);
    }

    #[test]
    fn the_limits_are_exact() {
        let mut owner = met(SocketType::Pull, 1000);
        let fits = message(&[vec![1; 400], vec![2; 600]]);
        assert!(matches!(&owner.read(&fits).unwrap()[..], [Seen::Message(_)]));
        let too_large = message(&[vec![1; 400], vec![2; 601]]);
        assert_eq!(owner.read(&too_large).unwrap(), [Seen::Discarded(DiscardReason::TooLarge, 1001)]);
        let fits = message(&vec![vec![]; MAX_ZMTP_PARTS]);
        assert!(matches!(&owner.read(&fits).unwrap()[..], [Seen::Message(_)]));
        let too_many = message(&vec![vec![7]; MAX_ZMTP_PARTS + 1]);
        assert_eq!(owner.read(&too_many).unwrap(), [Seen::Discarded(DiscardReason::TooManyParts, 17)]);
    }

    #[test]
    fn the_hint_is_exact_once_the_header_is_there_and_nothing_is_kept_of_what_is_too_large() {
        let mut owner = met(SocketType::Pull, 1 << 20);
        owner.read(&[&[2][..], &1_000_000u64.to_be_bytes(), b"abc"].concat()).unwrap();
        assert_eq!(owner.needed, 1_000_000 - 3);
        let mut owner = met(SocketType::Pull, 1000);
        owner.read(&[&[2][..], &(i64::MAX as u64).to_be_bytes(), b"abc"].concat()).unwrap();
        assert_eq!((owner.unread.len(), owner.needed), (0, 1));
        owner.read(&[0; 100_000]).unwrap();
        assert_eq!((owner.unread.len(), owner.needed), (0, 1));
    }

    #[test]
    fn what_breaks_the_protocol_ends_the_connection() {
        let breaks = |bytes: &[u8]| met(SocketType::Pull, 1000).read(bytes).unwrap_err();
        assert_eq!(breaks(b"\x08"), ZmtpError::Flags { flags: 8 });
        assert_eq!(breaks(b"\x05"), ZmtpError::Flags { flags: 5 });
        assert_eq!(breaks(&[2, 0x80, 0, 0, 0, 0, 0, 0, 0]), ZmtpError::FrameLength { bytes: 1 << 63 });
        let long = MAX_ZMTP_COMMAND_BYTES as u64 + 1;
        assert_eq!(
            breaks(&[&[6][..], &long.to_be_bytes()].concat()),
            ZmtpError::CommandLength { bytes: long }
        );
        assert!(matches!(breaks(&ready("PUSH")), ZmtpError::OutOfTurn { what: "READY", .. }));
        assert_eq!(breaks(&command(b"\x05ERROR\x03bye")), ZmtpError::Refused { reason: "bye".into() });
    }

    #[test]
    fn a_pub_takes_subscriptions_only() {
        let mut owner = met(SocketType::Pub, 1 << 20);
        let longest = vec![b'x'; MAX_SUBSCRIPTION_BYTES];
        let bytes = [
            frame(false, b"\x01a"),
            command(b"\x09SUBSCRIBEb"),
            frame(false, b"\x00a"),
            command(b"\x06CANCELb"),
            frame(false, b"hello"),
            frame(false, b""),
            message(&[b"\x01a".to_vec(), b"b".to_vec()]),
            frame(false, &[b"\x01", &longest[..]].concat()),
            frame(false, &[b"\x01x", &longest[..]].concat()),
            command(&[b"\x09SUBSCRIBEx", &longest[..]].concat()),
        ];
        let unexpected = |bytes| Seen::Discarded(DiscardReason::Unexpected, bytes);
        assert_eq!(
            owner.read(&bytes.concat()).unwrap(),
            [
                Seen::Subscribe(b"a".to_vec()),
                Seen::Subscribe(b"b".to_vec()),
                Seen::Cancel(b"a".to_vec()),
                Seen::Cancel(b"b".to_vec()),
                unexpected(5),
                unexpected(0),
                unexpected(3),
                Seen::Subscribe(longest),
                Seen::Discarded(DiscardReason::TooLarge, 1026),
                Seen::Discarded(DiscardReason::TooLarge, 1025),
            ]
        );
    }

    #[test]
    fn an_envelope_ends_with_the_first_empty_part_and_goes_back_with_the_reply() {
        let parts = [b"id".to_vec(), vec![], b"body".to_vec(), vec![]];
        let ping = command(b"\x04PING\0\0");
        let bytes = [frame(true, &parts[0]), ping, message(&parts[1..])].concat();
        let mut owner = met(SocketType::Rep, 1000);
        let step = owner.connection.advance(&bytes).unwrap();
        let Some(Item::Message(request)) = step.item else { panic!("{step:?}") };
        assert_eq!(request.count(), 4);
        let (address, content) = request.split_envelope().unwrap();
        assert_eq!(address.exactly(), Some([&b"id"[..], b""]));
        assert_eq!(content.exactly(), Some([&b"body"[..], b""]));
        assert_eq!(content.exactly::<1>(), None);
        owner.take_output();
        owner.connection.reply(address, b"done").unwrap();
        assert_eq!(owner.take_output(), message(&[b"id".to_vec(), vec![], b"done".to_vec()]));
    }

    /// An owner that hands in less than it did before breaks the contract, and nothing else.
    #[test]
    fn shrinking_input_does_not_panic() {
        let mut owner = met(SocketType::Pull, 1000);
        let bytes = message(&[vec![1; 300], vec![2; 300]]);
        owner.connection.advance(&bytes[..400]).unwrap();
        assert_eq!(owner.connection.advance(&bytes[..3]).unwrap().item, None);
        assert!(owner.connection.advance(&bytes).unwrap().item.is_some());
    }
}

mod properties {
    use super::*;

    /// Cuts `bytes` into pieces of the given lengths, over and over.
    fn chunks<'b>(bytes: &'b [u8], lengths: &'b [usize]) -> impl Iterator<Item = &'b [u8]> {
        let mut lengths = lengths.iter().copied().cycle();
        let mut rest = bytes;
        std::iter::from_fn(move || {
            let (chunk, after) =
                rest.split_at(lengths.next().unwrap_or(1).clamp(1, rest.len().max(1)).min(rest.len()));
            rest = after;
            (!chunk.is_empty()).then_some(chunk)
        })
    }

    fn read_chunks(owner: &mut Owner, bytes: &[u8], lengths: &[usize]) -> Result<Vec<Seen>, ZmtpError> {
        let mut seen = Vec::new();
        for chunk in chunks(bytes, lengths) {
            seen.extend(owner.read(chunk)?);
        }
        Ok(seen)
    }

    fn any_lengths() -> impl Strategy<Value = Vec<usize>> {
        prop::collection::vec(prop_oneof![3 => 1usize..4, 3 => 1usize..80, 1 => 1usize..3000], 1..20)
    }

    fn any_message() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let part = || prop_oneof![0usize..4, 0usize..300, 0usize..800];
        let few = prop::collection::vec(part(), 1..5);
        let many = prop::collection::vec(0usize..90, 15..19);
        (prop_oneof![9 => few, 1 => many], any::<u8>())
            .prop_map(|(sizes, fill)| sizes.iter().map(|size| vec![fill; *size]).collect())
    }

    const MAX: usize = 1000;

    fn expected(parts: &[Vec<u8>]) -> Seen {
        let mut sizes = parts.iter().map(Vec::len);
        let total = sizes.clone().sum::<usize>();
        let sixteen = sizes.by_ref().take(MAX_ZMTP_PARTS).sum::<usize>();
        if sixteen > MAX || (sixteen + sizes.next().unwrap_or(0)) > MAX {
            Seen::Discarded(DiscardReason::TooLarge, total as u64)
        } else if parts.len() > MAX_ZMTP_PARTS {
            Seen::Discarded(DiscardReason::TooManyParts, total as u64)
        } else {
            Seen::Message(parts.to_vec())
        }
    }

    /// Traffic that is valid most of the time, so that random bytes get past the handshake.
    fn any_traffic() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            4 => any_message().prop_map(|parts| message(&parts)),
            2 => any_message().prop_map(|parts| frame(true, &parts[0])),
            2 => prop::collection::vec(any::<u8>(), 0..20).prop_map(|body| command(&[b"\x04PING\0\0", &body[..]].concat())),
            1 => Just(command(b"\x09SUBSCRIBEabc")),
            1 => prop::collection::vec(any::<u8>(), 0..30),
            1 => any::<u64>().prop_map(|length| [&[2][..], &length.to_be_bytes()].concat()),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    fn any_socket_type() -> impl Strategy<Value = SocketType> {
        use SocketType::{Pub, Pull, Push, Rep, Req, Sub};
        prop::sample::select(vec![Pull, Push, Rep, Req, Pub, Sub])
    }

    /// Carries bytes both ways until both are silent.
    fn talk(left: &mut Owner, right: &mut Owner, lengths: &[usize]) -> (Vec<Seen>, Vec<Seen>) {
        let (mut left_seen, mut right_seen) = (Vec::new(), Vec::new());
        loop {
            let (to_right, to_left) = (left.take_output(), right.take_output());
            if to_right.is_empty() && to_left.is_empty() {
                return (left_seen, right_seen);
            }
            right_seen.extend(read_chunks(right, &to_right, lengths).unwrap());
            left_seen.extend(read_chunks(left, &to_left, lengths).unwrap());
        }
    }

    proptest! {
        #[test]
        fn two_sides_understand_each_other(
            connecting in any_socket_type(),
            lengths in any_lengths(),
            there in prop::collection::vec(any_message(), 0..6),
            back in prop::collection::vec(any_message(), 0..6),
            prefix in prop::collection::vec(any::<u8>(), 0..300),
        ) {
            let mut left = Owner::new(Connection::connect(connecting, MAX).with_property("X-BlueOx", "2.0"));
            let mut right = Owner::new(Connection::accept(connecting.partner(), MAX));
            let (left_seen, right_seen) = talk(&mut left, &mut right, &lengths);
            prop_assert_eq!((&left_seen[..], &right_seen[..]), (&[Seen::Ready][..], &[Seen::Ready][..]));
            prop_assert_eq!(right.connection.peer().unwrap().blueox.as_deref(), Some("2.0"));
            prop_assert_eq!(left.connection.peer().unwrap().socket_type, connecting.partner().name());

            let mut expected_there: Vec<Seen> = Vec::new();
            if connecting == SocketType::Sub {
                left.connection.subscribe(&prefix).unwrap();
                left.connection.cancel(&prefix).unwrap();
                expected_there.extend([Seen::Subscribe(prefix.clone()), Seen::Cancel(prefix)]);
            }
            let takes = |socket_type| !matches!(socket_type, SocketType::Push | SocketType::Pub);
            let mut expected_back: Vec<Seen> = Vec::new();
            for (messages, from, expectation) in [
                (&there, &mut left, &mut expected_there),
                (&back, &mut right, &mut expected_back),
            ] {
                let to = from.connection.socket_type().partner();
                for parts in messages.iter().filter(|_| takes(to)) {
                    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
                    from.connection.send(&slices).unwrap();
                    expectation.push(expected(parts));
                }
            }
            prop_assert_eq!(talk(&mut left, &mut right, &lengths), (expected_back, expected_there));
        }

        #[test]
        fn any_bytes_are_read_without_a_panic_and_with_bounded_memory(
            socket_type in any_socket_type(),
            bytes in prop::collection::vec(any::<u8>(), 0..300),
            keep in 0usize..100,
            lengths in any_lengths(),
        ) {
            let hello = [greeting(1), ready(socket_type.partner().name())].concat();
            let bytes = [&hello[..keep.min(hello.len())], &bytes].concat();
            let mut owner = Owner::new(Connection::accept(socket_type, MAX));
            let _ = read_chunks(&mut owner, &bytes, &lengths);
            prop_assert!(owner.connection.output().len() < 2 * MAX_ZMTP_COMMAND_BYTES);
        }

        #[test]
        fn traffic_means_the_same_however_it_is_cut(
            socket_type in any_socket_type(),
            bytes in any_traffic(),
            lengths in any_lengths(),
        ) {
            let mut at_once = met(socket_type, MAX);
            let mut in_pieces = met(socket_type, MAX);
            let (mut seen, mut position) = (Vec::new(), 0);
            let end = loop {
                match at_once.connection.advance(&bytes[position..]) {
                    Err(error) => break Err(error),
                    Ok(step) => {
                        position += step.consumed;
                        let Some(item) = step.item else { break Ok(()) };
                        seen.push(own(&item));
                    }
                }
            };
            let mut seen_in_pieces = Vec::new();
            let end_in_pieces = chunks(&bytes, &lengths).try_for_each(|chunk| {
                let mut position = 0;
                in_pieces.unread.extend_from_slice(chunk);
                loop {
                    let step = in_pieces.connection.advance(&in_pieces.unread[position..])?;
                    position += step.consumed;
                    let Some(item) = step.item else { break };
                    seen_in_pieces.push(own(&item));
                }
                in_pieces.unread.drain(..position);
                Ok(())
            });
            prop_assert_eq!(seen_in_pieces, seen);
            prop_assert_eq!(end_in_pieces, end);
            prop_assert_eq!(in_pieces.take_output(), at_once.take_output());
            prop_assert!(in_pieces.unread.len() <= in_pieces.connection.buffer_limit());
        }

        #[test]
        fn oversize_messages_never_cost_a_good_one(
            messages in prop::collection::vec(any_message(), 0..12),
            pinged: bool,
            lengths in any_lengths(),
        ) {
            let mut owner = met(SocketType::Pull, MAX);
            let ping = if pinged { command(b"\x04PING\0\0") } else { Vec::new() };
            let bytes: Vec<u8> = messages.iter().flat_map(|parts| [message(parts), ping.clone()].concat()).collect();
            let seen = read_chunks(&mut owner, &bytes, &lengths).unwrap();
            prop_assert_eq!(seen, messages.iter().map(|parts| expected(parts)).collect::<Vec<_>>());
            prop_assert_eq!(owner.unread, b"");
        }
    }
}
