use super::*;
use crate::disk::FileIdentity;
use crate::spool::{GapReason, StreamId};
use blueox_event::wire::native::{NodeId, Origin, Seq, SeqRange};
use proptest::prelude::*;

const NODE: NodeId = NodeId(0x1234);

fn any_numbers() -> impl Strategy<Value = SeqRange> {
    (1u64..1 << 40, 0u64..5)
        .prop_map(|(first, more)| SeqRange::new(Seq::new(first), Seq::new(first + more)).unwrap())
}

fn any_origin() -> impl Strategy<Value = Origin> {
    (0u128..3, any_numbers(), 1u32..999).prop_map(|(stream, numbers, count)| Origin {
        stream: StreamId(stream),
        numbers,
        count,
    })
}

fn any_stored() -> impl Strategy<Value = Entry> {
    let origin = any_origin();
    let part = (0u32..4, 0u64..1 << 33, 1u64..1 << 22, 1u64..1000)
        .prop_map(|(file, offset, bytes, events)| Part { file: FileNumber(file), offset, bytes, events });
    let own = (1u64..1000).prop_map(Seq::new);
    (0u128..3, 1u64..1000, own, 1u32..1000, prop::option::of(origin), prop::collection::vec(part, 1..4))
        .prop_map(|(stream, seq, own, events, origin, parts)| {
            let batch = Batch { stream: StreamId(stream), seq: Seq::new(seq), own, events, origin };
            Entry::Stored(Stored { node: NODE, batch, parts })
        })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let reason = prop_oneof![
        (0u32..9).prop_map(|reason| MissingReason::Gap(GapReason(reason))),
        Just(MissingReason::Damaged),
        Just(MissingReason::Deleted),
    ];
    let missing = (0u128..3, any_numbers(), 0u64..9999, reason, 1u64..1000, prop::option::of(any_origin()))
        .prop_map(|(stream, numbers, events, reason, own, origin)| {
            let is_gap = matches!(reason, MissingReason::Gap(_));
            let own = if is_gap { SeqRange::new(Seq::new(own), Seq::new(own)).unwrap() } else { numbers };
            let (stream, origin) = (StreamId(stream), origin.filter(|_| is_gap));
            Entry::Missing(NODE, Missing { stream, numbers, events, reason, own, origin })
        });
    prop_oneof![4 => any_stored(), 1 => missing]
}

fn file(number: FileNumber) -> RangedFile {
    // Two names of one inode: it was given back and used again.
    let identity = FileIdentity::from_parts(7, u64::from(number.0 / 2));
    RangedFile { path: format!("20120313/type{}-20120313.log", number.0).into(), identity }
}

/// Frames, and where each ends.
fn encode(frames: &[(bool, Vec<Entry>)]) -> (Vec<u8>, Vec<usize>) {
    let mut encoder = Encoder::new(NODE);
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for (renew, entries) in frames {
        if *renew {
            encoder.renew();
        }
        encoder.begin_frame(&mut bytes);
        for entry in entries {
            match entry {
                Entry::Missing(_, missing) => encoder.missing(&mut bytes, missing),
                Entry::Stored(stored) => {
                    let files: Vec<RangedFile> = stored.parts.iter().map(|part| file(part.file)).collect();
                    let parts = stored.parts.iter().zip(&files).map(|(part, file)| NamedPart {
                        path: &file.path,
                        identity: file.identity,
                        offset: part.offset,
                        bytes: part.bytes,
                        events: part.events,
                    });
                    encoder.stored(&mut bytes, &stored.batch, parts);
                }
            }
        }
        encoder.end_frame(&mut bytes);
        ends.push(bytes.len());
    }
    (bytes, ends)
}

/// With the numbers that the test gave the files.
fn decode(bytes: &[u8]) -> (Vec<Entry>, Vec<RangesDamage>, Unread) {
    let mut reader = RangesReader::new(bytes);
    let (mut entries, mut damage) = (Vec::new(), Vec::new());
    while let Some(item) = reader.read().unwrap() {
        match item {
            RangesItem::Damage(found) => damage.push(found),
            RangesItem::Entry(mut entry) => {
                if let Entry::Stored(stored) = &mut entry {
                    for part in &mut stored.parts {
                        let name = reader.file(part.file).path.clone();
                        part.file = (0..4).map(FileNumber).find(|number| file(*number).path == name).unwrap();
                        assert_eq!(*reader.file(part.file.min(FileNumber(0))), reader.files()[0]);
                    }
                }
                entries.push(entry);
            }
        }
    }
    (entries, damage, reader.unread())
}

