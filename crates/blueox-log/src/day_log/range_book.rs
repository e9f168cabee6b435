//! Which batch went where, from the moment its events are taken until that is written down. Pure.

use crate::disk::FileIdentity;
use crate::ranges::{Batch, Encoder, FRAME_BYTES, Missing, NamedPart};
use blueox_event::time::UtcDay;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// A batch's number in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Serial(u64);

/// Which batches a type's pending bytes belong to. One comparison an event; all else is per batch and flush.
#[derive(Debug, Default)]
pub(super) struct PendingParts {
    parts: Vec<PendingPart>,
}

#[derive(Debug, Clone, Copy)]
struct PendingPart {
    batch: Serial,
    start: usize,
    first_event: usize,
}

/// Events of one batch, side by side in what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenPart {
    batch: Serial,
    start: usize,
    bytes: usize,
    events: usize,
}

impl PendingParts {
    /// The next event, which begins at byte `start` and has `first_event` before it, is of `batch`.
    pub(super) fn note(&mut self, batch: Serial, start: usize, first_event: usize) {
        if self.parts.last().is_none_or(|last| last.batch != batch) {
            self.parts.push(PendingPart { batch, start, first_event });
        }
    }

    /// What the first `written` bytes hold; `ends` are where events end.
    pub(super) fn written<'a>(
        &'a self,
        written: usize,
        ends: &'a [usize],
    ) -> impl Iterator<Item = WrittenPart> + 'a {
        let events = if ends.last() == Some(&written) {
            ends.len()
        } else {
            ends.partition_point(|end| *end <= written)
        };
        self.parts.iter().enumerate().take_while(move |(_, part)| part.start < written).map(
            move |(index, part)| {
                let next = self.parts.get(index + 1).filter(|next| next.start < written);
                let (end, last) = next.map_or((written, events), |next| (next.start, next.first_event));
                WrittenPart {
                    batch: part.batch,
                    start: part.start,
                    bytes: end - part.start,
                    events: last - part.first_event,
                }
            },
        )
    }

    /// The first `written` bytes, with so many events, are gone.
    pub(super) fn forget(&mut self, written: usize, events: usize) {
        let gone = self.parts.partition_point(|part| part.start < written);
        let cut = gone.checked_sub(1).map(|last| self.parts[last]);
        self.parts.drain(..gone);
        let continues = self.parts.first().is_none_or(|part| part.start > written);
        for part in &mut self.parts {
            part.start -= written;
            part.first_event -= events;
        }
        // The rest of the part that was cut through.
        if let Some(cut) = cut.filter(|_| continues) {
            self.parts.insert(0, PendingPart { batch: cut.batch, start: 0, first_event: 0 });
        }
    }

    pub(super) fn clear(&mut self) {
        self.parts.clear();
    }
}

/// Batches that are not written down yet.
#[derive(Debug, Default)]
pub(super) struct RangeBook {
    /// The serial of the first slot.
    first: u64,
    slots: VecDeque<Slot>,
    fragments: Vec<Fragment>,
    files: Vec<(FileIdentity, PathBuf)>,
}

#[derive(Debug)]
struct Slot {
    day: UtcDay,
    /// How many of its events are not written down.
    left: u64,
    what: What,
}

#[derive(Debug)]
enum What {
    Stored(Batch),
    Missing(Missing),
}

/// Events of a batch that are in their file, or numbers that are missing.
#[derive(Debug, Clone, Copy)]
struct Fragment {
    batch: Serial,
    file: usize,
    offset: u64,
    bytes: u64,
    events: u64,
}

/// What a fragment takes in memory while the ranges cannot be written, about.
const FRAGMENT_BYTES: usize = 128;

impl RangeBook {
    /// Events from now on are of this batch.
    pub(super) fn begin(&mut self, batch: Batch, day: UtcDay) {
        self.slots.push_back(Slot { day, left: u64::from(batch.events), what: What::Stored(batch) });
    }

    pub(super) fn note_missing(&mut self, missing: Missing, day: UtcDay) {
        self.slots.push_back(Slot { day, left: 0, what: What::Missing(missing) });
        let batch = Serial(self.first + self.slots.len() as u64 - 1);
        self.fragments.push(Fragment { batch, file: usize::MAX, offset: 0, bytes: 0, events: 0 });
    }

