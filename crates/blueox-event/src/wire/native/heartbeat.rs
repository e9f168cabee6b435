//! When to ping, and when to give a silent peer up. Times are handed in, from any fixed point.

use crate::limits::{PEER_PATIENCE, PING_INTERVAL};
use std::time::Duration;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Heartbeat {
    interval: Duration,
    patience: Duration,
    last_ping: Duration,
    last_heard: Duration,
    pub(super) nonce: u64,
}

impl Default for Heartbeat {
    fn default() -> Self {
        let (last_ping, last_heard) = (Duration::ZERO, Duration::ZERO);
        Self { interval: PING_INTERVAL, patience: PEER_PATIENCE, last_ping, last_heard, nonce: 0 }
    }
}

impl Heartbeat {
    pub(super) fn set(&mut self, interval: Duration, patience: Duration) {
        (self.interval, self.patience) = (interval, patience);
    }

    /// A connection begins.
    pub(super) fn start(&mut self, now: Duration) {
        (self.last_ping, self.last_heard) = (now, now);
    }

    /// Something came.
    #[inline]
    pub(super) fn heard(&mut self, now: Duration) {
        self.last_heard = self.last_heard.max(now);
    }

    /// When there is something to do.
    pub(super) fn due(&self) -> Duration {
        (self.last_ping + self.interval).min(self.last_heard + self.patience)
    }

    /// For how long nothing came, if that is too long.
    pub(super) fn silence(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.last_heard)).filter(|silence| *silence >= self.patience)
    }

    /// The nonce of a PING, if one is due.
    pub(super) fn ping(&mut self, now: Duration) -> Option<u64> {
        if now.saturating_sub(self.last_ping) < self.interval {
            return None;
        }
        Some(self.ping_now(now))
    }

    /// The nonce of a PING that is sent whether one is due or not.
    pub(super) fn ping_now(&mut self, now: Duration) -> u64 {
        self.last_ping = now;
        self.nonce = self.nonce.wrapping_add(1);
        self.nonce
    }
}
