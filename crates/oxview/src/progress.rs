//! How far a long scan has got: one line on standard error, after a second, on a terminal only.

use crate::clock::Stopwatch;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const QUIET: Duration = Duration::from_secs(1);
const INTERVAL: Duration = Duration::from_millis(200);
/// How many messages are held back.
const MAX_HELD: usize = 100;
const GIB: f64 = (1u64 << 30) as f64;

/// The line.
#[derive(Debug)]
pub(crate) struct Progress {
    /// Of the program.
    name: &'static str,
    /// What is done with bytes, where they are not scanned for matches.
    doing: Option<&'static str>,
    bar: Option<ProgressBar>,
    /// Events are written to the terminal too.
    shares_terminal: bool,
    begun: Stopwatch,
    shown: Duration,
    total: u64,
    scanned: u64,
    /// What is said while the terminal belongs to somebody else.
    held: Option<Messages>,
}

/// What there was to say while nobody could read standard error.
#[derive(Debug, Clone, Default)]
pub(crate) struct Messages(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    texts: Vec<String>,
    is_new: bool,
}

impl Messages {
    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, text: &str) {
        let mut held = self.held();
        held.is_new = true;
        // the first and the newest tell most
        if held.texts.len() == MAX_HELD {
            held.texts.pop();
        }
        held.texts.push(text.to_owned());
    }

    /// The newest.
    pub(crate) fn last(&self) -> Option<String> {
        self.held().texts.last().cloned()
    }

    /// Takes all of them, the oldest first.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.held().texts)
    }

    /// Whether something was said since this was asked.
    pub(crate) fn are_new(&self) -> bool {
        std::mem::take(&mut self.held().is_new)
    }
}

impl Progress {
    pub(crate) fn new() -> Self {
        Self::named("oxview")
    }

    /// For the program of this name.
    pub(crate) fn named(name: &'static str) -> Self {
        let shares_terminal = std::io::stdout().is_terminal();
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(
                ProgressStyle::with_template("{msg}").expect("BUG: a template that does not change"),
            );
            bar
        });
        Self {
            name,
            doing: None,
            bar,
            shares_terminal,
            begun: Stopwatch::start(),
            shown: QUIET,
            total: 0,
            scanned: 0,
            held: None,
        }
    }

    /// From now on bytes are not scanned: they are sent, fetched, compared.
    pub(crate) fn doing(&mut self, what: &'static str) {
        (self.doing, self.total, self.scanned) = (Some(what), 0, 0);
    }

    /// So many bytes are going to be scanned.
    pub(crate) fn expect(&mut self, bytes: u64) {
        self.total += bytes;
    }

    /// So many more have been.
    pub(crate) fn advance(&mut self, bytes: u64, matches: u64) {
        self.scanned += bytes;
        let Some(bar) = &self.bar else { return };
        let elapsed = self.begun.elapsed();
        if elapsed < self.shown {
            return;
        }
        self.shown = elapsed + INTERVAL;
        let scanned = self.scanned as f64 / GIB;
        let rate = scanned / elapsed.as_secs_f64();
        let of = if self.total > 0 {
            format!("{scanned:.1}/{:.1}", self.total as f64 / GIB)
        } else {
            format!("{scanned:.1}")
        };
        bar.set_message(match self.doing {
            Some(what) => format!("{what} {of} GiB"),
            None => format!("scanned {of} GiB · {rate:.1} GiB/s · {matches} matches"),
        });
    }

    /// Events are going to be written: on the same terminal they are progress enough.
    pub(crate) fn output_begins(&mut self) {
        if self.shares_terminal {
            self.clear();
        }
    }

    /// Takes the line away.
    pub(crate) fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// From now on nothing is written: it is kept for who has the terminal.
    pub(crate) fn hold_back(&mut self) -> Messages {
        self.clear();
        self.held.get_or_insert_default().clone()
    }

    /// Writes what was held back.
    pub(crate) fn let_go(&mut self) {
        if let Some(messages) = self.held.take() {
            for text in std::mem::take(&mut messages.held().texts) {
                self.say(&text);
            }
        }
    }

    /// As [`Progress::say`], for who looks at a terminal; a log of standard error would not need it.
    pub(crate) fn say_to_terminal(&self, text: &str) {
        if std::io::stderr().is_terminal() {
            self.say(text);
        }
    }

    /// Writes to standard error without tearing the line.
    pub(crate) fn say(&self, text: &str) {
        if let Some(messages) = &self.held {
            messages.push(text);
            return;
        }
        let write = || {
            use std::io::Write;
            let _ = writeln!(std::io::stderr(), "{}: {text}", self.name);
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
