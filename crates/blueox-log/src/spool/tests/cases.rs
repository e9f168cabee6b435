//! Single cases.

use crate::disk::PositionalDisk;
use crate::disk::model::ModelDisk;
use crate::spool::frame::{FrameType, HEADER_BYTES, Header, HeaderFault};
use crate::spool::{
    CursorName, FullPolicy, GapReason, Inspected, Inspector, Item, Opened, Place, Position, Producer, Record,
    Refusal, SegmentNumber, Seq, Session, Source, Spool, SpoolConfig, SpoolError, StreamId, Timestamp,
};
use std::path::Path;

fn directory() -> &'static Path {
    Path::new("/spool")
}

fn tiny(policy: FullPolicy) -> SpoolConfig {
    SpoolConfig::new(1 << 20, policy, StreamId(9)).unwrap().tiny(4096, 8 * 4096)
}

fn open(disk: &ModelDisk, policy: FullPolicy) -> Opened<ModelDisk> {
    Spool::open(disk.clone(), directory(), tiny(policy)).unwrap()
}

fn source(stream: u128, seq: u64) -> Option<Source> {
    let producer = Producer::Application;
    Some(Source { stream: StreamId(stream), seq: Seq::new(seq), session: Session(1), producer })
}

fn data(source: Option<Source>, events: &[u8]) -> Record<'_> {
    Record::Data { source, count: 1, origin: b"", events }
}

/// Appends and commits until the spool says that it is full; gives how many batches it took.
fn fill(opened: &mut Opened<ModelDisk>) -> u64 {
    for batches in 0.. {
        match opened.writer.append(&data(None, &[0x80; 700]), Timestamp(5)) {
            Ok(_) => drop(opened.writer.commit(Timestamp(5)).unwrap()),
            Err(error) if error.is_full() => return batches,
            Err(error) => panic!("{error}"),
        }
    }
    unreachable!("BUG: a spool has a limit")
}

#[test]
fn a_header_is_drawn_in_the_format() {
    let header = Header {
        frame_type: FrameType::Data,
        frame_length: 112,
        payload_length: 3,
        payload_crc: 0x0102_0304,
        place: Place { position: Position::new(0x1122), own_seq: Seq::new(7), events: 9 },
        durable: Position::new(0x1000),
        received: Timestamp(0x55),
        source: source(0xabcd, 6),
        count: 2,
        origin_length: 1,
    };
    let segment = SegmentNumber::of_file_name("000000000000000a.oxw").unwrap();
    let bytes = header.encode(segment);
    assert_eq!(&bytes[..4], b"OXW\x01");
    assert_eq!(&bytes[8..24], [1, 2, 1, 0, 112, 0, 0, 0, 3, 0, 0, 0, 4, 3, 2, 1]);
    assert_eq!((bytes[24], bytes[25], bytes[32], bytes[33], bytes[40]), (0x22, 0x11, 0, 0x10, 0x55));
    assert_eq!((bytes[48], bytes[56], bytes[64], bytes[65], bytes[80], bytes[88]), (7, 9, 0xcd, 0xab, 6, 1));
    assert_eq!((bytes[96], bytes[100]), (2, 1));
    // The checksum is what any CRC32C gives for the number and the header behind the checksum.
    let mut covered = 10_u64.to_le_bytes().to_vec();
    covered.extend_from_slice(&bytes[8..]);
    assert_eq!(bytes[4..8], crc32c::crc32c(&covered).to_le_bytes());

    let base = Position::new(0x1122 - 0x22);
    assert_eq!(Header::decode(&bytes, segment, Some(base), 0x22), Ok(header));
    assert_eq!(Header::decode(&bytes, segment, Some(base), 0x2a), Err(HeaderFault::Misplaced));
    let other = Header::decode(&bytes, segment.next(), Some(base), 0x22);
    assert!(matches!(other, Err(HeaderFault::Checksum { .. })), "recycled bytes do not validate: {other:?}");
    for at in 0..HEADER_BYTES * 8 {
        let mut flipped = bytes;
        flipped[at / 8] ^= 1 << (at % 8);
        assert!(Header::decode(&flipped, segment, Some(base), 0x22).is_err(), "bit {at}");
    }
}

