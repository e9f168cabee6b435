//! An agent that forwards to a collector, which may fail now and then.

use super::daemon::{Daemon, Recipe, any_port, log_path};
use anyhow::Context;
use blueox_control::ControlAddress;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often it is looked whether the collector still runs.
const LOOK: Duration = Duration::from_secs(60);

/// How the collector fails again and again.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failing {
    /// How long it works until it is killed, and how long it is away then.
    pub(super) works: Duration,
    pub(super) away: Duration,
}

/// Both of them.
#[derive(Debug)]
pub(super) struct House {
    agent_daemon: Daemon,
    stop: Sender<()>,
    keeping: JoinHandle<anyhow::Result<()>>,
    /// Their control ports.
    pub(super) agent: ControlAddress,
    pub(super) collector: ControlAddress,
}

impl House {
    /// Starts them.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) fn start(oxd: &Path, dir: &Path, failing: Option<Failing>) -> anyhow::Result<Self> {
        let recipe = |name, args| Recipe {
            oxd: oxd.to_path_buf(),
            name,
            dir: dir.to_path_buf(),
            args,
            collection: any_port(),
            control: any_port(),
        };
        let logs = log_path(dir).to_string_lossy().into_owned();
        let collecting = recipe("collector", vec!["--log-path".to_owned(), logs]);
        let collector_daemon = collecting.start()?;
        let forward = collector_daemon.collection.to_string();
        let agent_daemon = match recipe("agent", vec!["--forward".to_owned(), forward]).start() {
            Ok(agent) => agent,
            Err(error) => {
                collector_daemon.kill();
                return Err(error);
            }
        };
        let address = |address: SocketAddr| -> anyhow::Result<ControlAddress> {
            address.to_string().parse().context("BUG: an address that was listened on is one")
        };
        let (agent, collector) = (address(agent_daemon.control)?, address(collector_daemon.control)?);
        // It comes back where the agent looks for it.
        let again = Recipe {
            collection: collector_daemon.collection,
            control: collector_daemon.control,
            ..collecting
        };
        let (stop, stopping) = mpsc::channel();
        let keeping = thread::spawn(move || keep(collector_daemon, &again, failing, &stopping));
        Ok(Self { agent_daemon, stop, keeping, agent, collector })
    }

    /// Where the agent takes events.
    pub(super) fn collection(&self) -> SocketAddr {
        self.agent_daemon.collection
    }

    /// Stops them: first the one that sends, then the one that takes.
    ///
    /// # Errors
    /// When one does not end well.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        let agent = self.agent_daemon.stop();
        drop(self.stop);
        let collector =
            self.keeping.join().unwrap_or_else(|_| Err(anyhow::anyhow!("the collector's keeper has failed")));
        agent.and(collector)
    }
}

/// Keeps the collector running, but for the times when it is to fail, until it is to stop.
fn keep(
    daemon: Daemon,
    recipe: &Recipe,
    failing: Option<Failing>,
    stop: &Receiver<()>,
) -> anyhow::Result<()> {
    let mut daemon = daemon;
    loop {
        if !waits(stop, failing.map_or(LOOK, |failing| failing.works)) {
            return daemon.stop();
        }
        if !daemon.is_running() {
            eprintln!("the collector has ended by itself; starting it again");
            daemon.kill();
            daemon = recipe.start()?;
            continue;
        }
        if let Some(Failing { away, .. }) = failing {
            eprintln!("killing the collector for {} s", away.as_secs());
            daemon.kill();
            let goes_on = waits(stop, away);
            daemon = recipe.start()?;
            eprintln!("the collector is back");
            if !goes_on {
                return daemon.stop();
            }
        }
    }
}

/// `false`: it is to stop.
fn waits(stop: &Receiver<()>, time: Duration) -> bool {
    stop.recv_timeout(time) == Err(RecvTimeoutError::Timeout)
}
