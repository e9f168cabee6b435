//! What a thread has of its own: the stack of contexts that it is in, contexts and memory for reuse, its chance and its recorder's buffer.
//!
//! A thread that is ending may have lost it already; callers then do without.

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
    stack: RefCell<Vec<Arc<Open>>>,
    pool: RefCell<Vec<Arc<Open>>>,
    scratch: Cell<Vec<u8>>,
    random: Cell<Random>,
    capture: RefCell<Option<Arc<Captured>>>,
    pub(crate) attachment: RefCell<Option<Attachment>>,
    /// Whether the application's recorder function is running.
    pub(crate) is_handing_over: Cell<bool>,
    panic: RefCell<Option<(String, String)>>,
}

impl Here {
    const fn new() -> Self {
        Self {
            stack: RefCell::new(Vec::new()),
            pool: RefCell::new(Vec::new()),
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

    pub(crate) fn current(&self) -> Option<Arc<Open>> {
        self.stack.borrow().last().map(Arc::clone)
    }

    /// Lets `look` look at the current context, without taking a share of it.
    #[inline]
    pub(crate) fn with_current<R>(&self, look: impl FnOnce(Option<&Arc<Open>>) -> R) -> R {
        look(self.stack.borrow().last())
    }

    pub(crate) fn enter(&self, open: Arc<Open>) {
        self.stack.borrow_mut().push(open);
    }

    /// Leaves `open`, wherever in the stack it is. Guards may be dropped in any order.
    pub(crate) fn leave(&self, open: &Arc<Open>) {
        let left = {
            let mut stack = self.stack.borrow_mut();
            let found = stack.iter().rposition(|entered| Arc::ptr_eq(entered, open));
            found.map(|index| stack.remove(index))
        };
        drop(left); // its memory may be the application's to free: not under the borrow
    }

    /// How many contexts this thread is in.
    pub(crate) fn depth(&self) -> usize {
        self.stack.borrow().len()
    }

    /// Leaves all contexts above `depth`, and gives them.
    pub(crate) fn leave_above(&self, depth: usize) -> Vec<Arc<Open>> {
        let mut stack = self.stack.borrow_mut();
        if stack.len() > depth { stack.split_off(depth) } else { Vec::new() }
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
