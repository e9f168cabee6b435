//! What a daemon says about itself.

use crate::forward::ForwardList;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The status of a daemon. Unknown fields are ignored, missing ones are empty: daemons are older and newer than
/// their tools, and an original daemon knows only `last`, `lag_seconds`, and the names in `types` and `hosts`.
///
/// Names are as the network brought them: [`crate::printable()`] makes them safe for a terminal.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Status {
    /// The daemon's version; empty for an original one.
    pub version: String,
    /// `agent` or `collector`.
    pub role: String,
    /// The daemon's host.
    pub host: String,
    /// The daemon's process.
    pub pid: Option<u32>,
    /// When it started, in seconds since the epoch.
    pub started: Option<f64>,
    /// For how many seconds it has run.
    pub uptime_seconds: Option<f64>,
    /// What its clock said when it answered, in seconds since the epoch; see [`Status::now`].
    pub now: Option<f64>,
    /// Where it listens: `collection`, `control`, `streaming` to an address.
    pub ports: BTreeMap<String, Option<String>>,
    /// Where it writes log files, if it does.
    pub log_path: Option<String>,
    /// How many hours one log file covers; a day when it is `None`.
    pub rotate_hours: Option<u32>,
    /// Counters of events since it started.
    pub events: Option<EventCounters>,
    /// When the last event came, in seconds since the epoch.
    pub last: Option<f64>,
    /// How long the last events took from their end to the daemon, in seconds.
    pub lag_seconds: Option<f64>,
    /// What it has seen of each type.
    pub types: BTreeMap<String, Seen>,
    /// How many types are not in `types`.
    pub types_not_listed: u64,
    /// What it has seen of each host.
    pub hosts: BTreeMap<String, Seen>,
    /// How many hosts are not in `hosts`.
    pub hosts_not_listed: u64,
    /// Connections to its ports.
    pub connections: Option<Connections>,
    /// Who watches its live stream.
    pub watchers: Vec<Watcher>,
    /// The disk below its log path.
    pub disk: Option<Disk>,
    /// Its spool, if it has one.
    pub spool: Option<Spool>,
    /// Where it forwards to.
    pub forward: Vec<ForwardList>,
    /// The native protocol's connections and streams, if it speaks it.
    pub native: Option<Native>,
}

/// Where events went since the daemon started.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct EventCounters {
    /// Taken from senders.
    pub accepted: u64,
    /// Written to log files.
    pub stored: u64,
    /// Forwarded to all lists of destinations: the fewest of any.
    pub forwarded: u64,
    /// Neither stored, forwarded nor dropped yet: the most that any copy waits for.
    pub queued: u64,
    /// The bytes of those.
    pub queued_bytes: u64,
    /// Lost, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Events accepted a second.
    pub rate_in: f64,
    /// Events stored a second.
    pub rate_stored: f64,
    /// Events forwarded a second.
    pub rate_forwarded: f64,
}

impl EventCounters {
    /// How many events were dropped, for whatever reason.
    #[must_use]
    pub fn dropped_total(&self) -> u64 {
        self.dropped.values().fold(0, |total, count| total.saturating_add(*count))
    }
}

/// What a daemon has seen of one type or host.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Seen {
    /// How many events; an original daemon does not count.
    pub count: Option<u64>,
    /// When the last came, in seconds since the epoch.
    pub last: Option<f64>,
    /// How many bytes they had.
    pub bytes: Option<u64>,
}

/// Connections to a daemon's ports.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Connections {
    /// Open now.
    pub open: u64,
    /// Accepted since the daemon started.
    pub accepted: u64,
    /// Refused, by reason.
    pub refused: BTreeMap<String, u64>,
}

/// One who watches the live stream.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Watcher {
    /// Its address.
    pub peer: String,
    /// `http` or `zmtp`.
    pub protocol: String,
    /// Events sent to it.
    pub sent: u64,
    /// Events that it was too slow for.
    pub skipped: u64,
}

/// Where events are safe until they are in their files.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Spool {
    /// Its directory; none: it is in memory.
    pub directory: Option<String>,
    /// How many bytes its files take.
    pub used_bytes: u64,
    /// How many they may take.
    pub max_bytes: u64,
    /// It takes no more for now.
    pub full: bool,
    /// Who reads it.
    pub readers: Vec<Reader>,
    /// Spools of other ports beside it, in which events wait that nobody delivers.
    pub siblings: Vec<SiblingSpool>,
}

/// A spool that a daemon left which was started on another port.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct SiblingSpool {
    /// Its directory.
    pub directory: String,
    /// How many events wait in it.
    pub events: u64,
    /// What delivers them, in the daemon's words.
    pub rescue: String,
}

/// One that reads a spool, and what it has not read.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Reader {
    /// `log`, or `forward:` and the list's number.
    pub name: String,
    /// How many events.
    pub events: u64,
    /// How many bytes.
    pub bytes: u64,
    /// The age of the oldest, in seconds, if it is known.
    pub oldest_seconds: Option<f64>,
}

/// The native protocol's connections and streams.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Native {
    /// The daemon's id, 32 hex digits.
    pub node: String,
    /// How many connections are open.
    pub connections: u64,
    /// How many streams it knows, connected or not.
    pub streams_known: u64,
}

/// The disk below the log path.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct Disk {
    /// `ok`, `failing`, or `none` when the daemon keeps nothing.
    pub state: String,
    /// What the system said when it failed.
    pub error: Option<String>,
    /// Since when it fails, in seconds since the epoch.
    pub since: Option<f64>,
    /// How many log files are open.
    pub open_files: u64,
}

impl Status {
    /// What the daemon's clock said when it answered, in seconds since the epoch: its own clock, so that ages are
    /// right on a machine whose clock is not.
    #[must_use]
    pub fn now(&self) -> Option<f64> {
        self.now.or_else(|| Some(self.started? + self.uptime_seconds?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_another_version_is_read() {
        let status: Status = serde_json::from_str(
            r#"{"version": "9.0", "shape": {"new": true}, "started": 10, "uptime_seconds": 2.5, "log_path": null,
                "ports": {"control": "127.0.0.1:3513", "web": null},
                "events": {"accepted": 7, "dropped": {"disk": 2, "type": 3}}, "types": {"request": {"count": 1}}}"#,
        )
        .unwrap();
        assert_eq!(status.now(), Some(12.5));
        assert_eq!(status.events.unwrap().dropped_total(), 5);
        assert_eq!(status.types["request"], Seen { count: Some(1), ..Seen::default() });
        assert_eq!(status.disk, None);
    }
}
