mod bad_disk;

use super::*;
use crate::check;
use crate::spool::{
    CursorName, FrameType, FullPolicy, Header, Inspected, Inspector, Item, Marks, Place, Producer, Record,
    SegmentNumber, Seq, Session, Source, Spool, SpoolConfig, StreamId, Timestamp,
};
use bad_disk::BadDisk;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

const BATCHES: u64 = 120;

fn config() -> SpoolConfig {
    SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(9)).unwrap()
}

/// A spool of some segments, in commits of one or two batches.
fn make_spool(directory: &Path) {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let made = tempfile::tempdir().unwrap();
        write_spool(made.path());
        made
    });
    copy_files(made.path(), directory);
}

fn write_spool(directory: &Path) {
    let mut writer = Spool::open(RealDisk, directory, config()).unwrap().writer;
    let mut places = Vec::new();
    for number in 1..=BATCHES {
        let source = Source {
            stream: StreamId(u128::from(number % 2) + 50),
            seq: Seq::new(number.div_ceil(2)),
            session: Session(1),
            producer: Producer::Daemon,
        };
        let events = vec![u8::try_from(number).unwrap(); 100 + 40 * usize::try_from(number).unwrap()];
        let record = Record::Data { source: Some(source), count: 2, origin: b"", events: &events };
        while writer.append(&record, Timestamp(number)).is_err() {
            writer.commit(Timestamp(number)).unwrap();
        }
        if number % 3 > 0 {
            places.push(writer.commit(Timestamp(number)).unwrap());
            if number > 20 && number % 10 == 1 {
                // Far behind, so that no segment is deleted.
                let place = places[usize::try_from(number / 10).unwrap()];
                writer.move_cursor(&CursorName::new("log"), place).unwrap();
                writer.persist_cursors(Timestamp(number)).unwrap();
            }
        }
    }
    writer.commit(Timestamp(BATCHES)).unwrap();
}

/// What a daemon finds when it opens the spool.
#[derive(Debug, PartialEq)]
struct Readable {
    batches: Vec<(Place, Option<Source>, Vec<u8>)>,
    lost: Vec<(u64, u64, u64, bool)>,
    marks: Marks,
    cursors: BTreeMap<CursorName, Place>,
    next: (Seq, u64),
}

fn read(directory: &Path) -> Result<Readable, SpoolError> {
    read_on(RealDisk, directory)
}

fn read_on<D: PositionalDisk>(disk: D, directory: &Path) -> Result<Readable, SpoolError> {
    let opened = Spool::open(disk, directory, config())?;
    let mut reader = opened.spool.reader(Place::START);
    let (mut batches, mut lost) = (Vec::new(), Vec::new());
    while let Some(item) = reader.read().unwrap() {
        match item {
            Item::Data(data) => batches.push((data.place, data.source, data.events.to_vec())),
            Item::Lost(gone) => {
                let (first, last) = (gone.own.first.get(), gone.own.last.get());
                match lost.last_mut() {
                    // Whether it is told in one piece or in several is all one.
                    Some((_, before, events, damaged))
                        if *before + 1 == first && *damaged == gone.damaged =>
                    {
                        (*before, *events) = (last, *events + gone.events);
                    }
                    _ => lost.push((first, last, gone.events, gone.damaged)),
                }
            }
            Item::Damage(_) | Item::Gap(_) => {}
        }
    }
    let tail = opened.spool.tail();
    let (marks, cursors) = (opened.writer.marks().clone(), opened.writer.cursors().clone());
    Ok(Readable { batches, lost, marks, cursors, next: (tail.own_seq, tail.events) })
}

