//! The results as Markdown.

use super::subject::Subject;
use crate::stats::Stats;

/// All results.
pub(super) struct Report {
    pub(super) machine: String,
    pub(super) load: (String, String),
    pub(super) rounds: u32,
    pub(super) contexts: u32,
    pub(super) costs: Vec<(Subject, Stats)>,
    pub(super) threads: Vec<(u32, Stats)>,
    /// One call each: nothing at all, and a context while the daemon is stopped.
    pub(super) stopped: (Stats, Stats),
}

pub(super) fn print(report: &Report) {
    println!("{}; load before {}, after {}.", report.machine, report.load.0, report.load.1);
    println!(
        "Medians of {} rounds of {} contexts each; in brackets the fastest and the slowest round.\n",
        report.rounds, report.contexts
    );
    println!("| one context or span with 5 fields | CPU ns in the calling thread | of `blueox, sent` |");
    println!("| --- | --- | --- |");
    let sent = report.costs.iter().find(|(subject, _)| *subject == Subject::Sent);
    let sent = sent.map_or(f64::NAN, |(_, stats)| stats.median());
    for (subject, stats) in &report.costs {
        println!("| {} | {} | {:.2} × |", subject.name(), nanoseconds(stats), stats.median() / sent);
    }
    println!("\n| threads at once | CPU ns for a context, in each | of one thread |\n| --- | --- | --- |");
    let one = report.threads.first().map_or(f64::NAN, |(_, stats)| stats.median());
    for (threads, stats) in &report.threads {
        println!("| {threads} | {} | {:.2} × |", nanoseconds(stats), stats.median() / one);
    }
    let (nothing, stopped) = &report.stopped;
    println!("\n| one call, wall time | median | p99 | p99.9 | slowest |\n| --- | --- | --- | --- | --- |");
    for (what, stats) in
        [("the loop alone", nothing), ("**a context, the daemon stopped (SIGSTOP)**", stopped)]
    {
        let [p50, p99, p999, max] =
            [stats.median(), stats.percentile(99.0), stats.percentile(99.9), stats.max()].map(|s| s * 1e6);
        println!("| {what} | {p50:.2} µs | {p99:.2} µs | {p999:.2} µs | {max:.0} µs |");
    }
}

fn nanoseconds(stats: &Stats) -> String {
    let [median, low, high] = [stats.median(), stats.percentile(0.0), stats.max()].map(|s| s * 1e9);
    format!("{median:.0} ({low:.0}–{high:.0})")
}
