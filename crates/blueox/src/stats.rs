//! What became of all events.

use crate::recorder::Registry;
use crate::tally::Tally;

/// The account of the recorder in force. `produced = accepted + dropped + queued`, always.
///
/// ```
/// let stats = blueox::stats();
/// assert_eq!(stats.produced, stats.accepted + stats.dropped + stats.queued);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Events that were made: contexts that ended and were not sampled away, and BlueOx's own reports.
    pub produced: u64,
    /// Events that a daemon has acknowledged: they are on disk. (An original daemon acknowledges nothing: those written to its socket.)
    pub accepted: u64,
    /// Events that were given up.
    pub dropped: u64,
    /// Those of them for which there was no memory.
    pub dropped_queue_full: u64,
    /// Those of them that were longer than an event may be.
    pub dropped_too_large: u64,
    /// Those of them that no daemon acknowledged for too long, or that were on the way to an original daemon when the connection broke.
    pub dropped_unacked: u64,
    /// Those of them that were left when the process or the recorder ended. (A daemon may have some of them.)
    pub dropped_exit: u64,
    /// Events that wait to be sent or acknowledged.
    pub queued: u64,
    /// The memory that events take now, in bytes.
    pub memory: usize,
    /// Whether there is a connection that a daemon has welcomed.
    pub is_connected: bool,
    /// What went wrong last, for a person.
    pub problem: Option<String>,
}

impl Stats {
    pub(crate) fn new(tally: &Tally, registry: &Registry, memory: usize) -> Self {
        let (produced, dropped, accepted) = (tally.produced, tally.dropped(), registry.accepted);
        Self {
            produced,
            accepted,
            dropped,
            dropped_queue_full: tally.queue_full,
            dropped_too_large: tally.too_large,
            dropped_unacked: tally.unacked,
            dropped_exit: tally.exit,
            queued: produced.saturating_sub(accepted + dropped),
            memory,
            is_connected: registry.is_connected,
            problem: registry.problem.clone(),
        }
    }
}
