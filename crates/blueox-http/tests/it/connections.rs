//! The layer in an axum server, with clients that behave as clients do.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use blueox::testing::{Capture, capture};
use blueox_http::RequestLayer;
use futures_util::stream;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const PATIENCE: Duration = Duration::from_secs(60);

/// Serves in this thread, so that its events are captured.
async fn serve(app: Router) -> TcpStream {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app.layer(RequestLayer::new("request"))).await });
    TcpStream::connect(address).await.unwrap()
}

async fn ask(client: &mut TcpStream, line: &str) {
    client.write_all(format!("{line} HTTP/1.1\r\nHost: shop\r\n\r\n").as_bytes()).await.unwrap();
}

/// Lets the server go on until there is one event.
async fn one(events: &Capture) -> blueox::testing::CapturedEvent {
    let until_there_is_one = async {
        while events.all().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, until_there_is_one).await.expect("no event came");
    assert_eq!(events.all().len(), 1);
    events.all().remove(0)
}

async fn read_until(client: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut piece = [0; 4096];
        let length = client.read(&mut piece).await.unwrap();
        assert_ne!(length, 0, "closed after {text:?}");
        text.push_str(std::str::from_utf8(&piece[..length]).unwrap());
    }
    text
}

#[tokio::test]
async fn answers_with_a_length_with_chunks_and_without_a_body_are_complete() {
    let pieces = || Body::from_stream(stream::iter(["one", "two"].map(Ok::<_, std::io::Error>)));
    let sized =
        move || async move { http::Response::builder().header("content-length", 6).body(pieces()).unwrap() };
    for (line, end, size) in [
        ("GET /text", "hello", "5"),
        ("HEAD /text", "\r\n\r\n", "0"),
        ("GET /chunks", "0\r\n\r\n", "6"),
        ("GET /sized", "onetwo", "6"),
        ("GET /nothing", "\r\n\r\n", "0"),
        ("GET /no/such/page", "\r\n\r\n", "0"),
    ] {
        let events = capture();
        let app = Router::new()
            .route("/text", get("hello"))
            .route("/chunks", get(async move || pieces()))
            .route("/sized", get(sized))
            .route("/nothing", get(async || http::StatusCode::NO_CONTENT));
        let mut client = serve(app).await;
        ask(&mut client, line).await;
        read_until(&mut client, end).await;
        let event = one(&events).await;
        assert_eq!(
            (event.json("outcome").as_str(), event.json("body.response.size").as_str()),
            ("", size),
            "{line}"
        );
    }
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_has_cancelled() {
    let events = capture();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = std::sync::Mutex::new(Some(begun));
    let begun = std::sync::Arc::new(begun);
    let wait = move || {
        if let Some(begun) = begun.lock().unwrap().take() {
            begun.send(()).unwrap();
        }
        std::future::pending::<&'static str>()
    };
    let mut client = serve(Router::new().route("/", get(wait))).await;
    ask(&mut client, "GET /").await;
    has_begun.await.unwrap();
    drop(client);
    let event = one(&events).await;
    assert_eq!(
        (event.json("outcome").as_str(), event.json("body.response").as_str()),
        (r#""cancelled""#, "")
    );
}

#[tokio::test]
async fn a_client_that_goes_away_within_the_answer_has_cancelled() {
    let events = capture();
    let endless = || Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>("x".repeat(1 << 16))));
    let mut client = serve(Router::new().route("/", get(async move || endless()))).await;
    ask(&mut client, "GET /").await;
    client.read_exact(&mut [0; 1 << 16]).await.unwrap();
    drop(client);
    let event = one(&events).await;
    assert_eq!(
        (event.json("outcome").as_str(), event.json("body.response.status").as_str()),
        (r#""cancelled""#, "200")
    );
}

#[tokio::test]
async fn a_handler_that_panics() {
    blueox::install_panic_hook();
    let events = capture();
    let fails = async || -> &'static str { panic!("out of carts") };
    let mut client = serve(Router::new().route("/", get(fails))).await;
    ask(&mut client, "GET /").await;
    let event = one(&events).await;
    assert_eq!(event.json("outcome"), r#""panicked""#);
    assert_eq!(event.json("body.exception.message"), r#""out of carts""#);
}
