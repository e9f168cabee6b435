//! Objects become files again: written aside, compared, synced, named.

use crate::ArchiveError;
use crate::digest::{Digest, of_object};
use crate::local::sync_directory;
use crate::objects::{Object, Objects};
use blueox_query::catalog::Kind;
use blueox_query::sealed::SealedFile;
use blueox_query::sealing::make_directory;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downloaded {
    /// It is here now.
    Fetched,
    /// It was here.
    Here,
}

/// Brings an object here, unless the same is here.
///
/// # Errors
/// [`ArchiveError::Different`] when another file is here; those of the store and of the system.
pub fn download(
    objects: &dyn Objects,
    object: &Object,
    kind: Kind,
    path: &Path,
    stop: &AtomicBool,
) -> Result<Downloaded, ArchiveError> {
    let url = || objects.url().at(&object.name);
    if path.exists() {
        let here = Digest::of_file(path, stop)?;
        let is_same = here.length == object.length
            && (object.etag.as_ref().is_some_and(|etag| here.is_etag(etag))
                || of_object(objects, object, stop, &mut |_| Ok(()))? == here);
        if is_same {
            return Ok(Downloaded::Here);
        }
        return Err(ArchiveError::Different { url: url(), path: path.to_owned() });
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    make_directory(dir)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // Readers pass over such names.
    let aside = path.with_file_name(format!(".{name}.aside"));
    let fetched = fetch(objects, object, kind, &aside, stop);
    if fetched.is_err() {
        let _ = fs::remove_file(&aside);
    }
    fetched?;
    fs::rename(&aside, path).map_err(ArchiveError::io("rename", &aside))?;
    sync_directory(dir)?;
    Ok(Downloaded::Fetched)
}

fn fetch(
    objects: &dyn Objects,
    object: &Object,
    kind: Kind,
    aside: &Path,
    stop: &AtomicBool,
) -> Result<(), ArchiveError> {
    let mut file = File::create(aside).map_err(ArchiveError::io("create", aside))?;
    let digest = of_object(objects, object, stop, &mut |bytes| {
        file.write_all(bytes).map_err(ArchiveError::io("write", aside))
    })?;
    file.sync_all().map_err(ArchiveError::io("sync", aside))?;
    // What the file system gives back is what came.
    if Digest::of_file(aside, stop)? != digest {
        return Err(ArchiveError::FileChanged { path: aside.to_owned() });
    }
    // An ETag that is no sum of the bytes proves nothing, and a sealed file says itself whether it is one.
    if kind == Kind::Sealed && !object.etag.as_ref().is_some_and(|etag| digest.is_etag(etag)) {
        SealedFile::open(aside)?;
    }
    Ok(())
}
