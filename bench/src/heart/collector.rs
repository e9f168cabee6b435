//! One hop over the native wire, beside what disk and loopback allow.

use super::route::{Passage, Route, stats};
use super::section::Section;
use super::{CONNECTIONS, Setting, say};
use crate::baseline::{self, Cost, Groups};
use crate::load::Wire;
use crate::stats::{Stats, mib, short, thousands};
use crate::throughput::Shape;

const RATE: f64 = 300_000.0;
const CPU_PER_MILLION: f64 = 1.5;
const GROUP_BYTES: usize = 4 << 20;

/// All that was measured with events of one size.
#[derive(Debug, Default)]
struct Rounds {
    passages: Vec<Passage>,
    groups: Vec<Groups>,
    loopback: Vec<Cost>,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("Collector: native wire, every ack durable, to day files");
    let sizes = [(300, setting.events), (3_000, setting.events / 4)];
    let mut all = [Rounds::default(), Rounds::default()];
    for round in 1..=setting.rounds {
        for ((bytes, events), rounds) in sizes.iter().zip(&mut all) {
            say(&format!("collector, round {round} of {}: {bytes} bytes", setting.rounds));
            let route = Route::one_hop(setting, None)?;
            rounds.passages.push(route.pass_all(Wire::Native, *bytes, *events)?);
            let total = *events as usize * bytes;
            rounds.groups.push(baseline::groups(&setting.directory, GROUP_BYTES, total, None)?);
            let shape = Shape { wire: Wire::Zmtp, bytes: *bytes, events: *events, connections: CONNECTIONS };
            rounds.loopback.push(baseline::loopback(shape)?);
        }
    }
    section.table(
        "event | rounds × events | acked events/s | in the files events/s | CPU s / million | RSS idle | RSS peak \
         | lost | surplus",
        &sizes.iter().zip(&all).map(|((bytes, events), rounds)| row(*bytes, *events, rounds)).collect::<Vec<_>>(),
    );
    section.say(
        "What the machine allows, in the same rounds: the events' bytes written to one file with fdatasync after each \
         4 MiB, and the generator's bytes received over loopback and thrown away.",
    );
    section.table(
        "event | write + fdatasync: MB/s | events/s | CPU s / million | loopback: events/s | CPU s / million | ours / both: CPU",
        &sizes.iter().zip(&all).map(|((bytes, _), rounds)| limits(*bytes, rounds)).collect::<Vec<_>>(),
    );
    for ((bytes, _), rounds) in sizes.iter().zip(&all) {
        promise(&mut section, *bytes, rounds);
    }
    Ok(section)
}

fn row(bytes: usize, events: u32, Rounds { passages, .. }: &Rounds) -> String {
    let most = |number: fn(&Passage) -> u64| passages.iter().map(number).max().unwrap_or_default();
    format!(
        "{} B | {} × {} | {} | {} | {} | {} | {} | {} | {}",
        thousands(bytes as u64),
        passages.len(),
        thousands(events.into()),
        stats(passages, |passage| passage.acked_rate),
        stats(passages, |passage| passage.stored_rate),
        stats(passages, Passage::cpu_per_million),
        mib(most(Passage::idle) as f64),
        mib(most(Passage::peak) as f64),
        passages.iter().map(|passage| passage.counted.lost).sum::<u64>(),
        passages.iter().map(|passage| passage.counted.surplus).sum::<u64>(),
    )
}

fn limits(bytes: usize, rounds: &Rounds) -> String {
    let disk = Stats::of(rounds.groups.iter().map(|groups| groups.bytes_per_second / 1e6));
    let disk_cpu = Stats::of(rounds.groups.iter().map(|groups| groups.cpu_per_byte * bytes as f64 * 1e6));
    let loopback = Stats::of(rounds.loopback.iter().map(|cost| 1e6 / cost.wall_per_million));
    let loopback_cpu = Stats::of(rounds.loopback.iter().map(|cost| cost.cpu_per_million));
    let ours = stats(&rounds.passages, Passage::cpu_per_million).median();
    format!(
        "{} B | {disk} | {} | {disk_cpu} | {loopback} | {loopback_cpu} | {}",
        thousands(bytes as u64),
        short(disk.median() * 1e6 / bytes as f64),
        short(ours / (disk_cpu.median() + loopback_cpu.median())),
    )
}

fn promise(section: &mut Section, bytes: usize, rounds: &Rounds) {
    let passages = &rounds.passages;
    let size = format!("{} B", thousands(bytes as u64));
    if bytes == 300 {
        let disk = Stats::of(rounds.groups.iter().map(|groups| groups.bytes_per_second / bytes as f64));
        let due = RATE.min(disk.median());
        let rate = stats(passages, |passage| passage.acked_rate).median();
        section.promise(
            format!("collector, {size}: 300,000 acked events/s, or what the disk takes if that is less"),
            format!("{rate:.0}"),
            rate >= due,
        );
        let cpu = stats(passages, Passage::cpu_per_million).median();
        section.promise(
            format!("collector, {size}: at most 1.5 CPU s a million"),
            short(cpu),
            cpu <= CPU_PER_MILLION,
        );
    }
    exact(section, &format!("collector, {size}"), passages);
    memory(section, &format!("collector, {size}"), passages);
}

/// Every event is there once.
pub(super) fn exact(section: &mut Section, what: &str, passages: &[Passage]) {
    let lost: u64 = passages.iter().map(|passage| passage.counted.lost).sum();
    let surplus: u64 = passages.iter().map(|passage| passage.counted.surplus).sum();
    let measured = format!("{lost} lost, {surplus} surplus");
    section.promise(format!("{what}: every event once"), measured, lost + surplus == 0);
}

pub(super) fn memory(section: &mut Section, what: &str, passages: &[Passage]) {
    let peak = passages.iter().map(Passage::peak).max().unwrap_or_default();
    let idle = passages.iter().map(Passage::idle).max().unwrap_or_default();
    section.promise(format!("{what}: RSS under 64 MiB"), mib(peak as f64), peak < 64 << 20);
    section.promise(format!("{what}: RSS idle under 12 MiB"), mib(idle as f64), idle < 12 << 20);
}
