//! Random schedules against a plain model, deliberate mistakes that these must find, and single cases.

/// Fails a schedule.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

mod appending;
mod cases;
mod checks;
mod crashing;
mod expected;
mod real;
mod schedule;
mod seen;

use crate::disk::model::Omit;
use crate::mutation::Mutation;
use crate::schedules::{Run, caught, run_all, share};
use schedule::{Kind, Schedule};
use seen::Seen;

const RUN: Run = Run { module: "spool::tests" };

fn run(kind: Kind, test: &str, first: u64, count: u64) -> Seen {
    let mut total = Seen::default();
    run_all(RUN, test, first, count, |seed| {
        total.add(&Schedule::new(kind, seed, Omit::default()).run()?);
        Ok(())
    });
    println!("{total:?}");
    total
}

/// Each test is a part of its kind's schedules, so that they run side by side.
macro_rules! schedules {
    ($($name:ident: $kind:ident, $part:literal;)+) => {
        $(#[test]
        fn $name() {
            let (first, count) = share($part, 6000);
            let seen = run(Kind::$kind, stringify!($name), first, count);
            // Few schedules need not have met everything.
            assert!(count < 500 || seen.is_wild(Kind::$kind), "too tame: {seen:?}");
        })+
    };
}

schedules! {
    crashes: Crashes, 0;
    crashes_too: Crashes, 1;
    crashes_and_failing_operations: Faults, 0;
    crashes_and_failing_operations_too: Faults, 1;
    full_disk: FullDisk, 0;
    full_disk_too: FullDisk, 1;
    drop_oldest: DropOldest, 0;
    drop_oldest_too: DropOldest, 1;
    frames_of_one_sector: Sectors, 0;
    frames_of_one_sector_too: Sectors, 1;
    bit_rot: BitRot, 0;
    bit_rot_too: BitRot, 1;
}

fn is_caught(kind: Kind, mutation: Option<Mutation>, omit: Omit) {
    caught(mutation, &format!("{mutation:?} {omit:?} {kind:?}"), |seed| {
        Schedule::new(kind, seed, omit).run().map(drop)
    });
}

#[test]
fn the_missing_fdatasync_is_caught() {
    is_caught(Kind::Crashes, None, Omit { sync_data: true, sync_dir: false });
}

#[test]
fn the_missing_directory_fsync_is_caught() {
    is_caught(Kind::Crashes, None, Omit { sync_data: false, sync_dir: true });
}

#[test]
fn marks_apart_from_the_data_are_caught() {
    is_caught(Kind::Crashes, Some(Mutation::MarksApart), Omit::default());
}

#[test]
fn remains_behind_the_end_are_caught() {
    is_caught(Kind::Sectors, Some(Mutation::LeaveRemains), Omit::default());
}

#[test]
fn a_tail_believed_from_the_page_cache_is_caught() {
    is_caught(Kind::Faults, Some(Mutation::BelieveTail), Omit::default());
}

#[test]
fn a_segment_that_was_abandoned_and_is_believed_is_caught() {
    is_caught(Kind::Faults, Some(Mutation::TrustAbandoned), Omit::default());
}

#[test]
fn a_retried_fdatasync_is_caught() {
    is_caught(Kind::Faults, Some(Mutation::RetrySync), Omit::default());
}

#[test]
fn segments_that_go_without_a_sync_in_between_are_caught() {
    is_caught(Kind::Crashes, Some(Mutation::RetireTogether), Omit::default());
}
