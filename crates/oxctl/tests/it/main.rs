//! The real binary against scripted daemons; what it prints, to the letter.

mod audit;
mod clock;
#[path = "../../../blueox/tests/it/collector.rs"]
#[allow(dead_code, reason = "each crate's tests use a part of it")]
mod collector;
mod forward;
mod fsck;
mod health;
mod ingest;
mod listings;
mod original;
#[path = "../../../blueox-control/tests/it/peers.rs"]
#[allow(dead_code, reason = "each crate's tests use a part of it")]
mod peers;
mod shutdown;
mod status;
mod usage;

use peers::{Peer, answer, blueox};
use std::io::Read;
use std::process::{Command, Output, Stdio};

/// A daemon that has much to tell.
const BUSY: &str = include_str!("busy.json");

/// A daemon that has just started.
const IDLE: &str = include_str!("idle.json");

fn with_status(status: &'static str) -> Peer {
    blueox(move |request, stream| match request.line.as_str() {
        "GET /v1/status" => answer(stream, 200, status),
        "GET /healthz" => answer(stream, 200, "ok\n"),
        "GET /readyz" => answer(stream, 200, "ready\n"),
        _ => answer(stream, 404, r#"{"error": "no such page"}"#),
    })
}

fn oxctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxctl"));
    command.env_clear().stdin(Stdio::null()).args(arguments);
    command
}

/// What the tool printed and said, and its exit code.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    out: String,
    err: String,
    code: Option<i32>,
}

fn run(mut command: Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { out: text(stdout), err: text(stderr), code: status.code() }
}

fn ask(peer: &Peer, arguments: &[&str]) -> Said {
    let address = peer.address().to_string();
    run(oxctl(&[&["-H", &address], arguments].concat()))
}

/// What it prints when all is well.
fn shown(peer: &Peer, arguments: &[&str]) -> String {
    let said = ask(peer, arguments);
    assert_eq!((said.err.as_str(), said.code), ("", Some(0)), "{said:?}");
    said.out
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let peer = with_status(BUSY);
    let mut child = oxctl(&["-H", &peer.address().to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let mut err = String::new();
    child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
    assert_eq!(err, "");
}
