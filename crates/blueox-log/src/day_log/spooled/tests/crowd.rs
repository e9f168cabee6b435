//! More files than the spool can carry the names of.

use super::host::{CURSOR, Host};
use crate::day_log::spooled::{Next, SpooledDayLog, SpooledLimits, Vouched};
use crate::day_log::{DayLog, DayLogLimits};
use crate::disk::model::ModelDisk;
use crate::spool::{CursorName, FullPolicy, Record, Spool, SpoolConfig, StreamId, Timestamp};
use blueox_event::wire::native::NodeId;
use std::path::Path;
use std::time::Duration;

const TYPES: u32 = 1500;

/// The smallest spool carries some hundred names: files are synced and forgotten in time, and are not waited for, whether
/// many batches have a type each or one batch has them all.
#[test]
fn a_small_spool_drains_whatever_the_types() {
    for events_in_a_batch in [1, 700, TYPES] {
        let disk = ModelDisk::new(1, u64::MAX);
        let (mut log, mut host) = start(&disk, &events(events_in_a_batch));
        let finished = (0..400).any(|_| log.turn(Duration::ZERO, true, &mut host) == Next::Finished);
        assert_eq!(
            (finished, host.failures, host.stored),
            (true, 0, u64::from(TYPES)),
            "{events_in_a_batch}"
        );
        check_files(&disk);
    }
}

/// It dies while a batch is in its files in part, and goes on behind what is vouched for.
#[test]
fn a_batch_that_went_in_part_is_finished_after_a_crash() {
    for turns in (1..40).step_by(6) {
        let disk = ModelDisk::new(turns, u64::MAX);
        let (mut log, mut host) = start(&disk, &events(700));
        for _ in 0..turns {
            log.turn(Duration::ZERO, true, &mut host);
        }
        disk.crash();
        drop((log, host));
        let (mut log, mut host) = start(&disk, &[]);
        let finished = (0..400).any(|_| log.turn(Duration::ZERO, true, &mut host) == Next::Finished);
        assert!(finished && host.failures == 0, "after {turns} turns");
        check_files(&disk);
    }
}

/// Batches with so many events, each of a type of its own.
fn events(in_a_batch: u32) -> Vec<Vec<u8>> {
    let numbers: Vec<u32> = (0..TYPES).collect();
    let event = |number: &u32| {
        let text = format!("\u{81}\u{a4}type\u{d9}\u{3c}{number:060}");
        text.chars().map(|byte| u8::try_from(u32::from(byte)).unwrap()).collect::<Vec<u8>>()
    };
    numbers.chunks(in_a_batch as usize).map(|numbers| numbers.iter().flat_map(event).collect()).collect()
}

fn start(disk: &ModelDisk, batches: &[Vec<u8>]) -> (SpooledDayLog<ModelDisk>, Host) {
    let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(9)).unwrap();
    let opened = Spool::open(disk.clone(), Path::new("/spool"), config).unwrap();
    let (spool, mut writer, wall) = (opened.spool, opened.writer, Timestamp(1_790_000_000_000_000));
    let cursor = CursorName::new(CURSOR);
    let place = writer.cursors().get(&cursor).copied().unwrap_or_else(|| spool.oldest());
    writer.move_cursor(&cursor, place).unwrap();
    let files = writer.files().clone();
    let mut host = Host::new(writer, wall);
    for events in batches {
        let count = u32::try_from(events.len() / 68).unwrap();
        host.append(&Record::Data { source: None, count, origin: b"", events }).unwrap();
    }
    host.commit().unwrap();
    let limits =
        DayLogLimits { max_open_files: 256, idle: Duration::from_secs(60), look_again: Duration::ZERO };
    let mut log = DayLog::new(disk.clone(), "/logs".into(), None, limits);
    log.keep_ranges(NodeId(9));
    let (vouched, limits) = (Vouched { place, files }, SpooledLimits::default());
    let log = SpooledDayLog::recover(disk.clone(), log, spool, vouched, limits, Duration::ZERO).unwrap();
    (log, host)
}

/// Each type has one file with its one event.
fn check_files(disk: &ModelDisk) {
    let contents = disk.contents();
    let files: Vec<_> = contents
        .iter()
        .filter(|(path, _, _)| path.starts_with("/logs") && !path.starts_with("/logs/.blueox"))
        .collect();
    assert_eq!(files.len(), TYPES as usize);
    assert!(files.iter().all(|(_, _, content)| content.len() == 68), "an event is missing, or twice");
}
