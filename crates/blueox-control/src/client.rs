//! The connection to one daemon, of either kind.

use crate::address::ControlAddress;
use crate::clock::Deadline;
use crate::dial;
use crate::error::ClientError;
use crate::forward::{ForwardAnswer, ForwardChange, ForwardList};
use crate::health::{Health, Probe};
use crate::http::Http;
use crate::limits::{CLOSED_POLL, DEFAULT_ANSWER, DEFAULT_CONNECT, DEFAULT_SILENCE, MAX_QUOTED_BYTES};
use crate::live::{LiveRequest, LiveStream};
use crate::original::{self, Original};
use crate::printable::quoted;
use crate::status::Status;
use crate::token::Token;
use serde::Deserialize;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const FORWARD: &str = "forward";

/// How long to wait for a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For all attempts to connect together.
    pub connect: Duration,
    /// For one complete answer.
    pub answer: Duration,
    /// For the next sign of life of our daemon's live stream; more than its keep-alive of 5 s.
    pub silence: Duration,
}

impl Default for Timeouts {
    /// 3 s to connect, 5 s for an answer, 15 s of silence.
    fn default() -> Self {
        Self { connect: DEFAULT_CONNECT, answer: DEFAULT_ANSWER, silence: DEFAULT_SILENCE }
    }
}

/// Which daemon it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DaemonKind {
    /// One of ours, of this version, asked by HTTP.
    BlueOx(String),
    /// An original one, asked by ZMTP.
    Original,
}

/// What a daemon answers when it is told to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shutdown {
    /// For how long it will try to get rid of what it holds; an original daemon does not try.
    pub drain: Option<Duration>,
}

/// A client of one daemon's control port.
///
/// No connection is kept between requests: a client may be held for as long as one likes, and works again when the
/// daemon was restarted.
#[derive(Debug)]
pub struct Client {
    address: ControlAddress,
    target: SocketAddr,
    timeouts: Timeouts,
    way: Way,
}

#[derive(Debug)]
enum Way {
    BlueOx { version: String, http: Arc<Http> },
    Original(Original),
}

impl Client {
    /// Finds out which kind of daemon listens at `address`.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`] and [`ClientError::UnknownHost`] when nothing does, [`ClientError::NotOxd`] and
    /// [`ClientError::TimedOut`] when it is something else.
    pub fn connect(address: &ControlAddress, timeouts: Timeouts) -> Result<Self, ClientError> {
        let what = "a greeting";
        let stream = dial::connect(address, timeouts.connect)?;
        let broken = |source| ClientError::Broken { address: address.clone(), what, source };
        let target = stream.peer_addr().map_err(broken)?;
        // ZMTP first, also to our own daemon: an original one is stalled by bytes that are not ZMTP.
        let version = original::greet(stream, timeouts)
            .map_err(|failure| failure.at(address, what, timeouts.answer))?;
        let way = match version {
            Some(version) => {
                Way::BlueOx { version, http: Arc::new(Http::new(address.clone(), target, timeouts, None)) }
            }
            None => Way::Original(Original::new(address.clone(), target, timeouts)),
        };
        Ok(Self { address: address.clone(), target, timeouts, way })
    }

