//! A disk in memory that crashes and fails as real ones do. Only for tests.
//!
//! - Written sectors are in the page cache until they are synced. A power loss keeps each of them, or not, or a part of
//!   it, one by one: in any order, and torn. A killed process keeps them all.
//! - New names, renames, removals and directories are in the cache until their own directory is synced. A power loss
//!   keeps each of them or not; what stands in a lost directory is lost.
//! - Lengths, grown or cut, are in the cache until the file is synced; a power loss keeps them up to one of them.
//! - A sync that fails has written some of the sectors, and marks all of them clean: the page cache shows what
//!   the disk does not have, until it is evicted.
//! - Any operation can be made to fail with EIO, and any that changes something with ENOSPC; or the disk to be full; a
//!   failed write has written a part.
//! - A file whose last name and last handle are gone gives its inode to the next one, or not.
//! - Bits flip when they are told to.

use super::{Disk, DiskFile, FileIdentity, PositionalDisk, PositionalFile};
use content::Content;
use names::{Entry, Names};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

mod content;
mod names;
mod random;
mod tests;

pub(crate) use random::Random;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What is left out, to see that the tests notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Omit {
    pub(crate) sync_data: bool,
    pub(crate) sync_dir: bool,
}

#[derive(Clone)]
pub(crate) struct ModelDisk {
    state: Arc<Mutex<State>>,
}

impl std::fmt::Debug for ModelDisk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        let lengths =
            state.names.files().map(|(path, inode)| (path, (inode, state.files[&inode].cache.len())));
        formatter.debug_map().entries(lengths).finish()?;
        write!(formatter, " {:?}", state.names)
    }
}

#[derive(Debug)]
struct State {
    random: Random,
    names: Names,
    files: BTreeMap<u64, Content>,
    /// How many handles each file has.
    handles: BTreeMap<u64, usize>,
    next_inode: u64,
    free_inodes: Vec<u64>,
    locked: BTreeSet<PathBuf>,
    /// A handle from before a crash does nothing any more.
    boot: u64,
    capacity: u64,
    omit: Omit,
    /// The next operations fail once this many have been done.
    fail_after: Option<u64>,
    /// Which operations do: only syncs, or all.
    fail_syncs_only: bool,
    /// So many more fail then; all of them when the power is going.
    failures: u64,
}

/// What an operation does, which decides how it can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Look,
    Change,
    Sync,
}

#[derive(Debug)]
pub(crate) struct ModelFile {
    disk: ModelDisk,
    inode: u64,
    boot: u64,
}

