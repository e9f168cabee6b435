//! Work on the spool's directory that need not be done by the thread that commits: it can take as long as many commits
//! do. The [`Writer`](super::Writer) decides what is to be done and gives it away; whoever did it gives it back.

use super::error::EnvironmentError;
use super::segment::{Segment, SegmentNumber};
use crate::disk::{DiskFile, PositionalDisk, PositionalFile};
use std::collections::VecDeque;
use std::path::PathBuf;

/// Steps that are done one after another, on any thread, while the writer goes on committing. Only one chore is out at a
/// time. It touches no file that the writer writes, and a crash between any two steps leaves what recovery knows.
#[derive(Debug)]
pub struct Chore {
    pub(crate) task: Task,
    steps: VecDeque<Step>,
    /// How many steps are done.
    done: usize,
    /// Names that an earlier chore left unsynced are synced first.
    syncs_first: bool,
    /// Some sync of names was done.
    synced: bool,
    failed: Option<Step>,
    pub(crate) error: Option<EnvironmentError>,
}

/// What a chore is for.
#[derive(Debug)]
pub(crate) enum Task {
    /// The oldest segments, which all have read, go; each takes one rename or removal and one sync of the directory.
    Retire(Vec<Retired>),
    /// The next segment.
    Prepare { number: SegmentNumber, from: Option<Spare> },
    /// Room for draining when the disk is full.
    Reserve { length: u64 },
    /// What an opening or a failure left.
    CleanUp(Vec<SegmentNumber>),
}

/// A segment that is given up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retired {
    pub(crate) segment: Segment,
    /// Where its room is kept, if it is.
    pub(crate) spare: Option<Spare>,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    Remove(PathBuf),
    Rename(PathBuf, PathBuf),
    /// A file of zeros whose room is durable, or none.
    Make(PathBuf, u64),
    /// Names, of the spool's directory.
    SyncNames(PathBuf),
}

/// A file of a segment's length that nobody needs: its room is there, and has been written before, so that writing it
/// again changes nothing but its content. What stands in it validates under no number that is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Spare(pub(crate) u8);

impl Spare {
    /// The name of its file.
    pub(crate) fn file_name(self) -> String {
        format!("spare.{}.oxr", self.0)
    }

    /// The spare that a file name stands for, if it is one.
    pub(crate) fn of_file_name(name: &str) -> Option<Self> {
        let digit = name.strip_prefix("spare.")?.strip_suffix(".oxr")?;
        let spare = Self(digit.parse().ok()?);
        (spare.file_name() == name).then_some(spare)
    }
}

impl Chore {
    pub(crate) fn new(task: Task, steps: Vec<Step>) -> Self {
        Self {
            task,
            steps: steps.into(),
            done: 0,
            syncs_first: false,
            synced: false,
            failed: None,
            error: None,
        }
    }

    /// Names that are not durable yet become so before anything else is done.
    pub(crate) fn sync_first(&mut self, names: PathBuf) {
        self.steps.push_front(Step::SyncNames(names));
        self.syncs_first = true;
    }

    /// How many of the task's own steps are done.
    pub(crate) fn done_steps(&self) -> usize {
        self.done.saturating_sub(usize::from(self.syncs_first))
    }

    /// Whether names may have changed and are not durable, given whether that was so before.
    pub(crate) fn left_names_unsynced(&self, before: bool) -> bool {
        matches!(self.failed, Some(Step::SyncNames(_))) || before && !self.synced
    }

    /// Does all of it that can be done.
    pub fn run<D: PositionalDisk>(&mut self, disk: &D) {
        while self.step(disk) {}
    }

    /// Does the next step; false when there is none, or it failed: then nothing more is to be done.
    pub fn step<D: PositionalDisk>(&mut self, disk: &D) -> bool {
        let Some(step) = self.steps.pop_front() else { return false };
        match step.take(disk) {
            Ok(()) => {
                self.done += 1;
                self.synced |= matches!(step, Step::SyncNames(_));
                !self.steps.is_empty()
            }
            Err(error) => {
                (self.failed, self.error) = (Some(step), Some(error));
                self.steps.clear();
                false
            }
        }
    }

    /// Not all of its steps are done, and none has failed.
    pub(crate) fn is_under_way(&self) -> bool {
        !self.steps.is_empty()
    }
}

impl Step {
    pub(crate) fn take<D: PositionalDisk>(&self, disk: &D) -> Result<(), EnvironmentError> {
        match self {
            Self::Remove(path) => disk.remove(path).map_err(EnvironmentError::at("remove", path)),
            Self::Rename(from, to) => disk.rename(from, to).map_err(EnvironmentError::at("rename", from)),
            Self::SyncNames(path) => disk.sync_dir(path).map_err(EnvironmentError::at("sync", path)),
            Self::Make(path, length) => {
                let made = disk.create(path).map_err(EnvironmentError::at("create", path)).and_then(|file| {
                    file.preallocate(*length).map_err(EnvironmentError::at("preallocate", path))?;
                    file.sync_data().map_err(EnvironmentError::at("sync", path))
                });
                if made.is_err() {
                    let _ = disk.remove(path);
                }
                made
            }
        }
    }
}
