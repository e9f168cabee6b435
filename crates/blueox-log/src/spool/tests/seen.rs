//! What schedules have met.

use super::schedule::Kind;
use std::cell::Cell;

/// What schedules have met, so that it shows if they are too tame.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    pub(super) commits: u64,
    pub(super) failed_commits: u64,
    pub(super) segments: u64,
    pub(super) refused: u64,
    pub(super) survivors: u64,
    pub(super) cuts: u64,
    pub(super) deleted: u64,
    pub(super) lost: Cell<u64>,
    pub(super) damage: Cell<u64>,
    pub(super) reserves: u64,
    pub(super) chores: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.commits += other.commits;
        self.failed_commits += other.failed_commits;
        self.segments += other.segments;
        self.refused += other.refused;
        self.survivors += other.survivors;
        self.cuts += other.cuts;
        self.deleted += other.deleted;
        self.reserves += other.reserves;
        self.chores += other.chores;
        self.lost.set(self.lost.get() + other.lost.get());
        self.damage.set(self.damage.get() + other.damage.get());
    }

    /// Whether schedules of a kind have met what they are for.
    pub(super) fn is_wild(&self, kind: Kind) -> bool {
        let own = match kind {
            Kind::Crashes => self.survivors > 0 && self.cuts > 0 && self.deleted > 0,
            Kind::Faults => self.failed_commits > 100,
            Kind::FullDisk => self.refused > 100 && self.reserves > 0,
            Kind::DropOldest => self.lost.get() > 0,
            Kind::Sectors => self.cuts > 10,
            Kind::BitRot => self.damage.get() > 100,
        };
        own && (self.chores > 100 || kind == Kind::Sectors)
    }
}
