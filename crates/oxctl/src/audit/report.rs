//! What comes of an audit.

use super::book::{Account, Book, Who, ends, length};
use super::daemon_answer::DaemonAnswer;
use super::directory::Directories;
use super::proof::{self, Fate, Hole};
use blueox_control::ControlAddress;
use blueox_event::wire::native::{Seq, SeqRange, StreamId};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// So many holes and overlaps are listed.
const MAX_LISTED: usize = 10_000;

/// The report.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) daemons: Vec<DaemonLine>,
    pub(crate) directories: Vec<DirectoryLine>,
    pub(crate) streams: Vec<StreamLine>,
    /// Numbers that are neither stored nor queued: lost by their own account, or holes.
    pub(crate) gaps: Vec<Gap>,
    pub(crate) overlaps: Vec<Overlap>,
    pub(crate) total: Figures,
}

/// A daemon that was asked.
#[derive(Debug)]
pub(crate) struct DaemonLine {
    pub(crate) address: String,
    pub(crate) host: String,
    pub(crate) role: String,
    pub(crate) node: StreamId,
    /// Its own counts since it started, among them what it dropped before anything was numbered.
    pub(crate) dropped: BTreeMap<String, u64>,
    pub(crate) streams_not_listed: u64,
}

/// A log path that was read.
#[derive(Debug)]
pub(crate) struct DirectoryLine {
    pub(crate) path: String,
    pub(crate) files: usize,
    pub(crate) damaged: Vec<String>,
}

/// Numbers of a stream, or of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) numbers: u64,
    pub(crate) stored: u64,
    pub(crate) queued: u64,
    pub(crate) dropped: BTreeMap<String, u64>,
    /// Their days were removed by somebody.
    pub(crate) removed: u64,
    /// Not accounted for.
    pub(crate) missing: u64,
    pub(crate) stored_events: u64,
    pub(crate) queued_events: u64,
    pub(crate) dropped_events: BTreeMap<String, u64>,
}

/// A stream.
#[derive(Debug)]
pub(crate) struct StreamLine {
    pub(crate) stream: StreamId,
    pub(crate) who: Option<Who>,
    pub(crate) figures: Figures,
}

/// Numbers that are not kept, and what is known of them.
#[derive(Debug)]
pub(crate) struct Gap {
    pub(crate) stream: StreamId,
    pub(crate) numbers: SeqRange,
    /// Of so many of them it is said.
    pub(crate) count: u64,
    pub(crate) what: &'static str,
    pub(crate) reason: String,
    pub(crate) known: bool,
}

/// Numbers that stand in two log paths.
#[derive(Debug)]
pub(crate) struct Overlap {
    pub(crate) stream: StreamId,
    pub(crate) numbers: SeqRange,
    pub(crate) paths: [String; 2],
}

impl Report {
    pub(crate) fn new(
        book: &Book,
        asked: &[(&ControlAddress, DaemonAnswer)],
        directories: &Directories,
    ) -> Self {
        let holes = proof::holes(book, directories);
        let mut report = Self {
            daemons: asked.iter().filter_map(|(address, answer)| DaemonLine::of(address, answer)).collect(),
            directories: directories.0.iter().map(DirectoryLine::of).collect(),
            streams: Vec::new(),
            gaps: Vec::new(),
            overlaps: Vec::new(),
            total: Figures::default(),
        };
        for (stream, account) in &book.streams {
            let mut figures = Figures::of(account);
            for hole in holes.iter().filter(|hole| hole.stream == *stream) {
                hole.parts.iter().for_each(|(count, fate)| figures.add(*count, fate));
            }
            report.total.sum(&figures);
            report.streams.push(StreamLine { stream: *stream, who: account.who.clone(), figures });
            report.note_lost(*stream, account);
            report.note_never(*stream, account);
            report.note_overlaps(*stream, account);
        }
        for hole in &holes {
            report.note_hole(hole, book, directories);
        }
        report.gaps.sort_by_key(|gap| (gap.known, gap.stream, gap.numbers.first()));
        report.gaps.truncate(MAX_LISTED);
        report
    }

    /// Whether every number is accounted for.
    pub(crate) fn is_balanced(&self) -> bool {
        self.total.missing == 0
    }

    fn note_lost(&mut self, stream: StreamId, account: &Account) {
        for (reason, (runs, _)) in &account.lost {
            for numbers in runs.iter() {
                let reason = reason.clone();
                let (count, what) = (length(numbers), "dropped");
                self.gaps.push(Gap { stream, numbers, count, what, reason, known: true });
            }
        }
    }

