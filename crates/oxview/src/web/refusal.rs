//! Answers that are no success: JSON with a text that says what to do.

use crate::failure::Usage;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use blueox_event::Filter;
use serde_json::{Map, Value};

/// A request that is not done, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Map<String, Value>,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, body: Map::from_iter([("error".to_owned(), Value::String(error.into()))]) }
    }

    /// A parameter that makes no sense.
    pub(crate) fn parameter(name: &str, error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error).with("parameter", name)
    }

    /// Too much at once; it may be tried again soon.
    pub(crate) fn busy(error: &str) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, error)
    }

    /// Something that cannot be read or done on this machine.
    pub(crate) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// Adds a field beside the text.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.body.insert(key.to_owned(), value.into());
        self
    }
}

/// What is wrong on the command line is wrong in a request.
impl From<Usage> for Refusal {
    fn from(Usage(text): Usage) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text.replace("--since", "since").replace("--until", "until"))
    }
}

/// Reads a filter that stands in the parameter `name`.
///
/// # Errors
/// With the place that is wrong.
pub(crate) fn parse_filter(name: &str, source: &str) -> Result<Filter, Refusal> {
    Filter::parse(source).map_err(|error| {
        let refusal =
            Refusal::parameter(name, error.to_string()).with("span", vec![error.span.start, error.span.end]);
        match error.suggestion {
            Some(suggestion) => refusal.with("suggestion", suggestion),
            None => refusal,
        }
    })
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, axum::Json(Value::Object(self.body))).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
