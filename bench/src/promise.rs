//! What the numbers must be.

use crate::report::{Report, Scan};
use crate::stats::{Stats, mib, milliseconds, short, thousands};

const CPU_RATIO: f64 = 10.0;
const PEAK_BYTES: u64 = 64 << 20;
const IDLE_BYTES: u64 = 12 << 20;
const STATUS_SECONDS: f64 = 0.05;
const TRICKLE_SECONDS: f64 = 1.0;
const FIRST_LINE_SECONDS: f64 = 0.1;
const SCAN_RATIO: f64 = 10.0;

/// One of them.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) what: String,
    pub(crate) measured: String,
    pub(crate) kept: bool,
}

impl Promise {
    /// As a table on standard output.
    pub(crate) fn print_all(promises: &[Self]) {
        println!("\n## What was promised\n\n| promise | measured | kept |\n| --- | --- | --- |");
        for Self { what, measured, kept } in promises {
            println!("| {what} | {measured} | {} |", if *kept { "yes" } else { "**no**" });
        }
    }
}

/// Those that something was measured for.
pub(crate) fn all(report: &Report) -> Vec<Promise> {
    let mut promises = throughput(report);
    for (_, _, waits) in report.status.iter().filter(|(name, ..)| name == "ours") {
        let p99 = waits.stats().map_or(f64::INFINITY, |stats| stats.percentile(99.0));
        promises.push(Promise {
            what: "STATUS under load, p99 of 100: within 50 ms, all answered".into(),
            measured: format!("{}, {} not answered", milliseconds(p99), waits.missing + waits.not_asked),
            kept: p99 <= STATUS_SECONDS && waits.missing + waits.not_asked == 0,
        });
    }
    for (_, waits) in report.trickle.iter().filter(|(name, _)| name == "ours") {
        let longest = waits.stats().map_or(f64::INFINITY, |stats| stats.max());
        promises.push(Promise {
            what: "a trickle is in the file within 1 s".into(),
            measured: format!("{}, {} not seen", milliseconds(longest), waits.missing),
            kept: longest <= TRICKLE_SECONDS && waits.missing == 0,
        });
    }
    promises.extend(looking(report));
    promises
}

fn throughput(report: &Report) -> Vec<Promise> {
    let mut promises = Vec::new();
    for (original, ours) in report.pairs() {
        let ratio = original.cpu().median() / ours.cpu().median();
        promises.push(Promise {
            what: format!(
                "{} B: 10 times less CPU than {}",
                thousands(ours.shape.bytes as u64),
                original.contender
            ),
            measured: short(ratio),
            kept: ratio >= CPU_RATIO,
        });
    }
    let ours: Vec<_> = report.throughput.iter().filter(|rounds| rounds.contender == "ours").collect();
    if ours.is_empty() {
        return promises;
    }
    let lost: u64 = ours.iter().map(|rounds| rounds.lost()).sum();
    let surplus: u64 = ours.iter().map(|rounds| rounds.surplus()).sum();
    let peak = ours.iter().map(|rounds| rounds.peak()).max().unwrap_or_default();
    let idle = ours.iter().map(|rounds| rounds.idle()).max().unwrap_or_default();
    promises.push(Promise {
        what: "every event is in the files exactly once".into(),
        measured: format!("{lost} lost, {surplus} surplus"),
        kept: lost == 0 && surplus == 0,
    });
    promises.push(Promise {
        what: "RSS under 64 MiB at full load".into(),
        measured: mib(peak as f64),
        kept: peak < PEAK_BYTES,
    });
    promises.push(Promise {
        what: "RSS under 12 MiB idle".into(),
        measured: mib(idle as f64),
        kept: idle < IDLE_BYTES,
    });
    promises
}

fn looking(report: &Report) -> Vec<Promise> {
    let Some(scans) = &report.scans else { return Vec::new() };
    let mut promises = Vec::new();
    if !scans.heads.is_empty() {
        let first = Stats::of(scans.heads.iter().map(|(first, _)| *first));
        promises.push(Promise {
            what: "the first line of a 1 GiB day file within 100 ms".into(),
            measured: format!("{} at most", milliseconds(first.max())),
            kept: first.max() <= FIRST_LINE_SECONDS,
        });
    }
    let Some((_, ours)) = scans.per_gib(&Scan::Filtered) else { return promises };
    for (original, (_, theirs)) in scans.originals() {
        let ratio = theirs.median() / ours.median();
        promises.push(Promise {
            what: format!("a filtered scan 10 times faster than oxview of {original}"),
            measured: format!("{} (wall)", short(ratio)),
            kept: ratio >= SCAN_RATIO,
        });
    }
    promises
}
