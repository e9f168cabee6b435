//! `oxctl forward` and `oxctl queue`

use crate::peers::{Peer, answer, blueox};
use crate::{ask, shown, with_status};

const LISTS: &str = include_str!("forward.json");
const AGENT: &str = include_str!("agent.json");

const SHOWN: &str = "\
list 0  durable, lag 12ms queue 7 (21 KiB) forwarded 412,003 switches 1
        master:3514 ACTIVE
        backup:3514 refused: it refuses: no (just now)
list 1  no destination works, lag 3m queue 1,204 (1.2 MiB) forwarded 0 held to 16 MiB/s beside live events perhaps lost 3 dropped (spool_full 9)
        old:3514 failing: connection refused
";

fn forwarding() -> Peer {
    blueox(|request, stream| match request.line.as_str() {
        "GET /v1/forward" => answer(stream, 200, LISTS),
        "POST /v1/forward" if request.body.ends_with(br#""addresses":"nowhere","list":1}"#) => {
            answer(stream, 400, r#"{"error": "nowhere:3514 is not in the list: old:3514; add it first"}"#)
        }
        "POST /v1/forward" => {
            assert_eq!(request.header("x-blueox"), Some("1"));
            assert_eq!(request.body, br#"{"command":"set","addresses":"master,backup","list":0}"#);
            answer(stream, 200, LISTS)
        }
        _ => answer(stream, 404, r#"{"error": "no such page"}"#),
    })
}

#[test]
fn lists_are_shown_and_changed() {
    let peer = forwarding();
    assert_eq!(shown(&peer, &["forward", "show"]), SHOWN);
    assert_eq!(shown(&peer, &["forward", "set", "master,backup"]), SHOWN);
    let said = ask(&peer, &["forward", "switch", "nowhere", "--list", "1"]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("add it first"), "{}", said.err);
}

#[test]
fn an_agent() {
    let peer = with_status(AGENT);
    let expected = "\
oxd 1.0.0-alpha.1 agent web-2 up 3d4h pid 123 → master:3514 ACTIVE, backup:3514 standby
in 1,204/s out 1,200/s lag 12ms queue 7 (21 KiB) dropped 0 no events yet
events   412,010 accepted, 412,003 forwarded, 0 types from 0 hosts
forward  durable, lag 12ms queue 7 (21 KiB) forwarded 412,003
spool    /var/lib/blueox/3514, 128 MiB of 2.0 GiB
";
    assert_eq!(shown(&peer, &[]), expected);
    let expected = "\
/var/lib/blueox/3514  128 MiB of 2.0 GiB
forward:0  7 events (21 KiB), the oldest waits for 12ms
";
    assert_eq!(shown(&peer, &["queue"]), expected);
    assert!(shown(&peer, &["health"]).contains("ok    forward  list 0 to master:3514"));
}