fn copy_of(from: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_files(from, copy.path());
    copy
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// All files of a directory and those below it.
fn contents(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Repair changes nothing that a daemon reads, and afterwards nothing is left to find.
    #[test]
    fn what_can_be_read_stays(damages in prop::collection::vec((1..6_u64, 0..130_000_u64, 1..400_usize, any::<bool>()), 1..8)) {
        let spool = tempfile::tempdir().unwrap();
        make_spool(spool.path());
        let mut hurt = 0;
        for (segment, offset, length, zeros) in damages {
            let path = SegmentNumber::FIRST.path(spool.path()).with_file_name(format!("{segment:016x}.oxw"));
            let Ok(file) = fs::OpenOptions::new().read(true).write(true).open(&path) else { continue };
            let mut bytes = vec![0; length];
            let read = file.read_at(&mut bytes, offset).unwrap();
            bytes.truncate(read);
            bytes.iter_mut().for_each(|byte| *byte = if zeros { 0 } else { *byte ^ 0x55 });
            file.write_all_at(&bytes, offset).unwrap();
            hurt += read;
        }
        let unrepaired = copy_of(spool.path());
        let before = read(unrepaired.path()).unwrap();
        let whole = contents(spool.path());
        let repaired = super::spool(spool.path()).unwrap();
        prop_assert!(hurt > 0 || repaired.mended.is_empty());
        // What was replaced is there as it was.
        let kept = contents(spool.path());
        for mended in &repaired.mended {
            let name = mended.path.file_name().unwrap();
            let quarantined = repaired.quarantine.as_ref().unwrap().join(name);
            prop_assert_eq!(&kept[&quarantined], &whole[&mended.path]);
        }
        let left = check::spool(spool.path()).unwrap().findings;
        let is_known = |what: &str| what.contains("are next") || what.contains("no checkpoint can be read");
        prop_assert!(left.iter().all(|finding| is_known(&finding.what)), "{left:?}");
        let after = read(spool.path()).unwrap();
        prop_assert_eq!(after, before);
    }
}

#[test]
fn a_sound_spool_is_left_alone() {
    let spool = tempfile::tempdir().unwrap();
    make_spool(spool.path());
    assert_eq!(check::spool(spool.path()).unwrap().findings, []);
    let before = contents(spool.path());
    let repaired = super::spool(spool.path()).unwrap();
    assert!(repaired.mended.is_empty() && repaired.quarantine.is_none());
    assert!(contents(spool.path()) == before);
}

/// Where the frames of a segment begin.
fn frames(path: &Path) -> Vec<(u64, Header)> {
    let mut inspector = Inspector::file(&RealDisk, path).unwrap();
    let mut frames = Vec::new();
    while let Some(found) = inspector.read().unwrap() {
        if let Inspected::Frame { offset, header, .. } = found {
            frames.push((offset, header));
        }
    }
    frames
}

/// The last segment that holds frames.
fn last_segment(directory: &Path) -> PathBuf {
    let names = (1..20_u64).map(|number| directory.join(format!("{number:016x}.oxw")));
    let mut holding = names.filter(|path| path.exists() && !frames(path).is_empty());
    holding.next_back().unwrap()
}

/// Writes a frame anew, with a header that is sound and says something else.
fn forge(path: &Path, offset: u64, change: impl FnOnce(&mut [u8])) {
    let file = fs::OpenOptions::new().read(true).write(true).open(path).unwrap();
    let mut header = [0; 104];
    file.read_exact_at(&mut header, offset).unwrap();
    change(&mut header);
    let name = path.file_name().unwrap().to_str().unwrap();
    let number = SegmentNumber::of_file_name(name).unwrap().get();
    let checksum = crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &header[8..]);
    header[4..8].copy_from_slice(&checksum.to_le_bytes());
    file.write_all_at(&header, offset).unwrap();
}

#[test]
fn a_frame_of_another_version_is_stepped_over() {
    let spool = tempfile::tempdir().unwrap();
    make_spool(spool.path());
    let before = read(copy_of(spool.path()).path()).unwrap();
    let last = last_segment(spool.path());
    let numbered: Vec<_> =
        frames(&last).into_iter().filter(|(_, header)| header.frame_type.is_numbered()).collect();
    // The last one but one lies in the last commit: above the durable end, and its successor was acknowledged.
    let (offset, header) = numbered[numbered.len() - 2];
    forge(&last, offset, |header| header[8] = 2);
    assert!(matches!(read(spool.path()), Err(SpoolError::Corruption(_))));
    assert!(check::spool(spool.path()).unwrap().findings[0].what.contains("version 2"));
    assert_eq!(super::spool(spool.path()).unwrap().mended.len(), 1);
    assert_eq!(check::spool(spool.path()).unwrap().findings, []);
    let after = read(spool.path()).unwrap();
    let own = header.place.own_seq;
    assert_eq!(after.lost, [(own.get(), own.get(), 2, true)]);
    let others: Vec<_> = before.batches.into_iter().filter(|(place, ..)| place.own_seq != own).collect();
    assert!(after.batches == others && after.next == before.next);
}

#[test]
fn a_payload_that_makes_no_sense_is_stepped_over() {
    let spool = tempfile::tempdir().unwrap();
    make_spool(spool.path());
    let before = read(copy_of(spool.path()).path()).unwrap();
    let last = last_segment(spool.path());
    let (offset, header) =
        frames(&last).into_iter().find(|(_, header)| header.frame_type == FrameType::Data).unwrap();
    // A CHECKPOINT has other fields.
    forge(&last, offset, |header| header[9] = 1);
    assert!(matches!(read(spool.path()), Err(SpoolError::Corruption(_))));
    assert!(check::spool(spool.path()).unwrap().findings[0].what.contains("makes no sense"));
    assert_eq!(super::spool(spool.path()).unwrap().mended.len(), 1);
    assert_eq!(check::spool(spool.path()).unwrap().findings, []);
    let after = read(spool.path()).unwrap();
    let own = header.place.own_seq;
    assert_eq!(after.lost, [(own.get(), own.get(), 2, true)]);
    let others: Vec<_> = before.batches.into_iter().filter(|(place, ..)| place.own_seq != own).collect();
    assert!(after.batches == others && after.next == before.next);
}

