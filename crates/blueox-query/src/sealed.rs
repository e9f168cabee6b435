//! Sealed files: a day file as Parquet, for engines that read columns.
//!
//! FORMAT.md, "Sealed files", has the layout. The modules in the order of an event's way:
//!
//! | module | what it holds |
//! | --- | --- |
//! | `place` | where a sealed file stands |
//! | `metadata` | what it says of itself: its type, what it was made of |
//! | `source` | what is sealed: day files, or sealed files that become one |
//! | `split` | an event as values by path and the rest, and back |
//! | `columns`, `rest_paths` | which paths become columns, and of which type; which do not |
//! | `writer` | events into columns |
//! | `ranged`, `positional` | where its bytes come from: a file, or an object far away |
//! | `file` | a sealed file, and which of it a question needs |
//! | `rows`, `encode` | columns into events |
//! | `batches` | columns as they are |
//! | `seal` | one file: written aside, synced, read back and compared, renamed; then what it was made of may go |
//!
//! # What holds
//!
//! 1. What is read back equals what was sealed, value for value, but for the order of a map's keys and for how wide a number or
//!    a length was written. Nobody has to believe that: each file is read back and compared before it gets its name.
//! 2. A day file goes only when files under their names hold all of it, and that was compared. Until it is gone it says with
//!    [`held_spans`] which of its events stand there too; readers pass over those.
//! 3. A file under its name is whole. What was interrupted lies under another name, which readers pass over and the next
//!    attempt overwrites.
//! 4. Memory is bounded whatever the file's size: a batch of events, a row group as it is encoded, and what is known of at most
//!    [`crate::limits::SURVEY_PATHS`] paths.

mod place;

mod metadata;
mod source;

mod columns;
mod rest_paths;
mod split;
mod writer;

mod batches;
mod encode;
mod file;
mod positional;
mod ranged;
mod rows;

mod seal;

#[cfg(test)]
mod tests;

pub use batches::{SealedBatches, Standing, column_name};
pub use file::SealedFile;
pub use metadata::SealedSource;
pub use place::{SealedName, directory, is_aside, type_of_directory};
pub use ranged::Ranged;
pub use rows::{SealedNumbers, SealedRows};
pub use seal::{SealStep, Sealed, held_spans, remove_sealed, seal, seal_in_steps, verify};
pub use source::{Numbered, SealSource, fingerprint};

use blueox_event::Value;
use blueox_log::day_log::scan::Damage;
use parquet::errors::ParquetError;
use std::io;
use std::path::{Path, PathBuf};

/// Own fields that are looked at by their columns.
const ID: &str = "id";
const END: &str = "end";

/// The column that holds what no column does.
const REST: &str = "_rest";
/// Those that are there for other engines, and to tell copies apart.
const TIME: &str = "time";
const NODE: &str = "_node";
const STREAM: &str = "_stream";
const SEQ: &str = "_seq";

/// Gives each value of an event to `each` with the name of the column that it would have in a sealed file, its type not included;
/// gives back what has no such name.
///
/// ```
/// use blueox_event::Value;
/// let body = Value::map([("response", Value::map([("status", Value::from(200))]))]);
/// let event = Value::map([("type", Value::from("request")), ("body", body)]);
/// let mut names = Vec::new();
/// let rest = blueox_query::sealed::flatten(&event, b"request", &mut |name, _| names.push(name.to_owned()));
/// assert_eq!((names, rest), (vec!["response.status".to_owned()], vec![]));
/// ```
pub fn flatten(event: &Value, type_name: &[u8], each: &mut dyn FnMut(&str, &Value)) -> Vec<(Value, Value)> {
    split::split(event, type_name, &mut |name, value| {
        each(name, value);
        true
    })
}

/// The event's own fields that are columns under their names, in the order in which most senders write them.
pub const OWN_FIELDS: [&str; 9] = split::OWN;

/// Whether a column holds a field of events.
fn is_event_column(name: &str) -> bool {
    ![TIME, REST, NODE, STREAM, SEQ].contains(&name)
}

/// Why a file is not sealed, or cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The environment.
    #[error("cannot {operation} {}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The day file holds bytes that are no event: sealing it would lose them.
    #[error("{}: {} bytes at offset {} are no event; it is left as it is", path.display(), damage.length, damage.offset)]
    Damaged {
        /// The day file.
        path: PathBuf,
        /// The first place.
        damage: Damage,
    },
    /// The sealed file cannot be read.
    #[error("{} is no sealed file of BlueOx, or is damaged: {why}", path.display())]
    Corrupt {
        /// The sealed file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// What was written is not what is read back.
    #[error("{}: event {number} is not read back as it was written; nothing was changed; please report this", path.display())]
    Differs {
        /// The day file.
        path: PathBuf,
        /// Which event, counted from 0.
        number: u64,
    },
    /// No sealed file holds all of a day file.
    #[error("{}: {bytes} bytes are in no sealed file; it is left as it is", path.display())]
    NotSealed {
        /// The day file.
        path: PathBuf,
        /// How many bytes.
        bytes: u64,
    },
}

impl SealError {
    pub(crate) fn io(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }

    fn corrupt(path: &Path) -> impl Fn(ParquetError) -> Self {
        move |error| Self::corrupt_because(path, &error.to_string())
    }

    /// A row that is no event.
    pub(crate) fn not_an_event(path: &Path, error: &blueox_event::EventError) -> Self {
        Self::corrupt_because(path, &error.to_string())
    }

    fn corrupt_because(path: &Path, why: &str) -> Self {
        Self::Corrupt { path: path.to_owned(), why: why.to_owned() }
    }
}
