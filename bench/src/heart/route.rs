//! The way of a load: one daemon that keeps, or an agent and a collector.

use super::{CONNECTIONS, Setting};
use crate::clock::{self, Stopwatch};
use crate::day_files::Counted;
use crate::hop::{Hop, Orders};
use crate::load::{Load, Sent, Wire};
use crate::machine;
use crate::native::Ack;
use crate::stats::Stats;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tempfile::TempDir;

/// How long idle daemons are left alone before their memory is read.
const IDLE: Duration = Duration::from_secs(1);
/// Files that stand still for so long are complete.
const QUIET: Duration = Duration::from_secs(5);
/// Work that a daemon puts off (it syncs its files every 3 s) is counted too.
const SETTLE: Duration = Duration::from_millis(3_500);
const SAMPLE_EVERY: Duration = Duration::from_millis(50);

/// Daemons on an empty directory.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) agent: Option<Hop>,
    pub(super) collector: Hop,
    directory: TempDir,
}

/// What a load cost.
#[derive(Debug)]
pub(super) struct Passage {
    pub(super) agent: Option<Used>,
    pub(super) collector: Used,
    /// Events a second until all was acked (on the native wire) or written by the generator.
    pub(super) acked_rate: f64,
    /// Events a second until all stood in the collector's day files.
    pub(super) stored_rate: f64,
    pub(super) counted: Counted,
    pub(super) acks: Vec<Ack>,
    pub(super) queue: Queue,
}

/// What one daemon used.
#[derive(Debug, Clone, Copy)]
pub(super) struct Used {
    pub(super) cpu_per_million: f64,
    /// Resident before the load, in bytes.
    pub(super) idle: u64,
    /// The most that was ever resident, in bytes.
    pub(super) peak: u64,
}

/// Events that were acked or written, and did not yet stand in the collector's files, over the time of the load.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Seconds and events.
    samples: Vec<(f64, f64)>,
}

impl Route {
    pub(super) fn one_hop(setting: &Setting, preload: Option<&Path>) -> anyhow::Result<Self> {
        let directory = fresh(setting)?;
        let orders = Orders { keeps: true, preload: preload.map(Path::to_path_buf), ..Orders::default() };
        let collector = Hop::start(&setting.oxd, directory.path(), "collector", orders)?;
        Ok(Self { agent: None, collector, directory })
    }

    pub(super) fn two_hops(setting: &Setting, agent_flags: &[&str]) -> anyhow::Result<Self> {
        let mut route = Self::one_hop(setting, None)?;
        let to = route.collector.collection();
        route.add_agent(setting, &to.to_string(), agent_flags)?;
        Ok(route)
    }

    /// An agent that forwards to `forward`.
    pub(super) fn add_agent(
        &mut self,
        setting: &Setting,
        forward: &str,
        flags: &[&str],
    ) -> anyhow::Result<()> {
        let orders = Orders {
            forward: Some(forward.into()),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            ..Orders::default()
        };
        self.agent = Some(Hop::start(&setting.oxd, self.directory.path(), "agent", orders)?);
        Ok(())
    }

    /// Where applications send to.
    pub(super) fn entry(&self) -> SocketAddr {
        self.agent.as_ref().unwrap_or(&self.collector).collection()
    }

    /// So many events at full speed, on 4 connections.
    pub(super) fn load(&self, wire: Wire, bytes: usize, events: u32) -> Load {
        Load::new(self.entry(), wire, bytes, events, CONNECTIONS)
    }

    /// As [`Route::pass`], at full speed.
    pub(super) fn pass_all(self, wire: Wire, bytes: usize, events: u32) -> anyhow::Result<Passage> {
        let load = self.load(wire, bytes, events);
        self.pass(&load)
    }

