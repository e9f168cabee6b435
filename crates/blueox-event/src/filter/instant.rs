//! Instants as people write them.

use crate::time::UtcDay;

/// The seconds since the epoch of an instant: a day (`2012-03-13` or `20120313`), then perhaps `T` or a space and
/// `12:00`, `12:00:00` or `12:00:00.25`, then perhaps `Z` or `+02:00`. Without an offset it is UTC.
pub(super) fn parse(text: &str) -> Option<f64> {
    let text = text.trim();
    let (day, time) = match text.find(['T', 't', ' ']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let day = parse_day(day)?.start();
    let Some(time) = time else { return Some(day as f64) };
    let (time, offset) = split_offset(time)?;
    let (of_day, fraction) = parse_time(time)?;
    let seconds = day + of_day - offset;
    // Before the epoch the fraction counts forward from the whole second, so it cannot simply be appended.
    if seconds < 0 {
        return Some(seconds as f64 + format!("0.{fraction}0").parse::<f64>().ok()?);
    }
    format!("{seconds}.{fraction}0").parse().ok()
}

fn parse_day(day: &str) -> Option<UtcDay> {
    let day = day.as_bytes();
    match day.len() {
        8 => UtcDay::parse(day),
        10 if day[4] == b'-' && day[7] == b'-' => {
            UtcDay::parse(&[day[0], day[1], day[2], day[3], day[5], day[6], day[8], day[9]])
        }
        _ => None,
    }
}

/// `12:00:00.25+02:00` as `12:00:00.25` and 7200 seconds.
fn split_offset(time: &str) -> Option<(&str, i64)> {
    if let Some(time) = time.strip_suffix(['Z', 'z']) {
        return Some((time, 0));
    }
    let Some(at) = time.find(['+', '-']) else { return Some((time, 0)) };
    let sign = if time.as_bytes()[at] == b'+' { 1 } else { -1 };
    let (hours, minutes) = match &time.as_bytes()[at + 1..] {
        [a, b, b':', c, d] | [a, b, c, d] => (two_digits(*a, *b)?, two_digits(*c, *d)?),
        [a, b] => (two_digits(*a, *b)?, 0),
        _ => return None,
    };
    (hours < 24 && minutes < 60).then_some((&time[..at], sign * (hours * 3600 + minutes * 60)))
}

/// The second of the day and the digits after its point.
fn parse_time(time: &str) -> Option<(i64, &str)> {
    let (whole, fraction) = match time.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (time, ""),
    };
    let (hours, minutes, seconds) = match whole.as_bytes() {
        [a, b, b':', c, d] if fraction.is_empty() => (two_digits(*a, *b)?, two_digits(*c, *d)?, 0),
        [a, b, b':', c, d, b':', e, f] => (two_digits(*a, *b)?, two_digits(*c, *d)?, two_digits(*e, *f)?),
        _ => return None,
    };
    // A leap second is the same instant as the second after it.
    let exists =
        hours < 24 && minutes < 60 && seconds <= 60 && fraction.bytes().all(|byte| byte.is_ascii_digit());
    exists.then_some((hours * 3600 + minutes * 60 + seconds, fraction))
}

fn two_digits(tens: u8, ones: u8) -> Option<i64> {
    (tens.is_ascii_digit() && ones.is_ascii_digit())
        .then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants() {
        let noon = 1_331_640_000.0;
        for (text, expected) in [
            ("2012-03-13", Some(noon - 43_200.0)),
            ("20120313", Some(noon - 43_200.0)),
            ("2012-03-13 12:00", Some(noon)),
            ("20120313 12:00", Some(noon)),
            ("2012-03-13T12:00:00Z", Some(noon)),
            ("2012-03-13t12:00:00.25z", Some(noon + 0.25)),
            ("2012-03-13T14:00:00+02:00", Some(noon)),
            ("2012-03-13T06:30:00-0530", Some(noon)),
            ("1969-12-31T23:59:59.75Z", Some(-0.25)),
            ("2012-03-13T12", None),
            ("2012-03-13T12:00.5", None),
            ("2012-03-13T12:00:00.", None),
            ("2012-03-13T24:00", None),
            ("2012-02-30", None),
            ("2012-03-1é", None),
            ("2012-03-13T", None),
            ("", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in -62_000_000_000i64..250_000_000_000) {
            proptest::prop_assert_eq!(parse(&crate::time::rfc3339(seconds, 0)), Some(seconds as f64));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC*|[-0-9T:.Z+ ]{0,30}") {
            let _ = parse(&text);
        }
    }
}
