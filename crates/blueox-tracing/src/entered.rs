//! The spans that a thread is in.

use blueox::{Handle, Inside};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use tracing_core::span::Id;

/// Tells layers apart: spans of different subscribers may have the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LayerNumber(u64);

impl LayerNumber {
    pub(crate) fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

struct Entered {
    layer: LayerNumber,
    span: u64,
    inside: Inside,
}

thread_local! {
    /// What was entered and not left yet, the last one last. Spans may be left in any order.
    static ENTERED: RefCell<Vec<Entered>> = const { RefCell::new(Vec::new()) };
}

/// The thread enters a span.
pub(crate) fn enter(layer: LayerNumber, span: &Id, context: &Handle) {
    let entered = Entered { layer, span: span.into_u64(), inside: context.enter() };
    // A thread that is ending is in nothing any more.
    let _ = ENTERED.try_with(|stack| stack.borrow_mut().push(entered));
}

/// The thread leaves a span.
pub(crate) fn leave(layer: LayerNumber, span: &Id) {
    let span = span.into_u64();
    let left = ENTERED.try_with(|stack| {
        let mut stack = stack.borrow_mut();
        let found = stack.iter().rposition(|entered| entered.layer == layer && entered.span == span);
        found.map(|place| stack.remove(place).inside)
    });
    drop(left);
}
