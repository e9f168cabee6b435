//! Room for the next segment, at the moment when it is needed: what was made ahead, the byte limit, the reserve for a
//! full disk.

use super::Writer;
use crate::disk::PositionalDisk;
use crate::spool::chore::Step;
use crate::spool::config::FullPolicy;
use crate::spool::error::{EnvironmentError, Refusal, SpoolError};
use crate::spool::frame::{COMMIT_ALIGN, frame_bytes};
use crate::spool::marks::SeqSpan;
use crate::spool::position::Position;
use crate::spool::record::CursorName;
use crate::spool::recovery::{Prepared, reserve_path};
use crate::spool::segment::Segment;
use crate::spool::stream::Timestamp;

const FILE_ALIGN: u64 = 4096;

/// A segment that was dropped although somebody had not read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// The own numbers that it held.
    pub own: SeqSpan,
    /// How many events.
    pub events: u64,
    /// Who had not read all of it. Each is told by its reader, exactly.
    pub readers: Vec<CursorName>,
}

/// What looking after the room did.
#[derive(Debug, Default)]
pub struct Maintenance {
    /// How many segments were deleted or recycled, because all had read them.
    pub deleted: usize,
    /// What was dropped since the last time.
    pub dropped: Vec<Dropped>,
    /// What could not be done; it is tried again the next time.
    pub error: Option<EnvironmentError>,
}

