//! The rules of FORMAT.md one by one, where a small case says it best.

use super::super::frame::{self, Kind};
use super::super::inlet::PREFACE;
use super::super::mark;
use super::*;
use crate::limits::{MIN_FRAME_COST, PEER_PATIENCE, PING_INTERVAL};

fn data(seq: u64, payload_bytes: usize) -> Vec<u8> {
    let payload = vec![0x80; payload_bytes];
    let batch = Batch::plain(Seq::new(seq), 1, &payload).unwrap();
    let mut bytes = Vec::new();
    batch.write_head(&mut bytes);
    [bytes, payload].concat()
}

fn send(sender: &mut Sender, seq: u64, payload_bytes: usize) -> Result<(), NotNow> {
    let payload = vec![0x80; payload_bytes];
    sender.send(&Batch::plain(Seq::new(seq), 1, &payload).unwrap())
}

fn seen(receiver: &mut Receiver, bytes: &[u8]) -> Vec<u64> {
    let numbers = |arrival: &Arrival<'_>| match arrival {
        Arrival::Data { batch, .. } => batch.seq.get(),
        other => panic!("{other:?}"),
    };
    arrivals(receiver, bytes).unwrap().iter().map(numbers).collect()
}

fn frames(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes);
    bytes
}

#[test]
fn n2_numbers_go_in_order_from_the_higher_of_mark_and_floor() {
    let (mut sender, _) = met(4, 9, 2, 65536);
    assert_eq!(sender.next_to_send(), Some(Seq::new(5)));
    assert_eq!(send(&mut sender, 6, 1), Err(NotNow::WrongNumber { given: Seq::new(6), due: Seq::new(5) }));
    let (sender, _) = met(4, 9, 7, 65536);
    assert_eq!((sender.next_to_send(), sender.acked()), (Some(Seq::new(8)), Seq::new(7)));
}

#[test]
fn n3_duplicates_are_dropped_and_acked_again_only_if_durable() {
    let (_, mut receiver) = met(2, 9, 2, 65536);
    assert_eq!(seen(&mut receiver, &data(3, 1)), [3]);
    assert_eq!(seen(&mut receiver, &data(3, 1)), []);
    assert_eq!(receiver.output()[..], []); // 3 is not durable
    assert_eq!(seen(&mut receiver, &data(2, 1)), []);
    assert_eq!(take(receiver.output()), frames(|out| mark::write_ack(out, Seq::new(2), ByteCount(65536))));
}

#[test]
fn n4_a_jump_to_what_another_receiver_acked_is_accepted_once_and_told() {
    let (_, mut receiver) = met(6, 9, 2, 65536);
    let gap = SeqRange::new(Seq::new(3), Seq::new(6));
    let bytes = data(7, 1);
    assert!(
        matches!(arrivals(&mut receiver, &bytes).unwrap()[..], [Arrival::Data { gap: told, .. }] if told == gap)
    );
    let bytes = data(9, 1);
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), []); // no longer the first one
    assert_eq!(take(receiver.output()), frames(|out| mark::write_seq(out, Kind::Nack, Seq::new(8))));
}

#[test]
fn n5_a_jump_above_the_floor_is_answered_once_and_all_is_dropped_until_it_is_filled() {
    let (_, mut receiver) = met(4, 9, 2, 65536);
    assert_eq!(seen(&mut receiver, &[data(6, 1), data(7, 1), data(8, 1)].concat()), []);
    assert_eq!(take(receiver.output()), frames(|out| mark::write_seq(out, Kind::Nack, Seq::new(5))));
    assert_eq!(seen(&mut receiver, &[data(5, 1), data(6, 1)].concat()), [5, 6]);
}

#[test]
fn n5_a_nack_makes_the_sender_go_back() {
    let (mut sender, _) = met(0, 9, 0, 1024);
    for seq in 1..5 {
        send(&mut sender, seq, 1).unwrap();
    }
    assert!(!sender.may_send(1));
    let nack = |seq| frames(|out| mark::write_seq(out, Kind::Nack, Seq::new(seq)));
    assert_eq!(notices(&mut sender, &nack(3)).unwrap(), [Notice::Rewound { to: Seq::new(3) }]);
    assert_eq!(sender.next_to_send(), Some(Seq::new(3)));
    send(&mut sender, 3, 1).unwrap();
    send(&mut sender, 4, 1).unwrap();
    assert!(!sender.may_send(1));
    let error = notices(&mut sender, &nack(6)).unwrap_err();
    assert!(matches!(error, NativeError::AckOfUnsent { .. }));

    let (mut sender, _) = met(4, 9, 2, 1024);
    let error = notices(&mut sender, &nack(3)).unwrap_err();
    assert_eq!(error, NativeError::NackBelowFloor { expected: Seq::new(3), floor: Seq::new(4) });
}

