//! The sealed files of a directory: `type=<t>/date=<YYYY-MM-DD>/<name of a day file>[.<node>][.<number>].parquet`.

use super::{Catalog, CatalogError, Kind, Meant, StoreFile, entries};
use crate::sealed::{SealedName, is_aside, type_of_directory};
use blueox_event::time::UtcDay;
use blueox_log::day_log::LogFileName;
use blueox_log::day_log::path::decode_type;
use blueox_log::ranges::Spans;
use std::path::{Path, PathBuf};

/// Appends the directories of types.
pub(super) fn types_below(dir: &Path, types: &mut Vec<PathBuf>) -> Result<(), CatalogError> {
    types.extend(entries(dir)?.into_iter().filter(|(_, kind)| kind.is_dir()).map(|(path, _)| path));
    Ok(())
}

/// The sealed files in directories of types that are meant; tells the catalog of what there is.
pub(super) fn list(
    types: &[PathBuf],
    meant: &Meant<'_>,
    catalog: &mut Catalog,
) -> Result<Vec<StoreFile>, CatalogError> {
    let mut found = Vec::new();
    for dir in types {
        let name = dir.file_name().and_then(|name| name.to_str());
        let Some(encoded) = name.and_then(type_of_directory) else { continue };
        let type_name = type_named(&encoded);
        catalog.types.insert(type_name.clone());
        if !encoded.contains("%~") && !(meant.is_type)(&type_name) {
            continue;
        }
        for (date, kind) in entries(dir)? {
            let day = date.file_name().and_then(|name| name.to_str()).and_then(day_of);
            let Some(day) = day.filter(|_| kind.is_dir()) else { continue };
            catalog.all_days.insert(day);
            if !meant.is_day(day) {
                continue;
            }
            let files = entries(&date)?.into_iter().map(|(path, _)| path).filter(|path| !is_aside(path));
            found.extend(files.filter_map(|path| {
                let name = file_name(&path, &encoded, &type_name, day)?;
                let dropped = Spans::default();
                Some(StoreFile { path, kind: Kind::Sealed, name, bytes: 0, dropped, object: None })
            }));
        }
    }
    Ok(found)
}

/// What the path of a sealed file says: its name, and the names of the directories that it is in.
pub(super) fn name_of(path: &Path, outer: Option<&str>, inner: Option<&str>) -> Option<LogFileName> {
    let encoded = type_of_directory(outer?)?;
    let day = day_of(inner?)?;
    if is_aside(path) {
        return None;
    }
    file_name(path, &encoded, &type_named(&encoded), day)
}

fn type_named(encoded: &str) -> Vec<u8> {
    let readable = encoded.split("%~").next().unwrap_or_default();
    decode_type(readable).unwrap_or_else(|| readable.as_bytes().to_vec())
}

fn day_of(directory: &str) -> Option<UtcDay> {
    let digits: String = directory.strip_prefix("date=")?.split('-').collect();
    UtcDay::parse(digits.as_bytes())
}

/// What the name of a sealed file says: that of the day file, whatever stands behind it.
fn file_name(path: &Path, encoded: &str, type_name: &[u8], day: UtcDay) -> Option<LogFileName> {
    let stem = SealedName::parse(path.file_name()?.to_str()?)?.stem;
    let name = LogFileName::parse(&format!("{stem}.log"), Some(day))?;
    Some(LogFileName { encoded_type: encoded.to_owned(), type_name: type_name.to_vec(), ..name })
}
