//! Making what was written durable, on whatever thread.

use super::writer::WriteError;
use crate::disk::{Disk, DiskFile};
use crate::spool::FileLength;
use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A moment of a day log that can be vouched for once its job has run.
pub struct SyncPoint<D: Disk> {
    /// Makes everything up to that moment durable.
    pub job: SyncJob<D>,
    /// The lengths of the files that changed, at that moment.
    pub files: Vec<FileLength>,
}

impl<D: Disk> fmt::Debug for SyncPoint<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncPoint").field("files", &self.files).finish_non_exhaustive()
    }
}

/// Files and directories to be synced.
#[derive(Debug)]
pub struct SyncJob<D: Disk> {
    root: PathBuf,
    files: Vec<Arc<D::File>>,
    directories: BTreeSet<PathBuf>,
    /// More files were touched than may be kept open: the whole file system is synced instead.
    everything: bool,
}

impl<D: Disk> SyncJob<D> {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, files: Vec::new(), directories: BTreeSet::new(), everything: false }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty() && self.directories.is_empty() && !self.everything
    }

    pub(super) fn add_directory(&mut self, directory: &Path) {
        if !self.directories.contains(directory) {
            self.directories.insert(directory.to_path_buf());
        }
    }

    /// Files in a job are open twice over when their log closes them, so they are bounded like open files.
    pub(super) fn add_file(&mut self, file: &Arc<D::File>, max_files: usize) {
        if self.everything || self.files.iter().rev().any(|known| Arc::ptr_eq(known, file)) {
            return;
        }
        if self.files.len() >= max_files {
            self.everything = true;
            self.files = Vec::new();
        } else {
            self.files.push(Arc::clone(file));
        }
    }

    /// Joins two jobs into one.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.everything |= other.everything;
        self.directories.extend(other.directories);
        for file in other.files {
            self.add_file(&file, usize::MAX);
        }
        self
    }

    /// Makes all of it durable.
    ///
    /// # Errors
    /// The first one; what it concerns may be lost if power fails, and must not be reported as durable.
    pub fn run(self, disk: &D) -> Result<(), WriteError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| WriteError { operation: "sync", path, source }
        };
        if self.everything {
            return disk.sync_file_system(&self.root).map_err(failed(&self.root));
        }
        for file in &self.files {
            file.sync_data().map_err(failed(&self.root))?;
        }
        for directory in &self.directories {
            match disk.sync_dir(directory) {
                // Removed from outside, with all that was in it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result.map_err(failed(directory))?,
            }
        }
        Ok(())
    }
}