#[test]
fn a_second_daemon_is_locked_out() {
    let disk = ModelDisk::new(1, u64::MAX);
    let first = open(&disk, FullPolicy::Block);
    let second = Spool::open(disk.clone(), directory(), tiny(FullPolicy::Block));
    assert!(matches!(second, Err(SpoolError::Refused(Refusal::Locked { .. }))));
    drop(first);
    open(&disk, FullPolicy::Block);
}

#[test]
fn an_unknown_type_stops_the_opening_and_nothing_changes() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    opened.writer.append(&data(None, b"\x80"), Timestamp(1)).unwrap();
    opened.writer.commit(Timestamp(1)).unwrap();
    drop(opened);
    // A frame of a later version, with a checksum that fits, in place of the checkpoint.
    let (number, path) = (SegmentNumber::FIRST, SegmentNumber::FIRST.path(directory()));
    let file = disk.open_existing(&path).unwrap();
    let mut bytes = [0; HEADER_BYTES];
    crate::disk::PositionalFile::read_from(&file, 0, &mut bytes).unwrap();
    assert_eq!(&bytes[..4], b"OXW\x01");
    bytes[8] = 2;
    let sum = crc32c::crc32c_append(crc32c::crc32c(&number.get().to_le_bytes()), &bytes[8..]);
    bytes[4..8].copy_from_slice(&sum.to_le_bytes());
    crate::disk::PositionalFile::write_to(&file, 0, &bytes).unwrap();
    for _ in 0..2 {
        let error = Spool::open(disk.clone(), directory(), tiny(FullPolicy::Block)).unwrap_err();
        assert!(matches!(&error, SpoolError::Corruption(_)), "{error}");
    }
}

#[test]
fn a_full_spool_blocks_and_drains() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    let batches = fill(&mut opened);
    assert!(batches > 10);
    assert!(opened.writer.used_bytes() <= 8 * 4096);
    let mut reader = opened.spool.reader(opened.spool.oldest());
    let mut read = 0;
    while reader.read().unwrap().is_some() {
        read += 1;
    }
    assert_eq!(read, batches);
    opened.writer.move_cursor(&CursorName::new("log"), reader.place()).unwrap();
    opened.writer.persist_cursors(Timestamp(6)).unwrap();
    assert!(opened.writer.maintain().deleted > 3);
    assert!(fill(&mut opened) > 10);
}

#[test]
fn without_a_byte_free_it_opens_and_drains() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    for _ in 0..12 {
        opened.writer.append(&data(None, &[0x80; 700]), Timestamp(5)).unwrap();
        opened.writer.commit(Timestamp(5)).unwrap();
    }
    opened.writer.maintain();
    disk.set_capacity(disk.used());
    let batches = 12 + fill(&mut opened);
    disk.kill();
    drop(opened);
    let mut opened = open(&disk, FullPolicy::Block);
    let name = CursorName::new("forward:0");
    let mut reader = opened.spool.reader(opened.spool.oldest());
    let mut read = 0;
    while reader.read().unwrap().is_some() {
        read += 1;
        opened.writer.move_cursor(&name, reader.place()).unwrap();
        opened.writer.persist_cursors(Timestamp(6)).unwrap();
        opened.writer.maintain();
    }
    assert_eq!(read, batches);
    // Behind the last batch there were cursors.
    opened.writer.move_cursor(&name, reader.place()).unwrap();
    opened.writer.persist_cursors(Timestamp(6)).unwrap();
    opened.writer.maintain();
    assert_eq!(opened.spool.shared.table().segments.len(), 1);
    opened.writer.append(&data(None, &[0x80; 700]), Timestamp(5)).unwrap();
    opened.writer.commit(Timestamp(7)).unwrap();
}

