//! SIGTERM, SIGINT and SIGHUP.

use crate::clock::Clock;
use std::time::Duration;
use tokio::signal::unix::{self, SignalKind, signal};

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// SIGTERM or SIGINT: stop.
    Terminate,
    /// SIGHUP: open the files anew.
    HangUp,
}

/// Two signals within this span are one.
const ECHO: Duration = Duration::from_millis(250);

/// The signals that the daemon hears.
#[derive(Debug)]
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    /// Begins to listen; from here on no signal ends the process unheard.
    pub(crate) fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the next signal. Cancel safe.
    pub(crate) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Terminate,
            _ = self.hang_up.recv() => Signal::HangUp,
        }
    }

    /// Waits for a second SIGTERM or SIGINT. One that comes right behind the first is its echo: a terminal or a
    /// supervisor that signals both the process and its group. Cancel safe.
    pub(crate) async fn insisted(&mut self, clock: Clock, first: Duration) {
        while self.next().await != Signal::Terminate || clock.elapsed().saturating_sub(first) < ECHO {}
    }
}
