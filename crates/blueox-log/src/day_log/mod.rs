//! The day files: `<log-path>/YYYYMMDD/<type>-YYYYMMDD.log`, MsgPack maps one after another. The layout is the
//! original BlueOx's; FORMAT.md draws it.

pub mod journal;
pub mod path;
mod range_book;
pub mod scan;
mod settled;
pub mod spooled;
pub mod sync_job;
#[cfg(test)]
mod tiling;
mod write_out;
pub mod writer;

pub use journal::{FileJournal, NoJournal};
pub use path::{Compression, LogFileName, RotateHours, Window};
pub use settled::Settled;
pub use spooled::{LogHost, LogOperation, Next, Notice, SpooledDayLog, SpooledLimits, Vouched};
pub use sync_job::{SyncJob, SyncPoint};
pub use writer::{DayLog, DayLogLimits, FlushReport, WriteError};
