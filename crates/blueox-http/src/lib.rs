//! BlueOx for HTTP: an event for each request that a [tower](https://docs.rs/tower) service answers, axum's among them, and ids that go from
//! process to process by the W3C `traceparent` header.
//!
//! ```
//! use axum::{Router, routing::get};
//! use blueox_http::RequestLayer;
//!
//! let app: Router = Router::new().route("/cart", get(cart)).layer(RequestLayer::new("request"));
//!
//! async fn cart() -> &'static str {
//!     blueox::set("user.id", 42); // stands in the request's event
//!     let _sql = blueox::builder(".sql").open(); // request.sql, with the request's id
//!     "empty"
//! }
//! # let _ = app;
//! ```
//!
//! What an event says:
//!
//! | | |
//! | --- | --- |
//! | `request.method`, `request.path` | the path without its query, which may hold secrets |
//! | `request.agent` | the `User-Agent` header, if there is one |
//! | `request.size` | bytes of the body that the application has read |
//! | `response.status` | missing when there was no answer |
//! | `response.size` | bytes of the body that were handed to the connection |
//! | `exception` | the error of the service or of the body, or a panic |
//! | `outcome` | `cancelled`: the client went away before the answer was complete; `panicked` |
//! | `id`, `parent` | those of the `traceparent` header, if there is a good one |
//!
//! The event ends with the body of the response, so its duration has the sending in it; what a streamed body does belongs to it too.
//!
//! For requests to others there is [`inject`]; it takes an `http::HeaderMap`, as reqwest, hyper, ureq and tonic have it.
//!
//! The modules in the order of a request's way: `layer` and `service` take it, `request_body` counts what comes in, `response` waits for the answer,
//! `response_body` counts what goes out; `headers` has the ids.

mod headers;
mod layer;
mod request_body;
mod response;
mod response_body;
mod service;

pub use headers::{extract, inject, inject_from};
pub use layer::RequestLayer;
pub use request_body::RequestBody;
pub use response::ResponseFuture;
pub use response_body::ResponseBody;
pub use service::RequestService;
