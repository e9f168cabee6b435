//! `POST /v1/events`: events from the shell and from any language, answered when they are durable.

use crate::batch::Batch;
use crate::budget::{Budget, Held};
use crate::clock::Clock;
use crate::guard::PeerAddress;
use crate::json_event::{self, Defaults};
use crate::ledger::{DropReason, Ledger};
use crate::reply::Refusal;
use crate::shutdown::Shutdown;
use crate::spooler::{Durability, NotKept, Spooler};
use crate::zmtp_pull::drop_reason;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use blueox_event::EncodedEvent;
use blueox_event::event::EventError;
use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::MsgpackError;
use bytes::{Buf, BytesMut};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

const BATCH_BYTES: usize = 256 << 10;
/// So many batches of one request may wait to become durable before more of it is read.
const MAX_OUTSTANDING: usize = 16;
/// So many bad events are described in an answer; all are counted.
const MAX_ERRORS: usize = 10;
/// So much of a half-received event is free; more is taken from the budget of all connections.
const FREE_BYTES: usize = 64 << 10;
/// How long the next piece of a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);
/// How long one event that is longer than what is free may take, from its first byte to its last.
const EVENT_TIMEOUT: Duration = Duration::from_secs(30);
/// Memory is taken in steps of this size.
const MEMORY_STEP_BYTES: usize = 256 << 10;

/// What the handler works with.
#[derive(Debug)]
pub(crate) struct HttpEvents {
    pub(crate) spooler: Spooler,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: Clock,
    /// The memory that half-received events of all uploads may take; ZeroMQ's is apart.
    pub(crate) upload_budget: Budget,
    pub(crate) host: String,
    pub(crate) shutdown: Shutdown,
}

/// The memory for half-received events of all uploads.
pub(crate) const UPLOADS_BYTES: usize = 12 << 20;

/// How a request's body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    /// One JSON object a line.
    JsonLines,
    /// MsgPack maps one after another.
    Msgpack,
}

/// Why an upload is over before its body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing tells where the next event begins.
    Unreadable,
    /// The body broke off, or came too slowly.
    BrokenOff,
    /// The daemon stops.
    Stopping,
}

struct Upload<'a> {
    events: &'a HttpEvents,
    defaults: Defaults<'a>,
    format: Option<Format>,
    ending: Option<Ending>,
    /// The rest of a line that is too long is passed over.
    skipping_line: bool,
    /// Whether all that was handed on is kept.
    kept: bool,
    batch: Batch,
    outstanding: Vec<oneshot::Receiver<Result<Durability, NotKept>>>,
    durable: bool,
    accepted: u64,
    rejected: u64,
    seen: u64,
    errors: Vec<Value>,
}

/// Takes a request's events as they come in; the body may be of any length.
pub(crate) async fn post(
    State(events): State<Arc<HttpEvents>>,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    body: Body,
) -> Result<Json<Value>, Refusal> {
    let host = if crate::listen::is_loopback(peer.ip()) {
        events.host.clone()
    } else {
        peer.ip().to_canonical().to_string()
    };
    let mut upload = Upload::new(&events, &host);
    let mut pending = BytesMut::new();
    let mut half_received = None;
    let mut chunks = body.into_data_stream();
    let mut stop = events.shutdown.listener();
    while upload.ending.is_none() {
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(BODY_TIMEOUT, chunks.next()) => chunk,
            _ = stop.asked() => {
                upload.ending = Some(Ending::Stopping);
                break;
            }
        };
        match chunk {
            Ok(Some(Ok(chunk))) => pending.extend_from_slice(&chunk),
            Ok(None) => {
                upload.take_rest(&mut pending).await;
                break;
            }
            Ok(Some(Err(_))) | Err(_) => {
                upload.ending = Some(Ending::BrokenOff);
                break;
            }
        }
        upload.take_whole(&mut pending).await;
        upload.bound(&pending, &mut half_received).await;
    }
    upload.finish().await
}