impl<D: PositionalDisk> Writer<D> {
    /// How many bytes the spool's files take.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        let unlisted = self.active.as_ref().filter(|active| !active.listed).map_or(0, |active| active.length);
        let prepared: u64 = self.prepared.iter().map(|prepared| prepared.length).sum();
        let spare = self.spares.len() as u64 * self.config.segment_bytes;
        let chore = self.retiring + self.making;
        self.spool.shared.table().bytes() + unlisted + prepared + spare + chore + self.reserve
    }

    /// What was dropped since this was last asked for.
    pub fn take_dropped(&mut self) -> Vec<Dropped> {
        std::mem::take(&mut self.dropped)
    }

    /// The position below which nobody will read again; without cursors in the log there is none.
    pub(super) fn slowest(&self, with_moved: bool) -> Option<Position> {
        let cursors = self.state.cursors.iter().map(|(cursor, durable)| {
            let moved = self.moved.get(cursor).filter(|_| with_moved);
            moved.map_or(durable.position, |moved| moved.position.max(durable.position))
        });
        // A reader that is not in the log yet holds its segments all the same.
        let new = self.moved.iter().filter(|(cursor, _)| !self.state.cursors.contains_key(*cursor));
        let new = new.map(|(_, place)| place.position);
        if self.state.cursors.is_empty() && !with_moved {
            return None;
        }
        cursors.chain(new).min()
    }

    pub(super) fn would_free(&self) -> bool {
        let table = self.spool.shared.table();
        table.segments.len() > 1 && self.slowest(true).is_some_and(|slowest| table.end(0) <= slowest)
    }

    /// Recycles a segment that is no longer listed, or removes it. Nothing in it validates under another number.
    fn give_up(&mut self, segment: Segment) -> Result<(), EnvironmentError> {
        let from = self.path(segment.number);
        let disk = self.spool.shared.disk.clone();
        // What is still there must stay listed: the next one must not go before it.
        let keep = |error| {
            self.spool.shared.table().segments.push_front(segment);
            error
        };
        if !self.prepared.is_empty() || segment.length != self.config.segment_bytes {
            disk.remove(&from).map_err(EnvironmentError::at("remove", &from)).map_err(keep)?;
            // The oldest must be gone first, or a crash would leave a hole between two segments.
            return self.sync_names();
        }
        let number = self.next_number;
        let to = self.path(number);
        disk.rename(&from, &to).map_err(EnvironmentError::at("rename", &from)).map_err(keep)?;
        self.next_number = number.next();
        self.sync_names()?;
        let file = disk.open_existing(&to).map_err(EnvironmentError::at("open", &to))?;
        self.prepared.push_back(Prepared { file, number, length: segment.length });
        Ok(())
    }

    /// What a segment for draining needs: the checkpoint that begins it, and some cursors.
    pub(super) fn reserve_needed(&self) -> u64 {
        frame_bytes(self.state.checkpoint_bytes()) as u64 + self.config.reserve_bytes / 2
    }

    pub(super) fn large_reserve(&self, needed: u64) -> u64 {
        (2 * needed).next_multiple_of(COMMIT_ALIGN)
    }

    fn make_reserve(&mut self) -> Result<(), EnvironmentError> {
        loop {
            let spares = self.spares.len();
            let Some(chore) = self.plan_reserve() else { return Ok(()) };
            match self.do_now(chore) {
                // A spare was removed to make room.
                Err(error) if error.is_no_space() && self.spares.len() < spares => {}
                done => return done,
            }
        }
    }

    fn make_segment(&mut self, length: u64) -> Result<Prepared<D::File>, EnvironmentError> {
        let number = self.next_number;
        self.next_number = number.next();
        let (path, disk) = (self.path(number), &self.spool.shared.disk);
        Step::Make(path.clone(), length).take(disk)?;
        let opened = self
            .sync_directory()
            .and_then(|()| disk.open_existing(&path).map_err(EnvironmentError::at("open", &path)));
        if opened.is_err() {
            let _ = disk.remove(&path);
        }
        Ok(Prepared { file: opened?, number, length })
    }

    fn sync_names(&mut self) -> Result<(), EnvironmentError> {
        let synced = self.sync_directory();
        self.unsynced_names = synced.is_err();
        synced
    }

    fn sync_directory(&self) -> Result<(), EnvironmentError> {
        let directory = &self.spool.shared.directory;
        self.spool.shared.disk.sync_dir(directory).map_err(EnvironmentError::at("sync", directory))
    }

    /// A segment of at least `total` bytes to go on in. For records that drain there is the reserve.
    pub(super) fn next_segment(
        &mut self,
        total: u64,
        numbered: bool,
        now: Timestamp,
    ) -> Result<Prepared<D::File>, SpoolError> {
        let ready = self.prepared.front().is_some_and(|prepared| prepared.length >= total);
        if self.chore_out && !(ready && (!numbered || self.reserve >= self.reserve_needed())) {
            return Err(Refusal::RoomIsMade.into());
        }
        if numbered {
            self.require_reserve(now)?;
        }
        if let Some(prepared) = self.take_prepared(total) {
            return Ok(prepared);
        }
        if total <= self.config.segment_bytes
            && self.use_spare()?
            && let Some(prepared) = self.take_prepared(total)
        {
            return Ok(prepared);
        }
        let length = self.config.segment_bytes.max(total.next_multiple_of(FILE_ALIGN));
        self.give_spares_for(length);
        let limit = self.config.max_bytes;
        while numbered && self.config.policy == FullPolicy::DropOldest && self.used_bytes() + length > limit {
            if !self.drop_oldest(now)? {
                break;
            }
            if let Some(prepared) = self.take_prepared(total) {
                return Ok(prepared);
            }
        }
        let used = self.used_bytes();
        let full: SpoolError = if used + length <= limit {
            match self.make_segment(length) {
                Ok(made) => return Ok(made),
                Err(error) => error.into(),
            }
        } else {
            Refusal::Full { used, limit }.into()
        };
        if numbered || !full.is_full() || self.reserve < total {
            return Err(full);
        }
        Ok(self.take_reserve()?)
    }

    /// Batches may begin a segment only while there is a reserve: else they could fill the last room, and no
    /// cursor could be written that would free some.
    fn require_reserve(&mut self, now: Timestamp) -> Result<(), SpoolError> {
        loop {
            self.make_reserve()?;
            if self.reserve >= self.reserve_needed() {
                return Ok(());
            }
            if self.config.policy != FullPolicy::DropOldest || !self.drop_oldest(now)? {
                return Err(Refusal::Full { used: self.used_bytes(), limit: self.config.max_bytes }.into());
            }
        }
    }

    /// The prepared segment. One that is too short is removed: numbers must rise in the order of use, so it could
    /// not be used after a longer one that is made now.
    fn take_prepared(&mut self, total: u64) -> Option<Prepared<D::File>> {
        while let Some(prepared) = self.prepared.pop_front() {
            if prepared.length >= total {
                return Some(prepared);
            }
            let _ = self.spool.shared.disk.remove(&self.path(prepared.number));
        }
        None
    }

    /// Renaming takes no room, and nobody else can have it in between.
    fn take_reserve(&mut self) -> Result<Prepared<D::File>, EnvironmentError> {
        let directory = &self.spool.shared.directory;
        let (from, number) = (reserve_path(directory), self.next_number);
        let to = self.path(number);
        let disk = self.spool.shared.disk.clone();
        self.next_number = number.next();
        let length = std::mem::take(&mut self.reserve);
        disk.rename(&from, &to).map_err(EnvironmentError::at("rename", &from))?;
        self.sync_directory()?;
        let file = disk.open_existing(&to).map_err(EnvironmentError::at("open", &to))?;
        Ok(Prepared { file, number, length })
    }

    /// Drops the oldest segment; false if only the last is left.
    fn drop_oldest(&mut self, now: Timestamp) -> Result<bool, SpoolError> {
        if !self.moved.is_empty() && self.active.is_some() {
            // So that a crash does not make readers report as lost what they have read.
            self.persist_cursors(now)?;
        }
        if self.unsynced_names {
            self.sync_names()?;
        }
        let (oldest, next) = {
            let mut table = self.spool.shared.table();
            let Some(next) = table.segments.get(1).copied() else { return Ok(false) };
            (table.segments.pop_front().expect("BUG: there are two"), next)
        };
        let given_up = self.give_up(oldest);
        let behind = |place: super::Place| place.position < next.start.position;
        let cursors = self.state.cursors.iter().filter(|(_, place)| behind(**place));
        let readers: Vec<_> = cursors.map(|(name, _)| name.clone()).collect();
        if !readers.is_empty() && !self.spool.lists(oldest.number) {
            let own = SeqSpan { first: oldest.start.own_seq, last: next.start.own_seq.previous() };
            self.dropped.push(Dropped { own, events: next.start.events - oldest.start.events, readers });
        }
        given_up?;
        Ok(true)
    }
}
