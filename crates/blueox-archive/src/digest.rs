//! What is compared: the length and the MD5 of a file, as stores compute it too.
//!
//! MD5 is no proof against somebody who makes two files on purpose; it is against everything that happens by itself, and it is
//! the one sum that stores say of what they keep without being asked for it.

use crate::ArchiveError;
use crate::limits::{PART_BYTES, READ_BYTES, SINGLE_BYTES};
use crate::objects::{Object, ObjectError, Objects};
use md5::{Digest as _, Md5};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// The MD5 of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sum(pub [u8; 16]);

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a file is compared by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Its length in bytes.
    pub length: u64,
    /// Of all of it.
    pub whole: Sum,
    /// The ETag of an object that was sent in parts.
    in_parts: String,
}

impl Digest {
    /// Reads a file.
    ///
    /// # Errors
    /// Those of the system; [`ArchiveError::Stopped`].
    pub fn of_file(path: &Path, stop: &AtomicBool) -> Result<Self, ArchiveError> {
        let mut file = File::open(path).map_err(ArchiveError::io("open", path))?;
        let mut summing = Summing::default();
        let mut buffer = vec![0; 256 << 10];
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(ArchiveError::Stopped);
            }
            match file.read(&mut buffer).map_err(ArchiveError::io("read", path))? {
                0 => return Ok(summing.finish()),
                count => summing.add(&buffer[..count]),
            }
        }
    }

    /// Of bytes in memory.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut summing = Summing::default();
        summing.add(bytes);
        summing.finish()
    }

    /// Whether a store's ETag proves that it keeps these bytes. If not, it proves nothing: of encrypted objects it is another
    /// sum.
    #[must_use]
    pub fn is_etag(&self, etag: &str) -> bool {
        let etag = etag.trim_matches('"');
        etag.eq_ignore_ascii_case(&self.whole.to_string()) || etag.eq_ignore_ascii_case(&self.in_parts)
    }

    /// Whether it is sent in parts.
    #[must_use]
    pub fn goes_in_parts(&self) -> bool {
        self.length > SINGLE_BYTES
    }
}

/// Reads an object and computes what it is compared by.
///
/// # Errors
/// Those of the store; [`ArchiveError::Stopped`].
pub fn of_object(
    objects: &dyn Objects,
    object: &Object,
    stop: &AtomicBool,
    each: &mut dyn FnMut(&[u8]) -> Result<(), ArchiveError>,
) -> Result<Digest, ArchiveError> {
    let mut summing = Summing::default();
    let mut at = 0;
    while at < object.length {
        if stop.load(Ordering::Relaxed) {
            return Err(ArchiveError::Stopped);
        }
        let length = READ_BYTES.min(object.length - at);
        let bytes = objects.read(object, at, length)?;
        if bytes.len() as u64 != length {
            return Err(ObjectError::Changed { url: objects.url().at(&object.name) }.into());
        }
        summing.add(&bytes);
        each(&bytes)?;
        at += length;
    }
    Ok(summing.finish())
}

#[derive(Default)]
struct Summing {
    length: u64,
    whole: Md5,
    /// Of the sums of all parts that are complete.
    parts: Md5,
    count: u64,
    part: Md5,
    in_part: u64,
}

impl Summing {
    fn add(&mut self, mut bytes: &[u8]) {
        self.length += bytes.len() as u64;
        self.whole.update(bytes);
        while !bytes.is_empty() {
            let fits = usize::try_from(PART_BYTES - self.in_part).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at(fits);
            self.part.update(now);
            self.in_part += fits as u64;
            if self.in_part == PART_BYTES {
                self.end_part();
            }
            bytes = later;
        }
    }

    fn end_part(&mut self) {
        let sum = self.part.finalize_reset();
        self.parts.update(sum);
        self.count += 1;
        self.in_part = 0;
    }

    fn finish(mut self) -> Digest {
        if self.in_part > 0 || self.count == 0 {
            self.end_part();
        }
        let in_parts = format!("{}-{}", Sum(self.parts.finalize().into()), self.count);
        Digest { length: self.length, whole: Sum(self.whole.finalize().into()), in_parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_those_of_stores() {
        let digest = Digest::of(b"hello");
        assert!(digest.is_etag("\"5d41402abc4b2a76b9719d911017c592\""));
        assert!(digest.is_etag(&format!("{}-1", Sum(Md5::digest(Md5::digest(b"hello")).into()))));
        assert!(!digest.is_etag("5d41402abc4b2a76b9719d911017c593"));
        assert!(!digest.is_etag(""));
    }

    #[test]
    fn parts_are_cut_wherever_bytes_come_in() {
        let bytes: Vec<u8> = (0..PART_BYTES + 5).map(|at| (at % 251) as u8).collect();
        let mut summing = Summing::default();
        bytes.chunks(1_000_003).for_each(|chunk| summing.add(chunk));
        let cut = summing.finish();
        assert_eq!(cut, Digest::of(&bytes));
        let (first, second) = bytes.split_at(PART_BYTES as usize);
        let sums = [Md5::digest(first), Md5::digest(second)].concat();
        assert_eq!(cut.in_parts, format!("{}-2", Sum(Md5::digest(sums).into())));
    }
}
