//! What is sealed: a part of a day file, or sealed files that become one.

use super::SealError;
use super::file::SealedFile;
use super::metadata::SealedSource;
use crate::need::Need;
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::{Item, Scanner};
use blueox_log::ranges::{Placed, Spans};
use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// How much of a day file's beginning and end a fingerprint is made of.
const FINGERPRINT_BYTES: u64 = 4 << 10;

/// What a sealed file is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum SealSource {
    /// A part of a day file, which is not compressed.
    Hot {
        /// The day file.
        path: PathBuf,
        /// From which byte on; an event begins there.
        offset: u64,
        /// How many bytes; the last event ends there.
        bytes: u64,
        /// Which batches its events came in, as far as is known, in order of their offsets.
        placed: Vec<Placed>,
    },
    /// All of a sealed file, which the new one takes the place of.
    Sealed(PathBuf),
}

/// Takes an event and the batch that it came in.
type Each<'a> = &'a mut dyn FnMut(&EncodedEvent<'_>, Option<Numbered>) -> Result<(), SealError>;

/// The number of the batch that an event came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Numbered {
    /// The daemon that kept it.
    pub node: u128,
    /// The stream in which it was numbered.
    pub stream: u128,
    /// Its number there.
    pub seq: u64,
}

impl SealSource {
    /// A whole day file of so many bytes, of whose batches nothing is known.
    #[must_use]
    pub fn hot(path: &Path, bytes: u64) -> Self {
        Self::Hot { path: path.to_owned(), offset: 0, bytes, placed: Vec::new() }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Hot { path, .. } | Self::Sealed(path) => path,
        }
    }

    /// What the metadata of the new file say of it.
    pub(super) fn describe(&self) -> Result<Vec<SealedSource>, SealError> {
        match self {
            Self::Sealed(path) => Ok(SealedFile::open(path)?.sources().to_vec()),
            Self::Hot { path, offset, bytes, .. } => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let fingerprint = fingerprint(path, *offset, *bytes).map_err(SealError::io("read", path))?;
                Ok(vec![SealedSource { name, offset: *offset, bytes: *bytes, fingerprint }])
            }
        }
    }

    /// Gives every event to `each`, with its batch. Damage is an error.
    pub(super) fn walk(&self, each: Each<'_>) -> Result<u64, SealError> {
        match self {
            Self::Hot { path, offset, bytes, placed } => walk_hot(path, *offset, *bytes, placed, each),
            Self::Sealed(path) => walk_sealed(path, each),
        }
    }
}

fn walk_hot(
    path: &Path,
    offset: u64,
    bytes: u64,
    placed: &[Placed],
    each: Each<'_>,
) -> Result<u64, SealError> {
    let mut file = File::open(path).map_err(SealError::io("open", path))?;
    file.seek(SeekFrom::Start(offset)).map_err(SealError::io("read", path))?;
    let mut scanner = Scanner::new(std::io::Read::take(file, bytes)).starting_at(offset);
    let mut events = 0;
    let mut placed = placed.iter().peekable();
    while let Some(item) = scanner.next_item().map_err(SealError::io("read", path))? {
        match item {
            Item::Event { offset, event } => {
                while placed.next_if(|part| part.offset + part.bytes <= offset).is_some() {}
                let part = placed.peek().filter(|part| part.offset <= offset);
                let numbered = part.map(|part| Numbered {
                    node: part.node.0,
                    stream: part.stream.0,
                    seq: part.seq.get(),
                });
                each(&event, numbered)?;
            }
            Item::Damage(damage) => return Err(SealError::Damaged { path: path.to_owned(), damage }),
        }
        events += 1;
    }
    Ok(events)
}

fn walk_sealed(path: &Path, each: Each<'_>) -> Result<u64, SealError> {
    let file = SealedFile::open(path)?;
    let all = (0..file.groups()).collect();
    let mut rows = file.rows(&Need::default(), all, Spans::default())?;
    let mut numbers = file.numbers()?;
    let mut events = 0;
    while let Some(next) = rows.next_event() {
        let (_, bytes) = next?;
        let event = EncodedEvent::parse(bytes)
            .map_err(|error| SealError::corrupt_because(path, &error.to_string()))?;
        let numbered = numbers.next().transpose()?.flatten();
        each(&event, numbered)?;
        events += 1;
    }
    Ok(events)
}

/// A checksum of the first and the last bytes of a part of a file: enough to tell a file from another of its name, as every
/// event has an id or a time of its own.
///
/// # Errors
/// When the file cannot be read, or is shorter.
pub fn fingerprint(path: &Path, offset: u64, bytes: u64) -> std::io::Result<u32> {
    let file = File::open(path)?;
    let length = bytes.min(FINGERPRINT_BYTES);
    let mut read = vec![0; length as usize];
    file.read_exact_at(&mut read, offset)?;
    let first = crc32c::crc32c(&read);
    file.read_exact_at(&mut read, offset + bytes - length)?;
    Ok(crc32c::crc32c_append(first, &read))
}
