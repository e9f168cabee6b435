//! What lies in an object store: sealed files and archives, at the keys that their paths below a log path would be.

use super::{Catalog, Kind, Meant, StoreFile, sealed_directory};
use crate::limits::OPENED_AT_ONCE;
use crate::sealed::Ranged;
use blueox_event::time::UtcDay;
use blueox_log::day_log::LogFileName;
use blueox_log::ranges::Spans;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// An object that may be a file of a store.
#[derive(Debug, Clone)]
pub struct StoredObject {
    /// Where it is, as people write it: `s3://bucket/prefix/type=request/date=2012-03-13/request-20120313.parquet`. What the
    /// file is follows from the last three names.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Arc<dyn Ranged>,
}

impl Catalog {
    /// Adds those that are meant. Gives the sealed ones, which are added when it is known of which days.
    pub(super) fn look_at_objects(
        &mut self,
        objects: Vec<StoredObject>,
        meant: &Meant<'_>,
    ) -> (Vec<StoreFile>, Vec<StoreFile>) {
        let (mut sealed, mut others) = (Vec::new(), Vec::new());
        for StoredObject { path, bytes } in objects {
            let Some((kind, name)) = kind_and_name(&path) else { continue };
            self.all_days.insert(name.window.day);
            if !meant.is_day(name.window.day) {
                continue;
            }
            self.types.insert(name.type_name.clone());
            if !meant.is_name(&name) {
                continue;
            }
            let length = bytes.length();
            let dropped = Spans::default();
            let file = StoreFile { path, kind, name, bytes: length, dropped, object: Some(bytes) };
            if kind == Kind::Sealed { sealed.push(file) } else { others.push(file) }
        }
        (sealed, others)
    }

    pub(super) fn add_object(&mut self, file: StoreFile) {
        if self.objects.insert(file.path.clone()) {
            self.read.insert(file.path.clone());
            self.days.entry(file.name.window.day).or_default().push(file);
        }
    }
}

fn kind_and_name(path: &Path) -> Option<(Kind, LogFileName)> {
    let mut parents = path.ancestors().skip(1).map(|dir| dir.file_name().and_then(|name| name.to_str()));
    let (inner, outer) = (parents.next().flatten(), parents.next().flatten());
    if let Some(name) = sealed_directory::name_of(path, outer, inner) {
        return Some((Kind::Sealed, name));
    }
    let day = inner.and_then(|name| UtcDay::parse(name.as_bytes()));
    let name = LogFileName::parse(path.file_name()?.to_str()?, day)?;
    Some((if name.compression.is_none() { Kind::Hot } else { Kind::Archive }, name))
}

/// Reads the footers of files that are far away, several at once, so that opening them waits for nothing. What cannot be
/// read says so when it is opened.
pub(crate) fn fetch_footers<'f>(files: impl Iterator<Item = &'f StoreFile>) {
    let files: Vec<&StoreFile> = files.filter(|file| file.object.is_some()).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..files.len().min(OPENED_AT_ONCE) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    drop(file.open_sealed());
                }
            });
        }
    });
}
