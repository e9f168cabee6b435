//! What is decided once for all requests.

use crate::headers::extract;
use crate::service::RequestService;
use blueox::{Handle, OpenContext};
use http::request::Parts;
use std::fmt;
use std::sync::Arc;
use tower_layer::Layer;

/// Gives each request that goes through it an event. See the [crate](crate).
///
/// ```
/// use blueox_http::RequestLayer;
/// # use axum::{Router, routing::get};
/// let layer = RequestLayer::new("request")
///     .sample(0.1)
///     .on_request(|event, request| event.set("request.query", request.uri.query()));
/// let app: Router = Router::new().route("/", get(|| async { "hello" })).layer(layer);
/// # let _ = app;
/// ```
#[derive(Clone)]
#[must_use = "nothing is recorded until it is put before a service"]
pub struct RequestLayer {
    settings: Settings,
}

type OnRequest = Arc<dyn Fn(&Handle, &Parts) + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Settings {
    name: String,
    rate: f64,
    is_trusting: bool,
    on_request: Option<OnRequest>,
}

impl RequestLayer {
    /// Events are called `name`; see [`blueox::context`] for names.
    ///
    /// ```
    /// let layer = blueox_http::RequestLayer::new("request");
    /// # let _ = layer;
    /// ```
    pub fn new(name: impl Into<String>) -> Self {
        Self { settings: Settings { name: name.into(), rate: 1.0, is_trusting: true, on_request: None } }
    }

    /// Records this share of the requests, with all that belongs to them. Processes that share an id decide alike.
    ///
    /// ```
    /// let layer = blueox_http::RequestLayer::new("request").sample(0.25);
    /// # let _ = layer;
    /// ```
    pub fn sample(mut self, rate: f64) -> Self {
        self.settings.rate = rate;
        self
    }

    /// Leaves `traceparent` headers alone: every request gets an id of its own. For services that strangers reach, who could else choose ids.
    ///
    /// ```
    /// let layer = blueox_http::RequestLayer::new("request").ignore_traceparent();
    /// # let _ = layer;
    /// ```
    pub fn ignore_traceparent(mut self) -> Self {
        self.settings.is_trusting = false;
        self
    }

    /// Calls `note` with the event and the request's head before the service sees it; it is not called for requests that are not recorded.
    ///
    /// ```
    /// use axum::extract::MatchedPath;
    /// let layer = blueox_http::RequestLayer::new("request").on_request(|event, request| {
    ///     if let Some(path) = request.extensions.get::<MatchedPath>() {
    ///         event.set("endpoint", path.as_str());
    ///     }
    /// });
    /// # let _ = layer;
    /// ```
    pub fn on_request(mut self, note: impl Fn(&Handle, &Parts) + Send + Sync + 'static) -> Self {
        self.settings.on_request = Some(Arc::new(note));
        self
    }
}

impl fmt::Debug for RequestLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestLayer").field("name", &self.settings.name).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for RequestLayer {
    type Service = RequestService<S>;

    fn layer(&self, inner: S) -> RequestService<S> {
        RequestService::new(inner, Arc::new(self.settings.clone()))
    }
}

impl Settings {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens the event of a request, with what its head says.
    pub(crate) fn open(&self, request: &Parts) -> OpenContext {
        let mut builder = blueox::builder(&self.name);
        if self.rate < 1.0 {
            builder = builder.sample(".", self.rate);
        }
        if let Some(parent) = self.is_trusting.then(|| extract(&request.headers)).flatten() {
            builder = builder.remote(parent);
        }
        let event = builder.open();
        if event.is_recorded() {
            event.set("request.method", request.method.as_str());
            event.set("request.path", request.uri.path());
            if let Some(agent) = request.headers.get(http::header::USER_AGENT) {
                event.set_with("request.agent", |to| to.text_bytes(agent.as_bytes()));
            }
            event.set("request.size", 0);
            if let Some(note) = &self.on_request {
                note(&event, request);
            }
        }
        event
    }
}
