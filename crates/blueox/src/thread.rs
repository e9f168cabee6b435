//! What a thread has of its own: the stack of contexts that it is in, contexts and memory for reuse, its chance and its recorder's buffer.
//!
//! The body of a context that a thread opened and entered stays in the thread's stack, where it is written without a lock, as long as nobody else can
//! reach the context. Whoever gives a way to a context to others calls [`Here::share`] first: all bodies of the stack then move into their
//! contexts, behind their locks, and stay there. (All, as one finds the outer contexts from an inner one.)
//!
//! A thread that is ending may have lost it already; callers then do without.

use crate::body::Body;
use crate::limits::POOLED_CONTEXTS;
use crate::open::Open;
use crate::process::Incarnation;
use crate::random::Random;
use crate::recorder::Attachment;
use crate::testing::Captured;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

thread_local! {
    static HERE: Here = const { Here::new() };
}

pub(crate) struct Here {
    /// The contexts that this thread is in, the current one last.
    stack: RefCell<Vec<Entered>>,
    pool: RefCell<Vec<Arc<Open>>>,
    #[expect(clippy::vec_box, reason = "they move between here, the stack and contexts: as pointers")]
    bodies: RefCell<Vec<Box<Body>>>,
    scratch: Cell<Vec<u8>>,
    random: Cell<Random>,
    capture: RefCell<Option<Arc<Captured>>>,
    pub(crate) attachment: RefCell<Option<Attachment>>,
    /// Whether the application's recorder function is running.
    pub(crate) is_handing_over: Cell<bool>,
    panic: RefCell<Option<(String, String)>>,
}

/// A context that the thread is in.
struct Entered {
    open: Arc<Open>,
    /// Its body, as long as nobody else can reach it.
    body: Option<Box<Body>>,
}

impl Drop for Here {
    /// Contexts that outlive their thread's own go on with what was recorded.
    fn drop(&mut self) {
        self.share();
    }
}

impl Here {
    const fn new() -> Self {
        Self {
            stack: RefCell::new(Vec::new()),
            pool: RefCell::new(Vec::new()),
            bodies: RefCell::new(Vec::new()),
            scratch: Cell::new(Vec::new()),
            random: Cell::new(Random::unseeded()),
            capture: RefCell::new(None),
            attachment: RefCell::new(None),
            is_handing_over: Cell::new(false),
            panic: RefCell::new(None),
        }
    }

    /// Calls `use_it` with this thread's own, or with `None` where that is gone.
    #[inline]
    pub(crate) fn with<R>(use_it: impl FnOnce(Option<&Self>) -> R) -> R {
        let mut use_it = Some(use_it);
        if let Ok(Some(result)) = HERE.try_with(|here| use_it.take().map(|use_it| use_it(Some(here)))) {
            return result;
        }
        use_it.take().expect("BUG: a thread that has ended called it")(None)
    }

    /// A share in the current context, for whoever it is to be given to.
    pub(crate) fn current(&self) -> Option<Arc<Open>> {
        self.share();
        self.stack.borrow().last().map(|entered| Arc::clone(&entered.open))
    }

    /// Lets `look` look at the current context, without taking a share of it.
    #[inline]
    pub(crate) fn with_current<R>(&self, look: impl FnOnce(Option<&Arc<Open>>) -> R) -> R {
        look(self.stack.borrow().last().map(|entered| &entered.open))
    }

    /// Lets `change` change the body of the current context. `None` when there is none that takes values. No foreign code may run in it.
    #[inline]
    pub(crate) fn change_current<R>(&self, change: impl FnOnce(&Open, &mut Body) -> R) -> Option<R> {
        let mut stack = self.stack.borrow_mut();
        let Entered { open, body } = stack.last_mut()?;
        match body {
            Some(body) => open.takes_values().then(|| change(open, body)),
            None => open.change(|body| change(open, body)),
        }
    }

    /// Enters a context that others can reach.
    pub(crate) fn enter(&self, open: Arc<Open>) {
        self.stack.borrow_mut().push(Entered { open, body: None });
    }

