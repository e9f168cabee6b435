//! One path, followed: what is appended to the file behind it, whatever happens to its name.
//!
//! | what happens | what is done |
//! | --- | --- |
//! | the file grows | what is new is read |
//! | it is renamed, and there is a new one (logrotate `create`) | the new one is read from its beginning; the old one is read on until it was quiet for [`QUIET_LOOKS`], as its writer may not know yet |
//! | it is renamed or removed, and there is none | the old one is read on |
//! | it is shorter than it was, or what was read last is not there any more (`copytruncate`, `> file`) | it is read from its beginning |
//! | there was none, and there is one now | it is read from its beginning |
//!
//! Where positions are kept ([`crate::position`]) it goes on after a restart as if it had been away for a moment: also with files that have lost their name meanwhile, if they are
//! still in the directory.
//!
//! Not seen: a file that was truncated, and has since the last look grown beyond its old length with the same bytes before that place.

use crate::lines::{Line, Lines};
use crate::position::Position;
use anyhow::Context;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A file that has lost its name is let go after so many looks at which there was nothing new.
const QUIET_LOOKS: u32 = 50;

/// So much of what was read last is compared, in bytes.
const FINGERPRINT_BYTES: usize = 64;

/// At most so much is read at one look, in bytes, so that every file has its turn.
const LOOK_BYTES: usize = 1 << 20;

/// Where reading a file begins that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    Start,
    End,
}

/// A path that is followed.
#[derive(Debug)]
pub(crate) struct FollowedFile {
    path: PathBuf,
    current: Option<Tail>,
    /// Files that had the name before.
    renamed: Vec<Tail>,
    /// What was said last of why it cannot be read.
    problem: Option<String>,
}

/// An open file, and how far it was read.
#[derive(Debug)]
struct Tail {
    file: File,
    /// Device and inode.
    identity: (u64, u64),
    position: u64,
    /// The bytes before the position.
    fingerprint: Vec<u8>,
    /// Length and time of change at the last look.
    seen: Option<(u64, i64, i64)>,
    quiet_looks: u32,
    lines: Lines,
}

impl FollowedFile {
    /// Opens the file, if it is there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(crate) fn open(path: &Path, from: From) -> anyhow::Result<Self> {
        let current = match Tail::open(path, from) {
            Ok(tail) => Some(tail),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                eprintln!("oxingest: there is no {} yet; waiting for it", path.display());
                None
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        Ok(Self { path: path.into(), current, renamed: Vec::new(), problem: None })
    }

