//! What comes in, counted.

use blueox::Handle;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A request's body; what is read of it is counted in the event (`request.size`).
    ///
    /// ```
    /// use blueox_http::{RequestBody, RequestLayer};
    /// use tower::{Layer, service_fn};
    /// // What a service behind the layer gets is the body in this type; axum's services do not mind.
    /// let service = RequestLayer::new("request").layer(service_fn(async |request: http::Request<RequestBody<String>>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(request.uri().path().to_owned()))
    /// }));
    /// # let _ = service;
    /// ```
    #[derive(Debug)]
    pub struct RequestBody<B> {
        #[pin]
        inner: B,
        event: Handle,
    }
}

impl<B> RequestBody<B> {
    pub(crate) fn new(inner: B, event: Handle) -> Self {
        Self { inner, event }
    }
}

impl<B: Body> Body for RequestBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let polled = this.inner.poll_frame(task);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            this.event.add("request.size", data.remaining() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
