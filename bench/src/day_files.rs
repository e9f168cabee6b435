//! What a daemon has written.

use anyhow::Context;
use blueox_event::event::Found;
use blueox_event::msgpack::{MsgpackError, Token};
use blueox_event::{EncodedEvent, Path as EventPath, event::EventError};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

const READ_BYTES: usize = 4 << 20;

/// A log path, or several that are one store.
#[derive(Debug, Clone)]
pub(crate) struct DayFiles {
    roots: Vec<PathBuf>,
}

/// Which of the events that were sent stand in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counted {
    /// How many numbers stand there at least once.
    pub(crate) found: u64,
    pub(crate) lost: u64,
    /// How many events stand there besides: again, or nobody's.
    pub(crate) surplus: u64,
}

impl DayFiles {
    pub(crate) fn new(root: &Path) -> Self {
        Self { roots: vec![root.into()] }
    }

    /// The files of both.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.roots.extend(other.roots);
        self
    }

    /// The length of all files together, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.paths().iter().filter_map(|path| path.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// Looks for these numbers in `body.seq`.
    pub(crate) fn count(&self, sent: &[Range<u32>]) -> anyhow::Result<Counted> {
        let path = EventPath::parse("body.seq").expect("BUG: a constant path");
        let total: u64 = sent.iter().map(|range| range.len() as u64).sum();
        let mut seen = vec![0u64; usize::try_from(total.div_ceil(64))?];
        let (mut found, mut surplus) = (0, 0);
        for file in self.paths() {
            each_event(&file, |event| {
                let number = match event.lookup(&path) {
                    Some(Found::Value(value)) => match value.token() {
                        Token::UInt(number) => rank(sent, number),
                        _ => None,
                    },
                    _ => None,
                };
                match number {
                    Some(number) if seen[number / 64] >> (number % 64) & 1 == 0 => {
                        seen[number / 64] |= 1 << (number % 64);
                        found += 1;
                    }
                    _ => surplus += 1,
                }
            })?;
        }
        Ok(Counted { found, lost: total - found, surplus })
    }

    /// All day files: a log path has directories, and these have files.
    fn paths(&self) -> Vec<PathBuf> {
        let list = |directory: &Path| -> Vec<PathBuf> {
            std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
        };
        let days = self.roots.iter().flat_map(|root| list(root)).filter(|path| path.is_dir());
        days.flat_map(|day| list(&day))
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect()
    }
}

/// Which one a number is among all that were sent.
fn rank(sent: &[Range<u32>], number: u64) -> Option<usize> {
    let number = u32::try_from(number).ok()?;
    let at = sent.iter().position(|range| range.contains(&number))?;
    let before: usize = sent[..at].iter().map(Range::len).sum();
    Some(before + (number - sent[at].start) as usize)
}

fn each_event(path: &Path, mut each: impl FnMut(&EncodedEvent<'_>)) -> anyhow::Result<()> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let mut bytes = Vec::new();
    loop {
        let kept = bytes.len();
        bytes.resize(kept + READ_BYTES, 0);
        let count = file.read(&mut bytes[kept..])?;
        bytes.truncate(kept + count);
        let mut rest = bytes.as_slice();
        loop {
            match EncodedEvent::read(rest) {
                Ok(event) => {
                    rest = &rest[event.bytes().len()..];
                    each(&event);
                }
                Err(EventError::Msgpack(MsgpackError::Incomplete)) => break,
                Err(error) => return Err(error).with_context(|| format!("{} is damaged", path.display())),
            }
        }
        let left = rest.len();
        bytes.drain(..bytes.len() - left);
        if count == 0 {
            anyhow::ensure!(left == 0, "{} ends inside an event", path.display());
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Sample;

    #[test]
    fn lost_and_repeated_events_are_found() {
        let root = tempfile::tempdir().unwrap();
        let day = root.path().join("20120313");
        std::fs::create_dir(&day).unwrap();
        let mut sample = Sample::new("request", 300, 1_331_640_000.0, 0);
        let at = sample.number_at();
        let mut bytes = Vec::new();
        for number in [0u32, 1, 3, 3, 99] {
            sample.map[at..at + 4].copy_from_slice(&number.to_be_bytes());
            bytes.extend_from_slice(&sample.map);
        }
        std::fs::write(day.join("request-20120313.log"), &bytes).unwrap();
        let files = DayFiles::new(root.path());
        assert_eq!(files.size(), 1_500);
        assert_eq!(files.count(&[0..2, 2..5]).unwrap(), Counted { found: 3, lost: 2, surplus: 2 });
        assert_eq!(files.count(&[99..100, 1..4]).unwrap(), Counted { found: 3, lost: 1, surplus: 2 });
    }
}