    /// Nothing is lost with them: what this daemon had under them before stands under its earlier stream.
    fn note_never(&mut self, stream: StreamId, account: &Account) {
        let kept = account.stored.union(&account.queued);
        for numbers in account.never.iter().flat_map(|numbers| kept.holes_in(numbers)) {
            let reason = "never given: it was set back to an older state, and goes on behind them".into();
            let (count, what) = (length(numbers), "set back");
            self.gaps.push(Gap { stream, numbers, count, what, reason, known: true });
        }
    }

    fn note_hole(&mut self, hole: &Hole, book: &Book, directories: &Directories) {
        for (count, fate) in &hole.parts {
            let (what, reason) = self.words(fate, hole, book, directories);
            let (stream, numbers, known) = (hole.stream, hole.numbers, fate.is_known());
            self.gaps.push(Gap { stream, numbers, count: *count, what, reason, known });
        }
    }

    fn words(
        &self,
        fate: &Fate,
        hole: &Hole,
        book: &Book,
        directories: &Directories,
    ) -> (&'static str, String) {
        let name = |stream: &StreamId| self.name(*stream, book, directories);
        match fate {
            Fate::Dropped { reason, by } => ("dropped", format!("{reason} by {}", name(by))),
            Fate::Queued { by } => {
                ("queued", format!("in the spool of {}, which was not read so far", name(by)))
            }
            Fate::Removed { by } => ("removed", format!("with the days of {} that are gone", name(by))),
            Fate::Unproven { by, day } => {
                ("missing", format!("the ranges of {day} of {} are gone, its files are there", name(by)))
            }
            Fate::NotLookedAt { by } => (
                "missing",
                format!(
                    "{} has written them to a log path that was not looked at: name it with -l",
                    name(by)
                ),
            ),
            Fate::Missing => ("missing", last_seen(hole, book, &name)),
        }
    }

    /// Who that is, as a person would say.
    fn name(&self, stream: StreamId, book: &Book, directories: &Directories) -> String {
        let host =
            book.streams.get(&stream).and_then(|account| account.who.as_ref()).map(|who| who.host.clone());
        let path = || {
            let of = |directory: &&super::directory::Directory| directory.nodes.contains(&stream);
            directories.0.iter().find(of).map(|directory| directory.path.display().to_string())
        };
        host.filter(|host| !host.is_empty()).or_else(path).unwrap_or_else(|| short(stream))
    }

    fn note_overlaps(&mut self, stream: StreamId, account: &Account) {
        let copies: Vec<_> = account.stored_at.iter().collect();
        for (index, (a, of_a)) in copies.iter().enumerate() {
            for (b, of_b) in &copies[index + 1..] {
                let paths = [*a, *b].map(|directory| self.directories[*directory].path.clone());
                let both = of_a.overlap(of_b);
                let room = MAX_LISTED.saturating_sub(self.overlaps.len());
                let new =
                    both.iter().take(room).map(|numbers| Overlap { stream, numbers, paths: paths.clone() });
                self.overlaps.extend(new);
            }
        }
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let gap = |gap: &Gap| {
            let (first, last) = ends(gap.numbers);
            json!({
                "stream": gap.stream.to_string(), "first": first, "last": last, "count": gap.count,
                "what": gap.what, "reason": gap.reason, "known": gap.known,
            })
        };
        let overlap = |overlap: &Overlap| {
            let (first, last) = ends(overlap.numbers);
            json!({ "stream": overlap.stream.to_string(), "first": first, "last": last, "log_paths": overlap.paths })
        };
        let daemon = |daemon: &DaemonLine| {
            json!({
                "address": daemon.address, "host": daemon.host, "role": daemon.role, "node": daemon.node.to_string(),
                "dropped": daemon.dropped, "streams_not_listed": daemon.streams_not_listed,
            })
        };
        let directory = |directory: &DirectoryLine| json!({ "log_path": directory.path, "ranges": directory.files, "damaged": directory.damaged });
        json!({
            "balanced": self.is_balanced(),
            "total": self.total.json(),
            "daemons": self.daemons.iter().map(daemon).collect::<Vec<_>>(),
            "directories": self.directories.iter().map(directory).collect::<Vec<_>>(),
            "streams": self.streams.iter().map(StreamLine::json).collect::<Vec<_>>(),
            "gaps": self.gaps.iter().map(gap).collect::<Vec<_>>(),
            "overlaps": self.overlaps.iter().map(overlap).collect::<Vec<_>>(),
        })
    }
}

