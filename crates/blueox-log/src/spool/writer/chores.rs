//! What is to be done about the room, one chore after another: old segments go, the next one is made ahead, and the
//! reserve. Who has a thread for it calls [`Writer::begin_chore`] and [`Writer::end_chore`], all others
//! [`Writer::maintain`].

use super::Writer;
use super::space::Maintenance;
use crate::disk::PositionalDisk;
use crate::mutation::{Mutation, is};
use crate::spool::chore::{Chore, Retired, Spare, Step, Task};
use crate::spool::error::EnvironmentError;
use crate::spool::recovery::{Prepared, reserve_path};
use crate::spool::segment::Segment;
use std::path::PathBuf;

/// So many segments go in one chore, so that the next one need not wait for all of a long backlog.
const RETIRED_AT_ONCE: usize = 4;

impl<D: PositionalDisk> Writer<D> {
    /// Deletes what all cursors have passed, makes the reserve and the next segment, here and now. To be called after a
    /// commit, when its acks have been sent, and now and then; with a group waiting, or a chore out, it does nothing.
    pub fn maintain(&mut self) -> Maintenance {
        let mut all = Maintenance { dropped: self.take_dropped(), ..Maintenance::default() };
        let disk = self.spool.shared.disk.clone();
        while all.error.is_none()
            && let Some(mut chore) = self.begin_chore()
        {
            chore.run(&disk);
            let done = self.end_chore(chore);
            all.deleted += done.deleted;
            all.error = done.error;
        }
        all
    }

    /// The next thing to be done about the room, if there is any; it may be done on another thread while this writer goes
    /// on, and is then given back to [`Writer::end_chore`]. None is given while a group waits or another one is out.
    pub fn begin_chore(&mut self) -> Option<Chore> {
        if self.has_group() || self.chore_out {
            return None;
        }
        let chore = self
            .plan_retiring()
            .or_else(|| self.plan_cleaning())
            .or_else(|| self.plan_reserve())
            .or_else(|| self.plan_next_segment())?;
        self.chore_out = true;
        Some(self.with_names_synced(chore))
    }

    /// Names that something failed to sync come first.
    fn with_names_synced(&self, mut chore: Chore) -> Chore {
        if self.unsynced_names {
            chore.sync_first(self.names());
        }
        chore
    }

    /// Does a chore here and now.
    pub(super) fn do_now(&mut self, chore: Chore) -> Result<(), EnvironmentError> {
        let mut chore = self.with_names_synced(chore);
        chore.run(&self.spool.shared.disk);
        self.end_chore(chore).error.map_or(Ok(()), Err)
    }

    /// Whether a chore was begun and not given back.
    #[must_use]
    pub fn has_chore_out(&self) -> bool {
        self.chore_out
    }

    /// Takes back a chore of [`Writer::begin_chore`] that was run; what failed is tried again as another one.
    pub fn end_chore(&mut self, chore: Chore) -> Maintenance {
        debug_assert!(!chore.is_under_way(), "BUG: a chore was given back before it was done");
        self.chore_out = false;
        (self.making, self.unsynced_names) = (0, chore.left_names_unsynced(self.unsynced_names));
        let (done, mut error, mut deleted) = (chore.done_steps(), chore.error, 0);
        if error.as_ref().is_some_and(EnvironmentError::is_no_space) {
            self.give_a_spare();
        }
        match chore.task {
            Task::Retire(retired) => deleted = self.end_retiring(&retired, done),
            Task::CleanUp(numbers) => self.stale.extend(&numbers[done.min(numbers.len())..]),
            Task::Reserve { length } if done >= RESERVE_NAMED => self.reserve = length,
            Task::Reserve { .. } => {}
            Task::Prepare { number, .. } if done >= PREPARED => {
                let (length, path) = (self.config.segment_bytes, self.path(number));
                match self.spool.shared.disk.open_existing(&path) {
                    Ok(file) => self.prepared.push_back(Prepared { file, number, length }),
                    Err(source) => {
                        self.stale.push(number);
                        error = Some(EnvironmentError::at("open", &path)(source));
                    }
                }
            }
            Task::Prepare { from: Some(spare), .. } if done == 0 => drop(self.spares.insert(spare)),
            // It has its name, or it may have: nobody knows how durably.
            Task::Prepare { number, .. } if done > 0 => self.stale.push(number),
            Task::Prepare { .. } => {}
        }
        Maintenance { deleted, dropped: Vec::new(), error }
    }

    fn names(&self) -> PathBuf {
        self.spool.shared.directory.clone()
    }

