//! The live stream of our daemon.

use crate::connect_briefly;
use crate::peers::{Peer, answer, begin_chunks, blueox, chunk, hold};
use blueox_control::{ClientError, LiveRequest, LiveStream};
use blueox_event::{Event, Value};
use std::io;
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

pub(crate) fn event(type_name: &str, status: i32) -> Vec<u8> {
    Event {
        type_name: type_name.into(),
        id: 17.into(),
        host: "web-2".into(),
        pid: 1,
        start: 1.0,
        end: 2.0,
        body: Value::map([("status", Value::from(status))]),
    }
    .to_msgpack()
}

fn streaming(
    script: impl Fn(&mut TcpStream) -> io::Result<()> + Send + Sync + 'static,
) -> (Peer, LiveStream) {
    let peer = blueox(move |_, stream| {
        begin_chunks(stream)?;
        script(stream)
    });
    let live = connect_briefly(&peer).unwrap().live(&LiveRequest::default()).unwrap();
    (peer, live)
}

#[test]
fn events_come_one_by_one_in_whatever_chunks() {
    let (sent, lines) = mpsc::sync_channel(1);
    let events = [event("request", 200), event("request.sql", 500)];
    let expected = events.clone();
    let peer = blueox(move |request, stream| {
        sent.send(request.line.clone()).unwrap();
        let bytes = [&[0xc0], &events[0][..], &[0xc0, 0xc0], &events[1][..]].concat();
        begin_chunks(stream)?;
        bytes.chunks(7).try_for_each(|piece| chunk(stream, piece))?;
        chunk(stream, b"")
    });
    let request = LiveRequest {
        types: vec!["request*".into(), "a&b".into()],
        filter: Some("status >= 200 and x = 'ü'".into()),
    };
    let mut live = connect_briefly(&peer).unwrap().live(&request).unwrap();
    for event in &expected {
        assert_eq!(live.next().unwrap().as_ref(), Some(event));
    }
    assert_eq!(live.next().unwrap(), None);
    let line = lines.recv().unwrap();
    let query = line.strip_prefix("GET /v1/live?").unwrap();
    assert_eq!(
        query,
        "format=msgpack&type=request*&type=a%26b&filter=status%20%3E%3D%20200%20and%20x%20%3D%20%27%C3%BC%27"
    );
}

#[test]
fn an_event_comes_at_once_and_not_when_a_buffer_is_full() {
    let (_peer, mut live) = streaming(|stream| {
        chunk(stream, &event("request", 1))?;
        hold(stream)
    });
    assert_eq!(live.next().unwrap(), Some(event("request", 1)));
}

#[test]
fn a_bad_filter_is_shown() {
    let peer = blueox(|_, stream| {
        answer(stream, 400, r#"{"error": "no such unit", "span": [11, 18], "suggestion": "250ms"}"#)
    });
    let filter = "duration > 250msec";
    let request = LiveRequest { filter: Some(filter.into()), ..LiveRequest::default() };
    let error = connect_briefly(&peer).unwrap().live(&request).unwrap_err();
    let ClientError::Filter(error) = error else { panic!("{error}") };
    assert!(error.render(filter).contains("           ^^^^^^^\n"), "{}", error.render(filter));
}

#[test]
fn keep_alives_keep_it_alive_and_silence_ends_it() {
    let (_peer, mut live) = streaming(|stream| {
        // Longer in all than the silence that is allowed.
        for _ in 0..8 {
            chunk(stream, &[0xc0])?;
            std::thread::park_timeout(Duration::from_millis(300));
        }
        chunk(stream, &event("request", 1))?;
        hold(stream)
    });
    assert_eq!(live.next().unwrap(), Some(event("request", 1)));
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::Silent { .. }), "{error}");
}

#[test]
fn a_daemon_that_dies_is_noticed() {
    let (_peer, mut live) = streaming(|stream| chunk(stream, &event("request", 1)));
    assert!(live.next().unwrap().is_some());
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
    let (_peer, mut live) = streaming(|stream| chunk(stream, &event("request", 1)[..20]));
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::Broken { .. }), "{error}");
}

#[test]
fn what_is_no_event_ends_it() {
    let (_peer, mut live) = streaming(|stream| {
        chunk(stream, b"<html>")?;
        hold(stream)
    });
    let error = live.next().unwrap_err();
    assert!(matches!(error, ClientError::BadAnswer { .. }), "{error}");
    let (_peer, mut live) = streaming(|stream| {
        chunk(stream, &[0xdf, 0xff, 0xff, 0xff, 0xff])?;
        loop {
            chunk(stream, &[1; 1 << 16])?;
        }
    });
    let error = live.next().unwrap_err();
    assert!(error.to_string().contains("more than 4194304 bytes"), "{error}");
}
