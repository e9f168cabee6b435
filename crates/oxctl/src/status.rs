//! `oxctl status`

use crate::clock;
use crate::command::describe;
use crate::figures::{ago, bytes, count, counted, rate, span};
use crate::forward;
use crate::health::disk_failure;
use crate::output::Answer;
use crate::paint::Paint;
use blueox_control::status::{Connections, EventCounters, Native, SiblingSpool, Spool};
use blueox_control::{Client, DaemonKind, Status, printable};
use std::collections::BTreeMap;

/// The ports in the order of an event's way.
const PORTS: [&str; 3] = ["collection", "control", "streaming"];

/// How many watchers are listed one by one.
const MAX_WATCHERS: usize = 10;

/// Shows how the daemon is doing.
pub(crate) fn show(client: &Client, paint: Paint) -> anyhow::Result<Answer> {
    let status = client.status()?;
    let now = status.now().unwrap_or_else(clock::now);
    let head = match client.kind() {
        DaemonKind::Original => paint.bold(format!("{} at {}", describe(&client.kind()), client.address())),
        DaemonKind::BlueOx(_) => head(&status, paint),
    };
    Ok(Answer::good(format!("{head}\n{}{}", flow(&status, now, paint), details(&status, now, paint))))
}

/// `oxd 1.0 collector web-2 up 3d4h`
fn head(status: &Status, paint: Paint) -> String {
    let mut head = paint.bold(format!("oxd {}", printable(&status.version)));
    for word in [&status.role, &status.host] {
        if !word.is_empty() {
            head.push_str(&format!(" {}", printable(word)));
        }
    }
    if let Some(uptime) = status.uptime_seconds {
        head.push_str(&format!(" up {}", span(uptime.floor())));
    }
    if let Some(pid) = status.pid {
        head.push_str(&paint.faint(format!(" pid {pid}")));
    }
    for list in &status.forward {
        head.push_str(&format!(" → {}", forward::destinations(list, paint)));
    }
    head
}

/// `in 1,204/s stored 1,204/s lag 12ms queue 0 (0 B) dropped 0 last 2s ago`
fn flow(status: &Status, now: f64, paint: Paint) -> String {
    let mut words = Vec::new();
    let mut word = |name, figure| words.push(format!("{} {figure}", paint.faint(name)));
    if let Some(events) = &status.events {
        word("in", rate(events.rate_in));
        if status.forward.is_empty() || status.log_path.is_some() {
            word("stored", rate(events.rate_stored));
        }
        if !status.forward.is_empty() {
            word("out", rate(events.rate_forwarded));
        }
    }
    let forward_lag = status.forward.iter().map(|list| list.lag_seconds).reduce(f64::max);
    if let Some(lag) = forward_lag.or(status.lag_seconds) {
        word("lag", span(lag));
    }
    if let Some(events) = &status.events {
        word("queue", format!("{} ({})", count(events.queued), bytes(events.queued_bytes)));
        words.push(dropped(events, paint));
    }
    words.push(match status.last {
        Some(last) => format!("{} {}", paint.faint("last"), ago(now, last)),
        None => "no events yet".into(),
    });
    format!("{}\n", words.join(" "))
}

fn dropped(events: &EventCounters, paint: Paint) -> String {
    match events.dropped_total() {
        0 => format!("{} 0", paint.faint("dropped")),
        total => paint.bad(format!("dropped {} ({})", count(total), by_reason(&events.dropped))),
    }
}

/// `disk_full 12, bad_type 3`, the largest first.
pub(crate) fn by_reason(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().filter(|(_, n)| **n > 0).collect();
    counts.sort_by(|(_, a), (_, b)| b.cmp(a));
    counts
        .iter()
        .map(|(reason, n)| format!("{} {}", printable(reason), count(**n)))
        .collect::<Vec<_>>()
        .join(", ")
}

/// A line for each other thing to know, its name before it.
fn details(status: &Status, now: f64, paint: Paint) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    lines.push(("events", events(status)));
    if status.events.is_some() && (status.log_path.is_some() || status.forward.is_empty()) {
        lines.push(("log", log(status)));
    }
    lines.extend(status.forward.iter().map(|list| ("forward", forward::figures(list, paint))));
    let failures = status.forward.iter().flat_map(|list| &list.destinations);
    for destination in failures.filter(|destination| destination.error.is_some()) {
        lines.push(("", forward::destination_line(destination, now, paint)));
    }
    lines.extend(status.spool.as_ref().map(|known| ("spool", spool(known, paint))));
    let siblings = status.spool.iter().flat_map(|known| &known.siblings);
    lines.extend(siblings.map(|sibling| ("", paint.warning(waiting(sibling)))));
    if let Some(disk) = status.disk.as_ref().filter(|disk| !matches!(disk.state.as_str(), "ok" | "none")) {
        let since = status.now().map(|_| now);
        lines.push(("disk", paint.bad(disk_failure(disk, since))));
    }
    let ports = ports(status);
    if !ports.is_empty() {
        lines.push(("ports", ports));
    }
    lines.extend(status.connections.as_ref().map(|open| ("connections", connections(open, paint))));
    let streams = status.native.as_ref().filter(|known| known.streams_known > 0);
    lines.extend(streams.map(|known| ("native", native(known))));
    lines.extend(watchers(status, paint).into_iter().map(|line| ("watcher", line)));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    lines.iter().map(|(name, line)| format!("{}  {line}\n", paint.faint(format!("{name:<width$}")))).collect()
}

