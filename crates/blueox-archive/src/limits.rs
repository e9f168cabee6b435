//! Every limit of archives.

/// Files that are sent or fetched at once, unless told otherwise.
pub const FILES_AT_ONCE: usize = 4;

/// Longer files are sent in parts, in bytes.
pub const SINGLE_BYTES: u64 = if cfg!(test) { 3 << 10 } else { 32 << 20 };
/// How long a part is, in bytes: a store takes 10,000 of them, and of each file one is in memory.
pub const PART_BYTES: u64 = if cfg!(test) { 1 << 10 } else { 32 << 20 };

/// How much of an object is read at once when all of it is, in bytes.
pub const READ_BYTES: u64 = 8 << 20;

/// The unit in which parts of objects are fetched and kept, in bytes.
pub const BLOCK_BYTES: u64 = 64 << 10;
/// Gaps that are smaller are fetched with what is around them, in bytes: a request costs more.
pub const GAP_BYTES: u64 = 256 << 10;
/// How much is fetched by one request, in bytes.
pub const FETCH_BYTES: u64 = 8 << 20;
/// How many requests one reader has on their way at once.
pub const FETCHES_AT_ONCE: usize = 4;
/// What is kept of objects on this machine, unless told otherwise, in bytes.
pub const CACHE_BYTES: u64 = 1 << 30;
