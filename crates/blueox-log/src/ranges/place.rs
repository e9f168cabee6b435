//! Where a file that ranges name is now.

use super::entry::RangedFile;
use crate::day_log::LogFileName;
use crate::disk::FileIdentity;
use std::collections::HashMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The files of one log path, as ranges name them and as they are.
///
/// A file is found under its name when it is still the same file; when it was renamed in its directory, by its
/// identity, if the new name is of the same type and time; when the whole log path was copied, by its name alone,
/// provided that the ranges know one file of that name only. Files that were compressed are not found: archives are
/// read as they are.
#[derive(Debug)]
pub struct Places {
    root: PathBuf,
    found: HashMap<(PathBuf, FileIdentity), Option<PathBuf>>,
    /// How many files the ranges know by each name.
    named: HashMap<PathBuf, Vec<FileIdentity>>,
}

impl Places {
    /// Those below a log path.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_path_buf(), found: HashMap::new(), named: HashMap::new() }
    }

    /// Says that ranges name this file. All must be known before [`Places::find`] finds copies.
    pub fn know(&mut self, file: &RangedFile) {
        let known = self.named.entry(file.path.clone()).or_default();
        if !known.contains(&file.identity) {
            known.push(file.identity);
        }
    }

    /// Where the file is; `None` if it is not there as a plain file, or it is not certain which it is.
    pub fn find(&mut self, file: &RangedFile) -> Option<PathBuf> {
        let key = (file.path.clone(), file.identity);
        if let Some(found) = self.found.get(&key) {
            return found.clone();
        }
        let found = self.look(file);
        self.found.insert(key, found.clone());
        found
    }

    fn look(&self, file: &RangedFile) -> Option<PathBuf> {
        // The name came from a file: it may lead nowhere else.
        if !file.path.components().all(|part| matches!(part, Component::Normal(_))) {
            return None;
        }
        let path = self.root.join(&file.path);
        let there = identity(&path);
        if there == Some(file.identity) {
            return Some(path);
        }
        if let Some(renamed) = renamed(&path, file.identity) {
            return Some(renamed);
        }
        let only = self.named.get(&file.path).is_none_or(|known| known.len() == 1);
        there.filter(|_| only).map(|_| path)
    }
}

fn identity(path: &Path) -> Option<FileIdentity> {
    fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|metadata| FileIdentity::of(&metadata))
}

/// A plain file of the same type and time that is the one meant.
fn renamed(path: &Path, wanted: FileIdentity) -> Option<PathBuf> {
    let parsed = |path: &Path| LogFileName::parse(path.file_name()?.to_str()?, None);
    let old = parsed(path)?;
    fs::read_dir(path.parent()?).ok()?.flatten().map(|entry| entry.path()).find(|path| {
        parsed(path).is_some_and(|new| {
            new.encoded_type == old.encoded_type && new.window == old.window && new.compression.is_none()
        }) && identity(path) == Some(wanted)
    })
}
