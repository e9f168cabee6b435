//! The rows of each view.

use super::fleet::{Daemon, Fleet, Flow, History};
use crate::figures::{ago, bytes, count, rate, span};
use crate::{clock, health, status};
use blueox_control::printable;
use std::collections::BTreeMap;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Daemons,
    Types,
    Hosts,
    Destinations,
    Queue,
}

impl View {
    pub(super) const ALL: [Self; 5] =
        [Self::Daemons, Self::Types, Self::Hosts, Self::Destinations, Self::Queue];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Daemons => "Daemons",
            Self::Types => "Types",
            Self::Hosts => "Hosts",
            Self::Destinations => "Destinations",
            Self::Queue => "Queue",
        }
    }

    pub(super) fn columns(self) -> &'static [Column] {
        match self {
            Self::Daemons => DAEMONS,
            Self::Types => TYPES,
            Self::Hosts => HOSTS,
            Self::Destinations => DESTINATIONS,
            Self::Queue => QUEUE,
        }
    }

    /// The rows of all daemons, or of `only` one.
    pub(super) fn rows(self, fleet: &Fleet, only: Option<usize>) -> Vec<Row> {
        let chosen = || {
            fleet.daemons.iter().enumerate().filter(move |(index, _)| only.is_none_or(|one| one == *index))
        };
        match self {
            Self::Daemons => chosen().map(|(index, daemon)| daemon_row(index, daemon)).collect(),
            Self::Types => flows(chosen().map(|(_, daemon)| (daemon, &daemon.types))),
            Self::Hosts => flows(chosen().map(|(_, daemon)| (daemon, &daemon.hosts))),
            Self::Destinations => chosen().flat_map(|(_, daemon)| destinations(daemon)).collect(),
            Self::Queue => chosen().flat_map(|(_, daemon)| readers(daemon)).collect(),
        }
    }
}

/// A column; `width` 0 takes what is left.
pub(super) struct Column {
    pub(super) title: &'static str,
    pub(super) width: u16,
    pub(super) right: bool,
}

const fn left(title: &'static str, width: u16) -> Column {
    Column { title, width, right: false }
}

const fn right(title: &'static str, width: u16) -> Column {
    Column { title, width, right: true }
}

const DAEMONS: &[Column] = &[
    left("daemon", 0),
    left("host", 12),
    left("role", 9),
    right("in", 9),
    right("out", 9),
    right("lag", 6),
    right("queue", 9),
    right("dropped", 8),
    left("last minute", 20),
];
const TYPES: &[Column] = &FLOWS_OF_TYPES;
const HOSTS: &[Column] = &FLOWS_OF_HOSTS;
const FLOWS_OF_TYPES: [Column; 6] = flow_columns("type");
const FLOWS_OF_HOSTS: [Column; 6] = flow_columns("host");
const DESTINATIONS: &[Column] = &[
    left("destination", 24),
    left("of daemon", 20),
    right("list", 4),
    left("state", 10),
    right("waiting", 11),
    right("lag", 7),
    left("what is wrong", 0),
];
const QUEUE: &[Column] =
    &[left("reader", 14), left("of daemon", 0), right("events", 13), right("bytes", 9), right("oldest", 8)];

const fn flow_columns(noun: &'static str) -> [Column; 6] {
    [
        left(noun, 0),
        right("rate", 10),
        right("events", 15),
        right("bytes", 9),
        right("last", 10),
        left("last minute", 20),
    ]
}

/// How a cell is to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Faint,
    Good,
    Warning,
    Bad,
}

pub(super) struct Cell {
    pub(super) text: String,
    /// What it is sorted by; text is sorted by itself.
    pub(super) number: Option<f64>,
    pub(super) tone: Tone,
}

pub(super) struct Row {
    pub(super) cells: Vec<Cell>,
    /// The daemon that Enter goes into.
    pub(super) daemon: Option<usize>,
}

fn text(text: &str) -> Cell {
    Cell { text: printable(text).into_owned(), number: None, tone: Tone::Plain }
}

fn number(text: String, number: f64) -> Cell {
    Cell { text, number: Some(number), tone: Tone::Plain }
}

fn unknown() -> Cell {
    Cell { text: "-".into(), number: Some(-1.0), tone: Tone::Faint }
}

impl Cell {
    fn tone(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }
}

fn daemon_row(index: usize, daemon: &Daemon) -> Row {
    let status = daemon.status.as_ref();
    let name = text(&daemon.address);
    let events = status.and_then(|status| status.events.as_ref());
    let role = match (&daemon.failure, status) {
        (Some(_), _) => text("gone").tone(Tone::Bad),
        (None, None) => text("...").tone(Tone::Faint),
        (None, Some(status)) if status.version.is_empty() => text("original"),
        (None, Some(status)) => text(&status.role),
    };
    let forwards = status.is_some_and(|status| !status.forward.is_empty());
    let lags = status.into_iter().flat_map(|status| status.forward.iter().map(|list| list.lag_seconds));
    let lag = lags.reduce(f64::max).or(status.and_then(|status| status.lag_seconds));
    let mut cells = vec![
        name,
        status.map_or_else(unknown, |status| text(&status.host)),
        role,
        events.map_or_else(unknown, |events| number(rate(events.rate_in), events.rate_in)),
        events.map_or_else(unknown, |events| {
            let out = if forwards { events.rate_forwarded } else { events.rate_stored };
            number(rate(out), out)
        }),
        lag.map_or_else(unknown, |lag| number(span(lag), lag)),
        events.map_or_else(unknown, |events| number(count(events.queued), events.queued as f64)),
        events.map_or_else(unknown, |events| {
            let dropped = events.dropped_total();
            let tone = if dropped > 0 { Tone::Bad } else { Tone::Plain };
            number(count(dropped), dropped as f64).tone(tone)
        }),
        spark(&daemon.taken),
    ];
    if daemon.failure.is_some() {
        for cell in &mut cells[3..8] {
            cell.tone = Tone::Faint;
        }
    }
    Row { cells, daemon: Some(index) }
}

