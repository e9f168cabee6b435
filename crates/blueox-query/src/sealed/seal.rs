//! One sealed file: written aside, synced, read back and compared, renamed. And then its day file may go.
//!
//! What it is made of is walked three times: for its columns, to write them, to compare. What is appended to a day file
//! meanwhile is not sealed; [`SealedFile::sources`] tells how much was.

use super::SealError;
use super::columns::{Kind, Survey};
use super::file::SealedFile;
use super::metadata::Metadata;
use super::place;
use super::source::{SealSource, fingerprint};
use super::split::same;
use super::writer::SealedWriter;
use crate::need::Need;
use blueox_event::{EncodedEvent, Value};
use blueox_log::ranges::Spans;
use parquet::errors::ParquetError;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;

/// What was sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// How many events.
    pub events: u64,
    /// The length of their MsgPack, in bytes.
    pub source_bytes: u64,
    /// The length of the sealed file, in bytes.
    pub bytes: u64,
}

/// What has just been done: a test ends there, as if the machine had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SealStep {
    /// The file aside is there, empty.
    Created,
    /// It is written.
    Written,
    /// It is synced.
    Synced,
    /// It was read back and compared.
    Verified,
    /// It has its name.
    Renamed,
    /// That is durable.
    Entered,
    /// What it was made of is gone.
    Removed,
}

/// Seals events of one type as `sealed`, in a directory that there is. A file of that name is replaced.
///
/// # Errors
/// When a source is damaged, or is not read back as it was; then nothing has the name `sealed` that had not before.
pub fn seal(sources: &[SealSource], sealed: &Path) -> Result<Sealed, SealError> {
    seal_in_steps(sources, None, sealed, &mut |_| Ok(()))
}

/// As [`seal`]; asks after each step whether to go on. What is a column in the sealed file `like` is one of its type here too,
/// so that other engines take both for one table; when it cannot be read that is of no importance.
///
/// # Errors
/// As [`seal`], and those of `step`.
pub fn seal_in_steps(
    sources: &[SealSource],
    like: Option<&Path>,
    sealed: &Path,
    step: &mut dyn FnMut(SealStep) -> Result<(), SealError>,
) -> Result<Sealed, SealError> {
    let aside = place::aside(sealed);
    let (file, events, source_bytes) = write_aside(sources, like, sealed, &aside, step)?;
    step(SealStep::Written)?;
    file.sync_all().map_err(SealError::io("sync", &aside))?;
    step(SealStep::Synced)?;
    let bytes = file.metadata().map_err(SealError::io("look at", &aside))?.len();
    drop(file);
    if let Err(error) = verify(sources, &aside) {
        // It would only be overwritten: what matters is that it never gets the name.
        let _ = fs::remove_file(&aside);
        return Err(error);
    }
    step(SealStep::Verified)?;
    fs::rename(&aside, sealed).map_err(SealError::io("rename to", sealed))?;
    step(SealStep::Renamed)?;
    sync_directory_of(sealed)?;
    step(SealStep::Entered)?;
    Ok(Sealed { events, source_bytes, bytes })
}

