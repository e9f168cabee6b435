//! The events of all files, day by day, within a day in the order of their ends.

use crate::failure::Failure;
use crate::log::{Log, Next};
use crate::selection::Selection;
use crate::sources::Sources;
use blueox_event::EncodedEvent;
use blueox_query::catalog::StoreFile;
use blueox_query::need::Need;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, VecDeque};

/// All buffers of one merge together, and those of one file.
const MERGE_BUFFER_BYTES: usize = 64 << 20;
const FILE_BUFFER_BYTES: (usize, usize) = (16 << 10, 1 << 20);
/// So many remarks are kept; the others are counted.
const REMARKS_KEPT: usize = 32;

/// Gives one event after the other. Each file is in order but for little, so the earliest next event is the next; a file is
/// open from its window on to its end.
pub(crate) struct Merge {
    selection: Selection,
    need: Need,
    days: VecDeque<Vec<StoreFile>>,
    files: Vec<StoreFile>,
    logs: Vec<Option<Log>>,
    heads: BinaryHeap<Reverse<Head>>,
    /// The file whose event was given last.
    given: Option<Head>,
    /// The file that is being read for its next event.
    wanted: Option<Head>,
    remarks: Vec<String>,
    untold: usize,
}

/// When the next event of a file ended, and which file.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Head {
    end: f64,
    file: usize,
}

impl Eq for Head {}

impl Ord for Head {
    fn cmp(&self, other: &Self) -> Ordering {
        self.end.total_cmp(&other.end).then(self.file.cmp(&other.file))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What became of asking for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Given {
    /// It is there: [`Merge::event`].
    Event,
    /// Not yet: ask again.
    Pause,
    /// There is none.
    End,
}

impl Merge {
    pub(crate) fn new(sources: &Sources, need: Need) -> Self {
        let days = sources.days.values().cloned().collect();
        Self::of_days(days, &sources.selection, need)
    }

    /// One file after the other, as if each were of a day of its own.
    pub(crate) fn of_files(files: Vec<StoreFile>, selection: &Selection, need: Need) -> Self {
        Self::of_days(files.into_iter().map(|file| vec![file]).collect(), selection, need)
    }

    fn of_days(days: VecDeque<Vec<StoreFile>>, selection: &Selection, need: Need) -> Self {
        Self {
            selection: selection.clone(),
            need,
            days,
            files: Vec::new(),
            logs: Vec::new(),
            heads: BinaryHeap::new(),
            given: None,
            wanted: None,
            remarks: Vec::new(),
            untold: 0,
        }
    }

    /// Looks for the next event, but not for long.
    pub(crate) fn advance(&mut self) -> Result<Given, Failure> {
        if let Some(head) = self.given.take().or(self.wanted) {
            self.wanted = Some(head);
            return self.read(head);
        }
        if let Some(Reverse(head)) = self.heads.pop() {
            if self.logs[head.file].is_some() {
                self.given = Some(head);
                return Ok(Given::Event);
            }
            let buffer = MERGE_BUFFER_BYTES / self.files.len().max(1);
            let buffer = buffer.clamp(FILE_BUFFER_BYTES.0, FILE_BUFFER_BYTES.1);
            match Log::open(&self.files[head.file], &self.need, buffer)? {
                Ok(log) => {
                    self.logs[head.file] = Some(log);
                    self.wanted = Some(head);
                }
                Err(remark) => self.remark(remark),
            }
            return Ok(Given::Pause);
        }
        let Some(files) = self.days.pop_front() else { return Ok(Given::End) };
        self.logs = files.iter().map(|_| None).collect();
        let begins = files.iter().enumerate().map(|(file, found)| Head { end: found.begin() as f64, file });
        self.heads = begins.map(Reverse).collect();
        self.files = files;
        Ok(Given::Pause)
    }

    fn read(&mut self, head: Head) -> Result<Given, Failure> {
        let log = self.logs[head.file].as_mut().expect("BUG: what is wanted is open");
        match log.advance(&self.selection)? {
            Next::Pause => {}
            Next::Damaged(remark) => self.remark(remark),
            Next::Event => {
                // One without a time comes where it stands.
                let end = log.event().end().unwrap_or(head.end);
                self.heads.push(Reverse(Head { end, file: head.file }));
                self.wanted = None;
            }
            Next::End => {
                self.logs[head.file] = None;
                self.wanted = None;
            }
        }
        Ok(Given::Pause)
    }

    fn remark(&mut self, remark: String) {
        if self.remarks.len() < REMARKS_KEPT {
            self.remarks.push(remark);
        } else {
            self.untold += 1;
        }
    }

    /// The event that was given last.
    pub(crate) fn event(&self) -> EncodedEvent<'_> {
        let log = self.given.and_then(|head| self.logs[head.file].as_ref());
        log.expect("BUG: an event was given").event()
    }

    /// What there is to say of damage, once.
    pub(crate) fn take_remarks(&mut self) -> Vec<String> {
        let mut remarks = std::mem::take(&mut self.remarks);
        if self.untold > 0 {
            remarks.push(format!("... and {} more damaged places", std::mem::take(&mut self.untold)));
        }
        remarks
    }
}
