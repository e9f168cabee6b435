//! Which files a store has: day files, archives, sealed files; and which of them are meant.
//!
//! A store is a log path, with its sealed files below `sealed`, or a directory of sealed files alone. An event may stand in
//! a day file and in a sealed file of it at once, while the day file is being sealed or because it is kept: it is then read
//! from the sealed file, and what was appended to the day file later from there. Sealed files that became one are passed
//! over. What several log paths have in common is told apart by their numbers ([`Catalog::drop_overlap`]).

mod objects;
mod overlap;
mod sealed_directory;

#[cfg(test)]
mod tests;

pub use objects::StoredObject;
pub(crate) use objects::fetch_footers;

use crate::sealed::{Ranged, SealError, SealedFile, held_spans};
use blueox_event::time::UtcDay;
use blueox_log::day_log::{LogFileName, Window};
use blueox_log::ranges::{OWN_FOLDER, Spans};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where sealed files stand below a log path, unless told otherwise.
pub const SEALED_FOLDER: &str = "sealed";

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A day file: events one after another.
    Hot,
    /// A day file that was compressed, by the name of it.
    Archive,
    /// Parquet.
    Sealed,
}

/// A file of a store.
#[derive(Debug, Clone)]
pub struct StoreFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is.
    pub kind: Kind,
    /// What its name says: type, day, hour; of a sealed file that of the day file.
    pub name: LogFileName,
    /// Its length, in bytes. Of a day file no more belongs to the snapshot.
    pub bytes: u64,
    /// What another file has too: bytes of a day file, or rows of a sealed file.
    pub dropped: Spans,
    /// Its bytes, where `path` is no file of this machine but says to people where they are.
    pub object: Option<Arc<dyn Ranged>>,
}

impl StoreFile {
    /// Opens it as a sealed file.
    ///
    /// # Errors
    /// When it cannot be read, or is none.
    pub fn open_sealed(&self) -> Result<SealedFile, SealError> {
        match &self.object {
            Some(object) => SealedFile::open_ranged(&self.path, Arc::clone(object)),
            None => SealedFile::open(&self.path),
        }
    }

    /// A file that is not known to be of any store.
    #[must_use]
    pub fn alone(path: &Path, kind: Kind, bytes: u64) -> Self {
        let named = path.file_name().and_then(|name| LogFileName::parse(name.to_str()?, None));
        let name = named.unwrap_or_else(|| LogFileName {
            encoded_type: String::new(),
            type_name: Vec::new(),
            window: Window { day: UtcDay::of(0), hour: None },
            host: None,
            compression: None,
        });
        Self { path: path.to_owned(), kind, name, bytes, dropped: Spans::default(), object: None }
    }

    /// When its window begins, in seconds since the epoch.
    #[must_use]
    pub fn begin(&self) -> i64 {
        self.name.window.day.start() + i64::from(self.name.window.hour.unwrap_or(0)) * 3600
    }
}

/// Which files are meant.
pub struct Meant<'a> {
    /// Events that ended before are not, in seconds since the epoch.
    pub since: Option<f64>,
    /// Nor those that ended after it.
    pub until: Option<f64>,
    /// A file's day is that of arrival: so many seconds more on either side are looked at.
    pub slack: f64,
    /// Whether events of a type can be.
    pub is_type: &'a dyn Fn(&[u8]) -> bool,
    /// Only so many of the last days.
    pub days: Option<usize>,
}

impl Meant<'_> {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self { since: None, until: None, slack: 0.0, is_type: &|_| true, days: None }
    }

    /// Whether a day's files can hold events that are meant. A file's window follows when its events were received. An event
    /// that ended in the span was received later, or, when its clock was ahead, a little earlier.
    #[must_use]
    pub fn is_day(&self, day: UtcDay) -> bool {
        self.since.is_none_or(|since| day.next().start() as f64 + self.slack > since)
            && self.until.is_none_or(|until| day.start() as f64 - self.slack <= until)
    }

    /// Whether its events can be among those meant, by its name. A name that was cut could be any.
    fn is_name(&self, name: &LogFileName) -> bool {
        name.encoded_type.contains("%~") || (self.is_type)(&name.type_name)
    }
}

/// A directory that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the log path {}", path.display())]
pub struct CatalogError {
    /// The directory, or file.
    pub path: PathBuf,
    /// What the system says.
    pub source: io::Error,
}

impl CatalogError {
    fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { path: path.to_owned(), source }
    }
}

/// The files that are meant, by day, and what else there is.
#[derive(Debug, Default)]
pub struct Catalog {
    /// In each day in the order of their windows.
    pub days: BTreeMap<UtcDay, Vec<StoreFile>>,
    types: BTreeSet<Vec<u8>>,
    all_days: BTreeSet<UtcDay>,
    /// What has been added: a directory and its parent may both be given.
    seen: HashSet<(u64, u64)>,
    /// The same, of objects.
    objects: HashSet<PathBuf>,
    /// All plain and all sealed files within the span, of whatever type.
    read: HashSet<PathBuf>,
    unreadable: Vec<(PathBuf, String)>,
}

