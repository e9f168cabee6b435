//! From the death of a collector to its backup.

use super::route::{Route, fresh};
use super::section::Section;
use super::{CONNECTIONS, Setting, say};
use crate::clock::{self, Stopwatch};
use crate::hop::{Hop, Orders};
use crate::load::{Load, Wire};
use crate::stats::{Stats, milliseconds, short};
use anyhow::ensure;
use rustix::process::Signal;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const BYTES: usize = 300;
const RATE: f64 = 20_000.0;
const BATCH_BYTES: usize = 30_000;
const RUNS_BEFORE: Duration = Duration::from_secs(2);
const RUNS_AFTER: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(20);
const AT_MOST: f64 = 2.0;

/// How the active collector dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Death {
    /// SIGKILL: connections break.
    Killed,
    /// SIGSTOP: nothing answers, as behind a cut network.
    Stopped,
}

/// One round.
#[derive(Debug)]
struct Switch {
    seconds: f64,
    longest_ack: f64,
    lost: u64,
    both: u64,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("Switch to a backup");
    section.say(
        "An agent with `--forward=A,B` under 20,000 events/s. From the signal to A until the first event that stands in a \
         day file of B (B acks before that: the time is an upper bound of the first ack's, looked at each ms). Afterwards A runs on or \
         is started again, and the events of both are counted; those in both are what the merged view drops.",
    );
    let mut rows = Vec::new();
    for death in [Death::Killed, Death::Stopped] {
        let mut rounds = Vec::new();
        for round in 1..=setting.rounds {
            say(&format!("switch, round {round} of {}: {death:?}", setting.rounds));
            rounds.push(one(setting, death)?);
        }
        let seconds = Stats::of(rounds.iter().map(|round| round.seconds));
        let longest = Stats::of(rounds.iter().map(|round| round.longest_ack));
        let name = if death == Death::Killed { "SIGKILL" } else { "SIGSTOP" };
        let lost: u64 = rounds.iter().map(|round| round.lost).sum();
        rows.push(format!(
            "{name} | {} | {seconds} | {} | {lost} | {}",
            rounds.len(),
            milliseconds(longest.max()),
            rounds.iter().map(|round| round.both).sum::<u64>(),
        ));
        section.promise(
            format!("switch to a backup within 2 s ({name})"),
            format!("{} s at most", short(seconds.max())),
            seconds.max() <= AT_MOST,
        );
        section.promise(format!("switch ({name}): nothing lost"), format!("{lost} lost"), lost == 0);
    }
    section
        .table("A gets | rounds | switched after s | longest live ack at the agent | lost | in both", &rows);
    Ok(section)
}

fn one(setting: &Setting, death: Death) -> anyhow::Result<Switch> {
    let directory = fresh(setting)?;
    let keeps = || Orders { keeps: true, ..Orders::default() };
    let mut backup = Hop::start(&setting.oxd, directory.path(), "backup", keeps())?;
    let mut route = Route::one_hop(setting, None)?;
    let forward = format!("{},{}", route.collector.collection(), backup.collection());
    route.add_agent(setting, &forward, &[])?;
    let load = Load {
        rate: Some(RATE),
        batch_bytes: BATCH_BYTES,
        ..Load::new(route.entry(), Wire::Native, BYTES, u32::MAX / 2, CONNECTIONS)
    };
    let stop = AtomicBool::new(false);
    let (sent, seconds) = std::thread::scope(|scope| {
        let sending = scope.spawn(|| load.run(&stop));
        clock::pause(RUNS_BEFORE);
        let seconds = switched(&mut route.collector, &backup, death);
        clock::pause(RUNS_AFTER);
        stop.store(true, Relaxed);
        let sent = sending.join().expect("BUG: the generator panicked")?;
        anyhow::Ok((sent, seconds?))
    })?;
    route.agent.as_mut().map_or(Ok(()), Hop::stop)?;
    match death {
        Death::Killed => route.collector.start_again()?,
        Death::Stopped => route.collector.signal(Signal::CONT)?,
    }
    route.collector.stop()?;
    backup.stop()?;
    let counted = route.collector.files().and(backup.files()).count(&sent.numbers)?;
    let longest_ack = Stats::of(sent.acks.iter().map(|ack| ack.after)).max();
    Ok(Switch { seconds, longest_ack, lost: counted.lost, both: counted.surplus })
}

fn switched(active: &mut Hop, backup: &Hop, death: Death) -> anyhow::Result<f64> {
    let files = backup.files();
    ensure!(files.size() == 0, "the backup got events while the first collector was well");
    ensure!(active.files().size() > 0, "the first collector got no events");
    let watch = Stopwatch::start();
    match death {
        Death::Killed => active.kill(),
        Death::Stopped => active.signal(Signal::STOP)?,
    }
    while files.size() == 0 {
        ensure!(watch.elapsed() < PATIENCE, "the agent does not switch to the backup");
        clock::pause(Duration::from_millis(1));
    }
    Ok(watch.seconds())
}
