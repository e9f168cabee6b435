//! An original daemon.

use crate::clock;
use crate::peers::{Closer, Peer, original};
use crate::{ask, shown};
use blueox_event::Value;
use std::sync::{Arc, OnceLock};

fn daemon() -> Peer {
    let closer: Arc<OnceLock<Closer>> = Arc::default();
    let own = Arc::clone(&closer);
    let peer = original(move |request| {
        if request == b"\x81\xa3cmd\xa8SHUTDOWN" {
            own.get().unwrap().close();
            return Value::map([("ok", Value::from(true))]).to_msgpack();
        }
        assert_eq!(request, b"\x81\xa3cmd\xa6STATUS");
        let last = |seconds: f64| Value::map([("last", Value::from(clock::now() - seconds))]);
        Value::map([
            ("last", Value::from(clock::now() - 60.0 * 60.0 * 24.0 * 9.5)),
            ("lag", Value::from(0.25)),
            ("events", Value::map([("request", last(8200.0 * 3600.0)), ("job", last(4.5 * 3600.0 + 20.0))])),
            ("hosts", Value::map([("web-2", last(8200.0 * 3600.0))])),
        ])
        .to_msgpack()
    });
    closer.set(peer.closer()).ok().unwrap();
    peer
}

#[test]
fn its_status() {
    let peer = daemon();
    let expected = format!(
        "\
original oxd (ZMTP) at {0}
lag 250ms last 9d12h ago
events  2 types from 1 host
ports   control {0}
",
        peer.address()
    );
    assert_eq!(shown(&peer, &[]), expected);
}

#[test]
fn its_types() {
    let expected = "\
type     last
job      4h30m ago
request  341d16h ago
";
    assert_eq!(shown(&daemon(), &["types"]), expected);
}

#[test]
fn its_raw_reply() {
    let raw: serde_json::Value = serde_json::from_str(&shown(&daemon(), &["-r"])).unwrap();
    assert_eq!(raw["lag"], 0.25);
    assert!(raw["events"]["request"]["last"].is_f64());
}

#[test]
fn its_health() {
    let peer = daemon();
    assert_eq!(
        shown(&peer, &["health"]),
        format!("ok    alive  original oxd (ZMTP) at {}\n", peer.address())
    );
}

#[test]
fn its_end() {
    let peer = daemon();
    let said = ask(&peer, &["shutdown"]);
    assert_eq!(
        (said.out, said.err.as_str(), said.code),
        (format!("original oxd (ZMTP) at {} has stopped\n", peer.address()), "", Some(0))
    );
}
