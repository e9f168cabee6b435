//! One of our daemons on the way from an application to a store: it keeps its directory and its ports when it is
//! killed and started again.

use crate::clock::{self, Stopwatch};
use crate::daemon;
use crate::day_files::DayFiles;
use crate::usage::{self, Memory};
use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const STOP_TIMEOUT: Duration = Duration::from_secs(60);

/// What a daemon is told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    /// Whether it keeps day files.
    pub(crate) keeps: bool,
    /// `--forward`.
    pub(crate) forward: Option<String>,
    /// More flags.
    pub(crate) flags: Vec<String>,
    /// A library for LD_PRELOAD.
    pub(crate) preload: Option<PathBuf>,
}

/// The daemon; killed when dropped.
#[derive(Debug)]
pub(crate) struct Hop {
    oxd: PathBuf,
    directory: PathBuf,
    orders: Orders,
    child: Option<Child>,
    /// Known from the first start on.
    ports: Option<(SocketAddr, SocketAddr)>,
}

impl Hop {
    /// Starts a daemon whose log path and spool are below `directory`, in a folder called `name`.
    pub(crate) fn start(oxd: &Path, directory: &Path, name: &str, orders: Orders) -> anyhow::Result<Self> {
        let directory = directory.join(name);
        let mut hop = Self { oxd: oxd.into(), directory, orders, child: None, ports: None };
        hop.start_again()?;
        Ok(hop)
    }

    /// Starts it on what it left, at the same ports.
    pub(crate) fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "BUG: it runs");
        let mut command = Command::new(&self.oxd);
        daemon::clear_environment(&mut command);
        let mut argument = |flag: &str, value: OsString| {
            command.arg(flag).arg(value);
        };
        let any = || (OsString::from("127.0.0.1:0"), OsString::from("127.0.0.1:0"));
        let (collect, control) = self
            .ports
            .map_or_else(any, |(collect, control)| (collect.to_string().into(), control.to_string().into()));
        argument("--collect", collect);
        argument("--control", control);
        argument("--spool", self.spool().into());
        if self.orders.keeps {
            argument("--log-path", self.logs().into());
        }
        if let Some(forward) = &self.orders.forward {
            argument("--forward", forward.into());
        }
        command.args(&self.orders.flags).stdin(Stdio::null());
        if let Some(library) = &self.orders.preload {
            command.env("LD_PRELOAD", library);
        }
        let (child, collection, control) = daemon::spawn_ours(command)?;
        self.child = Some(child);
        self.ports = Some((collection, control));
        Ok(())
    }

    pub(crate) fn collection(&self) -> SocketAddr {
        self.ports.expect("BUG: it was started").0
    }

    /// Where its spool is.
    pub(crate) fn spool(&self) -> PathBuf {
        self.directory.join("spool")
    }

    pub(crate) fn files(&self) -> DayFiles {
        DayFiles::new(&self.logs())
    }

    /// CPU seconds of the process that runs now.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        usage::process_cpu(self.pid()?)
    }

    pub(crate) fn memory(&self) -> anyhow::Result<Memory> {
        usage::memory(self.pid()?)
    }

    /// SIGSTOP, SIGCONT, SIGTERM.
    pub(crate) fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.pid()?.cast_signed()).context("BUG: a child has a number")?;
        Ok(kill_process(pid, signal)?)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM; waits until it has written what it holds.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.signal(Signal::TERM)?;
        let watch = Stopwatch::start();
        while let Some(child) = &mut self.child {
            match child.try_wait()? {
                Some(status) => {
                    ensure!(status.success(), "oxd ended with {status}");
                    self.child = None;
                }
                None if watch.elapsed() > STOP_TIMEOUT => bail!("oxd does not stop within {STOP_TIMEOUT:?}"),
                None => clock::pause(Duration::from_millis(5)),
            }
        }
        Ok(())
    }

    /// Waits until the day files have so many bytes, or stand still for `quiet`; gives when that was, by `watch`.
    pub(crate) fn wait_for_files(
        &mut self,
        bytes: u64,
        quiet: Duration,
        watch: Stopwatch,
    ) -> anyhow::Result<f64> {
        let files = self.files();
        let (mut size, mut changed) = (files.size(), watch.elapsed());
        while size < bytes && watch.elapsed() - changed < quiet {
            clock::pause(Duration::from_millis(5));
            let now = files.size();
            if now != size {
                (size, changed) = (now, watch.elapsed());
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().transpose()) {
                bail!("oxd has ended: {}", status?);
            }
        }
        Ok(changed.as_secs_f64())
    }

    fn logs(&self) -> PathBuf {
        self.directory.join("logs")
    }

    fn pid(&self) -> anyhow::Result<u32> {
        Ok(self.child.as_ref().context("oxd does not run")?.id())
    }
}

impl Drop for Hop {
    fn drop(&mut self) {
        // A stopped process is killed too.
        self.kill();
    }
}
