//! The only place that reads the machine's clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The machine's clocks, handed to whoever needs the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    /// How much later than the machine's clock says it is.
    ahead: Duration,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), ahead: Duration::ZERO }
    }

    /// Seconds since the epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    pub(crate) fn now(self) -> f64 {
        (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.ahead).as_secs_f64()
    }

    /// The same clocks, of which that on the wall is ahead: for what happens after a day.
    #[cfg(test)]
    pub(crate) fn ahead(self, by: Duration) -> Self {
        Self { ahead: by, ..self }
    }

    /// Time since the daemon was started; never runs backwards.
    pub(crate) fn elapsed(self) -> Duration {
        self.started.elapsed()
    }
}
