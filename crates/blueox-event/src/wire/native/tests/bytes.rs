//! Any bytes, any chunks: no panic, bounded memory, one meaning.

use super::super::frame::{HEADER_BYTES, Kind};
use super::super::inlet::PREFACE;
use super::*;
use crate::limits::{
    MAX_BATCH_BYTES, MAX_BATCH_EVENTS, MAX_FRAME_HEAD_BYTES, MAX_OUTPUT_BYTES_BEFORE_ANSWER,
};
use proptest::prelude::*;

/// The bytes cut as the lengths say.
fn chunks<'b>(bytes: &'b [u8], lengths: &[usize]) -> Vec<&'b [u8]> {
    let (mut rest, mut chunks) = (bytes, Vec::new());
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            return chunks;
        }
        let (chunk, after) = rest.split_at((*length).min(rest.len()));
        chunks.push(chunk);
        rest = after;
    }
    vec![bytes]
}

/// Reads chunk by chunk into a buffer, as an owner does. What is found is kept as text.
fn read_chunks(
    mut advance: impl FnMut(&[u8]) -> Result<(usize, Option<String>, usize), NativeError>,
    bytes: &[u8],
    lengths: &[usize],
) -> (Vec<String>, Option<NativeError>) {
    let (mut seen, mut unread, mut due) = (Vec::new(), Vec::new(), 0);
    for chunk in chunks(bytes, lengths) {
        let too_few = chunk.len() < due;
        unread.extend_from_slice(chunk);
        let mut position = 0;
        loop {
            match advance(&unread[position..]) {
                Err(error) => {
                    assert_eq!(advance(b"more"), Err(error), "an error is final");
                    return (seen, Some(error));
                }
                Ok((consumed, Some(item), needed)) => {
                    assert_eq!(needed, 0);
                    assert!(!too_few, "an item came before the bytes that it was said to need");
                    position += consumed;
                    seen.push(item);
                }
                Ok((consumed, None, needed)) => {
                    assert!(needed > 0);
                    position += consumed;
                    due = needed;
                    break;
                }
            }
        }
        unread.drain(..position);
        assert!(unread.len() + due <= BUFFER_LIMIT);
    }
    (seen, None)
}

fn read_as_receiver(
    receiver: &mut Receiver,
    bytes: &[u8],
    lengths: &[usize],
) -> (Vec<String>, Option<NativeError>) {
    let advance = |input: &[u8]| {
        let step = receiver.advance(input)?;
        Ok((step.consumed, step.item.map(|item| format!("{item:?}")), step.needed))
    };
    read_chunks(advance, bytes, lengths)
}

fn read_as_sender(
    sender: &mut Sender,
    bytes: &[u8],
    lengths: &[usize],
) -> (Vec<String>, Option<NativeError>) {
    let advance = |input: &[u8]| {
        let step = sender.advance(input, NOW)?;
        Ok((step.consumed, step.item.map(|item| format!("{item:?}")), step.needed))
    };
    read_chunks(advance, bytes, lengths)
}

/// A frame with a good checksum around anything.
fn wrap(kind: u8, flags: u8, head: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut header = vec![kind, flags];
    header.extend_from_slice(&(head.len() as u16).to_le_bytes());
    header.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&header), head);
    [&header[..], &crc.to_le_bytes(), head, payload].concat()
}

/// Numbers that are near each other, and some that are not.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0u64..8, 1 => any::<u64>(), 1 => (u64::MAX - 3)..=u64::MAX]
}

