//! The layer before services that are called directly.

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use blueox::testing::capture;
use blueox_http::{RequestBody, RequestLayer, ResponseBody};
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tower::{Layer, ServiceExt, service_fn};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn app() -> Router {
    Router::new()
        .route(
            "/cart",
            get(async || {
                blueox::set("user.id", 42);
                drop(blueox::context(".sql"));
                "three things"
            }),
        )
        .route("/orders", post(async |body: String| (StatusCode::CREATED, format!("{} bytes", body.len()))))
        .route("/unread", post(async || StatusCode::NO_CONTENT))
        .layer(RequestLayer::new("request"))
}

async fn answer(app: Router, request: Request<Body>) -> (StatusCode, String) {
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn a_request_is_an_event() {
    let events = capture();
    let request = Request::get("/cart?secret=1").header("User-Agent", "test").header("traceparent", PARENT);
    let (status, text) = answer(app(), request.body(Body::empty()).unwrap()).await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "three things"));
    let event = &events.of("request")[0];
    assert_eq!(
        event.json("body"),
        concat!(
            r#"{"request":{"method":"GET","path":"/cart","agent":"test","size":0},"user":{"id":42},"#,
            r#""response":{"status":200,"size":12}}"#
        )
    );
    assert_eq!(event.json("id"), r#""4bf92f3577b34da6a3ce929d0e0e4736""#);
    assert_eq!(event.json("parent"), r#""00f067aa0ba902b7""#);
    assert_eq!(event.json("outcome"), "");
    assert_eq!(events.of("request.sql")[0].json("parent"), event.json("span"));
    assert!(blueox::current().is_none());
}

#[tokio::test]
async fn bodies_are_counted_as_far_as_they_are_read() {
    let events = capture();
    let (status, text) =
        answer(app(), Request::post("/orders").body("x".repeat(70_000).into()).unwrap()).await;
    assert_eq!((status, text.as_str()), (StatusCode::CREATED, "70000 bytes"));
    let (status, _) = answer(app(), Request::post("/unread").body("ignored".into()).unwrap()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let sizes: Vec<_> = events
        .all()
        .iter()
        .map(|event| {
            (event.json("body.request.size"), event.json("body.response.size"), event.json("outcome"))
        })
        .collect();
    let expected = [("70000", "11", ""), ("0", "0", "")];
    assert_eq!(sizes, expected.map(|(read, sent, outcome)| (read.into(), sent.into(), outcome.into())));
}

#[tokio::test]
async fn a_strangers_traceparent_can_be_left_alone_and_a_wrong_one_is() {
    for (layer, headers) in [
        (RequestLayer::new("request").ignore_traceparent(), vec![PARENT]),
        (RequestLayer::new("request"), vec!["nonsense"]),
        (RequestLayer::new("request"), vec![PARENT, PARENT]),
    ] {
        let events = capture();
        let mut request = Request::get("/").body(Body::empty()).unwrap();
        for header in &headers {
            request.headers_mut().append("traceparent", header.parse().unwrap());
        }
        answer(Router::new().layer(layer.clone()).route("/", get("")).layer(layer), request).await;
        assert_eq!(events.all().len(), 1, "{headers:?}");
        assert_ne!(events.all()[0].json("id"), r#""4bf92f3577b34da6a3ce929d0e0e4736""#, "{headers:?}");
        assert_eq!(events.all()[0].json("parent"), "", "{headers:?}");
    }
}

#[tokio::test]
async fn what_is_sampled_away_is_answered_all_the_same() {
    let events = capture();
    let layer = RequestLayer::new("request").sample(0.0).on_request(|_, _| panic!("it is not called"));
    let (status, text) = answer(
        Router::new().route("/", get("hello")).layer(layer),
        Request::get("/").body(Body::empty()).unwrap(),
    )
    .await;
    assert_eq!((status, text.as_str()), (StatusCode::OK, "hello"));
    assert!(events.all().is_empty());
}

#[test]
fn a_service_that_is_dropped_while_it_works_was_cancelled() {
    let events = capture();
    let service = RequestLayer::new("request").layer(service_fn(async |_: Request<RequestBody<Body>>| {
        std::future::pending::<()>().await;
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    {
        let mut answer = pin!(service.oneshot(Request::new(Body::empty())));
        assert!(poll(answer.as_mut()).is_pending());
        assert!(events.all().is_empty());
    }
    assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    assert_eq!(events.all()[0].json("body.response"), "");
}

#[test]
fn a_service_that_panics() {
    blueox::install_panic_hook();
    let events = capture();
    let service = RequestLayer::new("request").layer(service_fn(async |_: Request<RequestBody<Body>>| {
        if blueox::is_recording() {
            panic!("out of carts");
        }
        Ok::<_, Infallible>(Response::new(Body::empty()))
    }));
    let mut answer = Box::pin(service.oneshot(Request::new(Body::empty())));
    let polled = std::panic::catch_unwind(AssertUnwindSafe(|| poll(answer.as_mut()).is_ready()));
    assert!(polled.is_err());
    drop(answer); // as an executor does, later
    assert_eq!(events.all().len(), 1);
    assert_eq!(events.all()[0].json("outcome"), r#""panicked""#);
    assert_eq!(events.all()[0].json("body.exception.message"), r#""out of carts""#);
}

#[test]
fn a_service_that_fails() {
    let events = capture();
    let service = RequestLayer::new("request").layer(service_fn(async |_: Request<RequestBody<Body>>| {
        Err::<Response<Body>, _>(std::io::Error::other("no database"))
    }));
    assert!(matches!(poll(pin!(service.oneshot(Request::new(Body::empty())))), Poll::Ready(Err(_))));
    assert_eq!(events.all()[0].json("body.exception.message"), r#""no database""#);
}

/// A body in two pieces, with what happens after the first.
fn streamed(second: Result<&'static str, std::io::Error>) -> Response<Body> {
    let mut second = Some(second);
    let pieces = stream::iter([Ok("one")]).chain(stream::poll_fn(move |_| {
        drop(blueox::context(".piece"));
        Poll::Ready(second.take())
    }));
    use futures_util::StreamExt;
    Response::new(Body::from_stream(pieces))
}

async fn streaming(second: Result<&'static str, std::io::Error>) -> Response<ResponseBody<Body>> {
    let mut response = Some(streamed(second));
    let service = RequestLayer::new("request").layer(service_fn(move |_: Request<RequestBody<Body>>| {
        std::future::ready(Ok::<_, Infallible>(response.take().unwrap()))
    }));
    service.oneshot(Request::new(Body::empty())).await.unwrap()
}

#[tokio::test]
async fn the_event_ends_with_the_body_and_what_makes_it_belongs_to_it() {
    let events = capture();
    let response = streaming(Ok("two")).await;
    assert!(events.all().is_empty());
    response.into_body().collect().await.unwrap();
    let event = &events.of("request")[0];
    assert_eq!((event.json("body.response.size").as_str(), event.json("outcome").as_str()), ("6", ""));
    assert!(events.of("request.piece").iter().all(|piece| piece.json("parent") == event.json("span")));
    assert_eq!(events.of("request.piece").len(), 2);
}

#[tokio::test]
async fn a_body_that_is_dropped_or_fails() {
    let events = capture();
    let mut body = streaming(Ok("two")).await.into_body();
    body.frame().await.unwrap().unwrap();
    drop(body);
    assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    assert_eq!(events.all()[0].json("body.response"), r#"{"status":200,"size":3}"#);

    let events = capture();
    let response = streaming(Err(std::io::Error::other("disk full"))).await;
    assert!(response.into_body().collect().await.is_err());
    let event = &events.of("request")[0];
    assert_eq!(event.json("body.exception.message"), r#""disk full""#);
    assert_eq!(event.json("outcome"), "");
}

#[test]
fn headers_go_out_only_with_a_context() {
    let mut headers = HeaderMap::new();
    blueox_http::inject(&mut headers);
    assert!(headers.is_empty());
    let _events = capture();
    headers.insert("traceparent", "stale".parse().unwrap());
    let own_id = blueox::builder("request").id("no trace id").enter();
    blueox_http::inject(&mut headers);
    assert_eq!(headers["traceparent"], "stale");
    drop(own_id);
    let _request = blueox::context("request");
    let sql = blueox::context(".sql");
    blueox_http::inject(&mut headers);
    assert_eq!(blueox_http::extract(&headers), sql.trace_parent());
}
