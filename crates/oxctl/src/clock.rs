//! The wall clock. The only place of this program that reads it.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "the clock of this program")]
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
