//! Bytes that are read by ranges: a file, or an object in a store that is far away.

use bytes::Bytes;
use std::fmt::Debug;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;

/// Bytes of which several readers read parts at once.
pub trait Ranged: Debug + Send + Sync {
    /// How many there are.
    fn length(&self) -> u64;

    /// So many bytes from `start` on, all of which are there.
    ///
    /// # Errors
    /// Those of the system, or of the store.
    fn read(&self, start: u64, length: usize) -> io::Result<Bytes>;

    /// These are going to be read soon: what is far away may be fetched at once.
    ///
    /// # Errors
    /// As [`Ranged::read`].
    fn expect(&self, ranges: &[Range<u64>]) -> io::Result<()> {
        let _ = ranges;
        Ok(())
    }
}

/// A file of this machine.
#[derive(Debug)]
pub(super) struct LocalFile {
    file: File,
    length: u64,
}

impl LocalFile {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }
}

impl Ranged for LocalFile {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        self.file.read_exact_at(&mut bytes, start)?;
        Ok(bytes.into())
    }
}
