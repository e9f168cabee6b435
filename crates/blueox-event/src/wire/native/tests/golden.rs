//! Every frame as it stands in FORMAT.md, byte for byte.

use super::super::inlet::PREFACE;
use super::*;

/// CRC32C bit by bit, after RFC 3720: nothing of the crate under test.
fn crc32c_slowly(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & (crc & 1).wrapping_neg()))
    })
}

/// A frame from a text: hexadecimal digits, and `'text'`. The checksum is put in place.
fn frame(kind: u8, flags: u8, head: &str, payload: &[u8]) -> Vec<u8> {
    let head = hex(head);
    let mut header = vec![kind, flags];
    header.extend_from_slice(&(head.len() as u16).to_le_bytes());
    header.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    let crc = crc32c_slowly(&[&header[..], &head].concat());
    [&header[..], &crc.to_le_bytes(), &head, payload].concat()
}

fn hex(text: &str) -> Vec<u8> {
    text.split_whitespace().flat_map(word).collect()
}

fn word(word: &str) -> Vec<u8> {
    match word.strip_prefix('\'') {
        Some(text) => text.trim_end_matches('\'').as_bytes().to_vec(),
        None => {
            let digits = word.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
            digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
        }
    }
}

const STREAM: &str = "0f0e0d0c0b0a09080706050403020100";
const STREAM_ID: StreamId = StreamId(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f);

#[test]
fn the_checksum_is_crc32c() {
    assert_eq!(crc32c_slowly(b"123456789"), 0xe306_9283); // the check value of the Castagnoli polynomial
    assert_eq!(PayloadCrc::of(b"123456789").0, 0xe306_9283);
}

#[test]
fn preface_and_hello() {
    assert_eq!(PREFACE, [0, 0x42, 0x6c, 0x75, 0x65, 0x4f, 0x78, 1]);
    let mut sender = Sender::resume(STREAM_ID, Role::Daemon, Seq::new(0x10), Seq::new(0x1234));
    let token = Token::new(b"secret");
    sender.connect(&Introduction { session: Session(3), host: "wéb", pid: 0xabcd, token }, NOW);
    let numbers = "0300000000000000 3512000000000000 1000000000000000";
    let head = format!("0000 02 04 cdab0000 {STREAM} {numbers} 0600 'wéb' 'secret'");
    assert_eq!(sender.output()[..], [&PREFACE[..], &frame(1, 0, &head, b"")].concat());
    let mut receiver = Receiver::accept();
    let bytes = take(sender.output());
    let seen = arrivals(&mut receiver, &bytes).unwrap();
    let sender = Introduction { session: Session(3), host: "wéb", pid: 0xabcd, token };
    let (next_seq, ack_floor) = (Seq::new(0x1235), Seq::new(0x10));
    let hello = Hello { minor: 0, role: Role::Daemon, stream: STREAM_ID, next_seq, ack_floor, sender };
    assert_eq!(seen, [Arrival::Hello(hello)]);
    assert_eq!(receiver.output()[..], PREFACE);
    assert!(!format!("{hello:?}").contains("secret"));
}

