//! Every limit of the library, on one screen. Those that an application may move are defaults of
//! [`Config`](crate::Config).
//!
//! ```
//! use blueox::limits;
//! let config = blueox::Config::to("127.0.0.1").memory(limits::MEMORY / 2).items(10 * limits::ITEMS);
//! # drop(config);
//! ```

use std::time::Duration;

/// Default for [`Config::memory`](crate::Config::memory): what events may hold until a daemon has acked them, in bytes.
pub const MEMORY: usize = 32 << 20;

/// The least that [`Config::memory`](crate::Config::memory) can be, in bytes: a few batches.
pub const MIN_MEMORY: usize = 1 << 20;

/// Default for the most bytes that one event's body may have. What does not fit is left out, with a mark.
pub const EVENT_BYTES: usize = 1 << 20;

/// The most that an event may be allowed to have, in bytes: the format's limit, less the event's own fields.
pub const MAX_EVENT_BYTES: usize = blueox_event::limits::MAX_EVENT_BYTES - (16 << 10);

/// Default for the longest text or byte string of a value, in bytes. Longer ones are cut, with a mark.
pub const TEXT_BYTES: usize = 64 << 10;

/// Default for the most items of one list or map inside a value.
pub const ITEMS: usize = 1024;

/// The most fields (values, maps, lists and their items) of one event.
pub const FIELDS: usize = 4096;

/// The longest key, in bytes. Longer ones are cut, with a mark.
pub const KEY_BYTES: usize = 256;

/// The most parts of a dotted key; the rest stays together as the last part.
pub const KEY_PARTS: usize = 32;

/// How deep lists and maps may nest inside one value.
pub const VALUE_DEPTH: usize = 64;

/// How many contexts may be open inside each other and still be found by name or level. Deeper ones are
/// recorded too, but see only the outermost one and those above the limit.
pub const NESTING: u16 = 128;

/// An event goes on its way within this time.
pub const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// A batch is closed at this length, in bytes (one larger event makes a larger one).
pub const BATCH_BYTES: usize = 256 << 10;

/// A collected chunk that is shorter than this is copied to others of its kind; a longer one becomes a batch itself.
pub const COPIED_CHUNK_BYTES: usize = 64 << 10;

/// A thread's memory grows in steps, beginning with this one, in bytes.
pub const FIRST_CHUNK_BYTES: usize = 4 << 10;

/// How long a connection may take to be made.
pub const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// The first wait before connecting again; it doubles up to [`MAX_BACKOFF`], each time with jitter.
pub const MIN_BACKOFF: Duration = Duration::from_millis(50);

/// The longest wait before connecting again.
pub const MAX_BACKOFF: Duration = Duration::from_secs(2);

/// Default for [`Config::unacked_patience`](crate::Config::unacked_patience), and its most. A batch that no daemon has acked for so long is given up: a daemon remembers a silent stream for 24 h, and a batch that came later
/// than that would be taken for a new one.
pub const UNACKED_PATIENCE: Duration = Duration::from_secs(12 * 3600);

/// Default for how long the end of the process may be held up by events that are still on their way.
pub const EXIT_PATIENCE: Duration = Duration::from_secs(2);

/// `blueox.dropped` is written at most this often.
pub const DROP_REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// How many finished contexts a thread keeps for reuse.
pub const POOLED_CONTEXTS: usize = 32;

/// Memory of a context beyond this is given back when it is done, in bytes.
pub const POOLED_BYTES: usize = 64 << 10;
