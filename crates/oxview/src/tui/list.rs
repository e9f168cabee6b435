//! Which of the kept events are listed.

use super::kept::Kept;
use crate::summary::Summarizer;
use blueox_event::Filter;
use std::collections::VecDeque;

/// One event of the list; its bytes are in [`Kept`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) end: f64,
    pub(super) failed: bool,
}

/// Those that match the filter, oldest first.
pub(super) struct List {
    entries: VecDeque<Entry>,
    /// All before this number were looked at.
    seen: u64,
    filter: Option<Filter>,
    summarizer: Summarizer,
}

impl List {
    pub(super) fn new() -> Self {
        Self { entries: VecDeque::new(), seen: 0, filter: None, summarizer: Summarizer::new() }
    }

    /// Looks at what came, and forgets what went.
    pub(super) fn refresh(&mut self, kept: &Kept) -> bool {
        let numbers = kept.numbers();
        let before = (self.entries.front().copied(), self.entries.len());
        while self.entries.front().is_some_and(|entry| entry.number < numbers.start) {
            self.entries.pop_front();
        }
        for number in self.seen.max(numbers.start)..numbers.end {
            let Some(event) = kept.get(number) else { continue };
            if self.filter.as_ref().is_none_or(|filter| filter.matches(&event)) {
                let end = event.end().or(event.start()).unwrap_or(f64::NAN);
                let failed = self.summarizer.of(&event).error;
                self.entries.push_back(Entry { number, end, failed });
            }
        }
        self.seen = numbers.end;
        before != (self.entries.front().copied(), self.entries.len())
    }

    /// Lists what matches `filter` instead.
    pub(super) fn set_filter(&mut self, filter: Option<Filter>, kept: &Kept) {
        self.filter = filter;
        self.entries.clear();
        self.seen = 0;
        self.refresh(kept);
    }

    pub(super) fn entries(&self) -> &VecDeque<Entry> {
        &self.entries
    }

    /// Where the event of this number stands, or the next one if it is not listed.
    pub(super) fn place(&self, number: u64) -> usize {
        self.entries.partition_point(|entry| entry.number < number)
    }
}
