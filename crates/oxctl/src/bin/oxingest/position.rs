//! How far files were read, kept over restarts (`--state-dir`).
//!
//! A position is written only when the daemon has everything before it on its disk, so nothing is lost whatever happens. After an orderly end nothing comes twice; after
//! a kill or a crash the lines since the last writing do, of a second or so. What `copytruncate` took away while nobody read is lost.
//!
//! A file is known again by device, inode and the bytes before the position, so it may have been renamed meanwhile, within its directory.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    pub(crate) device: u64,
    pub(crate) inode: u64,
    /// The beginning of the first line that was not sent, in bytes.
    pub(crate) position: u64,
    /// The bytes before it.
    pub(crate) fingerprint: Vec<u8>,
}

/// What stands in the file of one followed path.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    /// For people, and to tell two paths apart whose files would have the same name.
    path: String,
    /// The files that have, or had, this name: the oldest first.
    files: Vec<Position>,
}

/// The directory in which positions are kept: a file for each followed path.
#[derive(Debug, Clone)]
pub(crate) struct StateDirectory(PathBuf);

impl StateDirectory {
    /// The directory, made if it is not there.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn open(directory: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the state directory {}", directory.display()))?;
        Ok(Self(directory.into()))
    }

    /// The positions of the files behind `path`, if any were kept.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(crate) fn positions(&self, path: &Path) -> anyhow::Result<Option<Vec<Position>>> {
        let file = self.file(path)?;
        let text = match std::fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
        };
        let kept: Kept = serde_json::from_slice(&text).with_context(|| {
            format!("{} is damaged; remove it to begin at the end of {}", file.display(), path.display())
        })?;
        Ok((kept.path == absolute(path)?.to_string_lossy()).then_some(kept.files))
    }

    /// Keeps them, durably: the ones before are replaced by a rename.
    ///
    /// # Errors
    /// When the directory cannot be written to.
    pub(crate) fn keep(&self, path: &Path, files: Vec<Position>) -> anyhow::Result<()> {
        let file = self.file(path)?;
        let aside = file.with_extension("new");
        let kept = Kept { path: absolute(path)?.to_string_lossy().into_owned(), files };
        let write = || {
            let mut new = File::create(&aside)?;
            new.write_all(serde_json::to_string(&kept)?.as_bytes())?;
            new.sync_all()?;
            std::fs::rename(&aside, &file)?;
            File::open(&self.0)?.sync_all()
        };
        write().with_context(|| format!("cannot write {}", file.display()))
    }

    fn file(&self, path: &Path) -> anyhow::Result<PathBuf> {
        let path = absolute(path)?;
        let name = path.file_name().unwrap_or(OsStr::new("")).to_string_lossy();
        let name: String = name.chars().take(48).collect();
        Ok(self.0.join(format!("{name}-{:016x}.json", fnv1a(path.as_os_str().as_bytes()))))
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("where is {}?", path.display()))
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo).
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(inode: u64) -> Position {
        Position { device: 1, inode, position: 7, fingerprint: b"line 1\n".to_vec() }
    }

    #[test]
    fn each_path_has_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(&directory.path().join("a/b")).unwrap();
        assert_eq!(state.positions(Path::new("/x/log")).unwrap(), None);
        state.keep(Path::new("/x/log"), vec![position(1), position(2)]).unwrap();
        state.keep(Path::new("/y/log"), vec![]).unwrap();
        assert_eq!(state.positions(Path::new("/x/log")).unwrap(), Some(vec![position(1), position(2)]));
        assert_eq!(state.positions(Path::new("/y/log")).unwrap(), Some(vec![]));
        let again = StateDirectory::open(&directory.path().join("a/b")).unwrap();
        again.keep(Path::new("/x/log"), vec![position(3)]).unwrap();
        assert_eq!(state.positions(Path::new("/x/log")).unwrap(), Some(vec![position(3)]));
    }

    #[test]
    fn damage_is_said_with_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateDirectory::open(directory.path()).unwrap();
        std::fs::write(state.file(Path::new("/x/log")).unwrap(), "{").unwrap();
        let error = format!("{:#}", state.positions(Path::new("/x/log")).unwrap_err());
        assert!(error.contains("is damaged; remove it to begin at the end of /x/log"), "{error}");
    }
}