fn any_frames() -> impl Strategy<Value = Vec<(bool, Vec<Entry>)>> {
    prop::collection::vec((prop::bool::weighted(0.3), prop::collection::vec(any_entry(), 0..5)), 1..8)
}

proptest! {
    #[test]
    fn entries_come_back(frames in any_frames()) {
        let (bytes, _) = encode(&frames);
        let expected: Vec<Entry> = frames.into_iter().flat_map(|(_, entries)| entries).collect();
        prop_assert_eq!(decode(&bytes), (expected, Vec::new(), Unread::Nothing));
    }

    /// Cut anywhere: whole frames come back, and the rest is called torn.
    #[test]
    fn a_torn_tail_is_seen(frames in any_frames(), at: prop::sample::Index) {
        let (bytes, ends) = encode(&frames);
        let cut = at.index(bytes.len());
        let whole = ends.partition_point(|end| *end <= cut);
        let expected: Vec<Entry> = frames[..whole].iter().flat_map(|(_, entries)| entries.clone()).collect();
        let offset = whole.checked_sub(1).map_or(0, |last| ends[last]);
        let torn = RangesDamage { offset: offset as u64, length: (cut - offset) as u64 };
        let unread = if cut == offset { Unread::Nothing } else { Unread::Torn(torn) };
        prop_assert_eq!(decode(&bytes[..cut]), (expected, Vec::new(), unread));
    }

    /// Any one byte changed: nothing wrong is believed, and what is not read is told; frames that name everything
    /// themselves are read again.
    #[test]
    fn damage_is_seen(frames in any_frames(), at: prop::sample::Index, flip in 1u8..=255) {
        let (mut bytes, ends) = encode(&frames);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let hit = ends.partition_point(|end| *end <= at);
        let next = (hit + 1..frames.len()).find(|index| frames[*index].0).unwrap_or(frames.len());
        let (entries, damage, unread) = decode(&bytes);
        let expected: Vec<Entry> =
            frames[..hit].iter().chain(&frames[next..]).flat_map(|(_, entries)| entries.clone()).collect();
        prop_assert_eq!(entries, expected);
        prop_assert!(damage.len() == usize::from(next < frames.len()));
        prop_assert!(next < frames.len() || unread != Unread::Nothing);
    }
}

#[test]
fn a_growing_file_is_read_on() {
    let stored = |seq| {
        Entry::Stored(Stored {
            node: NODE,
            batch: Batch {
                stream: StreamId(1),
                seq: Seq::new(seq),
                own: Seq::new(seq),
                events: 1,
                origin: None,
            },
            parts: vec![Part { file: FileNumber(0), offset: seq * 10, bytes: 10, events: 1 }],
        })
    };
    let (bytes, ends) = encode(&[(false, vec![stored(1)]), (false, vec![stored(2)])]);
    let path = tempfile::NamedTempFile::new().unwrap();
    let write = |length: usize| std::fs::write(path.path(), &bytes[..length]).unwrap();
    write(ends[0] + 3);
    let mut reader = RangesReader::new(std::fs::File::open(path.path()).unwrap());
    assert_eq!(reader.read().unwrap(), Some(RangesItem::Entry(stored(1))));
    assert_eq!(reader.read().unwrap(), None);
    write(bytes.len());
    assert_eq!(reader.read().unwrap(), Some(RangesItem::Entry(stored(2))));
    assert_eq!((reader.read().unwrap(), reader.unread()), (None, Unread::Nothing));
}

/// A batch of 1,000 events of one type.
#[test]
fn a_usual_batch_is_small() {
    let stored = |seq| {
        Entry::Stored(Stored {
            node: NODE,
            batch: Batch {
                stream: StreamId(1),
                seq: Seq::new(seq),
                own: Seq::new(seq),
                events: 1000,
                origin: None,
            },
            parts: vec![Part {
                file: FileNumber(0),
                offset: (seq - 1) * 300_000,
                bytes: 300_000,
                events: 1000,
            }],
        })
    };
    let one_a_frame: Vec<_> = (1..=100).map(|seq| (false, vec![stored(seq)])).collect();
    let first = encode(&one_a_frame[..1]).0.len();
    assert!(first <= 100, "{first} bytes");
    assert!((encode(&one_a_frame).0.len() - first) / 99 <= 27);
}