/// The same once more with nothing computed: the whole of it as digits.
#[test]
fn a_hello_in_full() {
    let mut sender = Sender::new(StreamId(7), Role::Application);
    sender.connect(&introduction(1), NOW);
    let expected = hex("00 426c75654f78 01
        01 00 3600 00000000 8988b1d4
        0000 01 04 2a000000 07000000000000000000000000000000 0100000000000000 0100000000000000 0000000000000000
        0000 77656231");
    assert_eq!(sender.output()[..], expected);
}

#[test]
fn data() {
    let (mut sender, mut receiver) = met(0x41, 0x50, 0x41, 65536);
    let origin =
        Origin { stream: STREAM_ID, numbers: SeqRange::new(Seq::new(5), Seq::new(6)).unwrap(), count: 2 };
    let plain = Batch { origin: Some(origin), ..Batch::plain(Seq::new(0x42), 2, b"\x80\x80").unwrap() };
    let crc = PayloadCrc::of(b"zzz");
    let seq = Seq::new(0x43);
    let packed =
        Batch { seq, count: 7, raw_bytes: 0x1234, codec: Codec::Zstd, crc, origin: None, payload: b"zzz" };
    sender.send(&plain).unwrap();
    sender.send_head(&packed).unwrap();
    sender.output().extend_from_slice(packed.payload);
    let plain_crc = crc32c_slowly(b"\x80\x80").swap_bytes();
    let packed_crc = crc32c_slowly(b"zzz").swap_bytes();
    let origin_fields = format!("{STREAM} 0500000000000000 0600000000000000 02000000");
    let plain_head = format!("4200000000000000 02000000 02000000 {plain_crc:08x} 00 000000 {origin_fields}");
    let packed_head = format!("4300000000000000 07000000 34120000 {packed_crc:08x} 01 000000");
    let bytes = take(sender.output());
    assert_eq!(bytes, [frame(3, 1, &plain_head, b"\x80\x80"), frame(3, 0, &packed_head, b"zzz")].concat());
    let seen = arrivals(&mut receiver, &bytes).unwrap();
    assert_eq!(seen, [Arrival::Data { batch: plain, gap: None }, Arrival::Data { batch: packed, gap: None }]);
}

#[test]
fn lost_and_bye() {
    let (mut sender, mut receiver) = met(2, 9, 2, 65536);
    let numbers = SeqRange::new(Seq::new(3), Seq::new(9)).unwrap();
    let lost = Lost { numbers, count: Some(0x1ff), reason: LossReason::Unacked, origin: None };
    sender.lost(&lost).unwrap();
    let bytes = take(sender.output());
    assert_eq!(
        bytes,
        frame(4, 0, "0300000000000000 0900000000000000 ff01000000000000 03 00000000000000", b"")
    );
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), [Arrival::Lost { lost, gap: None }]);
    let origin = Some(Origin { stream: StreamId(0x77), numbers, count: 5 });
    let passed_on = Lost { numbers: SeqRange::new(Seq::new(10), Seq::new(10)).unwrap(), origin, ..lost };
    sender.lost(&passed_on).unwrap();
    let fields = "0a00000000000000 0a00000000000000 ff01000000000000 03 00000000000000 \
                  77000000000000000000000000000000 0300000000000000 0900000000000000 05000000";
    let bytes = take(sender.output());
    assert_eq!(bytes, frame(4, 1, fields, b""));
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), [Arrival::Lost { lost: passed_on, gap: None }]);
    let last_seq = Seq::new(10);
    assert_eq!(sender.bye(), Err(NotNow::NotAcked { last: last_seq, acked: Seq::new(2) }));
    receiver.durable(last_seq).unwrap();
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(5, 0, "0a00000000000000 0000010000000000", b""));
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Acked { high_water: last_seq }]);

    sender.bye().unwrap();
    let bytes = take(sender.output());
    assert_eq!(bytes, frame(9, 0, "0a00000000000000", b""));
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), [Arrival::Bye { last_seq, gap: None }]);
    receiver.farewell().unwrap();
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(9, 0, "0a00000000000000", b""));
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Farewell]);
}

#[test]
fn ping_and_pong() {
    let (mut sender, mut receiver) = met(0, 0, 0, 65536);
    let ledger =
        Ledger::new(0x0102).with_dropped(LossReason::TooLarge, 3).with_dropped(LossReason::Other(200), 4);
    sender.beat(crate::limits::PING_INTERVAL, &ledger).unwrap();
    let bytes = take(sender.output());
    let head = "0100000000000000 0201000000000000 02 02 0300000000000000 c8 0400000000000000";
    assert_eq!(bytes, frame(7, 0, head, b""));
    let seen = arrivals(&mut receiver, &bytes).unwrap();
    assert!(matches!(seen[..], [Arrival::Ping(report)] if report.to_ledger() == ledger));
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(8, 0, "0100000000000000", b""));
    assert_eq!(notices(&mut sender, &bytes).unwrap(), []);
}