/// What is wrong with a daemon, in a line, the worst first.
pub(super) fn trouble(daemon: &Daemon) -> Option<String> {
    if let Some(failure) = &daemon.failure {
        return Some(printable(failure).into_owned());
    }
    let known = daemon.status.as_ref()?;
    if let Some(disk) = known.disk.as_ref().filter(|disk| disk.state == "failing") {
        return Some(format!("disk {}", health::disk_failure(disk, known.now())));
    }
    if known.spool.as_ref().is_some_and(|spool| spool.full) {
        return Some("the spool is full: senders wait".into());
    }
    let events = known.events.as_ref().filter(|events| events.dropped_total() > 0)?;
    Some(format!("dropped {}", status::by_reason(&events.dropped)))
}

/// One row for each name; the same name at several daemons is one row.
fn flows<'a>(daemons: impl Iterator<Item = (&'a Daemon, &'a BTreeMap<String, Flow>)>) -> Vec<Row> {
    let mut merged: BTreeMap<&str, (Flow, f64)> = BTreeMap::new();
    for (daemon, flows) in daemons {
        let now = daemon.status.as_ref().and_then(blueox_control::Status::now).unwrap_or_else(clock::now);
        for (name, flow) in flows {
            let (sum, age) = merged.entry(name).or_insert_with(|| (Flow::default(), f64::INFINITY));
            sum.rates.add(&flow.rates);
            sum.seen.count = plus(sum.seen.count, flow.seen.count);
            sum.seen.bytes = plus(sum.seen.bytes, flow.seen.bytes);
            if let Some(last) = flow.seen.last {
                *age = age.min(now - last);
            }
        }
    }
    merged
        .into_iter()
        .map(|(name, (flow, age))| {
            let speed = flow.rates.last();
            let known = |figure: Option<u64>, show: fn(u64) -> String| {
                figure.map_or_else(unknown, |figure| number(show(figure), figure as f64))
            };
            let cells = vec![
                text(name),
                flow.seen.count.map_or_else(unknown, |_| number(rate(speed), speed)),
                known(flow.seen.count, count),
                known(flow.seen.bytes, bytes),
                // the newest is the largest
                if age.is_finite() { number(ago(age, 0.0), -age) } else { unknown() },
                spark(&flow.rates),
            ];
            Row { cells, daemon: None }
        })
        .collect()
}

fn plus(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.saturating_add(b)),
        (one, other) => one.or(other),
    }
}

fn destinations(daemon: &Daemon) -> Vec<Row> {
    let lists = daemon.status.iter().flat_map(|status| &status.forward);
    lists
        .flat_map(|list| list.destinations.iter().map(move |destination| (list, destination)))
        .map(|(list, destination)| {
            let active = list.active.as_ref() == Some(&destination.address);
            let tone = match destination.state.as_str() {
                "active" => Tone::Good,
                "failing" | "refused" => Tone::Bad,
                "connecting" | "leaving" => Tone::Warning,
                _ => Tone::Faint,
            };
            let of_active = |cell: Cell| if active { cell } else { unknown() };
            let cells = vec![
                text(&destination.address),
                text(&daemon.address),
                number(list.list.to_string(), list.list as f64),
                text(&destination.state).tone(tone),
                of_active(number(count(list.queued), list.queued as f64)),
                of_active(number(span(list.lag_seconds), list.lag_seconds)),
                text(destination.error.as_deref().unwrap_or_default()).tone(Tone::Bad),
            ];
            Row { cells, daemon: None }
        })
        .collect()
}

fn readers(daemon: &Daemon) -> Vec<Row> {
    let spools = daemon.status.iter().filter_map(|status| status.spool.as_ref());
    spools
        .flat_map(|spool| &spool.readers)
        .map(|reader| {
            let cells = vec![
                text(&reader.name),
                text(&daemon.address),
                number(count(reader.events), reader.events as f64),
                number(bytes(reader.bytes), reader.bytes as f64),
                reader
                    .oldest_seconds
                    .filter(|_| reader.events > 0)
                    .map_or_else(unknown, |oldest| number(span(oldest), oldest)),
            ];
            Row { cells, daemon: None }
        })
        .collect()
}

/// A minute as blocks, three seconds each; sorted by the newest rate.
fn spark(history: &History) -> Cell {
    const BLOCKS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const SECONDS: usize = 3;
    let rates: Vec<f64> = history.iter().collect();
    let steps: Vec<f64> =
        rates.rchunks(SECONDS).rev().map(|step| step.iter().copied().fold(0.0, f64::max)).collect();
    let most = steps.iter().copied().fold(0.0, f64::max);
    let block = |rate: f64| {
        if rate <= 0.0 {
            return ' ';
        }
        let step = (rate / most * BLOCKS.len() as f64).ceil() as usize;
        BLOCKS[step.clamp(1, BLOCKS.len()) - 1]
    };
    number(steps.into_iter().map(block).collect(), history.last())
}
