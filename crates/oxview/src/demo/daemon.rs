//! An `oxd` of the demo: a process in a group of its own, so that Ctrl-C reaches this program alone, which stops it in order.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

/// How long it may take until it listens, or until it has stopped.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a process that is to end is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// How it is started.
#[derive(Debug, Clone)]
pub(super) struct Recipe {
    pub(super) oxd: PathBuf,
    /// What it is called on the terminal and in its folder.
    pub(super) name: &'static str,
    pub(super) dir: PathBuf,
    pub(super) args: Vec<String>,
    pub(super) collection: SocketAddr,
    pub(super) control: SocketAddr,
}

/// One that runs.
#[derive(Debug)]
pub(super) struct Daemon {
    name: &'static str,
    child: Child,
    /// Gone before `child` is: what it would end then is another's process.
    heir: Heir,
    pub(super) collection: SocketAddr,
    pub(super) control: SocketAddr,
}

impl Recipe {
    /// Starts it, and waits until it listens.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn start(&self) -> anyhow::Result<Daemon> {
        let name = self.name;
        let mut command = Command::new(&self.oxd);
        command
            .args(["--collect", &self.collection.to_string(), "--control", &self.control.to_string()])
            .args(["--config", "/dev/null", "--spool-max", "256MiB"])
            .arg("--spool")
            .arg(self.dir.join(format!("{name}-spool")))
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0);
        // What is set for a daemon of this machine is not meant for this one.
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("OXD_")) {
            command.env_remove(key);
        }
        let mut child = command.spawn().with_context(|| format!("cannot start {}", self.oxd.display()))?;
        let stderr = child.stderr.take().context("BUG: it was asked for")?;
        let path = self.dir.join(format!("{name}.log"));
        let log = File::options().append(true).create(true).open(&path);
        let log = log.with_context(|| format!("cannot write {}", path.display()))?;
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || copy(BufReader::new(stderr), log, &sender));
        let begun = Heir::of(&child).and_then(|heir| Ok((heir, addresses(&lines)?)));
        match begun {
            Ok((heir, (collection, control))) => Ok(Daemon { name, child, heir, collection, control }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(error.context(format!("the {name} did not start; its log: {}", path.display())))
            }
        }
    }
}

impl Daemon {
    /// Ends it as a crash would.
    pub(super) fn kill(mut self) {
        self.heir.dismiss();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Lets it write what it has, and waits for that.
    ///
    /// # Errors
    /// When it does not end, or not well.
    pub(super) fn stop(mut self) -> anyhow::Result<()> {
        self.heir.dismiss();
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        // Nothing is ever sent: a wait that is not for the clock alone.
        let (_never, quiet) = mpsc::channel::<()>();
        for _ in 0..PATIENCE.as_millis() / LOOK.as_millis() {
            if let Some(status) = self.child.try_wait().context("cannot wait for a process")? {
                if !status.success() {
                    bail!("the {} ended with {status}", self.name);
                }
                return Ok(());
            }
            let _ = quiet.recv_timeout(LOOK);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        bail!("the {} did not stop in time and was killed", self.name)
    }

    /// Whether it still runs.
    ///
    /// Looked at without reaping it: until then its number is nobody else's, and the heir may keep it.
    pub(super) fn is_running(&self) -> bool {
        let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) else { return false };
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        matches!(waitid(WaitId::Pid(pid), options), Ok(None))
    }
}

/// A shell that waits for this program's end and then asks the daemon to stop: killed, the program cannot do so itself. It reads
/// from a pipe that nothing is ever written to, and whose other end only this program holds.
#[derive(Debug)]
struct Heir {
    shell: Child,
}

impl Heir {
    /// # Errors
    /// When there is no `sh`.
    fn of(daemon: &Child) -> anyhow::Result<Self> {
        let shell = Command::new("sh")
            .args(["-c", "read -r nothing; kill -TERM \"$0\"", &daemon.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start sh")?;
        Ok(Self { shell })
    }

    fn dismiss(&mut self) {
        // Killed before its pipe is closed, which waiting does.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.dismiss();
    }
}

/// Copies what it says to its log, and to whoever waits for it to listen.
fn copy(lines: impl BufRead, mut log: File, sender: &Sender<String>) {
    for line in lines.lines().map_while(Result::ok) {
        let _ = writeln!(log, "{line}");
        let _ = sender.send(line);
    }
}

/// Where it listens, by what it says.
fn addresses(lines: &Receiver<String>) -> anyhow::Result<(SocketAddr, SocketAddr)> {
    let (mut collection, mut control) = (None, None);
    let mut last = String::new();
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else { bail!("its last words: {last}") };
        if let Some((port, address)) = listening(&line) {
            match port {
                "collection" => collection = Some(address),
                "control" => control = Some(address),
                _ => {}
            }
        }
        if let (Some(collection), Some(control)) = (collection, control) {
            return Ok((collection, control));
        }
        last = line;
    }
}

/// The port and the address of a line such as `... listening port=collection address=127.0.0.1:3514`.
fn listening(line: &str) -> Option<(&str, SocketAddr)> {
    let fields = line.split_once("listening ")?.1;
    let field = |name: &str| {
        let value = fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='))?;
        Some(value.trim_matches('"'))
    };
    Some((field("port")?, field("address")?.parse().ok()?))
}

/// Any free port of this machine.
pub(super) fn any_port() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// The log path below the demo's folder.
pub(super) fn log_path(dir: &Path) -> PathBuf {
    dir.join("logs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_it_listens_is_read_from_what_it_says() {
        let line = "2026-11-22T21:15:37.665640Z  INFO oxd::daemon: listening port=collection address=127.0.0.1:44431";
        assert_eq!(listening(line), Some(("collection", SocketAddr::from(([127, 0, 0, 1], 44431)))));
        assert_eq!(listening("INFO oxd::daemon: keeping events"), None);
    }
}