/// Where numbers that are nowhere were seen.
fn last_seen(hole: &Hole, book: &Book, name: &impl Fn(&StreamId) -> String) -> String {
    let account = &book.streams[&hole.stream];
    let acked = account.elsewhere.iter().find(|(_, runs)| runs.count_in(hole.numbers) > 0);
    if let Some((by, _)) = acked {
        let said = format!("{} was told that another collector has acked them, and none has them", name(by));
        let mut carriers = account.carried.keys().chain(account.marks.keys());
        let set_back = carriers.find(|of| book.streams.get(of).is_some_and(Account::was_set_back));
        return set_back.map_or(said.clone(), |of| {
            format!("{said}; {} was set back to an older state, perhaps with them", name(of))
        });
    }
    let had = account.marks.iter().find(|(_, mark)| **mark >= hole.numbers.last().get());
    if let Some((by, _)) = had {
        return format!("last seen by {}, which took them", name(by));
    }
    if account.accounted().last().is_some_and(|last| last > hole.numbers.last()) {
        return "nobody has seen them; later ones are there".into();
    }
    "they were given to records, and nobody has seen those".into()
}

impl DaemonLine {
    fn of(address: &ControlAddress, answer: &DaemonAnswer) -> Option<Self> {
        Some(Self {
            address: address.to_string(),
            host: answer.host.clone(),
            role: answer.role.clone(),
            node: answer.node()?,
            dropped: answer.events.dropped.clone(),
            streams_not_listed: answer.streams_not_listed,
        })
    }
}

impl DirectoryLine {
    fn of(directory: &super::directory::Directory) -> Self {
        let path = directory.path.display().to_string();
        Self { path, files: directory.files, damaged: directory.damaged.clone() }
    }
}

impl Figures {
    fn of(account: &Account) -> Self {
        let Some(all) = SeqRange::new(Seq::new(1), Seq::new(account.high())) else { return Self::default() };
        let mut known = account.stored.clone();
        let mut figures = Self { numbers: length(all), stored: known.len(), ..Self::default() };
        let mut add =
            |numbers: &super::runs::Runs| -> u64 { numbers.iter().map(|range| known.insert(range)).sum() };
        for (reason, (runs, events)) in &account.lost {
            let new = add(runs);
            if new > 0 {
                figures.dropped.insert(reason.clone(), new);
                figures.dropped_events.insert(reason.clone(), *events);
            }
        }
        figures.queued = add(&account.queued);
        figures.numbers -= add(&account.never);
        (figures.stored_events, figures.queued_events) = (account.stored_events, account.queued_events);
        figures
    }

    fn add(&mut self, count: u64, fate: &Fate) {
        match fate {
            Fate::Dropped { reason, .. } => *self.dropped.entry(reason.clone()).or_default() += count,
            Fate::Queued { .. } => self.queued += count,
            Fate::Removed { .. } => self.removed += count,
            Fate::Unproven { .. } | Fate::NotLookedAt { .. } | Fate::Missing => self.missing += count,
        }
    }

    fn sum(&mut self, other: &Self) {
        self.numbers += other.numbers;
        self.stored += other.stored;
        self.queued += other.queued;
        self.removed += other.removed;
        self.missing += other.missing;
        self.stored_events += other.stored_events;
        self.queued_events += other.queued_events;
        for (mine, others) in
            [(&mut self.dropped, &other.dropped), (&mut self.dropped_events, &other.dropped_events)]
        {
            for (reason, count) in others {
                *mine.entry(reason.clone()).or_default() += count;
            }
        }
    }

    pub(crate) fn dropped_total(&self) -> u64 {
        self.dropped.values().sum()
    }

    fn json(&self) -> Map<String, Value> {
        let Value::Object(map) = json!({
            "numbers": self.numbers, "stored": self.stored, "queued": self.queued, "dropped": self.dropped,
            "removed": self.removed, "missing": self.missing,
            "events": { "stored": self.stored_events, "queued": self.queued_events, "dropped": self.dropped_events },
        }) else {
            unreachable!("BUG: an object was written")
        };
        map
    }
}

impl StreamLine {
    /// Whether it is an application's that is neither connected nor said goodbye.
    pub(crate) fn broke_off(&self) -> bool {
        self.who.as_ref().is_some_and(|who| who.role == "application" && !who.connected && !who.ended)
    }

    fn json(&self) -> Value {
        let mut line = self.figures.json();
        line.insert("stream".into(), self.stream.to_string().into());
        if let Some(who) = &self.who {
            line.insert("role".into(), who.role.clone().into());
            line.insert("host".into(), who.host.clone().into());
            line.insert("pid".into(), who.pid.into());
            line.insert("connected".into(), who.connected.into());
            line.insert("ended".into(), who.ended.into());
            line.insert("produced".into(), who.produced.into());
            line.insert("dropped_before_numbering".into(), json!(who.dropped));
        }
        Value::Object(line)
    }
}

/// Enough of an id to know it again.
pub(crate) fn short(stream: StreamId) -> String {
    stream.to_string().chars().take(12).collect()
}
