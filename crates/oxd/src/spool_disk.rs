//! Where the spool stands: on the machine's disks, or with `--spool none` in memory.

use blueox_log::disk::{
    Disk, DiskFile, FileIdentity, MemoryDisk, MemoryFile, MemoryLock, PositionalDisk, PositionalFile,
    RealDisk, RealLock,
};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::Path;

/// One of both. Day files are always on the real one.
#[derive(Debug, Clone)]
pub(crate) enum SpoolDisk {
    Real,
    Memory(MemoryDisk),
}

#[derive(Debug)]
pub(crate) enum SpoolFile {
    Real(File),
    Memory(MemoryFile),
}

/// Held as long as the spool is open.
#[derive(Debug)]
pub(crate) enum SpoolLock {
    Real { _held: RealLock },
    Memory { _held: MemoryLock },
}

/// Calls a disk's method, and makes its file one of ours.
macro_rules! open {
    ($disk:expr, $method:ident($($argument:expr),*)) => {
        match $disk {
            SpoolDisk::Real => RealDisk.$method($($argument),*).map(SpoolFile::Real),
            SpoolDisk::Memory(disk) => disk.$method($($argument),*).map(SpoolFile::Memory),
        }
    };
}

macro_rules! disk {
    ($disk:expr, $method:ident($($argument:expr),*)) => {
        match $disk {
            SpoolDisk::Real => RealDisk.$method($($argument),*),
            SpoolDisk::Memory(disk) => disk.$method($($argument),*),
        }
    };
}

macro_rules! file {
    ($file:expr, $call:path $(, $argument:expr)*) => {
        match $file {
            SpoolFile::Real(file) => $call(file $(, $argument)*),
            SpoolFile::Memory(file) => $call(file $(, $argument)*),
        }
    };
}

impl Disk for SpoolDisk {
    type File = SpoolFile;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        disk!(self, create_dir_all(path))
    }

    fn open_append(&self, path: &Path) -> io::Result<SpoolFile> {
        open!(self, open_append(path))
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        disk!(self, identity(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        disk!(self, sync_dir(path))
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        disk!(self, sync_file_system(path))
    }
}

impl PositionalDisk for SpoolDisk {
    type Lock = SpoolLock;

    fn open_existing(&self, path: &Path) -> io::Result<SpoolFile> {
        open!(self, open_existing(path))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<SpoolFile> {
        open!(self, open_read_only(path))
    }

    fn create(&self, path: &Path) -> io::Result<SpoolFile> {
        open!(self, create(path))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        disk!(self, list(directory))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        disk!(self, rename(from, to))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        disk!(self, link(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        disk!(self, remove(path))
    }

    fn lock(&self, path: &Path) -> io::Result<Option<SpoolLock>> {
        match self {
            Self::Real => Ok(RealDisk.lock(path)?.map(|held| SpoolLock::Real { _held: held })),
            Self::Memory(disk) => Ok(disk.lock(path)?.map(|held| SpoolLock::Memory { _held: held })),
        }
    }
}

impl DiskFile for SpoolFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        file!(self, DiskFile::identity)
    }

    fn length(&self) -> io::Result<u64> {
        file!(self, DiskFile::length)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        file!(self, DiskFile::append, bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        file!(self, DiskFile::truncate, length)
    }

    fn sync_data(&self) -> io::Result<()> {
        file!(self, DiskFile::sync_data)
    }

    fn begin_writing_out(&self, offset: u64, length: u64) {
        file!(self, DiskFile::begin_writing_out, offset, length);
    }
}

impl PositionalFile for SpoolFile {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        file!(self, PositionalFile::read_from, offset, buffer)
    }

    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file!(self, PositionalFile::write_to, offset, bytes)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        file!(self, PositionalFile::preallocate, length)
    }
}
