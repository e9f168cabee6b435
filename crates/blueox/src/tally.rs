//! How many events were made, and what became of those that were not sent.

use blueox_event::wire::native::{Ledger, LossReason};

/// Counts that are added up where they are collected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Tally {
    pub(crate) produced: u64,
    /// There was no room.
    pub(crate) queue_full: u64,
    /// Longer than an event may be.
    pub(crate) too_large: u64,
    /// No daemon acked it for too long, or the connection to an original daemon broke.
    pub(crate) unacked: u64,
    /// The process, or the recorder, ended first.
    pub(crate) exit: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.produced += other.produced;
        self.queue_full += other.queue_full;
        self.too_large += other.too_large;
        self.unacked += other.unacked;
        self.exit += other.exit;
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.queue_full + self.too_large + self.unacked + self.exit
    }

    /// The drops by reason, those with a count.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = (LossReason, u64)> {
        [
            (LossReason::QueueFull, self.queue_full),
            (LossReason::TooLarge, self.too_large),
            (LossReason::Unacked, self.unacked),
            (LossReason::Exit, self.exit),
        ]
        .into_iter()
        .filter(|(_, count)| *count > 0)
    }

    /// What PING tells: drops before numbering, which `unacked` and `exit` of numbered batches are not.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::new(self.produced)
            .with_dropped(LossReason::QueueFull, self.queue_full)
            .with_dropped(LossReason::TooLarge, self.too_large)
    }
}
