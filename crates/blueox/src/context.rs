//! Opening contexts, and what keeps them open.

use crate::body::Body;
use crate::event_layout::Outcome;
use crate::handle::Handle;
use crate::id::Id;
use crate::open::{Open, Opening};
use crate::propagation::TraceParent;
use crate::recorder::is_wanted;
use crate::sampling::Rate;
use crate::thread::Here;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

/// A context that this thread is in, until it is dropped: then its event is recorded.
///
/// It is the thread's current context: [`set`](crate::set) and the others write to it, contexts that are opened meanwhile are inside of it. It cannot go to another
/// thread, so a future that holds one across an `.await` cannot be spawned; futures take an [`OpenContext`] along instead:
///
/// ```compile_fail
/// fn spawn(_: impl Future + Send) {}
/// spawn(async {
///     let _request = blueox::context("request");
///     std::future::ready(()).await;
/// });
/// ```
///
/// When a panic goes through it, the event says so: `outcome` = `panicked`, and `exception` in the body (with message and place, if
/// [`install_panic_hook`](crate::install_panic_hook) was called).
#[derive(Debug)]
#[must_use = "the context ends when this is dropped; `let _context = ...` keeps it, `let _ = ...` does not"]
pub struct Context {
    handle: Handle,
    is_bound_to_thread: PhantomData<*const ()>,
}

/// A context that no thread is in: for futures ([`InContext`](crate::InContext)), callbacks, other threads. Its event is recorded when it is dropped.
///
/// ```
/// # let events = blueox::testing::capture();
/// let job = blueox::builder("job").open();
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         let _inside = job.enter();
///         blueox::set("done_by", "worker");
///     });
/// });
/// drop(job);
/// # assert_eq!(events.all()[0].json("body.done_by"), r#""worker""#);
/// ```
#[derive(Debug)]
#[must_use = "the context ends when this is dropped"]
pub struct OpenContext {
    handle: Handle,
}

/// A thread's being in a context, until it is dropped. That does not end the context.
///
/// ```
/// # let events = blueox::testing::capture();
/// let request = blueox::builder("request").open();
/// let inside: blueox::Inside = request.enter();
/// assert!(blueox::current().is_some());
/// drop(inside);
/// assert!(blueox::current().is_none());
/// ```
#[derive(Debug)]
#[must_use = "the context is left when this is dropped"]
pub struct Inside {
    entered: Option<Arc<Open>>,
    is_bound_to_thread: PhantomData<*const ()>,
}

/// How a context is to be opened, if more is to be said than its name.
///
/// ```
/// # let events = blueox::testing::capture();
/// let _request = blueox::builder("request").id("4f5f36c0070707070707070707070707").enter();
/// let _cache = blueox::builder(".memcache").sample("..", 0.25).enter();
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is opened before `enter` or `open`"]
pub struct ContextBuilder<'a> {
    name: &'a str,
    id: Option<Id>,
    sample: Option<(&'a str, Rate)>,
    remote: Option<TraceParent>,
    under: Option<Handle>,
}

impl<'a> ContextBuilder<'a> {
    /// A context called `name`; see [`context`](crate::context) for names.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::ContextBuilder::new("request").enter(); // as blueox::builder("request")
    /// assert_eq!(request.name(), "request");
    /// ```
    pub fn new(name: &'a str) -> Self {
        Self { name, id: None, sample: None, remote: None, under: None }
    }

    /// Takes the application's own id in the place of a new one or the parent's.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").id("order-4711").enter();
    /// assert_eq!(blueox::context(".sql").id(), "order-4711");
    /// ```
    pub fn id(mut self, id: &str) -> Self {
        self.id = Some(Id::given(id));
        self
    }

    /// As [`ContextBuilder::id`], with a number.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// drop(blueox::builder("request").numeric_id(4711).enter());
    /// assert_eq!(events.all()[0].get("id"), Some(4711u64.into()));
    /// ```
    pub fn numeric_id(mut self, id: u64) -> Self {
        self.id = Some(Id::Number(id));
        self
    }

    /// Keeps only a share of such contexts, and of all below them. `level` says for what the decision is made:
    ///
    /// | `level` | one decision for |
    /// | --- | --- |
    /// | `.`, or the context's own name | each context |
    /// | `..` | each parent, for all its children of this name |
    /// | `^` | each outermost context, for all below it of this name |
    /// | the name of an open context | that context, for all below it of this name |
    ///
    /// A decision for an outermost context is made from its id, so all processes that share the id decide alike. The event says with
    /// which probability it was kept (`sample_rate`), and statistics count it that much more.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let _request = blueox::builder("request").sample(".", 0.0).enter();
    /// assert!(!blueox::is_recording());
    /// ```
    pub fn sample(mut self, level: &'a str, rate: f64) -> Self {
        self.sample = Some((level, Rate::new(rate)));
        self
    }

    /// Goes on with the id of another process; its span is the parent.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    /// let request = blueox::builder("request").remote(header.parse()?).enter();
    /// assert_eq!(request.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// # Ok::<(), blueox::TraceParentError>(())
    /// ```
    pub fn remote(mut self, parent: TraceParent) -> Self {
        self.remote = Some(parent);
        self
    }

