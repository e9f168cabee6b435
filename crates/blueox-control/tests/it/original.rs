//! An original daemon: its control port and its stream.

use crate::live::event;
use crate::peers::{Peer, original, publisher, refusing, zmtp};
use crate::{connect, connect_briefly};
use blueox_control::{ClientError, LiveRequest};
use blueox_event::Value;
use blueox_event::wire::zmtp::{Connection, SocketType};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn command(request: &[u8]) -> String {
    let Value::Map(pairs) = Value::from_msgpack(request).unwrap() else { panic!("no map") };
    let [(Value::Str(key), Value::Str(command))] = &pairs[..] else { panic!("{pairs:?}") };
    assert_eq!(key, b"cmd");
    String::from_utf8(command.clone()).unwrap()
}

/// A daemon that always gives this reply.
fn replying(reply: impl Into<Vec<u8>>) -> Peer {
    let reply = reply.into();
    original(move |_| reply.clone())
}

/// A daemon whose stream is at one of `ports`, each time it is asked at the next one.
fn streaming_at(ports: Vec<u16>) -> (Peer, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let peer = original(move |request| {
        assert_eq!(command(request), "SOCK_STREAM");
        let index = counter.fetch_add(1, Ordering::SeqCst);
        Value::map([("port", Value::from(ports[index.min(ports.len() - 1)]))]).to_msgpack()
    });
    (peer, asked)
}

fn message(topic: &str, event: Vec<u8>) -> [Vec<u8>; 2] {
    [topic.as_bytes().to_vec(), event]
}

#[test]
fn a_status_is_read_with_what_it_knows() {
    let peer = original(|request| {
        assert_eq!(command(request), "STATUS");
        let seen = |name: &[u8], last: f64| {
            Value::Map(vec![(Value::Str(name.to_vec()), Value::map([("last", Value::from(last))]))])
        };
        Value::map([
            ("last", Value::from(1_331_640_000.5)),
            ("lag", Value::Nil),
            ("events", seen(b"caf\xe9", 7.0)),
            ("hosts", seen(b"web-2", f64::NAN)),
        ])
        .to_msgpack()
    });
    let client = connect(&peer).unwrap();
    let status = client.status().unwrap();
    assert_eq!((status.last, status.lag_seconds, status.events.clone()), (Some(1_331_640_000.5), None, None));
    assert_eq!(status.types["caf\\xe9"].last, Some(7.0));
    assert_eq!(status.hosts["web-2"].last, None);
    assert_eq!(client.status_json().unwrap()["lag"], serde_json::Value::Null);
    assert!(client.health().unwrap().alive.ok);
}

#[test]
fn it_is_stopped() {
    let peer = original(|request| {
        assert_eq!(command(request), "SHUTDOWN");
        Value::map([("ok", Value::from(true))]).to_msgpack()
    });
    assert_eq!(connect(&peer).unwrap().shutdown(Some(Duration::from_secs(1))).unwrap().drain, None);
}

#[test]
fn replies_that_are_none() {
    let unknown = Value::map([("error", Value::from("Unknown\nCommand"))]).to_msgpack();
    let peer = replying(unknown);
    let error = connect(&peer).unwrap().status().unwrap_err();
    assert!(error.to_string().ends_with(r"says: Unknown\nCommand"), "{error}");
    let endless = [&[0xdf, 0xff, 0xff, 0xff, 0xff][..], &[1; 100_000]].concat();
    for reply in
        [&b"\x01"[..], b"", b"\xc1", b"\x80\x80", &endless, &[0x81, 0xa2, b'o', b'k', 0xc2], &[0x91; 5000]]
    {
        let peer = replying(reply);
        let error = connect(&peer).unwrap().shutdown(None).unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    }
    let peer = replying(vec![0; (16 << 20) + 1]);
    let error = connect(&peer).unwrap().status().unwrap_err();
    assert!(error.to_string().contains("it has 16777217 bytes"), "{error}");
    for port in [Value::from(0), Value::from(65_536), Value::Nil] {
        let peer = replying(Value::map([("port", port)]).to_msgpack());
        let error = connect(&peer).unwrap().live(&LiveRequest::default()).unwrap_err();
        assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    }
}

