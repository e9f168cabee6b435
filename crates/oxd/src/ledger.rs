//! Every event that the daemon had to do with, counted since it started. For each copy that it makes, the day files and
//! every list of destinations: accepted + recovered = done + queued + dropped after acceptance.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

/// Why an event was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DropReason {
    /// A ZMTP message that has not two parts.
    Parts,
    /// The first part is not the original's 137 bytes of version 3.
    Header,
    /// The bytes are not one whole MsgPack map (or one JSON object).
    Malformed,
    /// Arrays and maps nest too deep.
    TooDeep,
    /// The event is longer than allowed.
    TooLarge,
    /// The type is missing, empty or too long.
    Type,
    /// The disk could not take it.
    Disk,
    /// The daemon has neither a log path nor anywhere to send it.
    NoDestination,
    /// The spool was full, and its policy is to drop the oldest, or the daemon had to stop.
    SpoolFull,
    /// The spool's bytes were damaged.
    SpoolDamaged,
    /// What a native batch counts as an event and is none.
    NotAnEvent,
}

impl DropReason {
    pub(crate) const ALL: [Self; 11] = [
        Self::Parts,
        Self::Header,
        Self::Malformed,
        Self::TooDeep,
        Self::TooLarge,
        Self::Type,
        Self::Disk,
        Self::NoDestination,
        Self::SpoolFull,
        Self::SpoolDamaged,
        Self::NotAnEvent,
    ];

    /// Whether events that the daemon has made itself can be dropped for it.
    pub(crate) fn can_hit_reports(self) -> bool {
        matches!(
            self,
            Self::Disk | Self::SpoolFull | Self::SpoolDamaged | Self::TooLarge | Self::NoDestination
        )
    }

    /// The reason as status and metrics show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Parts => "wrong_parts",
            Self::Header => "bad_header",
            Self::Malformed => "malformed",
            Self::TooDeep => "too_deep",
            Self::TooLarge => "too_large",
            Self::Type => "bad_type",
            Self::Disk => "disk",
            Self::NoDestination => "no_destination",
            Self::SpoolFull => "spool_full",
            Self::SpoolDamaged => "spool_damaged",
            Self::NotAnEvent => "not_an_event",
        }
    }
}

/// Why a connection was closed by the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RefuseReason {
    /// As many connections as are allowed are open.
    TooMany,
    /// Nothing came, or no handshake was completed, in time.
    Silent,
    /// The first bytes belong to no protocol that the port speaks.
    Protocol,
    /// The peer broke the protocol.
    Broken,
    /// An event stayed half sent for too long, or an answer was not read.
    Stalled,
    /// A native session that is not above the stream's last one.
    Session,
    /// As many native streams as can be are known.
    TooManyStreams,
}

impl RefuseReason {
    pub(crate) const ALL: [Self; 7] = [
        Self::TooMany,
        Self::Silent,
        Self::Protocol,
        Self::Broken,
        Self::Stalled,
        Self::Session,
        Self::TooManyStreams,
    ];

    /// The reason as status and metrics show it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::TooMany => "too_many",
            Self::Silent => "silent",
            Self::Protocol => "unknown_protocol",
            Self::Broken => "protocol_error",
            Self::Stalled => "stalled",
            Self::Session => "session",
            Self::TooManyStreams => "too_many_streams",
        }
    }
}

/// The counts. Each is monotonic; a reader sees each exactly but not all of one instant.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    accepted: AtomicU64,
    accepted_bytes: AtomicU64,
    recovered: AtomicU64,
    stored: AtomicU64,
    stored_bytes: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    dropped_accepted: AtomicU64,
    lost_to_log: AtomicU64,
    /// The copies that are forwarded, and whether there are day files too.
    copies: OnceLock<(Vec<Arc<CopyLedger>>, bool)>,
    connections: AtomicU64,
    refused: [AtomicU64; RefuseReason::ALL.len()],
    skipped: AtomicU64,
}

/// The counts of a copy that is forwarded.
#[derive(Debug, Default)]
pub(crate) struct CopyLedger {
    recovered: AtomicU64,
    forwarded: AtomicU64,
    dropped: [AtomicU64; DropReason::ALL.len()],
    unsure: AtomicU64,
}

impl CopyLedger {
    /// So many events of an earlier run are still to be forwarded.
    pub(crate) fn new(recovered: u64) -> Self {
        Self { recovered: recovered.into(), ..Self::default() }
    }

    /// Events were acknowledged, or handed to a destination that acknowledges nothing.
    pub(crate) fn forward(&self, events: u64) {
        self.forwarded.fetch_add(events, Relaxed);
    }

    /// Events of the spool cannot be forwarded.
    pub(crate) fn lose(&self, reason: DropReason, events: u64) {
        self.dropped[reason as usize].fetch_add(events, Relaxed);
    }

    /// Events that count as forwarded were on their way when a connection without acknowledgements ended.
    pub(crate) fn doubt(&self, events: u64) {
        self.unsure.fetch_add(events, Relaxed);
    }

    pub(crate) fn recovered(&self) -> u64 {
        self.recovered.load(Relaxed)
    }

    pub(crate) fn forwarded(&self) -> u64 {
        self.forwarded.load(Relaxed)
    }