/// Its first commit only: opening would take what stands behind a bad checkpoint for torn, and remove it.
#[test]
fn the_first_checkpoint_is_bad() {
    let spool = tempfile::tempdir().unwrap();
    let mut writer = Spool::open(RealDisk, spool.path(), config()).unwrap().writer;
    let record = Record::Data { source: None, count: 1, origin: b"", events: b"\x80" };
    for _ in 0..3 {
        writer.append(&record, Timestamp(1)).unwrap();
    }
    writer.commit(Timestamp(1)).unwrap();
    drop(writer);
    let path = SegmentNumber::FIRST.path(spool.path());
    fs::OpenOptions::new().write(true).open(&path).unwrap().write_all_at(b"?", 110).unwrap();
    assert_eq!(read(copy_of(spool.path()).path()).unwrap().batches.len(), 0);
    assert!(!check::spool(spool.path()).unwrap().findings.is_empty());
    super::spool(spool.path()).unwrap();
    assert_eq!(read(spool.path()).unwrap().batches.len(), 3);
}

#[test]
fn nothing_is_done_beside_a_daemon() {
    let spool = tempfile::tempdir().unwrap();
    let opened = Spool::open(RealDisk, spool.path(), config()).unwrap();
    let error = super::spool(spool.path()).unwrap_err();
    assert!(matches!(&error, RepairError::Held { .. }), "{error}");
    drop(opened);
    super::spool(spool.path()).unwrap();

    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join(".blueox")).unwrap();
    let held = RealDisk.lock(&root.path().join(".blueox/lock")).unwrap().unwrap();
    assert!(matches!(log_path(root.path()), Err(RepairError::Held { .. })));
    drop(held);
    log_path(root.path()).unwrap();
}

#[test]
fn a_sector_that_cannot_be_read_is_stepped_over() {
    let spool = tempfile::tempdir().unwrap();
    make_spool(spool.path());
    let before = read(copy_of(spool.path()).path()).unwrap();
    let last = last_segment(spool.path());
    let batches = frames(&last);
    let (offset, header) = batches.iter().find(|(_, header)| header.frame_type == FrameType::Data).unwrap();
    let sector = (offset + 104).next_multiple_of(512);
    let disk = BadDisk {
        file: RealDisk.identity(&last).unwrap().unwrap(),
        bad: std::sync::Arc::new(sector..sector + 512),
    };
    assert!(matches!(read_on(disk.clone(), spool.path()), Err(SpoolError::Environment(_))));
    let findings = check::spool_on(&disk, spool.path()).unwrap().findings;
    let unreadable = findings.iter().find(|finding| finding.what.contains("cannot be read")).unwrap();
    assert_eq!((unreadable.offset, unreadable.length), (sector, 512));

    let quarantine = spool.path().join("quarantine/1");
    let mended = spool::repair::repair(&disk, spool.path(), &quarantine).unwrap();
    assert_eq!(mended.segments.len(), 1);
    assert_eq!(RealDisk.identity(&quarantine.join(last.file_name().unwrap())).unwrap(), Some(disk.file));
    assert_eq!(check::spool_on(&disk, spool.path()).unwrap().findings, []);
    let after = read_on(disk, spool.path()).unwrap();
    let own = header.place.own_seq;
    assert_eq!(after.lost, [(own.get(), own.get(), 2, true)]);
    let others: Vec<_> = before.batches.into_iter().filter(|(place, ..)| place.own_seq != own).collect();
    assert!(after.batches == others && after.next == before.next);
}

#[test]
fn a_torn_tail_is_cut_and_kept() {
    let root = tempfile::tempdir().unwrap();
    let day = root.path().join("20120313");
    fs::create_dir(&day).unwrap();
    let event = |number: u64| {
        let event = blueox_event::Event {
            type_name: "request".into(),
            id: blueox_event::Value::from(format!("id{number}")),
            host: "h".into(),
            pid: 1,
            start: 0.0,
            end: 1.0,
            body: blueox_event::Value::Nil,
        };
        event.to_msgpack()
    };
    let whole = [event(1), event(2)].concat();
    let torn = [&whole[..], &event(3)[..20]].concat();
    let path = day.join("request-20120313.log");
    fs::write(&path, &torn).unwrap();
    let sound = day.join("other-20120313.log");
    fs::write(&sound, &whole).unwrap();
    let repaired = log_path(root.path()).unwrap();
    assert_eq!(repaired.mended, [Mended { path: path.clone(), bytes: 20, what: "torn tail cut off" }]);
    assert_eq!((fs::read(&path).unwrap(), fs::read(&sound).unwrap()), (whole.clone(), whole.clone()));
    let kept = format!("20120313_request-20120313.log.{}", whole.len());
    assert_eq!(fs::read(repaired.quarantine.unwrap().join(kept)).unwrap(), event(3)[..20]);
    assert_eq!(check::log_path(root.path()).unwrap().findings, []);
    assert!(log_path(root.path()).unwrap().mended.is_empty());
}
