//! Which files are being written, for whoever recovers after a crash.

use super::writer::WriteError;
use crate::disk::FileIdentity;
use crate::mutation::{Mutation, is};
use crate::spool::{self, FileId, FileLength, OpenFile};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// Learns of files before they are written.
pub trait FileJournal {
    /// These files are about to be appended to; when this returns it is durable.
    ///
    /// # Errors
    /// Then nothing is appended to them.
    fn files_opened(&mut self, files: &[(FileId, OpenFile)]) -> Result<(), WriteError>;
}

/// For those who do not recover: a daemon without a spool.
#[derive(Debug, Clone, Copy)]
pub struct NoJournal;

impl FileJournal for NoJournal {
    fn files_opened(&mut self, _: &[(FileId, OpenFile)]) -> Result<(), WriteError> {
        Ok(())
    }
}

/// Files that are open, or were written since the last sync point.
#[derive(Debug, Default)]
pub(super) struct TrackedFiles {
    files: BTreeMap<FileId, Tracked>,
    /// What they take in the spool.
    name_bytes: usize,
    /// The number of the file that has an identity now.
    current: HashMap<FileIdentity, FileId>,
    /// Not yet told to the journal.
    untold: Vec<(FileId, OpenFile)>,
    last_id: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Tracked {
    file: OpenFile,
    open: bool,
    changed: bool,
}

impl Tracked {
    pub(super) fn closed(identity: FileIdentity, path: &Path, length: u64) -> Self {
        Self { file: OpenFile { path: path.to_path_buf(), identity, length }, open: false, changed: true }
    }
}

impl TrackedFiles {
    pub(super) fn len(&self) -> usize {
        self.files.len()
    }

    pub(super) fn name_bytes(&self) -> usize {
        self.name_bytes
    }

    /// A file was opened; one that is tracked already keeps its number and the length that is known of it.
    pub(super) fn open(&mut self, identity: FileIdentity, path: &Path, length: u64) {
        if let Some(tracked) = self.tracked(identity) {
            // A file that was removed from outside gives its inode to the next one, which may be ours.
            let same = tracked.file.path == path && tracked.file.length <= length;
            if tracked.open || same || is(Mutation::TrustInode) {
                tracked.open = true;
                return;
            }
        }
        self.last_id += 1;
        let id = FileId(self.last_id);
        let file = OpenFile { path: path.to_path_buf(), identity, length };
        self.name_bytes += spool::file_name_bytes(path);
        self.untold.push((id, file.clone()));
        self.files.insert(id, Tracked { file, open: true, changed: false });
        self.current.insert(identity, id);
    }

    fn tracked(&mut self, identity: FileIdentity) -> Option<&mut Tracked> {
        self.files.get_mut(self.current.get(&identity)?)
    }

    /// After a crash: a file that the journal knows.
    pub(super) fn restore(&mut self, id: FileId, tracked: Tracked) {
        self.last_id = self.last_id.max(id.0);
        self.current.insert(tracked.file.identity, id);
        self.name_bytes += spool::file_name_bytes(&tracked.file.path);
        self.files.insert(id, tracked);
    }

    /// Tells the journal of the files that it does not know. If that fails they stay untold, and must not be
    /// written.
    pub(super) fn tell(&mut self, journal: &mut impl FileJournal) -> Result<(), WriteError> {
        if !self.untold.is_empty() {
            journal.files_opened(&self.untold)?;
            self.untold.clear();
        }
        Ok(())
    }

    /// Whether the file may be written.
    pub(super) fn is_told(&self, identity: FileIdentity) -> bool {
        self.current.get(&identity).is_some_and(|id| !self.untold.iter().any(|(untold, _)| untold == id))
    }

    pub(super) fn grow(&mut self, identity: FileIdentity, length: u64) {
        if let Some(tracked) = self.tracked(identity) {
            tracked.changed |= tracked.file.length != length;
            tracked.file.length = length;
        }
    }

    pub(super) fn close(&mut self, identity: FileIdentity) {
        if let Some(tracked) = self.tracked(identity) {
            tracked.open = false;
            tracked.changed = true;
        }
    }

    /// The lengths that changed since they were last asked for. Files that are closed are then forgotten.
    pub(super) fn lengths(&mut self) -> Vec<FileLength> {
        let mut lengths = Vec::new();
        let untold = &mut self.untold;
        self.files.retain(|id, tracked| {
            if untold.iter().any(|(other, _)| other == id) {
                // Never written; what the journal does not know it need not forget.
                untold.retain(|(other, _)| tracked.open || other != id);
            } else if std::mem::take(&mut tracked.changed) {
                lengths.push(FileLength { file: *id, length: tracked.file.length, closed: !tracked.open });
            }
            tracked.open
        });
        self.current.retain(|_, id| self.files.contains_key(id));
        self.name_bytes = self.files.values().map(|tracked| spool::file_name_bytes(&tracked.file.path)).sum();
        lengths
    }
}