#[test]
fn n6_a_lost_that_overlaps_ends_the_connection() {
    let (_, mut receiver) = met(2, 9, 2, 65536);
    let numbers = SeqRange::new(Seq::new(2), Seq::new(4)).unwrap();
    let lost = frames(|out| Lost { numbers, count: None, reason: LossReason::Exit, origin: None }.write(out));
    assert!(matches!(
        arrivals(&mut receiver, &lost).unwrap_err(),
        NativeError::Malformed { frame: "LOST", .. }
    ));
    assert!(receiver.output().len() > 12, "GOAWAY tells why");
}

#[test]
fn a1_nobody_can_ack_what_was_not_accepted() {
    let (_, mut receiver) = met(0, 9, 0, 65536);
    seen(&mut receiver, &data(1, 1));
    let (durable, accepted) = (Seq::new(2), Seq::new(1));
    assert_eq!(receiver.durable(durable), Err(NotNow::NeverAccepted { durable, accepted }));
    assert_eq!(receiver.output()[..], []);
}

#[test]
fn a2_old_acks_are_ignored_and_acks_of_nothing_are_not() {
    let (mut sender, _) = met(0, 9, 0, 65536);
    send(&mut sender, 1, 1).unwrap();
    send(&mut sender, 2, 1).unwrap();
    let ack = |seq, credit| frames(|out| mark::write_ack(out, Seq::new(seq), ByteCount(credit)));
    assert_eq!(notices(&mut sender, &ack(2, 65536)).unwrap(), [Notice::Acked { high_water: Seq::new(2) }]);
    assert_eq!(notices(&mut sender, &ack(1, 0)).unwrap(), []);
    assert!(sender.may_send(1), "an old ack's credit does not count");
    let error = notices(&mut sender, &ack(3, 65536)).unwrap_err();
    assert_eq!(error, NativeError::AckOfUnsent { high_water: Seq::new(3), sent: Seq::new(2) });
}

#[test]
fn a4_a_sender_that_was_set_back_says_so_and_sends_nothing() {
    let mut sender = Sender::resume(StreamId(7), Role::Daemon, Seq::new(3), Seq::new(5));
    sender.connect(&introduction(1), NOW);
    let bytes = frames(|out| {
        out.extend_from_slice(&PREFACE);
        welcome(6, 65536).write(0, out);
    });
    let (high_water, last) = (Seq::new(6), Seq::new(5));
    assert_eq!(notices(&mut sender, &bytes).unwrap(), [Notice::RolledBack { high_water, last }]);
    assert_eq!((sender.next_to_send(), sender.due(), sender.acked()), (None, None, Seq::new(3)));
}

#[test]
fn c3_a_large_batch_goes_alone_and_credit_0_stops_all() {
    let (mut sender, mut receiver) = met(0, 9, 0, 1000);
    assert!(sender.may_send(4 << 20));
    send(&mut sender, 1, 5000).unwrap();
    let error = send(&mut sender, 2, 1).unwrap_err();
    assert!(matches!(error, NotNow::NoCredit { .. }));
    let bytes = take(sender.output());
    assert_eq!(seen(&mut receiver, &bytes), [1]);
    assert_eq!(receiver.under_way(), ByteCount(5000));
    receiver.grant(ByteCount::ZERO).unwrap();
    receiver.durable(Seq::new(1)).unwrap();
    notices(&mut sender, &take(receiver.output())).unwrap();
    assert!(!sender.may_send(1), "nothing is under way, but the credit is 0");
    receiver.grant(ByteCount(1000)).unwrap();
    notices(&mut sender, &take(receiver.output())).unwrap();
    for seq in 2..5 {
        assert!(sender.may_send(1), "small frames cost {MIN_FRAME_COST}");
        send(&mut sender, seq, 1).unwrap();
    }
    assert!(!sender.may_send(1));
    let bytes = take(sender.output());
    assert_eq!(seen(&mut receiver, &bytes), [2, 3, 4]);
}