fn write_aside(
    sources: &[SealSource],
    like: Option<&Path>,
    sealed: &Path,
    aside: &Path,
    step: &mut dyn FnMut(SealStep) -> Result<(), SealError>,
) -> Result<(File, u64, u64), SealError> {
    let mut survey = Survey::default();
    let mut type_name: Option<Vec<u8>> = None;
    let mut metadata = Metadata::default();
    for source in sources {
        metadata.sources.extend(source.describe()?);
        if let SealSource::Sealed(path) = source
            && path != sealed
        {
            metadata.replaces.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
        source.walk(&mut |event, _| {
            let name = type_name.get_or_insert_with(|| event.type_bytes().to_vec());
            survey.add(&Value::from_raw(event.raw()), name);
            metadata.largest = metadata.largest.max(event.bytes().len() as u64);
            Ok(())
        })?;
    }
    metadata.type_name = type_name.unwrap_or_default();
    let events = survey.events();
    let columns = survey.columns(&earlier_columns(sources, like));
    let file = File::create(aside).map_err(SealError::io("create", aside))?;
    step(SealStep::Created)?;
    let target = BufWriter::with_capacity(1 << 20, file);
    let failed = |error: ParquetError| write_error(aside, error);
    let mut writer = SealedWriter::new(target, &columns, metadata).map_err(failed)?;
    let mut bytes = 0;
    for source in sources {
        source.walk(&mut |event, numbered| {
            bytes += event.bytes().len() as u64;
            let value = Value::from_raw(event.raw());
            writer.add(&value, event.end(), numbered, event.bytes().len()).map_err(failed)
        })?;
    }
    let target = writer.finish().map_err(failed)?;
    let file = target.into_inner().map_err(|error| SealError::io("write", aside)(error.into_error()))?;
    Ok((file, events, bytes))
}

/// The columns of the files that the new one is to be like: of `like`, and of those that become one.
fn earlier_columns(sources: &[SealSource], like: Option<&Path>) -> Vec<(String, Kind)> {
    let merged = sources.iter().filter_map(|source| match source {
        SealSource::Sealed(path) => Some(path.as_path()),
        SealSource::Hot { .. } => None,
    });
    let files = like.into_iter().chain(merged).filter_map(|path| SealedFile::open(path).ok());
    let mut columns: Vec<(String, Kind)> = Vec::new();
    for (name, kind) in files.flat_map(|file| file.kinds()) {
        if !columns.iter().any(|(known, _)| *known == name) {
            columns.push((name, kind));
        }
    }
    columns
}

/// A full disk is the environment's, whatever the encoder makes of it.
fn write_error(path: &Path, error: ParquetError) -> SealError {
    SealError::Io { operation: "write", path: path.to_owned(), source: std::io::Error::other(error) }
}

/// Compares a sealed file with what it was made of, event by event. Gives how many there are.
///
/// # Errors
/// [`SealError::Differs`] when they are not the same, and those of reading.
pub fn verify(sources: &[SealSource], sealed: &Path) -> Result<u64, SealError> {
    let file = SealedFile::open(sealed)?;
    let mut back = file.rows(&Need::default(), (0..file.groups()).collect(), Spans::default())?;
    let mut number = 0;
    for source in sources {
        let differs = |number| SealError::Differs { path: source.path().to_owned(), number };
        source.walk(&mut |event, _| {
            let (_, bytes) = back.next_event().transpose()?.ok_or_else(|| differs(number))?;
            let read = EncodedEvent::parse(bytes).map_err(|_| differs(number))?;
            if !same(&Value::from_raw(read.raw()), &Value::from_raw(event.raw())) {
                return Err(differs(number));
            }
            number += 1;
            Ok(())
        })?;
    }
    match (back.next_event(), sources.last()) {
        (Some(_), Some(source)) => Err(SealError::Differs { path: source.path().to_owned(), number }),
        _ => Ok(number),
    }
}

/// Removes a day file all of which sealed files hold. Nobody may append to it any more.
///
/// # Errors
/// [`SealError::NotSealed`] when they do not hold all of it, and those of the system.
pub fn remove_sealed(
    hot: &Path,
    sealed: &[&SealedFile],
    step: &mut dyn FnMut(SealStep) -> Result<(), SealError>,
) -> Result<(), SealError> {
    let length = fs::metadata(hot).map_err(SealError::io("look at", hot))?.len();
    let held = held_spans(hot, sealed).map_err(SealError::io("read", hot))?;
    let begins: u64 = held.iter().map(|(_, bytes)| bytes).sum();
    if begins != length {
        return Err(SealError::NotSealed { path: hot.to_owned(), bytes: length.saturating_sub(begins) });
    }
    fs::remove_file(hot).map_err(SealError::io("remove", hot))?;
    step(SealStep::Removed)?;
    sync_directory_of(hot)
}

/// The parts of a day file that sealed files hold, as offset and length, in order, each byte once.
///
/// # Errors
/// When the day file cannot be read.
pub fn held_spans(hot: &Path, sealed: &[&SealedFile]) -> std::io::Result<Vec<(u64, u64)>> {
    let name = hot.file_name().unwrap_or_default().to_string_lossy();
    let length = fs::metadata(hot)?.len();
    let mut spans = Vec::new();
    for source in sealed.iter().flat_map(|file| file.sources()).filter(|source| source.name == *name) {
        let there = source.offset.checked_add(source.bytes).is_some_and(|end| end <= length);
        if there && fingerprint(hot, source.offset, source.bytes)? == source.fingerprint {
            spans.push((source.offset, source.bytes));
        }
    }
    spans.sort_unstable();
    let mut end = 0;
    spans.retain(|(offset, bytes)| {
        let fits = *offset >= end;
        end = if fits { offset + bytes } else { end };
        fits
    });
    Ok(spans)
}

/// Makes a name in a directory durable.
pub(super) fn sync_directory_of(path: &Path) -> Result<(), SealError> {
    let directory = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory).and_then(|dir| dir.sync_all()).map_err(SealError::io("sync", directory))
}
