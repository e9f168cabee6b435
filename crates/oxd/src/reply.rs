//! Answers of the HTTP side that are no success: JSON with a text that says what to do.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that was not done, and why.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    body: Value,
}

impl Refusal {
    pub(crate) fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, body: json!({ "error": error.into() }) }
    }

    /// Adds a field beside the text.
    #[must_use]
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.body[key] = value.into();
        self
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(self.body)).into_response()
    }
}

/// What is answered on a path that does not exist.
pub(crate) async fn no_such_path(uri: axum::http::Uri) -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, format!("there is no {} on this port", uri.path()))
}
