//! Several measurements of one thing, and how they are printed.

use std::fmt;

/// Measurements, at least one.
#[derive(Debug, Clone)]
pub(crate) struct Stats {
    sorted: Vec<f64>,
}

impl Stats {
    /// # Panics
    /// If there is no measurement.
    pub(crate) fn of(measurements: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = measurements.into_iter().collect();
        assert!(!sorted.is_empty(), "BUG: nothing was measured");
        sorted.sort_by(f64::total_cmp);
        Self { sorted }
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.sorted.len() / 2;
        match self.sorted.len() % 2 {
            0 => f64::midpoint(self.sorted[middle - 1], self.sorted[middle]),
            _ => self.sorted[middle],
        }
    }

    /// The smallest measurement that so many of a hundred do not exceed (nearest rank).
    pub(crate) fn percentile(&self, percent: f64) -> f64 {
        let rank = (percent / 100.0 * self.sorted.len() as f64).ceil() as usize;
        self.sorted[rank.clamp(1, self.sorted.len()) - 1]
    }

    pub(crate) fn max(&self) -> f64 {
        self.sorted[self.sorted.len() - 1]
    }
}

/// Median, smallest and largest: `1.41 (1.38–1.52)`.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}–{})", short(self.median()), short(self.sorted[0]), short(self.max()))
    }
}

/// Three digits, or all before the point.
pub(crate) fn short(number: f64) -> String {
    match number.abs() {
        n if n >= 99.95 => format!("{number:.0}"),
        n if n >= 9.995 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

pub(crate) fn mib(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

pub(crate) fn milliseconds(seconds: f64) -> String {
    format!("{} ms", short(seconds * 1e3))
}

/// 1,234,567
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_and_percentiles() {
        let stats = Stats::of([3.0, 1.0, 2.0]);
        assert_eq!(stats.to_string(), "2.00 (1.00–3.00)");
        assert_eq!(Stats::of([1.0, 4.0]).median(), 2.5);
        assert_eq!(Stats::of((1..=100).map(f64::from)).percentile(99.0), 99.0);
        assert_eq!(Stats::of([7.0]).percentile(99.0), 7.0);
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [short(1234.5), short(99.96), short(12.34), short(0.126)],
            ["1234", "100", "12.3", "0.13"]
        );
        assert_eq!([thousands(1), thousands(1_000), thousands(1_234_567)], ["1", "1,000", "1,234,567"]);
    }
}