#[test]
fn its_stream_is_filtered_here() {
    let prefixes = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&prefixes);
    let stream = publisher(move |prefix| {
        seen.lock().unwrap().push(String::from_utf8(prefix.to_vec()).unwrap());
        vec![
            message("requests", event("requests", 500)),
            message("request", event("request", 200)),
            message("request", b"\xc1 no event".to_vec()),
            message("request", event("request", 500)),
        ]
    });
    let (peer, _) = streaming_at(vec![stream.target().port()]);
    let request = LiveRequest { types: vec!["request".into()], filter: Some("status >= 500".into()) };
    let mut live = connect(&peer).unwrap().live(&request).unwrap();
    assert_eq!(live.next().unwrap(), Some(event("request", 500)));
    assert_eq!(live.discarded(), 1);
    assert_eq!(*prefixes.lock().unwrap(), ["request"]);
}

#[test]
fn its_bad_filter_is_found_here() {
    let peer = replying(vec![0x80]);
    let request = LiveRequest { filter: Some("status >= ".into()), ..LiveRequest::default() };
    let error = connect(&peer).unwrap().live(&request).unwrap_err();
    assert!(matches!(error, ClientError::Filter(_)), "{error}");
}

#[test]
fn a_stream_that_has_moved_is_followed() {
    let silent = publisher(|_| Vec::new());
    let moved = publisher(|_| vec![message("request", event("request", 1))]);
    let ports = vec![silent.target().port(), moved.target().port()];
    let (peer, _) = streaming_at(ports);
    let mut live = connect_briefly(&peer).unwrap().live(&LiveRequest::default()).unwrap();
    assert_eq!(live.next().unwrap(), Some(event("request", 1)));
}

#[test]
fn a_silent_stream_that_has_not_moved_is_kept() {
    let connections = Arc::new(AtomicUsize::new(0));
    let subscriptions = Arc::clone(&connections);
    let stream = publisher(move |_| {
        // The first comes with the connection, the others are signs of life.
        match subscriptions.fetch_add(1, Ordering::SeqCst) {
            3 => vec![message("request", event("request", 1))],
            _ => Vec::new(),
        }
    });
    let (peer, asked) = streaming_at(vec![stream.target().port()]);
    let mut live = connect_briefly(&peer).unwrap().live(&LiveRequest::default()).unwrap();
    assert_eq!(live.next().unwrap(), Some(event("request", 1)));
    assert_eq!((asked.load(Ordering::SeqCst), connections.load(Ordering::SeqCst)), (4, 4));
}

#[test]
fn a_daemon_that_has_stopped_is_noticed() {
    let stream = Peer::listen(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(300)))?;
        let connection = Connection::accept(SocketType::Pub, 4096);
        zmtp(stream, connection, |_, _| {})
    });
    let (peer, _) = streaming_at(vec![stream.target().port()]);
    let mut live = connect(&peer).unwrap().live(&LiveRequest::default()).unwrap();
    peer.close();
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[test]
fn a_stream_that_always_closes_is_given_up() {
    let closing = Peer::listen(|stream| {
        let connection = Connection::accept(SocketType::Pub, 4096);
        stream.set_read_timeout(Some(Duration::from_millis(100)))?;
        zmtp(stream, connection, |_, _| {})
    });
    let (peer, asked) = streaming_at(vec![closing.target().port()]);
    let mut live = connect_briefly(&peer).unwrap().live(&LiveRequest::default()).unwrap();
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
    assert!(asked.load(Ordering::SeqCst) < 10);
}

#[test]
fn a_streaming_port_that_is_closed_is_named() {
    let (_held, target) = refusing();
    let port = target.port();
    let (peer, _) = streaming_at(vec![port]);
    let error = connect(&peer).unwrap().live(&LiveRequest::default()).unwrap_err();
    assert!(error.to_string().contains(&format!(":{port} ")), "{error}");
}
