//! Agent and collector: what two hops cost, and what they sustain.

use super::collector::{exact, memory};
use super::route::{Passage, Route, stats};
use super::section::Section;
use super::{Setting, say};
use crate::load::{Load, Wire};
use crate::stats::{mib, short, thousands};

const BYTES: usize = 300;
const RATE: f64 = 200_000.0;
const SUSTAINED_SECONDS: f64 = 15.0;
const CPU_PER_MILLION: f64 = 4.0;
/// The queue may grow by so many events a second, as a part of the rate, and is taken to stand.
const GROWTH: f64 = 0.01;

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("Two hops: agent and collector, 300 B, every ack durable");
    let mut rows = Vec::new();
    for wire in [Wire::Native, Wire::Zmtp] {
        let mut full = Vec::new();
        let mut paced = Vec::new();
        for round in 1..=setting.rounds {
            say(&format!("two hops, round {round} of {}: {wire:?}", setting.rounds));
            let route = Route::two_hops(setting, &[])?;
            full.push(route.pass_all(wire, BYTES, setting.events)?);
            let route = Route::two_hops(setting, &[])?;
            let events = (RATE * SUSTAINED_SECONDS) as u32;
            let load = route.load(wire, BYTES, events);
            paced.push(route.pass(&Load { rate: Some(RATE), ..load })?);
        }
        rows.push(row(wire, "full speed", &full));
        rows.push(row(wire, "200,000/s", &paced));
        promise(&mut section, wire, &full, &paced);
    }
    section.table(
        "into the agent | pace | rounds × events | into the agent events/s | in the collector's files events/s \
         | CPU s / million: both | agent | collector | RSS idle | RSS peak: agent | collector | queue: 2nd quarter | last quarter \
         | lost | surplus",
        &rows,
    );
    section.say(
        "Queue: events that the agent has acked (over ZeroMQ: that were written to it) and that do not stand in the \
         collector's day files, in the second and the last quarter of the load; at full speed the agent takes in more than it \
         can forward beside that.",
    );
    Ok(section)
}

fn row(wire: Wire, pace: &str, passages: &[Passage]) -> String {
    let most =
        |number: fn(&Passage) -> u64| mib(passages.iter().map(number).max().unwrap_or_default() as f64);
    let events = passages[0].counted.found + passages[0].counted.lost;
    format!(
        "{} | {pace} | {} × {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {}",
        if wire == Wire::Native { "native" } else { "ZeroMQ" },
        passages.len(),
        thousands(events),
        stats(passages, |passage| passage.acked_rate),
        stats(passages, |passage| passage.stored_rate),
        stats(passages, Passage::cpu_per_million),
        stats(passages, |passage| passage.agent.map_or(0.0, |agent| agent.cpu_per_million)),
        stats(passages, |passage| passage.collector.cpu_per_million),
        most(Passage::idle),
        most(|passage| passage.agent.map_or(0, |agent| agent.peak)),
        most(|passage| passage.collector.peak),
        stats(passages, |passage| passage.queue.quarters().0),
        stats(passages, |passage| passage.queue.quarters().1),
        passages.iter().map(|passage| passage.counted.lost).sum::<u64>(),
        passages.iter().map(|passage| passage.counted.surplus).sum::<u64>(),
    )
}

fn promise(section: &mut Section, wire: Wire, full: &[Passage], paced: &[Passage]) {
    let what = format!("two hops, {}", if wire == Wire::Native { "native in" } else { "ZeroMQ in" });
    let cpu = stats(full, Passage::cpu_per_million).median();
    section.promise(
        format!("{what}: at most 4 CPU s a million, both daemons"),
        short(cpu),
        cpu <= CPU_PER_MILLION,
    );
    let rate = stats(paced, |passage| passage.acked_rate).median();
    // Half the run lies between the quarters' middles.
    let growth = stats(paced, |passage| {
        let (before, after) = passage.queue.quarters();
        (after - before) / (SUSTAINED_SECONDS / 2.0)
    });
    section.promise(
        format!("{what}: 200,000 events/s with no growth of the queue"),
        format!("{rate:.0} events/s, the queue grows by {:.0} events/s", growth.median()),
        rate >= 0.99 * RATE && growth.median() <= GROWTH * RATE,
    );
    exact(section, &what, full);
    exact(section, &format!("{what}, 200,000/s"), paced);
    memory(section, &what, full);
}
