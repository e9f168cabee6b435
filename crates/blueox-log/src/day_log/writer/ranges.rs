//! Writing down where batches went: files like the others, by the same rules (whole frames, known to the journal
//! before the first byte, cut back and written again after a crash).

use super::{DayLog, FlushReport, TypeLog};
use crate::day_log::journal::FileJournal;
use crate::day_log::path::Window;
use crate::day_log::range_book::RangeBook;
use crate::disk::{Disk, DiskFile, FileIdentity};
use crate::ranges::{self, Batch, Encoder, Missing};
use blueox_event::time::UtcDay;
use blueox_event::wire::native::NodeId;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// The ranges of one log path.
#[derive(Debug)]
pub(super) struct Ranges<F> {
    node: NodeId,
    pub(super) book: RangeBook,
    days: BTreeMap<UtcDay, DayRanges<F>>,
}

#[derive(Debug)]
struct DayRanges<F> {
    log: TypeLog<F>,
    encoder: Encoder,
    /// The file and its length after the last frame.
    left: Option<(FileIdentity, u64)>,
}

impl<F: DiskFile> DayRanges<F> {
    fn new(root: &Path, day: UtcDay, node: NodeId, now: Duration) -> Self {
        let log = TypeLog::new(root.join(ranges::relative_path(day)), Window { day, hour: None }, now);
        Self { log, encoder: Encoder::new(node), left: None }
    }

    fn end(&self) -> Option<(FileIdentity, u64)> {
        let open = self.log.open.as_ref()?;
        Some((open.identity, open.file.length().ok()?))
    }
}

impl<D: Disk> DayLog<D> {
    /// From now on it is written down where batches go, as this node's. Only for those who recover with
    /// [`DayLog::recover`]: without that ranges would not say what is in the files after a crash.
    pub fn keep_ranges(&mut self, node: NodeId) {
        self.ranges = Some(Ranges { node, book: RangeBook::default(), days: BTreeMap::new() });
    }

    /// Whose ranges are kept, if they are.
    #[must_use]
    pub fn ranges_node(&self) -> Option<NodeId> {
        self.ranges.as_ref().map(|ranges| ranges.node)
    }

    /// Events that are appended from now on are of this batch, received at `received` seconds since the epoch.
    pub fn begin_batch(&mut self, batch: Batch, received: i64) {
        if let Some(ranges) = &mut self.ranges {
            ranges.book.begin(batch, UtcDay::of(received));
        }
    }

    /// Numbers that have no events. Written down by the next flush.
    pub fn note_missing(&mut self, missing: Missing, received: i64) {
        if let Some(ranges) = &mut self.ranges {
            ranges.book.note_missing(missing, UtcDay::of(received));
        }
    }

    /// Writes down where batches went. What cannot be written waits for the next flush.
    pub(super) fn flush_ranges(
        &mut self,
        journal: &mut impl FileJournal,
        now: Duration,
        report: &mut FlushReport,
    ) {
        let Some(mut ranges) = self.ranges.take() else { return };
        for day in ranges.book.days() {
            let mut file =
                ranges.days.remove(&day).unwrap_or_else(|| DayRanges::new(&self.root, day, ranges.node, now));
            // Opened first: only if the file ends as it was left may a frame refer to those before.
            match self.prepare(&mut file.log, now) {
                Ok(()) => {
                    if file.left.is_none() || file.left != file.end() {
                        file.encoder.renew();
                    }
                    ranges.book.encode(day, &mut file.encoder, &mut file.log.pending);
                    if self.write_frames(&mut file, journal, now, report) {
                        ranges.book.forget(day);
                    }
                }
                Err(error) => drop(report.error.get_or_insert(error)),
            }
            ranges.days.insert(day, file);
        }
        ranges.book.settle(self.pending_bytes == 0);
        self.ranges = Some(ranges);
        // One that is torn must be cut back before it is let go.
        self.close_ranges(|day, last, file| day < last && !file.log.is_torn());
    }

    /// All of the file's pending frames or none; true if they are in the file.
    fn write_frames(
        &mut self,
        file: &mut DayRanges<D::File>,
        journal: &mut impl FileJournal,
        now: Duration,
        report: &mut FlushReport,
    ) -> bool {
        let bytes = file.log.pending.len();
        file.log.pending_ends.push(bytes);
        file.log.touched = now;
        self.pending_bytes += bytes;
        self.waiting_files += 1;
        self.waiting_name_bytes += file.log.name_bytes();
        let mut own = FlushReport::default();
        self.flush_some(vec![&mut file.log], journal, now, &mut own);
        if let Some(error) = own.error {
            report.error.get_or_insert(error);
        }
        let written = file.log.pending.is_empty();
        if !written {
            file.log.forget_written(bytes, 0);
            self.pending_bytes -= bytes;
            self.waiting_files -= 1;
            self.waiting_name_bytes -= file.log.name_bytes();
        }
        file.left = if written { file.end() } else { None };
        written
    }

    pub(super) fn close_all_ranges(&mut self) {
        self.close_ranges(|_, _, _| true);
    }

    /// Closes and forgets the files of ranges that `which` chooses by their day and the last day that there is.
    fn close_ranges(&mut self, which: impl Fn(UtcDay, UtcDay, &DayRanges<D::File>) -> bool) {
        let Some(mut ranges) = self.ranges.take() else { return };
        let last = ranges.days.last_key_value().map(|(day, _)| *day);
        let mut closed = Vec::new();
        for (day, file) in std::mem::take(&mut ranges.days) {
            if last.is_some_and(|last| which(day, last, &file)) {
                closed.push(file);
            } else {
                ranges.days.insert(day, file);
            }
        }
        for mut file in closed {
            self.close(&mut file.log);
        }
        self.ranges = Some(ranges);
    }

    pub(super) fn close_idle_ranges(&mut self, now: Duration) {
        let idle = self.limits.idle;
        self.close_ranges(|_, _, file| !file.log.is_torn() && now.saturating_sub(file.log.touched) >= idle);
    }
}
