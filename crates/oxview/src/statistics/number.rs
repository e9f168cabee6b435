//! Numbers as people read them.

use crate::duration;
use blueox_query::measure::Measure;

/// A measure's number in a table.
pub(crate) fn shown(value: Option<f64>, measure: &Measure) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match measure {
        Measure::Count | Measure::Distinct(_) => thousands(value.round()),
        Measure::Rate => format!("{}/s", short(value)),
        Measure::Err => format!("{:.1}", value * 100.0),
        measure if measure.is_duration() => duration::short(value),
        Measure::Of(..) => short(value),
    }
}

/// A measure's name in a table.
pub(crate) fn title(measure: &Measure) -> String {
    match measure {
        Measure::Err => "err%".to_owned(),
        measure => measure.to_string(),
    }
}

/// Three digits that matter, and all before the point.
pub(crate) fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e15 => format!("{value:.2e}"),
        size if size >= 100.0 || value.fract() == 0.0 => thousands(value.round()),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 1e-3 => format!("{value:.3}"),
        _ => format!("{value:.2e}"),
    }
}

/// A whole number, `8,412`.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

/// A measure's number for machines. Durations go to the nanosecond: what is below is noise of the subtraction.
pub(crate) fn measured(value: f64, measure: &Measure) -> blueox_event::Value {
    exact(if measure.is_duration() { (value * 1e9).round() / 1e9 } else { value })
}

/// A number for machines: whole ones without a point.
pub(crate) fn exact(value: f64) -> blueox_event::Value {
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return blueox_event::Value::from(value as i64);
    }
    blueox_event::Value::F64(value)
}

/// Counts as a line of blocks, from none to the most.
pub(crate) fn spark(counts: &[f64], columns: usize) -> String {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let per_column = counts.len().div_ceil(columns.max(1)).max(1);
    let counts: Vec<f64> = counts.chunks(per_column).map(|counts| counts.iter().sum()).collect();
    let most = counts.iter().copied().fold(0.0, f64::max);
    let block = |count: &f64| {
        if *count <= 0.0 || most <= 0.0 {
            return ' ';
        }
        BLOCKS[((count / most * 8.0).ceil() as usize).clamp(1, 8) - 1]
    };
    counts.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (8412.0, "8,412"),
            (-1_234_567.0, "-1,234,567"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.0123, "0.012"),
            (0.000_012, "1.20e-5"),
            (999.96, "1,000"),
            (1e18, "1.00e18"),
        ] {
            assert_eq!(short(value), text);
        }
        assert_eq!(spark(&[0.0, 1.0, 8.0, 4.0], 10), " ▁█▄");
        assert_eq!(spark(&[1.0, 1.0, 0.0, 4.0], 2), "▄█");
    }
}
