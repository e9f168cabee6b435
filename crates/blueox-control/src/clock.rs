//! The monotonic clock, as deadlines. The only place of this crate that reads it.

use std::time::{Duration, Instant};

/// A point in time until which something may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    #[expect(clippy::disallowed_methods, reason = "the clock of this crate")]
    fn now() -> Instant {
        Instant::now()
    }

    pub(crate) fn after(duration: Duration) -> Self {
        let now = Self::now();
        // A duration that no clock can hold is as good as the longest that it can.
        Self(now.checked_add(duration).unwrap_or_else(|| now + Duration::from_secs(86_400 * 365)))
    }

    /// How long it is until then; `None` when it is past.
    pub(crate) fn remaining(self) -> Option<Duration> {
        let left = self.0.saturating_duration_since(Self::now());
        (!left.is_zero()).then_some(left)
    }
}
