//! Equal steps of time over a range.

use blueox_query::limits::TIMES;
use serde_json::Value;

/// Steps that people read, in seconds; longer ones are whole days.
const STEPS: [f64; 20] = [
    0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0,
    7_200.0, 21_600.0, 43_200.0, 86_400.0,
];

/// Columns of equal length, each of which begins at a whole number of steps since the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    /// The length of a column in seconds.
    pub(crate) step: f64,
    /// The number of the first column since the epoch.
    first: u64,
    pub(crate) columns: usize,
}

impl Axis {
    /// Covers a range by so many columns at most.
    pub(crate) fn new(since: f64, until: f64, columns: usize) -> Self {
        let since = since.clamp(TIMES.0, TIMES.1);
        let until = until.clamp(since, TIMES.1);
        let days = (1..).map(|n| 86_400.0 * f64::from(1u32 << n.min(20)));
        let mut steps = STEPS.into_iter().chain(days);
        let fits = |step: &f64| Self::over(since, until, *step).columns <= columns;
        let step = steps.find(fits).expect("BUG: a million days are longer than all time");
        Self::over(since, until, step)
    }

    fn over(since: f64, until: f64, step: f64) -> Self {
        let milliseconds = (step * 1e3).round() as u64;
        let index = |seconds: f64| (seconds * 1e3) as u64 / milliseconds;
        let (first, last) = (index(since), index(until));
        Self { step, first, columns: usize::try_from(last - first).unwrap_or(usize::MAX - 1) + 1 }
    }

    /// When a column begins, in seconds since the epoch.
    pub(crate) fn start(&self, column: usize) -> f64 {
        ((self.first + column as u64) * (self.step * 1e3).round() as u64) as f64 / 1e3
    }

    /// The column in which an instant lies, if it is one of these.
    pub(crate) fn column(&self, seconds: f64) -> Option<usize> {
        let index = (seconds.max(0.0) * 1e3) as u64 / (self.step * 1e3).round() as u64;
        usize::try_from(index.checked_sub(self.first)?).ok().filter(|column| *column < self.columns)
    }

    /// When the columns begin.
    pub(crate) fn times(&self) -> Value {
        (0..self.columns).map(|column| self.start(column)).collect()
    }

    /// A value for each column; `empty` where there is none.
    pub(crate) fn series(&self, values: impl Iterator<Item = (f64, Value)>, empty: &Value) -> Value {
        let mut series = vec![empty.clone(); self.columns];
        for (start, value) in values {
            if let Some(column) = self.column(start) {
                series[column] = value;
            }
        }
        Value::Array(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_covered_by_no_more_columns_than_there_may_be() {
        for (since, until, most, step, columns) in [
            (1_331_639_100.0, 1_331_640_000.0, 60, 30.0, 31),
            (1_331_639_100.0, 1_331_640_000.0, 61, 15.0, 61),
            (1_331_639_100.0, 1_331_640_000.0, 200, 5.0, 181),
            (1_331_639_100.0, 1_331_639_100.0, 1, 0.1, 1),
            (0.0, f64::MAX, 200, 86_400.0 * 512.0, 158),
        ] {
            let axis = Axis::new(since, until, most);
            assert_eq!((axis.step, axis.columns), (step, columns), "{since} {until} {most}");
            assert!(axis.column(since.max(TIMES.0)) == Some(0));
        }
    }

    proptest::proptest! {
        #[test]
        fn every_instant_has_its_column(since in 4e8..6.8e9f64, length in 0.0..4e8f64, most in 1usize..200, at in 0.0..1.0f64) {
            let axis = Axis::new(since, since + length, most);
            proptest::prop_assert!(axis.columns <= most.max(2));
            let instant = since + length * at;
            let column = axis.column(instant).unwrap();
            proptest::prop_assert!(axis.start(column) <= instant + 0.001 && instant < axis.start(column + 1) + 0.001);
        }
    }
}
