//! Objects that were read back and found to be what was sent, remembered by their ETags: a store whose ETags are no sums of
//! the bytes, or that has none like a directory, is not read again at each run.

use crate::ArchiveError;
use crate::digest::{Digest, Sum, of_object};
use crate::objects::{Object, Objects};
use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};

const NAME: &str = ".verified";

/// What was read back. A file of lines: URL, ETag, length, MD5.
#[derive(Debug)]
pub struct Verified {
    path: Option<PathBuf>,
    known: Mutex<HashSet<String>>,
}

impl Verified {
    /// What is remembered in a directory.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(directory: &Path) -> Result<Self, ArchiveError> {
        let path = directory.join(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(ArchiveError::io("read", &path))?,
        };
        // A line that was torn is none that is asked for.
        let known = text.lines().map(str::to_owned).collect();
        Ok(Self { path: Some(path), known: Mutex::new(known) })
    }

    /// Remembers nothing beyond this run.
    #[must_use]
    pub fn forgetful() -> Self {
        Self { path: None, known: Mutex::default() }
    }

    /// Whether an object is what `digest` is of: by its ETag, or because it was read back, now if need be.
    ///
    /// # Errors
    /// Those of the store; [`ArchiveError::Stopped`].
    pub fn is_same(
        &self,
        objects: &dyn Objects,
        object: &Object,
        digest: &Digest,
        stop: &AtomicBool,
    ) -> Result<bool, ArchiveError> {
        if object.length != digest.length {
            return Ok(false);
        }
        if object.etag.as_ref().is_some_and(|etag| digest.is_etag(etag)) {
            return Ok(true);
        }
        let line = object.etag.as_ref().map(|etag| line(objects, object, etag, digest.whole));
        if line.as_ref().is_some_and(|line| self.known().contains(line)) {
            return Ok(true);
        }
        // Much follows from a difference: what only differs on its way differs once.
        let read =
            || of_object(objects, object, stop, &mut |_| Ok(())).map(|read| read.whole == digest.whole);
        let is_same = read()? || read()?;
        if is_same && let Some(line) = line {
            self.remember(line)?;
        }
        Ok(is_same)
    }

    fn remember(&self, line: String) -> Result<(), ArchiveError> {
        let mut known = self.known();
        if let Some(path) = &self.path {
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .map_err(ArchiveError::io("open", path))?;
            // The line break comes first too: what was torn before does not spoil this one.
            file.write_all(format!("\n{line}\n").as_bytes()).map_err(ArchiveError::io("write", path))?;
        }
        known.insert(line);
        Ok(())
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn line(objects: &dyn Objects, object: &Object, etag: &str, sum: Sum) -> String {
    format!("{}\t{etag}\t{}\t{sum}", objects.url().at(&object.name), object.length)
}
