//! Names of files and directories: in the cache, and on the disk.

use super::random::Random;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry {
    Directory,
    File(u64),
}

#[derive(Debug, Clone)]
enum Change {
    Link(PathBuf, Entry),
    Unlink(PathBuf),
    Rename(PathBuf, PathBuf, Entry),
}

/// The root directory is always there.
#[derive(Debug, Default)]
pub(super) struct Names {
    now: BTreeMap<PathBuf, Entry>,
    durable: BTreeMap<PathBuf, Entry>,
    /// What `now` has and `durable` has not, in order.
    pending: Vec<Change>,
}

impl Names {
    pub(super) fn file(&self, path: &Path) -> Option<u64> {
        match self.now.get(path) {
            Some(Entry::File(inode)) => Some(*inode),
            _ => None,
        }
    }

    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, u64)> {
        self.now.iter().filter_map(|(path, entry)| match entry {
            Entry::File(inode) => Some((path.as_path(), *inode)),
            Entry::Directory => None,
        })
    }

    pub(super) fn is_directory(&self, path: &Path) -> bool {
        path.parent().is_none() || self.now.get(path) == Some(&Entry::Directory)
    }

    /// Whether a name leads to the file, or may again after a power loss.
    pub(super) fn refers_to(&self, inode: u64) -> bool {
        let file = Entry::File(inode);
        let pending = self.pending.iter().any(|change| match change {
            Change::Link(_, entry) | Change::Rename(_, _, entry) => *entry == file,
            Change::Unlink(_) => false,
        });
        pending || self.now.values().chain(self.durable.values()).any(|entry| *entry == file)
    }

    pub(super) fn link(&mut self, path: &Path, entry: Entry) -> io::Result<()> {
        if !path.parent().is_some_and(|parent| self.is_directory(parent)) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change::Link(path.to_path_buf(), entry));
        Ok(())
    }

    pub(super) fn unlink(&mut self, path: &Path) -> io::Result<()> {
        if !self.now.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        self.change(Change::Unlink(path.to_path_buf()));
        Ok(())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        let entry = *self.now.get(from).ok_or(io::ErrorKind::NotFound)?;
        self.change(Change::Rename(from.to_path_buf(), to.to_path_buf(), entry));
        Ok(())
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// The entries of one directory become durable, and no others.
    pub(super) fn sync(&mut self, directory: &Path) {
        let durable = &mut self.durable;
        self.pending.retain(|change| {
            let here = change.directory() == Some(directory);
            if here {
                change.apply(durable);
            }
            !here
        });
    }

    pub(super) fn sync_all(&mut self) {
        self.pending.clear();
        self.durable.clone_from(&self.now);
    }

    /// Each change is kept or not. What stood in a directory that is gone is gone.
    pub(super) fn lose_power(&mut self, keep_all: bool, random: &mut Random) {
        for change in std::mem::take(&mut self.pending) {
            if keep_all || random.one_in(2) {
                change.apply(&mut self.durable);
            }
        }
        let all = &self.durable;
        let reachable = |path: &Path| {
            let mut above = path.ancestors().skip(1).filter(|directory| directory.parent().is_some());
            above.all(|directory| all.get(directory) == Some(&Entry::Directory))
        };
        self.now =
            all.iter().filter(|(path, _)| reachable(path)).map(|(path, e)| (path.clone(), *e)).collect();
        self.durable.clone_from(&self.now);
    }
}

impl Change {
    fn directory(&self) -> Option<&Path> {
        match self {
            Self::Link(path, _) | Self::Unlink(path) | Self::Rename(_, path, _) => path.parent(),
        }
    }

    fn apply(&self, names: &mut BTreeMap<PathBuf, Entry>) {
        match self {
            Self::Link(path, entry) => drop(names.insert(path.clone(), *entry)),
            Self::Unlink(path) => drop(names.remove(path)),
            Self::Rename(from, to, entry) => {
                // The old name may have been given to another file since.
                if names.get(from) == Some(entry) {
                    names.remove(from);
                }
                names.insert(to.clone(), *entry);
            }
        }
    }
}
