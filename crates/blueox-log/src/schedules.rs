//! How random schedules are run: so many of each kind, each replayable by its seed. Only in test builds.

use crate::mutation::{self, Mutation};

/// Where the tests stand, for the command that replays one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) module: &'static str,
}

fn number_from(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number in the environment"))
}

/// Which seeds a test runs: `BLUEOX_SPOOL_SEED` is a single one; `BLUEOX_SPOOL_SCHEDULES` says how many each test has,
/// `BLUEOX_SPOOL_FIRST_SEED` where they begin. Tests of one kind differ in their part, and share no seed.
pub(crate) fn share(part: u64, by_default: u64) -> (u64, u64) {
    if let Some(seed) = number_from("BLUEOX_SPOOL_SEED") {
        return (seed, 1);
    }
    let count = number_from("BLUEOX_SPOOL_SCHEDULES").unwrap_or(by_default);
    (number_from("BLUEOX_SPOOL_FIRST_SEED").unwrap_or(0) + part * count, count)
}

/// `BLUEOX_SPOOL_TRACE` shows each step of a schedule.
pub(crate) fn is_traced() -> bool {
    static TRACED: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *TRACED.get_or_init(|| std::env::var_os("BLUEOX_SPOOL_TRACE").is_some())
}

/// Runs one schedule; a panic is a failure.
fn outcome(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let run = std::panic::AssertUnwindSafe(run);
    std::panic::catch_unwind(run).unwrap_or_else(|_| Err("it panicked".into()))
}

/// Runs schedules from a seed on, and stops at the first that fails.
pub(crate) fn run_all(
    place: Run,
    test: &str,
    first: u64,
    count: u64,
    mut run: impl FnMut(u64) -> Result<(), String>,
) {
    for seed in first..first + count {
        if let Err(message) = outcome(|| run(seed)) {
            panic!(
                "schedule {seed} fails: {message}\nreplay it: BLUEOX_SPOOL_SEED={seed} cargo test -p blueox-log --lib {}::{test} -- --exact --nocapture",
                place.module
            );
        }
    }
}

/// A mistake must show within this many schedules: five times what the rarest needs.
const PATIENCE: u64 = 100_000;

/// Runs schedules with a mistake until one fails, and says which.
pub(crate) fn caught(mistake: Option<Mutation>, what: &str, mut run: impl FnMut(u64) -> Result<(), String>) {
    mutation::set(mistake);
    let found = (0..PATIENCE).find_map(|seed| outcome(|| run(seed)).err().map(|message| (seed, message)));
    mutation::set(None);
    let (seed, message) = found.unwrap_or_else(|| panic!("{what}: not found in {PATIENCE} schedules"));
    println!("mistake {what}: found by schedule {seed}: {message}");
}
