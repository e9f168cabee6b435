//! Events at full speed: what they cost the daemon, and whether they all arrive.

use crate::clock::{self, Stopwatch};
use crate::daemon::Contender;
use crate::load::{Load, Wire};
use crate::machine;
use crate::stats::Stats;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long an idle daemon is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(1);
/// Files that stand still for so long are complete, but for what a daemon keeps until it is stopped.
const QUIET: Duration = Duration::from_secs(3);
/// Work that a daemon puts off (ours syncs its files every 3 s) is counted too.
const SETTLE: Duration = Duration::from_millis(3_500);

/// One load on one fresh daemon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Round {
    /// CPU seconds of the daemon, user and system, for a million events.
    pub(crate) cpu_per_million: f64,
    /// From the first byte sent to the last byte in a file, for a million events.
    pub(crate) wall_per_million: f64,
    /// Resident before the load, in bytes.
    pub(crate) idle: u64,
    /// The most that was ever resident, in bytes.
    pub(crate) peak: u64,
    pub(crate) lost: u64,
    pub(crate) surplus: u64,
}

/// What is sent in a round.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) wire: Wire,
    pub(crate) bytes: usize,
    pub(crate) events: u32,
    pub(crate) connections: u32,
}

pub(crate) fn measure(contender: &Contender, shape: Shape, directory: &Path) -> anyhow::Result<Round> {
    let Shape { wire, bytes, events, connections } = shape;
    let mut daemon = contender.start(directory)?;
    clock::pause(IDLE);
    let idle = daemon.memory()?.now;
    // Ours writes everything twice, the spool and the day file.
    machine::back_memory(directory, 2 * u64::from(events) * bytes as u64)?;
    let cpu = daemon.cpu()?;
    let watch = Stopwatch::start();
    let sent = Load::new(daemon.collection, wire, bytes, events, connections).run(&AtomicBool::new(false))?;
    let wall = daemon.wait_until_still(sent.events * bytes as u64, QUIET, watch)?;
    clock::pause(SETTLE);
    let cpu = daemon.cpu()? - cpu;
    let peak = daemon.memory()?.peak;
    let (events, numbers) = (sent.events, sent.numbers.clone());
    drop(sent);
    daemon.stop()?;
    let counted = daemon.files.count(&numbers)?;
    let millions = events as f64 / 1e6;
    Ok(Round {
        cpu_per_million: cpu / millions,
        wall_per_million: wall / millions,
        idle,
        peak,
        lost: counted.lost,
        surplus: counted.surplus,
    })
}

/// Several rounds of the same.
#[derive(Debug)]
pub(crate) struct Rounds {
    pub(crate) contender: String,
    pub(crate) shape: Shape,
    pub(crate) rounds: Vec<Round>,
}

impl Rounds {
    pub(crate) fn cpu(&self) -> Stats {
        Stats::of(self.rounds.iter().map(|round| round.cpu_per_million))
    }

    pub(crate) fn wall(&self) -> Stats {
        Stats::of(self.rounds.iter().map(|round| round.wall_per_million))
    }

    /// The most of all rounds, in bytes.
    pub(crate) fn peak(&self) -> u64 {
        self.rounds.iter().map(|round| round.peak).max().unwrap_or_default()
    }

    /// The most of all rounds, in bytes.
    pub(crate) fn idle(&self) -> u64 {
        self.rounds.iter().map(|round| round.idle).max().unwrap_or_default()
    }

    /// Of all rounds together.
    pub(crate) fn lost(&self) -> u64 {
        self.rounds.iter().map(|round| round.lost).sum()
    }

    /// Of all rounds together.
    pub(crate) fn surplus(&self) -> u64 {
        self.rounds.iter().map(|round| round.surplus).sum()
    }
}
