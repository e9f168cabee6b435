//! `GET /v1/live`: the live stream over HTTP, as JSON lines or MsgPack.

use crate::batch::{Batch, BatchEvent};
use crate::budget::{Budget, Held};
use crate::clock::Clock;
use crate::control::Control;
use crate::guard::PeerAddress;
use crate::live::{Next, Wanted, Watching};
use crate::reply::Refusal;
use crate::shutdown::Stop;
use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use blueox_event::{EncodedEvent, Filter, TypePattern, Value, json};
use bytes::Bytes;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// When nothing happens, something empty is sent, so that both sides see that the other is there.
const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// A chunk that has grown to this size is sent.
const CHUNK_BYTES: usize = 64 << 10;
/// After so many events another task has its turn: a filter may be expensive, and others want answers.
const EVENTS_A_TURN: usize = 32;
/// JSON may be so many times longer than its MsgPack (each byte that is not UTF-8 becomes five).
const JSON_GROWTH: usize = 6;
/// Events of at least this length are rendered from a budget that all watchers share, or skipped.
const LARGE_EVENT_BYTES: usize = 64 << 10;

/// How events are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    JsonLines,
    Msgpack,
}

struct LiveStream {
    watching: Watching,
    filter: Option<Filter>,
    format: Format,
    clock: Clock,
    host: String,
    stop: Stop,
    greeted: bool,
    /// The batch that is being shown, and how many of its events were looked at.
    current: Option<(Arc<Batch>, usize)>,
    /// Large events that were not rendered for lack of memory.
    unrendered: u64,
    render_budget: Budget,
    /// The memory of the chunk that was given out last.
    rendered: Option<Held>,
}

/// Begins the stream; it ends when the peer goes away or the daemon stops.
pub(crate) async fn get(
    State(control): State<Arc<Control>>,
    Extension(PeerAddress(peer)): Extension<PeerAddress>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut patterns = Vec::new();
    let mut filter = None;
    let mut format = Format::JsonLines;
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match (&*key, &*value) {
            ("type", pattern) => patterns.push(TypePattern::new(pattern)),
            ("filter", expression) => filter = Some(parse_filter(expression)?),
            ("format", "json") => format = Format::JsonLines,
            ("format", "msgpack") => format = Format::Msgpack,
            ("format", other) => {
                return Err(Refusal::new(
                    StatusCode::BAD_REQUEST,
                    format!("no format {other:?}: json, msgpack"),
                ));
            }
            (other, _) => {
                let error = format!("no parameter {other:?}: type, filter, format");
                return Err(Refusal::new(StatusCode::BAD_REQUEST, error));
            }
        }
    }
    let watching = control
        .observed
        .live
        .watch(peer.to_string(), "http", Wanted::Patterns(patterns))
        .map_err(|error| Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error.to_string()))?;
    let stream = LiveStream {
        watching,
        filter,
        format,
        clock: control.observed.clock,
        host: control.observed.host.clone(),
        stop: control.shutdown.listener(),
        greeted: false,
        current: None,
        unrendered: 0,
        render_budget: control.observed.live.render_budget(),
        rendered: None,
    };
    let content_type = match format {
        Format::JsonLines => "application/x-ndjson",
        Format::Msgpack => "application/vnd.msgpack",
    };
    let chunks = futures_util::stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next_chunk().await?;
        Some((Ok::<_, Infallible>(chunk), stream))
    });
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

fn parse_filter(expression: &str) -> Result<Filter, Refusal> {
    Filter::parse(expression).map_err(|error| {
        Refusal::new(StatusCode::BAD_REQUEST, error.to_string())
            .with("span", vec![error.span.start, error.span.end])
            .with("suggestion", error.suggestion)
    })
}

