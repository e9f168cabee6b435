//! A daemon under measurement: ours or an original, started and stopped.

use crate::clock::{self, Stopwatch};
use crate::day_files::DayFiles;
use crate::peer::Peer;
use crate::usage::{self, Memory};
use anyhow::{Context, bail};
use blueox_event::wire::zmtp::SocketType;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;
use tempfile::TempDir;

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(30);

/// Which daemon, and where its programs are.
#[derive(Debug, Clone)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The directory with oxd and oxview.
    pub(crate) programs: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ours,
    Original,
}

/// A daemon that runs; killed when dropped.
#[derive(Debug)]
pub(crate) struct Daemon {
    child: Child,
    pub(crate) collection: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) files: DayFiles,
    /// Holds the log path; removed with the daemon.
    _directory: TempDir,
}

impl Contender {
    /// Starts it with a fresh log path below `directory`.
    pub(crate) fn start(&self, directory: &Path) -> anyhow::Result<Daemon> {
        let directory = tempfile::Builder::new().prefix("oxbench-").tempdir_in(directory)?;
        let logs = directory.path().join("logs");
        let mut command = Command::new(self.programs.join("oxd"));
        clear_environment(&mut command);
        command.arg("--log-path").arg(&logs).stdin(Stdio::null());
        let (child, collection, control) = match self.kind {
            Kind::Ours => {
                command.args(["--collect", "127.0.0.1:0", "--control", "127.0.0.1:0"]);
                spawn_ours(command)?
            }
            Kind::Original => start_original(command)?,
        };
        Ok(Daemon { child, collection, control, files: DayFiles::new(&logs), _directory: directory })
    }
}

/// Nothing of this run's surroundings reaches a daemon.
pub(crate) fn clear_environment(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["BLUEOX_", "OXD_", "PYTHON"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(name);
        }
    }
    command.env("TZ", "UTC").env("NO_COLOR", "1");
}

/// Ours takes free ports and announces them: the collection port and the control port.
pub(crate) fn spawn_ours(mut command: Command) -> anyhow::Result<(Child, SocketAddr, SocketAddr)> {
    command.stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let lines = BufReader::new(child.stderr.take().expect("BUG: it was piped")).lines();
    let (announced, announcements) = mpsc::channel();
    // Reads to the end, so that the daemon never waits for somebody to read its messages.
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let port = |name: &str| line.split_once(&format!("port={name} address="))?.1.trim().parse().ok();
            for name in ["collection", "control"] {
                if let Some(address) = port(name) {
                    let _ = announced.send((name, address));
                }
            }
        }
    });
    let mut ports = [None, None];
    while ports.contains(&None) {
        match announcements.recv_timeout(START_TIMEOUT) {
            Ok((name, address)) => ports[usize::from(name == "control")] = Some(address),
            Err(_) => {
                child.kill()?;
                bail!("oxd did not say which ports it listens on: {command:?}");
            }
        }
    }
    let [Some(collection), Some(control)] = ports else { unreachable!("BUG: both were announced") };
    Ok((child, collection, control))
}

/// The original has to be told its ports, and says nothing when it is ready.
fn start_original(mut command: Command) -> anyhow::Result<(Child, SocketAddr, SocketAddr)> {
    let (collection, control) = (free_port()?, free_port()?);
    command.arg("--collect").arg(collection.to_string()).arg("--control").arg(control.to_string());
    let mut child = command
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let watch = Stopwatch::start();
    while let Err(error) = status_over_zmtp(control, Duration::from_secs(5)) {
        if watch.elapsed() > START_TIMEOUT || child.try_wait()?.is_some() {
            child.kill()?;
            return Err(error.context("the original oxd does not answer"));
        }
        clock::pause(Duration::from_millis(50));
    }
    Ok((child, collection, control))
}

fn free_port() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Asks for STATUS as the original's tools do, on a new connection.
pub(crate) fn status_over_zmtp(control: SocketAddr, patience: Duration) -> anyhow::Result<()> {
    Peer::connect(control, SocketType::Req, patience)?.ask("STATUS").map(drop)
}

impl Daemon {
    /// CPU seconds so far.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        usage::process_cpu(self.child.id())
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        usage::memory(self.child.id())
    }

    /// Waits until the files stand still for `quiet`; gives the time of the last change, by `watch`, in seconds.
    /// A daemon that has written `expected` bytes has nothing more to write.
    pub(crate) fn wait_until_still(
        &mut self,
        expected: u64,
        quiet: Duration,
        watch: Stopwatch,
    ) -> anyhow::Result<f64> {
        let mut size = self.files.size();
        let mut changed = watch.elapsed();
        while size < expected && watch.elapsed() - changed < quiet {
            clock::pause(Duration::from_millis(5));
            let now = self.files.size();
            if now != size {
                (size, changed) = (now, watch.elapsed());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the daemon has ended: {status}");
            }
        }
        Ok(changed.as_secs_f64())
    }

    /// Has it write what it still holds, and end; its files stay until this is dropped.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        // An original may be too busy to answer; its files are counted all the same.
        let asked = Peer::connect(self.control, SocketType::Req, STOP_TIMEOUT)
            .and_then(|mut control| control.ask("SHUTDOWN"));
        let watch = Stopwatch::start();
        while asked.is_ok() && self.child.try_wait()?.is_none() && watch.elapsed() < STOP_TIMEOUT {
            clock::pause(Duration::from_millis(10));
        }
        self.kill();
        Ok(())
    }

    fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}
