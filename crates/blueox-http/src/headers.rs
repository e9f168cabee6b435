//! Ids in headers: the W3C `traceparent`.

use blueox::{Handle, TRACEPARENT, TraceParent};
use http::{HeaderMap, HeaderValue};

/// Lets the process that gets these headers go on with the id of the current context. Without a current context, or with an id that is no
/// trace id, the headers stay as they are.
///
/// ```
/// # let events = blueox::testing::capture();
/// let request = blueox::context("request");
/// let mut outgoing = http::Request::get("http://stock.example/sku-7").body(()).unwrap();
/// blueox_http::inject(outgoing.headers_mut());
/// let header = outgoing.headers()["traceparent"].to_str().unwrap();
/// assert!(header.contains(&request.id()));
/// ```
pub fn inject(headers: &mut HeaderMap) {
    if let Some(current) = blueox::current() {
        inject_from(&current, headers);
    }
}

/// As [`inject`], for a context that need not be the current one.
///
/// ```
/// # let events = blueox::testing::capture();
/// let call = blueox::builder("call").open();
/// let mut headers = http::HeaderMap::new();
/// blueox_http::inject_from(&call, &mut headers);
/// assert_eq!(blueox_http::extract(&headers), call.trace_parent());
/// ```
pub fn inject_from(context: &Handle, headers: &mut HeaderMap) {
    let parent = context.trace_parent().and_then(|parent| HeaderValue::try_from(parent.to_string()).ok());
    if let Some(parent) = parent {
        headers.insert(TRACEPARENT, parent);
    }
}

/// What the sender of these headers goes on with: for [`ContextBuilder::remote`](blueox::ContextBuilder::remote). `None` if there is no
/// `traceparent`, a wrong one, or more than one.
///
/// ```
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(blueox_http::extract(&headers), None);
/// headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap());
/// let parent = blueox_http::extract(&headers).unwrap();
/// assert_eq!(parent.id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
/// ```
#[must_use]
pub fn extract(headers: &HeaderMap) -> Option<TraceParent> {
    let mut given = headers.get_all(TRACEPARENT).iter();
    let parent = given.next()?.to_str().ok()?.parse().ok()?;
    given.next().is_none().then_some(parent)
}
