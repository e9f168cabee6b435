//! A disk with a place in one file that cannot be read, whatever the file is called.

use crate::disk::{Disk, DiskFile, FileIdentity, PositionalDisk, PositionalFile, RealDisk, RealLock};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) struct BadDisk {
    pub(super) file: FileIdentity,
    pub(super) bad: Arc<Range<u64>>,
}

#[derive(Debug)]
pub(super) struct BadFile {
    file: File,
    bad: Option<Arc<Range<u64>>>,
}

impl BadDisk {
    fn file(&self, file: File) -> io::Result<BadFile> {
        let is_bad = DiskFile::identity(&file)? == self.file;
        Ok(BadFile { file, bad: is_bad.then(|| Arc::clone(&self.bad)) })
    }
}

impl Disk for BadDisk {
    type File = BadFile;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir_all(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<BadFile> {
        self.file(RealDisk.open_append(path)?)
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        RealDisk.identity(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_dir(path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        RealDisk.sync_file_system(path)
    }
}

impl PositionalDisk for BadDisk {
    type Lock = RealLock;

    fn open_existing(&self, path: &Path) -> io::Result<BadFile> {
        self.file(RealDisk.open_existing(path)?)
    }

    fn open_read_only(&self, path: &Path) -> io::Result<BadFile> {
        self.file(RealDisk.open_read_only(path)?)
    }

    fn create(&self, path: &Path) -> io::Result<BadFile> {
        self.file(RealDisk.create(path)?)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.list(directory)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<RealLock>> {
        RealDisk.lock(path)
    }
}

impl DiskFile for BadFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        DiskFile::identity(&self.file)
    }

    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.file.append(bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        DiskFile::sync_data(&self.file)
    }
}

impl PositionalFile for BadFile {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = offset + buffer.len() as u64;
        if self.bad.as_ref().is_some_and(|bad| offset < bad.end && bad.start < end) {
            return Err(rustix::io::Errno::IO.into());
        }
        self.file.read_from(offset, buffer)
    }

    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_to(offset, bytes)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.file.preallocate(length)
    }
}
