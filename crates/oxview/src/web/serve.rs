//! HTTP/1.1 for browsers and scripts: what is asked, by path, and the connections.

use super::breakdown::Breakdown;
use super::compare::Compare;
use super::events::Events;
use super::fields::Fields;
use super::heatmap::HeatmapQuestion;
use super::limits::{CONNECTIONS, HEAD_BYTES, HEAD_TIME, STOP_TIME};
use super::overview::Overview;
use super::page::Page;
use super::question::ask;
use super::refusal::Refusal;
use super::{about, assets, guard, health, live, trace};
use axum::http::{StatusCode, Uri};
use axum::routing::{any, get, post};
use axum::{Router, middleware};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How long to wait after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// All that is answered.
pub(crate) fn router(page: &Arc<Page>) -> Router {
    Router::new()
        .route("/api/v1/about", get(about::get))
        .route("/api/v1/types", get(about::types))
        .route("/api/v1/overview", get(ask::<Overview>))
        .route("/api/v1/heatmap", get(ask::<HeatmapQuestion>))
        .route("/api/v1/compare", get(ask::<Compare>))
        .route("/api/v1/breakdown", get(ask::<Breakdown>))
        .route("/api/v1/fields", get(ask::<Fields>))
        .route("/api/v1/events", get(ask::<Events>))
        .route("/api/v1/trace/{id}", get(trace::get))
        .route("/api/v1/trace/{id}/event/{row}", get(trace::get_event))
        .route("/api/v1/live", get(live::get))
        .route("/api/v1/health", get(health::get))
        .route("/api/v1/session", post(guard::session))
        .route("/api/v1/openapi.json", get(about::openapi))
        .route("/api/{*rest}", any(no_such_path))
        .method_not_allowed_fallback(read_only)
        .fallback(assets::get)
        .layer(middleware::from_fn_with_state(Arc::clone(page), guard::watch))
        .with_state(Arc::clone(page))
}

async fn no_such_path(uri: Uri) -> Refusal {
    let error = format!("there is no {} here; /api/v1/openapi.json lists what there is", uri.path());
    Refusal::new(StatusCode::NOT_FOUND, error)
}

/// What is answered to whoever wants to change something.
pub(crate) async fn read_only() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "there is nothing to change here; ask with GET")
}

/// Answers until the page is to stop.
pub(crate) async fn serve(listener: TcpListener, page: Arc<Page>) {
    let router = router(&page);
    let slots = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut stop = page.stop.clone();
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stop.asked() => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.asked() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = converse(stream, router.clone(), page.stop.clone());
                connections.spawn(async move {
                    connection.await;
                    drop(slot);
                });
            }
            // Too many files are open, perhaps.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
    let all = async { while connections.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_TIME, all).await;
}

/// Answers a connection's requests. When the other end goes away what it waits for is given up.
async fn converse(stream: TcpStream, router: Router, mut stop: super::page::Stop) {
    let _ = stream.set_nodelay(true);
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = pin!(connection);
    let _ = tokio::select! {
        result = connection.as_mut() => result,
        () = stop.asked() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}