    /// Sends a load and waits until it has arrived; ends the daemons, so that every event can be counted.
    pub(super) fn pass(mut self, load: &Load) -> anyhow::Result<Passage> {
        clock::pause(IDLE);
        let idle = self.memory()?;
        let load_bytes = u64::from(load.events) * load.bytes as u64;
        // The spools and the day files.
        let copies = if self.agent.is_some() { 3 } else { 2 };
        machine::back_memory(self.directory.path(), copies * load_bytes)?;
        let cpu = self.cpu()?;
        let watch = Stopwatch::start();
        let (sent, queue) = self.send(load)?;
        let stored = self.collector.wait_for_files(load_bytes, QUIET, watch)?;
        clock::pause(SETTLE);
        let (cpu_after, peak) = (self.cpu()?, self.memory()?);
        let millions = sent.events as f64 / 1e6;
        let used = |hop: usize| Used {
            cpu_per_million: (cpu_after[hop] - cpu[hop]) / millions,
            idle: idle[hop].0,
            peak: peak[hop].1,
        };
        let (collector, agent) = (used(0), self.agent.is_some().then(|| used(1)));
        let (events, acked_rate) = (sent.events, sent.events as f64 / sent.wall_seconds);
        let (acks, numbers) = (sent.acks, sent.numbers);
        self.agent.as_mut().map_or(Ok(()), Hop::stop)?;
        self.collector.stop()?;
        let counted = self.collector.files().count(&numbers)?;
        let stored_rate = events as f64 / stored;
        Ok(Passage { agent, collector, acked_rate, stored_rate, counted, acks, queue })
    }

    fn send(&self, load: &Load) -> anyhow::Result<(Sent, Queue)> {
        let (passed, stop) = (AtomicU64::new(0), AtomicBool::new(false));
        let files = self.collector.files();
        let watch = Stopwatch::start();
        std::thread::scope(|scope| {
            let sending = scope.spawn(|| load.run_counting(&stop, &passed));
            let mut queue = Queue::default();
            while !sending.is_finished() {
                clock::pause(SAMPLE_EVERY);
                let stored = files.size() as f64 / load.bytes as f64;
                queue.samples.push((watch.seconds(), passed.load(Relaxed) as f64 - stored));
            }
            Ok((sending.join().expect("BUG: the generator panicked")?, queue))
        })
    }

    /// CPU seconds so far: the collector's and the agent's.
    fn cpu(&self) -> anyhow::Result<[f64; 2]> {
        Ok([self.collector.cpu()?, self.agent.as_ref().map_or(Ok(0.0), Hop::cpu)?])
    }

    /// Resident now and at most, in the same order.
    fn memory(&self) -> anyhow::Result<[(u64, u64); 2]> {
        let of = |hop: &Hop| hop.memory().map(|memory| (memory.now, memory.peak));
        Ok([of(&self.collector)?, self.agent.as_ref().map_or(Ok((0, 0)), of)?])
    }
}

impl Passage {
    /// Both daemons together.
    pub(super) fn cpu_per_million(&self) -> f64 {
        self.collector.cpu_per_million + self.agent.map_or(0.0, |agent| agent.cpu_per_million)
    }

    /// The larger one of both daemons.
    pub(super) fn peak(&self) -> u64 {
        self.collector.peak.max(self.agent.map_or(0, |agent| agent.peak))
    }

    /// The larger one of both daemons.
    pub(super) fn idle(&self) -> u64 {
        self.collector.idle.max(self.agent.map_or(0, |agent| agent.idle))
    }
}

impl Queue {
    /// Its mean in the second quarter and in the last quarter of the load, in events. The first quarter is the start.
    pub(super) fn quarters(&self) -> (f64, f64) {
        let end = self.samples.last().map_or(0.0, |(at, _)| *at);
        let mean = |from: f64, to: f64| {
            let within = self.samples.iter().filter(|(at, _)| (from * end..=to * end).contains(at));
            let (count, sum) =
                within.fold((0.0, 0.0), |(count, sum), (_, events)| (count + 1.0, sum + events));
            if count == 0.0 { 0.0 } else { sum / count }
        };
        (mean(0.25, 0.5), mean(0.75, 1.0))
    }
}

/// A directory that is removed with what is in it.
pub(super) fn fresh(setting: &Setting) -> anyhow::Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("oxbench-").tempdir_in(&setting.directory)?)
}

/// One number of each passage.
pub(super) fn stats(passages: &[Passage], number: impl Fn(&Passage) -> f64) -> Stats {
    Stats::of(passages.iter().map(number))
}
