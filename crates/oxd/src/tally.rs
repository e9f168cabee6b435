//! Which types and hosts were seen, how often, and when last. Bounded: names come from the network.

use crate::batch::Batch;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many types and so many hosts are told apart; events of any further ones are counted together.
const MAX_NAMES: usize = 10_000;

/// What is known of one type or host.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) count: u64,
    pub(crate) bytes: u64,
    /// The latest end of its events, in seconds since the epoch.
    pub(crate) last: f64,
}

/// Seen events by name.
#[derive(Debug, Default)]
pub(crate) struct Names {
    known: HashMap<Box<[u8]>, Seen>,
    /// Events of names beyond the limit.
    pub(crate) not_listed: u64,
}

/// All that status says about types, hosts and time.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    state: Mutex<TallyState>,
}

#[derive(Debug, Default)]
pub(crate) struct TallyState {
    pub(crate) types: Names,
    pub(crate) hosts: Names,
    /// The end of the last event, and when it was received.
    pub(crate) last: Option<(f64, f64)>,
}

impl Tally {
    pub(crate) fn add(&self, batch: &Batch) {
        let mut state = self.lock();
        for event in batch.events() {
            state.types.add(event.type_name.bytes(), event.bytes.len(), event.end);
            if !event.host.is_empty() {
                state.hosts.add(event.host, event.bytes.len(), event.end);
            }
            state.last = Some((event.end, batch.received));
        }
    }

    /// Held for microseconds only: a batch on one side, a copy on the other.
    pub(crate) fn lock(&self) -> MutexGuard<'_, TallyState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Names {
    fn add(&mut self, name: &[u8], bytes: usize, end: f64) {
        if !self.known.contains_key(name) {
            if self.known.len() >= MAX_NAMES {
                self.not_listed += 1;
                return;
            }
            self.known.insert(name.into(), Seen::default());
        }
        let seen = self.known.get_mut(name).expect("BUG: inserted above");
        seen.count += 1;
        seen.bytes += bytes as u64;
        seen.last = seen.last.max(end);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&[u8], Seen)> {
        self.known.iter().map(|(name, seen)| (&**name, *seen))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_limit_are_counted_together() {
        let mut names = Names::default();
        for number in 0..MAX_NAMES + 5 {
            names.add(number.to_string().as_bytes(), 1, 0.0);
        }
        names.add(b"0", 1, 9.0);
        assert_eq!(names.iter().count(), MAX_NAMES);
        assert_eq!(names.not_listed, 5);
        let (_, seen) = names.iter().find(|(name, _)| *name == b"0").unwrap();
        assert_eq!((seen.count, seen.last), (2, 9.0));
    }
}
