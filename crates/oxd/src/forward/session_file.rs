//! How often the daemon's own stream was connected, durably.
//!
//! The number rises before each connection, and stands on disk before it is used: so a collector can tell the newest
//! connection from those that hang, and a copy of this machine shows itself by an equal number.
//!
//! The file has its whole length from the beginning and is then written in place: where the disk is full, forwarding is
//! what makes room, and it must not need any. Two slots, each in a sector of its own, are written in turn; a slot
//! that was torn leaves the number before it, and the torn one had not been used.

use super::durable_file;
use anyhow::{Context, bail};
use blueox_event::wire::native::Session;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const NAME: &str = "forward.session";
const SLOTS: usize = 2;
/// A sector: what a power loss tears never reaches the other slot.
const SLOT_BYTES: usize = 512;

/// The file `forward.session` in the spool's directory.
#[derive(Debug)]
pub(crate) struct SessionFile {
    path: PathBuf,
    /// `None`: the number is not kept.
    file: Option<File>,
    last: Mutex<u64>,
}

impl SessionFile {
    /// Reads the file. Where there is none, it is made, and counting begins with the seconds since the epoch: above all
    /// numbers of a file that was lost, as nobody connects more than once a second for long.
    pub(crate) fn open(directory: &Path, seconds: u64) -> anyhow::Result<Self> {
        let path = directory.join(NAME);
        let last = match std::fs::read(&path) {
            Ok(content) => match read_slots(&content) {
                Some(last) => last,
                None => bail!("{} holds no number; remove it and start again", path.display()),
            },
            Err(error) if error.kind() == ErrorKind::NotFound => {
                durable_file::replace(&path, &slot(seconds).repeat(SLOTS))
                    .with_context(|| format!("cannot write {}", path.display()))?;
                seconds
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let file = File::options().write(true).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path, file: Some(file), last: Mutex::new(last) })
    }

    /// For a stream that ends with the process: there is no file.
    pub(crate) fn in_memory(seconds: u64) -> Self {
        Self { path: PathBuf::from("memory"), file: None, last: Mutex::new(seconds) }
    }

    /// The next number; it is on disk when it is given.
    pub(crate) fn raise(&self) -> std::io::Result<Session> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let next = last.saturating_add(1);
        if let Some(file) = &self.file {
            let index = next % SLOTS as u64;
            file.write_all_at(&slot(next), index * SLOT_BYTES as u64)?;
            file.sync_data()?;
        }
        *last = next;
        Ok(Session(next))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// A number that fills a slot: twice, so that half of it is not taken for the whole, spaces, and a line's end.
fn slot(number: u64) -> Vec<u8> {
    let text = format!("{number} {number}");
    format!("{text:<width$}\n", width = SLOT_BYTES - 1).into_bytes()
}

/// The highest number of the slots that are whole.
fn read_slots(content: &[u8]) -> Option<u64> {
    content.chunks(SLOT_BYTES).filter_map(read_slot).max()
}

fn read_slot(bytes: &[u8]) -> Option<u64> {
    let number = std::str::from_utf8(bytes).ok()?.split(' ').next()?.parse().ok()?;
    (slot(number) == bytes).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &tempfile::TempDir, seconds: u64) -> anyhow::Result<SessionFile> {
        SessionFile::open(directory.path(), seconds)
    }

    #[test]
    fn it_rises_over_restarts() {
        let directory = tempfile::tempdir().unwrap();
        let file = open(&directory, 1000).unwrap();
        assert_eq!([file.raise().unwrap(), file.raise().unwrap()], [Session(1001), Session(1002)]);
        assert_eq!(open(&directory, 5).unwrap().raise().unwrap(), Session(1003));
        std::fs::write(file.path(), "x").unwrap();
        assert!(open(&directory, 5).unwrap_err().to_string().contains("remove it"));
    }

    #[test]
    fn it_never_grows_and_a_torn_slot_leaves_the_number_before() {
        let directory = tempfile::tempdir().unwrap();
        let file = open(&directory, 98).unwrap();
        let before = std::fs::read(file.path()).unwrap();
        assert_eq!(file.raise().unwrap(), Session(99));
        assert_eq!(file.raise().unwrap(), Session(100));
        let after = std::fs::read(file.path()).unwrap();
        assert_eq!(after.len(), before.len());
        // The second number's slot is the first; it had 98 before.
        for torn in [0, 1, 2, 3, 4, 5, 6, 7, 200, SLOT_BYTES - 1] {
            let mut content = after.clone();
            content[torn..SLOT_BYTES].copy_from_slice(&before[torn..SLOT_BYTES]);
            std::fs::write(file.path(), &content).unwrap();
            let last = *open(&directory, 5).unwrap().last.lock().unwrap();
            assert_eq!(last, if torn < 7 { 99 } else { 100 }, "{torn}");
        }
    }
}
