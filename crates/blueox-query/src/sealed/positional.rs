//! Bytes that several readers read at once: none moves the place at which another reads.

use super::ranged::Ranged;
use bytes::{Buf, Bytes};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};
use std::io::{self, Read};
use std::sync::Arc;

/// So many bytes are read at once where it is not known how many are needed.
const AHEAD_BYTES: u64 = 8 << 10;

#[derive(Debug, Clone)]
pub(super) struct Positional {
    bytes: Arc<dyn Ranged>,
}

/// Reads on from a place.
pub(super) struct From {
    bytes: Arc<dyn Ranged>,
    position: u64,
    ahead: Bytes,
}

impl Positional {
    pub(super) fn new(bytes: Arc<dyn Ranged>) -> Self {
        Self { bytes }
    }

    pub(super) fn ranged(&self) -> &dyn Ranged {
        &*self.bytes
    }
}

impl Length for Positional {
    fn len(&self) -> u64 {
        self.bytes.length()
    }
}

impl ChunkReader for Positional {
    type T = From;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(From { bytes: Arc::clone(&self.bytes), position: start, ahead: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // A footer that is damaged may name any length: no memory is taken for what is not there.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes.length()) {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are beyond the file's end")));
        }
        Ok(self.bytes.read(start, length)?)
    }
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let left = self.bytes.length().saturating_sub(self.position);
            let length = left.min(AHEAD_BYTES);
            self.ahead = self.bytes.read(self.position, length as usize)?;
            self.position += length;
        }
        let count = out.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut out[..count]);
        Ok(count)
    }
}
