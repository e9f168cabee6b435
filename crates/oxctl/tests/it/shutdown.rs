//! `oxctl shutdown`

use crate::ask;
use crate::peers::{Closer, Peer, answer, blueox};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

/// A daemon that closes its port when it is told to, and the bodies that told it.
fn obedient() -> (Peer, mpsc::Receiver<String>) {
    let (sent, bodies) = mpsc::channel();
    let sent = Mutex::new(sent);
    let closer: Arc<OnceLock<Closer>> = Arc::default();
    let own = Arc::clone(&closer);
    let peer = blueox(move |request, stream| {
        assert_eq!(request.line, "POST /v1/shutdown");
        assert_eq!(request.header("x-blueox"), Some("1"));
        let token = request.header("authorization").unwrap_or_default();
        let body = String::from_utf8_lossy(&request.body);
        sent.lock().unwrap().send(format!("{body} {token}")).unwrap();
        answer(stream, 200, r#"{"ok": true, "drain_seconds": 1}"#)?;
        // It drains for a while.
        std::thread::park_timeout(Duration::from_millis(200));
        own.get().unwrap().close();
        Ok(())
    });
    closer.set(peer.closer()).ok().unwrap();
    (peer, bodies)
}

#[test]
fn it_waits_until_the_port_is_closed() {
    let (peer, bodies) = obedient();
    let said = ask(&peer, &["shutdown"]);
    assert_eq!(
        (said.out, said.err.as_str(), said.code),
        (format!("oxd at {} has stopped\n", peer.address()), "", Some(0))
    );
    assert_eq!(bodies.recv().unwrap(), "{} ");
}

#[test]
fn drain_and_token_are_handed_over() {
    let (peer, bodies) = obedient();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "s3cret\n").unwrap();
    let said =
        ask(&peer, &["shutdown", "--drain", "1.5s", "--token-file", file.path().to_str().unwrap(), "-r"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let raw: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(raw, serde_json::json!({ "ok": true, "drain_seconds": 1.5 }));
    assert_eq!(bodies.recv().unwrap(), "{\"drain_seconds\":1.5} Bearer s3cret");
}

#[test]
fn a_daemon_that_stays_is_reported() {
    let peer = blueox(|_, stream| answer(stream, 200, r#"{"ok": true, "drain_seconds": 0}"#));
    let said = ask(&peer, &["shutdown"]);
    assert_eq!(said.code, Some(1));
    let expected =
        format!("error: the oxd at {} was told to stop and still listens after 5s;", peer.address());
    assert!(said.err.starts_with(&expected), "{}", said.err);
}
