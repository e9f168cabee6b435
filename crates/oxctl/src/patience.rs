//! How long something may take, as flags say it.

use std::time::Duration;

/// The longest that can be asked for.
const MAX_PATIENCE: Duration = Duration::from_secs(86_400);

/// Reads how long something may take: a number and ms, s, m or h; a number alone is seconds. At most a day.
///
/// # Errors
/// What to write.
pub fn parse_patience(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err("write a number and ms, s, m or h, such as 30s".into()),
    };
    let seconds: f64 = number.parse().map_err(|_| "write a number and ms, s, m or h, such as 30s")?;
    match Duration::try_from_secs_f64(seconds * scale) {
        Ok(patience) if patience <= MAX_PATIENCE => Ok(patience),
        _ => Err("at most 24h".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        for (text, expected) in [
            ("30s", Some(30_000)),
            ("30", Some(30_000)),
            ("250ms", Some(250)),
            ("1.5m", Some(90_000)),
            ("24h", Some(86_400_000)),
            ("25h", None),
            ("s", None),
            ("-1s", None),
            ("1.2.3s", None),
            ("30 s", None),
            ("30d", None),
        ] {
            assert_eq!(parse_patience(text).ok(), expected.map(Duration::from_millis), "{text}");
        }
    }
}
