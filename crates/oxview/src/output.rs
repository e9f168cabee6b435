//! Standard output: buffered, perhaps through a pager, and closed by whoever reads it.

use crate::failure::ClosedPipe;
use anyhow::Context;
use rustix::event::{PollFd, PollFlags, Timespec};
use std::env;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::{Child, ChildStdin, Command, Stdio};

/// How much is collected before it is written.
const BUFFER_BYTES: usize = 64 << 10;

/// Where events end up.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) buffer: Vec<u8>,
    target: Target,
}

#[derive(Debug)]
enum Target {
    Standard(File),
    /// A pager is started when there is something to see.
    PagerWanted(String),
    Pager(Child, ChildStdin),
}

impl Output {
    /// # Errors
    /// When standard output is closed from the beginning.
    pub(crate) fn open(pager: Option<String>) -> anyhow::Result<Self> {
        let target = match pager {
            Some(command) => Target::PagerWanted(command),
            None => Target::Standard(standard()?),
        };
        Ok(Self { buffer: Vec::with_capacity(BUFFER_BYTES * 2), target })
    }

    /// Writes when enough has been collected.
    ///
    /// # Errors
    /// [`ClosedPipe`], or what the system says.
    pub(crate) fn write_some(&mut self) -> anyhow::Result<()> {
        if self.buffer.len() >= BUFFER_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes all that was collected.
    ///
    /// # Errors
    /// [`ClosedPipe`], or what the system says.
    pub(crate) fn flush(&mut self) -> anyhow::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if let Target::PagerWanted(command) = &self.target {
            self.target = match start_pager(command) {
                Ok((pager, stdin)) => Target::Pager(pager, stdin),
                Err(_) => Target::Standard(standard()?),
            };
        }
        let written = match &mut self.target {
            Target::Standard(file) => file.write_all(&self.buffer),
            Target::Pager(_, stdin) => stdin.write_all(&self.buffer),
            Target::PagerWanted(_) => unreachable!("BUG: it was started above"),
        };
        self.buffer.clear();
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(ClosedPipe.into()),
            written => written.context("cannot write to standard output"),
        }
    }

    /// Fails when nobody reads any more, so that a long search for further events ends.
    ///
    /// # Errors
    /// [`ClosedPipe`].
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        let fd: BorrowedFd<'_> = match &self.target {
            Target::Standard(file) => file.as_fd(),
            Target::Pager(_, stdin) => stdin.as_fd(),
            Target::PagerWanted(_) => return Ok(()),
        };
        let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::empty())];
        let gone = rustix::event::poll(&mut fds, Some(&Timespec::default())).is_ok()
            && fds[0].revents().intersects(PollFlags::ERR);
        if gone { Err(ClosedPipe.into()) } else { Ok(()) }
    }
}

impl Drop for Output {
    /// The terminal belongs to the pager until it ends.
    fn drop(&mut self) {
        let target = std::mem::replace(&mut self.target, Target::PagerWanted(String::new()));
        if let Target::Pager(mut pager, stdin) = target {
            drop(stdin);
            let _ = pager.wait();
        }
    }
}

fn standard() -> anyhow::Result<File> {
    let fd = io::stdout().as_fd().try_clone_to_owned().context("standard output is closed")?;
    Ok(File::from(fd))
}

fn start_pager(command: &str) -> io::Result<(Child, ChildStdin)> {
    let mut pager = Command::new("sh").args(["-c", command]).stdin(Stdio::piped()).spawn()?;
    let stdin = pager.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok((pager, stdin))
}

/// The pager that the user wants on a terminal: `$PAGER`, else less in a way that leaves short output alone.
pub(crate) fn pager() -> Option<String> {
    match env::var("PAGER") {
        Ok(pager) if pager.is_empty() || pager == "cat" => None,
        Ok(pager) => Some(pager),
        Err(_) => on_path("less").then(|| "less -FRX".to_owned()),
    }
}

fn on_path(program: &str) -> bool {
    env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// The columns of the terminal on standard output; `None` when it is none.
pub(crate) fn columns() -> Option<usize> {
    let stdout = io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let asked = env::var("COLUMNS").ok().and_then(|text| text.parse().ok());
    let columns = asked.or_else(|| Some(usize::from(rustix::termios::tcgetwinsize(&stdout).ok()?.ws_col)));
    Some(columns.filter(|columns| *columns > 0).unwrap_or(80).max(40))
}
