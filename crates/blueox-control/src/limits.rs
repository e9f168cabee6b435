//! Every bound on what a daemon may send or how long it may take. Protocol limits stand in
//! [`blueox_event::limits`].

use std::time::Duration;

/// The control port, unless an address names another.
pub const DEFAULT_CONTROL_PORT: u16 = 3513;

/// How long all attempts to connect may take together, unless told otherwise.
pub const DEFAULT_CONNECT: Duration = Duration::from_secs(3);

/// How long a complete answer may take, unless told otherwise.
pub const DEFAULT_ANSWER: Duration = Duration::from_secs(5);

/// How long a live stream of our daemon may be silent, unless told otherwise. It sends a keep-alive every 5 s.
pub const DEFAULT_SILENCE: Duration = Duration::from_secs(15);

/// An original daemon has no keep-alive: after this part of the silence that is allowed (5 s, as in its own
/// viewer) it is asked again for its streaming port.
pub const ORIGINAL_SILENCE_PARTS: u32 = 3;

/// How many times in a row that may lead to nothing: an original daemon under load answers late or not at all.
pub const ORIGINAL_ATTEMPTS: u32 = 3;

/// The most addresses of one host name that are tried.
pub const MAX_ADDRESSES: usize = 8;

/// The longest answer to a request, in bytes.
pub const MAX_ANSWER_BYTES: usize = 16 << 20;

/// The longest token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4 << 10;

/// How much of something unexpected is quoted in an error, in bytes.
pub const MAX_QUOTED_BYTES: usize = 60;

/// How much of a live stream is read at once, in bytes.
pub const READ_BYTES: usize = 64 << 10;

/// How often a port is tried while waiting for it to close.
pub const CLOSED_POLL: Duration = Duration::from_millis(100);
