//! What was sent on a connection and not acknowledged yet.

use crate::ledger::DropReason;
use blueox_event::wire::native::Seq;
use blueox_log::spool::{Place, Timestamp};
use std::collections::VecDeque;

/// One numbered frame: a batch, or a LOST in the place of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sent {
    /// Its last number.
    pub(super) last: Seq,
    /// The place behind it in the spool.
    pub(super) after: Place,
    /// When the daemon received it.
    pub(super) received: Option<Timestamp>,
    /// Events that were lost here, and why.
    pub(super) lost: Option<(DropReason, u64)>,
}

/// Frames in the order of their numbers. Credit bounds how many there are.
#[derive(Debug, Default)]
pub(super) struct Flight {
    sent: VecDeque<Sent>,
}

impl Flight {
    pub(super) fn push(&mut self, sent: Sent) {
        debug_assert!(self.sent.back().is_none_or(|before| before.last < sent.last));
        self.sent.push_back(sent);
    }

    /// Takes out the first frame that is acknowledged by `high_water`.
    pub(super) fn pop_acked(&mut self, high_water: Seq) -> Option<Sent> {
        let is_acked = self.sent.front().is_some_and(|sent| sent.last <= high_water);
        if is_acked { self.sent.pop_front() } else { None }
    }

    /// Takes out what is to be sent again, from number `to` on; gives the place behind what is left.
    pub(super) fn rewind(&mut self, to: Seq) -> Option<Place> {
        self.sent.truncate(self.sent.partition_point(|sent| sent.last < to));
        self.sent.back().map(|sent| sent.after)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.sent.iter().find_map(|sent| sent.received)
    }
}
