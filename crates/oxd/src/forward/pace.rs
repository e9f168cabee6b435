//! How fast a backlog goes out while live events come in. Pure: times are handed in.
//!
//! A drain that takes all there is of disk and cores leaves live events what is left: their commits wait behind megabytes
//! of others' writes, here and at the collector. So while events come in, a backlog goes out evenly, at a multiple of the rate
//! at which they do; without them, and where there is no backlog, nothing is held back (docs/decisions/drain-pace.md).

use blueox_log::spool::Place;
use std::time::Duration;

/// Beside live events a backlog goes out so many times as fast as they come in. 10 times is what is promised, from the return
/// of the collector on: this makes up for connecting, and for a thread that gets its core late.
const TIMES_LIVE: f64 = 14.0;
/// And so fast at least, in bytes a second.
const LEAST: f64 = (16 << 20) as f64;
/// What is so little is no backlog.
const BACKLOG_BYTES: u64 = 1 << 20;
/// What was not used for so long may go at once.
const BURST: Duration = Duration::from_millis(10);
/// It waits so long at least, and not for each small batch.
const NAP: Duration = Duration::from_millis(2);
/// The live rate is looked at so often,
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// and is a mean over about so long.
const MEMORY: Duration = Duration::from_secs(1);
/// Live events may come again for so long after the last ones.
const LIVE_FOR: Duration = Duration::from_secs(5);

/// The pace of one list.
#[derive(Debug)]
pub(super) struct Pace {
    /// The spool's end when it was last looked at, and when that was.
    seen: Place,
    seen_at: Duration,
    /// Bytes a second that come in.
    live: f64,
    /// When events last came in, if they did.
    live_at: Option<Duration>,
    /// Bytes a second; `None`: nothing is held back.
    rate: Option<f64>,
    /// So many bytes may go, as of then; below zero, so many went too early.
    allowance: f64,
    filled_at: Duration,
}

impl Pace {
    /// Begins at the spool's end, before which all counts as backlog.
    pub(super) fn new(now: Duration, tail: Place) -> Self {
        Self {
            seen: tail,
            seen_at: now,
            live: 0.0,
            live_at: None,
            rate: None,
            allowance: 0.0,
            filled_at: now,
        }
    }

    /// Looks at the spool's end, and at how many bytes before it were not sent.
    pub(super) fn look(&mut self, now: Duration, tail: Place, unsent: u64) {
        self.note_live(now, tail);
        let is_live = self.live_at.is_some_and(|at| now.saturating_sub(at) < LIVE_FOR);
        let rate = (is_live && unsent > BACKLOG_BYTES).then(|| (TIMES_LIVE * self.live).max(LEAST));
        if let (Some(_), Some(rate)) = (self.rate, rate) {
            let gained = rate * now.saturating_sub(self.filled_at).as_secs_f64();
            self.allowance = (self.allowance + gained).min(rate * BURST.as_secs_f64());
        } else {
            self.allowance = 0.0;
        }
        (self.rate, self.filled_at) = (rate, now);
    }

    fn note_live(&mut self, now: Duration, tail: Place) {
        let span = now.saturating_sub(self.seen_at);
        if span < LOOK_EVERY {
            return;
        }
        // Cursors move the end too, but they take no number.
        let came = tail.own_seq > self.seen.own_seq;
        let bytes = if came { tail.position.since(self.seen.position) } else { 0 };
        let rate = bytes as f64 / span.as_secs_f64();
        let weight = if self.live_at.is_none() {
            1.0
        } else {
            1.0 - (-span.as_secs_f64() / MEMORY.as_secs_f64()).exp()
        };
        self.live += weight * (rate - self.live);
        if came {
            self.live_at = Some(now);
        }
        (self.seen, self.seen_at) = (tail, now);
    }

    /// Whether the next record may go, whatever its length.
    pub(super) fn may_send(&self) -> bool {
        self.rate.is_none() || self.allowance > 0.0
    }

    /// So many bytes of the spool were sent.
    pub(super) fn sent(&mut self, bytes: u64) {
        self.allowance -= bytes as f64;
    }

    /// When it is to be looked at again, if the next record may not go.
    pub(super) fn resumes(&self) -> Option<Duration> {
        let rate = self.rate.filter(|_| !self.may_send())?;
        Some(self.filled_at + Duration::from_secs_f64(-self.allowance / rate).max(NAP))
    }

    /// To how many bytes a second the backlog is held, if it is.
    pub(super) fn held_to(&self) -> Option<u64> {
        self.rate.map(|rate| rate as u64)
    }
}

#[cfg(test)]
mod tests;
