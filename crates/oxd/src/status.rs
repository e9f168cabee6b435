//! What the daemon tells about itself.

use crate::clock::Clock;
use crate::disk_state::DiskState;
use crate::forward::{Forwarding, ListState};
use crate::ledger::Ledger;
use crate::live::Live;
use crate::native_streams::NativeStreams;
use crate::sibling_spools::SiblingSpools;
use crate::spool_disk::SpoolDisk;
use crate::spool_state::SpoolState;
use crate::spooler::Spooler;
use crate::tally::{Names, Tally};
use blueox_event::json::write_text_lossless;
use blueox_event::wire::native::Role;
use blueox_log::spool::Spool;
use serde_json::{Map, Value, json};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// Rates are taken over this span.
const RATE_SPAN: Duration = Duration::from_secs(10);
/// So many types and hosts are listed, those with the most events first.
const MAX_LISTED: usize = 1000;
/// So many native streams are listed, connected ones first.
const MAX_STREAMS_LISTED: usize = 200;

/// Where the daemon can be reached.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) collection: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) streaming: SocketAddr,
}

/// All that status and metrics are made from.
#[derive(Debug)]
pub(crate) struct Observed {
    pub(crate) host: String,
    pub(crate) ports: Ports,
    /// The Unix socket beside the collection port.
    pub(crate) socket: Option<PathBuf>,
    pub(crate) log_path: Option<PathBuf>,
    pub(crate) rotate_hours: Option<u8>,
    pub(crate) clock: Clock,
    /// Seconds since the epoch.
    pub(crate) started: f64,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) live: Arc<Live>,
    pub(crate) spooler: Spooler,
    pub(crate) spool: Option<Spool<SpoolDisk>>,
    pub(crate) spool_state: Option<Arc<SpoolState>>,
    pub(crate) streams: Arc<NativeStreams>,
    pub(crate) forwarding: Option<Arc<Forwarding>>,
    pub(crate) siblings: Arc<SiblingSpools>,
    /// Every connection's task.
    pub(crate) connections: TaskTracker,
    pub(crate) samples: Samples,
}

/// The counts of the last seconds, from which rates are made.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    samples: Mutex<VecDeque<Sample>>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    accepted: u64,
    stored: u64,
    forwarded: u64,
}

impl Samples {
    /// To be called about once a second.
    pub(crate) fn take(&self, now: Duration, ledger: &Ledger) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back(Sample {
            at: now,
            accepted: ledger.accepted(),
            stored: ledger.stored(),
            forwarded: ledger.forwarded(),
        });
        while samples.front().is_some_and(|sample| now.saturating_sub(sample.at) > RATE_SPAN) {
            samples.pop_front();
        }
    }

    /// Accepted, stored and forwarded events per second.
    fn rates(&self, now: Duration, ledger: &Ledger) -> [f64; 3] {
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(first) = samples.front() else { return [0.0; 3] };
        let seconds = now.saturating_sub(first.at).as_secs_f64();
        if seconds < 0.001 {
            return [0.0; 3];
        }
        let rate = |now: u64, then: u64| (now.saturating_sub(then) as f64 / seconds * 10.0).round() / 10.0;
        [
            rate(ledger.accepted(), first.accepted),
            rate(ledger.stored(), first.stored),
            rate(ledger.forwarded(), first.forwarded),
        ]
    }
}