#[test]
fn welcome_ack_and_nack() {
    let mut sender = Sender::resume(StreamId(7), Role::Daemon, Seq::new(2), Seq::new(5));
    sender.connect(&introduction(1), NOW);
    let mut receiver = Receiver::accept();
    arrivals(&mut receiver, &take(sender.output())).unwrap();
    let welcome = Welcome { node: NodeId(STREAM_ID.0), ..welcome(3, 0x20000) };
    receiver.welcome(&welcome).unwrap();
    let head = format!("0000 01 0000000000 {STREAM} 0300000000000000 0000020000000000");
    let bytes = take(receiver.output());
    assert_eq!(bytes, [&PREFACE[..], &frame(2, 0, &head, b"")].concat());
    let resume = Seq::new(4);
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Welcomed { welcome, minor: 0, resume }]);

    sender.send(&Batch::plain(Seq::new(4), 1, b"\x80").unwrap()).unwrap();
    let fourth = take(sender.output());
    sender.send(&Batch::plain(Seq::new(5), 1, b"\x80").unwrap()).unwrap();
    arrivals(&mut receiver, &take(sender.output())).unwrap(); // the fourth was held back
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(6, 0, "0400000000000000", b""));
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Rewound { to: Seq::new(4) }]);
    arrivals(&mut receiver, &fourth).unwrap();
    receiver.durable(Seq::new(4)).unwrap();
    assert_eq!(take(receiver.output()), frame(5, 0, "0400000000000000 0000020000000000", b""));
    receiver.grant(ByteCount(0)).unwrap();
    assert_eq!(take(receiver.output()), frame(5, 0, "0400000000000000 0000000000000000", b""));
}

/// A receiver that has HELLO and a sender that waits for the answer.
fn asking() -> (Sender, Receiver) {
    let mut sender = Sender::new(StreamId(7), Role::Application);
    sender.connect(&introduction(1), NOW);
    let mut receiver = Receiver::accept();
    arrivals(&mut receiver, &take(sender.output())).unwrap();
    notices(&mut sender, &take(receiver.output())).unwrap(); // the preface
    (sender, receiver)
}

#[test]
fn busy_refused_and_goaway() {
    let (mut sender, mut receiver) = asking();
    receiver.busy(Duration::from_millis(0x1234)).unwrap();
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(10, 0, "34120000", b""));
    let retry = Duration::from_millis(0x1234);
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Busy { retry }]);

    let (mut sender, mut receiver) = asking();
    receiver.refuse(RefusedReason::Session, "session 1 was here\nbefore").unwrap();
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(11, 0, "01 12 'session 20 '1 20 'was 20 'here", b""));
    let (reason, text) = (RefusedReason::Session, "session 1 was here");
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::Refused { reason, text }]);

    let (mut sender, mut receiver) = asking();
    receiver.go_away(GoAwayReason::TakenOver, "").unwrap();
    let bytes = take(receiver.output());
    assert_eq!(bytes, frame(12, 0, "02 00", b""));
    let reason = GoAwayReason::TakenOver;
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::GoingAway { reason, text: "" }]);
}

#[test]
fn frames_of_a_newer_minor_version_are_passed_over() {
    let (_, mut receiver) = met(0, 0, 0, 65536);
    let unknown = frame(0x7f, 0xff, "010203", b"payload of a newer kind");
    let longer = frame(9, 0xff, "0000000000000000 aabbcc", b"");
    let bytes = [unknown, longer].concat();
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), [Arrival::Bye { last_seq: Seq::NONE, gap: None }]);

    for kind in [0, 0x80, 0xff] {
        let (_, mut receiver) = met(0, 0, 0, 65536);
        let error = arrivals(&mut receiver, &frame(kind, 0, "", b"")).unwrap_err();
        assert_eq!(error, NativeError::UnknownFrame { kind });
    }
}