/// A frame that is whole; its fields often make sense.
fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let head = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        (any_number(), any_number(), prop::collection::vec(0u8..3, 0..40)).prop_map(
            |(first, second, rest)| { [&first.to_le_bytes()[..], &second.to_le_bytes(), &rest].concat() }
        ),
    ];
    let sound = (any_number(), 0u8..40).prop_map(|(seq, length)| {
        let payload = vec![0x80; usize::from(length) + 1];
        let count = 1u32.to_le_bytes();
        let raw = (payload.len() as u32).to_le_bytes();
        let crc = PayloadCrc::of(&payload).0.to_le_bytes();
        wrap(Kind::Data as u8, 0, &[&seq.to_le_bytes()[..], &count, &raw, &crc, &[0; 4]].concat(), &payload)
    });
    let other = (0u8..16, 0u8..4, head, prop::collection::vec(any::<u8>(), 0..4))
        .prop_map(|(kind, flags, head, payload)| wrap(kind, flags, &head, &payload));
    prop_oneof![2 => sound, 3 => other]
}

fn any_traffic() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop_oneof![9 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 0..40)];
    (prop::collection::vec(any_frame(), 0..8), noise)
        .prop_map(|(frames, noise)| [frames.concat(), noise].concat())
}

fn any_lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..60, 1..6)
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>, greeted: bool, lengths in any_lengths()) {
        let bytes = if greeted { [&PREFACE[..], &bytes].concat() } else { bytes };
        let mut receiver = Receiver::accept();
        read_as_receiver(&mut receiver, &bytes, &lengths);
        prop_assert!(receiver.output().len() <= 2 * MAX_FRAME_HEAD_BYTES);
        let mut sender = Sender::new(StreamId(7), Role::Daemon);
        sender.connect(&introduction(1), NOW);
        read_as_sender(&mut sender, &bytes, &lengths);
    }

    /// Frames that are whole mean the same however they are cut, on both sides, before and after WELCOME.
    #[test]
    fn traffic_means_the_same_however_it_is_cut(bytes in any_traffic(), open: bool, lengths in any_lengths()) {
        let (mut sender, mut receiver) = met(2, 5, 1, 1024);
        let mut bytes = bytes;
        if open {
            for seq in 3..6 {
                sender.send(&Batch::plain(Seq::new(seq), 1, &payload(seq)).unwrap()).unwrap();
            }
        } else {
            receiver = Receiver::accept();
            sender.connect(&introduction(2), NOW);
            bytes = [&PREFACE[..], &bytes].concat();
        }
        let (mut receiver_at_once, mut sender_at_once) = (receiver.clone(), sender.clone());
        let at_once = read_as_receiver(&mut receiver_at_once, &bytes, &[usize::MAX]);
        prop_assert_eq!(read_as_receiver(&mut receiver, &bytes, &lengths), at_once);
        prop_assert!(receiver.output().len() < 2 * MAX_OUTPUT_BYTES_BEFORE_ANSWER);
        let at_once = read_as_sender(&mut sender_at_once, &bytes, &[usize::MAX]);
        prop_assert_eq!(read_as_sender(&mut sender, &bytes, &lengths), at_once);
    }

    /// What is sent arrives, in order and unchanged, whatever the chunks.
    #[test]
    fn batches_arrive_as_they_were_sent(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 1..12),
        lost in prop::collection::vec(any::<bool>(), 12),
        codec in 0u8..3,
        origin in prop::option::of((any::<u128>(), 1u64..9, 0u64..9, any::<u32>())),
        lengths in any_lengths(),
    ) {
        let (mut sender, mut receiver) = met(0, 0, 0, 1 << 20);
        let origin = origin.map(|(stream, first, more, count)| {
            let numbers = SeqRange::new(Seq::new(first), Seq::new(first + more)).unwrap();
            Origin { stream: StreamId(stream), numbers, count }
        });
        let mut expected = Vec::new();
        for (payload, is_lost) in payloads.iter().zip(&lost) {
            let seq = sender.number();
            if *is_lost {
                let numbers = SeqRange::new(seq, seq).unwrap();
                let lost = Lost { numbers, count: None, reason: LossReason::Other(99), origin: None };
                sender.lost(&lost).unwrap();
                expected.push(format!("{:?}", Arrival::Lost { lost, gap: None }));
            } else {
                let codec = Codec::from_id(codec).unwrap();
                let batch = Batch { codec, origin, ..Batch::plain(seq, 1, payload).unwrap() };
                sender.send(&batch).unwrap();
                expected.push(format!("{:?}", Arrival::Data { batch, gap: None }));
            }
        }
        let bytes = take(sender.output());
        prop_assert_eq!(read_as_receiver(&mut receiver, &bytes, &lengths), (expected, None));
    }

    /// One changed bit anywhere: seen, or (in a head's unknown part: there is none here) nothing else.
    #[test]
    fn a_changed_bit_is_never_taken_for_data(seq in 1u64..4, at: prop::sample::Index, bit in 0u8..8) {
        let (mut sender, mut receiver) = met(seq - 1, seq, seq - 1, 65536);
        let (number, payload) = (Seq::new(seq), payload(seq));
        sender.send(&Batch::plain(number, 1, &payload).unwrap()).unwrap();
        let mut bytes = take(sender.output());
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        bytes.extend_from_slice(&[0; HEADER_BYTES]); // a longer length must not wait for ever
        let (seen, _) = read_as_receiver(&mut receiver, &bytes, &[usize::MAX]);
        prop_assert_eq!(seen, Vec::<String>::new());
        prop_assert_eq!(receiver.high_water().unwrap_or(Seq::new(seq - 1)), Seq::new(seq - 1));
    }
}

