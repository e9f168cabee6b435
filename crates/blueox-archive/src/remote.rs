//! An object of which only those bytes are fetched that are read.

use crate::cache::{Cache, Kept};
use crate::limits::{BLOCK_BYTES, FETCH_BYTES, FETCHES_AT_ONCE, GAP_BYTES};
use crate::objects::{Object, ObjectError, Objects};
use blueox_query::sealed::Ranged;
use bytes::Bytes;
use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// An object, as [`Ranged`] bytes. What was fetched is kept in blocks, as long as there is room.
#[derive(Debug)]
pub struct RemoteObject {
    objects: Arc<dyn Objects>,
    object: Object,
    known: OnceLock<Object>,
    cache: Option<Arc<Cache>>,
    kept: OnceLock<Option<Arc<Kept>>>,
}

impl RemoteObject {
    /// An object as it was listed. Without a cache everything is fetched each time that it is read.
    #[must_use]
    pub fn new(objects: Arc<dyn Objects>, object: Object, cache: Option<Arc<Cache>>) -> Self {
        Self { objects, object, known: OnceLock::new(), cache, kept: OnceLock::new() }
    }

    /// The object, with its ETag also where the store lists objects without.
    fn object(&self) -> &Object {
        self.known.get_or_init(|| {
            let listed = &self.object;
            if listed.etag.is_some() {
                return listed.clone();
            }
            // Where that fails, reading says why.
            let found = self.objects.look_at(&listed.name).ok().flatten();
            found.filter(|found| found.length == listed.length).unwrap_or_else(|| listed.clone())
        })
    }

    fn kept(&self) -> Option<&Arc<Kept>> {
        let cache = self.cache.as_ref()?;
        let open = || cache.open_object(&self.objects.url().at(&self.object.name), self.object());
        self.kept.get_or_init(open).as_ref()
    }

    fn fetch(&self, range: &Range<u64>) -> io::Result<Bytes> {
        let length = range.end - range.start;
        let object = self.object();
        let bytes = self.objects.read(object, range.start, length).map_err(io::Error::other)?;
        if bytes.len() as u64 != length {
            let url = self.objects.url().at(&object.name);
            return Err(io::Error::other(ObjectError::Changed { url }));
        }
        Ok(bytes)
    }

    /// Fetches a range that begins and ends with a block, and keeps it.
    fn fetch_blocks(&self, range: &Range<u64>, kept: &Arc<Kept>) -> io::Result<Bytes> {
        let bytes = self.fetch(range)?;
        kept.keep(range.start / BLOCK_BYTES, &bytes);
        Ok(bytes)
    }

    /// The bytes of some blocks: no more of the last one than there are.
    fn bytes_of(&self, blocks: Range<u64>) -> Range<u64> {
        blocks.start * BLOCK_BYTES..(blocks.end * BLOCK_BYTES).min(self.object.length)
    }
}

impl Ranged for RemoteObject {
    fn length(&self) -> u64 {
        self.object.length
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.object.length);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let Some(kept) = self.kept() else { return self.fetch(&(start..end)) };
        let mut out = Vec::with_capacity(length);
        let mut block = start / BLOCK_BYTES;
        while (start + out.len() as u64) < end {
            let at = start + out.len() as u64;
            let bytes = match kept.block(block) {
                Some(bytes) => bytes,
                None => {
                    // What is missing in one piece is fetched in one.
                    let last = (end - 1) / BLOCK_BYTES;
                    let missing = (block..=last).take_while(|block| !kept.has(*block)).count().max(1) as u64;
                    let missing = missing.min(FETCH_BYTES / BLOCK_BYTES);
                    self.fetch_blocks(&self.bytes_of(block..block + missing), kept)?
                }
            };
            let from = (at - block * BLOCK_BYTES) as usize;
            let upto = bytes.len().min((end - block * BLOCK_BYTES) as usize);
            out.extend_from_slice(&bytes[from..upto]);
            block += (bytes.len() as u64).div_ceil(BLOCK_BYTES);
        }
        Ok(out.into())
    }

    fn expect(&self, ranges: &[Range<u64>]) -> io::Result<()> {
        let Some(kept) = self.kept() else { return Ok(()) };
        let blocks = ranges.iter().filter(|range| !range.is_empty()).flat_map(|range| {
            range.start / BLOCK_BYTES..range.end.min(self.object.length).div_ceil(BLOCK_BYTES)
        });
        let mut missing: Vec<u64> = blocks.filter(|block| !kept.has(*block)).collect();
        missing.sort_unstable();
        missing.dedup();
        let runs = runs(&missing);
        let next = AtomicUsize::new(0);
        let fetch = || {
            while let Some(run) = runs.get(next.fetch_add(1, Ordering::Relaxed)) {
                self.fetch_blocks(&self.bytes_of(run.clone()), kept)?;
            }
            Ok(())
        };
        if runs.len() < 2 {
            return fetch();
        }
        thread::scope(|scope| {
            let threads: Vec<_> = (0..runs.len().min(FETCHES_AT_ONCE)).map(|_| scope.spawn(fetch)).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }
}

/// Blocks as ranges to fetch: small gaps are fetched too, and no range is long.
fn runs(blocks: &[u64]) -> Vec<Range<u64>> {
    let mut runs: Vec<Range<u64>> = Vec::new();
    for block in blocks {
        match runs.last_mut() {
            Some(run)
                if block - run.end <= GAP_BYTES / BLOCK_BYTES
                    && (block + 1 - run.start) * BLOCK_BYTES <= FETCH_BYTES =>
            {
                run.end = block + 1;
            }
            _ => runs.push(*block..block + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_near_each_other_are_one_request() {
        assert_eq!(runs(&[]), []);
        let gap = GAP_BYTES / BLOCK_BYTES;
        assert_eq!(runs(&[1, 2, 3 + gap, 9 + 2 * gap]), [1..4 + gap, 9 + 2 * gap..10 + 2 * gap]);
        let long: Vec<u64> = (0..300).collect();
        let most = FETCH_BYTES / BLOCK_BYTES;
        assert_eq!(runs(&long), [0..most, most..2 * most, 2 * most..300]);
    }
}
