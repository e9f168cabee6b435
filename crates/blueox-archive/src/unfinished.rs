//! Uploads in parts that were begun: whoever is killed between two parts leaves some that nobody sees and everybody pays for.

use crate::ArchiveError;
use crate::objects::Objects;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

const NAME: &str = ".unfinished";

/// A file of lines: bucket, object, id of the upload.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    begun: Mutex<BTreeSet<[String; 3]>>,
}

impl Unfinished {
    /// What a run that was killed has left in a directory.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(directory: &Path) -> Result<Self, ArchiveError> {
        let path = directory.join(NAME);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.map_err(ArchiveError::io("read", &path))?,
        };
        let line = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>().try_into().ok();
        Ok(Self { path, begun: Mutex::new(text.lines().filter_map(line).collect()) })
    }

    /// Aborts what was begun in a bucket. Gives how many there were.
    ///
    /// # Errors
    /// Those of the store.
    pub fn abort_all(&self, objects: &dyn Objects) -> Result<usize, ArchiveError> {
        let bucket = objects.url().to_string();
        let found: Vec<_> = self.begun().iter().filter(|[url, ..]| *url == bucket).cloned().collect();
        for line in &found {
            objects.abort(&line[1], &line[2])?;
            self.change(|begun| begun.remove(line))?;
        }
        Ok(found.len())
    }

    /// It has been begun.
    pub(crate) fn add(&self, objects: &dyn Objects, name: &str, id: &str) -> Result<(), ArchiveError> {
        let line = [objects.url().to_string(), name.to_owned(), id.to_owned()];
        self.change(|begun| begun.insert(line))
    }

    /// It was completed or aborted.
    pub(crate) fn remove(&self, objects: &dyn Objects, name: &str, id: &str) -> Result<(), ArchiveError> {
        let line = [objects.url().to_string(), name.to_owned(), id.to_owned()];
        self.change(|begun| begun.remove(&line))
    }

    fn change(&self, change: impl FnOnce(&mut BTreeSet<[String; 3]>) -> bool) -> Result<(), ArchiveError> {
        let mut begun = self.begun();
        if !change(&mut begun) {
            return Ok(());
        }
        let text: String = begun.iter().map(|line| format!("{}\n", line.join("\t"))).collect();
        let aside = self.path.with_extension("aside");
        fs::write(&aside, text).map_err(ArchiveError::io("write", &aside))?;
        fs::rename(&aside, &self.path).map_err(ArchiveError::io("rename", &aside))
    }

    fn begun(&self) -> MutexGuard<'_, BTreeSet<[String; 3]>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
