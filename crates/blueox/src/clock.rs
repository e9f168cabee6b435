//! The only place that reads the machine's clocks.
//!
//! An event needs two times. Both are read from the monotonic clock and turned into seconds since the epoch by one offset, so that a
//! duration is right even when the wall clock jumps, and a time costs one reading. The offset is measured again when it is
//! older than a second.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// A reading of the monotonic clock, in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Moment(i64);

const OFFSET_AGE: i64 = 1_000_000_000;

/// The wall clock less the monotonic one, in nanoseconds, and when that was measured. The two may be a measurement apart: then the
/// offset is newer than it seems, or is measured once more.
static OFFSET: AtomicI64 = AtomicI64::new(0);
static MEASURED: AtomicI64 = AtomicI64::new(i64::MIN / 2);

impl Moment {
    pub(crate) fn now() -> Self {
        Self(nanoseconds(rustix::time::ClockId::Monotonic))
    }

    /// Seconds since the epoch.
    pub(crate) fn seconds(self) -> f64 {
        if self.0.saturating_sub(MEASURED.load(Ordering::Relaxed)) > OFFSET_AGE {
            measure();
        }
        (self.0 + OFFSET.load(Ordering::Relaxed)) as f64 / 1e9
    }

    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    pub(crate) fn after(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(wait.as_nanos()).unwrap_or(i64::MAX)))
    }

    /// As the protocol's machines take it: time since some fixed moment.
    pub(crate) fn as_duration(self) -> Duration {
        Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

fn measure() {
    let monotonic = nanoseconds(rustix::time::ClockId::Monotonic);
    let wall = nanoseconds(rustix::time::ClockId::Realtime);
    OFFSET.store(wall - monotonic, Ordering::Relaxed);
    MEASURED.store(monotonic, Ordering::Relaxed);
}

fn nanoseconds(clock: rustix::time::ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "compares with the machine's clock")]
    fn seconds_are_those_of_the_wall_clock() {
        let wall =
            || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let before = wall();
        let found = Moment::now().seconds();
        assert!(before - 0.01 <= found && found <= wall() + 0.01);
    }
}
