//! One file, decompressed when its first bytes say that it is compressed, whatever its name.

use crate::stores;
use crate::unsealed::Unsealed;
use anyhow::Context;
use blueox_log::ranges::Spans;
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::need::Need;
use blueox_query::sealed::Ranged;
use bytes::Bytes;
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How much of an object is fetched at once.
const FAR_BYTES: u64 = 4 << 20;

/// How much of a compressed file is read at once.
const COMPRESSED_BUFFER_BYTES: usize = 256 << 10;

/// What a file's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Plain,
    Bzip2,
    Gzip,
    Zstd,
    /// A sealed file.
    Parquet,
}

impl Packing {
    /// No event begins like any of these.
    pub(crate) fn of(first: &[u8]) -> Self {
        match first {
            [b'B', b'Z', b'h', ..] => Self::Bzip2,
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            [b'P', b'A', b'R', b'1', ..] => Self::Parquet,
            _ => Self::Plain,
        }
    }
}

/// A source of events.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) packing: Packing,
    /// Whether it may keep its reader waiting, as a pipe does.
    pub(crate) waits: bool,
    pub(crate) reader: Box<dyn Read>,
    /// How many bytes of the file, compressed or not, have been read.
    pub(crate) consumed: Rc<Cell<u64>>,
}

impl Input {
    /// Opens a file, or an object by its URL.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        if stores::is_url(path) {
            return Self::of_store_file(&stores::file(path)?);
        }
        let name = crate::text::printable_text(path.as_os_str().as_encoded_bytes());
        let file = File::open(path).with_context(|| format!("cannot open {name}"))?;
        let mut first = [0; 4];
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        if is_file && file.read_exact_at(&mut first, 0).is_ok() && Packing::of(&first) == Packing::Parquet {
            let file = StoreFile::alone(path, Kind::Sealed, 0);
            return Self::of_sealed(&file, &Need::default(), Spans::default());
        }
        Self::of_file(name, file)
    }

    /// Opens a file of a store, wherever it is.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn of_store_file(file: &StoreFile) -> anyhow::Result<Self> {
        match &file.object {
            _ if file.kind == Kind::Sealed => Self::of_sealed(file, &Need::default(), Spans::default()),
            None => Self::open(&file.path),
            Some(object) => {
                let name = crate::text::printable_text(file.path.as_os_str().as_encoded_bytes());
                let source = Far { object: Arc::clone(object), position: 0, ahead: Bytes::new() };
                Self::new(name, source)
            }
        }
    }

    /// Opens a sealed file, without the events in the rows of `dropped`.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub(crate) fn of_sealed(file: &StoreFile, need: &Need, dropped: Spans) -> anyhow::Result<Self> {
        let consumed = Rc::new(Cell::new(0));
        let name = crate::text::printable_text(file.path.as_os_str().as_encoded_bytes());
        let unsealed = Unsealed::of(&file.open_sealed()?, need, dropped, Rc::clone(&consumed))?;
        let (packing, reader) = (Packing::Parquet, Box::new(unsealed));
        Ok(Self { name, packing, waits: false, reader, consumed })
    }

    /// Takes an open file.
    ///
    /// # Errors
    /// When it is a directory, or cannot be read.
    pub(crate) fn of_file(name: String, file: File) -> anyhow::Result<Self> {
        let metadata = file.metadata().with_context(|| format!("cannot look at {name}"))?;
        if metadata.is_dir() {
            anyhow::bail!(is_a_directory(&name));
        }
        let input = Self::new(name, file)?;
        Ok(Self { waits: !metadata.is_file(), ..input })
    }

    /// As [`Input::open`], but the file is open only while some of it is read: for more files than a process may
    /// have open.
    ///
    /// # Errors
    /// As [`Input::open`].
    pub(crate) fn open_sparingly(path: &Path) -> anyhow::Result<Self> {
        let name = crate::text::printable_text(path.as_os_str().as_encoded_bytes());
        let source = Sparing { path: path.to_owned(), position: 0 };
        Self::new(name, source)
    }

    /// Takes what `source` gives.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn new(name: String, source: impl Read + 'static) -> anyhow::Result<Self> {
        let consumed = Rc::new(Cell::new(0));
        let mut source = Counted { source, count: Rc::clone(&consumed) };
        let mut first = [0; 4];
        let mut length = 0;
        // A pipe may be slow: as soon as it is clear that nothing is compressed, events are to be shown.
        while length < first.len() && (length == 0 || matches!(first[0], b'B' | 0x1f | 0x28)) {
            match source.read(&mut first[length..]) {
                Ok(0) => break,
                Ok(count) => length += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).with_context(|| format!("cannot read {name}")),
            }
        }
        let packing = Packing::of(&first[..length]);
        let whole = Cursor::new(first).take(length as u64).chain(source);
        let buffered = |whole| BufReader::with_capacity(COMPRESSED_BUFFER_BYTES, whole);
        let reader: Box<dyn Read> = match packing {
            // A sealed file cannot be read from its beginning to its end.
            Packing::Parquet => anyhow::bail!("{name} is a sealed file; give it by its name"),
            Packing::Plain => Box::new(whole),
            Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered(whole))),
            Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered(whole))),
            Packing::Zstd => Box::new(
                zstd::stream::read::Decoder::with_buffer(buffered(whole))
                    .with_context(|| format!("cannot decompress {name}"))?,
            ),
        };
        Ok(Self { name, packing, waits: false, reader, consumed })
    }

    pub(crate) fn is_compressed(&self) -> bool {
        self.packing != Packing::Plain
    }
}

/// What to do with a directory where a file is expected.
pub(crate) fn is_a_directory(name: &str) -> String {
    format!("{name} is a directory; to read the logs below it: oxview -l {name}")
}

/// A file that is opened for every read.
struct Sparing {
    path: PathBuf,
    position: u64,
}

impl Read for Sparing {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = File::open(&self.path)?.read_at(out, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

/// An object, from its beginning to its end.
struct Far {
    object: Arc<dyn Ranged>,
    position: u64,
    ahead: Bytes,
}

impl Read for Far {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let length = FAR_BYTES.min(self.object.length() - self.position);
            self.ahead = self.object.read(self.position, length as usize)?;
            self.position += length;
        }
        let count = out.len().min(self.ahead.len());
        out[..count].copy_from_slice(&self.ahead.split_to(count));
        Ok(count)
    }
}

struct Counted<R> {
    source: R,
    count: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(out)?;
        self.count.set(self.count.get() + count as u64);
        Ok(count)
    }
}
