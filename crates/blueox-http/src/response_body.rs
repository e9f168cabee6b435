//! What goes out, counted, and the end of the event.

use crate::response::note_error;
use blueox::{OpenContext, Outcome};
use bytes::Buf;
use http::{Response, StatusCode, header::CONTENT_LENGTH};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::fmt::Display;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// A response's body; what is taken of it is counted in the event (`response.size`), which ends with it. Dropped before its end, the event
    /// says `cancelled`.
    ///
    /// ```
    /// use blueox_http::{RequestLayer, ResponseBody};
    /// use tower::{Layer, ServiceExt, service_fn};
    /// # let events = blueox::testing::capture();
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let service = RequestLayer::new("request").layer(service_fn(async |_: http::Request<_>| {
    ///     Ok::<_, std::convert::Infallible>(http::Response::new("hello".to_owned()))
    /// }));
    /// let body: ResponseBody<String> = service.oneshot(http::Request::new(String::new())).await.unwrap().into_body();
    /// http_body_util::BodyExt::collect(body).await.unwrap();
    /// assert_eq!(events.all()[0].json("body.response.size"), "5");
    /// # });
    /// ```
    #[derive(Debug)]
    pub struct ResponseBody<B> {
        #[pin]
        inner: B,
        event: Option<OpenContext>,
        // How many bytes the connection will still take. It drops the body without asking for the end when it has them.
        left: Option<u64>,
    }

    impl<B> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(event) = this.project().event.take() {
                event.done_as(Outcome::Cancelled);
            }
        }
    }
}

impl<B: Body> ResponseBody<B> {
    /// The event goes on until the body ends; where there is none it ends here.
    pub(crate) fn with_event(response: Response<B>, event: OpenContext, is_head: bool) -> Response<Self> {
        let status = response.status();
        event.set("response.status", status.as_u16());
        event.set("response.size", 0);
        let has_no_body = is_head
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let left =
            response.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        response.map(|inner| {
            let is_over = has_no_body || left == Some(0) || inner.is_end_stream();
            Self { inner, event: (!is_over).then_some(event), left }
        })
    }

    /// Nothing is recorded.
    pub(crate) fn without_event(response: Response<B>) -> Response<Self> {
        response.map(|inner| Self { inner, event: None, left: None })
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Error: Display,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        // Held here meanwhile: it ends here, by a panic too, unless it is put back.
        let Some(event) = this.event.take() else { return this.inner.poll_frame(task) };
        let polled = {
            let _inside = event.enter();
            this.inner.as_mut().poll_frame(task)
        };
        let is_over = match &polled {
            Poll::Pending => false,
            Poll::Ready(None) => true,
            Poll::Ready(Some(Err(error))) => {
                note_error(&event, error);
                true
            }
            Poll::Ready(Some(Ok(frame))) => {
                let length = frame.data_ref().map_or(0, |data| data.remaining() as u64);
                event.add("response.size", length);
                *this.left = this.left.map(|left| left.saturating_sub(length));
                *this.left == Some(0) || this.inner.is_end_stream()
            }
        };
        if !is_over {
            *this.event = Some(event);
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
