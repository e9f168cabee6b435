//! The day files of a log path become sealed files, and go.
//!
//! What is done with a type's day, in this order, each step so that an interruption between any two loses and doubles nothing:
//!
//! 1. Sealed files whose place another has taken are removed; an interrupted run has left them.
//! 2. What no sealed file holds of a day file that is over is sealed: all of it, or what came late.
//! 3. A day file that nobody appends to any more, and that sealed files hold as a whole, is removed.
//! 4. Several sealed files of the day, if they are small, become one.
//!
//! Readers pass over what is there twice in between ([`crate::catalog`]).

mod finality;

#[cfg(test)]
mod tests;

pub use finality::{Finality, Kept};

use crate::catalog::StoreFile;
use crate::limits::COMPACT_BYTES;
use crate::sealed::{
    self, SealError, SealSource, SealStep, Sealed, SealedFile, SealedName, directory, held_spans,
};
use blueox_event::TypeName;
use blueox_event::time::UtcDay;
use blueox_log::day_log::LogFileName;
use blueox_log::ranges::Placed;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// A log path and where its sealed files go.
#[derive(Debug, Clone, Copy)]
pub struct Sealing<'a> {
    /// The log path.
    pub log_path: &'a Path,
    /// Where sealed files stand.
    pub sealed: &'a Path,
    /// What is known of who appends to day files.
    pub finality: &'a Finality,
    /// Day files stay.
    pub keep: bool,
    /// Several small files of a day become one.
    pub compact: bool,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// A file was sealed.
    Sealed(PathBuf, Sealed),
    /// Several sealed files became one.
    Compacted(PathBuf, Sealed, usize),
    /// A day file went.
    Removed(PathBuf),
    /// A day file stays although it is sealed.
    Kept(PathBuf, Kept),
}

/// Asks after each step whether to go on.
pub type Steps<'a> = &'a mut dyn FnMut(SealStep) -> Result<(), SealError>;

impl Sealing<'_> {
    /// Seals the day files of one type and one day, which are plain and whole; there may be none. `name`: that of any file of
    /// the type and day.
    ///
    /// # Errors
    /// The first; what was done before stays done.
    pub fn seal_day(
        &self,
        name: &LogFileName,
        hot: &[StoreFile],
        step: Steps<'_>,
        tell: &mut dyn FnMut(Done),
    ) -> Result<(), SealError> {
        let dir = self.sealed.join(place(name));
        make_directory(&dir)?;
        clean(&dir, step)?;
        for file in hot.iter().filter(|file| self.finality.is_over(file)) {
            self.seal_file(file, &dir, step, tell)?;
            if !self.keep {
                self.remove(file, &dir, step, tell)?;
            }
        }
        if self.compact {
            compact(&dir, name, step, tell)?;
        }
        Ok(())
    }

    fn seal_file(
        &self,
        file: &StoreFile,
        dir: &Path,
        step: Steps<'_>,
        tell: &mut dyn FnMut(Done),
    ) -> Result<(), SealError> {
        let siblings = open_all(dir)?;
        let held = held_spans(&file.path, &siblings.iter().collect::<Vec<_>>());
        let held = held.map_err(SealError::io("read", &file.path))?;
        let missing = gaps(&held, file.bytes);
        if missing.is_empty() {
            return Ok(());
        }
        let placed = Placed::in_file(self.log_path, file.name.window.day, &file.path)
            .map_err(SealError::io("read the ranges of", self.log_path))?;
        let sources: Vec<SealSource> = missing
            .into_iter()
            .map(|(begin, end)| SealSource::Hot {
                path: file.path.clone(),
                offset: begin,
                bytes: end - begin,
                placed: within(&placed, begin, end),
            })
            .collect();
        let name = SealedName {
            stem: stem(&file.path),
            node: placed.first().map(|placed| SealedName::node_digits(placed.node.0)),
            number: None,
        };
        let path = dir.join(free_name(&name, &siblings).to_string());
        let sealed = sealed::seal_in_steps(&sources, latest(dir).as_deref(), &path, step)?;
        tell(Done::Sealed(path, sealed));
        Ok(())
    }

    fn remove(
        &self,
        file: &StoreFile,
        dir: &Path,
        step: Steps<'_>,
        tell: &mut dyn FnMut(Done),
    ) -> Result<(), SealError> {
        if let Some(why) = self.finality.keeps(file) {
            tell(Done::Kept(file.path.clone(), why));
            return Ok(());
        }
        let siblings = open_all(dir)?;
        match sealed::remove_sealed(&file.path, &siblings.iter().collect::<Vec<_>>(), step) {
            Ok(()) => tell(Done::Removed(file.path.clone())),
            // It has grown after all.
            Err(SealError::NotSealed { .. }) => tell(Done::Kept(file.path.clone(), Kept::Grown)),
            Err(error) => return Err(error),
        }
        // The last of a day takes its directory with it.
        if let Some(day) = file.path.parent().filter(|day| *day != self.log_path) {
            let _ = fs::remove_dir(day);
        }
        Ok(())
    }
}

/// The directory by the name of the day file, below that of all sealed files. (A name that was cut stands for its type as it
/// is.)
#[must_use]
pub fn place(name: &LogFileName) -> PathBuf {
    let type_name =
        if name.encoded_type.contains("%~") { name.encoded_type.as_bytes() } else { &name.type_name };
    let type_name = TypeName::new(type_name).expect("BUG: the name of a day file has a type");
    directory(type_name, name.window.day)
}

