//! Every limit of the event format and of the protocols. A limit that depends on a machine (memory of a
//! daemon, number of connections) is configuration and does not stand here.

/// The longest encoded event, in bytes. Longer ones are discarded as they stream in, and counted.
pub const MAX_EVENT_BYTES: usize = 4 << 20;

/// How deep arrays and maps may nest in an event. The event's own map is level 1.
pub const MAX_DEPTH: usize = 128;

/// The longest type name, in bytes, before any encoding for a file name.
pub const MAX_TYPE_BYTES: usize = 1024;

/// The longest part of a file name that stands for a type. Longer names are cut and end in a hash, so that
/// `<type>-YYYYMMDDHH-<host>.log.bz2` stays below the 255 bytes that file systems allow.
pub const MAX_TYPE_FILE_NAME_BYTES: usize = 160;

/// The lowest rate at which an event counts as sampled. A lower one counts as this.
pub const MIN_SAMPLE_RATE: f64 = 1e-6;

/// The most parts of one ZMTP message that are looked at; a message with more is discarded and counted.
pub const MAX_ZMTP_PARTS: usize = 16;

/// The longest ZMTP command (READY, ERROR, SUBSCRIBE, PING...), in bytes.
pub const MAX_ZMTP_COMMAND_BYTES: usize = 8 << 10;

/// The longest subscription prefix and the most subscriptions of one ZMTP peer.
pub const MAX_SUBSCRIPTION_BYTES: usize = MAX_TYPE_BYTES;
/// The most subscriptions that one ZMTP peer may hold.
pub const MAX_SUBSCRIPTIONS: usize = 256;

/// The longest filter expression, in bytes.
pub const MAX_FILTER_BYTES: usize = 16 << 10;

/// How deep parentheses and `not` may nest in a filter expression.
pub const MAX_FILTER_DEPTH: usize = 64;

/// The memory that one compiled regular expression of a filter may take, in bytes.
pub const MAX_FILTER_REGEX_BYTES: usize = 1 << 20;

/// The longest batch of the native protocol, in bytes, compressed or not: one event of the largest size fits.
pub const MAX_BATCH_BYTES: usize = MAX_EVENT_BYTES;

/// The most events of one batch of the native protocol. A batch is stored as one record, and the log writer vouches for
/// all files that a record touches at once: a batch has so many types at most.
pub const MAX_BATCH_EVENTS: u32 = 1000;

/// The longest head of a native frame: its fields without a payload, in bytes.
pub const MAX_FRAME_HEAD_BYTES: usize = 1024;

/// The longest host name in a HELLO, in bytes.
pub const MAX_HOST_BYTES: usize = 255;

/// The longest token in a HELLO, in bytes.
pub const MAX_TOKEN_BYTES: usize = 256;

/// The longest text that explains a refusal to a person, in bytes.
pub const MAX_REASON_TEXT_BYTES: usize = 255;

/// The most reasons of loss that one PING reports.
pub const MAX_LEDGER_REASONS: usize = 16;

/// The credit that a new native connection gets, in bytes.
pub const NEW_CONNECTION_CREDIT: u64 = 64 << 10;

/// More credit than this counts as this, in bytes: it bounds what both sides remember of frames under way.
pub const MAX_CREDIT: u64 = 64 << 20;

/// What a numbered frame costs at least of the credit, in bytes.
pub const MIN_FRAME_COST: u64 = 256;

/// How long a sender waits between two PINGs.
pub const PING_INTERVAL: std::time::Duration = std::time::Duration::from_millis(500);

/// How long a native connection may bring nothing before it is given up.
pub const PEER_PATIENCE: std::time::Duration = std::time::Duration::from_millis(1500);

/// Answers that a peer can provoke at will (PONG, repeated acks) are written only while less than this waits in the
/// output, in bytes: who asks and never reads gets no memory.
pub const MAX_OUTPUT_BYTES_BEFORE_ANSWER: usize = 4 << 10;
