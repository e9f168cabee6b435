//! Seconds since the epoch as UTC dates and back. No clock: nothing here knows what time it is.

use std::fmt;

/// A day of the proleptic Gregorian calendar in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UtcDay {
    days: i32,
}

impl UtcDay {
    /// The day that holds an instant, in seconds since the epoch.
    #[must_use]
    pub fn of(seconds: i64) -> Self {
        let days = seconds.div_euclid(86_400).clamp(i64::from(i32::MIN) / 2, i64::from(i32::MAX) / 2);
        Self { days: i32::try_from(days).expect("BUG: clamped to the range") }
    }

    /// The day `YYYYMMDD`, if it exists.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() != 8 || !text.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let number = text.iter().fold(0i32, |number, digit| number * 10 + i32::from(digit - b'0'));
        let day = Self::from_civil(number / 10_000, number / 100 % 100, number % 100);
        (day.civil() == (number / 10_000, number / 100 % 100, number % 100)).then_some(day)
    }

    /// The first second of the day, since the epoch.
    #[must_use]
    pub fn start(self) -> i64 {
        i64::from(self.days) * 86_400
    }

    /// The following day.
    #[must_use]
    pub fn next(self) -> Self {
        Self { days: self.days + 1 }
    }

    /// Year, month (1 to 12) and day of the month. Method: H. Hinnant, "chrono-compatible low-level date
    /// algorithms", civil_from_days.
    #[must_use]
    pub fn civil(self) -> (i32, i32, i32) {
        let z = self.days + 719_468;
        let era = z.div_euclid(146_097);
        let day_of_era = z.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        (year_of_era + era * 400 + i32::from(month <= 2), month, day)
    }

    /// As [`UtcDay::civil`], backwards (days_from_civil).
    fn from_civil(year: i32, month: i32, day: i32) -> Self {
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Self { days: era * 146_097 + day_of_era - 719_468 }
    }
}

/// `YYYYMMDD`
impl fmt::Display for UtcDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}{month:02}{day:02}")
    }
}

/// An instant as RFC 3339 text in UTC, `2012-03-13T12:00:00.25Z`: nanoseconds without trailing zeros.
#[must_use]
pub fn rfc3339(seconds: i64, nanoseconds: u32) -> String {
    let (year, month, day) = UtcDay::of(seconds).civil();
    let of_day = seconds.rem_euclid(86_400);
    let mut text = format!(
        "{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}",
        of_day / 3600,
        of_day / 60 % 60,
        of_day % 60
    );
    if nanoseconds > 0 {
        let fraction = format!("{nanoseconds:09}");
        text.push('.');
        text.push_str(fraction.trim_end_matches('0'));
    }
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days() {
        for (seconds, text) in [
            (0, "19700101"),
            (-1, "19691231"),
            (1_331_640_000, "20120313"),
            (951_782_400, "20000229"),
            (4_107_542_399, "21000228"),
            (4_107_542_400, "21000301"),
        ] {
            assert_eq!(UtcDay::of(seconds).to_string(), text);
        }
        assert_eq!(UtcDay::parse(b"20120230"), None);
        assert_eq!(UtcDay::parse(b"2012031x"), None);
        assert_eq!(rfc3339(1_331_640_000, 250_000_000), "2012-03-13T12:00:00.25Z");
    }

    proptest::proptest! {
        #[test]
        fn a_day_is_read_as_it_is_written(seconds in -50_000_000_000i64..250_000_000_000) {
            let day = UtcDay::of(seconds);
            proptest::prop_assert!(day.start() <= seconds && seconds < day.next().start());
            proptest::prop_assert_eq!(UtcDay::parse(day.to_string().as_bytes()), Some(day));
        }
    }
}
