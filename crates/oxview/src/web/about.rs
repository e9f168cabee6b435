//! What is served, and which types of events there are.

use super::limits;
use super::page::Page;
use super::parameters::Parameters;
use super::question::json_response;
use super::range::{SINCE, span};
use super::refusal::Refusal;
use crate::selection::Selection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;

/// `GET /api/v1/about`
///
/// # Errors
/// When there are parameters.
pub(crate) async fn get(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    Parameters::parse(&query.unwrap_or_default())?.finish()?;
    let paths: Vec<_> = page.store.dirs.iter().map(|dir| dir.to_string_lossy()).collect();
    let about = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "now": page.now(),
        "log_paths": paths,
        "daemons": page.daemons.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "live": !page.hub.is_empty(),
        "demo": page.is_demo,
        "limits": {
            "columns": limits::COLUMNS.1, "rows": limits::HEATMAP_ROWS.1, "groups": limits::GROUPS.1,
            "events": limits::EVENTS.1, "trace_events": limits::TRACE_EVENTS, "fields": limits::FIELDS.1,
            "values": limits::VALUES.1, "query_seconds": limits::QUESTION_TIME.as_secs(),
        },
        "work": { "busy": page.work.busy(), "abandoned": page.work.abandoned() },
    });
    Ok(json_response(about.to_string()))
}

/// `GET /api/v1/types`
///
/// # Errors
/// When the log path cannot be read.
pub(crate) async fn types(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let (span, ..) = span(&mut parameters, SINCE, page.now())?;
    parameters.finish()?;
    let selection = Selection::new(&[], None, span, None)?;
    let job = {
        let page = Arc::clone(&page);
        move |_: &_| Ok(page.store.snapshot(&selection)?.types())
    };
    let types: Result<Vec<String>, Refusal> = page.work.run(job).await?.0;
    Ok(json_response(json!({ "types": types? }).to_string()))
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn openapi() -> Response {
    let content_type = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (content_type, include_str!("../../../../docs/api/openapi.json")).into_response()
}
