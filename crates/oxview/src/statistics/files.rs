//! Day files and sealed files, scanned by several threads.

use super::counting::{Counter, Counting};
use crate::input::{Input, Packing};
use crate::interrupt::Interrupt;
use crate::log_path;
use crate::read::{self, Reading};
use crate::source::Source;
use crate::spool_input;
use crate::stores;
use crate::text::printable_text;
use anyhow::Context;
use blueox_event::EncodedEvent;
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::scan::{Report, scan_store};
use blueox_query::statistics::StatisticsError;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::thread;

/// The files that are meant.
#[derive(Debug, Default)]
pub(crate) struct Files {
    scanned: Vec<StoreFile>,
    compressed: Vec<StoreFile>,
}

/// What a source has to scan.
pub(crate) enum Scannable {
    /// Files that are all there, in an order that is of no importance.
    Files(Files),
    /// What was asked for is not there; that has been said.
    Nothing,
    /// It is no such source.
    Other,
}

/// The files of a source.
///
/// # Errors
/// When a directory cannot be read.
pub(crate) fn scannable(source: &Source, reading: &mut Reading<'_>) -> anyhow::Result<Scannable> {
    let mut files = Files::default();
    match source {
        Source::Files(paths) if paths.iter().all(|path| path.is_file() && !spool_input::is_spool(path)) => {
            for path in paths {
                let bytes = path.metadata().map_or(0, |metadata| metadata.len());
                files.add(StoreFile::alone(path, Kind::Hot, bytes), reading);
            }
        }
        Source::LogPath { dirs, slack }
            if dirs.iter().all(|dir| stores::is_url(dir) || dir.is_dir() && !spool_input::is_spool(dir)) =>
        {
            let mut catalog = log_path::open(dirs, reading.selection, *slack, None)?;
            reading.say_of_unreadable(&catalog);
            if catalog.days.is_empty() {
                let (explanation, unknown) = log_path::explain_nothing(&catalog, dirs, reading.selection);
                reading.progress.say(&explanation);
                return Ok(if unknown { Scannable::Nothing } else { Scannable::Files(files) });
            }
            for remark in catalog.drop_overlap(dirs)? {
                reading.say_of_ranges(&remark);
            }
            for file in catalog.into_files() {
                files.add(file, reading);
            }
        }
        _ => return Ok(Scannable::Other),
    }
    Ok(Scannable::Files(files))
}

impl Files {
    fn add(&mut self, file: StoreFile, reading: &mut Reading<'_>) {
        let packing = match packing_of(&file) {
            Ok(packing) => packing,
            Err(error) => return drop(reading.readable(Err(error))),
        };
        reading.progress.expect(file.bytes);
        match packing {
            Packing::Plain => self.scanned.push(StoreFile { kind: Kind::Hot, ..file }),
            Packing::Parquet => self.scanned.push(StoreFile { kind: Kind::Sealed, ..file }),
            _ => self.compressed.push(file),
        }
    }
}

fn packing_of(file: &StoreFile) -> anyhow::Result<Packing> {
    match &file.object {
        Some(_) if file.kind == Kind::Sealed => Ok(Packing::Parquet),
        // Far away: read from its beginning to its end, whatever it is.
        Some(_) => Ok(Packing::Bzip2),
        None => look_at(&file.path),
    }
}

/// How a file is packed.
fn look_at(path: &Path) -> anyhow::Result<Packing> {
    let context = || format!("cannot open {}", printable_text(path.as_os_str().as_encoded_bytes()));
    let file = File::open(path).with_context(context)?;
    let mut first = Vec::new();
    file.take(4).read_to_end(&mut first).with_context(context)?;
    Ok(Packing::of(&first))
}

/// Counts the events that are asked for.
///
/// # Errors
/// When the answer takes too much memory.
pub(crate) fn count(
    files: &Files,
    mut whole: Counter,
    interrupt: &Interrupt,
    reading: &mut Reading<'_>,
) -> anyhow::Result<Counter> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let parts: Vec<Part> =
        (0..threads).map(|_| Part { counter: whole.part(threads + 1), _apart: Apart }).collect();
    let selection = reading.selection;
    let each = |part: &mut Part, event: &EncodedEvent<'_>| -> Result<(), StatisticsError> {
        if selection.matches(event) { part.counter.add(event) } else { Ok(()) }
    };
    let need = whole.paths().map_or_else(|| selection.need(), |paths| selection.need_of(paths));
    let report = |report| hear(report, files, reading);
    let scanned = scan_store(&files.scanned, &need, parts, interrupt.flag(), each, report);
    for part in scanned?.0 {
        whole.merge(part.counter)?;
    }
    let mut counting = Counting::new(whole, None, interrupt.clone());
    for file in &files.compressed {
        let Some(input) = reading.readable(Input::of_store_file(file)) else { continue };
        if interrupt.is_asked() || read::read(input, reading, &mut counting)?.is_break() {
            break;
        }
    }
    Ok(counting.into_parts().0)
}

/// What one thread counts. Two of them never share a line of the processor's cache.
struct Part {
    counter: Counter,
    _apart: Apart,
}

#[repr(align(128))]
struct Apart;

fn hear(report: Report, files: &Files, reading: &mut Reading<'_>) {
    let name = |file: usize| printable_text(files.scanned[file].path.as_os_str().as_encoded_bytes());
    match report {
        Report::Read(bytes) => reading.progress.advance(bytes, 0),
        Report::Damage(file, damage) => reading.damage.add(&name(file), &damage, false),
        Report::MoreDamage(file) => {
            reading.progress.say(&format!("{}: more damage than is told", name(file)));
        }
        Report::Broken(_, error) => reading.damage.add_sealed(&error.to_string()),
        Report::Unreadable(file, error) => {
            let error = Err(error).with_context(|| format!("cannot read {}", name(file)));
            drop(reading.readable(error));
        }
    }
}
