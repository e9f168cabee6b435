//! Questions to our daemon, and answers that are none.

use crate::peers::{Request, answer, begin_chunks, blueox, chunk, hold};
use crate::{connect, connect_briefly};
use blueox_control::{ClientError, Health, Probe, Token};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

/// What a client says to a status that is answered like this.
fn status_error(
    script: impl Fn(&Request, &mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> ClientError {
    let peer = blueox(script);
    connect_briefly(&peer).unwrap().status().unwrap_err()
}

#[test]
fn a_status_is_read() {
    let peer = blueox(|request, stream| {
        assert_eq!(request.line, "GET /v1/status");
        assert_eq!(request.header("authorization"), None);
        answer(stream, 200, r#"{"version": "1.0", "lag_seconds": 0.5, "new": []}"#)
    });
    let client = connect(&peer).unwrap();
    assert_eq!(client.status().unwrap().lag_seconds, Some(0.5));
    assert_eq!(client.status_json().unwrap()["version"], "1.0");
}

#[test]
fn a_shutdown_shows_its_header_and_its_token() {
    let (sent, requests) = mpsc::sync_channel(2);
    let peer = blueox(move |request, stream| {
        let header = |name| request.header(name).map(str::to_owned);
        let body = String::from_utf8_lossy(&request.body).into_owned();
        sent.send((request.line.clone(), header("x-blueox"), header("authorization"), body)).unwrap();
        answer(stream, 200, r#"{"ok": true, "drain_seconds": 2.5}"#)
    });
    let client = connect(&peer).unwrap().with_token(Token::new("s3cret").unwrap());
    let shutdown = client.shutdown(Some(Duration::from_millis(1500))).unwrap();
    assert_eq!(shutdown.drain, Some(Duration::from_millis(2500)));
    let (line, header, token, body) = requests.recv().unwrap();
    assert_eq!(line, "POST /v1/shutdown");
    assert_eq!(header.as_deref(), Some("1"));
    assert_eq!(token.as_deref(), Some("Bearer s3cret"));
    assert_eq!(body, r#"{"drain_seconds":1.5}"#);
    client.shutdown(None).unwrap();
    assert_eq!(requests.recv().unwrap().3, "{}");
}

#[test]
fn a_refusal_is_in_the_daemons_own_words() {
    let error =
        status_error(|_, stream| answer(stream, 403, r#"{"error": "show a token\u001b: --token-file"}"#));
    assert!(matches!(error, ClientError::Refused { status: 403, .. }));
    assert_eq!(error.to_string(), r"show a token\u{1b}: --token-file");
}

#[test]
fn health_is_an_answer_also_when_it_is_bad() {
    let peer = blueox(|request, stream| match request.line.as_str() {
        "GET /healthz" => answer(stream, 200, "ok\n"),
        _ => answer(stream, 503, "disk is full\x1b[2J\nmore\n"),
    });
    let alive = Probe { ok: true, text: "ok".into() };
    let ready = Probe { ok: false, text: r"disk is full\u{1b}[2J".into() };
    assert_eq!(connect(&peer).unwrap().health().unwrap(), Health { alive, ready: Some(ready) });
}

#[test]
fn an_answer_that_is_no_json_is_quoted() {
    let error = status_error(|_, stream| answer(stream, 502, "<html>Bad Gateway</html>"));
    assert!(error.to_string().ends_with(r#"HTTP 502 "<html>Bad Gateway</html>""#), "{error}");
    let error = status_error(|_, stream| answer(stream, 200, "<html>"));
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    let error = status_error(|_, stream| answer(stream, 200, r#"{"events": 7}"#));
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    let error = status_error(|_, stream| answer(stream, 200, &"[".repeat(100_000)));
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
}

#[test]
fn garbage_is_no_http() {
    let error = status_error(|_, stream| {
        stream.write_all(&[0xff; 5000])?;
        hold(stream)
    });
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
}

#[test]
fn half_an_answer_is_none() {
    let error =
        status_error(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"));
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
    let error = status_error(|_, stream| stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Le"));
    assert!(matches!(error, ClientError::Broken { .. } | ClientError::BadAnswer { .. }), "{error}");
}

#[test]
fn an_endless_answer_is_given_up() {
    let error = status_error(|_, stream| {
        begin_chunks(stream)?;
        loop {
            chunk(stream, &[b' '; 1 << 20])?;
        }
    });
    assert!(matches!(error, ClientError::BadAnswer { .. } | ClientError::TimedOut { .. }), "{error}");
    let error = status_error(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        loop {
            stream.write_all(b"X-More: of the same\r\n")?;
        }
    });
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
}

#[test]
fn an_answer_that_drips_is_given_up() {
    let error = status_error(|_, stream| {
        begin_chunks(stream)?;
        loop {
            chunk(stream, b" ")?;
            std::thread::park_timeout(Duration::from_millis(50));
        }
    });
    assert!(matches!(error, ClientError::TimedOut { .. }), "{error}");
}

#[test]
fn a_daemon_does_not_send_its_clients_elsewhere() {
    let error = status_error(|_, stream| {
        stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    });
    assert!(error.to_string().contains("HTTP 302"), "{error}");
}