    /// Shows `token` with every request. An original daemon knows no tokens and is not shown it.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        if let Way::BlueOx { http, .. } = &mut self.way {
            *http = Arc::new(Http::new(self.address.clone(), self.target, self.timeouts, Some(token)));
        }
        self
    }

    /// Where the daemon is, as the caller named it.
    #[must_use]
    pub fn address(&self) -> &ControlAddress {
        &self.address
    }

    /// Which daemon it is.
    #[must_use]
    pub fn kind(&self) -> DaemonKind {
        match &self.way {
            Way::BlueOx { version, .. } => DaemonKind::BlueOx(version.clone()),
            Way::Original(_) => DaemonKind::Original,
        }
    }

    /// What the daemon says about itself, in its own words.
    ///
    /// # Errors
    /// Every [`ClientError`] but those about filters.
    pub fn status_json(&self) -> Result<serde_json::Value, ClientError> {
        match &self.way {
            Way::BlueOx { http, .. } => {
                let body = http.get_json("/v1/status", "status")?;
                serde_json::from_slice(&body).map_err(|error| http.bad_answer("status", error.to_string()))
            }
            Way::Original(original) => original.status_json(),
        }
    }

    /// Which numbers of which streams the daemon has seen, and what waits in its spool; it may take some seconds.
    ///
    /// # Errors
    /// As [`Client::status_json`]; an original daemon, and one that is older than this question, does not answer it.
    pub fn audit_json(&self) -> Result<serde_json::Value, ClientError> {
        match &self.way {
            Way::BlueOx { http, .. } => {
                let body = http.get_json("/v1/audit", "audit")?;
                serde_json::from_slice(&body).map_err(|error| http.bad_answer("audit", error.to_string()))
            }
            Way::Original(_) => Err(ClientError::Refused {
                status: 0,
                message: format!(
                    "{} is an original daemon, which keeps no ledger; leave it out",
                    self.address
                ),
            }),
        }
    }

    /// What the daemon says about itself.
    ///
    /// # Errors
    /// As [`Client::status_json`].
    pub fn status(&self) -> Result<Status, ClientError> {
        match &self.way {
            Way::BlueOx { http, .. } => {
                let body = http.get_json("/v1/status", "status")?;
                serde_json::from_slice(&body).map_err(|error| http.bad_answer("status", error.to_string()))
            }
            Way::Original(original) => original.status(),
        }
    }

    /// Tells the daemon to stop, after it has tried for `drain` to get rid of what it holds (`None`: as long as
    /// it thinks right). It goes on for that time: see [`Client::wait_until_closed`].
    ///
    /// # Errors
    /// Every [`ClientError`] but those about filters; [`ClientError::Refused`] without the right token.
    pub fn shutdown(&self, drain: Option<Duration>) -> Result<Shutdown, ClientError> {
        #[derive(Deserialize)]
        struct Answer {
            drain_seconds: Option<f64>,
        }
        let http = match &self.way {
            Way::Original(original) => return original.shutdown().map(|()| Shutdown { drain: None }),
            Way::BlueOx { http, .. } => http,
        };
        let body = drain.map_or_else(
            || serde_json::json!({}),
            |drain| serde_json::json!({ "drain_seconds": drain.as_secs_f64() }),
        );
        let answer = http.post_json("/v1/shutdown", body.to_string().as_bytes(), "shutdown")?;
        let answer: Answer = serde_json::from_slice(&answer)
            .map_err(|error| http.bad_answer("shutdown", error.to_string()))?;
        let drain = answer.drain_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(Shutdown { drain })
    }

    /// Where the daemon forwards to.
    ///
    /// # Errors
    /// Every [`ClientError`] but those about filters; [`ClientError::Refused`] by an original daemon, which does not.
    pub fn forward(&self) -> Result<Vec<ForwardList>, ClientError> {
        self.lists(self.forward_json()?)
    }

    /// Where the daemon forwards to, in its own words.
    ///
    /// # Errors
    /// As [`Client::forward`].
    pub fn forward_json(&self) -> Result<serde_json::Value, ClientError> {
        let http = self.that_forwards()?;
        let body = http.get_json("/v1/forward", FORWARD)?;
        serde_json::from_slice(&body).map_err(|error| http.bad_answer(FORWARD, error.to_string()))
    }

    /// Changes where the daemon forwards to; gives all lists as they are then.
    ///
    /// # Errors
    /// As [`Client::forward`]; [`ClientError::Refused`] without the right token, and when the change makes no sense.
    pub fn change_forward(&self, change: &ForwardChange) -> Result<Vec<ForwardList>, ClientError> {
        self.lists(self.change_forward_json(change)?)
    }

    /// As [`Client::change_forward`], in the daemon's own words.
    ///
    /// # Errors
    /// As [`Client::change_forward`].
    pub fn change_forward_json(&self, change: &ForwardChange) -> Result<serde_json::Value, ClientError> {
        let http = self.that_forwards()?;
        let change = serde_json::to_vec(change).expect("BUG: texts and numbers are JSON");
        let body = http.post_json("/v1/forward", &change, FORWARD)?;
        serde_json::from_slice(&body).map_err(|error| http.bad_answer(FORWARD, error.to_string()))
    }

    fn lists(&self, answer: serde_json::Value) -> Result<Vec<ForwardList>, ClientError> {
        let answer: Result<ForwardAnswer, _> = serde_json::from_value(answer);
        let bad = |error: serde_json::Error| ClientError::BadAnswer {
            address: self.address.clone(),
            what: FORWARD,
            reason: error.to_string(),
        };
        Ok(answer.map_err(bad)?.lists)
    }

    fn that_forwards(&self) -> Result<&Http, ClientError> {
        match &self.way {
            Way::BlueOx { http, .. } => Ok(http),
            Way::Original(_) => {
                let message = format!(
                    "the oxd at {} is an original one; its forwarding is set by its flags",
                    self.address
                );
                Err(ClientError::Refused { status: 0, message })
            }
        }
    }

    /// Waits until nothing listens on the control port any more. Returns whether that came about `within` the time.
    #[must_use]
    pub fn wait_until_closed(&self, within: Duration) -> bool {
        let deadline = Deadline::after(within);
        while let Some(left) = deadline.remaining() {
            match dial::reconnect(self.target, left.min(self.timeouts.connect)) {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return true,
                // Still there, or (when a connection is not even refused) nothing is known.
                _ => thread::park_timeout(left.min(CLOSED_POLL)),
            }
        }
        false
    }

    /// Asks the daemon whether it lives and whether it can take events.
    ///
    /// # Errors
    /// Every [`ClientError`] but those about filters. A daemon that says that it is not well is no error.
    pub fn health(&self) -> Result<Health, ClientError> {
        let http = match &self.way {
            Way::Original(original) => {
                original.status()?;
                return Ok(Health { alive: Probe { ok: true, text: "answers".into() }, ready: None });
            }
            Way::BlueOx { http, .. } => http,
        };
        let probe = |path, what| -> Result<Probe, ClientError> {
            let answer = http.get(path, what)?;
            let line = answer.body.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let text = match str::from_utf8(line.trim_ascii()) {
                Ok("") => format!("HTTP {}", answer.status),
                Ok(text) if text.len() <= 4 * MAX_QUOTED_BYTES => crate::printable(text).into_owned(),
                _ => quoted(line, MAX_QUOTED_BYTES),
            };
            Ok(Probe { ok: answer.status == 200, text })
        };
        Ok(Health { alive: probe("/healthz", "healthz")?, ready: Some(probe("/readyz", "readyz")?) })
    }

    /// Events as they arrive at the daemon.
    ///
    /// # Errors
    /// Every [`ClientError`]; one about a filter shows where it goes wrong.
    pub fn live(&self, request: &LiveRequest) -> Result<LiveStream, ClientError> {
        match &self.way {
            Way::BlueOx { http, .. } => LiveStream::of_blueox(Arc::clone(http), request),
            Way::Original(original) => LiveStream::of_original(original.clone(), request),
        }
    }
}
