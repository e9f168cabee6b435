//! Files that are old, and in the store, go from here.

use crate::ArchiveError;
use crate::digest::Digest;
use crate::local::{LocalFile, Place, sync_directory};
use crate::upload::Uploader;
use blueox_event::time::UtcDay;
use blueox_query::catalog::Kind;
use blueox_query::sealed::SealedFile;
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pruned {
    /// It is gone from here; or would be.
    Gone,
    /// It stays.
    Stays(Why),
}

/// Why a file stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// No object has its name.
    NotThere,
    /// The object of its name is another.
    OtherThere,
    /// A day file that it was made of is still here: it would be sealed again.
    DayFileHere,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotThere => "they are not in the bucket; oxstore upload brings them there",
            Self::OtherThere => "other files have their names in the bucket",
            Self::DayFileHere => "the day files that they were made of are still here",
        })
    }
}

/// The last day that is pruned when so many days are kept, today not counted.
#[must_use]
pub fn last_day(today: UtcDay, retain_days: u32) -> f64 {
    // Of that day, noon: days are compared by when they begin.
    (today.start() - (i64::from(retain_days) + 1) * 86_400) as f64 + 43_200.0
}

/// Removes a file, if the store is found to have it.
///
/// # Errors
/// Those of the store and of the system.
pub fn prune(
    uploader: &Uploader<'_>,
    place: &Place<'_>,
    file: &LocalFile,
    dry_run: bool,
) -> Result<Pruned, ArchiveError> {
    if file.kind == Kind::Sealed && has_day_file(place, file)? {
        return Ok(Pruned::Stays(Why::DayFileHere));
    }
    let digest = Digest::of_file(&file.path, uploader.stop)?;
    match uploader.found(file, &digest)? {
        None => return Ok(Pruned::Stays(Why::NotThere)),
        Some(false) => return Ok(Pruned::Stays(Why::OtherThere)),
        Some(true) => {}
    }
    if !dry_run {
        fs::remove_file(&file.path).map_err(ArchiveError::io("remove", &file.path))?;
        let dir = file.path.parent().unwrap_or(Path::new("."));
        match sync_directory(dir) {
            // Whoever removed the last file of it has removed it too.
            Err(ArchiveError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            synced => synced?,
        }
        // The last of a day takes its directory with it, and the last of a type.
        let root = if file.kind == Kind::Sealed { place.sealed } else { place.log_path };
        let above = dir.ancestors().take_while(|dir| *dir != root && dir.starts_with(root));
        let _ = above.map(fs::remove_dir).take_while(Result::is_ok).count();
    }
    Ok(Pruned::Gone)
}

fn has_day_file(place: &Place<'_>, file: &LocalFile) -> Result<bool, ArchiveError> {
    let sealed = SealedFile::open(&file.path)?;
    let day = place.log_path.join(file.day.to_string());
    Ok(sealed
        .sources()
        .iter()
        .any(|source| day.join(&source.name).exists() || place.log_path.join(&source.name).exists()))
}