    pub(crate) fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().map(|reason| (reason, self.dropped[reason as usize].load(Relaxed)))
    }

    pub(crate) fn unsure(&self) -> u64 {
        self.unsure.load(Relaxed)
    }
}

impl Ledger {
    /// Events are forwarded, and perhaps written to day files too. Said once, before the first event.
    pub(crate) fn forward_to(&self, copies: Vec<Arc<CopyLedger>>, has_log: bool) {
        let first = self.copies.set((copies, has_log)).is_ok();
        debug_assert!(first, "BUG: said twice");
    }

    fn copies(&self) -> &[Arc<CopyLedger>] {
        self.copies.get().map_or(&[], |(copies, _)| copies)
    }

    fn has_log(&self) -> bool {
        self.copies.get().is_none_or(|(_, has_log)| *has_log)
    }

    /// Events in good form were taken in.
    pub(crate) fn accept(&self, events: u64, bytes: u64) {
        self.accepted.fetch_add(events, Relaxed);
        self.accepted_bytes.fetch_add(bytes, Relaxed);
    }

    /// Events of an earlier run were found in the spool, not yet known to be in their files.
    pub(crate) fn recover(&self, events: u64) {
        self.recovered.fetch_add(events, Relaxed);
    }

    /// Events that were counted as stored are to be written once more: their files could not be synced.
    pub(crate) fn unstore(&self, events: u64) {
        self.stored.fetch_sub(events, Relaxed);
    }

    /// What an earlier run left to be stored or forwarded; the most of any copy.
    pub(crate) fn recovered(&self) -> u64 {
        let copies = self.copies().iter().map(|copy| copy.recovered());
        copies.max().unwrap_or(0).max(self.recovered.load(Relaxed))
    }

    /// Events that all lists have forwarded; the fewest of any.
    pub(crate) fn forwarded(&self) -> u64 {
        self.copies().iter().map(|copy| copy.forwarded()).min().unwrap_or(0)
    }

    /// Accepted events stand in their files.
    pub(crate) fn store(&self, events: u64, bytes: u64) {
        self.stored.fetch_add(events, Relaxed);
        self.stored_bytes.fetch_add(bytes, Relaxed);
    }

    /// An event was turned away before it was accepted.
    pub(crate) fn reject(&self, reason: DropReason) {
        self.reject_all(reason, 1);
    }

    /// As many were.
    pub(crate) fn reject_all(&self, reason: DropReason, events: u64) {
        self.dropped[reason as usize].fetch_add(events, Relaxed);
    }

    /// Events of the spool cannot be written to their files.
    pub(crate) fn lose(&self, reason: DropReason, events: u64) {
        self.lost_to_log.fetch_add(events, Relaxed);
        self.dropped[reason as usize].fetch_add(events, Relaxed);
    }

    /// Accepted events were given up before any copy was made.
    pub(crate) fn give_up(&self, reason: DropReason, events: u64) {
        self.dropped[reason as usize].fetch_add(events, Relaxed);
        self.dropped_accepted.fetch_add(events, Relaxed);
    }

    pub(crate) fn connect(&self) {
        self.connections.fetch_add(1, Relaxed);
    }

    pub(crate) fn refuse(&self, reason: RefuseReason) {
        self.refused[reason as usize].fetch_add(1, Relaxed);
    }

    /// Events were not shown to a watcher who was too slow.
    pub(crate) fn skip(&self, events: u64) {
        self.skipped.fetch_add(events, Relaxed);
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    pub(crate) fn accepted_bytes(&self) -> u64 {
        self.accepted_bytes.load(Relaxed)
    }

    pub(crate) fn stored(&self) -> u64 {
        self.stored.load(Relaxed)
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        self.stored_bytes.load(Relaxed)
    }

    /// Accepted and not done with: not stored, not forwarded to all lists, not given up. The most of any copy.
    pub(crate) fn queued(&self) -> u64 {
        let of_copies = self.copies().iter().map(|copy| self.queued_for(copy)).max().unwrap_or(0);
        of_copies.max(if self.has_log() { self.queued_for_log() } else { 0 })
    }

    // What leaves is read before what came in, so that the difference is never negative.
    pub(crate) fn queued_for_log(&self) -> u64 {
        let left = self.stored() + self.lost_to_log.load(Relaxed) + self.dropped_accepted.load(Relaxed);
        (self.accepted() + self.recovered.load(Relaxed)).saturating_sub(left)
    }

    /// Accepted, and not forwarded by this list.
    pub(crate) fn queued_for(&self, copy: &CopyLedger) -> u64 {
        let dropped: u64 = copy.dropped().map(|(_, count)| count).sum();
        let left = copy.forwarded() + dropped + self.dropped_accepted.load(Relaxed);
        (self.accepted() + copy.recovered()).saturating_sub(left)
    }

    pub(crate) fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        DropReason::ALL.into_iter().map(|reason| (reason, self.dropped[reason as usize].load(Relaxed)))
    }

    pub(crate) fn connections(&self) -> u64 {
        self.connections.load(Relaxed)
    }

    pub(crate) fn refused(&self) -> impl Iterator<Item = (RefuseReason, u64)> {
        RefuseReason::ALL.into_iter().map(|reason| (reason, self.refused[reason as usize].load(Relaxed)))
    }

    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Relaxed)
    }
}
