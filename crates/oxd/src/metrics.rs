//! `GET /metrics` in Prometheus' text format.

use crate::status::Observed;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

/// So many types are told apart, those with the most events; the rest are one.
const MAX_TYPES: usize = 100;

/// All metrics as text.
pub(crate) fn render(observed: &Arc<Observed>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("blueox");
    registry.register_collector(Box::new(Snapshot(Arc::clone(observed))));
    let mut text = String::new();
    text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Snapshot(Arc<Observed>);

type Labels = Vec<(String, String)>;

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self(observed) = self;
        let ledger = &observed.ledger;
        let mut counter = |name: &str, help: &str, unit: Option<&Unit>, value: u64| {
            let metric = ConstCounter::new(value);
            metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
        };
        counter("events_accepted", "Events taken in in good form", None, ledger.accepted())?;
        counter("events_accepted", "Their size", Some(&Unit::Bytes), ledger.accepted_bytes())?;
        counter("events_stored", "Events written to day files", None, ledger.stored())?;
        counter("events_stored", "Their size", Some(&Unit::Bytes), ledger.stored_bytes())?;
        counter("connections_accepted", "Connections accepted", None, ledger.connections())?;
        counter("watcher_skipped_events", "Events not shown to slow watchers", None, ledger.skipped())?;

        let dropped: Family<Labels, Counter> = Family::default();
        for (reason, count) in ledger.dropped() {
            dropped.get_or_create(&vec![("reason".into(), reason.name().into())]).inc_by(count);
        }
        let refused: Family<Labels, Counter> = Family::default();
        for (reason, count) in ledger.refused() {
            refused.get_or_create(&vec![("reason".into(), reason.name().into())]).inc_by(count);
        }
        let types = self.types();
        for (name, help, family) in [
            ("events_dropped", "Events not kept", &dropped),
            ("connections_refused", "Connections closed by the daemon", &refused),
            ("events_by_type", "Events accepted; types beyond the first 100 are one", &types),
        ] {
            family.encode(encoder.encode_descriptor(name, help, None, family.metric_type())?)?;
        }

        let mut gauge = |name: &str, help: &str, unit: Option<&Unit>, value: f64| {
            let metric = ConstGauge::new(value);
            metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
        };
        gauge("events_queued", "Events accepted and not yet in a file", None, ledger.queued() as f64)?;
        gauge("queue", "Received and not yet in a file", Some(&Unit::Bytes), observed.queued_bytes() as f64)?;
        if let Some(spool) = &observed.spool_state {
            gauge(
                "spool_used",
                "What the spool's files take",
                Some(&Unit::Bytes),
                spool.used_bytes() as f64,
            )?;
            gauge("spool_max", "What they may take", Some(&Unit::Bytes), spool.max_bytes as f64)?;
            gauge(
                "spool_full",
                "1 while the spool takes no more",
                None,
                f64::from(u8::from(spool.is_full())),
            )?;
        }
        gauge("connections_open", "Open connections", None, observed.connections.len() as f64)?;
        gauge(
            "native_connections_open",
            "Open connections of the native protocol",
            None,
            observed.streams.connections() as f64,
        )?;
        gauge("native_streams", "Native streams whose marks are kept", None, observed.streams.len() as f64)?;
        gauge("watchers", "Who watches the live stream", None, observed.live.watchers().len() as f64)?;
        gauge("log_files_open", "Open day files", None, observed.disk_state.open_files() as f64)?;
        gauge(
            "disk_failing",
            "1 while the log path cannot be written",
            None,
            f64::from(u8::from(observed.disk_state.fault().is_some())),
        )?;
        let lag = observed.tally.lock().last.map_or(0.0, |(end, received)| (received - end).max(0.0));
        gauge("lag", "From the last event's end to its receipt", Some(&Unit::Seconds), lag)?;
        gauge("start_time", "When the daemon started", Some(&Unit::Seconds), observed.started)?;

        encode_forwarding(observed, &mut encoder)?;

        let build: Family<Labels, Gauge> = Family::default();
        build.get_or_create(&vec![("version".into(), env!("CARGO_PKG_VERSION").into())]).set(1);
        build.encode(encoder.encode_descriptor(
            "build_info",
            "The daemon's version",
            None,
            build.metric_type(),
        )?)
    }
}

