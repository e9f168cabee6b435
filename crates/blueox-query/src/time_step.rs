//! Steps of time that grow with what they have to span.
//!
//! Each step is a whole number of the one before, so that counts by a smaller step become counts by a larger one by
//! adding, and two that were counted with different steps merge.

use crate::limits::TIMES;

/// Seconds: 1, 5, 15 and 30 s, minutes, hours, a day, and then twice as much each time.
const STEPS: [u64; 14] = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800];

/// A step of time in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeStep(u64);

impl TimeStep {
    /// The smallest that grows.
    pub const SMALLEST: Self = Self(STEPS[0]);

    /// Its length in seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        self.0
    }

    /// The next larger one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(STEPS.into_iter().find(|step| *step > self.0).unwrap_or(self.0 * 2))
    }

    /// The number of the step in which an instant lies; `None` when no sane clock says that.
    #[must_use]
    pub fn index(self, seconds: f64) -> Option<u64> {
        (TIMES.0..TIMES.1).contains(&seconds).then(|| seconds as u64 / self.0)
    }

    /// The number, in this step, of a step of a smaller one.
    #[must_use]
    pub fn coarsen(self, index: u64, smaller: Self) -> u64 {
        index * smaller.0 / self.0
    }
}
