//! The day files and the spool together, on a disk that crashes: random schedules, and deliberate mistakes that these
//! must find.

/// Fails a schedule.
macro_rules! ensure {
    ($condition:expr, $($message:tt)+) => {
        if !$condition {
            return Err(format!($($message)+));
        }
    };
}

mod crowd;
mod event;
mod files;
mod host;
mod schedule;

use crate::disk::model::Omit;
use crate::mutation::Mutation;
use crate::schedules::{Run, caught, run_all, share};
use schedule::{Kind, Schedule, Seen};

const RUN: Run = Run { module: "day_log::spooled::tests" };

fn run(kind: Kind, test: &str, first: u64, count: u64) -> Seen {
    let mut total = Seen::default();
    run_all(RUN, test, first, count, |seed| {
        total.add(&Schedule::new(kind, seed, Omit::default()).run()?);
        Ok(())
    });
    println!("{total:?}");
    total
}

macro_rules! schedules {
    ($($name:ident: $kind:ident, $part:literal;)+) => {
        $(#[test]
        fn $name() {
            let (first, count) = share($part, 6000);
            let seen = run(Kind::$kind, stringify!($name), first, count);
            assert!(count < 500 || seen.is_wild(Kind::$kind), "too tame: {seen:?}");
        })+
    };
}

schedules! {
    crashes: Crashes, 0;
    crashes_too: Crashes, 1;
    faults: Faults, 0;
    faults_too: Faults, 1;
    full_disk: FullDisk, 0;
    meddling: Meddling, 0;
    meddling_too: Meddling, 1;
    sealing: Sealing, 0;
}

fn is_caught(kind: Kind, mutation: Option<Mutation>, omit: Omit) {
    caught(mutation, &format!("{mutation:?} {omit:?} {kind:?}"), |seed| {
        Schedule::new(kind, seed, omit).run().map(drop)
    });
}

macro_rules! mistakes {
    ($($name:ident: $kind:ident, $mutation:ident;)+) => {
        $(#[test]
        fn $name() {
            is_caught(Kind::$kind, Some(Mutation::$mutation), Omit::default());
        })+
    };
}

mistakes! {
    a_file_that_the_spool_does_not_know_is_caught: Crashes, FileLate;
    a_file_that_is_not_cut_back_is_caught: Crashes, LeaveFileTail;
    a_file_sync_that_is_tried_again_is_caught: Faults, RetryFileSync;
    lengths_apart_from_the_place_are_caught: Crashes, LengthsApart;
    a_vouching_that_surfaces_is_caught: Faults, CutBeforeVouch;
    writing_to_a_file_that_was_not_cut_is_caught: Faults, ForgetUncut;
    an_inode_that_is_trusted_is_caught: Meddling, TrustInode;
    a_day_directory_that_is_not_synced_is_caught: Crashes, TrustDirectory;
    a_cut_that_is_not_synced_is_caught: Faults, TrustCut;
    settling_before_vouching_is_caught: Sealing, SettleEarly;
    cutting_a_file_of_somebody_else_is_caught: Meddling, CutAnyFile;
}

#[test]
fn the_missing_fdatasync_is_caught() {
    is_caught(Kind::Crashes, None, Omit { sync_data: true, sync_dir: false });
}

#[test]
fn the_missing_directory_fsync_is_caught() {
    is_caught(Kind::Crashes, None, Omit { sync_data: false, sync_dir: true });
}
