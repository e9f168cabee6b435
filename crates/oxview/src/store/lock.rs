//! Two runs at once would give the same names.

use anyhow::Context;
use blueox_archive::ArchiveError;
use blueox_query::sealing::make_directory;
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;

/// Locks a directory of sealed files, which is made if need be, until what this gives is dropped.
///
/// # Errors
/// When another run has it, or it cannot be used.
pub(super) fn lock(root: &Path) -> anyhow::Result<File> {
    make_directory(root)?;
    let path = root.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| ArchiveError::Locked { path: root.to_owned() })?;
    Ok(file)
}
