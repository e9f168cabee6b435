//! What waits in a spool that no daemon has open, seen without touching it: from its last checkpoint on.

use super::contents::Contents;
use super::error::{EnvironmentError, SpoolError};
use super::inspect::{Inspected, Inspector};
use super::position::Place;
use super::recovery::segment_numbers;
use crate::disk::{PositionalDisk, RealDisk};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// How many events of a spool were not read to their end by at least one of its readers. Reads the last segments only.
///
/// # Errors
/// When it cannot be read.
pub fn undelivered(directory: &Path) -> Result<u64, SpoolError> {
    undelivered_on(&RealDisk, directory)
}

pub(crate) fn undelivered_on<D: PositionalDisk>(disk: &D, directory: &Path) -> Result<u64, SpoolError> {
    let numbers = segment_numbers(disk, directory)?;
    // The last are prepared, and empty; the one before them begins with a checkpoint of all that counts.
    for number in numbers.iter().rev() {
        let mut contents = Contents::new();
        let mut any = false;
        let mut inspector = Inspector::file(disk, &number.path(directory))?;
        while let Some(found) = inspector.read()? {
            if let Inspected::Frame { offset, header, payload, void: false, .. } = found {
                any |= contents.apply(offset, &header, payload).is_ok();
            }
        }
        if any {
            let read = match contents.cursors().map(|place| place.events).min() {
                Some(events) => events,
                None => first_place(disk, &numbers[0].path(directory))?.events,
            };
            return Ok(contents.tail().events.saturating_sub(read));
        }
    }
    Ok(0)
}

/// Where a segment begins.
fn first_place<D: PositionalDisk>(disk: &D, path: &Path) -> Result<Place, SpoolError> {
    let mut inspector = Inspector::file(disk, path)?;
    while let Some(found) = inspector.read()? {
        if let Inspected::Frame { header, .. } = found {
            return Ok(header.place);
        }
    }
    Ok(Place::START)
}

/// Whether a daemon has the spool open. The lock is only looked at: who took it to see, were it for an instant, would make a
/// daemon fail that starts just then.
///
/// # Errors
/// When the system's list of locks cannot be read.
pub fn is_open(directory: &Path) -> Result<bool, EnvironmentError> {
    let path = directory.join("lock");
    let lock = match fs::metadata(&path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(EnvironmentError::at("look at", &path)(error)),
    };
    let list = Path::new("/proc/locks");
    let locks = fs::read_to_string(list).map_err(EnvironmentError::at("read", list))?;
    // `1: FLOCK  ADVISORY  WRITE 4121 fe:00:1234 0 EOF`; some file systems show another device than files have.
    let inode = format!(":{}", lock.ino());
    Ok(locks.lines().any(|line| line.split_whitespace().any(|word| word.ends_with(&inode))))
}

#[cfg(test)]
mod tests {
    use super::super::{CursorName, FullPolicy, Record, Spool, SpoolConfig, StreamId, Timestamp};
    use super::*;

    #[test]
    fn what_waits_is_counted_up_to_the_slowest_reader() {
        let directory = tempfile::tempdir().unwrap();
        let spool = directory.path();
        assert_eq!(undelivered(spool).unwrap(), 0, "no spool");
        let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(7)).unwrap();
        let mut opened = Spool::open(RealDisk, spool, config).unwrap();
        assert!(is_open(spool).unwrap());
        assert_eq!(undelivered(spool).unwrap(), 0);
        let events = [0x80; 3];
        let append = |writer: &mut super::super::Writer<RealDisk>| {
            let batch = Record::Data { source: None, count: 3, origin: b"", events: &events };
            writer.append(&batch, Timestamp(1)).unwrap();
            writer.commit(Timestamp(1)).unwrap()
        };
        append(&mut opened.writer);
        assert_eq!(undelivered(spool).unwrap(), 3, "nobody reads it yet");
        let (log, forward) = (CursorName::new("log"), CursorName::new("forward:0"));
        let place = append(&mut opened.writer);
        opened.writer.move_cursor(&forward, place).unwrap();
        opened.writer.move_cursor(&log, place).unwrap();
        let place = append(&mut opened.writer);
        opened.writer.move_cursor(&log, place).unwrap();
        opened.writer.persist_cursors(Timestamp(1)).unwrap();
        drop(opened);
        assert!(!is_open(spool).unwrap());
        assert_eq!(undelivered(spool).unwrap(), 3, "one of two has read all");
        let mut opened = Spool::open(RealDisk, spool, config).unwrap();
        let tail = opened.spool.tail();
        opened.writer.move_cursor(&forward, tail).unwrap();
        opened.writer.persist_cursors(Timestamp(1)).unwrap();
        drop(opened);
        assert_eq!(undelivered(spool).unwrap(), 0);
    }
}