    /// The batch that events are of.
    pub(super) fn current(&self) -> Option<Serial> {
        let last = self.slots.len().checked_sub(1)?;
        Some(Serial(self.first + last as u64))
    }

    /// `parts` were appended to a file of `before` bytes.
    pub(super) fn wrote(
        &mut self,
        identity: FileIdentity,
        path: &Path,
        before: u64,
        parts: impl Iterator<Item = WrittenPart>,
    ) {
        let file = self.files.len();
        self.files.push((identity, path.to_path_buf()));
        self.fragments.extend(parts.map(|part| Fragment {
            batch: part.batch,
            file,
            offset: before + part.start as u64,
            bytes: part.bytes as u64,
            events: part.events as u64,
        }));
    }

    /// How much waits to be written down, in bytes of memory.
    pub(super) fn waiting_bytes(&self) -> usize {
        self.fragments.len() * FRAGMENT_BYTES
    }

    /// The days of what waits to be written down.
    pub(super) fn days(&self) -> Vec<UtcDay> {
        let mut days: Vec<UtcDay> = Vec::new();
        for fragment in &self.fragments {
            let day = self.slot(fragment.batch).day;
            if days.last() != Some(&day) {
                days.push(day);
            }
        }
        days.sort_unstable();
        days.dedup();
        days
    }

    /// What waits to be written down of a day, as frames.
    pub(super) fn encode(&mut self, day: UtcDay, encoder: &mut Encoder, out: &mut Vec<u8>) {
        self.fragments.sort_by_key(|fragment| fragment.batch);
        encoder.begin_frame(out);
        for fragments in self.fragments.chunk_by(|a, b| a.batch == b.batch) {
            let slot = self.slot(fragments[0].batch);
            if slot.day != day {
                continue;
            }
            if encoder.frame_bytes(out) >= FRAME_BYTES {
                encoder.end_frame(out);
                encoder.begin_frame(out);
            }
            match &slot.what {
                What::Missing(missing) => encoder.missing(out, missing),
                What::Stored(batch) => encoder.stored(
                    out,
                    batch,
                    fragments.iter().map(|fragment| {
                        let (identity, path) = &self.files[fragment.file];
                        let Fragment { offset, bytes, events, .. } = *fragment;
                        NamedPart { path, identity: *identity, offset, bytes, events }
                    }),
                ),
            }
        }
        encoder.end_frame(out);
    }

    /// A day's fragments are written down.
    pub(super) fn forget(&mut self, day: UtcDay) {
        let mut fragments = std::mem::take(&mut self.fragments);
        fragments.retain(|fragment| {
            let slot = self.slot_mut(fragment.batch);
            if slot.day == day {
                slot.left = slot.left.saturating_sub(fragment.events);
            }
            slot.day != day
        });
        self.fragments = fragments;
    }

    /// Forgets what needs no memory any more. `nothing_pending`: all events that were taken are in their files.
    pub(super) fn settle(&mut self, nothing_pending: bool) {
        if !self.fragments.is_empty() {
            return;
        }
        self.files.clear();
        let done = if nothing_pending {
            // The last batch may not have been taken whole.
            self.slots.len() - usize::from(self.slots.back().is_some_and(|last| last.left > 0))
        } else {
            self.slots.iter().take_while(|slot| slot.left == 0).count()
        };
        self.drop_slots(done);
    }

    /// Forgets everything: it will be taken again.
    pub(super) fn reset(&mut self) {
        self.fragments.clear();
        self.files.clear();
        self.drop_slots(self.slots.len());
    }

    fn drop_slots(&mut self, count: usize) {
        self.first += count as u64;
        self.slots.drain(..count);
    }

    fn slot(&self, batch: Serial) -> &Slot {
        &self.slots[index(batch, self.first)]
    }

    fn slot_mut(&mut self, batch: Serial) -> &mut Slot {
        let index = index(batch, self.first);
        &mut self.slots[index]
    }
}

fn index(batch: Serial, first: u64) -> usize {
    usize::try_from(batch.0 - first).expect("BUG: as many as fit in memory")
}
