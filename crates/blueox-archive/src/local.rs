//! What of a log path belongs in an object store, and at which name.
//!
//! Sealed files lie there as they do below the directory of sealed files, so that engines read the bucket as they read the
//! directory. Day files that were compressed, as the original's tools do, lie there as below the log path, with the host in
//! their name. Plain day files do not: they are sealed first.

use crate::ArchiveError;
use blueox_event::time::UtcDay;
use blueox_query::catalog::{Catalog, Kind, Meant, StoreFile};
use blueox_query::sealed::{SealedFile, SealedName};
use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// A log path.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Where day files are.
    pub log_path: &'a Path,
    /// Where sealed files are.
    pub sealed: &'a Path,
    /// What this machine is called.
    pub host: &'a str,
}

/// A file that belongs in a store.
#[derive(Debug, Clone)]
pub struct LocalFile {
    /// Where it is.
    pub path: PathBuf,
    /// The object's.
    pub name: String,
    /// Sealed, or an archive.
    pub kind: Kind,
    /// Of its events.
    pub day: UtcDay,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Place<'_> {
    /// The files that are meant, oldest first, without those that another has taken the place of.
    ///
    /// # Errors
    /// When a directory cannot be read.
    pub fn files(&self, meant: &Meant<'_>) -> Result<Vec<LocalFile>, ArchiveError> {
        let mut files = Vec::new();
        if self.log_path.is_dir() {
            let archives = Catalog::day_files(&[self.log_path.to_owned()], meant)?.into_files();
            files.extend(archives.into_iter().filter(|file| file.kind == Kind::Archive));
        }
        if self.sealed.is_dir() {
            let sealed = Catalog::open(&[self.sealed.to_owned()], meant)?.into_files();
            files.extend(sealed.into_iter().filter(|file| file.kind == Kind::Sealed));
        }
        let mut files: Vec<LocalFile> = files.into_iter().filter_map(|file| self.local(file)).collect();
        files.sort_by(|a, b| (a.day, &a.name).cmp(&(b.day, &b.name)));
        Ok(files)
    }

    fn local(&self, file: StoreFile) -> Option<LocalFile> {
        let name = match file.kind {
            Kind::Sealed => file.path.strip_prefix(self.sealed).ok()?.to_str()?.to_owned(),
            _ => self.name_of_archive(&file)?,
        };
        let StoreFile { path, kind, bytes, .. } = file;
        Some(LocalFile { path, name, kind, day: file.name.window.day, bytes })
    }

    /// `request-20120313.log.bz2` of several hosts come together.
    fn name_of_archive(&self, file: &StoreFile) -> Option<String> {
        let day = file.name.window.day;
        let own = file.path.file_name()?.to_str()?;
        if file.name.host.is_some() || self.host.is_empty() {
            return Some(format!("{day}/{own}"));
        }
        let (stem, suffix) = own.split_at(own.rfind(".log")?);
        Some(format!("{day}/{stem}-{}{suffix}", self.host))
    }

    /// Where a file of a store goes here.
    #[must_use]
    pub fn path_of(&self, file: &StoreFile) -> Option<PathBuf> {
        let name = file.path.file_name()?;
        Some(match file.kind {
            Kind::Sealed => self.sealed.join(blueox_query::sealing::place(&file.name)).join(name),
            _ => self.log_path.join(file.name.window.day.to_string()).join(name),
        })
    }
}

/// Renames a sealed file to the first of its names with rising numbers that is free here and, as `is_taken` says, there. Nobody
/// else may give names in the directory meanwhile.
///
/// # Errors
/// Those of `is_taken`, and of the system.
pub fn rename_sealed(
    file: &LocalFile,
    is_taken: &mut dyn FnMut(&str) -> Result<bool, ArchiveError>,
) -> Result<LocalFile, ArchiveError> {
    let dir = file.path.parent().unwrap_or(Path::new("."));
    let own = file.path.file_name().unwrap_or_default().to_string_lossy();
    let (above, _) = file.name.rsplit_once('/').unwrap_or_default();
    let named = SealedName::parse(&own)
        .ok_or_else(|| ArchiveError::Different { url: file.name.clone(), path: file.path.clone() })?;
    let replaced = replaced_here(dir)?;
    let mut number = named.number.unwrap_or(1);
    loop {
        number += 1;
        let next = SealedName { number: Some(number), ..named.clone() }.to_string();
        let name = format!("{above}/{next}");
        let path = dir.join(&next);
        if replaced.contains(&next) || path.exists() || is_taken(&name)? {
            continue;
        }
        fs::rename(&file.path, &path).map_err(ArchiveError::io("rename", &file.path))?;
        sync_directory(dir)?;
        return Ok(LocalFile { path, name, ..file.clone() });
    }
}

/// Names that would not be read, as another says that it has taken their place.
fn replaced_here(dir: &Path) -> Result<HashSet<String>, ArchiveError> {
    let mut names = HashSet::new();
    for entry in fs::read_dir(dir).map_err(ArchiveError::io("read", dir))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && SealedName::parse(&name).is_some() {
            names.extend(SealedFile::open(&entry.path())?.replaces().iter().cloned());
        }
    }
    Ok(names)
}

/// Makes names in a directory durable.
pub(crate) fn sync_directory(dir: &Path) -> Result<(), ArchiveError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(ArchiveError::io("sync", dir))
}