    /// Enters a context that was opened for this thread alone.
    #[inline]
    pub(crate) fn enter_alone(&self, open: Arc<Open>) {
        let body = self.new_body(open.settings().event_bytes);
        self.stack.borrow_mut().push(Entered { open, body: Some(body) });
    }

    /// Moves the bodies of all contexts that this thread is in to where others find them.
    pub(crate) fn share(&self) {
        for Entered { open, body } in self.stack.borrow_mut().iter_mut() {
            if let Some(body) = body.take() {
                open.keep(body);
            }
        }
    }

    /// Leaves `open`, wherever in the stack it is, and gives its body, if that was here. Guards may be dropped in any order.
    #[inline]
    pub(crate) fn leave(&self, open: &Arc<Open>) -> Option<Box<Body>> {
        let left = {
            let mut stack = self.stack.borrow_mut();
            if stack.last().is_some_and(|entered| Arc::ptr_eq(&entered.open, open)) {
                stack.pop()
            } else {
                let found = stack.iter().rposition(|entered| Arc::ptr_eq(&entered.open, open));
                found.map(|index| stack.remove(index))
            }
        };
        left?.body // what else was left may be the application's to free: not under the borrow
    }

    /// How many contexts this thread is in.
    pub(crate) fn depth(&self) -> usize {
        self.stack.borrow().len()
    }

    /// Leaves all contexts above `depth`, and gives them.
    pub(crate) fn leave_above(&self, depth: usize) -> Vec<Arc<Open>> {
        self.share();
        let mut stack = self.stack.borrow_mut();
        if stack.len() <= depth {
            return Vec::new();
        }
        stack.drain(depth..).map(|entered| entered.open).collect()
    }

    /// Two random numbers: one for a span, one for an id.
    #[inline]
    pub(crate) fn draw(&self, incarnation: Incarnation) -> (u64, [u8; 12]) {
        let mut random = self.random.get();
        let span = random.number(incarnation);
        let mut id = [0; 12];
        id[..8].copy_from_slice(&random.number(incarnation).to_le_bytes());
        id[8..].copy_from_slice(&random.number(incarnation).to_le_bytes()[..4]);
        self.random.set(random);
        (span, id)
    }

    pub(crate) fn pooled(&self) -> Option<Arc<Open>> {
        self.pool.borrow_mut().pop()
    }

    pub(crate) fn pool(&self, open: Arc<Open>) {
        let mut pool = self.pool.borrow_mut();
        if pool.len() < POOLED_CONTEXTS {
            pool.push(open);
        }
    }

    /// An empty body of at most `limit` bytes.
    #[inline]
    pub(crate) fn new_body(&self, limit: usize) -> Box<Body> {
        let mut body = self.bodies.borrow_mut().pop().unwrap_or_default();
        body.clear(limit);
        body
    }

    #[inline]
    pub(crate) fn pool_body(&self, body: Box<Body>) {
        let mut bodies = self.bodies.borrow_mut();
        if bodies.len() < POOLED_CONTEXTS {
            bodies.push(body);
        }
    }

    /// An empty buffer that keeps its memory between uses. Uses inside uses get one of their own.
    pub(crate) fn with_scratch<R>(&self, use_it: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut scratch = self.scratch.take();
        scratch.clear();
        let result = use_it(&mut scratch);
        if scratch.capacity() > crate::limits::POOLED_BYTES {
            scratch = Vec::new();
        }
        self.scratch.set(scratch);
        result
    }

    pub(crate) fn capture(&self) -> Option<Arc<Captured>> {
        self.capture.borrow().clone()
    }

    pub(crate) fn set_capture(&self, capture: Option<Arc<Captured>>) -> Option<Arc<Captured>> {
        self.capture.replace(capture)
    }

    /// Remembers a panic's message and place.
    pub(crate) fn note_panic(&self, panic: (String, String)) {
        *self.panic.borrow_mut() = Some(panic);
    }

    pub(crate) fn panic_noted(&self) -> Option<(String, String)> {
        self.panic.borrow().clone()
    }
}
