//! Who may use the HTTP side of the ports. A web page in a browser may not: any Origin and any unknown Host is
//! refused, and what changes state needs a header that no page can send unasked.

use crate::listen::is_loopback;
use crate::reply::Refusal;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// The header, with the value 1, that requests which change state must carry.
pub(crate) const STATE_HEADER: &str = "x-blueox";

/// The rules.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Names by which clients may call this host, besides addresses and localhost.
    pub(crate) hosts: Vec<String>,
    /// What a client beyond loopback must know to change state.
    pub(crate) token: Option<String>,
}

/// The other end of a connection, as an extension of its requests.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

impl Guard {
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if headers.contains_key(header::ORIGIN) {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "web pages may not use this port (Origin is set)",
            ));
        }
        let mut hosts = headers.get_all(header::HOST).iter();
        let host = hosts.next().and_then(|host| host.to_str().ok());
        if hosts.next().is_some() {
            return Err(Refusal::new(StatusCode::BAD_REQUEST, "a request has one Host header"));
        }
        match host {
            Some(host) if self.knows(host) => Ok(()),
            Some(host) => Err(Refusal::new(
                StatusCode::FORBIDDEN,
                format!("unknown Host {host:?}; use an address, or start oxd with --allow-host"),
            )),
            None => Err(Refusal::new(StatusCode::BAD_REQUEST, "the Host header is missing")),
        }
    }

    /// Whether a `host`, `host:port` or `[address]:port` is this daemon, and nothing else.
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

    /// Whether a request may change the daemon's state.
    pub(crate) fn check_state_change(&self, headers: &HeaderMap, peer: SocketAddr) -> Result<(), Refusal> {
        if headers.get(STATE_HEADER).map(HeaderValue::as_bytes) != Some(b"1") {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "requests that change state need the header X-BlueOx: 1",
            ));
        }
        if is_loopback(peer.ip()) {
            return Ok(());
        }
        let Some(token) = &self.token else {
            return Err(Refusal::new(
                StatusCode::FORBIDDEN,
                "from another host this needs a token, and this oxd has none; start it with --token-file",
            ));
        };
        let given = headers
            .get(header::AUTHORIZATION)
            .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "))
            .unwrap_or_default();
        if equal_in_constant_time(given, token.as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong; send Authorization: Bearer <token> (oxctl --token-file)",
            ))
        }
    }
}

/// Compares without telling by its time how much was right.
fn equal_in_constant_time(given: &[u8], token: &[u8]) -> bool {
    given.len() == token.len() && given.iter().zip(token).fold(0, |unequal, (a, b)| unequal | (a ^ b)) == 0
}

/// Refuses what comes from a web page.
pub(crate) async fn refuse_browsers(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    guard.check_origin(request.headers())?;
    // A request for another host's URL, as to a proxy.
    if let Some(authority) = request.uri().authority()
        && !guard.knows(authority.as_str())
    {
        return Err(Refusal::new(
            StatusCode::FORBIDDEN,
            format!("unknown host {authority} in the request's URL"),
        ));
    }
    Ok(next.run(request).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        Guard { hosts: vec!["master".into()], token: Some("secret".into()) }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn hosts() {
        let allowed = |host: &str| guard().check_origin(&headers(&[("host", host)])).is_ok();
        for host in ["127.0.0.1:3513", "[::1]:3513", "localhost", "LOCALHOST:1", "master:3513", "10.0.0.1"] {
            assert!(allowed(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3513",
            "localhost.evil.example",
            "",
            "[::1].evil.example:80",
            "[::1]evil",
            "[127.0.0.1].evil.example",
            "127.0.0.1:80@evil.example",
            "127.0.0.1:evil",
            "127.0.0.1.evil.example",
        ] {
            assert!(!allowed(host), "{host}");
        }
        assert!(guard().check_origin(&headers(&[("host", "localhost"), ("origin", "null")])).is_err());
        assert!(guard().check_origin(&headers(&[])).is_err());
        let mut twice = headers(&[("host", "localhost")]);
        twice.append("host", "evil.example".parse().unwrap());
        assert!(guard().check_origin(&twice).is_err());
    }

    #[test]
    fn state_changes() {
        let near: SocketAddr = "127.0.0.1:5".parse().unwrap();
        let far: SocketAddr = "192.0.2.1:5".parse().unwrap();
        let check =
            |pairs: &[(&'static str, &str)], peer| guard().check_state_change(&headers(pairs), peer).is_ok();
        assert!(check(&[("x-blueox", "1")], near));
        assert!(!check(&[], near));
        assert!(!check(&[("x-blueox", "1")], far));
        assert!(check(&[("x-blueox", "1"), ("authorization", "Bearer secret")], far));
        assert!(!check(&[("x-blueox", "1"), ("authorization", "Bearer secreT")], far));
        assert!(!check(&[("authorization", "Bearer secret")], far));
    }
}