/// `412,003 accepted, 412,000 stored, 2 types from 1 host`
fn events(status: &Status) -> String {
    let mut words = Vec::new();
    if let Some(events) = &status.events {
        words.push(format!("{} accepted", count(events.accepted)));
        if status.forward.is_empty() || status.log_path.is_some() {
            words.push(format!("{} stored", count(events.stored)));
        }
        if !status.forward.is_empty() {
            words.push(format!("{} forwarded", count(events.forwarded)));
        }
    }
    let types = (status.types.len() as u64).saturating_add(status.types_not_listed);
    let hosts = (status.hosts.len() as u64).saturating_add(status.hosts_not_listed);
    words.push(format!("{} from {}", counted(types, "type"), counted(hosts, "host")));
    words.join(", ")
}

/// `/var/log/blueox, 6-hour files, 12 open, disk ok`
fn log(status: &Status) -> String {
    let Some(path) = &status.log_path else { return "none: it was started without --log-path".into() };
    let mut text = printable(path).into_owned();
    text.push_str(&match status.rotate_hours {
        Some(hours) => format!(", {hours}-hour files"),
        None => ", daily files".into(),
    });
    if let Some(disk) = &status.disk {
        text.push_str(&format!(", {} open", count(disk.open_files)));
        if disk.state == "ok" {
            text.push_str(", disk ok");
        }
    }
    text
}

/// `/var/lib/blueox/3514, 128 MiB of 2.0 GiB`
fn spool(spool: &Spool, paint: Paint) -> String {
    let mut text =
        format!("{}, {} of {}", printable(place(spool)), bytes(spool.used_bytes), bytes(spool.max_bytes));
    if spool.full {
        text.push_str(&format!(", {}", paint.bad("full: senders wait")));
    }
    text
}

/// `12 events wait in /var/lib/blueox/4000, the spool of another port; to deliver them run: oxd --spool ...`
pub(crate) fn waiting(sibling: &SiblingSpool) -> String {
    let (directory, rescue) = (printable(&sibling.directory), printable(&sibling.rescue));
    let verb = if sibling.events == 1 { "waits" } else { "wait" };
    format!("{} {verb} in {directory}, the spool of another port; {rescue}", counted(sibling.events, "event"))
}

/// Where the spool stands.
pub(crate) fn place(spool: &Spool) -> &str {
    spool.directory.as_deref().unwrap_or("in memory: what is not forwarded is lost with the daemon")
}

/// `collection 127.0.0.1:3514, control 127.0.0.1:3513`
fn ports(status: &Status) -> String {
    let known = PORTS.iter().filter_map(|name| status.ports.get_key_value(*name));
    let others = status.ports.iter().filter(|(name, _)| !PORTS.contains(&name.as_str()));
    known
        .chain(others)
        .filter_map(|(name, address)| Some(format!("{} {}", printable(name), printable(address.as_deref()?))))
        .collect::<Vec<_>>()
        .join(", ")
}

/// `4 open, 120 accepted, 3 refused (too_many 3)`
fn connections(connections: &Connections, paint: Paint) -> String {
    let mut text = format!("{} open, {} accepted", count(connections.open), count(connections.accepted));
    let refused = connections.refused.values().fold(0u64, |total, n| total.saturating_add(*n));
    if refused > 0 {
        let refused = format!("{} refused ({})", count(refused), by_reason(&connections.refused));
        text.push_str(&format!(", {}", paint.warning(refused)));
    }
    text
}

/// `2 connections, 12 streams known`
fn native(native: &Native) -> String {
    let connections = counted(native.connections, "connection");
    format!("{connections}, {} known", counted(native.streams_known, "stream"))
}

/// `127.0.0.1:5000 http, sent 1,200, skipped 3`
fn watchers(status: &Status, paint: Paint) -> Vec<String> {
    let mut lines: Vec<_> = status
        .watchers
        .iter()
        .take(MAX_WATCHERS)
        .map(|watcher| {
            let (peer, protocol) = (printable(&watcher.peer), printable(&watcher.protocol));
            let mut line = format!("{peer} {protocol}, sent {}", count(watcher.sent));
            if watcher.skipped > 0 {
                line.push_str(&format!(", {}", paint.warning(format!("skipped {}", count(watcher.skipped)))));
            }
            line
        })
        .collect();
    if let Some(more) = status.watchers.len().checked_sub(MAX_WATCHERS).filter(|more| *more > 0) {
        lines.push(format!("and {more} more"));
    }
    lines
}
