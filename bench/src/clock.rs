//! The one place that reads clocks and waits for time to pass.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long something takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch {
    begun: Instant,
}

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    pub(crate) fn start() -> Self {
        Self { begun: Instant::now() }
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.begun.elapsed()
    }

    pub(crate) fn seconds(self) -> f64 {
        self.elapsed().as_secs_f64()
    }
}

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "events carry the time of the run")]
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Lets time pass between two looks at another process, or between two events of a trickle.
#[expect(clippy::disallowed_methods, reason = "other processes are looked at from outside")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}
