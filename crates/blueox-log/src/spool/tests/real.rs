//! On the machine's own file system.

use crate::disk::{PositionalDisk, PositionalFile, RealDisk};
use crate::spool::{
    CursorName, FullPolicy, Item, Place, Record, Refusal, Spool, SpoolConfig, SpoolError, StreamId, Timestamp,
};
use std::path::Path;

#[test]
fn it_works_on_a_real_disk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(3)).unwrap();
    let name = CursorName::new("log");
    let (mut written, mut read) = (0_u64, 0_u64);
    for round in 0..4 {
        let opened = Spool::open(RealDisk, &path, config).unwrap();
        assert_eq!(opened.recovery.fresh, round == 0);
        assert!(Spool::open(RealDisk, &path, config).is_err(), "it is locked");
        let (spool, mut writer) = (opened.spool, opened.writer);
        let place = writer.cursors().get(&name).copied().unwrap_or(spool.oldest());
        let mut reader = spool.reader(place);
        for _ in 0..8 {
            for _ in 0..3 {
                let events = vec![u8::try_from(written % 251).unwrap(); 40_000];
                let record = Record::Data { source: None, count: 1, origin: b"o", events: &events };
                if writer.append(&record, Timestamp(written)).is_ok() {
                    written += 1;
                }
            }
            writer.commit(Timestamp(written)).unwrap();
            while let Some(item) = reader.read().unwrap() {
                let Item::Data(data) = item else { panic!("{item:?}") };
                assert_eq!((data.events[0], data.events.len()), (u8::try_from(read % 251).unwrap(), 40_000));
                read += 1;
            }
            assert_eq!(read, written);
            writer.move_cursor(&name, reader.place()).unwrap();
            writer.persist_cursors(Timestamp(written)).unwrap();
            assert!(writer.maintain().error.is_none());
        }
    }
    assert!(written > 60);
}

/// One thread writes, one follows with a cursor, one without: segments are recycled below the latter.
#[test]
fn readers_on_other_threads() {
    let directory = tempfile::tempdir().unwrap();
    let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(3)).unwrap();
    let opened = Spool::open(RealDisk, &directory.path().join("spool"), config).unwrap();
    let (spool, mut writer) = (opened.spool, opened.writer);
    let last = 3000_u64;
    let name = CursorName::new("log");
    writer.move_cursor(&name, spool.oldest()).unwrap();
    let (places, moved) = std::sync::mpsc::channel();
    let follow = |places: Option<std::sync::mpsc::Sender<Place>>| {
        let mut reader = spool.reader(spool.oldest());
        move || {
            let (mut next, mut read) = (1, 0);
            while next <= last {
                match reader.read().unwrap() {
                    None => std::thread::yield_now(),
                    Some(Item::Data(data)) => {
                        assert_eq!(data.place.own_seq.get(), next);
                        assert_eq!(data.events, next.to_le_bytes().repeat(200));
                        (next, read) = (next + 1, read + 1);
                    }
                    Some(Item::Lost(lost)) => {
                        assert_eq!((lost.own.first.get(), lost.damaged), (next, false));
                        assert!(places.is_none(), "nothing goes that a cursor has not passed");
                        next = lost.own.last.get() + 1;
                    }
                    Some(other) => panic!("{other:?}"),
                }
                if let Some(places) = &places {
                    places.send(reader.place()).unwrap();
                }
            }
            read
        }
    };
    std::thread::scope(|scope| {
        let with_cursor = scope.spawn(follow(Some(places)));
        let live = scope.spawn(follow(None));
        let mut written = 0;
        while written < last {
            let events = (written + 1).to_le_bytes().repeat(200);
            let record = Record::Data { source: None, count: 1, origin: b"", events: &events };
            let full = match writer.append(&record, Timestamp(written)) {
                Ok(_) => false,
                Err(SpoolError::Refused(Refusal::CommitFirst)) => true,
                Err(error) if error.is_full() => true,
                Err(error) => panic!("{error}"),
            };
            written += u64::from(!full);
            if full || written % 20 == 0 {
                writer.commit(Timestamp(written)).unwrap();
                if let Some(place) = moved.try_iter().last() {
                    writer.move_cursor(&name, place).unwrap();
                    writer.persist_cursors(Timestamp(written)).unwrap();
                }
                assert!(writer.maintain().error.is_none());
            }
        }
        writer.commit(Timestamp(written)).unwrap();
        assert_eq!(with_cursor.join().unwrap(), last);
        assert!(live.join().unwrap() > 0);
    });
    assert!(writer.used_bytes() <= 1 << 20);
}