impl Observed {
    /// The answer to `GET /v1/status`.
    pub(crate) fn status(&self) -> Value {
        let now = self.clock.now();
        let [rate_in, rate_stored, rate_forwarded] = self.samples.rates(self.clock.elapsed(), &self.ledger);
        let dropped: Map<String, Value> = counts(self.ledger.dropped().map(|(r, n)| (r.name(), n)));
        let refused: Map<String, Value> = counts(self.ledger.refused().map(|(r, n)| (r.name(), n)));
        let (last, types, types_not_listed, hosts, hosts_not_listed) = {
            let tally = self.tally.lock();
            let (types, types_not_listed) = list(&tally.types);
            let (hosts, hosts_not_listed) = list(&tally.hosts);
            (tally.last, types, types_not_listed, hosts, hosts_not_listed)
        };
        let watchers: Vec<Value> = self
            .live
            .watchers()
            .iter()
            .map(|watcher| {
                json!({
                    "peer": watcher.peer,
                    "protocol": watcher.protocol,
                    "sent": watcher.sent.load(Relaxed),
                    "skipped": watcher.skipped.load(Relaxed),
                })
            })
            .collect();
        let fault = self.disk_state.fault();
        let disk = match (&self.log_path, &fault) {
            (None, _) => "none",
            (Some(_), None) => "ok",
            (Some(_), Some(_)) => "failing",
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "role": self.role(),
            "host": self.host,
            "pid": std::process::id(),
            "started": self.started,
            "uptime_seconds": self.clock.elapsed().as_secs_f64(),
            "ports": {
                "collection": self.ports.collection.to_string(),
                "control": self.ports.control.to_string(),
                "streaming": self.ports.streaming.to_string(),
            },
            "socket": self.socket,
            "log_path": self.log_path,
            "rotate_hours": self.rotate_hours,
            "events": {
                "accepted": self.ledger.accepted(),
                "recovered": self.ledger.recovered(),
                "stored": self.ledger.stored(),
                "forwarded": self.ledger.forwarded(),
                "queued": self.ledger.queued(),
                "queued_bytes": self.queued_bytes(),
                "dropped": dropped,
                "rate_in": rate_in,
                "rate_stored": rate_stored,
                "rate_forwarded": rate_forwarded,
            },
            "last": last.map(|(end, _)| end),
            "lag_seconds": last.map(|(end, received)| (received - end).max(0.0)),
            "types": types,
            "types_not_listed": types_not_listed,
            "hosts": hosts,
            "hosts_not_listed": hosts_not_listed,
            "connections": {
                "open": self.connections.len(),
                "accepted": self.ledger.connections(),
                "refused": refused,
            },
            "native": self.native(),
            "watchers": watchers,
            "disk": {
                "state": disk,
                "error": fault.as_ref().map(|fault| &fault.error),
                "since": fault.as_ref().map(|fault| fault.since),
                "open_files": self.disk_state.open_files(),
            },
            "spool": self.spool_state.as_ref().map(|spool| json!({
                "directory": spool.directory,
                "used_bytes": spool.used_bytes(),
                "max_bytes": spool.max_bytes,
                "full": spool.is_full(),
                "readers": self.readers(spool, now),
                "siblings": self.siblings.report(),
            })),
            "forward": self.forward_report(),
            "now": now,
        })
    }

    pub(crate) fn role(&self) -> &'static str {
        if self.lists().is_empty() { "collector" } else { "agent" }
    }

    /// The native protocol's connections and streams.
    fn native(&self) -> Value {
        let streams: Vec<_> = self
            .streams
            .list(MAX_STREAMS_LISTED)
            .into_iter()
            .map(|stream| {
                json!({
                    "stream": stream.stream.to_string(),
                    "role": match stream.role {
                        Role::Application => "application",
                        Role::Daemon => "daemon",
                    },
                    "host": stream.host,
                    "pid": stream.pid,
                    "session": stream.session.0,
                    "connected": stream.connected,
                    "high_water": stream.high_water.get(),
                    "credit": stream.credit,
                    "produced": stream.produced,
                    "dropped": counts(stream.dropped.iter().map(|(reason, count)| (reason.name(), *count))),
                })
            })
            .collect();
        json!({
            "node": self.streams.node.to_string(),
            "durable": self.streams.durable,
            "connections": self.streams.connections(),
            "streams_known": self.streams.len(),
            "streams": streams,
        })
    }

    /// Where events are forwarded to.
    pub(crate) fn lists(&self) -> &[Arc<ListState>] {
        self.forwarding.as_ref().map_or(&[], |forwarding| &forwarding.lists)
    }

    /// Who reads the spool, and what waits for each.
    fn readers(&self, spool: &SpoolState, now: f64) -> Value {
        let log = self.log_path.as_ref().map(|_| {
            json!({
                "name": "log",
                "events": self.ledger.queued_for_log(),
                "bytes": spool.unwritten_bytes(),
                "oldest_seconds": null,
            })
        });
        let list = |list: &Arc<ListState>| {
            let backlog = list.backlog();
            json!({
                "name": format!("forward:{}", list.index),
                "events": backlog.events,
                "bytes": backlog.bytes,
                "oldest_seconds": list.lag(now),
            })
        };
        log.into_iter().chain(self.lists().iter().map(list)).collect()
    }

    /// How the lists are.
    pub(crate) fn forward_report(&self) -> Value {
        let now = self.clock.now();
        self.lists().iter().map(|list| list.report(now)).collect()
    }

    /// What was received and is not in a file or not forwarded yet: in memory, and in the spool.
    pub(crate) fn queued_bytes(&self) -> u64 {
        let unwritten = self.spool_state.as_ref().map_or(0, |spool| spool.unwritten_bytes());
        let unforwarded = self.lists().iter().map(|list| list.backlog().bytes).max();
        self.spooler.queued_bytes() as u64 + unwritten.max(unforwarded.unwrap_or(0))
    }

    /// The answer to the original's STATUS: `last`, `lag`, `events` and `hosts`.
    pub(crate) fn original_status(&self) -> blueox_event::Value {
        use blueox_event::Value;
        let tally = self.tally.lock();
        let seen = |names: &Names| {
            let mut names: Vec<_> = names.iter().collect();
            names.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
            names.truncate(MAX_LISTED);
            Value::Map(
                names
                    .into_iter()
                    .map(|(name, seen)| {
                        (Value::Str(name.to_vec()), Value::map([("last", Value::from(seen.last))]))
                    })
                    .collect(),
            )
        };
        Value::map([
            ("last", tally.last.map_or(Value::Nil, |(end, _)| Value::from(end))),
            ("lag", tally.last.map_or(Value::Nil, |(end, received)| Value::from((received - end).max(0.0)))),
            ("events", seen(&tally.types)),
            ("hosts", seen(&tally.hosts)),
        ])
    }

    /// Whether the daemon can take and keep events; if not, why.
    pub(crate) fn readiness(&self) -> Result<(), String> {
        match self.disk_state.fault() {
            Some(fault) => Err(fault.error),
            None => Ok(()),
        }
    }
}

/// Only what is not zero.
pub(crate) fn counts(counts: impl Iterator<Item = (&'static str, u64)>) -> Map<String, Value> {
    counts.filter(|(_, count)| *count > 0).map(|(name, count)| (name.to_owned(), count.into())).collect()
}

/// The names with the most events, and how many events belong to names that are not listed.
fn list(names: &Names) -> (Map<String, Value>, u64) {
    let mut all: Vec<_> = names.iter().collect();
    all.sort_by(|a, b| b.1.count.cmp(&a.1.count).then(a.0.cmp(b.0)));
    let cut: u64 = all.iter().skip(MAX_LISTED).map(|(_, seen)| seen.count).sum();
    let listed = all
        .into_iter()
        .take(MAX_LISTED)
        .map(|(name, seen)| {
            let mut text = String::new();
            write_text_lossless(name, &mut text).expect("BUG: writing to memory failed");
            (text, json!({ "count": seen.count, "bytes": seen.bytes, "last": seen.last }))
        })
        .collect();
    (listed, names.not_listed + cut)
}
