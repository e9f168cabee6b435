//! `oxctl audit`, against daemons that tell what they are told to tell.

use crate::peers::{Peer, answer, blueox};
use crate::{Said, ask};
use serde_json::{Value, json};

const NODE: &str = "a1b2c3d4e5f600000000000000000001";
const APP: &str = "1a2b3c4d5e6f00000000000000000001";

/// An agent with what waits in its spool, from `first` to `last` of the application as its own numbers from 1 on.
fn agent(app: &Value, high: u64, runs: &Value) -> Peer {
    let mut known =
        json!({ "stream": APP, "role": "application", "host": "web-2", "pid": 4121, "high_water": high });
    known.as_object_mut().unwrap().extend(app.as_object().unwrap().clone());
    let body = json!({
        "host": "web-2", "role": "agent", "pid": 77, "node": NODE, "durable": true, "log_path": null,
        "stream": { "stream": NODE, "last": high, "events": 30 },
        "streams": [known],
        "cursors": [{ "name": "forward:0", "next": 1 }],
        "queue": { "runs": runs, "unread": null },
        "events": { "dropped": {} },
    })
    .to_string();
    blueox(move |request, stream| {
        assert_eq!(request.line, "GET /v1/audit");
        answer(stream, 200, &body)
    })
}

fn run(first: u64, last: u64, events: u64, reason: Option<&str>) -> [Value; 2] {
    let of = |stream: &str, events: u64| {
        json!({
            "stream": stream, "first": first, "last": last, "own_first": first, "own_last": last,
            "events": events, "reason": reason,
        })
    };
    [of(APP, events), of(NODE, 0)]
}

fn audit(peer: &Peer) -> Said {
    let said = ask(peer, &["audit"]);
    Said { out: said.out.replace(&peer.address().to_string(), "AGENT"), ..said }
}

#[test]
fn what_is_balanced() {
    let runs = [run(1, 6, 18, None), run(7, 9, 6, Some("queue_full"))].concat();
    let peer = agent(&json!({ "connected": true }), 9, &json!(runs));
    let expected = "\
balanced: 18 numbers of 2 streams = 0 stored + 12 queued + 6 dropped
events   0 stored, 18 queued, dropped: queue_full 6
asked    agent web-2 at AGENT
dropped  1a2b3c4d5e6f web-2:4121 7..9: queue_full
dropped  a1b2c3d4e5f6 web-2:77 7..9: queue_full
stream                   role         numbers  stored  queued  dropped  missing  events
1a2b3c4d5e6f web-2:4121  application        9       0       6        3        0      18
a1b2c3d4e5f6 web-2:77    daemon             9       0       6        3        0       0
";
    assert_eq!(audit(&peer), Said { out: expected.into(), err: String::new(), code: Some(0) });
}

#[test]
fn what_is_missing_and_where_it_was() {
    let runs = [run(1, 4, 12, None), run(8, 9, 6, None)].concat();
    let peer = agent(&json!({ "connected": true }), 12, &json!(runs));
    let expected = "\
not balanced: 24 numbers of 2 streams = 0 stored + 12 queued + 0 dropped + 12 missing
events   0 stored, 18 queued
asked    agent web-2 at AGENT
missing  1a2b3c4d5e6f web-2:4121 5..7: last seen by web-2, which took them
missing  1a2b3c4d5e6f web-2:4121 10..12: last seen by web-2, which took them
missing  a1b2c3d4e5f6 web-2:77 5..7: nobody has seen them; later ones are there
missing  a1b2c3d4e5f6 web-2:77 10..12: they were given to records, and nobody has seen those
stream                   role         numbers  stored  queued  dropped  missing  events
1a2b3c4d5e6f web-2:4121  application       12       0       6        0        6      18
a1b2c3d4e5f6 web-2:77    daemon            12       0       6        0        6       0
";
    assert_eq!(audit(&peer), Said { out: expected.into(), err: String::new(), code: Some(65) });
    let raw: Value = serde_json::from_str(&ask(&peer, &["audit", "--raw"]).out).unwrap();
    assert_eq!(raw["balanced"], false);
    let gaps: Vec<_> = raw["gaps"].as_array().unwrap().iter().filter(|gap| gap["stream"] == APP).collect();
    let ends: Vec<_> = gaps
        .iter()
        .map(|gap| (gap["first"].as_u64(), gap["last"].as_u64(), gap["known"].as_bool()))
        .collect();
    assert_eq!(ends, [(Some(5), Some(7), Some(false)), (Some(10), Some(12), Some(false))]);
}

