//! The spool: the daemon's write-ahead log. Acked means that it stands here, synced.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `stream`, `position` | the numbers: streams and their sequence, places in the log |
//! | `marks` | how far each producer has got; pure |
//! | `record`, `frame`, `fields` | what can be appended, and its bytes (FORMAT.md draws them) |
//! | `segment`, `scan` | the files, and reading frames from one |
//! | `state` | what the log says at its end; the writer and the recovery apply the same frames to it |
//! | `group`, `writer` | records into a group, the group into the log; room, recycling, the full disk |
//! | `chore` | what of that any thread can do, while the writer goes on |
//! | `reader` | what is durable, in order |
//! | `survey`, `recovery` | opening: finding the end, making it durable, and only then telling of it |
//! | `inspect`, `contents` | looking at a spool without touching it; what its frames say |
//! | `at_rest` | what waits in a spool that no daemon has open |
//! | `repair` | mending what opening refuses or cannot read |
//!
//! It has no threads and no clock: one thread owns the [`Writer`], any others own [`Reader`]s and do [`Chore`]s.
//!
//! ```
//! use blueox_log::disk::RealDisk;
//! use blueox_log::spool::{CursorName, FullPolicy, Item, Record, Spool, SpoolConfig, StreamId, Timestamp};
//! # let directory = tempfile::tempdir().unwrap();
//! let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(7))?;
//! let opened = Spool::open(RealDisk, directory.path(), config)?;
//! let (spool, mut writer) = (opened.spool, opened.writer);
//!
//! let batch = Record::Data { source: None, count: 1, origin: b"", events: b"\x80" };
//! writer.append(&batch, Timestamp(1_000_000))?;
//! writer.commit(Timestamp(1_000_000))?; // durable: acknowledge now
//!
//! let mut reader = spool.reader(spool.oldest());
//! let Some(Item::Data(data)) = reader.read()? else { panic!() };
//! assert_eq!(data.events, b"\x80");
//! writer.move_cursor(&CursorName::new("log"), reader.place())?;
//! writer.persist_cursors(Timestamp(2_000_000))?;
//! writer.maintain(); // deletes what all cursors have passed
//! # Ok::<(), blueox_log::spool::SpoolError>(())
//! ```

mod at_rest;
mod chore;
mod config;
mod contents;
mod damage;
mod error;
mod fields;
mod frame;
mod group;
mod inspect;
pub mod limits;
mod marks;
mod position;
mod reader;
mod record;
mod recovery;
pub(crate) mod repair;
mod scan;
mod segment;
mod state;
mod stream;
mod survey;
mod writer;

pub use at_rest::{is_open, undelivered};
pub use chore::Chore;
pub use config::{FullPolicy, SpoolConfig};
pub(crate) use contents::Contents;
pub use damage::{Damage, DamageFault};
pub use error::{Corruption, EnvironmentError, Refusal, SpoolError};
pub use frame::{FrameType, Header, HeaderFault};
pub use inspect::{Inspected, Inspector, Unreadable};
pub use marks::{Mark, Marks, SeqSpan};
pub use position::{Place, Position};
pub use reader::{Data, Gap, Item, Lost, Reader};
pub(crate) use record::file_name_bytes;
pub use record::{CursorName, FileId, FileLength, GapReason, OpenFile, Record};
pub use recovery::Recovery;
pub use segment::SegmentNumber;
pub use stream::{Producer, Seq, Session, Source, StreamId, Timestamp};
pub use writer::{Appended, Dropped, Maintenance, Writer};

use crate::disk::PositionalDisk;
use recovery::Recoverer;
use segment::{Segment, Table};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// A spool that is open. Clones are the same spool; the directory is given up when the last one, the writer and
/// all readers are gone.
#[derive(Debug)]
pub struct Spool<D: PositionalDisk> {
    shared: Arc<Shared<D>>,
}

impl<D: PositionalDisk> Clone for Spool<D> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

#[derive(Debug)]
struct Shared<D: PositionalDisk> {
    disk: D,
    directory: PathBuf,
    window_bytes: usize,
    file_name_room: usize,
    table: Mutex<Table>,
    _lock: D::Lock,
}

impl<D: PositionalDisk> Shared<D> {
    fn table(&self) -> MutexGuard<'_, Table> {
        // Whoever panicked while holding it did not leave it half changed: all changes are single steps.
        self.table.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// An open spool, its writer, and what opening found.
#[derive(Debug)]
pub struct Opened<D: PositionalDisk> {
    /// For readers.
    pub spool: Spool<D>,
    /// For the one writer; it knows the marks, cursors and open files.
    pub writer: Writer<D>,
    /// What was found and done.
    pub recovery: Recovery,
    /// What could not be made ready, such as the reserve on a full disk; tried again by [`Writer::maintain`].
    pub maintenance: Maintenance,
}

impl<D: PositionalDisk> Spool<D> {
    /// Opens the spool in a directory, or begins one. All that is found when it returns is durable. It opens on a
    /// full disk too.
    ///
    /// # Errors
    /// [`Refusal::Locked`]; errors of the file system; [`Corruption`] only for what a newer version wrote.
    pub fn open(disk: D, directory: &Path, config: SpoolConfig) -> Result<Opened<D>, SpoolError> {
        let failed = |operation| EnvironmentError::at(operation, directory);
        disk.create_dir_durably(directory).map_err(failed("create"))?;
        let locked = disk.lock(&directory.join("lock")).map_err(failed("lock"))?;
        let lock = locked.ok_or_else(|| Refusal::Locked { directory: directory.to_path_buf() })?;
        let mut recovered = Recoverer { disk: &disk, directory, config: &config }.recover()?;
        let recovery = std::mem::take(&mut recovered.report);
        let shared = Arc::new(Shared {
            disk,
            directory: directory.to_path_buf(),
            window_bytes: config.window_bytes,
            file_name_room: config.file_name_room(),
            table: Mutex::new(std::mem::take(&mut recovered.table)),
            _lock: lock,
        });
        let spool = Self { shared };
        let mut writer = Writer::new(spool.clone(), config, recovered);
        let maintenance = writer.maintain();
        Ok(Opened { spool, writer, recovery, maintenance })
    }

    /// Up to where everything is durable; readers read up to here.
    #[must_use]
    pub fn tail(&self) -> Place {
        self.shared.table().tail
    }

    /// The oldest place that is still there.
    #[must_use]
    pub fn oldest(&self) -> Place {
        let table = self.shared.table();
        table.segments.front().map_or(table.tail, |segment| segment.start)
    }

    /// A reader from a place on, which is a cursor's, [`Spool::oldest`] or [`Spool::tail`].
    #[must_use]
    pub fn reader(&self, place: Place) -> Reader<D> {
        Reader::new(self.clone(), place)
    }

    /// How many bytes the names of open files may have together, as `file_name_bytes` counts them.
    pub(crate) fn file_name_room(&self) -> usize {
        self.shared.file_name_room
    }

    fn lists(&self, number: SegmentNumber) -> bool {
        self.shared.table().segments.iter().any(|segment| segment.number == number)
    }

    fn publish(&self, new: Option<Segment>, tail: Place) {
        let mut table = self.shared.table();
        table.segments.extend(new);
        table.tail = tail;
    }
}

#[cfg(test)]
mod tests;
