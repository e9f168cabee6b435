//! A service whose requests have events.

use crate::layer::Settings;
use crate::request_body::RequestBody;
use crate::response::ResponseFuture;
use crate::response_body::ResponseBody;
use http::{Method, Request, Response};
use http_body::Body;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_service::Service;

/// What [`RequestLayer`](crate::RequestLayer) makes of a service.
///
/// ```
/// use tower::{Layer, service_fn};
/// let service = service_fn(async |_request: http::Request<blueox_http::RequestBody<String>>| {
///     Ok::<_, std::convert::Infallible>(http::Response::new("hello".to_owned()))
/// });
/// let service = blueox_http::RequestLayer::new("request").layer(service);
/// # let _ = service;
/// ```
#[derive(Clone)]
pub struct RequestService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> RequestService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
    }
}

impl<S: fmt::Debug> fmt::Debug for RequestService<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inner, settings } = self;
        f.debug_struct("RequestService")
            .field("inner", inner)
            .field("name", &settings.name())
            .finish_non_exhaustive()
    }
}

impl<S, A, B> Service<Request<A>> for RequestService<S>
where
    S: Service<Request<RequestBody<A>>, Response = Response<B>>,
    S::Error: fmt::Display,
    B: Body,
    B::Error: fmt::Display,
{
    type Response = Response<ResponseBody<B>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(task)
    }

    fn call(&mut self, request: Request<A>) -> ResponseFuture<S::Future> {
        let (head, body) = request.into_parts();
        let event = self.settings.open(&head);
        let is_head = head.method == Method::HEAD;
        let body = RequestBody::new(body, event.handle());
        let future = {
            let _inside = event.enter();
            self.inner.call(Request::from_parts(head, body))
        };
        ResponseFuture::new(future, event, is_head)
    }
}
