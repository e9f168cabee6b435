//! Which windows of time nobody appends to any more: `<log-path>/.blueox/settled`.
//!
//! A window follows the receive time of events in the spool, which never runs backwards. So once the log has durably got past
//! a window, and its files are closed and forgotten, no crash brings anything back to them: they may be sealed and removed.
//! Only the daemon knows when that is; a clock does not, since a daemon may be days behind.
//!
//! The file is one line, written over in place. What cannot be read says nothing: then nothing is settled.

use super::path::Window;
use crate::disk::{Disk, DiskFile};
use crate::ranges::OWN_FOLDER;
use blueox_event::time::UtcDay;
use blueox_event::wire::native::NodeId;
use std::io;
use std::path::{Path, PathBuf};

const NAME: &str = "settled";
const MAGIC: &str = "settled-1";

/// What a daemon says of its log path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settled {
    /// The daemon.
    pub node: NodeId,
    /// Files whose window begins before this one does are final.
    pub before: Window,
}

impl Settled {
    /// What the daemon of a log path has said last, if anything.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(log_path: &Path) -> io::Result<Option<Self>> {
        match std::fs::read_to_string(log_path.join(relative_path())) {
            Ok(text) => Ok(Self::parse(&text)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether nobody appends to files of this window any more.
    #[must_use]
    pub fn is_final(&self, window: Window) -> bool {
        let begin = |window: Window| (window.day, window.hour.unwrap_or(0));
        begin(window) < begin(self.before)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (line, sum) = text.strip_suffix('\n')?.rsplit_once(' ')?;
        if sum != checksum(line) {
            return None;
        }
        let mut words = line.split(' ');
        let (magic, node, window) = (words.next()?, words.next()?, words.next()?);
        let node = NodeId(u128::from_str_radix(node, 16).ok().filter(|_| magic == MAGIC)?);
        let hour = window.get(8..10)?.parse().ok().filter(|hour| *hour < 24)?;
        let day = UtcDay::parse(window.get(..8)?.as_bytes())?;
        Some(Self { node, before: Window { day, hour: Some(hour) } })
    }

    fn line(&self) -> String {
        let Self { node, before } = self;
        let line = format!("{MAGIC} {:032x} {}{:02}", node.0, before.day, before.hour.unwrap_or(0));
        let sum = checksum(&line);
        format!("{line} {sum}\n")
    }

    pub(crate) fn write<D: Disk>(&self, disk: &D, log_path: &Path) -> io::Result<()> {
        let file = disk.open_append(&log_path.join(relative_path()))?;
        // In between it says nothing.
        file.truncate(0)?;
        file.append(self.line().as_bytes())
    }

    /// Takes back what another daemon has said.
    pub(crate) fn forget<D: Disk>(disk: &D, log_path: &Path) -> io::Result<()> {
        let path = log_path.join(relative_path());
        if disk.identity(&path)?.is_none() {
            return Ok(());
        }
        let file = disk.open_append(&path)?;
        file.truncate(0)?;
        file.sync_data()
    }
}

fn relative_path() -> PathBuf {
    Path::new(OWN_FOLDER).join(NAME)
}

fn checksum(line: &str) -> String {
    format!("{:08x}", crc32c::crc32c(line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::day_log::RotateHours;
    use crate::disk::RealDisk;

    #[test]
    fn what_is_written_is_read_and_what_is_torn_says_nothing() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Settled::read(root.path()).unwrap(), None);
        std::fs::create_dir(root.path().join(OWN_FOLDER)).unwrap();
        let before = Window::of(1_331_640_000, RotateHours::new(6));
        let settled = Settled { node: NodeId(0xabc), before };
        settled.write(&RealDisk, root.path()).unwrap();
        assert_eq!(Settled::read(root.path()).unwrap(), Some(settled));
        let line = settled.line();
        for at in 0..line.len() {
            assert_eq!(Settled::parse(&line[..at]), None);
            let other = line.replace("2012031312", "2012031318");
            assert_eq!(Settled::parse(&other), None);
        }
        Settled::forget(&RealDisk, root.path()).unwrap();
        assert_eq!(Settled::read(root.path()).unwrap(), None);
    }

    #[test]
    fn windows_are_final_when_they_began_before() {
        let noon = 1_331_640_000;
        let settled = |rotate| Settled { node: NodeId(1), before: Window::of(noon, rotate) };
        let (days, hours) = (settled(None), settled(RotateHours::new(6)));
        let day = |seconds| Window::of(seconds, None);
        assert!(days.is_final(day(noon - 86_400)) && !days.is_final(day(noon)));
        assert!(hours.is_final(Window::of(noon - 6 * 3600, RotateHours::new(6))));
        assert!(!hours.is_final(Window::of(noon, RotateHours::new(6))));
        // Written with other hours, before the daemon was started anew: its window may reach further.
        assert!(days.is_final(Window::of(noon - 86_400, RotateHours::new(12))));
    }
}
