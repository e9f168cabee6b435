//! Where events come from.

use crate::failure::{Outcome, Usage};
use crate::follow::{self, Target};
use crate::input::{self, Input, Packing};
use crate::read::{self, Reading};
use crate::sink::{self, Sink, Tail};
use crate::{live, log_path, merge, spool_input, stores, text};
use anyhow::Context;
use blueox_control::ControlAddress;
use rustix::fs::FileType;
use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// The events shown before those that are added, unless told otherwise.
const FOLLOW_TAIL: usize = 10;

/// One of the places that events come from.
#[derive(Debug)]
pub(crate) enum Source {
    Files(Vec<PathBuf>),
    LogPath { dirs: Vec<PathBuf>, slack: f64 },
    StandardInput { pipe: bool },
    Live(ControlAddress),
}

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) follow: bool,
    pub(crate) tail: Option<usize>,
}

impl Source {
    /// The first that is there: files, a log path, an address, standard input, the daemon of this machine.
    ///
    /// # Errors
    /// [`Usage`] when an address is none, or two sources are given.
    pub(crate) fn choose(
        files: Vec<PathBuf>,
        log_path: Vec<PathBuf>,
        slack: f64,
        host: Option<&str>,
    ) -> Result<Self, Usage> {
        let given = [!files.is_empty(), !log_path.is_empty(), host.is_some()];
        if given.into_iter().filter(|given| *given).count() > 1 {
            return Err(Usage("files, -l and -H are different sources: give one of them".to_owned()));
        }
        if !files.is_empty() {
            return Ok(Self::Files(files));
        }
        if !log_path.is_empty() {
            return Ok(Self::LogPath { dirs: log_path, slack });
        }
        let address = |error: blueox_control::address::AddressError| Usage(error.to_string());
        if let Some(host) = host {
            return Ok(Self::Live(host.parse().map_err(address)?));
        }
        let kind = rustix::fs::fstat(io::stdin().as_fd()).map(|stat| FileType::from_raw_mode(stat.st_mode));
        Ok(match kind {
            Ok(FileType::Fifo) => Self::StandardInput { pipe: true },
            Ok(FileType::RegularFile) => Self::StandardInput { pipe: false },
            // A terminal, /dev/null, a socket, nothing at all.
            _ => Self::Live(ControlAddress::from_environment().map_err(address)?),
        })
    }

    /// Whether it ends by itself, soon: a pager is of use only then.
    pub(crate) fn is_finite(&self) -> bool {
        matches!(self, Self::Files(_) | Self::LogPath { .. } | Self::StandardInput { pipe: false })
    }

    pub(crate) fn is_live(&self) -> bool {
        matches!(self, Self::Live(_))
    }

