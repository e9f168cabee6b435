//! Waiting for the answer.

use crate::response_body::ResponseBody;
use blueox::{ContextFuture, InContext, OpenContext, Outcome};
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

pin_project! {
    /// A service's answer to a request that has an event. Dropped before it is there, the event says `cancelled`.
    ///
    /// ```
    /// use blueox_http::RequestLayer;
    /// use tower::{Layer, Service, service_fn};
    /// # let events = blueox::testing::capture();
    /// let mut service = RequestLayer::new("request").layer(service_fn(async |_: http::Request<_>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new(String::new()))
    /// }));
    /// drop(service.call(http::Request::new(String::new()))); // a ResponseFuture
    /// assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: ContextFuture<F>,
        event: Option<OpenContext>,
        is_head: bool,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(event) = this.project().event.take() {
                event.done_as(Outcome::Cancelled);
            }
        }
    }
}

impl<F: Future> ResponseFuture<F> {
    pub(crate) fn new(inner: F, event: OpenContext, is_head: bool) -> Self {
        Self { inner: inner.within(&event), event: Some(event), is_head }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    E: Display,
    B: Body,
    B::Error: Display,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Held here meanwhile: a panic of the service then ends the event while the stack unwinds.
        let event = this.event.take();
        let polled = this.inner.poll(task);
        if polled.is_pending() {
            *this.event = event;
            return Poll::Pending;
        }
        let result = ready!(polled);
        let Some(event) = event else { return Poll::Ready(result.map(ResponseBody::without_event)) };
        Poll::Ready(match result {
            Ok(response) => Ok(ResponseBody::with_event(response, event, *this.is_head)),
            Err(error) => {
                note_error(&event, &error);
                Err(error)
            }
        })
    }
}

/// What went wrong, as `exception`.
pub(crate) fn note_error(event: &OpenContext, error: &impl Display) {
    event.set_with("exception", |to| {
        to.map(|exception| {
            exception.entry_with(b"message", |to| to.display(error));
        });
    });
}
