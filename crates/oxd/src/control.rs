//! The control port's HTTP side.

use crate::forward::{Change, ChangeError};
use crate::guard::{self, Guard, PeerAddress};
use crate::reply::{Refusal, no_such_path};
use crate::shutdown::{DEFAULT_DRAIN, Shutdown};
use crate::status::Observed;
use crate::{http_live, metrics};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router, middleware};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The longest body of a control request.
const BODY_BYTES: usize = 64 << 10;
/// The longest drain that can be asked for.
const MAX_DRAIN: Duration = Duration::from_secs(24 * 3600);

/// What the control port works with.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) observed: Arc<Observed>,
    pub(crate) shutdown: Shutdown,
    pub(crate) guard: Arc<Guard>,
    /// Whose turn it is to have the spool read.
    pub(crate) auditing: Semaphore,
}

/// All that the control port answers.
pub(crate) fn router(control: Arc<Control>) -> Router {
    let guard = Arc::clone(&control.guard);
    Router::new()
        .route("/v1/status", get(status))
        .route("/v1/audit", get(audit))
        .route("/v1/live", get(http_live::get))
        .route("/v1/forward", get(forward).post(change_forward))
        .route("/v1/shutdown", post(shut_down))
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(no_such_path)
        .method_not_allowed_fallback(async || {
            Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path is asked in another way; see the guide")
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(guard, guard::refuse_browsers))
        .with_state(control)
}

async fn status(State(control): State<Arc<Control>>) -> Json<Value> {
    Json(control.observed.status())
}

/// It reads the spool: one at a time, and not on the control port's thread.
async fn audit(State(control): State<Arc<Control>>) -> Result<Json<Value>, Refusal> {
    let failed =
        |error: &dyn std::fmt::Display| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let turn = control.auditing.acquire().await.map_err(|error| failed(&error))?;
    let observed = Arc::clone(&control.observed);
    let audit =
        tokio::task::spawn_blocking(move || observed.audit()).await.map_err(|error| failed(&error))?;
    drop(turn);
    Ok(Json(audit))
}

async fn forward(State(control): State<Arc<Control>>) -> Json<Value> {
    Json(json!({ "lists": control.observed.forward_report() }))
}

async fn change_forward(
    State(control): State<Arc<Control>>,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    control.guard.check_state_change(&headers, peer)?;
    let bad = |error: String| Refusal::new(StatusCode::BAD_REQUEST, error);
    let change: Change = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    let forwarding = control.observed.forwarding.clone().filter(|forwarding| !forwarding.lists.is_empty());
    let Some(forwarding) = forwarding else {
        let error = "this oxd forwards nothing; start it with --forward ADDR";
        return Err(Refusal::new(StatusCode::CONFLICT, error));
    };
    let asked = change.clone();
    let changed = tokio::task::spawn_blocking(move || forwarding.change(&asked)).await;
    let changed =
        changed.map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    match changed {
        Ok(()) => {}
        Err(ChangeError::Wrong(error)) => return Err(bad(error)),
        Err(error) => return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string())),
    }
    tracing::info!(%peer, ?change, "forwarding was changed over http");
    Ok(Json(json!({ "ok": true, "lists": control.observed.forward_report() })))
}

async fn ready(State(control): State<Arc<Control>>) -> Response {
    match control.observed.readiness() {
        Ok(()) => "ready\n".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")).into_response(),
    }
}

async fn metrics(State(control): State<Arc<Control>>) -> Result<Response, Refusal> {
    let text = metrics::render(&control.observed)
        .map_err(|error| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShutdownRequest {
    drain_seconds: Option<f64>,
}

async fn shut_down(
    State(control): State<Arc<Control>>,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Refusal> {
    control.guard.check_state_change(&headers, peer)?;
    let bad = |error: String| Refusal::new(StatusCode::BAD_REQUEST, error);
    let request: ShutdownRequest = if body.is_empty() {
        ShutdownRequest::default()
    } else {
        serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?
    };
    let drain = match request.drain_seconds {
        None => DEFAULT_DRAIN,
        Some(seconds) => Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|drain| *drain <= MAX_DRAIN)
            .ok_or_else(|| bad(format!("drain_seconds is {seconds}; it must be 0 to 86400")))?,
    };
    tracing::info!(%peer, drain_seconds = drain.as_secs_f64(), "shutdown asked for over http");
    control.shutdown.begin(drain);
    Ok(Json(json!({ "ok": true, "drain_seconds": drain.as_secs_f64() })))
}