impl Drop for ModelFile {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.boot == self.boot {
            let handles = state.handles.get_mut(&self.inode).expect("BUG: each handle is counted");
            *handles -= 1;
            if *handles == 0 {
                state.handles.remove(&self.inode);
                state.free(self.inode);
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct ModelLock {
    disk: ModelDisk,
    path: PathBuf,
    boot: u64,
}

impl Drop for ModelLock {
    fn drop(&mut self) {
        let mut state = self.disk.state();
        if state.boot == self.boot {
            state.locked.remove(&self.path);
        }
    }
}

impl ModelDisk {
    pub(crate) fn new(seed: u64, capacity: u64) -> Self {
        let state = State {
            random: Random(seed),
            names: Names::default(),
            files: BTreeMap::new(),
            handles: BTreeMap::new(),
            next_inode: 1,
            free_inodes: Vec::new(),
            locked: BTreeSet::new(),
            boot: 0,
            capacity,
            omit: Omit::default(),
            fail_after: None,
            fail_syncs_only: false,
            failures: 0,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn omit(&self, omit: Omit) {
        self.state().omit = omit;
    }

    pub(crate) fn set_capacity(&self, capacity: u64) {
        self.state().capacity = capacity;
    }

    pub(crate) fn used(&self) -> u64 {
        self.state().used()
    }

    /// One operation fails after that many others.
    pub(crate) fn fail_after(&self, operations: u64, syncs_only: bool) {
        self.fail_some_after(operations, 1, syncs_only);
    }

    /// Some operations, one after another, fail after that many others.
    pub(crate) fn fail_some_after(&self, operations: u64, failures: u64, syncs_only: bool) {
        let mut state = self.state();
        (state.fail_after, state.failures) = (Some(operations), failures);
        state.fail_syncs_only = syncs_only;
    }

    /// Nothing works any more after that many operations: the last moments before a crash.
    pub(crate) fn stop_after(&self, operations: u64) {
        self.fail_some_after(operations, u64::MAX, false);
    }

    pub(crate) fn heal(&self) {
        self.state().heal();
    }

    /// The process dies; the machine lives on. Old handles do nothing any more.
    pub(crate) fn kill(&self) {
        let mut state = self.state();
        state.boot += 1;
        state.locked.clear();
        state.heal();
        for (inode, _) in std::mem::take(&mut state.handles) {
            state.free(inode);
        }
    }

    /// The power fails.
    pub(crate) fn crash(&self) {
        self.kill();
        let mut guard = self.state();
        let state = &mut *guard;
        let keep_all = state.random.one_in(8);
        state.names.lose_power(keep_all, &mut state.random);
        let alive: BTreeSet<u64> = state.names.files().map(|(_, inode)| inode).collect();
        state.free_inodes.extend(state.files.keys().filter(|inode| !alive.contains(inode)));
        state.files.retain(|inode, _| alive.contains(inode));
        for content in state.files.values_mut() {
            content.lose_power(keep_all, &mut state.random);
        }
    }

    /// Clean pages leave memory: what the disk has comes to light.
    pub(crate) fn evict(&self) {
        self.state().files.values_mut().for_each(Content::evict);
    }

    /// A bit of a file turns over, on the disk and in memory.
    pub(crate) fn flip(&self, path: &Path, at: usize, bit: u8) {
        let mut state = self.state();
        let Some(inode) = state.names.file(path) else { return };
        state.files.get_mut(&inode).expect("BUG: named files exist").flip(at, bit);
    }

    /// All files, with what a reader finds in them now.
    pub(crate) fn contents(&self) -> Vec<(PathBuf, FileIdentity, Vec<u8>)> {
        let state = self.state();
        let file = |(path, inode): (&Path, u64)| {
            (path.to_path_buf(), FileIdentity::for_test(inode), state.files[&inode].cache.clone())
        };
        state.names.files().map(file).collect()
    }

    /// Somebody else renames a file, or removes it. That never fails.
    pub(crate) fn meddle(&self, path: &Path, to: Option<&Path>, synced: bool) {
        let mut state = self.state();
        let Some(inode) = state.names.file(path) else { return };
        let done = match to {
            Some(to) => state.names.rename(path, to),
            None => state.names.unlink(path),
        };
        done.expect("BUG: the file is there");
        if synced {
            state.names.sync(path.parent().expect("BUG: a file stands in a directory"));
        }
        state.free(inode);
    }
}

impl ModelDisk {
    /// Somebody else puts a file under a name, durably, and in an inode that nobody had.
    pub(crate) fn plant(&self, path: &Path, bytes: &[u8]) {
        let mut state = self.state();
        let inode = state.next_inode;
        state.next_inode += 1;
        let mut content = Content::default();
        content.write(0, bytes);
        content.sync();
        state.files.insert(inode, content);
        state.names.link(path, Entry::File(inode)).expect("BUG: the directory is there");
        state.names.sync_all();
    }
}

impl State {
    fn used(&self) -> u64 {
        self.files.values().map(|content| content.cache.len() as u64).sum()
    }

    fn heal(&mut self) {
        (self.fail_after, self.failures) = (None, 0);
    }

    /// Counts an operation, and fails it when its time has come.
    fn operate(&mut self, operation: Operation) -> io::Result<()> {
        if self.fail_syncs_only && operation != Operation::Sync {
            return Ok(());
        }
        match &mut self.fail_after {
            Some(0) => {
                self.failures -= 1;
                if self.failures == 0 {
                    self.fail_after = None;
                }
                let full = operation != Operation::Look && self.random.one_in(4);
                Err(io::Error::from_raw_os_error(if full { ENOSPC } else { EIO }))
            }
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn room(&self) -> u64 {
        if self.capacity == u64::MAX { u64::MAX } else { self.capacity.saturating_sub(self.used()) }
    }

    fn new_file(&mut self, path: &Path) -> io::Result<u64> {
        let reused = if self.random.one_in(2) { self.free_inodes.pop() } else { None };
        let inode = reused.unwrap_or(self.next_inode);
        self.names.link(path, Entry::File(inode))?;
        self.next_inode += u64::from(reused.is_none());
        self.files.insert(inode, Content::default());
        Ok(inode)
    }

    /// Files whose last name went, durably now, go too.
    fn free_nameless(&mut self) {
        let nameless: Vec<u64> =
            self.files.keys().copied().filter(|inode| !self.names.refers_to(*inode)).collect();
        nameless.into_iter().for_each(|inode| self.free(inode));
    }

    /// The file goes if nothing leads to it any more.
    fn free(&mut self, inode: u64) {
        let held = self.handles.contains_key(&inode) || self.names.refers_to(inode);
        if !held && self.files.remove(&inode).is_some() {
            self.free_inodes.push(inode);
        }
    }
}

impl ModelDisk {
    fn handle(&self, state: &mut State, inode: u64) -> ModelFile {
        *state.handles.entry(inode).or_default() += 1;
        ModelFile { disk: self.clone(), inode, boot: state.boot }
    }
}

impl Disk for ModelDisk {
    type File = ModelFile;

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        let missing: Vec<_> = path.ancestors().take_while(|above| !state.names.is_directory(above)).collect();
        for directory in missing.into_iter().rev() {
            state.operate(Operation::Change)?;
            state.names.link(directory, Entry::Directory)?;
        }
        Ok(())
    }

    fn open_append(&self, path: &Path) -> io::Result<ModelFile> {
        let mut state = self.state();
        state.operate(Operation::Change)?;
        let inode = match state.names.file(path) {
            Some(inode) => inode,
            None => state.new_file(path)?,
        };
        Ok(self.handle(&mut state, inode))
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        let mut state = self.state();
        state.operate(Operation::Look)?;
        Ok(state.names.file(path).map(FileIdentity::for_test))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(Operation::Sync)?;
        if !state.names.is_directory(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if !state.omit.sync_dir {
            state.names.sync(path);
            state.free_nameless();
        }
        Ok(())
    }

    fn sync_file_system(&self, _: &Path) -> io::Result<()> {
        let mut guard = self.state();
        let state = &mut *guard;
        let operated = state.operate(Operation::Sync);
        if state.omit.sync_data {
            return operated;
        }
        for content in state.files.values_mut() {
            match &operated {
                Ok(()) => content.sync(),
                Err(_) => content.fail_sync(&mut state.random),
            }
        }
        operated?;
        state.names.sync_all();
        Ok(())
    }
}

impl PositionalDisk for ModelDisk {
    type Lock = ModelLock;

    fn open_existing(&self, path: &Path) -> io::Result<ModelFile> {
        let mut state = self.state();
        state.operate(Operation::Look)?;
        let inode = state.names.file(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(&mut state, inode))
    }

    fn open_read_only(&self, path: &Path) -> io::Result<ModelFile> {
        self.open_existing(path)
    }

    fn create(&self, path: &Path) -> io::Result<ModelFile> {
        let mut state = self.state();
        state.operate(Operation::Change)?;
        let inode = match state.names.file(path) {
            Some(inode) => {
                state.files.get_mut(&inode).expect("BUG: named files exist").set_length(0);
                inode
            }
            None => state.new_file(path)?,
        };
        Ok(self.handle(&mut state, inode))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let mut state = self.state();
        state.operate(Operation::Look)?;
        let names = state.names.files().filter(|(path, _)| path.parent() == Some(directory));
        Ok(names.filter_map(|(path, _)| Some(path.file_name()?.to_os_string())).collect())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(Operation::Change)?;
        let replaced = state.names.file(to);
        state.names.rename(from, to)?;
        if let Some(inode) = replaced {
            state.free(inode);
        }
        Ok(())
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        // Only repair does it, and that runs on files that lie still.
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.operate(Operation::Change)?;
        let inode = state.names.file(path).ok_or(io::ErrorKind::NotFound)?;
        state.names.unlink(path)?;
        state.free(inode);
        Ok(())
    }

    fn lock(&self, path: &Path) -> io::Result<Option<ModelLock>> {
        let mut state = self.state();
        state.operate(Operation::Change)?;
        let free = state.locked.insert(path.to_path_buf());
        Ok(free.then(|| ModelLock { disk: self.clone(), path: path.to_path_buf(), boot: state.boot }))
    }
}

impl ModelFile {
    fn with<T>(
        &self,
        operation: Operation,
        work: impl FnOnce(&mut Content, &mut Random, io::Result<u64>, Omit) -> io::Result<T>,
    ) -> io::Result<T> {
        let mut guard = self.disk.state();
        let state = &mut *guard;
        if state.boot != self.boot {
            return Err(io::Error::other("a handle of a dead process"));
        }
        let operated = state.operate(operation);
        let room = if operation == Operation::Change { state.room() } else { 0 };
        let content = state.files.get_mut(&self.inode).expect("BUG: a handle holds its file");
        work(content, &mut state.random, operated.map(|()| room), state.omit)
    }
}

fn bytes(length: u64) -> usize {
    usize::try_from(length).expect("BUG: a file in memory")
}

impl DiskFile for ModelFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        self.with(Operation::Look, |_, _, operated, _| operated.map(|_| FileIdentity::for_test(self.inode)))
    }

    fn length(&self) -> io::Result<u64> {
        self.with(Operation::Look, |content, _, operated, _| operated.map(|_| content.cache.len() as u64))
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let length = self.disk.state().files.get(&self.inode).map_or(0, |content| content.cache.len() as u64);
        self.write_to(length, bytes)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(Operation::Change, |content, _, operated, _| {
            operated?;
            content.set_length(bytes(length));
            Ok(())
        })
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(Operation::Sync, |content, random, operated, omit| {
            match operated {
                _ if omit.sync_data => {}
                Ok(_) => content.sync(),
                Err(_) => content.fail_sync(random),
            }
            operated.map(drop)
        })
    }
}

impl PositionalFile for ModelFile {
    fn read_from(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.with(Operation::Look, |content, _, operated, _| {
            operated?;
            let rest = content.cache.get(bytes(offset)..).unwrap_or(&[]);
            let length = rest.len().min(buffer.len());
            buffer[..length].copy_from_slice(&rest[..length]);
            Ok(length)
        })
    }

    /// What lies within the file has its room already.
    fn write_to(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with(Operation::Change, |content, random, operated, _| {
            let offset = bytes(offset);
            let more = (offset + data.len()).saturating_sub(content.cache.len());
            let failed = match operated {
                Ok(room) if room >= more as u64 => {
                    content.write(offset, data);
                    return Ok(());
                }
                Ok(room) => {
                    let fits = data.len() - more + bytes(room);
                    let part = random.index(fits + 1);
                    content.write(offset, &data[..part.min(data.len())]);
                    io::ErrorKind::StorageFull.into()
                }
                Err(error) => {
                    let part = random.index(data.len());
                    content.write(offset, &data[..part]);
                    error
                }
            };
            Err(failed)
        })
    }

    fn preallocate(&self, length: u64) -> io::Result<()> {
        self.with(Operation::Change, |content, _, operated, _| {
            let more = length.saturating_sub(content.cache.len() as u64);
            if operated? < more {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if more > 0 {
                content.set_length(bytes(length));
            }
            Ok(())
        })
    }
}
