//! Durations as people read and write them.

/// Ten thousand years. What takes longer comes from a clock that was wrong.
const MAX_SECONDS: f64 = 10_000.0 * 365.25 * 86_400.0;

/// `812ms`, `1.2s`, `35µs`, `2m03s`, `1h05m`, `3d04h`: two or three digits that matter.
pub(crate) fn short(seconds: f64) -> String {
    let (sign, seconds) = if seconds < 0.0 { ("-", -seconds) } else { ("", seconds) };
    let scaled = |n: f64, unit: &str| {
        if n < 9.95 && unit != "ns" { format!("{sign}{n:.1}{unit}") } else { format!("{sign}{n:.0}{unit}") }
    };
    if seconds >= MAX_SECONDS {
        return if sign.is_empty() { ">10,000y".to_owned() } else { "<-10,000y".to_owned() };
    }
    // Each limit is where the unit's last value would round up to the next unit.
    match seconds {
        0.0 => "0".to_owned(),
        s if s < 0.999_5e-6 => scaled(s * 1e9, "ns"),
        s if s < 0.999_5e-3 => scaled(s * 1e6, "µs"),
        s if s < 0.999_5 => scaled(s * 1e3, "ms"),
        s if s < 59.5 => scaled(s, "s"),
        s if s < 3_599.5 => pair(sign, s.round(), 60.0, "m", 1.0, "s"),
        s if s < 86_370.0 => pair(sign, (s / 60.0).round() * 60.0, 3600.0, "h", 60.0, "m"),
        s => pair(sign, (s / 3600.0).round() * 3600.0, 86_400.0, "d", 3600.0, "h"),
    }
}

fn pair(sign: &str, seconds: f64, large: f64, large_unit: &str, small: f64, small_unit: &str) -> String {
    let (whole, rest) = ((seconds / large).floor(), seconds % large / small);
    format!("{sign}{whole:.0}{large_unit}{rest:02.0}{small_unit}")
}

/// Seconds in `2h`, `30m`, `1d`, `1h30m`, `1.5s`, `250ms`; `None` if it is nothing like that.
pub(crate) fn parse(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut seconds = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        seconds += number
            * match &rest[..letters] {
                "ms" => 1e-3,
                "s" | "sec" => 1.0,
                "m" | "min" => 60.0,
                "h" => 3600.0,
                "d" => 86_400.0,
                "w" => 604_800.0,
                _ => return None,
            };
        rest = &rest[letters..];
    }
    Some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_people_write_them() {
        for (seconds, text) in [
            (0.0, "0"),
            (12e-9, "12ns"),
            (35e-6, "35µs"),
            (0.0012, "1.2ms"),
            (0.812, "812ms"),
            (0.9996, "1.0s"),
            (12.3, "12s"),
            (123.0, "2m03s"),
            (3900.0, "1h05m"),
            (274_000.0, "3d04h"),
            (-0.5, "-500ms"),
            (1e300, ">10,000y"),
            (f64::NEG_INFINITY, "<-10,000y"),
        ] {
            assert_eq!(short(seconds), text);
        }
    }

    #[test]
    fn as_people_type_them() {
        assert_eq!(parse("1h30m"), Some(5400.0));
        assert_eq!(parse("1.5s"), Some(1.5));
        assert_eq!(parse("2"), None);
        assert_eq!(parse("2x"), None);
        assert_eq!(parse(""), None);
    }
}
