//! Dying, in the middle of something or not, and opening again; at the very end, draining.

use super::schedule::{Checked, Kind, Schedule, directory};
use crate::spool::error::EnvironmentError;
use crate::spool::{CursorName, Spool, SpoolError, Timestamp};
use std::collections::BTreeMap;

impl Schedule {
    /// What the log has of a cursor when no group waits is durable.
    pub(super) fn note_cursors(&mut self) -> Checked {
        if self.writer().has_group() {
            return Ok(());
        }
        let durable: Vec<_> =
            self.writer().cursors().iter().map(|(name, place)| (name.clone(), *place)).collect();
        for (name, place) in durable {
            let known = self.cursors.entry(name).or_default();
            ensure!(
                known.contains(&place) || self.kind == Kind::BitRot,
                "a cursor at {place:?}, where nobody put it"
            );
            known.retain(|known| known.position >= place.position);
            known.sort_by_key(|known| known.position);
        }
        Ok(())
    }

    pub(super) fn crash(&mut self) -> Checked {
        self.note_cursors()?;
        let durable: Vec<_> = if self.writer().has_group() {
            Vec::new()
        } else {
            self.writer().cursors().iter().map(|(name, place)| (name.clone(), *place)).collect()
        };
        if self.random.one_in(2) {
            // Power fails in the middle of something.
            (self.dying, _) = (true, self.disk.stop_after(self.random.below(6)));
            match self.random.below(5) {
                0 => self.maintain()?,
                4 => self.do_chores()?,
                1 => self.persist()?,
                2 => self.append()?,
                _ => self.commit()?,
            }
            self.dying = false;
        }
        if self.random.one_in(3) {
            self.disk.kill();
        } else {
            self.disk.crash();
        }
        if self.random.one_in(2) {
            self.disk.evict();
        }
        self.reopen()?;
        if self.kind != Kind::BitRot {
            for (name, place) in durable {
                let now = self.writer().cursors().get(&name).copied();
                ensure!(
                    now.is_some_and(|now| now.position >= place.position),
                    "cursor {name} went back to {now:?}"
                );
            }
        }
        Ok(())
    }

    pub(super) fn reopen(&mut self) -> Checked {
        // Whatever another thread had begun stays as it is.
        (self.open, self.readers, self.chore) = (None, BTreeMap::new(), None);
        let group = std::mem::take(&mut self.group);
        self.tried.push(group);
        let mut attempts = 0;
        let opened = loop {
            attempts += 1;
            if attempts < 3 && self.random.one_in(4) {
                let after = self.random.below(30);
                self.disk.stop_after(after);
            } else if self.kind == Kind::Faults && attempts < 3 && self.random.one_in(2) {
                let (after, syncs_only) = (self.random.below(30), self.random.one_in(2));
                self.disk.fail_after(after, syncs_only);
            } else {
                self.disk.heal();
            }
            let opened = Spool::open(self.disk.clone(), directory(), self.config);
            if crate::schedules::is_traced() {
                let found = opened.as_ref().map(|opened| (&opened.recovery, opened.spool.oldest()));
                eprintln!("open {attempts}: {found:?} {:?}", self.disk);
            }
            match opened {
                Ok(opened) => break opened,
                Err(SpoolError::Environment(_)) if attempts < 4 => {
                    if self.random.one_in(2) {
                        self.disk.crash();
                    } else {
                        self.disk.kill();
                    }
                    if self.random.one_in(2) {
                        self.disk.evict();
                    }
                }
                Err(error) => return Err(format!("open: {error}")),
            }
        };
        self.disk.heal();
        self.check_opened(opened)
    }

    /// With room on the disk again, all readers can finish, and everything can be deleted but the last segment.
    pub(super) fn drain(&mut self) -> Checked {
        for name in [CursorName::new("0"), CursorName::new("1")] {
            let place = self.writer().cursors().get(&name).copied().unwrap_or(self.spool().oldest());
            let mut reader = self.spool().reader(place);
            while self.check_next(&mut reader)? {}
            let place = reader.place();
            let moved = self.writer().move_cursor(&name, place);
            ensure!(moved.is_ok() || self.kind == Kind::BitRot, "cursor: {moved:?}");
        }
        let now = Timestamp(self.now);
        self.end_chore()?;
        let persisted = self.writer().persist_cursors(now);
        ensure!(persisted.is_ok(), "the last cursors: {persisted:?}");
        let maintenance = self.writer().maintain();
        let full = self.kind == Kind::FullDisk
            && maintenance.error.as_ref().is_some_and(EnvironmentError::is_no_space);
        ensure!(maintenance.error.is_none() || full, "the last maintenance: {:?}", maintenance.error);
        let left = self.spool().shared.table().segments.len();
        ensure!(left <= 1 || self.kind == Kind::BitRot, "{left} segments are left");
        self.disk.set_capacity(u64::MAX);
        ensure!(self.append_data(None)?, "an empty spool is full");
        self.commit()
    }
}
