//! Lists as status shows them.

use super::destination::Destination;
use super::list_state::{Collector, ListState, Phase, View};
use serde_json::{Map, Value, json};

impl ListState {
    /// The list's part of `GET /v1/status` and `GET /v1/forward`; `now` is in seconds since the epoch.
    pub(crate) fn report(&self, now: f64) -> Value {
        let (view, backlog, list) = (self.view(), self.backlog(), self.list());
        let counts = &self.counts;
        let dropped: Map<String, Value> = counts
            .dropped()
            .filter(|(_, count)| *count > 0)
            .map(|(reason, count)| (reason.name().to_owned(), count.into()))
            .collect();
        let destinations: Vec<_> =
            list.as_slice().iter().map(|destination| report_destination(&view, destination)).collect();
        let (delivery, node) = match view.collector {
            None => (None, None),
            Some(Collector::Native { node, durable: true }) => (Some("durable"), Some(node.to_string())),
            Some(Collector::Native { node, durable: false }) => (Some("received"), Some(node.to_string())),
            Some(Collector::Original) => (Some("at_most_once"), None),
        };
        json!({
            "list": self.index,
            "state": view.phase.name(),
            "active": view.active().map(ToString::to_string),
            "delivery": delivery,
            "node": node,
            "destinations": destinations,
            "queued": backlog.events,
            "queued_bytes": backlog.bytes,
            "lag_seconds": self.lag(now),
            "in_flight_bytes": view.in_flight_bytes,
            "credit_bytes": view.credit_bytes,
            "held_to_bytes_per_second": view.held_to,
            "recovered": counts.recovered(),
            "forwarded": counts.forwarded(),
            "dropped": dropped,
            "unsure": counts.unsure(),
            "sent": view.sent_events,
            "sent_bytes": view.sent_bytes,
            "switches": view.switches,
        })
    }

    /// The age of the oldest event that is not forwarded, in seconds.
    pub(crate) fn lag(&self, now: f64) -> f64 {
        let view = self.view();
        match view.oldest {
            Some(oldest) if self.backlog().events > 0 => (now - oldest.0 as f64 / 1e6).max(0.0),
            _ => 0.0,
        }
    }
}

impl View {
    /// The destination that takes events now.
    pub(crate) fn active(&self) -> Option<&Destination> {
        self.destination.as_ref().filter(|_| matches!(self.phase, Phase::Active | Phase::Leaving))
    }
}

impl View {
    /// 0: no destination takes events; 1: one does; 2: one does, at most once.
    pub(crate) fn activity(&self) -> f64 {
        match (self.active(), self.collector) {
            (None, _) => 0.0,
            (Some(_), Some(Collector::Original)) => 2.0,
            (Some(_), _) => 1.0,
        }
    }
}

fn report_destination(view: &View, destination: &Destination) -> Value {
    let failure = view.failure_of(destination);
    let is_current = view.destination.as_ref() == Some(destination);
    let state = match (view.phase, failure) {
        (Phase::Active | Phase::Leaving, _) if is_current => view.phase.name(),
        (_, Some(failure)) if failure.refused => "refused",
        (_, Some(_)) => "failing",
        (Phase::Connecting, None) if is_current => "connecting",
        _ => "standby",
    };
    json!({
        "address": destination.to_string(),
        "state": state,
        "error": failure.map(|failure| &failure.error),
        "since": failure.map(|failure| failure.at),
    })
}
