//! Spans: who is whose child, where they are entered, how they end.

use crate::{subscribed, types};
use std::panic::{AssertUnwindSafe, catch_unwind};
use tracing::{Instrument, Span, field, info_span};

#[test]
fn spans_and_contexts_are_one_tree() {
    let (events, _subscriber) = subscribed();
    info_span!("request").in_scope(|| {
        let _cart = blueox::context(".cart");
        info_span!("sql").in_scope(|| {
            blueox::set("rows", 3);
            drop(blueox::context(".row"));
            drop(info_span!("^.cache").entered());
        });
    });
    assert_eq!(
        types(&events),
        ["request.cart.sql.row", "request.cache", "request.cart.sql", "request.cart", "request"]
    );
    let all = events.all();
    assert!(all.iter().all(|event| event.json("id") == all[4].json("id")));
    assert_eq!(all[2].json("parent"), all[3].json("span"));
    assert_eq!(all[3].json("parent"), all[4].json("span"));
    assert_eq!(all[2].json("body"), r#"{"rows":3}"#);
}

#[test]
fn parents_can_be_named() {
    let (events, _subscriber) = subscribed();
    let request = info_span!("request");
    let _other = info_span!("other").entered();
    drop(info_span!(parent: &request, "sql"));
    drop(info_span!(parent: None, "job"));
    drop(request);
    assert_eq!(types(&events), ["request.sql", "job", "request"]);
    assert_eq!(events.all()[0].json("parent"), events.all()[2].json("span"));
    assert_eq!(events.all()[1].json("parent"), "");
}

#[test]
fn fields_have_their_types_and_may_come_later() {
    let (events, _subscriber) = subscribed();
    let failed = std::io::Error::other("disk full");
    {
        let span = info_span!(
            "request",
            user.id = 42,
            big = u128::MAX,
            ratio = 0.5,
            is_new = true,
            path = "/cart",
            shown = %"text",
            debugged = ?Some(1),
            cause = &failed as &(dyn std::error::Error + 'static),
            response.status = field::Empty,
            password = "hunter2",
        );
        span.record("response.status", 200);
        span.record("nobody.declared.it", 1);
        span.record("path", "/cart/checkout");
    }
    assert_eq!(
        events.all()[0].json("body"),
        concat!(
            r#"{"user":{"id":42},"big":"340282366920938463463374607431768211455","ratio":0.5,"is_new":true,"path":"/cart/checkout","#,
            r#""shown":"text","debugged":"Some(1)","cause":{"message":"disk full"},"password":"[scrubbed]","response":{"status":200}}"#
        )
    );
}

#[test]
fn a_span_may_be_entered_on_several_threads_at_once() {
    let (events, _subscriber) = subscribed();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    let span = info_span!("job");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let _subscriber = tracing::dispatcher::set_default(&dispatch);
                for _ in 0..100 {
                    let _inside = span.enter();
                    blueox::add("steps", 1);
                    drop(info_span!("step").entered());
                }
                assert!(blueox::current().is_none());
            });
        }
    });
    drop(span);
    assert_eq!(events.of("job")[0].json("body.steps"), "400");
    assert_eq!(events.of("job.step").len(), 400);
}

#[test]
fn spans_may_be_left_in_any_order() {
    let (events, _subscriber) = subscribed();
    let (first, second) = (info_span!("first"), info_span!(parent: None, "second"));
    let (inside_first, inside_second) = (first.enter(), second.enter());
    drop(inside_first);
    assert_eq!(blueox::current().unwrap().name(), "second");
    drop(inside_second);
    assert!(blueox::current().is_none());
    drop((first, second));
    assert_eq!(types(&events), ["first", "second"]);
}

#[tokio::test]
async fn futures_that_take_turns_keep_their_spans() {
    let (events, _subscriber) = subscribed();
    let task = |n: u64| {
        async move {
            for _ in 0..10 {
                tokio::task::yield_now().await;
                blueox::add("turns", n);
                async { tokio::task::yield_now().await }.instrument(info_span!("step")).await;
            }
        }
        .instrument(info_span!(parent: None, "task", n))
    };
    tokio::join!(task(1), task(2), task(3));
    assert!(blueox::current().is_none());
    for event in events.of("task") {
        let n: u64 = event.json("body.n").parse().unwrap();
        assert_eq!(event.json("body.turns"), (10 * n).to_string());
        let steps = events.of("task.step");
        assert_eq!(steps.iter().filter(|step| step.json("parent") == event.json("span")).count(), 10);
    }
    assert_eq!(events.of("task").len(), 3);
}

#[test]
fn a_span_ends_once_when_its_last_clone_is_gone() {
    let (events, _subscriber) = subscribed();
    let span = info_span!("request");
    let clone = span.clone();
    drop(span);
    assert!(events.all().is_empty());
    std::thread::spawn(move || drop(clone)).join().unwrap();
    assert_eq!(events.all().len(), 1);
}

#[test]
fn what_a_span_follows_is_listed() {
    let (events, _subscriber) = subscribed();
    let (first, second) = (info_span!("first"), info_span!("second"));
    second.follows_from(&first);
    second.follows_from(Span::none());
    drop((first, second));
    let span = events.of("first")[0].json("span");
    assert_eq!(events.of("second")[0].json("body"), format!(r#"{{"follows":[{span}]}}"#));
}

#[test]
fn a_panic_that_goes_through_a_span_is_its_outcome() {
    let (events, _subscriber) = subscribed();
    let result = catch_unwind(AssertUnwindSafe(|| {
        let _job = info_span!("job").entered();
        panic!("lost");
    }));
    assert!(result.is_err());
    assert_eq!(events.all()[0].json("outcome"), r#""panicked""#);
    assert!(blueox::current().is_none());
}

/// tracing itself may leave out what a value's own code traces while it is recorded; what that does with BlueOx counts.
#[test]
fn values_may_use_tracing_themselves() {
    #[derive(Debug)]
    struct Chatty;
    impl std::fmt::Display for Chatty {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            let _inner = info_span!("formatting").entered();
            tracing::info!("formatted");
            drop(blueox::context("formatting"));
            f.write_str("chatty")
        }
    }
    let (events, _subscriber) = subscribed();
    let span = info_span!("request", value = %Chatty, later = field::Empty);
    span.record("later", field::display(Chatty));
    drop(span);
    assert_eq!(events.of("request")[0].json("body"), r#"{"value":"chatty","later":"chatty"}"#);
    assert!(events.of("formatting").len() >= 2, "{:?}", types(&events));
    assert!(blueox::current().is_none());
}

/// Two subscribers count their spans alike.
#[test]
fn subscribers_inside_of_each_other_stay_apart() {
    let (events, _outer) = subscribed();
    let outer = info_span!("outer").entered();
    {
        let (_, _inner) = subscribed();
        let inner = info_span!("inner");
        assert_eq!(inner.id(), outer.id());
        drop(inner.entered());
        assert_eq!(blueox::current().unwrap().name(), "outer");
    }
    blueox::set("still", true);
    drop(outer);
    assert_eq!(events.of("outer")[0].json("body.still"), "true");
    assert!(blueox::current().is_none());
}

#[test]
fn without_anybody_who_wants_events_nothing_is_opened() {
    let subscriber = tracing_subscriber::layer::SubscriberExt::with(
        tracing_subscriber::registry(),
        blueox_tracing::layer(),
    );
    tracing::subscriber::with_default(subscriber, || {
        let _request = info_span!("request", path = "/").entered();
        tracing::error!(error = "lost", "nobody hears it");
        assert!(blueox::current().is_none());
    });
}