/// The memory of an event that is longer than what is free, and since when it is being received.
struct HalfReceived {
    memory: Held,
    since: Duration,
}

impl<'a> Upload<'a> {
    fn new(events: &'a HttpEvents, host: &'a str) -> Self {
        Self {
            defaults: Defaults { host, now: events.clock.now() },
            batch: Batch::new(events.clock.now()),
            events,
            format: None,
            ending: None,
            skipping_line: false,
            kept: true,
            outstanding: Vec::new(),
            durable: true,
            accepted: 0,
            rejected: 0,
            seen: 0,
            errors: Vec::new(),
        }
    }

    /// Takes all whole events at the beginning of `pending`.
    async fn take_whole(&mut self, pending: &mut BytesMut) {
        while self.ending.is_none() {
            let format = match self.format {
                Some(format) => format,
                None => match detect(pending) {
                    Some(format) => *self.format.insert(format),
                    None => return,
                },
            };
            let consumed = match format {
                Format::JsonLines => self.take_line(pending),
                Format::Msgpack => self.take_map(pending),
            };
            if self.batch.byte_len() >= BATCH_BYTES {
                self.hand_on().await;
            }
            if consumed == 0 {
                return;
            }
            pending.advance(consumed);
        }
    }

    /// Takes what is left when the body has ended.
    async fn take_rest(&mut self, pending: &mut BytesMut) {
        if self.format == Some(Format::JsonLines) {
            pending.extend_from_slice(b"\n");
            self.take_whole(pending).await;
        }
        if pending.iter().any(|byte| !byte.is_ascii_whitespace()) {
            self.seen += 1;
            self.reject(DropReason::Malformed, "the body ends inside an event");
        }
    }

    /// An event that is received over long must not hold the memory of all others.
    async fn bound(&mut self, pending: &BytesMut, half_received: &mut Option<HalfReceived>) {
        if pending.len() <= FREE_BYTES {
            *half_received = None;
            return;
        }
        let now = self.events.clock.elapsed();
        let held = half_received.as_ref().map_or(0, |half| half.memory.bytes());
        let since = half_received.as_ref().map_or(now, |half| half.since);
        if now.saturating_sub(since) > EVENT_TIMEOUT {
            self.ending = Some(Ending::BrokenOff);
        } else if held < pending.len() {
            let more = self.events.upload_budget.take((pending.len() - held).max(MEMORY_STEP_BYTES));
            match (tokio::time::timeout(EVENT_TIMEOUT, more).await, half_received) {
                (Ok(more), Some(half)) => half.memory.merge(more),
                (Ok(memory), none) => *none = Some(HalfReceived { memory, since }),
                (Err(_), _) => self.ending = Some(Ending::BrokenOff),
            }
        }
    }

    fn take_line(&mut self, pending: &[u8]) -> usize {
        if self.skipping_line {
            let end = pending.iter().position(|byte| *byte == b'\n');
            self.skipping_line = end.is_none();
            return end.map_or(pending.len(), |end| end + 1);
        }
        let Some(end) = pending.iter().position(|byte| *byte == b'\n') else {
            // A line that is longer than an event may be cannot become one: it is taken away as it comes.
            if pending.len() > MAX_EVENT_BYTES {
                self.seen += 1;
                self.reject(DropReason::TooLarge, &format!("a line of more than {MAX_EVENT_BYTES} bytes"));
                self.skipping_line = true;
                return pending.len();
            }
            return 0;
        };
        let line = &pending[..end];
        if line.iter().all(u8::is_ascii_whitespace) {
            return end + 1;
        }
        self.seen += 1;
        match json_event::encode(line, &self.defaults) {
            Ok(encoded) => self.push(&encoded),
            Err(error) => self.reject(error.reason, &error.message),
        }
        end + 1
    }

