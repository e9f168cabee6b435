//! Contexts: who is whose child, what ends how. The original's cases, restated.

use crate::collector::PATIENCE;
use crate::transport::{alone, get};
use blueox::testing::capture;
use blueox::{Config, Context, InContext, Outcome, builder, context};
use blueox_event::{EncodedEvent, Value};
use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::task::{Context as TaskContext, Poll, Waker};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut TaskContext::from_waker(Waker::noop()))
}

/// Is done at the second poll.
fn pause() -> impl Future<Output = ()> {
    let mut is_second = false;
    std::future::poll_fn(move |_| {
        if std::mem::replace(&mut is_second, true) { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[test]
fn an_event_has_what_the_original_has() {
    let events = capture();
    {
        let _request = context("request");
        blueox::set("status", 200);
    }
    let event = events.all()[0].decoded().unwrap();
    assert_eq!(event.type_name, "request");
    assert!(matches!(&event.id, Value::Str(id) if id.len() == 32));
    assert_eq!(event.pid, std::process::id());
    assert!(!event.host.is_empty());
    assert!(event.start <= event.end && event.end - event.start < 10.0);
    assert_eq!(event.body, Value::map([("status", Value::from(200))]));
}

#[test]
fn names_make_a_tree() {
    let events = capture();
    {
        let request = context("test");
        let bar = context(".bar");
        for (given, name, parent) in [
            (".foo", "test.bar.foo", &bar),
            (".bar.foo", "test.bar.foo", &bar),
            ("^.bar.foo", "test.bar.foo", &bar),
            ("^.foo", "test.foo", &bar),
            ("test.foo", "test.foo", &bar),
        ] {
            let child = context(given);
            assert_eq!((child.name(), child.id()), (name, request.id()), "{given}");
            let span = parent.span().unwrap().to_string();
            drop(child);
            assert_eq!(events.all().last().unwrap().json("parent"), format!("{span:?}"), "{given}");
        }
        let other = context("other");
        assert_ne!(other.id(), request.id());
    }
    let last: Vec<String> = events.all().iter().rev().take(3).map(|event| event.json("parent")).collect();
    assert_eq!(last[0], "");
    assert_ne!(last[1], "");
    assert_eq!(last[2], "", "a context with an id of its own has no parent");
}

#[test]
fn a_plain_name_is_a_child_only_of_what_is_open() {
    let _events = capture();
    let bar = context("test.bar");
    let foo = context("test.foo");
    assert_eq!(foo.name(), "test.foo");
    assert_ne!(foo.id(), bar.id());
}

#[test]
fn the_same_name_may_nest() {
    let events = capture();
    {
        let _outer = context("test");
        let _sql = context(".sql");
        let _again = context(".sql");
        let _same = context("test");
    }
    let names: Vec<_> = events.all().iter().map(blueox::testing::CapturedEvent::type_name).collect();
    assert_eq!(names, ["test", "test.sql", "test.sql", "test"]);
}

#[test]
fn guards_may_be_dropped_in_any_order() {
    let events = capture();
    let outer = context("outer");
    let inner = context(".inner");
    drop(outer);
    blueox::set("where", "inner");
    assert_eq!(blueox::current().unwrap().name(), "outer.inner");
    drop(inner);
    assert!(blueox::current().is_none());
    assert_eq!(events.of("outer.inner")[0].json("body.where"), r#""inner""#);
}

#[test]
fn calls_outside_of_any_context_do_nothing() {
    let events = capture();
    blueox::set("a", 1);
    blueox::add("b", 1);
    blueox::append("c", 1);
    drop(blueox::timeit("d"));
    assert!(events.all().is_empty());
}

#[test]
fn the_application_may_give_the_id() {
    let events = capture();
    drop(builder("a").id("my own").enter());
    drop(builder("b").numeric_id(17).enter());
    let request = builder("c").id("4f5f36c0070707070707070707070707").enter();
    assert_eq!(context(".child").id(), "4f5f36c0070707070707070707070707");
    drop(request);
    let ids: Vec<_> = events.all().iter().map(|event| event.json("id")).collect();
    assert_eq!(ids[..2], [r#""my own""#, "17"]);
}

#[test]
fn a_context_is_recorded_once_and_takes_nothing_afterwards() {
    let events = capture();
    let request = context("request");
    request.done();
    request.set("late", 1);
    request.done();
    drop(request);
    assert_eq!(events.all().len(), 1);
    assert_eq!(events.all()[0].json("body"), "{}");
}

#[test]
fn a_context_may_be_left_and_entered_again() {
    let events = capture();
    let request = builder("request").open();
    let inside = request.enter();
    blueox::set("first", 1);
    drop(inside);
    blueox::set("between", 1);
    let inside = request.enter();
    blueox::set("second", 1);
    drop((inside, request));
    assert_eq!(events.all()[0].json("body"), r#"{"first":1,"second":1}"#);
}

#[test]
fn reuse_leaves_no_trace() {
    let events = capture();
    for n in 0..100 {
        let request = context("request");
        assert!(request.find("..").is_none());
        if n % 2 == 0 {
            blueox::set("n", n);
        }
        drop(context(".child"));
    }
    let of: Vec<_> = events.of("request").iter().map(|event| event.json("body")).collect();
    assert_eq!(of[2], r#"{"n":2}"#);
    assert_eq!(of[3], "{}");
    let all = events.all();
    let spans: std::collections::HashSet<String> = all.iter().map(|event| event.json("span")).collect();
    assert_eq!(spans.len(), 200);
}

#[test]
fn a_parent_that_is_not_recorded_silences_its_children() {
    let events = capture();
    {
        let request = builder("request").sample("request", 0.0).enter();
        assert!(!request.is_recorded());
        blueox::set("a", 1);
        drop(context(".sql"));
        drop(context("^.sql"));
        drop(context("request.sql"));
        drop(context("other"));
    }
    let names: Vec<_> = events.all().iter().map(blueox::testing::CapturedEvent::type_name).collect();
    assert_eq!(names, ["other"]);
}

#[test]
fn a_level_that_is_not_open_means_the_context_itself() {
    let events = capture();
    let _request = context("request");
    drop(builder(".memcache").sample("memcache", 1.0).enter());
    drop(builder(".memcache").sample("nothing.of.the.kind", 1.0).enter());
    assert_eq!(events.all().len(), 2);
    assert_eq!(events.all()[0].json("sample_rate"), "");
}

#[test]
fn rates_multiply() {
    let events = capture();
    for _ in 0..200 {
        let _request = builder("request").sample(".", 0.5).enter();
        let _cache = builder(".cache").sample("..", 0.5).enter();
    }
    assert!(events.of("request").iter().all(|event| event.json("sample_rate") == "0.5"));
    assert!(events.of("request.cache").iter().all(|event| event.json("sample_rate") == "0.25"));
}

/// One decision for each level, and shares within the 99 % binomial interval. Chance leaves it once in a hundred runs, so three are made.
#[test]
fn samples_are_decided_once_for_each_level() {
    let _events = capture(); // somebody wants the contexts around
    for level in [".", "..", "^", "request", "request.step.cache"] {
        let deviations: Vec<f64> = (0..3).map(|_| deviation(level, 0.25)).collect();
        assert!(deviations.iter().any(|deviation| deviation.abs() <= 2.576), "{level}: {deviations:?}");
    }
}

/// How far the share that is kept is from `rate`, in standard deviations.
fn deviation(level: &'static str, rate: f64) -> f64 {
    const REQUESTS: usize = 400;
    let mut kept = 0;
    for _ in 0..REQUESTS {
        let _request = context("request");
        for _ in 0..2 {
            let _step = context(".step");
            let events = capture();
            for _ in 0..2 {
                drop(builder(".cache").sample(level, rate).enter());
            }
            let kept_here = events.all().len();
            assert!(level != ".." || kept_here != 1, "{level}: {kept_here}");
            kept += kept_here;
        }
    }
    let each = match level {
        "." | "request.step.cache" => 1,
        ".." => 2,
        _ => 4,
    };
    assert_eq!(kept % each, 0);
    let deciders = (REQUESTS * 4 / each) as f64;
    let mean = deciders * rate;
    ((kept / each) as f64 - mean) / (mean * (1.0 - rate)).sqrt()
}

/// What another process with the same id would decide.
#[test]
fn decisions_for_an_id_are_the_same_everywhere() {
    let _events = capture();
    for n in 0..200 {
        let id = format!("{n:032x}").replace(' ', "0");
        let decide = |name: &'static str| {
            let id = id.clone();
            std::thread::spawn(move || {
                let _events = capture();
                builder(name).id(&id).sample(".", 0.5).enter().is_recorded()
            })
        };
        let (here, there) = (decide("front"), decide("back"));
        assert_eq!(here.join().unwrap(), there.join().unwrap());
    }
}

#[test]
fn a_future_that_is_dropped_was_cancelled() {
    let events = capture();
    {
        let mut future = pin!(pause().in_context(builder("request").open()));
        assert!(poll(future.as_mut()).is_pending());
    }
    assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    let mut future = pin!(pause().in_context(builder("request").open()));
    assert!(poll(future.as_mut()).is_pending());
    assert!(blueox::current().is_none());
    assert!(poll(future.as_mut()).is_ready());
    assert_eq!(events.all()[1].json("outcome"), "");
}

#[test]
fn a_guard_that_a_future_holds_stays_with_the_future() {
    let events = capture();
    async fn task() {
        let _inner = context(".inner");
        pause().await;
        blueox::set("seen", blueox::current().unwrap().name());
    }
    let mut first = pin!(task().in_context(builder("first").open()));
    let mut second = pin!(task().in_context(builder("second").open()));
    assert!(poll(first.as_mut()).is_pending());
    assert!(poll(second.as_mut()).is_pending());
    assert!(blueox::current().is_none());
    assert!(poll(first.as_mut()).is_ready());
    assert!(poll(second.as_mut()).is_ready());
    assert_eq!(events.of("first.inner")[0].json("body.seen"), r#""first.inner""#);
    assert_eq!(events.of("second.inner")[0].json("body.seen"), r#""second.inner""#);
}

#[test]
fn a_panic_is_recorded_in_what_it_goes_through() {
    let events = capture();
    let result = std::panic::catch_unwind(|| {
        let _request = context("request");
        {
            let _before = context(".before");
        }
        panic!("lost");
    });
    assert!(result.is_err());
    let _after = context("after");
    assert_eq!(events.of("request.before")[0].json("outcome"), "");
    assert_eq!(events.of("request")[0].json("outcome"), r#""panicked""#);
    assert_eq!(events.of("request")[0].json("body.exception.type"), r#""panic""#);
}

/// An executor catches the panic of a task and drops the future when nothing unwinds any more.
#[test]
fn a_panic_in_a_future_is_no_cancellation() {
    let events = capture();
    let mut future = Box::pin(async { panic!("lost") }.in_context(builder("job").open()));
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| poll::<_>(future.as_mut())));
    assert!(polled.is_err());
    assert!(blueox::current().is_none());
    drop(future);
    assert_eq!(events.all().len(), 1);
    assert_eq!(events.all()[0].json("outcome"), r#""panicked""#);
}

/// Work in a destructor while the stack unwinds is no panic of its own.
#[test]
fn a_context_that_is_opened_while_unwinding_finishes() {
    struct Tidy;
    impl Drop for Tidy {
        fn drop(&mut self) {
            drop(context("tidying"));
        }
    }
    let events = capture();
    let _ = std::panic::catch_unwind(|| {
        let _tidy = Tidy;
        panic!("lost");
    });
    assert_eq!(events.of("tidying")[0].json("outcome"), "");
}

#[test]
fn a_very_deep_nest_has_bounds() {
    let events = capture();
    let mut guards: Vec<_> = (0..10_000).map(|_| context(".a.b")).collect();
    while guards.pop().is_some() {}
    assert_eq!(events.all().len(), 10_000);
    assert_eq!(events.all()[0].type_name(), "a.b");
}

#[test]
fn other_threads_write_to_the_same_event() {
    let events = capture();
    let request = context("request");
    std::thread::scope(|scope| {
        for n in 0..4 {
            let handle = request.handle();
            scope.spawn(move || (0..1000).for_each(|_| handle.add(&format!("n.{n}"), 1)));
        }
    });
    drop(request);
    for n in 0..4 {
        assert_eq!(events.all()[0].json(&format!("body.n.{n}")), "1000");
    }
}

/// What a context holds moves from its thread to where others find it when somebody can reach it from elsewhere: from the inner one the outer ones too.
#[test]
fn what_was_set_before_a_context_was_shared_stays() {
    let events = capture();
    let outer = context("outer");
    let change = |n: u64| {
        blueox::set(&format!("n{n}"), n);
        blueox::append("list", n);
        blueox::add("count", n);
    };
    change(1);
    {
        let inner = context(".inner");
        change(1);
        let handle = inner.handle();
        let elsewhere = std::thread::spawn(move || {
            handle.set("other", true);
            let outer = handle.find("..").unwrap();
            outer.append("list", 2);
            outer.add("count", 2);
        });
        elsewhere.join().unwrap();
        change(3);
    }
    change(4);
    drop(outer);
    let bodies: Vec<String> = events.all().iter().map(|event| event.json("body")).collect();
    assert_eq!(bodies[0], r#"{"n1":1,"list":[1,3],"count":4,"other":true,"n3":3}"#);
    assert_eq!(bodies[1], r#"{"n1":1,"list":[1,2,4],"count":7,"n4":4}"#);
}

#[test]
fn a_context_for_others_leads_to_those_around_it() {
    let events = capture();
    let outer = context("outer");
    blueox::set("a", 1);
    let job = builder(".job").open();
    std::thread::scope(|scope| scope.spawn(|| job.find("..").unwrap().set("b", 2)).join().unwrap());
    drop(job);
    drop(outer);
    assert_eq!(events.of("outer")[0].json("body"), r#"{"a":1,"b":2}"#);
}

/// A guard in a thread-local variable that lives longer than the library's own.
#[test]
fn a_context_that_outlives_what_its_thread_has_keeps_what_was_set() {
    thread_local! {
        static KEPT: RefCell<Option<Context>> = const { RefCell::new(None) };
    }
    let _alone = alone();
    let (tell, told) = std::sync::mpsc::channel();
    let take = move |event: &EncodedEvent<'_>| {
        if event.type_bytes() == b"late" {
            tell.send(event.bytes().to_vec()).unwrap();
        }
    };
    blueox::configure(Config::function(take)).unwrap();
    let ending = std::thread::spawn(|| {
        KEPT.set(None); // made first: dropped last
        let late = context("late");
        blueox::set("a", 1);
        KEPT.set(Some(late));
    });
    ending.join().unwrap();
    blueox::shutdown(PATIENCE);
    let all: Vec<Vec<u8>> = told.try_iter().collect();
    assert_eq!(all.len(), 1);
    let event = Value::from_msgpack(&all[0]).unwrap();
    assert_eq!(get(get(&event, "body"), "a"), &Value::from(1));
}

/// A value's own code may do anything.
#[test]
fn values_may_use_the_library() {
    struct Chatty;
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let _inner = context(".formatting");
            blueox::set("inner", 1);
            f.write_str("chatty")
        }
    }
    struct Broken;
    impl std::fmt::Debug for Broken {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("no text for you");
        }
    }
    let events = capture();
    {
        let _request = context("request");
        blueox::set("value", blueox::display(Chatty));
        blueox::set("broken", blueox::debug(Broken));
    }
    assert_eq!(events.of("request.formatting")[0].json("body"), r#"{"inner":1}"#);
    assert_eq!(events.of("request")[0].json("body"), r#"{"value":"chatty","broken":"[panicked]"}"#);
}

#[test]
fn secrets_stay_here() {
    let events = capture();
    {
        let _request = context("request");
        blueox::set("user.password", "hunter2");
        blueox::set(
            "headers",
            std::collections::BTreeMap::from([("Authorization", "Bearer x"), ("Host", "shop")]),
        );
        blueox::append("cookies", "session=1");
        blueox::add("api_key", 7);
    }
    let body = events.all()[0].json("body");
    assert_eq!(
        body,
        r#"{"user":{"password":"[scrubbed]"},"headers":{"Authorization":"[scrubbed]","Host":"shop"},"cookies":["[scrubbed]"]}"#
    );
}

#[test]
fn what_is_too_long_is_cut_with_a_mark() {
    let events = capture();
    {
        let _request = context("request");
        blueox::set("text", "é".repeat(1 << 20));
        blueox::set("list", vec![1u8; 5000]);
        blueox::set("after", 1);
        blueox::set("shown", blueox::display(format_args!("{}", "x".repeat(100 << 20))));
    }
    let event = &events.all()[0];
    assert!(event.json("body.text").ends_with("é…[2097152 bytes]\""));
    assert!(event.json("body.list").ends_with("1,\"…\"]"));
    assert_eq!(event.json("body.after"), "1");
    assert!(event.json("body.shown").ends_with("bytes]\""));
    assert!(event.encoded().bytes().len() < 200 << 10);
}

#[test]
fn outcomes_can_be_said() {
    let events = capture();
    context("job").done_as(Outcome::Cancelled);
    assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
}
