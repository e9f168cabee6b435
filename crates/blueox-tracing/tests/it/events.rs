//! Events of tracing: log lines.

use crate::{subscribed, types};
use std::error::Error;
use tracing::{error, info, info_span, instrument, warn};

#[test]
fn an_event_is_a_line_below_its_span() {
    let (events, _subscriber) = subscribed();
    info_span!("request")
        .in_scope(|| info!(target: "shop", items = 3, user.id = 42, name = "hidden", "loaded {}", "all"));
    assert_eq!(types(&events), ["request.log", "request"]);
    let line = &events.all()[0];
    assert_eq!(
        line.json("body").split(r#","at""#).next().unwrap(),
        r#"{"name":"shop","level":"INFO","msg":"loaded all","items":3,"user":{"id":42},"fields":{"name":"hidden"}"#
    );
    assert!(line.json("body.at").contains("events.rs:"), "{}", line.json("body.at"));
    assert_eq!(line.json("parent"), events.all()[1].json("span"));
}

#[test]
fn an_event_without_a_span_stands_alone_or_where_it_is_told() {
    let (events, _subscriber) = subscribed();
    warn!("alone");
    let request = info_span!("request");
    warn!(parent: &request, "there");
    let _inside = request.enter();
    warn!(parent: None, "not here");
    assert_eq!(types(&events), ["log", "request.log", "log"]);
}

#[test]
fn an_error_counts_for_the_span_too() {
    let (events, _subscriber) = subscribed();
    let failed = std::io::Error::other("disk full");
    info_span!("request").in_scope(|| {
        warn!(error = "slow disk", "again");
        error!(cause = &failed as &(dyn Error + 'static), "given up");
    });
    info_span!("calm").in_scope(|| warn!(error = &failed as &(dyn Error + 'static), "no matter"));
    assert_eq!(events.all()[0].json("body.exception"), r#"{"message":"slow disk"}"#);
    assert_eq!(events.all()[1].json("body.exception"), r#"{"message":"disk full"}"#);
    assert_eq!(events.of("request")[0].json("body"), r#"{"exception":{"message":"disk full"}}"#);
    assert_eq!(events.of("calm")[0].json("body"), "{}");
}

#[test]
fn instrumented_functions_that_fail() {
    #[instrument(err)]
    fn divide(of: i64, by: i64) -> Result<i64, &'static str> {
        if by == 0 { Err("division by zero") } else { Ok(of / by) }
    }
    let (events, _subscriber) = subscribed();
    assert!(divide(1, 0).is_err());
    assert_eq!(divide(4, 2), Ok(2));
    assert_eq!(types(&events), ["divide.log", "divide", "divide"]);
    let all = events.all();
    assert_eq!(all[1].json("body"), r#"{"of":1,"by":0,"exception":{"message":"division by zero"}}"#);
    assert_eq!(all[2].json("body"), r#"{"of":4,"by":2}"#);
}

#[test]
fn lines_of_what_is_sampled_away_are_not_recorded() {
    let (events, _subscriber) = subscribed();
    let _request = blueox::builder("request").sample(".", 0.0).enter();
    info_span!("step").in_scope(|| error!(error = "lost", "nobody hears it"));
    assert!(events.all().is_empty());
}
