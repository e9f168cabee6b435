//! How far a list has got: every event is passed once, whatever was sent how often.

use super::flight::Sent;
use super::list_state::ListState;
use crate::spooler::SpoolRequest;
use blueox_log::spool::{CursorName, Place};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

/// The spool learns of progress so often at most.
const REPORT_EVERY: Duration = Duration::from_millis(100);

/// The list's cursor.
#[derive(Debug)]
pub(super) struct Progress {
    cursor: CursorName,
    state: Arc<ListState>,
    requests: Sender<SpoolRequest>,
    place: Place,
    reported: Place,
    report_at: Duration,
}

impl Progress {
    pub(super) fn new(
        cursor: CursorName,
        place: Place,
        state: Arc<ListState>,
        requests: Sender<SpoolRequest>,
    ) -> Self {
        Self { cursor, state, requests, place, reported: place, report_at: Duration::ZERO }
    }

    /// All before it is done with.
    pub(super) fn place(&self) -> Place {
        self.place
    }

    /// A frame is acknowledged.
    pub(super) fn pass(&mut self, sent: &Sent) {
        let events = sent.after.events.saturating_sub(self.place.events);
        let lost = sent.lost.map_or(0, |(_, events)| events).min(events);
        if let Some((reason, _)) = sent.lost {
            self.state.counts.lose(reason, lost);
        }
        self.state.counts.forward(events - lost);
        self.place = sent.after;
        self.state.update(|view| (view.acked, view.oldest) = (sent.after, None));
    }

    /// Tells the spool, if it is time. The cursor is durable with one of its next commits.
    pub(super) fn report(&mut self, now: Duration) {
        if self.place != self.reported && now >= self.report_at {
            self.report_now();
            self.report_at = now + REPORT_EVERY;
        }
    }

    pub(super) fn report_now(&mut self) {
        let (cursor, place) = (self.cursor.clone(), self.place);
        // The writer is gone only when the daemon has given up.
        let _ = self.requests.send(SpoolRequest::MoveCursor { cursor, place });
        self.reported = place;
    }

    /// When to report, if there is something.
    pub(super) fn due(&self) -> Option<Duration> {
        (self.place != self.reported).then_some(self.report_at)
    }
}
