//! What a file holds: in the page cache, and on the disk.

use super::random::Random;
use std::collections::BTreeSet;

pub(super) const SECTOR: usize = 512;

/// Bytes of a file that are in memory only, as they are by the sector, and lengths that are, in their order.
#[derive(Debug, Default, Clone)]
pub(super) struct Content {
    pub(super) cache: Vec<u8>,
    disk: Vec<u8>,
    dirty: BTreeSet<usize>,
    /// Sectors that a failed sync has marked clean although the disk has something else.
    lying: BTreeSet<usize>,
    /// Lengths that the file was given since it was last synced.
    lengths: Vec<usize>,
}

impl Content {
    /// Puts bytes into the cache.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        if self.cache.len() < offset + bytes.len() {
            self.set_length(offset + bytes.len());
        }
        self.cache[offset..offset + bytes.len()].copy_from_slice(bytes);
        for sector in offset / SECTOR..=(offset + bytes.len() - 1) / SECTOR {
            self.dirty.insert(sector);
            self.lying.remove(&sector);
        }
    }

    /// Cuts the file or lengthens it by zeros.
    pub(super) fn set_length(&mut self, length: usize) {
        if length == self.cache.len() {
            return;
        }
        self.cache.resize(length, 0);
        self.lengths.push(length);
        let behind = length.div_ceil(SECTOR);
        self.dirty.split_off(&behind);
        self.lying.split_off(&behind);
    }

    /// Everything reaches the disk but what it lies about.
    pub(super) fn sync(&mut self) {
        self.settle_lengths(self.lengths.len());
        for sector in std::mem::take(&mut self.dirty) {
            self.flush(sector);
        }
    }

    /// A sync that fails writes some sectors, and marks all of them clean.
    pub(super) fn fail_sync(&mut self, random: &mut Random) {
        let settled = random.index(self.lengths.len() + 1);
        self.settle_lengths(settled);
        for sector in std::mem::take(&mut self.dirty) {
            if random.one_in(2) {
                self.flush(sector);
            } else {
                self.lying.insert(sector);
            }
        }
    }

    /// What is left after a power loss: the lengths up to one of them, and of the sectors each, none, or a part.
    pub(super) fn lose_power(&mut self, keep_all: bool, random: &mut Random) {
        let settled = if keep_all { self.lengths.len() } else { random.index(self.lengths.len() + 1) };
        self.settle_lengths(settled);
        for sector in std::mem::take(&mut self.dirty) {
            match random.below(8) {
                _ if keep_all => self.flush(sector),
                0..4 => self.flush(sector),
                4 => self.tear(sector, random),
                _ => {}
            }
        }
        (self.lengths, self.lying) = (Vec::new(), BTreeSet::new());
        self.cache.clone_from(&self.disk);
    }

    /// Clean pages leave memory: what the disk has comes to light.
    pub(super) fn evict(&mut self) {
        for sector in std::mem::take(&mut self.lying) {
            let (start, end) = (sector * SECTOR, ((sector + 1) * SECTOR).min(self.cache.len()));
            for at in start..end {
                self.cache[at] = self.disk.get(at).copied().unwrap_or(0);
            }
        }
    }

    /// A bit turns over, on the disk and in memory.
    pub(super) fn flip(&mut self, at: usize, bit: u8) {
        for bytes in [&mut self.cache, &mut self.disk] {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
    }

    fn settle_lengths(&mut self, count: usize) {
        for length in self.lengths.drain(..count) {
            self.disk.resize(length, 0);
        }
    }

    /// What lies behind the durable length is not seen.
    fn flush(&mut self, sector: usize) {
        let end = ((sector + 1) * SECTOR).min(self.cache.len()).min(self.disk.len());
        let start = sector * SECTOR;
        if start < end {
            self.disk[start..end].copy_from_slice(&self.cache[start..end]);
        }
        self.lying.remove(&sector);
    }

    /// The front of the sector is new and the rest old, or the other way round.
    fn tear(&mut self, sector: usize, random: &mut Random) {
        let end = ((sector + 1) * SECTOR).min(self.cache.len()).min(self.disk.len());
        let start = sector * SECTOR;
        if start < end {
            let middle = start + random.index(end - start);
            let new = if random.one_in(2) { start..middle } else { middle..end };
            self.disk[new.clone()].copy_from_slice(&self.cache[new]);
        }
    }
}
