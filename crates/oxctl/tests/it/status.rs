//! `oxctl status`

use crate::peers::{answer, blueox};
use crate::{BUSY, IDLE, ask, shown, with_status};

#[test]
fn a_busy_daemon() {
    let expected = "\
oxd 1.0.0-alpha.1 collector web-2 up 3d4h pid 123
in 1,204/s stored 1,204/s lag 12ms queue 7 (21 KiB) dropped 15 (disk_full 12, bad_type 3) last 2s ago
events       412,018 accepted, 412,003 stored, 7 types from 2 hosts
log          /var/log/blueox, 6-hour files, 12 open
spool        /var/lib/blueox/3514, 128 MiB of 2.0 GiB, full: senders wait
             1,204 events wait in /var/lib/blueox/4000, the spool of another port; to deliver them run: oxd --spool /var/lib/blueox/4000
disk         failing for 3m: No space left on device (os error 28)
ports        collection 127.0.0.1:3514, control 127.0.0.1:3513, streaming 127.0.0.1:35000
connections  4 open, 1,120 accepted, 3 refused (too_many 3)
native       2 connections, 12 streams known
watcher      127.0.0.1:5000 http, sent 1,200
watcher      127.0.0.1:5001 zmtp, sent 1,200, skipped 34
";
    let peer = with_status(BUSY);
    assert_eq!(shown(&peer, &[]), expected);
    assert_eq!(shown(&peer, &["status"]), expected);
}

#[test]
fn an_idle_daemon() {
    let expected = "\
oxd 1.0.0-alpha.1 collector web-2 up 2s pid 123
in 0/s stored 0/s queue 0 (0 B) dropped 0 no events yet
events       0 accepted, 0 stored, 0 types from 0 hosts
log          none: it was started without --log-path
ports        collection 127.0.0.1:3514, control 127.0.0.1:3513
connections  1 open, 1 accepted
";
    assert_eq!(shown(&with_status(IDLE), &[]), expected);
}

#[test]
fn colour_on_request() {
    let shown = shown(&with_status(BUSY), &["--color", "always"]);
    assert!(shown.contains("\x1b[1;31mdropped 15 (disk_full 12, bad_type 3)\x1b[0m"), "{shown}");
    assert!(shown.starts_with("\x1b[1moxd 1.0.0-alpha.1\x1b[0m collector"), "{shown}");
}

#[test]
fn raw_is_the_daemons_own() {
    let raw = shown(&with_status(BUSY), &["--raw"]);
    assert_eq!(raw.lines().count(), 1);
    assert!(!raw.contains('\u{202e}'), "{raw}");
    let value = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_eq!(value(&raw), value(BUSY));
}

#[test]
fn a_daemon_that_lies_is_shown_harmlessly() {
    let peer = blueox(|_, stream| {
        answer(
            stream,
            200,
            r#"{"version": "1\u001b[2J", "host": "a\nb", "uptime_seconds": 1e300, "lag_seconds": -5,
            "events": {"rate_in": 1e300, "dropped": {"a\u009b": 18446744073709551615, "b": 1}}, "log_path": "/\u0007"}"#,
        )
    });
    let shown = shown(&peer, &[]);
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()), "{shown:?}");
    assert!(shown.starts_with(r"oxd 1\u{1b}[2J a\nb up "), "{shown}");
}

#[test]
fn verbose_says_who_is_asked() {
    let peer = with_status(IDLE);
    let said = ask(&peer, &["-v"]);
    assert_eq!(said.err, format!("connected to {}: oxd 1.0.0-test (HTTP)\n", peer.address()));
}

#[test]
fn an_error_of_the_daemon_is_told() {
    let peer = blueox(|_, stream| answer(stream, 403, r#"{"error": "show a token: --token-file"}"#));
    let said = ask(&peer, &[]);
    assert_eq!(
        (said.out.as_str(), said.err.as_str(), said.code),
        ("", "error: show a token: --token-file\n", Some(1))
    );
}
