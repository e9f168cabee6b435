//! A disk in memory: what was written is gone with the process. The spool of a daemon that was told to keep none.

use super::{Disk, DiskFile, FileIdentity, PositionalDisk, PositionalFile};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

/// Files by their paths; clones are the same disk. There are no directories: every path's parent exists.
///
/// It has no bound of its own: whoever writes keeps one, as the spool does. Memory that was set aside is taken from the system when it is
/// written to, and given back with the file's last handle and name.
#[derive(Debug, Clone, Default)]
pub struct MemoryDisk {
    names: Arc<Mutex<BTreeMap<PathBuf, MemoryFile>>>,
}

/// A file in memory.
#[derive(Debug, Clone)]
pub struct MemoryFile {
    inode: u64,
    bytes: Arc<RwLock<Vec<u8>>>,
}

/// Nobody else knows of the disk: there is nothing to lock against.
#[derive(Debug)]
pub struct MemoryLock;

impl MemoryDisk {
    fn names(&self) -> MutexGuard<'_, BTreeMap<PathBuf, MemoryFile>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, path: &Path) -> io::Result<MemoryFile> {
        self.names().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Another file than all that are there: numbers are not used again.
fn new_file() -> MemoryFile {
    static LAST: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let inode = LAST.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
    MemoryFile { inode, bytes: Arc::default() }
}

impl MemoryFile {
    fn change<T>(&self, change: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        change(&mut self.bytes.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn look<T>(&self, look: impl FnOnce(&[u8]) -> T) -> T {
        look(&self.bytes.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Disk for MemoryDisk {
    type File = MemoryFile;

    fn create_dir_all(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open_append(&self, path: &Path) -> io::Result<MemoryFile> {
        Ok(self.names().entry(path.to_owned()).or_insert_with(new_file).clone())
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        self.names().get(path).map(DiskFile::identity).transpose()
    }

    fn sync_dir(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_file_system(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl PositionalDisk for MemoryDisk {
    type Lock = MemoryLock;

    fn open_existing(&self, path: &Path) -> io::Result<MemoryFile> {
        self.find(path)
    }

    fn open_read_only(&self, path: &Path) -> io::Result<MemoryFile> {
        self.find(path)
    }

    fn create(&self, path: &Path) -> io::Result<MemoryFile> {
        let file = new_file();
        self.names().insert(path.to_owned(), file.clone());
        Ok(file)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let names = self.names();
        let inside = names.keys().filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| path.file_name()).map(OsString::from).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut names = self.names();
        let file = names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        names.insert(to.to_owned(), file);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let _ = (from, to);
        // Only repair does it, and that has files before it.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.names().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn lock(&self, _path: &Path) -> io::Result<Option<MemoryLock>> {
        Ok(Some(MemoryLock))
    }
}

impl DiskFile for MemoryFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(FileIdentity::from_parts(0, self.inode))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.look(|bytes| bytes.len() as u64))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        self.change(|content| content.extend_from_slice(bytes));
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = position(length)?;
        self.change(|content| content.resize(length, 0));
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

impl PositionalFile for MemoryFile {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let offset = position(offset)?;
        Ok(self.look(|content| {
            let rest = content.get(offset..).unwrap_or_default();
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            count
        }))
    }

    fn write_to(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = position(offset)?;
        let end = offset.checked_add(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        self.change(|content| {
            if bytes.is_empty() {
                // Behind the end too it leaves the end where it is.
                return;
            }
            if content.len() < end {
                content.resize(end, 0);
            }
            content[offset..end].copy_from_slice(bytes);
        });
        Ok(())
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        let length = position(length)?;
        self.change(|content| {
            if content.is_empty() {
                // Zeros that the system gives only when they are written to.
                *content = vec![0; length];
            } else if content.len() < length {
                content.resize(length, 0);
            }
        });
        Ok(())
    }
}

fn position(offset: u64) -> io::Result<usize> {
    usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;
    use proptest::prelude::*;

    #[derive(Debug, Clone)]
    enum Step {
        Create(u8),
        OpenAppend(u8),
        OpenExisting(u8),
        Rename(u8, u8),
        Remove(u8),
        Append(Vec<u8>),
        Write(u64, Vec<u8>),
        Truncate(u64),
        Preallocate(u64),
    }

    fn steps() -> impl Strategy<Value = Step> {
        let (name, bytes, place) = (0u8..4, || prop::collection::vec(1u8.., 0..40), || 0u64..120);
        prop_oneof![
            name.clone().prop_map(Step::Create),
            name.clone().prop_map(Step::OpenAppend),
            name.clone().prop_map(Step::OpenExisting),
            (name.clone(), name.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
            name.prop_map(Step::Remove),
            bytes().prop_map(Step::Append),
            (place(), bytes()).prop_map(|(offset, bytes)| Step::Write(offset, bytes)),
            place().prop_map(Step::Truncate),
            (1u64..120).prop_map(Step::Preallocate),
        ]
    }

    /// What somebody sees of a disk: how each step ended, how long the open file is, the names with what stands below them,
    /// and which of them is the open file.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        ends: Vec<Option<io::ErrorKind>>,
        lengths: Vec<u64>,
        names: Vec<Vec<(OsString, Vec<u8>, bool)>>,
    }

    fn content<D: PositionalDisk>(disk: &D, path: &Path) -> Vec<u8> {
        let file = disk.open_read_only(path).unwrap();
        let mut content = vec![0; 1000];
        let count = file.read_from(0, &mut content).unwrap();
        content.truncate(count);
        content
    }

    fn play<D: PositionalDisk>(disk: &D, directory: &Path, steps: &[Step]) -> Seen {
        let path = |name: &u8| directory.join(format!("file-{name}"));
        let mut seen = Seen::default();
        // Day files are appended to, segments are written at places: no open file does both.
        let (mut open, mut appends): (Option<D::File>, bool) = (None, false);
        for step in steps {
            let mut keep = |file: io::Result<D::File>, to_append| {
                file.map(|file| (open, appends) = (Some(file), to_append))
            };
            let outcome = match step {
                Step::Create(name) => keep(disk.create(&path(name)), false),
                Step::OpenAppend(name) => keep(disk.open_append(&path(name)), true),
                Step::OpenExisting(name) => keep(disk.open_existing(&path(name)), false),
                Step::Rename(from, to) => disk.rename(&path(from), &path(to)),
                Step::Remove(name) => disk.remove(&path(name)),
                Step::Append(bytes) => match open.as_ref().filter(|_| appends) {
                    Some(file) => file.append(bytes),
                    None => Ok(()),
                },
                Step::Truncate(length) => open.as_ref().map_or(Ok(()), |file| file.truncate(*length)),
                Step::Write(..) | Step::Preallocate(_) if appends => Ok(()),
                Step::Write(offset, bytes) => {
                    open.as_ref().map_or(Ok(()), |file| file.write_to(*offset, bytes))
                }
                Step::Preallocate(length) => open.as_ref().map_or(Ok(()), |file| file.preallocate(*length)),
            };
            seen.ends.push(outcome.err().map(|error| error.kind()));
            let mine = open.as_ref().map(|file| file.identity().unwrap());
            seen.lengths.extend(open.as_ref().map(|file| file.length().unwrap()));
            let mut names = disk.list(directory).unwrap();
            names.sort();
            let entry = |name: OsString| {
                let at = directory.join(&name);
                (name, content(disk, &at), disk.identity(&at).unwrap() == mine)
            };
            seen.names.push(names.into_iter().map(entry).collect());
        }
        seen
    }

    proptest! {
        /// What is open stays what it was, whatever becomes of its name.
        #[test]
        fn it_behaves_as_the_machines_disk_does(steps in prop::collection::vec(steps(), 1..40)) {
            let directory = tempfile::tempdir().unwrap();
            let real = play(&RealDisk, directory.path(), &steps);
            prop_assert_eq!(play(&MemoryDisk::default(), Path::new("memory"), &steps), real);
        }
    }

    #[test]
    fn clones_are_the_same_disk_and_others_are_not() {
        let (disk, other) = (MemoryDisk::default(), MemoryDisk::default());
        let path = Path::new("spool/1");
        disk.open_append(path).unwrap().append(b"kept").unwrap();
        assert_eq!(disk.clone().open_existing(path).unwrap().length().unwrap(), 4);
        assert_eq!(other.open_existing(path).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert!(disk.list(Path::new("elsewhere")).unwrap().is_empty());
        assert_eq!(disk.link(path, Path::new("spool/2")).unwrap_err().kind(), io::ErrorKind::Unsupported);
    }
}
