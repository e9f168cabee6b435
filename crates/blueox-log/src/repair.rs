//! Mending what is on disk, where a daemon would refuse it or cannot. Nothing is deleted: what is replaced or cut goes to
//! a folder of the quarantine, one for each repair.
//!
//! No daemon may be running there: the locks that it holds are taken. Whoever repairs must own the files, or the daemon
//! could not write the new ones.

use crate::day_log::LogFileName;
use crate::day_log::scan::{DamageKind, Scanner, Step};
use crate::disk::{Disk, DiskFile, PositionalDisk, PositionalFile, RealDisk};
use crate::ranges::{self, RangesReader, Unread};
use crate::spool::{self, SpoolError};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What a repair did.
#[derive(Debug, Default)]
pub struct Repaired {
    /// Each file that was changed.
    pub mended: Vec<Mended>,
    /// Where what was replaced or cut is, if anything was.
    pub quarantine: Option<PathBuf>,
}

/// One file that was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mended {
    /// The file.
    pub path: PathBuf,
    /// How many bytes of it are in the quarantine only.
    pub bytes: u64,
    /// What was done.
    pub what: &'static str,
}

/// Why nothing, or not all, was repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// A daemon is running there.
    #[error("{} is held: an oxd is running with {}; stop it first", lock.display(), directory.display())]
    Held {
        /// The lock.
        lock: PathBuf,
        /// Its directory.
        directory: PathBuf,
    },
    /// The files would have the wrong owner.
    #[error("{} belongs to the user {owner}; repair it as that user (sudo -u '#{owner}' oxctl fsck --repair)", directory.display())]
    Owner {
        /// The directory.
        directory: PathBuf,
        /// Who owns it.
        owner: u32,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {operation} {}: {source}", path.display())]
    Environment {
        /// What was tried.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The spool could not be mended.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

fn at(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RepairError {
    move |source| RepairError::Environment { operation, path: path.to_path_buf(), source }
}

/// Mends a spool so that a daemon opens it and reads everything in it that can be read: segments with sectors that cannot
/// be read, with frames of another version, or damaged below the durable end are replaced by copies with FILLER
/// frames there. What the fillers stand for is LOST to readers, as it was.
///
/// # Errors
/// [`RepairError`]; segments that were mended before stay so, the others are as they were.
pub fn spool(directory: &Path) -> Result<Repaired, RepairError> {
    check_owner(directory)?;
    let quarantine = next_folder(&directory.join("quarantine"))?;
    let mended = spool::repair::repair(&RealDisk, directory, &quarantine).map_err(|error| match error {
        SpoolError::Refused(spool::Refusal::Locked { directory }) => {
            RepairError::Held { lock: directory.join("lock"), directory }
        }
        error => error.into(),
    })?;
    let what = "replaced by a copy with fillers where it could not be used";
    let mended: Vec<_> =
        mended.segments.into_iter().map(|(path, bytes)| Mended { path, bytes, what }).collect();
    Ok(Repaired { quarantine: (!mended.is_empty()).then_some(quarantine), mended })
}

/// Cuts torn tails of plain day files, and of ranges, to files in the quarantine. Damage inside a file stays: it is
/// readable around it.
///
/// # Errors
/// [`RepairError`]; files that were cut before stay so, the others are as they were.
pub fn log_path(root: &Path) -> Result<Repaired, RepairError> {
    check_owner(root)?;
    let own = root.join(ranges::OWN_FOLDER);
    RealDisk.create_dir_durably(&own).map_err(at("create", &own))?;
    let lock = own.join("lock");
    let held = RealDisk.lock(&lock).map_err(at("lock", &lock))?;
    let _held = held.ok_or_else(|| RepairError::Held { lock, directory: root.to_path_buf() })?;
    let folder = next_folder(&own.join("quarantine"))?;
    let mut mended = Vec::new();
    for path in plain_files(root).map_err(at("list", root))? {
        if let Some(whole) = torn_event(&path).map_err(at("read", &path))? {
            mended.push(cut(root, &path, whole, &folder)?);
        }
    }
    for (_, path) in ranges::list(root).map_err(at("list", &own))? {
        if let Some(whole) = torn_ranges(&path).map_err(at("read", &path))? {
            mended.push(cut(root, &path, whole, &folder)?);
        }
    }
    Ok(Repaired { quarantine: (!mended.is_empty()).then_some(folder), mended })
}

/// All plain day files of a log path, in order.
pub(crate) fn plain_files(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = |directory: &Path| -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| Ok(entry?.path())).collect()
    };
    let mut files = Vec::new();
    for day in entries(root)?.into_iter().filter(|day| day.is_dir()) {
        files.extend(entries(&day)?.into_iter().filter(|file| {
            let name = file.file_name().and_then(|name| name.to_str());
            let name = name.and_then(|name| LogFileName::parse(name, None));
            name.is_some_and(|name| name.compression.is_none())
        }));
    }
    files.sort();
    Ok(files)
}

/// Where the last event begins, if it is torn.
fn torn_event(path: &Path) -> io::Result<Option<u64>> {
    let mut scanner = Scanner::new(File::open(path)?);
    loop {
        match scanner.step() {
            Step::Damage(damage) if damage.kind == DamageKind::TornTail => return Ok(Some(damage.offset)),
            Step::More if scanner.fill()? == 0 => scanner.finish(),
            Step::Event { .. } | Step::Damage(_) | Step::More => {}
            Step::End => return Ok(None),
        }
    }
}

fn torn_ranges(path: &Path) -> io::Result<Option<u64>> {
    let mut reader = RangesReader::new(File::open(path)?);
    while reader.read()?.is_some() {}
    Ok(match reader.unread() {
        Unread::Torn(damage) => Some(damage.offset),
        Unread::Nothing | Unread::Damaged(_) => None,
    })
}

/// Copies what follows the first `whole` bytes of a file into the quarantine, and then cuts it off.
fn cut(root: &Path, path: &Path, whole: u64, folder: &Path) -> Result<Mended, RepairError> {
    let name = path.strip_prefix(root).unwrap_or(path).display().to_string().replace('/', "_");
    let kept = folder.join(format!("{name}.{whole}"));
    let file = RealDisk.open_existing(path).map_err(at("open", path))?;
    let length = file.length().map_err(at("look at", path))?;
    RealDisk.create_dir_durably(folder).map_err(at("create", folder))?;
    let tail = RealDisk.create(&kept).map_err(at("create", &kept))?;
    let mut buffer = vec![0; 1 << 20];
    let mut offset = whole;
    while offset < length {
        let read = file.read_from(offset, &mut buffer).map_err(at("read", path))?;
        if read == 0 {
            break;
        }
        tail.append(&buffer[..read]).map_err(at("write to", &kept))?;
        offset += read as u64;
    }
    DiskFile::sync_data(&tail).map_err(at("sync", &kept))?;
    RealDisk.sync_dir(folder).map_err(at("sync", folder))?;
    file.truncate(whole).map_err(at("cut", path))?;
    DiskFile::sync_data(&file).map_err(at("sync", path))?;
    Ok(Mended { path: path.to_path_buf(), bytes: length - whole, what: "torn tail cut off" })
}

fn check_owner(directory: &Path) -> Result<(), RepairError> {
    let owner = fs::metadata(directory).map_err(at("look at", directory))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(RepairError::Owner { directory: directory.to_path_buf(), owner })
}

/// The first number that no repair has used; not made yet.
fn next_folder(quarantine: &Path) -> Result<PathBuf, RepairError> {
    let names = match fs::read_dir(quarantine) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        entries => entries
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>())
            .map_err(at("list", quarantine))?,
    };
    let numbers = names.iter().filter_map(|name| name.to_str()?.parse::<u64>().ok());
    Ok(quarantine.join((numbers.max().unwrap_or(0) + 1).to_string()))
}

#[cfg(test)]
mod tests;
