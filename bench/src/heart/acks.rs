//! From a batch's first byte to its ack at half load, beside a bare write and fdatasync of as many bytes.

use super::route::{Passage, Route};
use super::section::Section;
use super::{Setting, say};
use crate::baseline;
use crate::load::{Load, Wire};
use crate::native::Ack;
use crate::stats::{Stats, milliseconds, short};
use std::time::Duration;

const BYTES: usize = 300;
/// What a collector must take in: half of it is half load, whatever more this machine can do for a moment.
const PROMISED_RATE: f64 = 300_000.0;
const SECONDS: f64 = 12.0;
/// Acks that are read closer together than this are of one commit.
const SAME_COMMIT: f64 = 0.000_5;
/// The first acks pay for new files and segments.
const WARM_UP: f64 = 2.0;

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("Ack latency at half load, one hop, 300 B");
    let mut rows = Vec::new();
    let (mut medians, mut p99s) = (Vec::new(), Vec::new());
    for round in 1..=setting.rounds {
        say(&format!("acks, round {round} of {}", setting.rounds));
        let full = pass(setting, setting.events, None)?.acked_rate;
        let rate = full.min(PROMISED_RATE) / 2.0;
        let passage = pass(setting, (rate * SECONDS) as u32, Some(rate))?;
        let acks: Vec<Ack> = passage.acks.into_iter().filter(|ack| ack.at > WARM_UP).collect();
        let ours = Stats::of(acks.iter().map(|ack| ack.after));
        let commits = commits(&acks);
        let seconds = SECONDS - WARM_UP;
        let group = (rate * seconds * BYTES as f64 / commits as f64) as usize;
        let every = Duration::from_secs_f64(seconds / commits as f64);
        let bare = baseline::groups(&setting.directory, group, group * commits, Some(every))?;
        let bare = Stats::of(bare.waits);
        rows.push(format!(
            "{full:.0} | {rate:.0} | {} | {} KiB | {} | {} | {} | {}",
            acks.len(),
            group >> 10,
            milliseconds(ours.median()),
            milliseconds(bare.median()),
            milliseconds(ours.percentile(99.0)),
            milliseconds(bare.percentile(99.0)),
        ));
        medians.push((ours.median(), bare.median()));
        p99s.push((ours.percentile(99.0), bare.percentile(99.0)));
    }
    section.say(
        "4 streams, batches of 256 KiB, 150,000 events/s: half of the 300,000 that are promised (or half of what the same daemon \
         acked at full speed just before, if that is less). The bare loop writes as many bytes as one commit had on average (acks that come within 0.5 ms of each other \
         are of one commit), as often, to a file of prepared blocks, with fdatasync, while a second thread writes the same bytes to \
         four files and syncs them every 3 s. A batch that arrives during a commit waits for its end: twice the bare \
         time is the least that group commit can do for the unluckiest.",
    );
    section.table(
        "full speed, events/s | load, events/s | acks | a commit | p50: ours | bare | p99: ours | bare",
        &rows,
    );
    let median_of = |pairs: &[(f64, f64)], excess: fn(f64, f64) -> f64| {
        Stats::of(pairs.iter().map(|(ours, bare)| excess(*ours, *bare))).median()
    };
    let over = median_of(&medians, |ours, bare| ours - 2.0 * bare);
    section.promise(
        "ack p50 at half load at most twice a bare fdatasync's + 1 ms",
        format!("{} more than twice (median of rounds)", milliseconds(over)),
        over <= 0.001,
    );
    let ratio = median_of(&p99s, |ours, bare| ours / bare);
    section.promise(
        "ack p99 at half load at most 3 times a bare fdatasync's",
        format!("{} times (median of rounds)", short(ratio)),
        ratio <= 3.0,
    );
    Ok(section)
}

fn pass(setting: &Setting, events: u32, rate: Option<f64>) -> anyhow::Result<Passage> {
    let route = Route::one_hop(setting, None)?;
    let load = route.load(Wire::Native, BYTES, events);
    route.pass(&Load { rate, ..load })
}

/// How many commits these are the acks of.
fn commits(acks: &[Ack]) -> usize {
    let mut times: Vec<f64> = acks.iter().map(|ack| ack.at).collect();
    times.sort_by(f64::total_cmp);
    1 + times.windows(2).filter(|pair| pair[1] - pair[0] > SAME_COMMIT).count()
}
