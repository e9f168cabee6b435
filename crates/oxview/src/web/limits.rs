//! Every limit of the page's server, on one screen.

use std::time::Duration;

/// How many connections may be open at once; further ones wait in the system's queue.
pub(crate) const CONNECTIONS: usize = 256;
/// How long a request's head may take, and how long an idle connection stays open.
pub(crate) const HEAD_TIME: Duration = Duration::from_secs(30);
/// The longest request head, in bytes: one that carries the longest filter, each byte of it as `%XX`.
pub(crate) const HEAD_BYTES: usize = 64 << 10;
/// How long connections may take to finish when the server stops.
pub(crate) const STOP_TIME: Duration = Duration::from_secs(1);
/// How many parameters a request may have.
pub(crate) const PARAMETERS: usize = 64;

/// How many questions are worked on at once, and how many wait for that.
pub(crate) const QUESTIONS: usize = 4;
/// See [`QUESTIONS`].
pub(crate) const WAITING_QUESTIONS: usize = 32;
/// How long a question may wait until it is worked on.
pub(crate) const WAITING_TIME: Duration = Duration::from_secs(20);
/// How long a question is worked on; then the answer is what was counted so far.
pub(crate) const QUESTION_TIME: Duration = Duration::from_secs(30);
/// The memory that the groups of one question may take, in bytes.
pub(crate) const STATISTICS_BYTES: usize = 96 << 20;
/// The memory that answers which may come again take, in bytes.
pub(crate) const CACHE_BYTES: usize = 32 << 20;

/// How long a daemon may take to answer how it is.
pub(crate) const HEALTH_CONNECT: Duration = Duration::from_millis(1500);
/// See [`HEALTH_CONNECT`].
pub(crate) const HEALTH_ANSWER: Duration = Duration::from_millis(2500);
/// How long an answer to that is good for all who ask.
pub(crate) const HEALTH_AGE: Duration = Duration::from_millis(900);
/// A host has sent something lately if it did so within this many seconds.
pub(crate) const HOST_AGE_SECONDS: f64 = 60.0;

/// Steps of time of a series: unless told otherwise, and at most.
pub(crate) const COLUMNS: (usize, usize) = (60, 200);
/// Columns of a heatmap.
pub(crate) const HEATMAP_COLUMNS: (usize, usize) = (200, 200);
/// Rows of a heatmap.
pub(crate) const HEATMAP_ROWS: (usize, usize) = (60, 60);
/// Rows of the overview.
pub(crate) const TYPES: (usize, usize) = (50, 200);
/// Rows of a breakdown.
pub(crate) const GROUPS: (usize, usize) = (20, 500);
/// Fields by which a breakdown groups.
pub(crate) const BY: usize = 2;
/// Fields of the fields panel.
pub(crate) const FIELDS: (usize, usize) = (50, 200);
/// Fields of a comparison.
pub(crate) const DIFFERENCES: (usize, usize) = (20, 200);
/// Values of a field of the fields panel.
pub(crate) const VALUES: (usize, usize) = (10, 50);
/// Values of a field of a comparison.
pub(crate) const COMPARED_VALUES: (usize, usize) = (5, 50);
/// Events of a list.
pub(crate) const EVENTS: (usize, usize) = (100, 1000);
/// The memory that the events of a list may take, in bytes; those beyond it are left out, and that is said.
pub(crate) const EVENTS_BYTES: usize = 16 << 20;

/// Events of a trace.
pub(crate) const TRACE_EVENTS: usize = 250_000;
/// The memory that the events of a trace may take, in bytes.
pub(crate) const TRACE_BYTES: usize = 256 << 20;

/// How many may watch the live stream.
pub(crate) const WATCHERS: usize = 16;
/// How much of the live stream is kept for those who watch, in bytes and events.
pub(crate) const LIVE_BYTES: usize = 16 << 20;
/// See [`LIVE_BYTES`].
pub(crate) const LIVE_EVENTS: usize = 32 << 10;
/// How often a watcher gets a message, at most.
pub(crate) const LIVE_INTERVAL: Duration = Duration::from_millis(100);
/// How many events such a message has, at most.
pub(crate) const LIVE_BATCH: usize = 200;
/// How large such a message is, about, at most, in bytes.
pub(crate) const LIVE_BATCH_BYTES: usize = 1 << 20;
/// How often a watcher gets counts by type.
pub(crate) const LIVE_OVERVIEW: Duration = Duration::from_secs(1);
/// How many types those counts tell apart.
pub(crate) const LIVE_TYPES: usize = 200;
/// How often a watcher gets a sign of life.
pub(crate) const LIVE_ALIVE: Duration = Duration::from_secs(5);
/// How long after a failure a daemon is tried again.
pub(crate) const LIVE_RETRY: Duration = Duration::from_secs(1);

/// The longest text of one remark, and how many there are, at most.
pub(crate) const REMARKS: usize = 20;
