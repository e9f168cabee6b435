//! Why a file is not archived, or not fetched.

use crate::objects::ObjectError;
use blueox_query::catalog::CatalogError;
use blueox_query::sealed::SealError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a file is not archived, or not fetched.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The store.
    #[error(transparent)]
    Store(#[from] ObjectError),
    /// The file system here.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A sealed file that cannot be read.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// A directory that cannot be read.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store holds something else than what was sent.
    #[error("{url} is not what was sent there; {} stays", path.display())]
    NotAsSent {
        /// The object.
        url: String,
        /// The file.
        path: PathBuf,
    },
    /// Another file has the name.
    #[error("{url} and {} are different files; neither was changed", path.display())]
    Different {
        /// The object.
        url: String,
        /// The file.
        path: PathBuf,
    },
    /// What was fetched is damaged.
    #[error("{url} is damaged, or was damaged on its way: {why}")]
    Damaged {
        /// The object.
        url: String,
        /// How that is known.
        why: String,
    },
    /// A file changed while it was read.
    #[error("{} has changed while it was read; try again", path.display())]
    FileChanged {
        /// The file.
        path: PathBuf,
    },
    /// Another run is at work.
    #[error("another oxstore works on {}; wait until it is done", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// It was told to stop.
    #[error("stopped; the next run goes on from here")]
    Stopped,
}

impl ArchiveError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    /// Whether other files are worth trying.
    #[must_use]
    pub fn is_of_one_file(&self) -> bool {
        !matches!(self, Self::Store(ObjectError::Failed { .. }) | Self::Locked { .. } | Self::Stopped)
    }
}
