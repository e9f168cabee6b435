//! What time it is, and waiting for it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock;

impl Clock {
    /// Seconds since the epoch.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that is handed in")]
    pub fn now(self) -> f64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64()
    }

    /// Returns at `instant`, in seconds since the epoch; at once when that is past.
    #[expect(clippy::disallowed_methods, reason = "visits are spread over real time")]
    pub fn wait_until(self, instant: f64) {
        let left = instant - self.now();
        if left > 0.0 {
            std::thread::sleep(Duration::from_secs_f64(left));
        }
    }
}
