//! Where a daemon forwards events to.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One failover list: an independent copy of the events.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ForwardList {
    /// Its number, from 0.
    pub list: usize,
    /// `resting`, `connecting`, `active`, `leaving` or `stopped`.
    pub state: String,
    /// The destination that takes events now.
    pub active: Option<String>,
    /// What its acknowledgements mean: `durable`, `received`, or `at_most_once` for an original daemon, which has none.
    pub delivery: Option<String>,
    /// The id of the daemon that takes events now, where it is known: [`Native::node`](crate::status::Native::node) there.
    pub node: Option<String>,
    /// All destinations in order.
    pub destinations: Vec<ForwardDestination>,
    /// Events that wait to be forwarded.
    pub queued: u64,
    /// What they take in the spool, in bytes.
    pub queued_bytes: u64,
    /// The age of the oldest of them, in seconds.
    pub lag_seconds: f64,
    /// Bytes that were sent and are not acknowledged.
    pub in_flight_bytes: u64,
    /// While live events come in, a backlog goes out at so many bytes a second; `None`: nothing is held back.
    pub held_to_bytes_per_second: Option<u64>,
    /// Events that were acknowledged since the daemon started.
    pub forwarded: u64,
    /// Events that cannot be forwarded, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Events that count as forwarded and may be lost on their way to an original daemon.
    pub unsure: u64,
    /// How often another destination became active.
    pub switches: u64,
}

/// One destination of a list.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct ForwardDestination {
    /// Its address.
    pub address: String,
    /// `active`, `leaving`, `connecting`, `standby`, `failing` or `refused`.
    pub state: String,
    /// What went wrong, if it does not work.
    pub error: Option<String>,
    /// Since when, in seconds since the epoch.
    pub since: Option<f64>,
}

/// A change of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ForwardChange {
    /// What to do.
    pub command: ForwardCommand,
    /// One address, or several with commas between them for [`ForwardCommand::Set`].
    pub addresses: String,
    /// Which list, from 0.
    pub list: usize,
}

/// What to do to a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ForwardCommand {
    /// Another list in its place.
    Set,
    /// One more backup, the last.
    Add,
    /// One destination less.
    Remove,
    /// This destination now, until it fails or another is chosen.
    Switch,
}

/// The daemon's answer.
#[derive(Debug, Deserialize)]
pub(crate) struct ForwardAnswer {
    pub(crate) lists: Vec<ForwardList>,
}