#[test]
fn the_largest_batch_goes_and_a_larger_one_does_not() {
    let (mut sender, mut receiver) = met(0, 0, 0, 65536);
    let events = vec![0x80; MAX_BATCH_BYTES];
    let batch = Batch::plain(sender.number(), MAX_BATCH_EVENTS, &events).unwrap();
    sender.send(&batch).unwrap();
    let bytes = take(sender.output());
    assert!(bytes.len() <= BUFFER_LIMIT);
    assert_eq!(arrivals(&mut receiver, &bytes).unwrap(), [Arrival::Data { batch, gap: None }]);
    let larger = vec![0x80; MAX_BATCH_BYTES + 1];
    assert!(matches!(Batch::plain(Seq::new(2), 1, &larger), Err(NotNow::Size { .. })));
    assert!(matches!(Batch::plain(Seq::new(2), 1, b""), Err(NotNow::Size { .. })));
    assert!(matches!(Batch::plain(Seq::new(2), MAX_BATCH_EVENTS + 1, &events), Err(NotNow::Size { .. })));
}

/// Lengths are refused as soon as they are there: nobody waits for what they announce.
#[test]
fn lengths_are_checked_before_anything_is_waited_for() {
    let announce = |head: u16, payload: u32| {
        let (_, mut receiver) = met(0, 0, 0, 65536);
        let header = [&[3, 0][..], &head.to_le_bytes(), &payload.to_le_bytes(), &[0; 4]].concat();
        receiver.advance(&header).map(|step| step.needed)
    };
    assert!(matches!(announce(1025, 1), Err(NativeError::Length { part: "head", bytes: 1025, .. })));
    assert!(matches!(announce(24, (4 << 20) + 1), Err(NativeError::Length { part: "payload", .. })));
    assert!(matches!(announce(24, u32::MAX), Err(NativeError::Length { part: "payload", .. })));
    assert_eq!(announce(24, 4 << 20), Ok(24)); // the head first: its checksum decides
}

/// A duplicate's payload is thrown away as it comes.
#[test]
fn what_is_not_accepted_is_never_buffered() {
    let (_, mut receiver) = met(5, 5, 5, 65536);
    let payload = vec![0x80; 100_000];
    let batch = Batch::plain(Seq::new(5), 1, &payload).unwrap();
    let mut bytes = Vec::new();
    batch.write_head(&mut bytes);
    bytes.extend_from_slice(&payload);
    for chunk in bytes.chunks(1000) {
        let step = receiver.advance(chunk).unwrap();
        assert_eq!((step.consumed, step.item), (chunk.len(), None));
    }
}