/// Milliseconds that something takes.
#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn milliseconds(work: impl FnOnce()) -> f64 {
    let start = std::time::Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1000.0
}

/// Where to measure: a directory on a disk, not in memory.
fn measured_directory() -> tempfile::TempDir {
    let parent = std::env::var_os("BLUEOX_SPOOL_BENCH").unwrap_or_else(|| ".".into());
    tempfile::tempdir_in(Path::new(&parent)).unwrap()
}

/// Commits of one size beside bare writes of that size into a file that is ready for them, each with an
/// fdatasync, in turns.
fn compare(group_bytes: usize, commits: usize) {
    let directory = measured_directory();
    let config = SpoolConfig::new(1 << 30, FullPolicy::Block, StreamId(3)).unwrap();
    let opened = Spool::open(RealDisk, &directory.path().join("spool"), config).unwrap();
    let (spool, mut writer) = (opened.spool, opened.writer);
    let bare = RealDisk.create(&directory.path().join("bare")).unwrap();
    bare.preallocate(64 << 20).unwrap();
    bare.sync_data().unwrap();
    let bytes = vec![7; group_bytes];
    let batch = group_bytes.min(64 << 10);
    let (mut ours, mut theirs, mut maintenance, mut at) = (Vec::new(), Vec::new(), 0.0, 0);
    for now in 0..commits as u64 {
        ours.push(milliseconds(|| {
            for events in bytes.chunks(batch) {
                let record = Record::Data { source: None, count: 1, origin: b"", events };
                while let Err(error) = writer.append(&record, Timestamp(now)) {
                    assert!(matches!(error, SpoolError::Refused(Refusal::CommitFirst)), "{error}");
                    writer.commit(Timestamp(now)).unwrap();
                }
            }
            writer.commit(Timestamp(now)).unwrap();
        }));
        theirs.push(milliseconds(|| {
            bare.write_to(at, &bytes).unwrap();
            bare.sync_data().unwrap();
        }));
        at = (at + bytes.len() as u64) % ((64 << 20) - bytes.len() as u64);
        maintenance += milliseconds(|| {
            writer.move_cursor(&CursorName::new("log"), spool.tail()).unwrap();
            assert!(writer.maintain().error.is_none());
        });
    }
    let total = |times: &[f64]| times.iter().sum::<f64>();
    let (own, bare_total) = (total(&ours), total(&theirs));
    let middle = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() * 99 / 100])
    };
    println!(
        "{group_bytes} B x {commits}: spool p50/p99 {:.2?} ms, bare {:.2?} ms, ratio of totals {:.2}, maintenance {:.1} ms",
        middle(&mut ours),
        middle(&mut theirs),
        own / bare_total,
        maintenance,
    );
}

#[test]
#[ignore = "a measurement"]
fn commits_beside_bare_writes() {
    compare(300, 400);
    compare(64 << 10, 400);
    compare(1 << 20, 200);
    compare(4 << 20, 100);
}

#[test]
#[ignore = "a measurement; it takes several GiB"]
fn opening_a_large_spool() {
    let directory = measured_directory();
    let path = directory.path().join("spool");
    let config = SpoolConfig::new(12 << 30, FullPolicy::Block, StreamId(3)).unwrap();
    let gigabytes: u64 = std::env::var("BLUEOX_SPOOL_BENCH_GIB").map_or(2, |text| text.parse().unwrap());
    let mut opened = Spool::open(RealDisk, &path, config).unwrap();
    let events = vec![7; 1 << 20];
    let time = milliseconds(|| {
        while opened.spool.tail().position.get() < gigabytes << 30 {
            for _ in 0..3 {
                let record = Record::Data { source: None, count: 1, origin: b"", events: &events };
                opened.writer.append(&record, Timestamp(1)).unwrap();
            }
            opened.writer.commit(Timestamp(1)).unwrap();
            opened.writer.maintain();
        }
    });
    drop(opened);
    println!("{gigabytes} GiB written in {time:.0} ms");
    for _ in 0..3 {
        let mut report = None;
        let time = milliseconds(|| report = Some(Spool::open(RealDisk, &path, config).unwrap()));
        println!("opened in {time:.0} ms, {} bytes scanned", report.unwrap().recovery.scanned_bytes);
    }
    let opened = Spool::open(RealDisk, &path, config).unwrap();
    let mut reader = opened.spool.reader(opened.spool.oldest());
    let time = milliseconds(|| while reader.read().unwrap().is_some() {});
    println!("read in {time:.0} ms");
}