/// One of each for every list of destinations, which is named by its number.
fn encode_forwarding(observed: &Observed, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if observed.lists().is_empty() {
        return Ok(());
    }
    let (forwarded, sent, unsure, switches) =
        (Family::default(), Family::default(), Family::default(), Family::default());
    let dropped: Family<Labels, Counter> = Family::default();
    for list in observed.lists() {
        let view = list.view();
        let add = |family: &Family<Labels, Counter>, count| {
            family.get_or_create(&label(list.index)).inc_by(count);
        };
        add(&forwarded, list.counts.forwarded());
        add(&sent, view.sent_events);
        add(&unsure, list.counts.unsure());
        add(&switches, view.switches);
        for (reason, count) in list.counts.dropped().filter(|(_, count)| *count > 0) {
            let mut labels = label(list.index);
            labels.push(("reason".into(), reason.name().into()));
            dropped.get_or_create(&labels).inc_by(count);
        }
    }
    for (name, help, family) in [
        (
            "forward_events",
            "Events acknowledged by collectors, or handed to one that acknowledges nothing",
            &forwarded,
        ),
        ("forward_sent_events", "Events sent, those that were sent again included", &sent),
        ("forward_unsure_events", "Events perhaps lost on the way to an original daemon", &unsure),
        ("forward_switches", "How often another destination became active", &switches),
        ("forward_dropped_events", "Events of the spool that cannot be forwarded", &dropped),
    ] {
        family.encode(encoder.encode_descriptor(name, help, None, family.metric_type())?)?;
    }

    encode_forwarding_gauges(observed, encoder)
}

fn encode_forwarding_gauges(observed: &Observed, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let now = observed.clock.now();
    let per_second = Unit::Other("bytes_per_second".into());
    let gauges = [
        ("forward_queued_events", "Events that wait to be forwarded", None),
        ("forward_queue", "What they take in the spool", Some(&Unit::Bytes)),
        ("forward_lag", "The age of the oldest of them", Some(&Unit::Seconds)),
        ("forward_in_flight", "Sent and not acknowledged", Some(&Unit::Bytes)),
        ("forward_credit", "What may be under way", Some(&Unit::Bytes)),
        (
            "forward_held_to",
            "Bytes a second at which a backlog goes out while live events come in; 0: nothing is held back",
            Some(&per_second),
        ),
        (
            "forward_active",
            "1 while a destination takes events; 2 if that is an original daemon: at most once",
            None,
        ),
    ];
    let families: [Family<Labels, Gauge<f64, AtomicU64>>; 7] = Default::default();
    for list in observed.lists() {
        let (view, backlog) = (list.view(), list.backlog());
        let values = [
            backlog.events as f64,
            backlog.bytes as f64,
            list.lag(now),
            view.in_flight_bytes as f64,
            view.credit_bytes as f64,
            view.held_to.unwrap_or(0) as f64,
            view.activity(),
        ];
        for (family, value) in families.iter().zip(values) {
            family.get_or_create(&label(list.index)).set(value);
        }
    }
    for ((name, help, unit), family) in gauges.into_iter().zip(&families) {
        family.encode(encoder.encode_descriptor(name, help, unit, family.metric_type())?)?;
    }
    Ok(())
}

fn label(list: usize) -> Labels {
    vec![("list".to_owned(), list.to_string())]
}

impl Snapshot {
    fn types(&self) -> Family<Labels, Counter> {
        let family: Family<Labels, Counter> = Family::default();
        let tally = self.0.tally.lock();
        let mut types: Vec<_> = tally.types.iter().collect();
        types.sort_by_key(|(_, seen)| std::cmp::Reverse(seen.count));
        let mut others = tally.types.not_listed;
        for (rank, (name, seen)) in types.into_iter().enumerate() {
            if rank < MAX_TYPES {
                let name = String::from_utf8_lossy(name).into_owned();
                family.get_or_create(&vec![("type".into(), name)]).inc_by(seen.count);
            } else {
                others += seen.count;
            }
        }
        if others > 0 {
            family.get_or_create(&vec![("type".into(), "(other)".into())]).inc_by(others);
        }
        family
    }
}