    fn take_map(&mut self, pending: &[u8]) -> usize {
        if pending.is_empty() {
            return 0;
        }
        match EncodedEvent::read(pending) {
            Ok(event) => {
                self.seen += 1;
                let length = event.bytes().len();
                self.push_event(&event);
                length
            }
            Err(EventError::Msgpack(MsgpackError::Incomplete)) => 0,
            Err(error) => {
                self.seen += 1;
                self.reject(drop_reason(&error), &error.to_string());
                self.ending = Some(Ending::Unreadable);
                0
            }
        }
    }

    fn push(&mut self, encoded: &[u8]) {
        match EncodedEvent::parse(encoded) {
            Ok(event) => self.push_event(&event),
            Err(error) => self.reject(drop_reason(&error), &error.to_string()),
        }
    }

    fn push_event(&mut self, event: &EncodedEvent<'_>) {
        match self.batch.push(event) {
            Ok(()) => self.accepted += 1,
            Err(error) => self.reject(drop_reason(&error), &error.to_string()),
        }
    }

    fn reject(&mut self, reason: DropReason, error: &str) {
        self.events.ledger.reject(reason);
        self.rejected += 1;
        if self.errors.len() < MAX_ERRORS {
            self.errors.push(json!({ "event": self.seen, "error": error }));
        }
    }

    async fn hand_on(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        let batch = std::mem::replace(&mut self.batch, Batch::new(self.events.clock.now()));
        self.outstanding.push(self.events.spooler.admit_durably(batch).await);
        if self.outstanding.len() >= MAX_OUTSTANDING {
            let oldest = self.outstanding.remove(0);
            self.settle(oldest).await;
        }
    }

    async fn settle(&mut self, answer: oneshot::Receiver<Result<Durability, NotKept>>) {
        let error = match answer.await {
            Ok(Ok(durability)) => {
                self.durable &= durability == Durability::Durable;
                return;
            }
            Ok(Err(not_kept)) => not_kept.to_string(),
            Err(_) => "the daemon is stopping; send the events again later".into(),
        };
        self.durable = false;
        if std::mem::replace(&mut self.kept, false) {
            self.errors.insert(0, json!({ "error": error }));
        }
    }

    /// Whatever has ended the body: what was accepted is handed on, and its fate is told.
    async fn finish(mut self) -> Result<Json<Value>, Refusal> {
        self.hand_on().await;
        for answer in std::mem::take(&mut self.outstanding) {
            self.settle(answer).await;
        }
        let refusal = |status, error| Err(self.describe(status, error));
        if !self.kept {
            return refusal(StatusCode::SERVICE_UNAVAILABLE, "not all events are durable");
        }
        match self.ending {
            Some(Ending::Stopping) => refusal(
                StatusCode::SERVICE_UNAVAILABLE,
                "the daemon is stopping; send what was not accepted again",
            ),
            Some(Ending::BrokenOff) => {
                refusal(StatusCode::BAD_REQUEST, "the request's body broke off, or came too slowly")
            }
            Some(Ending::Unreadable) => refusal(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the body is not MsgPack maps one after another; what follows the bad one was not read",
            ),
            None if self.rejected > 0 => {
                refusal(StatusCode::UNPROCESSABLE_ENTITY, "not all events could be read")
            }
            None => Ok(Json(json!({ "accepted": self.accepted, "rejected": 0, "durable": self.durable }))),
        }
    }

    fn describe(&self, status: StatusCode, error: &str) -> Refusal {
        Refusal::new(status, error)
            .with("accepted", self.accepted)
            .with("rejected", self.rejected)
            .with("errors", self.errors.clone())
    }
}

/// The first byte that is no white space tells how the body is written.
fn detect(body: &[u8]) -> Option<Format> {
    let first = body.iter().find(|byte| !byte.is_ascii_whitespace())?;
    Some(if matches!(first, 0x80..=0x8f | 0xde | 0xdf) { Format::Msgpack } else { Format::JsonLines })
}
