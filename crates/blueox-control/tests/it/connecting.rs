//! Who is there, and what to say when nobody or somebody else is.

use crate::peers::{Peer, answer, blueox, hold, original, refusing, zmtp};
use crate::{SHORT, connect, connect_briefly, short};
use blueox_control::{Client, ClientError, DaemonKind};
use blueox_event::wire::zmtp::{Connection, SocketType};
use std::io::Write;
use std::time::Duration;

fn text(result: Result<Client, ClientError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_two_kinds_of_daemons_are_told_apart() {
    let ours = blueox(|_, stream| answer(stream, 200, "{}"));
    assert_eq!(connect(&ours).unwrap().kind(), DaemonKind::BlueOx("1.0.0-test".into()));
    let theirs = original(|_| vec![0x80]);
    assert_eq!(connect(&theirs).unwrap().kind(), DaemonKind::Original);
}

#[test]
fn nobody_is_there() {
    let (_held, target) = refusing();
    let error = Client::connect(&target.to_string().parse().unwrap(), short()).unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "no oxd at {target} (connection refused); is it running? try: oxd --log-path ./logs --control {target}"
        )
    );
}

#[test]
fn a_web_server_is_there() {
    let peer = Peer::listen(|mut stream| {
        answer(&mut stream, 400, "what?")?;
        hold(&mut stream)
    });
    // As much of its first line as came with the first piece.
    let expected = format!("{} is no control port of an oxd: it says \"HTTP/1.1 400", peer.address());
    let text = text(connect(&peer));
    assert!(text.starts_with(&expected), "{text}");
}

#[test]
fn what_a_stranger_says_is_harmless() {
    let peer = Peer::listen(|mut stream| {
        stream.write_all(&[b"\x1b[2J\xfe".as_slice(), &[b'x'; 100_000]].concat())?;
        hold(&mut stream)
    });
    let text = text(connect(&peer));
    assert!(text.contains(r#"it says "\u{1b}[2J\xfexxx"#), "{text}");
    assert!(text.len() < 200, "{text}");
}

#[test]
fn a_collection_port_is_there() {
    let peer = Peer::listen(|stream| zmtp(stream, Connection::accept(SocketType::Pull, 4096), |_, _| {}));
    let text = text(connect(&peer));
    assert!(text.contains("as a collection port is"), "{text}");
}

#[test]
fn somebody_closes_at_once() {
    let peer = Peer::listen(|_| Ok(()));
    let text = text(connect(&peer));
    assert!(text.contains("broke during a greeting"), "{text}");
}

#[test]
fn somebody_is_silent() {
    let peer = Peer::listen(|mut stream| hold(&mut stream));
    let error = connect_briefly(&peer).unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { after: SHORT, .. }), "{error}");
    assert!(error.to_string().contains("within 2 s"), "{error}");
}

#[test]
fn half_a_greeting_and_then_a_byte_now_and_then_does_not_hold_the_client_up() {
    let peer = Peer::listen(|mut stream| {
        // The signature, the version and the mechanism; the rest never comes to an end.
        stream.write_all(&[0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f, 3, 0, b'N', b'U', b'L', b'L'])?;
        loop {
            stream.write_all(&[0])?;
            std::thread::park_timeout(Duration::from_millis(50));
        }
    });
    let error = connect_briefly(&peer).unwrap_err();
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[test]
fn a_port_that_closes_is_noticed() {
    let peer = blueox(|_, stream| answer(stream, 200, "{}"));
    let client = connect(&peer).unwrap();
    assert!(!client.wait_until_closed(Duration::from_millis(150)));
    peer.close();
    assert!(client.wait_until_closed(Duration::from_secs(60)));
}