impl LiveStream {
    /// What is sent next; `None` ends the stream. The first chunk comes at once, so that a client sees that it
    /// watches.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        if !std::mem::replace(&mut self.greeted, true) {
            return Some(self.keep_alive());
        }
        // The chunk before this one has left.
        self.rendered = None;
        loop {
            if let Some((batch, looked_at)) = self.current.take() {
                let chunk = self.pick(&batch, looked_at).await;
                if !chunk.is_empty() {
                    return Some(chunk);
                }
                continue;
            }
            if self.unrendered > 0 {
                let count = std::mem::take(&mut self.unrendered);
                return Some(self.skipped(count));
            }
            let next = tokio::select! {
                next = tokio::time::timeout(KEEP_ALIVE, self.watching.next()) => next,
                _ = self.stop.asked() => return None,
            };
            match next {
                Err(_) => return Some(self.keep_alive()),
                Ok(Next::Skipped(count)) => return Some(self.skipped(count)),
                Ok(Next::Batch(batch)) => self.current = Some((batch, 0)),
            }
        }
    }

    fn keep_alive(&self) -> Bytes {
        match self.format {
            Format::JsonLines => Bytes::from_static(b"\n"),
            Format::Msgpack => Bytes::from_static(b"\xc0"),
        }
    }

    /// Tells in band how many events were skipped, as an event.
    fn skipped(&self, count: u64) -> Bytes {
        let now = Value::from(self.clock.now());
        let event = Value::map([
            ("type", Value::from("blueox.skipped")),
            ("id", Value::Nil),
            ("host", Value::from(self.host.as_str())),
            ("pid", Value::from(std::process::id())),
            ("start", now.clone()),
            ("end", now),
            ("body", Value::map([("count", Value::from(count))])),
        ])
        .to_msgpack();
        let mut out = Vec::new();
        self.write(&EncodedEvent::parse(&event).expect("BUG: our own event is one"), &mut out);
        out.into()
    }

    /// Writes events from number `first` on until the chunk is full; what is left is picked next time.
    async fn pick(&mut self, batch: &Arc<Batch>, first: usize) -> Bytes {
        let mut out = Vec::new();
        for (index, event) in batch.events().enumerate().skip(first) {
            if (index + 1) % EVENTS_A_TURN == 0 {
                tokio::task::yield_now().await;
            }
            if self.wants(&event) && self.has_memory_for(&event) {
                self.show(&event, &mut out);
            }
            if out.len() >= CHUNK_BYTES {
                self.current = Some((Arc::clone(batch), index + 1));
                break;
            }
        }
        out.into()
    }

    fn wants(&self, event: &BatchEvent<'_>) -> bool {
        self.watching.watcher.wanted.matches(event.type_name.bytes())
            && self.filter.as_ref().is_none_or(|filter| filter.matches(&parsed(event)))
    }

    fn has_memory_for(&mut self, event: &BatchEvent<'_>) -> bool {
        if event.bytes.len() < LARGE_EVENT_BYTES {
            return true;
        }
        let growth = if self.format == Format::JsonLines { JSON_GROWTH } else { 1 };
        match (self.render_budget.try_take(event.bytes.len() * growth), &mut self.rendered) {
            (Some(more), Some(held)) => held.merge(more),
            (Some(held), none) => *none = Some(held),
            (None, _) => {
                self.unrendered += 1;
                self.watching.watcher.skipped.fetch_add(1, Relaxed);
                return false;
            }
        }
        true
    }

    fn show(&self, event: &BatchEvent<'_>, out: &mut Vec<u8>) {
        match self.format {
            Format::Msgpack => out.extend_from_slice(event.bytes),
            Format::JsonLines => self.write(&parsed(event), out),
        }
        self.watching.watcher.sent.fetch_add(1, Relaxed);
    }

    fn write(&self, event: &EncodedEvent<'_>, out: &mut Vec<u8>) {
        match self.format {
            Format::Msgpack => out.extend_from_slice(event.bytes()),
            Format::JsonLines => {
                let mut line = String::new();
                json::write(event.raw(), &mut line);
                line.push('\n');
                out.extend_from_slice(line.as_bytes());
            }
        }
    }
}

fn parsed<'a>(event: &BatchEvent<'a>) -> EncodedEvent<'a> {
    EncodedEvent::parse(event.bytes).expect("BUG: it was parsed when it was accepted")
}
