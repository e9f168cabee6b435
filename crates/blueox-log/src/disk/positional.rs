//! Files that are written at positions, in room that was set aside for them.

use super::{Disk, DiskFile, RealDisk};
use rustix::fs::{FallocateFlags, FlockOperation, OFlags};
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

/// What a log of preallocated segments asks of a file system, beyond appending.
pub trait PositionalDisk: Disk<File: PositionalFile> + fmt::Debug {
    /// Held while a directory is ours; dropping it gives the directory up.
    type Lock: Send + Sync + fmt::Debug + 'static;

    /// Opens a file that exists, for reading and writing.
    ///
    /// # Errors
    /// Those of the system.
    fn open_existing(&self, path: &Path) -> io::Result<Self::File>;

    /// Opens a file that exists, for reading only.
    ///
    /// # Errors
    /// Those of the system.
    fn open_read_only(&self, path: &Path) -> io::Result<Self::File>;

    /// Creates an empty file for reading and writing, in place of any of that name.
    ///
    /// # Errors
    /// Those of the system.
    fn create(&self, path: &Path) -> io::Result<Self::File>;

    /// The names in a directory, in no order.
    ///
    /// # Errors
    /// Those of the system.
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>>;

    /// Gives a file another name, in place of any file that has it.
    ///
    /// # Errors
    /// Those of the system.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Gives a file a second name, which nothing has yet.
    ///
    /// # Errors
    /// Those of the system.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Those of the system.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Locks a file, creating it if there is none; `None` if somebody else holds it.
    ///
    /// # Errors
    /// Those of the system.
    fn lock(&self, path: &Path) -> io::Result<Option<Self::Lock>>;
}

/// What a log of preallocated segments asks of an open file, beyond appending.
pub trait PositionalFile: DiskFile {
    /// Reads what is at `offset`, as much as there is; 0 behind the end only.
    ///
    /// # Errors
    /// Those of the system.
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at `offset`. After an error any part of them may stand in the file.
    ///
    /// # Errors
    /// Those of the system.
    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Sets aside room so that the file has `length` bytes, zeros where nothing was written.
    ///
    /// # Errors
    /// Those of the system; a full disk shows itself here and not at a later write.
    fn preallocate(&self, length: u64) -> io::Result<()>;
}

/// Whether an error says that the medium cannot give the bytes back, now or ever: the rest of the file may be readable.
#[must_use]
pub fn is_unreadable(error: &io::Error) -> bool {
    use rustix::io::Errno;
    error.raw_os_error().is_some_and(|code| {
        [Errno::IO, Errno::BADMSG, Errno::UCLEAN].contains(&Errno::from_raw_os_error(code))
    })
}

/// Whether an error says that there is no room, on the disk or in a quota.
#[must_use]
pub fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// A lock on a file of the machine's file system.
#[derive(Debug)]
pub struct RealLock {
    _file: File,
}

impl PositionalDisk for RealDisk {
    type Lock = RealLock;

    fn open_existing(&self, path: &Path) -> io::Result<File> {
        std::fs::OpenOptions::new().read(true).write(true).open(path)
    }

    fn open_read_only(&self, path: &Path) -> io::Result<File> {
        File::open(path)
    }

    fn create(&self, path: &Path) -> io::Result<File> {
        std::fs::OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        std::fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::hard_link(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Option<RealLock>> {
        let file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(OFlags::CLOEXEC.bits().cast_signed())
            .open(path)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(RealLock { _file: file })),
            Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

impl PositionalFile for File {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        match rustix::fs::fallocate(self, FallocateFlags::empty(), 0, length) {
            Ok(()) => return Ok(()),
            Err(error) if error == rustix::io::Errno::OPNOTSUPP || error == rustix::io::Errno::NOSYS => {}
            Err(error) => return Err(error.into()),
        }
        let mut offset = self.metadata()?.len();
        while offset < length {
            let step = (length - offset).min(ZEROS.len() as u64);
            self.write_all_at(&ZEROS[..usize::try_from(step).expect("BUG: at most 64 KiB")], offset)?;
            offset += step;
        }
        Ok(())
    }
}