#[test]
fn drop_oldest_tells_whom_it_concerns() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::DropOldest);
    let (slow, name) = (opened.spool.reader(opened.spool.oldest()), CursorName::new("slow"));
    opened.writer.move_cursor(&name, slow.place()).unwrap();
    opened.writer.append(&data(None, b"\x80"), Timestamp(1)).unwrap();
    opened.writer.commit(Timestamp(1)).unwrap();
    for _ in 0..100 {
        opened.writer.append(&data(None, &[0x80; 700]), Timestamp(5)).unwrap();
        opened.writer.commit(Timestamp(5)).unwrap();
    }
    let dropped = opened.writer.maintain().dropped;
    let events: u64 = dropped.iter().map(|dropped| dropped.events).sum();
    assert!(dropped.iter().all(|dropped| dropped.readers == [name.clone()]) && events > 50);
    let mut reader = slow;
    let Some(Item::Lost(lost)) = reader.read().unwrap() else { panic!("it is not told") };
    assert_eq!((lost.events, lost.own.first, lost.damaged), (events, Seq::new(1), false));
    assert_eq!(lost.own.last, dropped.last().unwrap().own.last);
    let mut rest = 0;
    while let Some(Item::Data(_)) = reader.read().unwrap() {
        rest += 1;
    }
    assert_eq!(rest + events, 101);
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    let writer = &mut opened.writer;
    let refused = |result: Result<_, SpoolError>| match result {
        Err(SpoolError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let long = vec![0; 9000];
    assert!(matches!(refused(writer.append(&data(None, &long), Timestamp(1))), Refusal::TooLong { .. }));
    let early = writer.append(&data(source(1, 2), b"\x80"), Timestamp(1));
    assert_eq!(refused(early), Refusal::OutOfOrder { expected: Seq::new(1), found: Seq::new(2) });
    let backwards = Record::Gap {
        source: source(1, 0).unwrap(),
        first: Seq::new(1),
        events: 0,
        reason: GapReason(0),
        origin: b"",
    };
    assert!(matches!(refused(writer.append(&backwards, Timestamp(1))), Refusal::OutOfOrder { .. }));
    let ahead = Place { position: Position::new(1), ..Place::START };
    assert!(matches!(writer.move_cursor(&CursorName::new("x"), ahead), Err(Refusal::Cursor { .. })));
    assert!(matches!(writer.move_cursor(&CursorName::new(""), Place::START), Err(Refusal::Cursor { .. })));
    assert!(!writer.has_group() && writer.marks().is_empty());
    assert!(matches!(
        SpoolConfig::new(1000, FullPolicy::Block, StreamId(1)),
        Err(Refusal::Configuration { found: 1000, .. })
    ));
}

#[test]
fn marks_of_applications_expire_and_those_of_daemons_stay() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    let daemon = Source { producer: Producer::Daemon, ..source(2, 1).unwrap() };
    opened.writer.append(&data(source(1, 1), b"\x80"), Timestamp(10)).unwrap();
    opened.writer.append(&data(Some(daemon), b"\x80"), Timestamp(10)).unwrap();
    assert_eq!(opened.writer.expire_marks(Timestamp(99), &|_| false), 0, "not while a group waits");
    opened.writer.commit(Timestamp(10)).unwrap();
    assert_eq!(opened.writer.expire_marks(Timestamp(10), &|_| false), 0);
    assert_eq!(opened.writer.expire_marks(Timestamp(11), &|_| true), 0, "not while it is connected");
    assert_eq!(opened.writer.expire_marks(Timestamp(11), &|_| false), 1);
    assert_eq!(opened.writer.mark(StreamId(2)).unwrap().high, Seq::new(1));
}

