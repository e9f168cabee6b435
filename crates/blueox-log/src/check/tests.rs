use super::*;
use crate::day_log::{DayLog, DayLogLimits, NoJournal};
use crate::ranges::Batch;
use crate::spool::{FullPolicy, Record, Seq, Spool, SpoolConfig, StreamId, Timestamp};
use blueox_event::wire::native::NodeId;
use blueox_event::{Event, TypeName, Value};
use std::time::Duration;

fn event(number: u64) -> Vec<u8> {
    let event = Event {
        type_name: "request".into(),
        id: Value::from(format!("id{number}")),
        host: "h".into(),
        pid: 1,
        start: 0.0,
        end: 1.0,
        body: Value::Nil,
    };
    event.to_msgpack()
}

/// Changes a file's content.
fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut content = fs::read(path).unwrap();
    change(&mut content);
    fs::write(path, content).unwrap();
}

#[test]
fn a_spool() {
    let directory = tempfile::tempdir().unwrap();
    let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(9)).unwrap();
    let mut writer = Spool::open(RealDisk, directory.path(), config).unwrap().writer;
    for number in 0..1000u32 {
        let events = event(u64::from(number)).repeat(4);
        writer
            .append(&Record::Data { source: None, count: 4, origin: b"", events: &events }, Timestamp(1))
            .unwrap();
        writer.commit(Timestamp(1)).unwrap();
    }
    let sound = spool(directory.path()).unwrap();
    assert_eq!((sound.batches, sound.events, &sound.findings[..]), (1000, 4000, &[][..]));
    assert!(sound.files > 3, "{}", sound.files);
    assert_eq!(kind(directory.path()).unwrap(), Some(Kind::Spool));
    let first = SegmentNumber::FIRST.path(directory.path());
    change(&first, |content| {
        let at = content.windows(5).position(|bytes| bytes == b"id100").unwrap();
        content[at] ^= 1;
    });
    let damaged = spool(directory.path()).unwrap();
    assert_eq!((damaged.batches, damaged.findings.len()), (999, 1));
    assert_eq!(damaged.findings[0].path, first);
    // A whole segment that is gone shows in the numbers.
    fs::remove_file(directory.path().join("0000000000000002.oxw")).unwrap();
    assert!(spool(directory.path()).unwrap().findings.iter().any(|found| found.what.contains("are next")));
}

#[test]
fn a_log_path() {
    let root = tempfile::tempdir().unwrap();
    let mut log = DayLog::new(RealDisk, root.path().into(), None, DayLogLimits::default());
    log.keep_ranges(NodeId(1));
    for number in 1..=20 {
        let batch = Batch {
            stream: StreamId(1),
            seq: Seq::new(number),
            own: Seq::new(number),
            events: 2,
            origin: None,
        };
        log.begin_batch(batch, 0);
        for number in [2 * number, 2 * number + 1] {
            log.append(TypeName::new(b"request").unwrap(), 0, &event(number), Duration::ZERO);
        }
    }
    assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
    let path = root.path().join("19700101/request-19700101.log");
    let whats = || -> Vec<String> {
        log_path(root.path()).unwrap().findings.into_iter().map(|finding| finding.what).collect()
    };
    let sound = log_path(root.path()).unwrap();
    assert_eq!((sound.files, sound.batches, sound.events, sound.findings.len()), (2, 20, 40, 0));
    assert_eq!(kind(root.path()).unwrap(), Some(Kind::LogPath));

    let whole = fs::read(&path).unwrap();
    change(&path, |content| content.truncate(content.len() - 3));
    assert_eq!(whats().len(), 2);
    assert!(whats()[0].starts_with("torn") && whats()[1].contains("batch 20 of stream"), "{:?}", whats());
    // One event too many, which only the ranges tell (where events have one length they cannot).
    fs::write(&path, [event(99), whole.clone()].concat()).unwrap();
    assert!(!whats().is_empty() && whats()[0].contains("batch 1 of"), "{:?}", whats());
    fs::write(&path, whole).unwrap();
    change(&root.path().join(".blueox/ranges-19700101"), |content| content[30] ^= 1);
    assert_eq!(whats(), ["no frame of ranges"]);
    fs::remove_file(&path).unwrap();
    assert_eq!(log_path(root.path()).unwrap().events, 0);
}