impl Catalog {
    /// Looks through log paths, directories of single days, and directories of sealed files.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn open(dirs: &[PathBuf], meant: &Meant<'_>) -> Result<Self, CatalogError> {
        Self::look(dirs, Vec::new(), meant, true)
    }

    /// As [`Catalog::open`], and what object stores hold of the same events.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn open_with(
        dirs: &[PathBuf],
        objects: Vec<StoredObject>,
        meant: &Meant<'_>,
    ) -> Result<Self, CatalogError> {
        Self::look(dirs, objects, meant, true)
    }

    /// The day files alone, whether they are sealed or not.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn day_files(dirs: &[PathBuf], meant: &Meant<'_>) -> Result<Self, CatalogError> {
        Self::look(dirs, Vec::new(), meant, false)
    }

    fn look(
        dirs: &[PathBuf],
        objects: Vec<StoredObject>,
        meant: &Meant<'_>,
        with_sealed: bool,
    ) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        let mut day_dirs = Vec::new();
        let mut sealed_dirs = Vec::new();
        for dir in dirs {
            for (path, file_type) in entries(dir)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                if !file_type.is_dir() {
                    // A directory of one day may be given too.
                    catalog.add_hot(&path, None, meant);
                } else if let Some(day) = UtcDay::parse(name.as_bytes()) {
                    catalog.all_days.insert(day);
                    if meant.is_day(day) {
                        day_dirs.push((day, path));
                    }
                } else if name == SEALED_FOLDER && with_sealed {
                    sealed_directory::types_below(&path, &mut sealed_dirs)?;
                } else if name.starts_with("type=") && with_sealed {
                    sealed_dirs.push(path);
                }
            }
        }
        let mut sealed = sealed_directory::list(&sealed_dirs, meant, &mut catalog)?;
        let (sealed_objects, other_objects) = catalog.look_at_objects(objects, meant);
        let first = meant
            .days
            .and_then(|days| catalog.all_days.iter().nth_back(days.saturating_sub(1)).copied())
            .unwrap_or(UtcDay::of(i64::MIN / 2));
        for (day, dir) in day_dirs.iter().filter(|(day, _)| *day >= first) {
            for (path, _) in entries(dir)? {
                catalog.add_hot(&path, Some(*day), meant);
            }
        }
        sealed.retain(|file| file.name.window.day >= first);
        for file in sealed {
            catalog.add_sealed(file);
        }
        for file in sealed_objects.into_iter().chain(other_objects) {
            if file.name.window.day >= first {
                catalog.add_object(file);
            }
        }
        catalog.settle(meant);
        Ok(catalog)
    }

    /// Types within the span, whether asked for or not.
    #[must_use]
    pub fn types(&self) -> &BTreeSet<Vec<u8>> {
        &self.types
    }

    /// The first and the last day of which there is a file.
    #[must_use]
    pub fn span(&self) -> Option<(UtcDay, UtcDay)> {
        Some((*self.all_days.first()?, *self.all_days.last()?))
    }

    /// The files that are meant, in the order of their days.
    pub fn files(&self) -> impl Iterator<Item = &StoreFile> {
        self.days.values().flatten()
    }

    /// The same, taken out.
    #[must_use]
    pub fn into_files(self) -> Vec<StoreFile> {
        self.days.into_values().flatten().collect()
    }

    /// How long they are together, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Sealed files that cannot be read, and why. Their day files, if they are there, are read instead.
    #[must_use]
    pub fn unreadable(&self) -> &[(PathBuf, String)] {
        &self.unreadable
    }

    fn add_hot(&mut self, path: &Path, day: Option<UtcDay>, meant: &Meant<'_>) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return };
        let Some(name) = LogFileName::parse(name, day) else { return };
        let Some(bytes) = self.length_of_new(path) else { return };
        self.all_days.insert(name.window.day);
        self.types.insert(name.type_name.clone());
        let kind = if name.compression.is_none() { Kind::Hot } else { Kind::Archive };
        if kind == Kind::Hot {
            self.read.insert(path.to_owned());
        }
        if meant.is_name(&name) {
            let (path, dropped) = (path.to_owned(), Spans::default());
            let file = StoreFile { path, kind, name, bytes, dropped, object: None };
            self.days.entry(file.name.window.day).or_default().push(file);
        }
    }

    fn add_sealed(&mut self, file: StoreFile) {
        if let Some(bytes) = self.length_of_new(&file.path) {
            self.read.insert(file.path.clone());
            self.days.entry(file.name.window.day).or_default().push(StoreFile { bytes, ..file });
        }
    }

    /// `None`: it was added already, or is no file any more.
    fn length_of_new(&mut self, path: &Path) -> Option<u64> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        self.seen.insert((metadata.dev(), metadata.ino())).then_some(metadata.len())
    }

    fn settle(&mut self, meant: &Meant<'_>) {
        let mut days = std::mem::take(&mut self.days);
        days.retain(|day, files| {
            files.retain(|_| meant.is_day(*day));
            drop_archived_twice(files);
            self.drop_sealed_twice(files);
            files.sort_by(|a, b| (a.begin(), &a.path).cmp(&(b.begin(), &b.path)));
            !files.is_empty()
        });
        self.days = days;
    }

    /// Leaves out what is sealed from day files, and sealed files whose place another has taken.
    fn drop_sealed_twice(&mut self, files: &mut Vec<StoreFile>) {
        // Where nothing stands beside a sealed file it need not be opened.
        let mut beside: HashMap<String, (usize, usize)> = HashMap::new();
        for file in &*files {
            let (sealed, hot) = beside.entry(file.name.encoded_type.clone()).or_default();
            *sealed += usize::from(file.kind == Kind::Sealed);
            *hot += usize::from(file.kind == Kind::Hot);
        }
        let is_alone = |file: &StoreFile| {
            let (sealed, hot) = beside[&file.name.encoded_type];
            sealed < 2 && hot == 0
        };
        let sealed = |file: &&StoreFile| file.kind == Kind::Sealed && !is_alone(file);
        fetch_footers(files.iter().filter(sealed));
        let mut left_out: HashSet<PathBuf> = HashSet::new();
        let mut opened: HashMap<String, Vec<SealedFile>> = HashMap::new();
        for file in files.iter().filter(sealed) {
            match file.open_sealed() {
                Ok(sealed) => opened.entry(file.name.encoded_type.clone()).or_default().push(sealed),
                Err(error) => {
                    self.unreadable.push((file.path.clone(), error.to_string()));
                    left_out.insert(file.path.clone());
                }
            }
        }
        opened.values().for_each(|beside| leave_out_copies(beside, &mut left_out));
        files.retain(|file| !left_out.contains(&file.path));
        self.read.retain(|path| !left_out.contains(path));
        for file in files.iter_mut().filter(|file| file.kind == Kind::Hot) {
            let Some(sealed) = opened.get(&file.name.encoded_type) else { continue };
            let sealed: Vec<&SealedFile> =
                sealed.iter().filter(|sealed| !left_out.contains(sealed.path())).collect();
            // A day file that goes away in between is in its sealed file.
            let held = held_spans(&file.path, &sealed).unwrap_or_default();
            for (offset, bytes) in held {
                file.dropped.add(offset, offset + bytes);
            }
        }
        files.retain(|file| file.kind != Kind::Hot || !is_covered(file) || file.bytes == 0);
    }
}