/// A machine that was set back: its numbers go on in another stream, whatever segments begin and end behind that.
#[test]
fn a_renewed_stream_is_kept_with_where_it_begins() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    assert_eq!((opened.writer.own_stream(), opened.writer.own_base()), (StreamId(9), Seq::NONE));
    let cursor = CursorName::new("forward:0");
    opened.writer.append(&data(None, b"\x80"), Timestamp(5)).unwrap();
    let first = opened.writer.commit(Timestamp(5)).unwrap();
    opened.writer.append(&data(None, b"\x80"), Timestamp(5)).unwrap();
    opened.writer.commit(Timestamp(5)).unwrap();
    opened.writer.move_cursor(&cursor, first).unwrap();
    let (renewed, base) = (StreamId(77), Seq::new(1));
    opened.writer.renew_stream(renewed, base, Timestamp(6)).unwrap();
    drop(opened);
    for segments in [false, true] {
        let mut opened = open(&disk, FullPolicy::Block);
        assert_eq!((opened.writer.own_stream(), opened.writer.own_base()), (renewed, base));
        assert_eq!(opened.writer.cursor(&cursor), Some(first), "it was committed with the stream");
        assert!(!segments || opened.spool.shared.table().segments.len() > 1);
        assert!(opened.spool.tail().own_seq >= Seq::new(3));
        if !segments {
            assert!(fill(&mut opened) > 0);
        }
    }
}

/// The stream and where it begins change together, or not at all, wherever the disk stops.
#[test]
fn a_renewal_that_is_cut_short_is_whole_or_none() {
    let (old, new) = ((StreamId(9), Seq::NONE), (StreamId(77), Seq::new(1)));
    let (mut done, mut undone) = (0, 0);
    for (after, seed) in (0..8).flat_map(|after| (1..40).map(move |seed| (after, seed))) {
        let disk = ModelDisk::new(seed, u64::MAX);
        let mut opened = open(&disk, FullPolicy::Block);
        for _ in 0..2 + seed % 4 {
            // Now and then the next segment begins with it.
            opened.writer.append(&data(None, &[0x80; 700]), Timestamp(5)).unwrap();
            opened.writer.commit(Timestamp(5)).unwrap();
        }
        disk.stop_after(after);
        let renewed = opened.writer.renew_stream(new.0, new.1, Timestamp(6));
        drop(opened);
        if seed % 2 == 0 {
            disk.kill();
        } else {
            disk.crash();
        }
        disk.heal();
        let opened = open(&disk, FullPolicy::Block);
        let found = (opened.writer.own_stream(), opened.writer.own_base());
        assert!(found == new || renewed.is_err() && found == old, "{after} {seed}: {found:?} {renewed:?}");
        if found == new { done += 1 } else { undone += 1 }
    }
    assert!(done > 0 && undone > 0, "{done} {undone}");
}

#[test]
fn a_spool_can_be_looked_at_without_touching_it() {
    let disk = ModelDisk::new(1, u64::MAX);
    let mut opened = open(&disk, FullPolicy::Block);
    for seq in 1..=9 {
        opened.writer.append(&data(source(1, seq), &[0x80; 600]), Timestamp(5)).unwrap();
        opened.writer.commit(Timestamp(5)).unwrap();
    }
    let second = opened.spool.shared.table().segments[1];
    disk.flip(&second.number.path(directory()), 1200, 3);
    let (mut batches, mut damage, mut ends) = (Vec::new(), Vec::new(), 0);
    let mut inspector = Inspector::directory(&disk, directory()).unwrap();
    while let Some(inspected) = inspector.read().unwrap() {
        match inspected {
            Inspected::Frame { header, payload, void, .. } if header.frame_type == FrameType::Data => {
                assert!(!void && payload.len() == 600);
                batches.push(header.source.unwrap().seq.get());
            }
            Inspected::Frame { .. } => {}
            Inspected::Damage(found) => damage.push(found),
            Inspected::End { .. } => ends += 1,
        }
    }
    assert_eq!((batches.len() + damage.len(), damage.len()), (9, 1));
    let lost = damage[0].source.unwrap().seq.get();
    assert!(!batches.contains(&lost) && ends >= 3, "{damage:?}");
    let single = Inspector::file(&disk, &second.number.path(directory()));
    assert!(single.unwrap().read().unwrap().is_some());
    assert!(Inspector::file(&disk, Path::new("/spool/other.oxw")).is_err());
}
