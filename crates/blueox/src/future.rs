//! Contexts that follow futures and closures.

use crate::context::{OpenContext, end};
use crate::event_layout::Outcome;
use crate::handle::Handle;
use crate::open::Open;
use crate::thread::Here;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};

/// Futures that are in a context while they run, wherever that is.
///
/// ```
/// use blueox::InContext;
/// # fn block_on<F: Future>(future: F) -> F::Output {
/// #     let mut future = std::pin::pin!(future);
/// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
/// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) { return output } }
/// # }
/// # let events = blueox::testing::capture();
/// async fn handle() {
///     blueox::set("status", 200);
///     query().in_context(blueox::builder(".sql").open()).await;
/// }
/// async fn query() {
///     blueox::set("rows", 3);
/// }
///
/// block_on(handle().in_context(blueox::builder("request").open()));
/// # assert_eq!(events.all().iter().map(|event| event.type_name()).collect::<Vec<_>>(), ["request.sql", "request"]);
/// ```
pub trait InContext: Future + Sized {
    /// Runs in `context`, whose event is recorded when the future is done, or when it is dropped before: then with `outcome` = `cancelled`.
    ///
    /// Evaluation order matters for relative names: `.sql` is resolved where `builder(".sql").open()` is called.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) { return output } }
    /// # }
    /// # let events = blueox::testing::capture();
    /// use blueox::InContext;
    /// block_on(async { blueox::set("status", 200) }.in_context(blueox::builder("request").open()));
    /// assert_eq!(events.all()[0].json("body.status"), "200");
    /// ```
    fn in_context(self, context: OpenContext) -> ContextFuture<Self> {
        let handle = context.handle();
        ContextFuture { owned: Some(context), handle, suspended: Vec::new(), future: self }
    }

    /// Runs in `context`, which somebody else keeps open: the future's end is not the context's.
    ///
    /// ```
    /// use blueox::InContext;
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) { return output } }
    /// # }
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").open();
    /// block_on(async { blueox::set("status", 200) }.within(&request));
    /// request.set("sent", true);
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body"), r#"{"status":200,"sent":true}"#);
    /// ```
    fn within(self, context: &Handle) -> ContextFuture<Self> {
        ContextFuture { owned: None, handle: context.clone(), suspended: Vec::new(), future: self }
    }

    /// Runs in the context that is current now, wherever the future is sent to. It does not keep that context open.
    ///
    /// ```
    /// # fn block_on<F: Future>(future: F) -> F::Output {
    /// #     let mut future = std::pin::pin!(future);
    /// #     let mut task = std::task::Context::from_waker(std::task::Waker::noop());
    /// #     loop { if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut task) { return output } }
    /// # }
    /// # let events = blueox::testing::capture();
    /// use blueox::InContext;
    /// let request = blueox::context("request");
    /// let work = async { blueox::set("found_by", "worker") }.in_current();
    /// drop(blueox::context("other"));
    /// block_on(work);
    /// drop(request);
    /// # assert_eq!(events.of("request")[0].json("body.found_by"), r#""worker""#);
    /// ```
    fn in_current(self) -> ContextFuture<Self> {
        self.within(&crate::current().unwrap_or_default())
    }
}

impl<F: Future> InContext for F {}

/// Lets `f` run in the context that is current now, in whatever thread. It does not keep that context open.
///
/// ```
/// # let events = blueox::testing::capture();
/// let request = blueox::context("request");
/// std::thread::spawn(blueox::in_current(|| drop(blueox::context(".work")))).join().unwrap();
/// # assert_eq!(events.all()[0].type_name(), "request.work");
/// ```
pub fn in_current<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let handle = crate::current().unwrap_or_default();
    move || {
        let _inside = handle.enter();
        f()
    }
}

pin_project! {
    /// A future that is in a context while it runs. Made by [`InContext`].
    ///
    /// ```
    /// use blueox::{ContextFuture, InContext};
    /// # let events = blueox::testing::capture();
    /// let future: ContextFuture<_> = std::future::pending::<()>().in_context(blueox::builder("request").open());
    /// drop(future);
    /// assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    /// ```
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ContextFuture<F> {
        owned: Option<OpenContext>,
        handle: Handle,
        // Contexts that the future entered and did not leave before it gave the thread back.
        suspended: Vec<Arc<Open>>,
        #[pin]
        future: F,
    }

    impl<F> PinnedDrop for ContextFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            if let Some(context) = this.owned.take() {
                cancel(context);
            }
        }
    }
}

/// The future was dropped before it was done.
fn cancel(context: OpenContext) {
    if let Some(open) = context.into_open() {
        Here::with(|here| end(here, open, None, Outcome::Cancelled));
    }
}

impl<F: Future> Future for ContextFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<F::Output> {
        let this = self.project();
        let inside = Visit::begin(this.handle, this.suspended);
        // Held here meanwhile: a panic then ends it while the stack unwinds, not when an executor drops the future later.
        let owned = this.owned.take();
        let polled = this.future.poll(task);
        drop(inside);
        if polled.is_pending() {
            *this.owned = owned;
        }
        polled
    }
}

/// One poll: the future's contexts are put onto the thread's stack, and taken away again, also when the poll panics.
struct Visit<'f> {
    suspended: &'f mut Vec<Arc<Open>>,
    depth: usize,
    has_entered: bool,
}

impl<'f> Visit<'f> {
    fn begin(handle: &Handle, suspended: &'f mut Vec<Arc<Open>>) -> Self {
        let (depth, has_entered) = Here::with(|here| match (here, &handle.0) {
            (Some(here), Some(open)) => {
                let depth = here.depth();
                here.enter(Arc::clone(open));
                suspended.drain(..).for_each(|open| here.enter(open));
                (depth, true)
            }
            _ => (0, false),
        });
        Self { suspended, depth, has_entered }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if self.has_entered {
            let mut left = Here::with(|here| here.map_or_else(Vec::new, |here| here.leave_above(self.depth)));
            if left.len() > 1 {
                self.suspended.extend(left.drain(1..));
            }
        }
    }
}
