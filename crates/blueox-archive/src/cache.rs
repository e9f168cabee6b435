//! Blocks of objects, kept on this machine under the ETags of the objects: another object is another file.
//!
//! Of each object a file with its blocks where they are in the object, and the rest of it holes; beside it the checksum of each
//! block, 0 where there is none. Several processes may use the same directory: what they write is the same, and what one takes
//! away the other finds missing by its checksum.

use crate::limits::BLOCK_BYTES;
use crate::objects::Object;
use bytes::Bytes;
use md5::{Digest as _, Md5};
use rustix::fs::{FallocateFlags, Timespec, Timestamps, UTIME_NOW, fallocate, futimens};
use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A directory of kept blocks.
#[derive(Debug)]
pub struct Cache {
    directory: PathBuf,
    /// What this process may keep beside what was there, in bytes.
    room: u64,
    /// What it has kept, the oldest first.
    newest: Mutex<Ring>,
}

#[derive(Debug, Default)]
struct Ring {
    bytes: u64,
    blocks: VecDeque<(Weak<Kept>, Range<u64>)>,
}

/// What is kept of one object.
#[derive(Debug)]
pub struct Kept {
    cache: Weak<Cache>,
    own: Weak<Kept>,
    blocks: File,
    sums: File,
    /// As in the file.
    known: Vec<AtomicU32>,
    length: u64,
}

impl Cache {
    /// Opens a directory, which is made if need be. It holds about `limit` bytes at most: files that were not used for longest
    /// go first, then blocks.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(directory: &Path, limit: u64) -> io::Result<Arc<Self>> {
        // Events are nobody else's business.
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        sweep(directory, limit / 2)?;
        let directory = directory.to_owned();
        Ok(Arc::new(Self { directory, room: limit / 2, newest: Mutex::default() }))
    }

    /// What is kept of an object; `None`: nothing can be, as it has no ETag or the directory is gone.
    pub(crate) fn open_object(self: &Arc<Self>, url: &str, object: &Object) -> Option<Arc<Kept>> {
        let etag = object.etag.as_ref()?;
        let name = Md5::digest(format!("{url}\n{etag}\n{}", object.length));
        let name: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let open = |suffix: &str| {
            let path = self.directory.join(format!("{name}.{suffix}"));
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).ok()
        };
        let (blocks, sums) = (open("blocks")?, open("sums")?);
        let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
        futimens(&blocks, &Timestamps { last_access: now, last_modification: now }).ok()?;
        let count = usize::try_from(object.length.div_ceil(BLOCK_BYTES)).ok()?;
        let mut read = Vec::new();
        io::Read::read_to_end(&mut &sums, &mut read).ok()?;
        let mut known: Vec<AtomicU32> = read
            .chunks_exact(4)
            .take(count)
            .map(|sum| AtomicU32::new(u32::from_le_bytes(sum.try_into().expect("BUG: four bytes"))))
            .collect();
        known.resize_with(count, AtomicU32::default);
        let length = object.length;
        Some(Arc::new_cyclic(|own| Kept {
            cache: Arc::downgrade(self),
            own: Weak::clone(own),
            blocks,
            sums,
            known,
            length,
        }))
    }

    /// Something was kept: something else goes where that is too much.
    fn make_room(&self, kept: &Weak<Kept>, blocks: Range<u64>) {
        let mut ring = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        ring.bytes += (blocks.end - blocks.start) * BLOCK_BYTES;
        ring.blocks.push_back((Weak::clone(kept), blocks));
        while ring.bytes > self.room && ring.blocks.len() > 1 {
            let Some((kept, blocks)) = ring.blocks.pop_front() else { break };
            ring.bytes -= (blocks.end - blocks.start) * BLOCK_BYTES;
            if let Some(kept) = kept.upgrade() {
                kept.forget(blocks);
            }
        }
    }
}

impl Kept {
    /// Whether a block was kept, as far as is known without reading it.
    pub(crate) fn has(&self, block: u64) -> bool {
        self.sum(block) != 0
    }

    /// A block, if it is there and whole.
    pub(crate) fn block(&self, block: u64) -> Option<Bytes> {
        let sum = self.sum(block);
        if sum == 0 {
            return None;
        }
        let begin = block * BLOCK_BYTES;
        let mut bytes = vec![0; BLOCK_BYTES.min(self.length.checked_sub(begin)?) as usize];
        let read = self.blocks.read_exact_at(&mut bytes, begin);
        if read.is_err() || checksum(&bytes) != sum {
            self.set(block, 0);
            return None;
        }
        Some(bytes.into())
    }

    /// Keeps bytes that begin with a block. Where that fails they are fetched again.
    pub(crate) fn keep(&self, first: u64, bytes: &[u8]) {
        if self.blocks.write_all_at(bytes, first * BLOCK_BYTES).is_err() {
            return;
        }
        let mut block = first;
        for bytes in bytes.chunks(BLOCK_BYTES as usize) {
            self.set(block, checksum(bytes));
            block += 1;
        }
        if let Some(cache) = self.cache.upgrade() {
            cache.make_room(&self.own, first..block);
        }
    }

    fn forget(&self, blocks: Range<u64>) {
        blocks.clone().for_each(|block| self.set(block, 0));
        let (begin, length) = (blocks.start * BLOCK_BYTES, (blocks.end - blocks.start) * BLOCK_BYTES);
        // A file system without holes keeps it until the file goes.
        let _ =
            fallocate(&self.blocks, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, begin, length);
    }

    fn sum(&self, block: u64) -> u32 {
        usize::try_from(block)
            .ok()
            .and_then(|at| self.known.get(at))
            .map_or(0, |sum| sum.load(Ordering::Acquire))
    }

    fn set(&self, block: u64, sum: u32) {
        if let Some(known) = usize::try_from(block).ok().and_then(|at| self.known.get(at)) {
            known.store(sum, Ordering::Release);
            let _ = self.sums.write_all_at(&sum.to_le_bytes(), block * 4);
        }
    }
}

/// Never 0.
fn checksum(bytes: &[u8]) -> u32 {
    crc32c::crc32c(bytes).max(1)
}

/// Removes files until no more than `limit` bytes are left.
fn sweep(directory: &Path, limit: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|suffix| suffix == "blocks")
            && let Ok(metadata) = fs::metadata(&path)
        {
            files.push((metadata.mtime(), metadata.mtime_nsec(), metadata.blocks() * 512, path));
        }
    }
    files.sort_unstable();
    let mut bytes: u64 = files.iter().map(|(_, _, bytes, _)| bytes).sum();
    for (_, _, length, path) in files {
        if bytes <= limit {
            break;
        }
        bytes -= length;
        for path in [path.with_extension("sums"), path] {
            match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}
