//! From lines to the daemon, by the library.

use crate::arguments::Run;
use crate::format::{Format, TEXT_KEY};
use crate::interrupt::Interrupt;
use crate::lines::{Line, MAX_LINE_BYTES};
use anyhow::Context;
use blueox::{COLLECTION_PORT, Config, HOST_VARIABLE, Stats};
use std::process::ExitCode;
use std::time::Duration;

/// What events may hold until the daemon has them, in bytes.
const MEMORY: usize = 32 << 20;

/// With so much on its way nothing more is read.
const MUCH: usize = MEMORY / 2;

/// How often that is looked at, in lines and in bytes: what comes between two looks fits into the other half.
const LOOK_LINES: u32 = 256;
const LOOK_BYTES: usize = 1 << 20;

/// How long the daemon is waited for in one piece.
const WAIT: Duration = Duration::from_millis(100);

/// Takes lines, and keeps account of them.
#[derive(Debug)]
pub(crate) struct Ingest {
    format: Format,
    interrupt: Interrupt,
    address: String,
    is_verbose: bool,
    lines: u64,
    /// Lines that were not of the format.
    unparsed: u64,
    lines_since_look: u32,
    bytes_since_look: usize,
}

/// Whether the daemon has everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Whole,
    Short,
}

impl Ended {
    pub(crate) fn code(self) -> ExitCode {
        match self {
            Self::Whole => ExitCode::SUCCESS,
            Self::Short => ExitCode::FAILURE,
        }
    }
}

impl Ingest {
    /// Says where events go.
    ///
    /// # Errors
    /// When the address or the token make no sense, or the token's file cannot be read.
    pub(crate) fn begin(run: &Run, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let environment = || std::env::var(HOST_VARIABLE).ok().filter(|host| !host.is_empty());
        let address = run.to.as_ref().map(ToString::to_string).or_else(environment);
        let address = address.unwrap_or_else(|| format!("127.0.0.1:{COLLECTION_PORT}"));
        // What the environment says besides the address counts too.
        let mut config = Config::from_env().daemon(&address).memory(MEMORY).text_bytes(MAX_LINE_BYTES + 1);
        if let Some(file) = &run.token_file {
            let token = std::fs::read_to_string(file)
                .with_context(|| format!("cannot read the token file {}", file.display()))?;
            config = config.token(token.trim_end());
        }
        blueox::configure(config)?;
        Ok(Self {
            format: run.format.clone(),
            interrupt: interrupt.clone(),
            address,
            is_verbose: run.is_verbose,
            lines: 0,
            unparsed: 0,
            lines_since_look: 0,
            bytes_since_look: 0,
        })
    }

    /// Makes an event of a line. Waits while much is on its way to the daemon.
    pub(crate) fn line(&mut self, type_name: &str, line: Line<'_>) {
        {
            let event = blueox::context(type_name);
            let is_whole = line.part.is_none();
            if let Some(part) = line.part {
                event.set("part", part);
            }
            if !(is_whole && self.format.read(line.bytes, &event)) {
                event.set_with(TEXT_KEY, |to| to.text_bytes(line.bytes));
                self.unparsed += u64::from(!matches!(self.format, Format::Text));
            }
        }
        self.lines += 1;
        self.lines_since_look += 1;
        self.bytes_since_look += line.bytes.len();
        if self.lines_since_look >= LOOK_LINES || self.bytes_since_look >= LOOK_BYTES {
            (self.lines_since_look, self.bytes_since_look) = (0, 0);
            self.wait_for_room();
        }
    }

    fn wait_for_room(&self) {
        let mut waits = 0;
        while blueox::stats().memory > MUCH && !self.interrupt.is_asked() && !blueox::flush(WAIT) {
            waits += 1;
            if waits == 10 {
                eprintln!("oxingest: waiting for the oxd at {}{}", self.address, because(&blueox::stats()));
            }
        }
    }

    /// Whether the daemon has on its disk what was handed over so far; waits for that a little.
    pub(crate) fn is_kept(&self) -> bool {
        blueox::flush(WAIT) && blueox::stats().dropped == 0
    }

    /// Waits until the daemon has everything, at most for `patience`; says what came of it.
    pub(crate) fn end(self, patience: Duration) -> Ended {
        let is_through = blueox::flush(patience);
        let why = blueox::stats();
        let account = blueox::shutdown(if is_through { patience } else { Duration::ZERO });
        if self.unparsed > 0 {
            let Self { lines, unparsed, .. } = &self;
            eprintln!(
                "oxingest: {unparsed} of {lines} lines are not of the format; they were sent as text, under data"
            );
        }
        let lost = account.produced - account.accepted;
        if lost > 0 {
            let address = &self.address;
            eprintln!(
                "error: {lost} of {} events did not reach the oxd at {address}{}",
                account.produced,
                because(&why)
            );
            return Ended::Short;
        }
        if self.is_verbose {
            eprintln!("oxingest: {} events are on the disk of the oxd at {}", account.accepted, self.address);
        }
        Ended::Whole
    }
}

fn because(account: &Stats) -> String {
    account.problem.as_ref().map_or_else(String::new, |problem| format!(": {problem}"))
}
