//! What is counted.

use blueox_event::Path;
use std::fmt;

/// One number of an answer.
///
/// ```
/// use blueox_query::measure::Measure;
/// let measures = Measure::parse_list("count,err,p99,sum(response.size),distinct(user.id)").unwrap();
/// assert_eq!(measures[2].to_string(), "p99");
/// assert_eq!(measures[3].to_string(), "sum(response.size)");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Measure {
    /// How many events.
    Count,
    /// How many events a second.
    Rate,
    /// The share of events that are errors ([`crate::failed`]), 0 to 1.
    Err,
    /// Of the numbers of a field.
    Of(Function, Path),
    /// How many different values a field has.
    Distinct(Path),
}

/// What is computed of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// Their sum.
    Sum,
    /// Their mean.
    Avg,
    /// The least.
    Min,
    /// The greatest.
    Max,
    /// The value that this share of them, above 0 and at most 1, does not exceed.
    Quantile(f64),
}

/// Text that is no measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MeasureError {
    /// There is no such measure.
    #[error(
        "{0:?} is no statistic; there are count, rate, err, sum(x), avg(x), min(x), max(x), p50, p99, p999, p99(x) and distinct(x)"
    )]
    Unknown(String),
    /// It needs a field.
    #[error("{0} needs a field; write {0}(duration) or {0}(response.size)")]
    NeedsField(String),
    /// It takes none.
    #[error("{0} takes no field")]
    TakesNoField(String),
    /// That is no field.
    #[error("{0:?} is no field: {1}")]
    NoField(String, blueox_event::path::PathError),
}

impl Measure {
    /// Parses measures joined by commas.
    ///
    /// # Errors
    /// With the first that is none.
    pub fn parse_list(text: &str) -> Result<Vec<Self>, MeasureError> {
        text.split(',').map(str::trim).filter(|text| !text.is_empty()).map(Self::parse).collect()
    }

    /// Parses one.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, MeasureError> {
        let (name, field) = match text.split_once('(') {
            Some((name, rest)) => {
                let field = rest.strip_suffix(')').ok_or_else(|| MeasureError::Unknown(text.to_owned()))?;
                (name.trim(), Some(field.trim()))
            }
            None => (text, None),
        };
        let path =
            |field: &str| Path::parse(field).map_err(|error| MeasureError::NoField(field.to_owned(), error));
        let needed = || path(field.ok_or_else(|| MeasureError::NeedsField(name.to_owned()))?);
        let plain = |measure: Self| match field {
            None => Ok(measure),
            Some(_) => Err(MeasureError::TakesNoField(name.to_owned())),
        };
        match name {
            "count" => plain(Self::Count),
            "rate" => plain(Self::Rate),
            "err" => plain(Self::Err),
            "sum" => Ok(Self::Of(Function::Sum, needed()?)),
            "avg" => Ok(Self::Of(Function::Avg, needed()?)),
            "min" => Ok(Self::Of(Function::Min, needed()?)),
            "max" => Ok(Self::Of(Function::Max, needed()?)),
            "distinct" => Ok(Self::Distinct(needed()?)),
            _ => {
                let share = quantile(name).ok_or_else(|| MeasureError::Unknown(text.to_owned()))?;
                Ok(Self::Of(Function::Quantile(share), path(field.unwrap_or("duration"))?))
            }
        }
    }

    /// Whether its numbers are seconds.
    #[must_use]
    pub fn is_duration(&self) -> bool {
        matches!(self, Self::Of(_, path) if path.segments() == ["duration"])
    }
}

/// `p50` is one half, `p999` is 0.999, `p99.9` too: two digits before the point.
fn quantile(name: &str) -> Option<f64> {
    let digits = name.strip_prefix('p')?;
    if digits == "100" {
        return Some(1.0);
    }
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, fraction),
        None => digits.split_at(digits.len().min(2)),
    };
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 2
        || fraction.len() > 6
        || !are_digits(whole)
        || !are_digits(fraction)
    {
        return None;
    }
    // Read as one decimal, so that p999 is exactly the number that 0.999 is.
    let share: f64 = format!("0.{whole:0>2}{fraction}").parse().ok()?;
    (share > 0.0).then_some(share)
}

/// As it was written, `p99` for `p99(duration)`.
impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count => f.write_str("count"),
            Self::Rate => f.write_str("rate"),
            Self::Err => f.write_str("err"),
            Self::Distinct(path) => write!(f, "distinct({path})"),
            Self::Of(Function::Quantile(share), path) => {
                write_quantile(*share, f)?;
                if path.segments() == ["duration"] { Ok(()) } else { write!(f, "({path})") }
            }
            Self::Of(function, path) => {
                let name = match function {
                    Function::Sum => "sum",
                    Function::Avg => "avg",
                    Function::Min => "min",
                    Function::Max | Function::Quantile(_) => "max",
                };
                write!(f, "{name}({path})")
            }
        }
    }
}

fn write_quantile(share: f64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if share >= 1.0 {
        return f.write_str("p100");
    }
    let text = share.to_string();
    write!(f, "p{:0<2}", text.trim_start_matches("0."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_are_read_as_they_are_written() {
        for text in [
            "count",
            "rate",
            "err",
            "sum(a.b)",
            "avg(x)",
            "min(x)",
            "max(x)",
            "p50",
            "p05",
            "p999(x)",
            "p100",
            "distinct(x)",
        ] {
            assert_eq!(Measure::parse(text).unwrap().to_string(), text);
        }
        let share = |text| match Measure::parse(text) {
            Ok(Measure::Of(Function::Quantile(share), _)) => Some(share),
            _ => None,
        };
        for (text, expected) in [
            ("p50", Some(0.5)),
            ("p5", Some(0.05)),
            ("p99.9", Some(0.999)),
            ("p9999", Some(0.9999)),
            ("p100", Some(1.0)),
            ("p0", None),
            ("p", None),
            ("p101.5", None),
            ("p-5", None),
        ] {
            assert_eq!(share(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_measure_says_what_to_write() {
        for (text, expected) in [
            ("median", "\"median\" is no statistic"),
            ("sum", "sum needs a field; write sum(duration)"),
            ("count(x)", "count takes no field"),
            ("p99(", "is no statistic"),
            ("p99(a..b)", "\"a..b\" is no field"),
        ] {
            let error = Measure::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
