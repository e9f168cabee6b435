//! `--since` and `--until`: which time is meant.

use crate::duration;
use crate::failure::Usage;
use blueox_event::time::UtcDay;

/// A span of time; each end may be open. Seconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Span {
    pub(crate) since: Option<f64>,
    pub(crate) until: Option<Until>,
}

/// The end of a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Until {
    /// An instant belongs to the span.
    Included(f64),
    /// The end of a day does not: the next day begins there.
    Excluded(f64),
}

impl Until {
    pub(crate) fn seconds(self) -> f64 {
        match self {
            Self::Included(seconds) | Self::Excluded(seconds) => seconds,
        }
    }
}

impl Span {
    /// Reads the texts of the flags.
    ///
    /// # Errors
    /// [`Usage`] when a text is no time, or the span ends before it begins.
    pub(crate) fn parse(since: Option<&str>, until: Option<&str>, now: f64) -> Result<Self, Usage> {
        let since = since.map(|text| parse("--since", text, now)).transpose()?.map(|time| match time {
            Time::Day(day) => day.start() as f64,
            Time::Instant(seconds) => seconds,
        });
        let until = until.map(|text| parse("--until", text, now)).transpose()?.map(|time| match time {
            Time::Day(day) => Until::Excluded(day.next().start() as f64),
            Time::Instant(seconds) => Until::Included(seconds),
        });
        if let (Some(since), Some(until)) = (since, until)
            && match until {
                Until::Included(last) => since > last,
                Until::Excluded(beyond) => since >= beyond,
            }
        {
            return Err(Usage("--since is later than --until: no event can be in between".to_owned()));
        }
        Ok(Self { since, until })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    /// Whether an event that ended at `end` is in the span; one of which that is not known is not.
    pub(crate) fn holds(&self, end: Option<f64>) -> bool {
        if self.is_open() {
            return true;
        }
        let Some(end) = end else { return false };
        self.since.is_none_or(|since| end >= since)
            && self.until.is_none_or(|until| match until {
                Until::Included(last) => end <= last,
                Until::Excluded(beyond) => end < beyond,
            })
    }
}

enum Time {
    Day(UtcDay),
    Instant(f64),
}

fn parse(flag: &str, text: &str, now: f64) -> Result<Time, Usage> {
    let trimmed = text.trim();
    let today = UtcDay::of(now.floor() as i64);
    let time = match trimmed {
        "now" => Some(Time::Instant(now)),
        "today" => Some(Time::Day(today)),
        "yesterday" => Some(Time::Day(UtcDay::of(today.start() - 1))),
        _ => match trimmed.strip_prefix('-') {
            Some(ago) => duration::parse(ago).map(|ago| Time::Instant(now - ago)),
            None => date_and_time(trimmed, today),
        },
    };
    time.ok_or_else(|| {
        let hint = if duration::parse(trimmed).is_some() {
            format!("; did you mean -{trimmed}?")
        } else {
            "; write 20120313, \"20120313 12:00\", 2012-03-13T12:00:00Z, -2h, today or yesterday (UTC)"
                .to_owned()
        };
        Usage(format!("{flag} {text:?} is no time{hint}"))
    })
}

/// `20120313`, `2012-03-13`, either with a time behind it, or a time of today.
fn date_and_time(text: &str, today: UtcDay) -> Option<Time> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (date, rest) = match (text.get(..8), text.get(..10)) {
        (Some(date), _) if digits(date) => (date.to_owned(), &text[8..]),
        (_, Some(date)) if date.as_bytes()[4] == b'-' && date.as_bytes()[7] == b'-' => {
            (date.replace('-', ""), &text[10..])
        }
        _ => return Some(Time::Instant(today.start() as f64 + time_of_day(text)?)),
    };
    let day = UtcDay::parse(date.as_bytes())?;
    if rest.is_empty() {
        return Some(Time::Day(day));
    }
    let time = rest.strip_prefix(['T', 't', ' '])?;
    Some(Time::Instant(day.start() as f64 + time_of_day(time)?))
}

/// Seconds in `12:00`, `12:00:00`, `12:00:00.25`, with `Z` or an offset such as `+01:00` behind it or not.
fn time_of_day(text: &str) -> Option<f64> {
    let (time, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) if text[at..].eq_ignore_ascii_case("z") => (&text[..at], 0.0),
        Some(at) => {
            let sign = if text.as_bytes()[at] == b'-' { -1.0 } else { 1.0 };
            (&text[..at], sign * clock_time(&text[at + 1..])?)
        }
        None => (text, 0.0),
    };
    Some(clock_time(time)? - offset)
}

fn clock_time(text: &str) -> Option<f64> {
    let mut parts = text.split(':');
    let mut whole = |limit: u32| {
        let part = parts.next()?;
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
        part.parse::<u32>().ok().filter(|n| *n < limit)
    };
    let (hours, minutes) = (whole(24)?, whole(60)?);
    let seconds = match parts.next() {
        None => 0.0,
        Some(part) if part.len() >= 2 && part.as_bytes()[..2].iter().all(u8::is_ascii_digit) => {
            part.parse::<f64>().ok().filter(|n| (0.0..61.0).contains(n))?
        }
        Some(_) => return None,
    };
    parts.next().is_none().then_some(f64::from(hours * 3600 + minutes * 60) + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: f64 = 1_331_640_000.0; // 2012-03-13 12:00 UTC

    #[test]
    fn every_way_to_write_a_time() {
        for (text, expected) in [
            ("20120313", NOON - 43_200.0),
            ("2012-03-13", NOON - 43_200.0),
            ("20120313 12:00", NOON),
            ("2012-03-13 12:00:00.5", NOON + 0.5),
            ("2012-03-13T12:00:00Z", NOON),
            ("2012-03-13T13:00:00+01:00", NOON),
            ("12:00", NOON),
            ("-2h", NOON - 7200.0),
            ("-1h30m", NOON - 5400.0),
            ("today", NOON - 43_200.0),
            ("yesterday", NOON - 129_600.0),
            ("now", NOON),
        ] {
            assert_eq!(Span::parse(Some(text), None, NOON).unwrap().since, Some(expected), "{text}");
        }
        for text in
            ["", "2h", "20120231", "20120313 25:00", "12", "20120313 1200", "12:00:0x", "-", "-x", "é"]
        {
            assert!(Span::parse(Some(text), None, NOON).is_err(), "{text}");
        }
    }

    #[test]
    fn a_bare_end_date_includes_that_day() {
        let day = Span::parse(Some("20120313"), Some("20120313"), NOON).unwrap();
        assert!(day.holds(Some(NOON + 43_199.999)));
        assert!(!day.holds(Some(NOON + 43_200.0)));
        let instant = Span::parse(None, Some("20120313 12:00"), NOON).unwrap();
        assert!(instant.holds(Some(NOON)));
        assert!(!instant.holds(Some(NOON + 0.001)));
        assert!(!instant.holds(None));
        assert!(Span::default().holds(None));
        assert!(Span::parse(Some("today"), Some("yesterday"), NOON).is_err());
    }
}
