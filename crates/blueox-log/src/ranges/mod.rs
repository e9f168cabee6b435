//! Ranges: which batch stands where in the day files, `<log-path>/.blueox/ranges-YYYYMMDD`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `entry` | what is written down |
//! | `fact` | what that says about numbers of streams, for the ledger |
//! | `varint` | numbers of few bytes |
//! | `encoder` | entries into frames (FORMAT.md draws them) |
//! | `reader` | frames into entries; damage is passed over and told |
//! | `place` | where a file that is named is now |
//! | `placed` | which batches stand in one file |
//! | `spans` | sets of numbers and of bytes |
//! | `likeness` | whether two events hold the same values, however they are written |
//! | `overlap` | what several log paths have in common |
//! | `watch` | the same while they grow |
//!
//! The log writer keeps them through the same machinery as the day files ([`crate::day_log::DayLog::keep_ranges`]), so that
//! after any crash they say exactly what the day files hold. Two collectors' directories are read as one by them: a
//! batch that both have has the same stream and number in both.

mod encoder;
mod entry;
mod fact;
mod likeness;
mod overlap;
mod place;
mod placed;
mod reader;
mod spans;
mod varint;
mod watch;

pub(crate) use encoder::{Encoder, FRAME_BYTES, NamedPart};
pub use entry::{Batch, Entry, FileNumber, Missing, MissingReason, Part, RangedFile, Stored};
pub use fact::{Fact, Facts};
pub use overlap::{NoOtherCopies, OtherCopies, OtherEvent, Overlap, Remark, holds};
pub use place::Places;
pub use placed::Placed;
pub use reader::{RangesDamage, RangesItem, RangesReader, Unread};
pub use spans::Spans;
pub use watch::Watch;

use blueox_event::time::UtcDay;
use std::io;
use std::path::{Path, PathBuf};

/// BlueOx's own folder below a log path.
pub const OWN_FOLDER: &str = ".blueox";

const PREFIX: &str = "ranges-";

/// The ranges of what was received on a day, below the log path.
#[must_use]
pub fn relative_path(day: UtcDay) -> PathBuf {
    Path::new(OWN_FOLDER).join(format!("{PREFIX}{day}"))
}

/// All files of ranges below a log path, by day; none when there is no such folder.
///
/// # Errors
/// When the folder cannot be listed.
pub fn list(log_path: &Path) -> io::Result<Vec<(UtcDay, PathBuf)>> {
    let mut found = Vec::new();
    let entries = match std::fs::read_dir(log_path.join(OWN_FOLDER)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        if let Some(day) = day.and_then(|day| UtcDay::parse(day.as_bytes())) {
            found.push((day, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod cost;
#[cfg(test)]
mod tests;