    /// Gives the events that are asked for to `sink`.
    ///
    /// # Errors
    /// When the source cannot be read; those of `sink`.
    pub(crate) fn run(
        &self,
        extent: Extent,
        reading: &mut Reading<'_>,
        sink: &mut dyn Sink,
    ) -> anyhow::Result<Outcome> {
        let files = match self {
            Self::Live(address) => {
                let events = live::connect(address, reading.selection)?;
                let _ = live::watch(events, &address.to_string(), reading.selection, reading.progress, sink)?;
                return Ok(Outcome::Fine);
            }
            Self::LogPath { dirs, slack } => return store(dirs, *slack, extent, reading, sink),
            Self::StandardInput { .. } => &[PathBuf::from("-")][..],
            Self::Files(files) => files,
        };
        if extent.follow && matches!(self, Self::Files(_)) {
            refuse_to_follow(files)?;
            let target = Target::Files(files.to_vec());
            let _ = follow::follow(&target, follow_tail(extent, reading), reading, sink)?;
            return Ok(Outcome::Fine);
        }
        for path in files {
            reading.progress.expect(bytes_of(path));
        }
        keep_last(extent.tail, sink, |sink| {
            for path in files {
                if spool_input::is_spool(path) {
                    if spool_input::read(path, reading, sink)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                    continue;
                }
                let Some(input) = reading.readable(open(path)) else { continue };
                let consumed = std::rc::Rc::clone(&input.consumed);
                let flow = read::read(input, reading, sink)?;
                if flow.is_break() {
                    return Ok(flow);
                }
                if consumed.get() == 0 && is_standard_input(path) {
                    reading.progress.say("standard input is empty; for the live stream: oxview -H 127.0.0.1");
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(Outcome::Fine)
    }
}

fn store(
    dirs: &[PathBuf],
    slack: f64,
    extent: Extent,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<Outcome> {
    if let Some(dir) = dirs.iter().find(|dir| spool_input::is_spool(dir)) {
        let name = text::printable_text(dir.as_os_str().as_encoded_bytes());
        anyhow::bail!("{name} is a spool, not a log path; to read it: oxview {name}");
    }
    if let Some(dir) = dirs.iter().find(|dir| dir.is_file()) {
        let name = text::printable_text(dir.as_os_str().as_encoded_bytes());
        anyhow::bail!("{name} is a file, not a log path; to read it: oxview {name}");
    }
    raise_open_files_limit();
    if extent.follow && dirs.iter().any(|dir| stores::is_url(dir)) {
        return Err(Usage("objects do not grow; leave out -f".to_owned()).into());
    }
    if extent.follow {
        let target = Target::LogPath { dirs: dirs.to_vec(), slack };
        let _ = follow::follow(&target, follow_tail(extent, reading), reading, sink)?;
        return Ok(Outcome::Fine);
    }
    let mut catalog = log_path::open(dirs, reading.selection, slack, None)?;
    reading.say_of_unreadable(&catalog);
    if catalog.days.is_empty() {
        let (explanation, unknown) = log_path::explain_nothing(&catalog, dirs, reading.selection);
        reading.progress.say(&explanation);
        return Ok(if unknown { Outcome::Failed } else { Outcome::Fine });
    }
    for remark in catalog.drop_overlap(dirs)? {
        reading.say_of_ranges(&remark);
    }
    let Some(tail) = extent.tail else {
        reading.progress.expect(catalog.bytes());
        for files in catalog.days.values() {
            if merge::merge(files, reading, sink)?.is_break() {
                break;
            }
        }
        return Ok(Outcome::Fine);
    };
    // From the last day backwards, until there are enough.
    let mut days = Vec::new();
    let mut missing = tail;
    for files in catalog.days.values().rev() {
        if missing == 0 {
            break;
        }
        let mut kept = Tail::new(missing);
        let _ = merge::merge(files, reading, &mut kept)?;
        let events = kept.into_events();
        missing -= events.len();
        days.push(events);
    }
    let _ = sink::replay(days.iter().rev().flatten(), sink)?;
    Ok(Outcome::Fine)
}

/// How much there is to read.
fn bytes_of(path: &Path) -> u64 {
    let length = |path: &Path| path.metadata().map_or(0, |metadata| metadata.len());
    match std::fs::read_dir(path) {
        Ok(entries) => entries.flatten().map(|entry| length(&entry.path())).sum(),
        Err(_) => length(path),
    }
}

/// Runs `give`; with `tail` only the last events of what it gives reach `sink`.
fn keep_last(
    tail: Option<usize>,
    sink: &mut dyn Sink,
    give: impl FnOnce(&mut dyn Sink) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    match tail {
        None => {
            let _ = give(sink)?;
        }
        Some(tail) => {
            let mut kept = Tail::new(tail);
            let _ = give(&mut kept)?;
            let _ = sink::replay(&kept.into_events(), sink)?;
        }
    }
    Ok(())
}

/// `--tail`, else everything from `--since` on, else the last few.
fn follow_tail(extent: Extent, reading: &Reading<'_>) -> Option<usize> {
    extent.tail.or(reading.selection.span().since.is_none().then_some(FOLLOW_TAIL))
}

fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn open(path: &Path) -> anyhow::Result<Input> {
    if is_standard_input(path) {
        // Not through the standard library's buffer: what arrives is to be shown.
        let stdin = io::stdin().as_fd().try_clone_to_owned().context("standard input is closed")?;
        return Input::of_file("standard input".to_owned(), File::from(stdin));
    }
    Input::open(path)
}

fn refuse_to_follow(files: &[PathBuf]) -> anyhow::Result<()> {
    for path in files {
        if is_standard_input(path) {
            return Err(Usage("standard input needs no -f: it is shown as it arrives".to_owned()).into());
        }
        let mut first = Vec::new();
        if spool_input::is_spool(path) {
            let message =
                "a spool cannot be followed; to see what comes: oxview -H ADDR, or -l DIR -f".to_owned();
            return Err(Usage(message).into());
        }
        if path.is_dir() {
            anyhow::bail!(input::is_a_directory(&text::printable_text(path.as_os_str().as_encoded_bytes())));
        }
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        file.take(4).read_to_end(&mut first).with_context(|| format!("cannot read {}", path.display()))?;
        if Packing::of(&first) != Packing::Plain {
            let message = format!("{} is compressed and cannot grow; leave out -f", path.display());
            return Err(Usage(message).into());
        }
    }
    Ok(())
}

/// A day may have more types than a process may usually open files.
fn raise_open_files_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    // Where that is refused, opening a file will say what is missing.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
