//! One file into a store: sent, and compared with what the store then has.

use crate::digest::Digest;
use crate::limits::PART_BYTES;
use crate::local::LocalFile;
use crate::objects::{Created, Objects};
use crate::unfinished::Unfinished;
use crate::verified::Verified;
use crate::{ArchiveError, Object};
use bytes::Bytes;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

/// What sending needs beside a file.
#[derive(Debug, Clone, Copy)]
pub struct Uploader<'a> {
    /// The store.
    pub objects: &'a dyn Objects,
    /// What need not be read back again.
    pub verified: &'a Verified,
    /// What was begun.
    pub unfinished: &'a Unfinished,
    /// Set from anywhere to stop soon.
    pub stop: &'a AtomicBool,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uploaded {
    /// It was sent, and is there.
    Sent,
    /// It was there.
    There,
    /// Something else has its name.
    OtherThere,
}

impl Uploader<'_> {
    /// Brings a file to the store, if it is not there. When this gives [`Uploaded::Sent`] or [`Uploaded::There`], the store was
    /// found to have it.
    ///
    /// # Errors
    /// Those of the store and of the system; [`ArchiveError::NotAsSent`].
    pub fn upload(&self, file: &LocalFile) -> Result<Uploaded, ArchiveError> {
        let digest = Digest::of_file(&file.path, self.stop)?;
        if let Some(found) = self.found(file, &digest)? {
            return Ok(if found { Uploaded::There } else { Uploaded::OtherThere });
        }
        let sent =
            if digest.goes_in_parts() { self.in_parts(file, &digest) } else { self.at_once(file, &digest) };
        match sent {
            Ok(Created::Now(_)) => {}
            // It was created in between: by another run, or by our request before it was repeated.
            Ok(Created::Before) => {
                let found = self.found(file, &digest)?.unwrap_or(false);
                return Ok(if found { Uploaded::There } else { Uploaded::OtherThere });
            }
            // The answer may have been lost, and not the request.
            Err(error @ ArchiveError::Store(_)) => {
                return match self.found(file, &digest) {
                    Ok(Some(true)) => Ok(Uploaded::Sent),
                    _ => Err(error),
                };
            }
            Err(error) => return Err(error),
        }
        if self.found(file, &digest)? == Some(true) {
            return Ok(Uploaded::Sent);
        }
        // It is ours, as it was just created, and of no use to anybody.
        let _ = self.objects.remove(&file.name);
        Err(ArchiveError::NotAsSent { url: self.objects.url().at(&file.name), path: file.path.clone() })
    }

    /// Whether the object is what the file is; `None`: there is no object.
    pub(crate) fn found(&self, file: &LocalFile, digest: &Digest) -> Result<Option<bool>, ArchiveError> {
        let Some(object) = self.objects.look_at(&file.name)? else { return Ok(None) };
        self.verified.is_same(self.objects, &object, digest, self.stop).map(Some)
    }

    fn at_once(&self, file: &LocalFile, digest: &Digest) -> Result<Created, ArchiveError> {
        let opened = File::open(&file.path).map_err(ArchiveError::io("open", &file.path))?;
        let bytes = read(&opened, file, 0, digest.length)?;
        self.stopped()?;
        Ok(self.objects.create(&file.name, bytes)?)
    }

    fn in_parts(&self, file: &LocalFile, digest: &Digest) -> Result<Created, ArchiveError> {
        let opened = File::open(&file.path).map_err(ArchiveError::io("open", &file.path))?;
        let id = self.objects.begin(&file.name)?;
        self.unfinished.add(self.objects, &file.name, &id)?;
        let sent = self.send_parts(file, &opened, digest, &id);
        match &sent {
            Ok(_) => self.unfinished.remove(self.objects, &file.name, &id)?,
            // Where that fails too, the next run does it.
            Err(_) if self.objects.abort(&file.name, &id).is_ok() => {
                self.unfinished.remove(self.objects, &file.name, &id)?;
            }
            Err(_) => {}
        }
        sent
    }

    fn send_parts(
        &self,
        file: &LocalFile,
        opened: &File,
        digest: &Digest,
        id: &str,
    ) -> Result<Created, ArchiveError> {
        let mut parts = Vec::new();
        for number in 0..digest.length.div_ceil(PART_BYTES) {
            self.stopped()?;
            let begin = number * PART_BYTES;
            let bytes = read(opened, file, begin, PART_BYTES.min(digest.length - begin))?;
            parts.push(self.objects.send_part(&file.name, id, parts.len(), bytes)?);
        }
        self.stopped()?;
        // Completing replaces what has the name; no store that we know can be told not to for all of them.
        if self.objects.look_at(&file.name)?.is_some() {
            self.objects.abort(&file.name, id)?;
            return Ok(Created::Before);
        }
        self.objects.complete(&file.name, id, parts)?;
        Ok(Created::Now(Object { name: file.name.clone(), length: digest.length, etag: None }))
    }

    fn stopped(&self) -> Result<(), ArchiveError> {
        if self.stop.load(Ordering::Relaxed) { Err(ArchiveError::Stopped) } else { Ok(()) }
    }
}

fn read(opened: &File, file: &LocalFile, begin: u64, length: u64) -> Result<Bytes, ArchiveError> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
    // It may have become shorter; a file that became another is not what the digest says, and that is found.
    opened
        .read_exact_at(&mut bytes, begin)
        .map_err(|_| ArchiveError::FileChanged { path: file.path.clone() })?;
    Ok(bytes.into())
}
