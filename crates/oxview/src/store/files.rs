//! The files that are meant, by day and type, and where each is sealed.

use super::args::Which;
use crate::clock;
use crate::selection::Selection;
use crate::when::{Span, Until};
use blueox_event::time::UtcDay;
use blueox_log::day_log::LogFileName;
use blueox_query::catalog::{Catalog, Kind, Meant, SEALED_FOLDER, StoreFile};
use blueox_query::sealing;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The files of one type and one day.
#[derive(Debug)]
pub(super) struct TypeDay {
    pub(super) name: LogFileName,
    /// Day files that are not compressed.
    pub(super) hot: Vec<StoreFile>,
    /// The directory of its sealed files, which may not be there.
    pub(super) sealed: PathBuf,
}

/// What is meant, and how many day files were passed over because they are compressed.
#[derive(Debug)]
pub(super) struct TypeDays {
    pub(super) days: Vec<TypeDay>,
    pub(super) compressed: usize,
}

/// The directory of the sealed files.
pub(super) fn sealed_root(which: &Which) -> PathBuf {
    which.sealed.clone().unwrap_or_else(|| which.log_path.join(SEALED_FOLDER))
}

/// The files of the days that are meant, in the order of days.
///
/// # Errors
/// When the log path cannot be read, or a day is none.
pub(super) fn type_days(which: &Which) -> anyhow::Result<TypeDays> {
    let span = Span::parse(which.start.as_deref(), which.end.as_deref(), clock::now())?;
    let selection = Selection::new(&which.type_name, None, span, None)?;
    let meant = Meant {
        since: span.since,
        until: span.until.map(Until::seconds),
        is_type: &|name| selection.may_match_type(name),
        ..Meant::all()
    };
    let root = sealed_root(which);
    let log_path = std::slice::from_ref(&which.log_path);
    let hot = Catalog::day_files(log_path, &meant)?.into_files();
    let mut sealed = Vec::new();
    if root.is_dir() {
        sealed = Catalog::open(std::slice::from_ref(&root), &meant)?.into_files();
    }
    let mut days: BTreeMap<(UtcDay, String), TypeDay> = BTreeMap::new();
    let mut compressed = 0;
    for file in hot.into_iter().chain(sealed).filter(|file| begins_before(file, span.until)) {
        if file.kind == Kind::Archive {
            compressed += 1;
            continue;
        }
        let key = (file.name.window.day, file.name.encoded_type.clone());
        let day = days.entry(key).or_insert_with(|| TypeDay {
            sealed: root.join(sealing::place(&file.name)),
            name: file.name.clone(),
            hot: Vec::new(),
        });
        if file.kind == Kind::Hot && file.bytes > 0 {
            day.hot.push(file);
        }
    }
    Ok(TypeDays { days: days.into_values().collect(), compressed })
}

/// Whether a file's day begins before the end of the span. (The catalog looks a little further.)
pub(super) fn begins_before(file: &StoreFile, until: Option<Until>) -> bool {
    day_begins_before(file.name.window.day, until)
}

/// As [`begins_before`], of a day.
pub(super) fn day_begins_before(day: UtcDay, until: Option<Until>) -> bool {
    let begin = day.start() as f64;
    until.is_none_or(|until| match until {
        Until::Included(last) => begin <= last,
        Until::Excluded(beyond) => begin < beyond,
    })
}
