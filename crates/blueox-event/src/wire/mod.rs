//! The protocols as state machines: bytes in, items out, no I/O.
//!
//! | module | who speaks it |
//! | --- | --- |
//! | [`native`] | applications and daemons of ours: numbered batches, acked when they are on disk |
//! | [`zmtp`] | ZeroMQ's transport: original clients, daemons and tools |
//! | [`original`] | what the original puts into the first part of its two-part messages |

pub mod native;
pub mod original;
pub mod zmtp;
