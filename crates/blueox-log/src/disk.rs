//! The file system as a component that is handed in, so that tests can take one that fails.
//!
//! [`Disk`] is what appending to files needs; [`PositionalDisk`] adds what a log of preallocated segments needs.

mod memory;
mod positional;

#[cfg(test)]
pub(crate) mod model;

pub use memory::{MemoryDisk, MemoryFile, MemoryLock};
pub use positional::{PositionalDisk, PositionalFile, RealLock, is_no_space, is_unreadable};

use rustix::fs::{Mode, OFlags};
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Which file it is, whatever it is called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileIdentity {
    device: u64,
    inode: u64,
}

impl FileIdentity {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }

    /// Device and inode, to be written down.
    #[must_use]
    pub fn parts(self) -> (u64, u64) {
        (self.device, self.inode)
    }

    /// The identity that was written down as device and inode.
    #[must_use]
    pub fn from_parts(device: u64, inode: u64) -> Self {
        Self { device, inode }
    }

    #[cfg(test)]
    pub(crate) fn for_test(inode: u64) -> Self {
        Self { device: 0, inode }
    }
}

/// What BlueOx asks of a file system.
pub trait Disk: Clone + Send + Sync + 'static {
    /// An open file.
    type File: DiskFile;

    /// Creates a directory and those above it.
    ///
    /// # Errors
    /// Those of the system.
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory and those above it so that they outlast a power loss. Those that are there already may have
    /// been made by a process that died before it synced them.
    ///
    /// # Errors
    /// Those of the system. A directory above the parent that we may not sync is not ours.
    fn create_dir_durably(&self, path: &Path) -> io::Result<()> {
        self.create_dir_all(path)?;
        for (above, directory) in path.ancestors().skip(1).enumerate() {
            let current = directory.as_os_str().is_empty();
            match self.sync_dir(if current { Path::new(".") } else { directory }) {
                Err(error) if above > 0 && is_not_ours(&error) => {}
                synced => synced?,
            }
        }
        Ok(())
    }

    /// Opens a file for appending, creating it if there is none.
    ///
    /// # Errors
    /// Those of the system.
    fn open_append(&self, path: &Path) -> io::Result<Self::File>;

    /// Which file stands under a name now, if any.
    ///
    /// # Errors
    /// Those of the system, but for a missing file.
    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>>;

    /// Makes a directory's entries durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes all of the file system that holds `path` durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_file_system(&self, path: &Path) -> io::Result<()>;
}

/// What BlueOx asks of an open file.
pub trait DiskFile: fmt::Debug + Send + Sync + 'static {
    /// Which file it is.
    ///
    /// # Errors
    /// Those of the system.
    fn identity(&self) -> io::Result<FileIdentity>;

    /// Its length in bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn length(&self) -> io::Result<u64>;

    /// Appends all of `bytes`. After an error some of them may stand in the file.
    ///
    /// # Errors
    /// Those of the system.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file to `length` bytes.
    ///
    /// # Errors
    /// Those of the system.
    fn truncate(&self, length: u64) -> io::Result<()>;

    /// Makes the file's content durable.
    ///
    /// # Errors
    /// Those of the system.
    fn sync_data(&self) -> io::Result<()>;

    /// Asks the system to begin writing a range to the medium. It promises nothing: it makes a later [`DiskFile::sync_data`]
    /// shorter, and what others write meanwhile waits less for it.
    fn begin_writing_out(&self, offset: u64, length: u64) {
        let _ = (offset, length);
    }
}

fn is_not_ours(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | InvalidInput | Unsupported)
}

/// The machine's file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    type File = File;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn open_append(&self, path: &Path) -> io::Result<File> {
        // Opening a pipe that nobody reads fails instead of waiting for ever; for files the flag means nothing.
        let flags = OFlags::NONBLOCK.bits().cast_signed();
        std::fs::OpenOptions::new().append(true).create(true).mode(0o644).custom_flags(flags).open(path)
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(Some(FileIdentity::of(&metadata))),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let directory = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(rustix::fs::fsync(directory)?)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        let directory = rustix::fs::open(path, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(rustix::fs::syncfs(directory)?)
    }
}

impl DiskFile for File {
    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(FileIdentity::of(&self.metadata()?))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        File::sync_data(self)
    }

    #[expect(unsafe_code, reason = "rustix has no sync_file_range")]
    fn begin_writing_out(&self, offset: u64, length: u64) {
        let (Ok(offset), Ok(length)) = (i64::try_from(offset), i64::try_from(length)) else { return };
        // SAFETY: the descriptor is open as long as `self` is, and the call takes no memory of ours.
        let _ =
            unsafe { libc::sync_file_range(self.as_raw_fd(), offset, length, libc::SYNC_FILE_RANGE_WRITE) };
    }
}
