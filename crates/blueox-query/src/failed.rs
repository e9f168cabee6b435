//! Whether an event is an error: its body has an `exception`, or a status from 500 on.

use crate::lookups::{Findings, Lookups, Slot};
use blueox_event::Path;
use blueox_event::event::Found;
use blueox_event::msgpack::{RawValue, Token};

/// Where bodies have a status, the most telling name first.
pub const STATUS: [&str; 8] = [
    "status",
    "response.status",
    "status_code",
    "response.status_code",
    "http.status_code",
    "http.status",
    "response.code",
    // what the integrations of the original with web frameworks write, and ours
    "response_status_code",
];
/// Where bodies tell what was raised.
pub const EXCEPTION: &str = "exception";

/// A status from which on an answer is an error of the one who answers.
const ERROR_STATUS: f64 = 500.0;

/// Where an event is looked at for an error.
#[derive(Debug, Clone)]
pub struct Failed {
    status: Vec<Slot>,
    exception: Slot,
}

impl Failed {
    /// Adds what is needed to `lookups`.
    pub fn new(lookups: &mut Lookups) -> Self {
        // Below `body`: an event's own map has no status.
        let mut slot =
            |name: &str| lookups.add(&Path::parse(&format!("body.{name}")).expect("BUG: these are paths"));
        Self { status: STATUS.iter().map(|name| slot(name)).collect(), exception: slot(EXCEPTION) }
    }

    /// Whether the event in which this was found is an error.
    #[must_use]
    pub fn is_error(&self, found: &Findings<'_>) -> bool {
        let value = |slot: &Slot| match found.get(*slot) {
            Some(Found::Value(value)) => Some(value),
            _ => None,
        };
        let status = self.status.iter().filter_map(value).find(|value| is_scalar(*value));
        status.is_some_and(is_error_status)
            || value(&self.exception).is_some_and(|exception| exception.token() != Token::Nil)
    }
}

fn is_scalar(value: RawValue<'_>) -> bool {
    !matches!(value.token(), Token::Nil | Token::Map(_) | Token::Array(_))
}

/// Whether the value of a status says that something failed. It is a number, or text such as `500` or `500 Internal Server Error`.
#[must_use]
pub fn is_error_status(value: RawValue<'_>) -> bool {
    let number = value.as_f64().unwrap_or_else(|| {
        let text = value.as_text().unwrap_or_default();
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        str::from_utf8(&text[..digits.min(6)]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0)
    });
    number >= ERROR_STATUS
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{EncodedEvent, Value};

    fn is_error(body: Value) -> bool {
        let event = Value::map([("type", Value::from("request")), ("body", body)]).to_msgpack();
        let mut lookups = Lookups::default();
        let failed = Failed::new(&mut lookups);
        let event = EncodedEvent::parse(&event).unwrap();
        let mut findings = Findings::default();
        lookups.find(&event, &mut findings);
        failed.is_error(&findings)
    }

    #[test]
    fn a_status_from_500_on_is_an_error_whatever_it_is_called() {
        for name in ["status", "response_status_code", "status_code"] {
            for (status, expected) in [(200, false), (404, false), (500, true), (503, true)] {
                assert_eq!(is_error(Value::map([(name, Value::from(status))])), expected, "{name} {status}");
            }
        }
        assert!(is_error(Value::map([("response", Value::map([("code", Value::from("502 Bad Gateway"))]))])));
    }

    #[test]
    fn an_exception_is_an_error() {
        assert!(is_error(Value::map([
            ("exception", Value::from("ValueError")),
            ("status", Value::from(200))
        ])));
        assert!(!is_error(Value::map([("exception", Value::Nil)])));
    }
}
