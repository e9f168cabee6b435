//! When to connect again.

use crate::limits::{MAX_BACKOFF, MIN_BACKOFF};
use crate::process::Incarnation;
use crate::random::Random;
use std::time::Duration;

/// Waits that double, each somewhere between half of it and all of it, so that many applications do not come back at once.
pub(super) struct Backoff {
    next: Duration,
    random: Random,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: MIN_BACKOFF, random: Random::unseeded() }
    }

    /// A connection stands.
    pub(super) fn reset(&mut self) {
        self.next = MIN_BACKOFF;
    }

    pub(super) fn next(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(MAX_BACKOFF);
        self.jittered(wait)
    }

    /// For a daemon that said when to come back.
    pub(super) fn at_least(&mut self, wait: Duration) -> Duration {
        let wait = wait.min(Duration::from_secs(30));
        wait + self.jittered(wait / 2)
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        let random = self.random.number(Incarnation::current());
        let half = wait / 2;
        half + half.mul_f64((random >> 11) as f64 / (1u64 << 53) as f64)
    }
}
