//! Every byte that BlueOx writes to disk. Synchronous: no async runtime, no network.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`disk`] | the file system as a component that is handed in |
//! | [`day_log`] | the day files: their names, the one writer, reading them back |
//! | [`ranges`] | which batch stands where in them |
//! | [`check`] | whether what is on disk is whole |
//! | [`repair`] | mending it, where a daemon would refuse or cannot |
//! | [`spool`] | the daemon's write-ahead log: what is acknowledged stands there |

pub mod check;
pub mod day_log;
pub mod disk;
mod mutation;
pub mod ranges;
pub mod repair;
#[cfg(test)]
mod schedules;
pub mod spool;