/// Of sealed files of one type and day: those that another has taken the place of, and all but one of what is there twice, as
/// a file that was uploaded and is still here.
fn leave_out_copies(files: &[SealedFile], left_out: &mut HashSet<PathBuf>) {
    for (at, file) in files.iter().enumerate() {
        let is_copy = |other: &SealedFile| file.sources() == other.sources() && file.holds_all_of(other);
        let is_superfluous = files.iter().any(|other| other.has_replaced(file))
            || files[..at].iter().any(|other| !left_out.contains(other.path()) && is_copy(other));
        if is_superfluous {
            left_out.insert(file.path().to_owned());
        }
    }
}

/// Whether all of a day file is in other files.
fn is_covered(file: &StoreFile) -> bool {
    file.dropped.holds_all(0, file.bytes)
}

/// While a file is being compressed it stands there twice.
fn drop_archived_twice(files: &mut Vec<StoreFile>) {
    let stem = |file: &StoreFile| {
        let path = file.path.as_os_str().as_encoded_bytes();
        let suffix = if file.kind == Kind::Archive { file.path.extension() } else { None };
        path[..path.len() - suffix.map_or(0, |extension| extension.len() + 1)].to_vec()
    };
    let plain: HashSet<Vec<u8>> = files.iter().filter(|file| file.kind == Kind::Hot).map(stem).collect();
    files.retain(|file| file.kind != Kind::Archive || !plain.contains(&stem(file)));
}

/// The log paths that directories are, or, of the directory of a day, that it stands in.
#[must_use]
pub fn roots(dirs: &[PathBuf]) -> Vec<PathBuf> {
    let mut roots: Vec<PathBuf> = Vec::new();
    for dir in dirs {
        let day = dir.file_name().and_then(|name| UtcDay::parse(name.as_encoded_bytes()));
        let above = dir.parent().filter(|_| day.is_some() && !dir.join(OWN_FOLDER).is_dir());
        let root = above.unwrap_or(dir).to_path_buf();
        if !roots.contains(&root) {
            roots.push(root);
        }
    }
    roots
}

fn entries(dir: &Path) -> Result<Vec<(PathBuf, fs::FileType)>, CatalogError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(CatalogError::at(dir))? {
        let entry = entry.map_err(CatalogError::at(dir))?;
        // A link counts as what it leads to; one that leads nowhere as nothing.
        let file_type = match entry.file_type() {
            Ok(file_type) if !file_type.is_symlink() => Ok(file_type),
            _ => fs::metadata(entry.path()).map(|metadata| metadata.file_type()),
        };
        if let Ok(file_type) = file_type {
            found.push((entry.path(), file_type));
        }
    }
    Ok(found)
}
