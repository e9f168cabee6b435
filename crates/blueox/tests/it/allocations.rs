//! What an application pays in allocations: nothing, once it is running.

use crate::collector::{Collector, PATIENCE};
use crate::transport::alone;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    // A thread that is ending counts no more.
    let _ = COUNT.try_with(|count| count.set(count.get() + 1));
}

#[expect(unsafe_code, reason = "an allocator that counts")]
// SAFETY: every call is handed on as it is to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller's.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as the caller's.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn request(n: u64) {
    let _request = blueox::context("request");
    blueox::set("path", "/cart/checkout");
    blueox::set("user", n);
    blueox::set("response.status", 200);
    blueox::add("queries", 1);
    let _sql = blueox::context(".sql");
    blueox::set("query", "SELECT * FROM carts");
    blueox::set("ratio", 0.5);
}

#[test]
fn the_steady_state_allocates_nothing_in_the_callers_thread() {
    let _alone = alone();
    let collector = Collector::start();
    blueox::configure(blueox::Config::to(&collector.address)).unwrap();
    for n in 0..3000 {
        request(n);
    }
    assert!(blueox::flush(PATIENCE));
    let mut allocations = 0;
    for round in 0..20 {
        let before = COUNT.get();
        (0..100).for_each(|n| request(round * 100 + n));
        allocations += COUNT.get() - before;
        assert!(blueox::flush(PATIENCE));
    }
    assert_eq!(allocations, 0, "in 4,000 contexts");
    blueox::shutdown(PATIENCE);
}

#[test]
fn without_a_configuration_nothing_is_allocated_at_all() {
    let _alone = alone();
    let before = COUNT.get();
    (0..100).for_each(request);
    assert_eq!(COUNT.get(), before);
}
