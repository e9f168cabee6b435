//! What keeping ranges costs the log writer: `cargo test -p blueox-log --release -- --ignored cost --nocapture`.

use super::Batch;
use crate::day_log::{DayLog, DayLogLimits, NoJournal};
use crate::disk::RealDisk;
use crate::spool::StreamId;
use blueox_event::EncodedEvent;
use blueox_event::wire::native::{NodeId, Seq};
use std::time::Duration;

fn cpu() -> f64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// CPU seconds for a number of batches, as the log writer appends and flushes them.
fn run(batches: u64, events: u32, ranges: bool) -> f64 {
    let mut event =
        b"\x84\xa4type\xa7request\xa2id\xa6abcdef\xa3end\xcb\x41\xd0\x00\x00\x00\x00\x00\x00\xa4body\xda"
            .to_vec();
    event.extend_from_slice(&u16::try_from(298 - event.len()).unwrap().to_be_bytes());
    event.resize(300, b'.');
    let batch = event.repeat(events as usize);
    let root = tempfile::tempdir().unwrap();
    let mut log = DayLog::new(RealDisk, root.path().join("logs"), None, DayLogLimits::default());
    if ranges {
        log.keep_ranges(NodeId(1));
    }
    let begin = cpu();
    for seq in 1..=batches {
        let seq = Seq::new(seq);
        log.begin_batch(Batch { stream: StreamId(1), seq, own: seq, events, origin: None }, 0);
        let mut rest = &batch[..];
        while !rest.is_empty() {
            let event = EncodedEvent::read(rest).unwrap();
            log.append(event.type_name().unwrap(), 0, event.bytes(), Duration::ZERO);
            rest = &rest[event.bytes().len()..];
        }
        if log.pending_bytes() >= 1 << 20 {
            assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
        }
    }
    log.flush(&mut NoJournal, Duration::ZERO);
    cpu() - begin
}

#[test]
#[ignore = "a measurement"]
fn cost() {
    for (batches, events) in [(800, 874), (20_000, 30), (200_000, 1)] {
        let mut ratios: Vec<f64> = (0..9)
            .map(|_| {
                let without = run(batches, events, false);
                run(batches, events, true) / without
            })
            .collect();
        ratios.sort_by(f64::total_cmp);
        println!(
            "{events} events a batch: {:+.1} % CPU (quartiles {:+.1}, {:+.1})",
            (ratios[4] - 1.0) * 100.0,
            (ratios[2] - 1.0) * 100.0,
            (ratios[6] - 1.0) * 100.0
        );
    }
}
