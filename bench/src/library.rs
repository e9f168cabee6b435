//! What a context with five fields costs the application's thread: ours and others', in one run, in turns.

mod others;
mod report;
mod subject;

use crate::clock::Stopwatch;
use crate::daemon::spawn_ours;
use crate::machine;
use crate::stats::Stats;
use crate::usage::thread_cpu;
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use subject::Subject;

#[derive(Debug, clap::Args)]
pub(crate) struct Library {
    /// How often each measurement is repeated
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many contexts a round has
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u32).range(1000..=100_000_000))]
    contexts: u32,
    /// Where our programs are [default: where this one is]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Where files are written, and removed again [default: where this program is]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Between rounds what was recorded is sent, so that no round pays for another's backlog.
const PATIENCE: Duration = Duration::from_secs(60);

/// Contexts of a round come in bursts of so many, with a flush between them that is not counted: faster than a daemon can
/// sync is not what is asked here, and what is dropped costs less than what is sent.
const BURST: u32 = 20_000;

impl Library {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe()?.parent().context("this program is in no directory")?.to_path_buf();
        let directory = tempfile::tempdir_in(self.dir.as_ref().unwrap_or(&own))?;
        let mut daemon = Oxd::start(self.programs.as_ref().unwrap_or(&own), directory.path())?;
        let before = machine::load_average();
        let mut costs: Vec<(Subject, Vec<f64>)> =
            Subject::ALL.iter().map(|subject| (*subject, vec![])).collect();
        for _ in 0..self.rounds {
            for (subject, costs) in &mut costs {
                costs.push(self.cost(*subject, &daemon, directory.path())?);
            }
        }
        let threads = self.threads(&daemon)?;
        let stopped = self.waits(&mut daemon)?;
        daemon.stop()?;
        report::print(&report::Report {
            machine: machine::describe(directory.path()),
            load: (before, machine::load_average()),
            rounds: self.rounds,
            contexts: self.contexts,
            costs: costs.into_iter().map(|(subject, costs)| (subject, Stats::of(costs))).collect(),
            threads,
            stopped,
        });
        Ok(())
    }

    /// CPU seconds of the calling thread for one context.
    fn cost(&self, subject: Subject, daemon: &Oxd, directory: &std::path::Path) -> anyhow::Result<f64> {
        let run = |contexts: u32| -> anyhow::Result<f64> {
            let mut seconds = 0.0;
            let mut left = contexts;
            while left > 0 {
                let burst = left.min(BURST);
                let begun = thread_cpu();
                subject.repeat(burst);
                seconds += thread_cpu() - begun;
                if subject == Subject::Sent {
                    anyhow::ensure!(blueox::flush(PATIENCE), "the daemon does not take the events");
                }
                left -= burst;
            }
            Ok(seconds / f64::from(contexts))
        };
        subject.prepared(&daemon.address, directory, || {
            run(self.contexts / 10)?;
            run(self.contexts)
        })
    }

    /// CPU seconds for one context in each of so many threads.
    fn threads(&self, daemon: &Oxd) -> anyhow::Result<Vec<(u32, Stats)>> {
        let mut found = Vec::new();
        blueox::configure(blueox::Config::to(&daemon.address).memory(256 << 20))?;
        for threads in [1, 2, 4, 8] {
            let mut costs = Vec::new();
            for _ in 0..self.rounds {
                let one = || {
                    Subject::Sent.repeat(1000);
                    let begun = thread_cpu();
                    Subject::Sent.repeat(BURST);
                    (thread_cpu() - begun) / f64::from(BURST)
                };
                let each: Vec<f64> = std::thread::scope(|scope| {
                    let started: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
                    started.into_iter().filter_map(|thread| thread.join().ok()).collect()
                });
                anyhow::ensure!(blueox::flush(PATIENCE), "the daemon does not take the events");
                costs.push(each.iter().sum::<f64>() / each.len() as f64);
            }
            found.push((threads, Stats::of(costs)));
        }
        let account = blueox::shutdown(PATIENCE);
        anyhow::ensure!(
            account.dropped == 0,
            "events were dropped, which is cheaper than sending: {account:?}"
        );
        Ok(found)
    }

    /// How long single calls take while the daemon is stopped, and how long nothing takes.
    fn waits(&self, daemon: &mut Oxd) -> anyhow::Result<(Stats, Stats)> {
        blueox::configure(blueox::Config::to(&daemon.address))?;
        Subject::Sent.repeat(1000);
        blueox::flush(PATIENCE);
        daemon.signal(Signal::STOP)?;
        let measure = |subject: Subject| {
            let times = (0..self.contexts).map(|_| {
                let watch = Stopwatch::start();
                subject.repeat(1);
                watch.seconds()
            });
            Stats::of(times.collect::<Vec<_>>())
        };
        let (nothing, stopped) = (measure(Subject::Nothing), measure(Subject::Sent));
        daemon.signal(Signal::CONT)?;
        blueox::shutdown(Duration::from_secs(1));
        Ok((nothing, stopped))
    }
}

/// The daemon that the events go to.
struct Oxd {
    child: Child,
    address: String,
}

impl Oxd {
    fn start(programs: &std::path::Path, directory: &std::path::Path) -> anyhow::Result<Self> {
        let mut command = Command::new(programs.join("oxd"));
        command.current_dir(directory).args(["--collect", "127.0.0.1:0", "--control", "127.0.0.1:0"]);
        command.args(["--log-path", "logs", "--spool-max", "512MiB"]).stdin(Stdio::null());
        crate::daemon::clear_environment(&mut command);
        let (child, collection, _) = spawn_ours(command)?;
        Ok(Self { child, address: collection.to_string() })
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_child(&self.child);
        Ok(kill_process(pid, signal)?)
    }

    fn stop(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}
