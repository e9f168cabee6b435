//! A failover list as others see it: what is wished of it, and how it is.

use super::destination::{Destination, FailoverList};
use super::waker::Waker;
use crate::ledger::CopyLedger;
use crate::spool_disk::SpoolDisk;
use blueox_event::wire::native::NodeId;
use blueox_log::spool::{Place, Spool, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Shared by the list's thread, status and control.
#[derive(Debug)]
pub(crate) struct ListState {
    /// Counted from 0, in the order of the flags.
    pub(crate) index: usize,
    pub(crate) counts: Arc<CopyLedger>,
    pub(super) waker: Arc<Waker>,
    spool: Spool<SpoolDisk>,
    wishes: Mutex<Wishes>,
    view: Mutex<View>,
}

/// What the list should be.
#[derive(Debug, Clone)]
pub(super) struct Wishes {
    pub(super) list: FailoverList,
    /// This one now, by hand.
    pub(super) choose: Option<Destination>,
    /// Rises with each change.
    pub(super) changes: u64,
}

/// How the list is.
#[derive(Debug, Clone)]
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// The destination of the phase.
    pub(crate) destination: Option<Destination>,
    /// All before this place is acknowledged.
    pub(crate) acked: Place,
    /// When the oldest event that is not acknowledged was received, if it is known.
    pub(crate) oldest: Option<Timestamp>,
    /// The collector behind the connection.
    pub(crate) collector: Option<Collector>,
    /// Events and bytes handed to a connection, those that were sent again included.
    pub(crate) sent_events: u64,
    pub(crate) sent_bytes: u64,
    pub(crate) in_flight_bytes: u64,
    pub(crate) credit_bytes: u64,
    /// A backlog goes out at so many bytes a second, as live events come in meanwhile.
    pub(crate) held_to: Option<u64>,
    /// How often another destination than the last one became active.
    pub(crate) switches: u64,
    /// The last failure of each destination since it last worked.
    pub(crate) failures: Vec<Failure>,
}

/// What a list is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// No destination works; all rest for a moment.
    Resting,
    Connecting,
    Active,
    /// What is under way is waited for, then it goes elsewhere.
    Leaving,
    Stopped,
}

impl Phase {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Resting => "resting",
            Self::Connecting => "connecting",
            Self::Active => "active",
            Self::Leaving => "leaving",
            Self::Stopped => "stopped",
        }
    }
}

/// What a collector said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Collector {
    /// One of ours. Not durable: its acks mean "received".
    Native { node: NodeId, durable: bool },
    /// An original daemon: it acknowledges nothing.
    Original,
}

/// Why a destination does not work.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) destination: Destination,
    pub(crate) error: String,
    /// It was reached, and wants none of this.
    pub(crate) refused: bool,
    /// Seconds since the epoch.
    pub(crate) at: f64,
}

/// What waits to be forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Backlog {
    pub(crate) events: u64,
    pub(crate) bytes: u64,
}

impl ListState {
    pub(super) fn new(
        index: usize,
        list: FailoverList,
        spool: Spool<SpoolDisk>,
        acked: Place,
        waker: Arc<Waker>,
    ) -> Self {
        let recovered = spool.tail().events.saturating_sub(acked.events);
        let view = View {
            phase: Phase::Resting,
            destination: None,
            acked,
            oldest: None,
            collector: None,
            sent_events: 0,
            sent_bytes: 0,
            in_flight_bytes: 0,
            credit_bytes: 0,
            held_to: None,
            switches: 0,
            failures: Vec::new(),
        };
        Self {
            index,
            counts: Arc::new(CopyLedger::new(recovered)),
            waker,
            spool,
            wishes: Mutex::new(Wishes { list, choose: None, changes: 0 }),
            view: Mutex::new(view),
        }
    }

    pub(crate) fn view(&self) -> View {
        self.lock().clone()
    }

    /// What stands in the spool and is not acknowledged.
    pub(crate) fn backlog(&self) -> Backlog {
        let acked = self.lock().acked;
        let tail = self.spool.tail();
        // Behind the last batch stand records of the spool's own.
        let nothing = tail.own_seq == acked.own_seq;
        let bytes = if nothing { 0 } else { tail.position.since(acked.position) };
        Backlog { events: tail.events.saturating_sub(acked.events), bytes }
    }

    /// The destinations in order.
    pub(crate) fn list(&self) -> FailoverList {
        self.wishes().list
    }

    pub(super) fn wishes(&self) -> Wishes {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another list, or one of its destinations by hand; the thread is told.
    pub(super) fn wish(&self, list: FailoverList, choose: Option<Destination>) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        *wishes = Wishes { list, choose, changes: wishes.changes + 1 };
        drop(wishes);
        self.waker.wake();
    }

    pub(super) fn update(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl View {
    pub(super) fn note_failure(&mut self, failure: Failure) {
        self.failures.retain(|known| known.destination != failure.destination);
        self.failures.push(failure);
    }

    pub(super) fn note_works(&mut self, destination: &Destination) {
        self.failures.retain(|known| known.destination != *destination);
    }

    pub(crate) fn failure_of(&self, destination: &Destination) -> Option<&Failure> {
        self.failures.iter().find(|failure| failure.destination == *destination)
    }
}