    /// Goes on where it was read up to.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn resume(path: &Path, positions: &[Position]) -> anyhow::Result<Self> {
        let mut found = Self::open(path, From::Start)?;
        let current = found.current.as_ref().map(|tail| tail.identity);
        for position in positions {
            let identity = (position.device, position.inode);
            if current == Some(identity) {
                if let Some(tail) = &mut found.current {
                    tail.resume(position).with_context(|| format!("cannot read {}", path.display()))?;
                }
            } else if let Some(renamed) = renamed(path, identity) {
                // It has lost its name: what is wrong with it now is no reason not to read the others.
                let tail = Tail::open(&renamed, From::Start).and_then(|mut tail| {
                    let is_same = tail.identity == identity && tail.resume(position)?;
                    Ok(is_same.then_some(tail))
                });
                match tail {
                    Ok(tail) => found.renamed.extend(tail),
                    Err(error) => eprintln!("oxingest: cannot read {}: {error}", renamed.display()),
                }
            }
        }
        Ok(found)
    }

    /// How far each file was read, in whole lines. `None` where a file is another one since: the next look will know more.
    pub(crate) fn positions(&self) -> Option<Vec<Position>> {
        self.renamed.iter().chain(&self.current).map(Tail::kept).collect()
    }

    /// Hands over the lines that are new; gives whether there was anything new.
    pub(crate) fn look(&mut self, take: &mut impl FnMut(Line<'_>)) -> bool {
        if let Err(error) = self.follow_name() {
            self.say(&error);
        }
        let mut has_read = false;
        for tail in self.renamed.iter_mut().chain(&mut self.current) {
            match tail.read(take) {
                Ok(length) => has_read |= length > 0,
                Err(error) => {
                    let problem = format!("cannot read {}: {error}", self.path.display());
                    if self.problem.as_ref() != Some(&problem) {
                        eprintln!("oxingest: {problem}");
                        self.problem = Some(problem);
                    }
                }
            }
        }
        self.renamed.retain_mut(|tail| {
            let is_over = tail.quiet_looks >= QUIET_LOOKS;
            if is_over {
                tail.lines.finish(take);
            }
            !is_over
        });
        has_read
    }

    /// It is read no further: what has begun counts as a line.
    pub(crate) fn finish(&mut self, take: &mut impl FnMut(Line<'_>)) {
        self.look(take);
        self.renamed.iter_mut().chain(&mut self.current).for_each(|tail| tail.lines.finish(take));
    }

    /// It is read no further now; what has begun is read as a whole line when it goes on.
    pub(crate) fn pause(&mut self, take: &mut impl FnMut(Line<'_>)) {
        self.look(take);
    }

    /// Opens the file that has the name now, if it is another one.
    fn follow_name(&mut self) -> io::Result<()> {
        let found = match std::fs::metadata(&self.path) {
            Ok(found) => identity(&found),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if self.current.as_ref().is_some_and(|tail| tail.identity == found) {
            return Ok(());
        }
        match Tail::open(&self.path, From::Start) {
            Ok(tail) => {
                self.renamed.extend(self.current.replace(tail));
                self.problem = None;
                Ok(())
            }
            // It is gone again.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn say(&mut self, error: &io::Error) {
        let problem = format!("cannot read {}: {error}; waiting", self.path.display());
        if self.problem.as_ref() != Some(&problem) {
            eprintln!("oxingest: {problem}");
            self.problem = Some(problem);
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Where in its directory the file is that had the name `path`.
fn renamed(path: &Path, wanted: (u64, u64)) -> Option<PathBuf> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut entries = std::fs::read_dir(directory).ok()?.flatten();
    let is_wanted =
        |entry: &std::fs::DirEntry| entry.metadata().is_ok_and(|found| identity(&found) == wanted);
    entries.find(is_wanted).map(|entry| entry.path())
}

impl Tail {
    fn open(path: &Path, from: From) -> io::Result<Self> {
        // A pipe without a writer would hold the opening up.
        if !std::fs::metadata(path)?.is_file() {
            return Err(io::Error::other("it is no file; try: oxingest TYPE < PATH"));
        }
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let position = if from == From::End { metadata.len() } else { 0 };
        let mut tail = Self {
            file,
            identity: identity(&metadata),
            position,
            fingerprint: Vec::new(),
            seen: None,
            quiet_looks: 0,
            lines: Lines::default(),
        };
        let length = position.min(FINGERPRINT_BYTES as u64);
        tail.fingerprint = tail.read_before(position, length as usize)?;
        Ok(tail)
    }

    /// Goes on at this position, if the file is what it was; gives whether it is. Else it stays at its beginning.
    fn resume(&mut self, at: &Position) -> io::Result<bool> {
        let is_long_enough = self.file.metadata()?.len() >= at.position;
        let length = at.fingerprint.len();
        let is_same = is_long_enough && self.read_before(at.position, length)? == at.fingerprint;
        if is_same {
            (self.position, self.fingerprint) = (at.position, at.fingerprint.clone());
        }
        Ok(is_same)
    }

    /// Where the first line begins that was not handed over whole.
    fn kept(&self) -> Option<Position> {
        let position = self.position - self.lines.begun() as u64;
        let length = position.min(FINGERPRINT_BYTES as u64) as usize;
        let fingerprint = self.read_before(position, length).ok()?;
        let (device, inode) = self.identity;
        // Looked at last: what was read before is of the same file.
        let is_same = self.is_as_it_was().unwrap_or(false) && fingerprint.len() == length;
        is_same.then_some(Position { device, inode, position, fingerprint })
    }

    /// Reads what is new; gives how many bytes that was.
    fn read(&mut self, take: &mut impl FnMut(Line<'_>)) -> io::Result<usize> {
        let metadata = self.file.metadata()?;
        let seen = Some((metadata.len(), metadata.mtime(), metadata.mtime_nsec()));
        if seen == self.seen && metadata.len() == self.position {
            self.quiet_looks = self.quiet_looks.saturating_add(1);
            return Ok(0);
        }
        if metadata.len() < self.position || !self.is_as_it_was()? {
            self.lines.finish(take);
            self.position = 0;
            self.fingerprint.clear();
        }
        let mut piece = vec![0; 64 << 10];
        let mut total = 0;
        while total < LOOK_BYTES {
            let length = match self.file.read_at(&mut piece, self.position) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.lines.push(&piece[..length], take);
            self.position += length as u64;
            self.remember(&piece[..length]);
            total += length;
        }
        self.seen = seen;
        self.quiet_looks = if total > 0 { 0 } else { self.quiet_looks.saturating_add(1) };
        Ok(total)
    }

    /// Whether what was read last is still there.
    fn is_as_it_was(&self) -> io::Result<bool> {
        Ok(self.read_before(self.position, self.fingerprint.len())? == self.fingerprint)
    }

    fn read_before(&self, position: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let Some(begin) = position.checked_sub(length as u64) else { return Ok(Vec::new()) };
        match self.file.read_exact_at(&mut bytes, begin) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    fn remember(&mut self, read: &[u8]) {
        self.fingerprint.extend_from_slice(&read[read.len().saturating_sub(FINGERPRINT_BYTES)..]);
        let surplus = self.fingerprint.len().saturating_sub(FINGERPRINT_BYTES);
        self.fingerprint.drain(..surplus);
    }
}

#[cfg(test)]
mod tests;
