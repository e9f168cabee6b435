//! Who may read. Web pages of others may not: a foreign Origin, a request that a browser marks as coming from another
//! site, and an unknown Host are refused, and nothing is ever shared across origins. Beyond loopback a token is needed.

use super::page::Page;
use super::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use blueox_control::Token;
use blueox_control::token::equal_in_constant_time;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// The cookie that stands for the token.
const COOKIE: &str = "blueox_session";
/// The header, with the value 1, that no page of others can send unasked.
const OWN_HEADER: &str = "x-blueox";

/// Sent with everything.
const HEADERS: [(header::HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; \
         require-trusted-types-for 'script'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// The rules.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Names by which browsers may call this host, besides addresses and localhost.
    pub(crate) hosts: Vec<String>,
    pub(crate) token: Option<Token>,
    /// What the cookie holds for who has shown the token; new with each start.
    pub(crate) session: String,
}

impl Guard {
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        let headers = request.headers();
        let host = self.check_host(headers)?;
        // A request for another host's URL, as to a proxy.
        if request.uri().authority().is_some_and(|authority| !self.knows(authority.as_str())) {
            return Err(Refusal::new(StatusCode::FORBIDDEN, "unknown host in the request's URL"));
        }
        let forbidden = |text: &str| Err(Refusal::new(StatusCode::FORBIDDEN, text));
        if let Some(origin) = headers.get(header::ORIGIN) {
            let own = format!("http://{host}");
            if !origin.as_bytes().eq_ignore_ascii_case(own.as_bytes()) {
                return forbidden("pages of other origins may not read this");
            }
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        let is_api = request.uri().path().starts_with("/api/");
        if is_api && matches!(site, Some(b"cross-site" | b"same-site")) {
            return forbidden("pages of other sites may not read this");
        }
        if is_api && !self.is_entitled(request) {
            return Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong; send Authorization: Bearer TOKEN",
            ));
        }
        Ok(())
    }

    fn check_host<'h>(&self, headers: &'h HeaderMap) -> Result<&'h str, Refusal> {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "a request has one Host header"));
        };
        host.to_str().ok().filter(|host| self.knows(host)).ok_or_else(|| {
            let error =
                format!("unknown Host {host:?}; use an address, or start oxview web with --allow-host");
            Refusal::new(StatusCode::FORBIDDEN, error)
        })
    }

    /// Whether a `host`, `host:port` or `[address]:port` is this server, and nothing else.
    fn knows(&self, host: &str) -> bool {
        let (name, rest) = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((address, rest)) if address.parse::<Ipv6Addr>().is_ok() => ("localhost", rest),
            Some(_) => return false,
            None => host.split_at(host.find(':').unwrap_or(host.len())),
        };
        let is_port = |rest: &str| rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        (rest.is_empty() || is_port(rest))
            && (name.parse::<Ipv4Addr>().is_ok()
                || name.eq_ignore_ascii_case("localhost")
                || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name)))
    }

    fn is_entitled(&self, request: &Request) -> bool {
        let Some(token) = &self.token else { return true };
        let headers = request.headers();
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .is_some_and(|given| token.is(given));
        bearer || cookies(headers).any(|cookie| equal_in_constant_time(cookie, self.session.as_bytes()))
    }
}

/// The values of the cookie.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    let all =
        headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    all.filter_map(|cookie| cookie.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="))
}

/// Lets a request through, or refuses it; says to browsers what the answer may do.
pub(crate) async fn watch(State(page): State<Arc<Page>>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = match page.guard.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_api {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// `POST /api/v1/session`: whoever has shown the token gets a cookie for it. (The token itself was checked before.)
///
/// # Errors
/// When it does not come from the page.
pub(crate) async fn session(State(page): State<Arc<Page>>, headers: HeaderMap) -> Result<Response, Refusal> {
    if headers.get(OWN_HEADER).map(HeaderValue::as_bytes) != Some(b"1") {
        return Err(Refusal::new(StatusCode::FORBIDDEN, "this needs the header X-BlueOx: 1"));
    }
    let cookie = format!("{COOKIE}={}; Path=/api; HttpOnly; SameSite=Strict", page.guard.session);
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