/// The payload of what goes beyond is not waited for.
#[test]
fn c4_the_receiver_ends_a_connection_that_takes_more_than_was_granted() {
    let (_, mut receiver) = met(0, 9, 0, 600);
    assert_eq!(seen(&mut receiver, &[data(1, 1), data(2, 1)].concat()), [1, 2]);
    let error = receiver.advance(&data(3, 5000)[..40]).unwrap_err();
    assert_eq!(error, NativeError::CreditExceeded { seq: Seq::new(3), beyond: ByteCount(512 + 5000 - 600) });

    let (_, mut receiver) = met(0, 9, 0, 600);
    seen(&mut receiver, &[data(1, 1), data(2, 1)].concat());
    receiver.grant(ByteCount::ZERO).unwrap();
    receiver.durable(Seq::new(1)).unwrap();
    assert!(receiver.advance(&data(3, 1)).is_err(), "256 + 256 + 256 were never granted");
}

#[test]
fn s3_frames_out_of_turn_end_the_connection() {
    let hello = |receiver: &mut Receiver| {
        let mut sender = Sender::new(StreamId(7), Role::Daemon);
        sender.connect(&introduction(1), NOW);
        let bytes = take(sender.output());
        arrivals(receiver, &bytes).unwrap();
        bytes
    };
    let out_of_turn = |error| matches!(error, NativeError::OutOfTurn { .. });
    let mut receiver = Receiver::accept();
    hello(&mut receiver);
    assert!(out_of_turn(receiver.advance(&data(1, 1)).unwrap_err()), "DATA before WELCOME");
    let mut receiver = Receiver::accept();
    let bytes = hello(&mut receiver);
    assert!(out_of_turn(receiver.advance(&bytes[8..]).unwrap_err()), "HELLO again");
    let mut receiver = Receiver::accept();
    let bytes = [&PREFACE[..], &data(1, 1)].concat();
    assert!(out_of_turn(receiver.advance(&bytes).unwrap_err()), "DATA before HELLO");
    let (mut sender, _) = met(0, 0, 0, 0);
    let bytes = frames(|out| welcome(0, 0).write(0, out));
    assert!(out_of_turn(sender.advance(&bytes, NOW).unwrap_err()), "WELCOME again");
    let (mut sender, _) = met(0, 0, 0, 0);
    assert!(out_of_turn(sender.advance(&data(1, 1), NOW).unwrap_err()), "DATA to a sender");
}

#[test]
fn l1_a_sender_pings_and_gives_up() {
    let (mut sender, mut receiver) = met(0, 0, 0, 0);
    assert_eq!(sender.due(), Some(PING_INTERVAL));
    sender.beat(PING_INTERVAL / 2, &Ledger::default()).unwrap();
    assert_eq!(sender.output()[..], []);
    sender.beat(PING_INTERVAL, &Ledger::default()).unwrap();
    assert_eq!(sender.due(), Some(PING_INTERVAL * 2));
    arrivals(&mut receiver, &take(sender.output())).unwrap();
    let pong = take(receiver.output());
    sender.advance(&pong, PING_INTERVAL).unwrap();
    sender.beat(PEER_PATIENCE, &Ledger::default()).unwrap();
    let late = PING_INTERVAL + PEER_PATIENCE;
    let error = sender.beat(late, &Ledger::default()).unwrap_err();
    assert_eq!(error, NativeError::Silent { silence: PEER_PATIENCE });
    assert_eq!((sender.due(), sender.advance(b"", late)), (None, Err(error)));
}

/// While the owner looks the mark up, or waits for a disk, the sender sees that somebody is there.
#[test]
fn l2_a_ping_is_answered_before_welcome() {
    let mut sender = Sender::new(StreamId(7), Role::Daemon);
    sender.connect(&introduction(1), NOW);
    sender.beat(PING_INTERVAL, &Ledger::new(5)).unwrap();
    let mut receiver = Receiver::accept();
    let bytes = take(sender.output());
    let seen = arrivals(&mut receiver, &bytes).unwrap();
    assert!(matches!(seen[..], [Arrival::Hello(_), Arrival::Ping(report)] if report.produced == 5));
    assert_eq!(notices(&mut sender, &take(receiver.output())).unwrap(), []);
}

