//! All files of a log path into a store, and those that are old away from here.

use crate::ArchiveError;
use crate::crew;
use crate::digest::Digest;
use crate::limits::FILES_AT_ONCE;
use crate::local::{LocalFile, Place, rename_sealed};
use crate::objects::Objects;
use crate::prune::{self, Pruned};
use crate::replaced::remove_replaced;
use crate::unfinished::Unfinished;
use crate::upload::{Uploaded, Uploader};
use crate::verified::Verified;
use blueox_query::catalog::Kind;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

/// A log path and its place in a store. Whoever has one has locked the directory of sealed files against other runs.
#[derive(Debug)]
pub struct Archive<'a> {
    /// The store.
    pub objects: Arc<dyn Objects>,
    /// The log path.
    pub place: Place<'a>,
    /// What need not be read back again.
    pub verified: Verified,
    /// What was begun.
    pub unfinished: Unfinished,
    /// Set from anywhere to stop soon.
    pub stop: &'a AtomicBool,
    /// Files that are sent at once.
    pub at_once: usize,
    /// Nothing is changed, here or there.
    pub dry_run: bool,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// It was sent, and is there. With other files that it has taken the place of, which are gone from there.
    Now(Vec<String>),
    /// It was there.
    Before(Vec<String>),
    /// It would be sent.
    Would,
}

impl<'a> Archive<'a> {
    /// Opens what is remembered of a log path's uploads.
    ///
    /// # Errors
    /// Those of the system.
    pub fn open(
        objects: Arc<dyn Objects>,
        place: Place<'a>,
        stop: &'a AtomicBool,
    ) -> Result<Self, ArchiveError> {
        let verified = Verified::open(place.sealed)?;
        let unfinished = Unfinished::open(place.sealed)?;
        let (at_once, dry_run) = (FILES_AT_ONCE, false);
        Ok(Self { objects, place, verified, unfinished, stop, at_once, dry_run })
    }

    fn uploader(&self) -> Uploader<'_> {
        let Self { objects, verified, unfinished, stop, .. } = self;
        Uploader { objects: &**objects, verified, unfinished, stop }
    }

    /// Brings files to the store. `tell` hears of each where it is now and what became of it.
    ///
    /// # Errors
    /// When what a killed run has left there cannot be aborted. Errors of single files are told.
    pub fn upload(
        &self,
        files: &[LocalFile],
        mut tell: impl FnMut(&LocalFile, Result<Sent, ArchiveError>),
    ) -> Result<(), ArchiveError> {
        if !self.dry_run {
            self.unfinished.abort_all(&*self.objects)?;
        }
        let naming = Mutex::new(());
        crew::each(
            files,
            self.at_once,
            self.stop,
            |file| {
                // An error is told of the file as it was given.
                let mut now = file.clone();
                self.upload_one(&mut now, &naming).map(|sent| (now, sent))
            },
            |file, done| match done {
                Ok((file, sent)) => tell(&file, Ok(sent)),
                Err(error) => tell(file, Err(error)),
            },
        );
        Ok(())
    }

    fn upload_one(&self, file: &mut LocalFile, naming: &Mutex<()>) -> Result<Sent, ArchiveError> {
        let uploader = self.uploader();
        if self.dry_run {
            let digest = Digest::of_file(&file.path, self.stop)?;
            let is_there = uploader.found(file, &digest)? == Some(true);
            return Ok(if is_there { Sent::Before(Vec::new()) } else { Sent::Would });
        }
        let sent = loop {
            match uploader.upload(file)? {
                Uploaded::Sent => break true,
                Uploaded::There => break false,
                Uploaded::OtherThere if file.kind == Kind::Sealed => self.rename(file, naming)?,
                Uploaded::OtherThere => {
                    let url = self.objects.url().at(&file.name);
                    return Err(ArchiveError::Different { url, path: file.path.clone() });
                }
            }
        };
        let removed =
            if file.kind == Kind::Sealed { remove_replaced(&self.objects, file)? } else { Vec::new() };
        Ok(if sent { Sent::Now(removed) } else { Sent::Before(removed) })
    }

    /// Events that came late for a day that was archived are sealed under a name that was free again.
    fn rename(&self, file: &mut LocalFile, naming: &Mutex<()>) -> Result<(), ArchiveError> {
        let _alone = naming.lock().unwrap_or_else(PoisonError::into_inner);
        *file = rename_sealed(file, &mut |name| Ok(self.objects.look_at(name)?.is_some()))?;
        Ok(())
    }

    /// Removes files that the store is found to have.
    pub fn prune(&self, files: &[LocalFile], tell: impl FnMut(&LocalFile, Result<Pruned, ArchiveError>)) {
        let uploader = self.uploader();
        let work = |file: &LocalFile| prune::prune(&uploader, &self.place, file, self.dry_run);
        crew::each(files, self.at_once, self.stop, work, tell);
    }

    /// Whether the store has each of some files; `None`: it has none of that name.
    pub fn compare(
        &self,
        files: &[LocalFile],
        tell: impl FnMut(&LocalFile, Result<Option<bool>, ArchiveError>),
    ) {
        let uploader = self.uploader();
        let work = |file: &LocalFile| {
            let digest = Digest::of_file(&file.path, self.stop)?;
            uploader.found(file, &digest)
        };
        crew::each(files, self.at_once, self.stop, work, tell);
    }
}
