//! Whether anybody may still append to a day file.

use super::day_of;
use crate::catalog::{CatalogError, StoreFile};
use blueox_log::day_log::Settled;
use blueox_log::ranges;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A day file of which no daemon says anything goes when its day is over for so long, and nothing was written for so long.
const QUIET_SECONDS: f64 = 86_400.0;

/// What is known of who appends to the day files of a log path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finality {
    pub(super) now: f64,
    pub(super) known: Known,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Known {
    /// Its daemon says which windows are over.
    Settled(Settled),
    /// A daemon with a spool has written there, and does not say it: it may write anything again after a crash.
    Unsaid,
    /// No such daemon has written there.
    Untracked,
}

/// Why a day file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Its daemon does not say that it is done with it.
    Unsaid,
    /// Its day has not been over for long, or it was written not long ago.
    Fresh,
    /// It has grown meanwhile.
    Grown,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsaid => "its daemon does not say that it is done with it (an older oxd, or one that has received nothing since it was started)",
            Self::Fresh => "no daemon says that it is done with it, and it was over or written less than a day ago",
            Self::Grown => "it has grown meanwhile",
        })
    }
}

impl Finality {
    /// Looks at a log path. `now`: seconds since the epoch.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(log_path: &Path, now: f64) -> Result<Self, CatalogError> {
        let failed = |source| CatalogError { path: log_path.to_owned(), source };
        let known = match Settled::read(log_path).map_err(failed)? {
            Some(settled) => Known::Settled(settled),
            None if ranges::list(log_path).map_err(failed)?.is_empty() => Known::Untracked,
            None => Known::Unsaid,
        };
        Ok(Self { now, known })
    }

    /// Whether a file's window is over: what comes for it now is late.
    #[must_use]
    pub fn is_over(&self, file: &StoreFile) -> bool {
        match self.known {
            Known::Settled(settled) => settled.is_final(file.name.window),
            Known::Unsaid | Known::Untracked => file.name.window.day < day_of(self.now),
        }
    }

    /// Why a file must stay; `None`: nobody appends to it any more.
    #[must_use]
    pub fn keeps(&self, file: &StoreFile) -> Option<Kept> {
        match self.known {
            Known::Settled(settled) => (!settled.is_final(file.name.window)).then_some(Kept::Unsaid),
            Known::Unsaid => Some(Kept::Unsaid),
            Known::Untracked => {
                let over = file.name.window.day.next().start() as f64;
                let written = fs::metadata(&file.path).map_or(self.now, |metadata| metadata.mtime() as f64);
                (over.max(written) + QUIET_SECONDS > self.now).then_some(Kept::Fresh)
            }
        }
    }
}