/// The sealed files of a directory that count, open, in the order of their names.
///
/// # Errors
/// When one cannot be read.
pub fn open_all(dir: &Path) -> Result<Vec<SealedFile>, SealError> {
    let mut files = Vec::new();
    for path in names(dir)?.into_iter().map(|name| dir.join(name)) {
        files.push(SealedFile::open(&path)?);
    }
    let replaced = |file: &SealedFile| files.iter().any(|other| other.has_replaced(file));
    let left: Vec<bool> = files.iter().map(|file| !replaced(file)).collect();
    let mut left = left.into_iter();
    files.retain(|_| left.next().unwrap_or(true));
    Ok(files)
}

/// A sealed file of the last day of the type whose day's directory this is: as columns stay, it has those of nearly all.
fn latest(dir: &Path) -> Option<PathBuf> {
    let mut days: Vec<PathBuf> =
        fs::read_dir(dir.parent()?).ok()?.flatten().map(|entry| entry.path()).collect();
    days.retain(|day| name_of(day).starts_with("date="));
    days.sort_unstable();
    days.iter().rev().find_map(|day| Some(day.join(names(day).ok()?.pop_last()?)))
}

fn names(dir: &Path) -> Result<BTreeSet<String>, SealError> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        entries => entries.map_err(SealError::io("read", dir))?,
    };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| !name.starts_with('.') && SealedName::parse(name).is_some()).collect())
}

/// Removes what another has taken the place of.
fn clean(dir: &Path, step: Steps<'_>) -> Result<(), SealError> {
    let paths = names(dir)?.into_iter().map(|name| dir.join(name));
    let files = paths.map(|path| SealedFile::open(&path)).collect::<Result<Vec<_>, _>>()?;
    let is_replaced = |file: &&SealedFile| files.iter().any(|other| other.has_replaced(file));
    files.iter().filter(is_replaced).try_for_each(|file| remove(file.path(), step))
}

fn remove(path: &Path, step: Steps<'_>) -> Result<(), SealError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(SealError::io("remove", path)(error)),
        _ => step(SealStep::Removed),
    }
}

/// Makes one of several small files, for each daemon that they come from.
fn compact(
    dir: &Path,
    name: &LogFileName,
    step: Steps<'_>,
    tell: &mut dyn FnMut(Done),
) -> Result<(), SealError> {
    let siblings = open_all(dir)?;
    let mut by_node: BTreeMap<Option<String>, Vec<(PathBuf, u64)>> = BTreeMap::new();
    for file in &siblings {
        let node = SealedName::parse(&name_of(file.path())).and_then(|name| name.node);
        let bytes = fs::metadata(file.path()).map_err(SealError::io("look at", file.path()))?.len();
        by_node.entry(node).or_default().push((file.path().to_owned(), bytes));
    }
    for (node, files) in by_node {
        if files.len() < 2 || files.iter().map(|(_, bytes)| bytes).sum::<u64>() > COMPACT_BYTES {
            continue;
        }
        let sources: Vec<SealSource> =
            files.iter().map(|(path, _)| SealSource::Sealed(path.clone())).collect();
        let stem = format!("{}-{}", name.encoded_type, name.window.day);
        let path = dir.join(free_name(&SealedName { stem, node, number: None }, &siblings).to_string());
        let sealed = sealed::seal_in_steps(&sources, latest(dir).as_deref(), &path, step)?;
        for (old, _) in &files {
            remove(old, step)?;
        }
        File::open(dir).and_then(|dir| dir.sync_all()).map_err(SealError::io("sync", dir))?;
        tell(Done::Compacted(path, sealed, files.len()));
    }
    Ok(())
}

/// The first of the names with rising numbers that no file has, and none has had: a name that was replaced is passed over by
/// readers.
fn free_name(name: &SealedName, siblings: &[SealedFile]) -> SealedName {
    let mut taken: BTreeSet<String> = siblings.iter().map(|file| name_of(file.path())).collect();
    taken.extend(siblings.iter().flat_map(|file| file.replaces().to_vec()));
    let numbers = std::iter::once(None).chain((2..).map(Some));
    let mut names = numbers.map(|number| SealedName { number, ..name.clone() });
    names.find(|name| !taken.contains(&name.to_string())).expect("BUG: numbers do not end")
}

/// What of `0..length` is in none of the spans, as begin and end.
fn gaps(held: &[(u64, u64)], length: u64) -> Vec<(u64, u64)> {
    let mut gaps = Vec::new();
    let mut at = 0;
    for (offset, bytes) in held.iter().copied().chain([(length, 0)]) {
        if offset > at {
            gaps.push((at, offset));
        }
        at = at.max(offset + bytes);
    }
    gaps
}

fn within(placed: &[Placed], begin: u64, end: u64) -> Vec<Placed> {
    placed.iter().filter(|part| part.offset >= begin && part.offset < end).copied().collect()
}

fn stem(path: &Path) -> String {
    let name = name_of(path);
    name.strip_suffix(".log").unwrap_or(&name).to_owned()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Makes a directory and those above it, so that they are there after a crash.
///
/// # Errors
/// Those of the system.
pub fn make_directory(dir: &Path) -> Result<(), SealError> {
    if dir.is_dir() {
        return Ok(());
    }
    let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    make_directory(parent)?;
    let made = match fs::create_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    };
    made.and_then(|()| File::open(parent)?.sync_all()).map_err(SealError::io("make", dir))
}

/// The day of an instant, in seconds since the epoch.
pub(crate) fn day_of(now: f64) -> UtcDay {
    UtcDay::of(now.floor() as i64)
}
