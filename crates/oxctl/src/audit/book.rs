//! The book: for every stream which of its numbers are stored, queued or lost, and by which daemon's numbers they were carried.
//!
//! Memory goes with the number of runs, not of numbers. Entries are made in any order, but what is queued after what is
//! stored: so events that are both count as stored.

use super::runs::Runs;
use super::tied::Tied;
use blueox_event::time::UtcDay;
use blueox_event::wire::native::{Seq, SeqRange, StreamId};
use std::collections::{BTreeMap, BTreeSet};

/// Which directory, in the order in which they were read.
pub(crate) type DirectoryIndex = usize;

/// All streams.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) streams: BTreeMap<StreamId, Account>,
}

/// One stream.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) stored: Runs,
    pub(crate) stored_events: u64,
    /// Where they stand.
    pub(crate) stored_at: BTreeMap<DirectoryIndex, Runs>,
    pub(crate) queued: Runs,
    pub(crate) queued_events: u64,
    /// By reason, with the events that they had as far as somebody knew.
    pub(crate) lost: BTreeMap<String, (Runs, u64)>,
    /// Numbers that were never given: a daemon that was set back goes on behind them.
    pub(crate) never: Runs,
    /// Said to be acked by another collector, and by which daemon that is said.
    pub(crate) elsewhere: BTreeMap<StreamId, Runs>,
    /// By the daemon that had them: its own numbers for them.
    pub(crate) carried: BTreeMap<StreamId, Tied>,
    /// Of a daemon: the days on which its own numbers were received, by directory.
    pub(crate) days: BTreeMap<DirectoryIndex, Tied>,
    /// By the daemon that had them: up to which number it had all.
    pub(crate) marks: BTreeMap<StreamId, u64>,
    /// Of a daemon: its own last number, as it says.
    pub(crate) last: Option<u64>,
    /// Of a daemon: own numbers that wait in its spool and were not looked at.
    pub(crate) unread: Runs,
    /// Of a daemon: own numbers that it has written to a log path.
    pub(crate) said_stored: Runs,
    pub(crate) who: Option<Who>,
}

/// Who numbers a stream.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Who {
    pub(crate) role: String,
    pub(crate) host: String,
    pub(crate) pid: Option<u32>,
    pub(crate) connected: bool,
    pub(crate) ended: bool,
    pub(crate) produced: Option<u64>,
    /// Before they were numbered, by reason.
    pub(crate) dropped: BTreeMap<String, u64>,
}

/// Numbers, as one record or several that follow each other tell of them.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) stream: StreamId,
    pub(crate) numbers: SeqRange,
    /// The daemon that tells it, and its own numbers for them.
    pub(crate) node: StreamId,
    pub(crate) own: SeqRange,
    pub(crate) sender: Option<(StreamId, SeqRange)>,
    pub(crate) events: u64,
    pub(crate) reason: Option<String>,
}

/// The word of the ledger for numbers that must be found elsewhere.
pub(crate) const ACKED_ELSEWHERE: &str = "acked_elsewhere";
/// The word for numbers below those with which a daemon's new stream begins.
pub(crate) const SET_BACK: &str = "set_back";

impl Book {
    pub(crate) fn account(&mut self, stream: StreamId) -> &mut Account {
        self.streams.entry(stream).or_default()
    }

    /// A line of a directory's ranges of a day.
    pub(crate) fn stored(&mut self, line: &Line, directory: DirectoryIndex, day: UtcDay) {
        let account = self.carry(line);
        if line.stream == line.node {
            let day = day_number(day);
            account.days.entry(directory).or_default().insert(ends(line.numbers), (day, day));
        }
        if line.reason.is_some() {
            return account.lose(line);
        }
        account.stored_at.entry(directory).or_default().insert(line.numbers);
        if account.stored.insert(line.numbers) > 0 {
            account.stored_events += line.events;
        }
    }

    /// A line of a daemon's spool.
    pub(crate) fn queued(&mut self, line: &Line) {
        let account = self.carry(line);
        if line.reason.is_some() {
            return account.lose(line);
        }
        let all = length(line.numbers);
        let stored = account.stored.count_in(line.numbers);
        let new = account.queued.insert(line.numbers).min(all - stored);
        account.queued_events += share(line.events, new, all);
    }

    fn carry(&mut self, line: &Line) -> &mut Account {
        let account = self.account(line.stream);
        let ties = [(line.stream != line.node).then_some((line.node, line.own)), line.sender];
        for (carrier, own) in ties.into_iter().flatten() {
            account.carried.entry(carrier).or_default().insert(ends(line.numbers), ends(own));
        }
        account
    }

    /// All daemons that are known by their numbers.
    pub(crate) fn carriers(&self) -> BTreeSet<StreamId> {
        let of = |account: &Account| {
            account.carried.keys().chain(account.marks.keys()).copied().collect::<Vec<_>>()
        };
        self.streams.values().flat_map(of).collect()
    }
}

impl Account {
    fn lose(&mut self, line: &Line) {
        let Some(reason) = &line.reason else { return };
        if reason == ACKED_ELSEWHERE {
            self.elsewhere.entry(line.node).or_default().insert(line.numbers);
            return;
        }
        if reason == SET_BACK {
            self.never.insert(line.numbers);
            return;
        }
        let (runs, events) = self.lost.entry(reason.clone()).or_default();
        let new = runs.insert(line.numbers);
        *events += share(line.events, new, length(line.numbers));
    }

    /// Of a daemon: its stream is a new one since its machine was set back.
    pub(crate) fn was_set_back(&self) -> bool {
        self.never.last().is_some()
    }

    /// The highest number that anybody knows.
    pub(crate) fn high(&self) -> u64 {
        let lost = self.lost.values().map(|(runs, _)| runs);
        let seen = lost.chain(self.elsewhere.values()).chain([&self.stored, &self.queued, &self.never]);
        let seen = seen.filter_map(Runs::last).map(Seq::get);
        seen.chain(self.marks.values().copied()).chain(self.last).max().unwrap_or(0)
    }

    /// All that is stored, queued or lost, or was never given.
    pub(crate) fn accounted(&self) -> Runs {
        let lost = self.lost.values().map(|(runs, _)| runs);
        lost.chain([&self.never]).fold(self.stored.union(&self.queued), |all, runs| all.union(runs))
    }
}

pub(crate) fn ends(range: SeqRange) -> (u64, u64) {
    (range.first().get(), range.last().get())
}

pub(crate) fn length(range: SeqRange) -> u64 {
    range.last().get() - range.first().get() + 1
}

pub(crate) fn day_number(day: UtcDay) -> u64 {
    u64::try_from(day.start() / 86_400).unwrap_or(0)
}

/// The events of some of the numbers, when only those of all are known.
fn share(events: u64, some: u64, all: u64) -> u64 {
    if some == all {
        return events;
    }
    u64::try_from(u128::from(events) * u128::from(some) / u128::from(all.max(1))).unwrap_or(events)
}