    /// The last segment stays, whoever has read it: it begins with the checkpoint that holds everything.
    fn plan_retiring(&mut self) -> Option<Chore> {
        let slowest = self.slowest(false)?;
        let spares = (0..self.config.max_spares).map(Spare);
        let mut free = spares.filter(|spare| !self.spares.contains(spare));
        let mut retired = Vec::new();
        let mut table = self.spool.shared.table();
        while retired.len() < RETIRED_AT_ONCE && table.segments.len() > 1 && table.end(0) <= slowest {
            let segment = table.segments.pop_front().expect("BUG: there are two at least");
            let usual = segment.length == self.config.segment_bytes;
            retired.push(Retired { segment, spare: if usual { free.next() } else { None } });
        }
        drop(table);
        if retired.is_empty() {
            return None;
        }
        self.retiring = retired.iter().map(|retired| retired.segment.length).sum();
        let mut steps = Vec::new();
        for Retired { segment, spare } in &retired {
            let path = self.path(segment.number);
            steps.push(match spare {
                Some(spare) => Step::Rename(path, self.spare_path(*spare)),
                None => Step::Remove(path),
            });
            // The oldest must be gone first, or a crash would leave a hole between two segments.
            if !is(Mutation::RetireTogether) {
                steps.push(Step::SyncNames(self.names()));
            }
        }
        Some(Chore::new(Task::Retire(retired), steps))
    }

    /// What is still there is listed again: the next one must not go before it.
    fn end_retiring(&mut self, retired: &[Retired], done: usize) -> usize {
        self.retiring = 0;
        let per_segment = if is(Mutation::RetireTogether) { 1 } else { 2 };
        // A name that is gone, and not durably, is gone for all that this process does.
        let gone = done.div_ceil(per_segment).min(retired.len());
        self.spares.extend(retired[..gone].iter().filter_map(|retired| retired.spare));
        let mut table = self.spool.shared.table();
        for Retired { segment, .. } in retired[gone..].iter().rev() {
            table.segments.push_front(*segment);
        }
        gone
    }

    fn plan_cleaning(&mut self) -> Option<Chore> {
        let oldest: Option<Segment> = self.spool.shared.table().segments.front().copied();
        let below_oldest = |number| oldest.is_some_and(|oldest| number < oldest.number);
        let mut numbers: Vec<_> = self.dead.extract_if(.., |number| below_oldest(*number)).collect();
        numbers.append(&mut self.stale);
        let steps = numbers.iter().map(|number| Step::Remove(self.path(*number))).collect();
        (!numbers.is_empty()).then(|| Chore::new(Task::CleanUp(numbers), steps))
    }

    /// A reserve that is too small is better than none until there is a larger one.
    pub(super) fn plan_reserve(&mut self) -> Option<Chore> {
        let (usual, needed) = (self.config.reserve_bytes, self.reserve_needed());
        let length = if needed <= usual { usual } else { self.large_reserve(needed) };
        if self.reserve >= needed {
            return None;
        }
        self.give_spares_for(length.saturating_sub(self.reserve));
        if self.used_bytes() - self.reserve + length > self.config.max_bytes {
            return None;
        }
        let path = reserve_path(&self.spool.shared.directory);
        let aside = path.with_extension("tmp");
        let steps =
            vec![Step::Make(aside.clone(), length), Step::Rename(aside, path), Step::SyncNames(self.names())];
        self.making = length;
        Some(Chore::new(Task::Reserve { length }, steps))
    }

    fn plan_next_segment(&mut self) -> Option<Chore> {
        if !self.prepared.is_empty() {
            return None;
        }
        let length = self.config.segment_bytes;
        let from = self.spares.pop_first();
        if from.is_none() && self.used_bytes() + length > self.config.max_bytes {
            return None;
        }
        let number = self.next_number;
        self.next_number = number.next();
        let path = self.path(number);
        let first = match from {
            Some(spare) => Step::Rename(self.spare_path(spare), path),
            None => Step::Make(path, length),
        };
        self.making = length;
        Some(Chore::new(Task::Prepare { number, from }, vec![first, Step::SyncNames(self.names())]))
    }

    fn spare_path(&self, spare: Spare) -> PathBuf {
        self.spool.shared.directory.join(spare.file_name())
    }

    /// A spare becomes the next segment, here and now; false if there is none.
    pub(super) fn use_spare(&mut self) -> Result<bool, EnvironmentError> {
        if self.spares.is_empty() || !self.prepared.is_empty() {
            return Ok(false);
        }
        let Some(chore) = self.plan_next_segment() else { return Ok(false) };
        self.do_now(chore).map(|()| true)
    }

    /// Removes spares until so many bytes more are within the limit, or there are none.
    pub(super) fn give_spares_for(&mut self, bytes: u64) {
        while self.used_bytes() + bytes > self.config.max_bytes && self.give_a_spare() {}
    }

    /// Removes a spare; false if there is none.
    fn give_a_spare(&mut self) -> bool {
        let Some(spare) = self.spares.pop_last() else { return false };
        // Should it stay, the next opening counts it.
        let _ = self.spool.shared.disk.remove(&self.spare_path(spare));
        // Its room is free when that is durable.
        self.unsynced_names = true;
        true
    }
}

/// After so many steps a reserve has its name, and a segment is ready.
const RESERVE_NAMED: usize = 2;
const PREPARED: usize = 2;
