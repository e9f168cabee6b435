//! Requests to our daemon: HTTP/1.1, one connection each.

use crate::address::ControlAddress;
use crate::client::Timeouts;
use crate::error::ClientError;
use crate::limits::{MAX_ANSWER_BYTES, MAX_QUOTED_BYTES};
use crate::live::LiveRequest;
use crate::printable::{printable, quoted};
use crate::token::Token;
use blueox_event::filter::FilterError;
use serde::Deserialize;
use std::io::{self, Read};
use std::net::SocketAddr;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body, BodyReader, RequestBuilder};

/// How our daemon is asked.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    address: ControlAddress,
    base: String,
    timeouts: Timeouts,
    token: Option<Token>,
}

/// An answer: its status and its whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Http {
    /// A way to the daemon that listens at `target`, which `address` led to.
    pub(crate) fn new(
        address: ControlAddress,
        target: SocketAddr,
        timeouts: Timeouts,
        token: Option<Token>,
    ) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // A daemon is reached directly, whatever proxy the environment names for the web.
            .proxy(None)
            .max_idle_connections(0)
            .user_agent(concat!("blueox/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(timeouts.connect))
            .timeout_global(Some(timeouts.answer))
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::new(), Resolved(target));
        // The literal address: a daemon has no way to know all names that it may be called by.
        let base = match target {
            SocketAddr::V4(target) => format!("http://{target}"),
            SocketAddr::V6(target) => format!("http://[{}]:{}", target.ip(), target.port()),
        };
        Self { agent, address, base, timeouts, token }
    }

    /// The answer to GET `path`, whatever its status.
    pub(crate) fn get(&self, path: &str, what: &'static str) -> Result<Answer, ClientError> {
        let request = self.authorised(self.agent.get(format!("{}{path}", self.base)));
        let response = request.call().map_err(|error| self.failure(error, what))?;
        let status = response.status().as_u16();
        Ok(Answer { status, body: self.body(response.into_body(), what)? })
    }

    /// The answer to GET `path`, which is JSON.
    pub(crate) fn get_json(&self, path: &str, what: &'static str) -> Result<Vec<u8>, ClientError> {
        let answer = self.get(path, what)?;
        self.accepted(answer, what)
    }

    /// The answer to POST `path`, which changes something.
    pub(crate) fn post_json(
        &self,
        path: &str,
        body: &[u8],
        what: &'static str,
    ) -> Result<Vec<u8>, ClientError> {
        let request = self.authorised(self.agent.post(format!("{}{path}", self.base)));
        let response = request
            // What no web page can send without being asked first.
            .header("X-BlueOx", "1")
            .content_type("application/json")
            .send(body)
            .map_err(|error| self.failure(error, what))?;
        let status = response.status().as_u16();
        let answer = Answer { status, body: self.body(response.into_body(), what)? };
        self.accepted(answer, what)
    }

    /// The body of the live stream. It has no end; each read is bounded by [`Timeouts::silence`].
    pub(crate) fn live(&self, request: &LiveRequest) -> Result<BodyReader<'static>, ClientError> {
        let what = "live";
        let mut get =
            self.authorised(self.agent.get(format!("{}/v1/live", self.base))).query("format", "msgpack");
        for pattern in &request.types {
            get = get.query("type", pattern);
        }
        if let Some(filter) = &request.filter {
            get = get.query("filter", filter);
        }
        let response = get
            .config()
            .timeout_global(None)
            .timeout_recv_response(Some(self.timeouts.answer))
            .timeout_per_read(Some(self.timeouts.silence))
            .build()
            .call()
            .map_err(|error| self.failure(error, what))?;
        let status = response.status().as_u16();
        if status == 200 {
            return Ok(response.into_body().into_reader());
        }
        let answer = Answer { status, body: self.body(response.into_body(), what)? };
        Err(self.refusal(&answer, what))
    }

    /// What went wrong while the live stream was read.
    pub(crate) fn live_failure(&self, error: io::Error) -> ClientError {
        match ureq::Error::from(error) {
            ureq::Error::Timeout(_) => {
                ClientError::Silent { address: self.address.clone(), after: self.timeouts.silence }
            }
            error => self.failure(error, "live"),
        }
    }

    /// An answer that makes no sense.
    pub(crate) fn bad_answer(&self, what: &'static str, reason: String) -> ClientError {
        ClientError::BadAnswer { address: self.address.clone(), what, reason }
    }

    fn authorised<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header("Authorization", token.authorization()),
            None => request,
        }
    }

    fn body(&self, body: Body, what: &'static str) -> Result<Vec<u8>, ClientError> {
        let mut bytes = Vec::new();
        body.into_with_config()
            .limit(MAX_ANSWER_BYTES as u64)
            .reader()
            .read_to_end(&mut bytes)
            .map_err(|error| self.failure(error.into(), what))?;
        Ok(bytes)
    }

    fn accepted(&self, answer: Answer, what: &'static str) -> Result<Vec<u8>, ClientError> {
        if (200..300).contains(&answer.status) { Ok(answer.body) } else { Err(self.refusal(&answer, what)) }
    }

    /// The daemon's own words for saying no.
    fn refusal(&self, answer: &Answer, what: &'static str) -> ClientError {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
            #[serde(default)]
            span: Option<(usize, usize)>,
            #[serde(default)]
            suggestion: Option<String>,
        }
        match serde_json::from_slice(&answer.body) {
            Ok(Refusal { error, span: Some((start, end)), suggestion }) => {
                let message = printable(&error).into_owned();
                ClientError::Filter(FilterError { span: start..end, message, suggestion })
            }
            Ok(Refusal { error, .. }) => ClientError::Refused { status: answer.status, message: error },
            Err(_) => {
                let said = quoted(answer.body.trim_ascii(), MAX_QUOTED_BYTES);
                self.bad_answer(what, format!("HTTP {} {said}", answer.status))
            }
        }
    }

    fn failure(&self, error: ureq::Error, what: &'static str) -> ClientError {
        let address = self.address.clone();
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect) => {
                ClientError::Unreachable { address, source: io::ErrorKind::TimedOut.into() }
            }
            ureq::Error::Timeout(_) => ClientError::TimedOut { address, what, after: self.timeouts.answer },
            ureq::Error::Io(source) if source.kind() == io::ErrorKind::ConnectionRefused => {
                ClientError::Unreachable { address, source }
            }
            ureq::Error::Io(source) => ClientError::Broken { address, what, source },
            ureq::Error::BodyExceedsLimit(limit) => {
                self.bad_answer(what, format!("it is longer than {} MiB", limit >> 20))
            }
            error => self.bad_answer(what, printable(&error.to_string()).into_owned()),
        }
    }
}

/// The address that was found before, and has been seen to be a daemon's.
#[derive(Debug)]
struct Resolved(SocketAddr);

impl Resolver for Resolved {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        found.push(self.0);
        Ok(found)
    }
}