#[test]
fn l3_after_goaway_nothing_is_sent_and_acks_still_count() {
    let (mut sender, mut receiver) = met(0, 9, 0, 65536);
    send(&mut sender, 1, 1).unwrap();
    let bytes = take(sender.output());
    assert_eq!(seen(&mut receiver, &bytes), [1]);
    receiver.go_away(GoAwayReason::Shutdown, "shutting down").unwrap();
    assert_eq!(seen(&mut receiver, &data(2, 1)), []);
    receiver.durable(Seq::new(1)).unwrap();
    let bytes = take(receiver.output());
    let (reason, text, high_water) = (GoAwayReason::Shutdown, "shutting down", Seq::new(1));
    let expected = [Notice::GoingAway { reason, text }, Notice::Acked { high_water }];
    assert_eq!(notices(&mut sender, &bytes).unwrap(), expected);
    assert_eq!(send(&mut sender, 2, 1), Err(NotNow::NotOpen { what: "batch" }));
}

#[test]
fn other_protocols_are_told_by_their_first_byte() {
    let mut sender = Sender::new(StreamId(7), Role::Daemon);
    sender.connect(&introduction(1), NOW);
    assert_eq!(sender.advance(&[0xff], NOW).unwrap_err(), NativeError::NotNative { first: 0xff });
    let mut receiver = Receiver::accept();
    assert_eq!(receiver.advance(b"\0BlueOx\x02").unwrap_err(), NativeError::MajorVersion { major: 2 });
    assert_eq!(receiver.output()[..], []);
}

/// Who asks and never reads gets no memory.
#[test]
fn answers_that_can_be_provoked_are_bounded() {
    let (_, mut receiver) = met(2, 9, 2, 65536);
    let ping = frames(|out| Ledger::default().write(1, out));
    let bytes = [ping.repeat(10_000), data(2, 1).repeat(10_000)].concat();
    arrivals(&mut receiver, &bytes).unwrap();
    assert!(receiver.output().len() < 5000);
}

#[test]
fn a_ledger_loses_no_count() {
    let ledger =
        (0..100).fold(Ledger::new(1000), |ledger, id| ledger.with_dropped(LossReason::from_id(id), 2));
    assert_eq!(ledger.dropped().map(|(_, count)| count).sum::<u64>(), 200);
}

#[test]
fn ids_on_the_wire_and_reasons_go_together() {
    for id in 0..=u8::MAX {
        assert_eq!(LossReason::from_id(id).id(), id);
        assert_eq!(RefusedReason::from_id(id).id(), id);
        assert_eq!(GoAwayReason::from_id(id).id(), id);
        assert!(Codec::from_id(id).is_none_or(|codec| codec.id() == id));
    }
    for (index, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, index + 1);
        let bytes = frames(|out| frame::write(out, kind, |_| {}));
        assert_eq!(frame::Frame::parse(&bytes).unwrap().unwrap().kind, Some(kind));
    }
}

#[test]
fn the_smaller_version_is_in_force() {
    let mut sender = Sender::new(StreamId(7), Role::Daemon);
    sender.connect(&introduction(1), NOW);
    let next_seq = Seq::new(1);
    let (stream, ack_floor, sender_is) = (StreamId(7), Seq::NONE, introduction(1));
    let newer = Hello { minor: 5, role: Role::Daemon, stream, next_seq, ack_floor, sender: sender_is };
    let mut receiver = Receiver::accept();
    let bytes = frames(|out| {
        out.extend_from_slice(&PREFACE);
        newer.write(out);
    });
    arrivals(&mut receiver, &bytes).unwrap();
    receiver.welcome(&welcome(0, 1)).unwrap();
    let bytes = take(receiver.output());
    assert!(matches!(notices(&mut sender, &bytes).unwrap()[..], [Notice::Welcomed { minor: 0, .. }]));

    sender.connect(&introduction(2), NOW);
    let bytes = frames(|out| {
        out.extend_from_slice(&PREFACE);
        welcome(0, 1).write(MINOR_VERSION + 1, out);
    });
    assert!(matches!(notices(&mut sender, &bytes), Err(NativeError::Malformed { frame: "WELCOME", .. })));
}

/// Farewell waits for the commit, and only follows a BYE.
#[test]
fn a5_bye_is_answered_when_all_is_durable() {
    let (_, mut receiver) = met(0, 9, 0, 65536);
    seen(&mut receiver, &data(1, 1));
    assert_eq!(receiver.farewell(), Err(NotNow::NotOpen { what: "BYE" }));
    let bye = frames(|out| mark::write_seq(out, Kind::Bye, Seq::new(1)));
    let bytes = bye.repeat(2);
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap().len(), 1);
    assert!(matches!(receiver.farewell(), Err(NotNow::WrongNumber { .. })));
    receiver.durable(Seq::new(1)).unwrap();
    receiver.farewell().unwrap();
    assert!(receiver.advance(&data(2, 1)).is_err(), "a number after the last one");
}
