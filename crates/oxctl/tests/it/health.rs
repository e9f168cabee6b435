//! `oxctl health`

use crate::peers::{answer, blueox};
use crate::{BUSY, IDLE, ask, oxctl, run, shown, with_status};

#[test]
fn a_daemon_that_is_well() {
    let peer = with_status(IDLE);
    assert_eq!(
        shown(&peer, &["health"]),
        format!(
            "\
ok    alive  oxd 1.0.0-test (HTTP) at {}
ok    ready  ready
ok    disk   none: it keeps no log files
",
            peer.address()
        )
    );
}

#[test]
fn a_daemon_that_is_not() {
    let peer = blueox(|request, stream| match request.line.as_str() {
        "GET /healthz" => answer(stream, 200, "ok\n"),
        "GET /readyz" => answer(stream, 503, "the disk is failing\n"),
        _ => answer(stream, 200, BUSY),
    });
    let said = ask(&peer, &["health"]);
    assert_eq!(
        (said.out, said.err.as_str(), said.code),
        (
            format!(
                "\
ok    alive  oxd 1.0.0-test (HTTP) at {}
FAIL  ready  the disk is failing
FAIL  disk   failing for 3m: No space left on device (os error 28)
warn  spool  1,204 events wait in /var/lib/blueox/4000, the spool of another port; to deliver them run: oxd --spool /var/lib/blueox/4000
warn  loss   15 events dropped since the start (disk_full 12, bad_type 3)
",
                peer.address()
            ),
            "",
            Some(1)
        )
    );
    let raw: serde_json::Value = serde_json::from_str(&ask(&peer, &["health", "--raw"]).out).unwrap();
    assert_eq!(raw["ok"], false);
    assert_eq!(raw["checks"][1]["verdict"], "fail");
}

#[test]
fn nobody_is_there() {
    let said = run(oxctl(&["-H", "127.0.0.1:1", "health"]));
    assert_eq!(said.code, Some(1));
    assert_eq!(
        said.out,
        "FAIL  alive  no oxd at 127.0.0.1:1 (connection refused); is it running? try: oxd --log-path ./logs --control 127.0.0.1:1\n"
    );
}
