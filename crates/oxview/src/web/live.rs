//! `GET /api/v1/live`: events as they arrive, as server-sent events. A watcher gets a message now and then with the newest
//! events and with how many there were; nobody holds anything back, and what is left out is told.

mod hub;

pub(crate) use hub::Hub;

use super::event_row;
use super::limits::{LIVE_ALIVE, LIVE_BATCH, LIVE_BATCH_BYTES, LIVE_INTERVAL, LIVE_OVERVIEW, LIVE_TYPES};
use super::page::{Page, Stop};
use super::parameters::Parameters;
use super::refusal::{Refusal, parse_filter};
use crate::clock::Stopwatch;
use crate::summary::Summarizer;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use blueox_event::{EncodedEvent, Filter, TypePattern, json};
use blueox_query::failed::Failed;
use blueox_query::lookups::{Findings, Lookups};
use hub::{Item, Position};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Interval, MissedTickBehavior};

/// Types beyond those that are told apart.
const OTHER: &str = "other types";

/// Begins the stream; it ends when the watcher goes away or the server stops.
///
/// # Errors
/// When there is nothing to watch, or too many do.
pub(crate) async fn get(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let mut parameters = Parameters::parse(&query.unwrap_or_default())?;
    let types = parameters.all("type").iter().map(TypePattern::new).collect();
    let filter = parameters.one("filter")?;
    let filter = filter.map(|filter| parse_filter("filter", &filter)).transpose()?;
    parameters.finish()?;
    if page.hub.is_empty() {
        let error = "no daemon is watched; start oxview web with -H ADDR for the live stream";
        return Err(Refusal::new(StatusCode::NOT_FOUND, error));
    }
    let permit = page.hub.admit()?;
    let watcher = Watcher::new(&page, types, filter, permit);
    let messages = futures_util::stream::unfold(watcher, |mut watcher| async move {
        let message = watcher.next().await?;
        Some((Ok::<_, Infallible>(message), watcher))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, Body::from_stream(messages)).into_response())
}

struct Watcher {
    page: Arc<Page>,
    types: Vec<TypePattern>,
    filter: Option<Filter>,
    position: Position,
    ticks: Interval,
    stop: Stop,
    summarizer: Summarizer,
    lookups: Lookups,
    failed: Failed,
    greeted: bool,
    /// Since the last message, the last counts, the last sign of life.
    alive: Stopwatch,
    counted: Stopwatch,
    counts: BTreeMap<Vec<u8>, (f64, f64)>,
    /// What the daemons are known to do, as it was told.
    told: Vec<Option<String>>,
    _permit: OwnedSemaphorePermit,
}

impl Watcher {
    fn new(
        page: &Arc<Page>,
        types: Vec<TypePattern>,
        filter: Option<Filter>,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let mut ticks = tokio::time::interval(LIVE_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lookups = Lookups::default();
        let failed = Failed::new(&mut lookups);
        Self {
            page: Arc::clone(page),
            types,
            filter,
            position: page.hub.now(),
            ticks,
            stop: page.stop.clone(),
            summarizer: Summarizer::new(),
            lookups,
            failed,
            greeted: false,
            alive: Stopwatch::start(),
            counted: Stopwatch::start(),
            counts: BTreeMap::new(),
            told: vec![None; page.hub.daemons().len()],
            _permit: permit,
        }
    }

    /// What is sent next; `None` ends the stream.
    async fn next(&mut self) -> Option<Bytes> {
        let mut out = String::new();
        if !std::mem::replace(&mut self.greeted, true) {
            let hello = json!({
                "daemons": self.page.hub.daemons(), "interval": LIVE_INTERVAL.as_secs_f64(), "batch": LIVE_BATCH,
                "now": self.page.now(),
            });
            message("hello", &hello.to_string(), &mut out);
            return Some(out.into());
        }
        loop {
            tokio::select! {
                _ = self.ticks.tick() => {}
                () = self.stop.asked() => return None,
            }
            self.tell_daemons(&mut out);
            self.tell_events(&mut out);
            self.tell_counts(&mut out);
            if out.is_empty() && self.alive.elapsed() >= LIVE_ALIVE {
                out.push_str(": alive\n\n");
            }
            if !out.is_empty() {
                self.alive = Stopwatch::start();
                return Some(out.into());
            }
        }
    }

    fn tell_daemons(&mut self, out: &mut String) {
        for (told, daemon) in self.told.iter_mut().zip(self.page.hub.states()) {
            let text = daemon.to_string();
            if told.as_ref() != Some(&text) {
                message("daemon", &text, out);
                *told = Some(text);
            }
        }
    }

    fn tell_events(&mut self, out: &mut String) {
        let (items, missed) = self.page.hub.since(&mut self.position);
        let (mut wanted, mut skipped) = (Vec::new(), missed);
        for item in &items {
            match item {
                Item::Skipped(count) => skipped += count,
                Item::Event(bytes) => {
                    let Ok(event) = EncodedEvent::parse(bytes) else { continue };
                    if self.wants(&event) {
                        self.count(&event);
                        wanted.push(event);
                    }
                }
            }
        }
        if wanted.is_empty() && skipped == 0 {
            return;
        }
        // The newest are of interest.
        let seen = wanted.len();
        let mut events = Vec::new();
        let mut bytes = 0;
        for event in wanted.iter().rev().take(LIVE_BATCH) {
            let mut row = String::new();
            event_row::write(event, &self.summarizer, &mut row);
            bytes += row.len();
            if bytes > LIVE_BATCH_BYTES && !events.is_empty() {
                break;
            }
            events.push(row);
        }
        events.reverse();
        skipped += (seen - events.len()) as u64;
        let data = format!("{{\"events\":[{}],\"skipped\":{skipped},\"seen\":{seen}}}", events.join(","));
        message("events", &data, out);
    }

    fn wants(&self, event: &EncodedEvent<'_>) -> bool {
        (self.types.is_empty() || self.types.iter().any(|pattern| pattern.matches(event.type_bytes())))
            && self.filter.as_ref().is_none_or(|filter| filter.matches(event))
    }

    fn count(&mut self, event: &EncodedEvent<'_>) {
        let name = event.type_bytes();
        let name = if self.counts.contains_key(name) || self.counts.len() < LIVE_TYPES {
            name
        } else {
            OTHER.as_bytes()
        };
        let mut found = Findings::default();
        self.lookups.find(event, &mut found);
        let errors = if self.failed.is_error(&found) { event.weight() } else { 0.0 };
        let counts = self.counts.entry(name.to_vec()).or_default();
        *counts = (counts.0 + event.weight(), counts.1 + errors);
    }

    fn tell_counts(&mut self, out: &mut String) {
        let elapsed: Duration = self.counted.elapsed();
        if elapsed < LIVE_OVERVIEW {
            return;
        }
        self.counted = Stopwatch::start();
        let rows: Value = std::mem::take(&mut self.counts)
            .into_iter()
            .map(|(name, (count, errors))| {
                let mut text = String::new();
                json::write_text_lossless(&name, &mut text).expect("BUG: writing to memory failed");
                json!({ "type": text, "count": count, "errors": errors })
            })
            .collect();
        let data = json!({ "time": self.page.now(), "seconds": elapsed.as_secs_f64(), "rows": rows });
        message("overview", &data.to_string(), out);
    }
}

/// Appends a server-sent event. JSON has no line breaks of its own.
fn message(name: &str, data: &str, out: &mut String) {
    write!(out, "event: {name}\ndata: {data}\n\n").expect("BUG: writing to memory failed");
}