    /// Opens it inside `context`, whatever this thread is in. An empty handle: inside nothing.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").open();
    /// let sql = blueox::builder(".sql").under(&request).open();
    /// assert_eq!((sql.name(), sql.id()), ("request.sql", request.id()));
    /// ```
    pub fn under(mut self, context: &Handle) -> Self {
        self.under = Some(context.clone());
        self
    }

    /// Opens it, and enters it until the guard is dropped.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let _request = blueox::builder("request").enter();
    /// assert_eq!(blueox::current().unwrap().name(), "request");
    /// ```
    pub fn enter(self) -> Context {
        let opened = is_wanted().then(|| {
            Here::with(|here| {
                let here = here?;
                let open = self.opened(here, false)?;
                here.enter_alone(Arc::clone(&open));
                Some(open)
            })
        });
        Context { handle: Handle(opened.flatten()), is_bound_to_thread: PhantomData }
    }

    /// Opens it without entering it.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let _request = blueox::builder("request").open();
    /// assert!(blueox::current().is_none());
    /// ```
    pub fn open(self) -> OpenContext {
        let opened = is_wanted().then(|| Here::with(|here| self.opened(here?, true)));
        OpenContext { handle: Handle(opened.flatten()) }
    }

    fn opened(self, here: &Here, is_shared: bool) -> Option<Arc<Open>> {
        let Self { name, id, sample, remote, under } = self;
        let remote_id = remote.as_ref().map(|parent| Id::Made(parent.id));
        let remote_parent = remote.map(|parent| parent.span);
        let opening = Opening { name, id: id.or(remote_id), sample, remote_parent, is_shared };
        if is_shared {
            here.share(); // it leads to those around it
        }
        match under {
            Some(under) => Open::new(here, opening, under.0.as_ref()),
            None => here.with_current(|current| Open::new(here, opening, current)),
        }
    }
}

/// Opens and enters a context by its name alone: the way that must be fast.
#[inline]
pub(crate) fn enter(name: &str) -> Context {
    let opened = if is_wanted() { entered(name) } else { None };
    Context { handle: Handle(opened), is_bound_to_thread: PhantomData }
}

fn entered(name: &str) -> Option<Arc<Open>> {
    Here::with(|here| {
        let here = here?;
        let opening = Opening { name, ..Opening::default() };
        let open = here.with_current(|current| Open::new(here, opening, current))?;
        here.enter_alone(Arc::clone(&open));
        Some(open)
    })
}

impl Context {
    /// A share in this context, for other places and threads.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// let handle = request.handle();
    /// std::thread::spawn(move || handle.set("found_by", "worker")).join().unwrap();
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.found_by"), r#""worker""#);
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle::clone(self)
    }
}

impl OpenContext {
    /// A share in this context, for other places and threads.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").open();
    /// let handle = request.handle();
    /// std::thread::spawn(move || handle.set("found_by", "worker")).join().unwrap();
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.found_by"), r#""worker""#);
    /// ```
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What it keeps open; from then on the caller does.
    pub(crate) fn into_open(mut self) -> Option<Arc<Open>> {
        self.handle.0.take()
    }

    /// Makes it this thread's current context until the guard is dropped.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").open();
    /// {
    ///     let _inside = request.enter();
    ///     blueox::set("status", 200);
    /// }
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body"), r#"{"status":200}"#);
    /// ```
    pub fn enter(&self) -> Inside {
        self.handle.enter()
    }
}

impl Handle {
    /// Makes the context this thread's current one until the guard is dropped, done or not.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::builder("request").open();
    /// let handle = request.handle();
    /// let inside = handle.enter();
    /// assert_eq!(blueox::current().unwrap().name(), "request");
    /// drop(inside);
    /// assert!(blueox::current().is_none());
    /// ```
    pub fn enter(&self) -> Inside {
        let entered = self
            .0
            .as_ref()
            .filter(|open| Here::with(|here| here.map(|here| here.enter(Arc::clone(open))).is_some()));
        Inside { entered: entered.map(Arc::clone), is_bound_to_thread: PhantomData }
    }
}

impl Deref for Context {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        // From here on others may reach it.
        Here::with(|here| here.map(Here::share));
        &self.handle
    }
}

impl Deref for OpenContext {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Context {
    #[inline]
    fn drop(&mut self) {
        if let Some(open) = self.handle.0.take() {
            Here::with(|here| {
                let body = here.and_then(|here| here.leave(&open));
                end(here, open, body, Outcome::Finished);
            });
        }
    }
}

impl Drop for OpenContext {
    fn drop(&mut self) {
        if let Some(open) = self.handle.0.take() {
            Here::with(|here| end(here, open, None, Outcome::Finished));
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        if let Some(open) = self.entered.take() {
            Here::with(|here| {
                if let Some(here) = here {
                    here.leave(&open);
                }
            });
        }
    }
}

/// Records the event and gives the context's memory back. `body`: if the thread was alone with the context.
pub(crate) fn end(here: Option<&Here>, open: Arc<Open>, body: Option<Box<Body>>, outcome: Outcome) {
    let (body, outcome) = if open.is_unwinding() {
        body.into_iter().for_each(|body| open.keep(body));
        crate::panic_hook::note(here, &open);
        (None, Outcome::Panicked)
    } else {
        (body, outcome)
    };
    match &body {
        Some(body) => open.finish_alone(here, body, outcome),
        None => open.finish(here, outcome),
    }
    open.recycle(here, body);
}