/// A daemon that goes on in a new stream from its number 5 on, and has had 2 batches of an application since; with `acked`,
/// the lost state had acked 4 before them.
fn set_back(acked: bool) -> Said {
    let before = if acked { 4 } else { 0 };
    let first_own = 5 + u64::from(acked);
    let run = |stream: &str, (first, last): (u64, u64), (own, own_last): (u64, u64), events: u64| json!({ "stream": stream, "first": first, "last": last, "own_first": own, "own_last": own_last, "events": events });
    let mut runs = vec![
        run(NODE, (5, first_own + 1), (5, first_own + 1), 0),
        run(APP, (before + 1, before + 2), (first_own, first_own + 1), 6),
    ];
    if acked {
        runs.push(run(APP, (1, before), (5, 5), 0));
        runs[2]["reason"] = "acked_elsewhere".into();
    }
    let app = json!({
        "stream": APP, "role": "application", "host": "web-2", "pid": 4121, "connected": true, "high_water": before + 2,
    });
    let body = json!({
        "host": "web-2", "role": "agent", "pid": 77, "node": NODE, "durable": true, "log_path": null,
        "stream": { "stream": NODE, "base": 4, "last": first_own + 1, "events": 30 },
        "streams": [app],
        "cursors": [{ "name": "forward:0", "next": 5 }],
        "queue": { "runs": runs, "unread": null },
        "events": { "dropped": {} },
    })
    .to_string();
    audit(&blueox(move |_, stream| answer(stream, 200, &body)))
}

#[test]
fn what_a_daemon_that_was_set_back_has_never_given() {
    let expected = "\
balanced: 4 numbers of 2 streams = 0 stored + 4 queued + 0 dropped
events    0 stored, 6 queued
asked     agent web-2 at AGENT
set back  a1b2c3d4e5f6 web-2:77 1..4: never given: it was set back to an older state, and goes on behind them
stream                   role         numbers  stored  queued  dropped  missing  events
1a2b3c4d5e6f web-2:4121  application        2       0       2        0        0       6
a1b2c3d4e5f6 web-2:77    daemon             2       0       2        0        0       0
";
    assert_eq!(set_back(false), Said { out: expected.into(), err: String::new(), code: Some(0) });
}

#[test]
fn what_went_with_a_state_that_was_lost() {
    let expected = "\
not balanced: 9 numbers of 2 streams = 0 stored + 5 queued + 0 dropped + 4 missing
events    0 stored, 6 queued
asked     agent web-2 at AGENT
missing   1a2b3c4d5e6f web-2:4121 1..4: web-2 was told that another collector has acked them, and none has them; web-2 was set back to an older state, perhaps with them
set back  a1b2c3d4e5f6 web-2:77 1..4: never given: it was set back to an older state, and goes on behind them
stream                   role         numbers  stored  queued  dropped  missing  events
1a2b3c4d5e6f web-2:4121  application        6       0       2        0        4       6
a1b2c3d4e5f6 web-2:77    daemon             3       0       3        0        0       0
";
    assert_eq!(set_back(true), Said { out: expected.into(), err: String::new(), code: Some(65) });
}

#[test]
fn who_left_without_a_word() {
    let runs = run(1, 5, 15, None);
    let gone = json!({ "connected": false, "ended": false, "produced": 20, "dropped": { "queue_full": 2 } });
    let peer = agent(&gone, 5, &json!(runs));
    let expected = "\
balanced: 10 numbers of 2 streams = 0 stored + 10 queued + 0 dropped
events      0 stored, 15 queued
asked       agent web-2 at AGENT
broke off   1a2b3c4d5e6f web-2:4121 after 5: what it had not numbered nobody knows
unnumbered  1a2b3c4d5e6f web-2:4121 dropped before numbering: queue_full 2
stream                   role         numbers  stored  queued  dropped  missing  events
1a2b3c4d5e6f web-2:4121  application        5       0       5        0        0      15
a1b2c3d4e5f6 web-2:77    daemon             5       0       5        0        0       0
";
    assert_eq!(audit(&peer), Said { out: expected.into(), err: String::new(), code: Some(0) });
    let ended = agent(&json!({ "connected": false, "ended": true }), 5, &json!(runs));
    assert!(!audit(&ended).out.contains("broke off"), "{}", audit(&ended).out);
}
