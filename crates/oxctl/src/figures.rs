//! Numbers as people read them.

/// `1,204`
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 event`, `1,204 events`
pub(crate) fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// `1,204/s`; below ten with one decimal: `0.3/s`, `0/s`
pub(crate) fn rate(per_second: f64) -> String {
    let tenths = (per_second * 10.0).round();
    if tenths > 0.0 && tenths < 100.0 && tenths % 10.0 != 0.0 {
        format!("{:.1}/s", tenths / 10.0)
    } else {
        // Casts of floats saturate, so that no number is too large and none is below zero.
        format!("{}/s", count(per_second.round() as u64))
    }
}

/// `0 B`, `1.5 KiB`, `12 MiB`
pub(crate) fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = usize::from(value < 9.95);
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// `0s`, `850us`, `12ms`, `3.2s`, `42s`, `4m10s`, `3d4h`: two units at most.
pub(crate) fn span(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 0.000_000_5 {
        return "0s".into();
    }
    if seconds < 0.000_999_5 {
        return format!("{:.0}us", seconds * 1e6);
    }
    if seconds < 0.999_5 {
        return format!("{:.0}ms", seconds * 1e3);
    }
    if seconds < 9.95 {
        return format!("{seconds:.1}s").replace(".0s", "s");
    }
    let whole = seconds.round() as u64;
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{}{large_unit}", count(large)),
        _ => format!("{}{large_unit}{small}{small_unit}", count(large)),
    };
    match whole {
        0..60 => format!("{whole}s"),
        60..3600 => two(whole / 60, "m", whole % 60, "s"),
        3600..86_400 => two(whole / 3600, "h", whole % 3600 / 60, "m"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// How long before `now` something was: `2s ago`, `just now` also when clocks disagree.
pub(crate) fn ago(now: f64, then: f64) -> String {
    let age = now - then;
    if age < 1.0 { "just now".into() } else { format!("{} ago", span(age.floor())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_rates() {
        for (n, expected) in [(0, "0"), (999, "999"), (1204, "1,204"), (1_000_000, "1,000,000")] {
            assert_eq!(count(n), expected);
        }
        for (n, expected) in [
            (0.0, "0/s"),
            (0.04, "0/s"),
            (0.25, "0.3/s"),
            (3.0, "3/s"),
            (9.96, "10/s"),
            (1204.4, "1,204/s"),
            (-1.0, "0/s"),
        ] {
            assert_eq!(rate(n), expected, "{n}");
        }
        assert_eq!(rate(1e300), "18,446,744,073,709,551,615/s");
    }

    #[test]
    fn sizes() {
        for (n, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (12 << 20, "12 MiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(bytes(n), expected, "{n}");
        }
    }

    #[test]
    fn spans() {
        for (seconds, expected) in [
            (0.0, "0s"),
            (-3.0, "0s"),
            (0.000_85, "850us"),
            (0.012, "12ms"),
            (0.9999, "1s"),
            (3.21, "3.2s"),
            (9.97, "10s"),
            (42.0, "42s"),
            (59.7, "1m"),
            (250.0, "4m10s"),
            (273_600.0, "3d4h"),
            (86_400.0 * 4000.0, "4,000d"),
        ] {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
        assert_eq!(ago(10.0, 12.0), "just now");
        assert_eq!(ago(10.0, 8.1), "1s ago");
        assert_eq!(ago(1e300, 0.0), "213,503,982,334,601d7h ago");
    }
}
