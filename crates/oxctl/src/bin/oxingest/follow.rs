//! Several files, followed until the end.

use crate::arguments::{NamedFile, Run};
use crate::followed_file::{FollowedFile, From};
use crate::ingest::{Ended, Ingest};
use crate::interrupt::Interrupt;
use crate::position::{Position, StateDirectory};
use std::path::PathBuf;
use std::time::Duration;

/// Files are looked at so often.
const INTERVAL: Duration = Duration::from_millis(100);

/// Positions are kept after so many looks: of a quiet file once a second, of one that grows fast each 10 MiB.
const KEEP_LOOKS: u64 = 10;

/// Files that are followed, and where their positions are kept.
pub(crate) struct Following {
    files: Vec<(String, PathBuf, FollowedFile)>,
    state: Option<StateDirectory>,
    /// What was kept last, a list a file.
    kept: Vec<Option<Vec<Position>>>,
    looks: u64,
}

impl Following {
    /// Opens the files that are there.
    ///
    /// # Errors
    /// When one that is there cannot be read. What happens to files later is said, and waited for.
    pub(crate) fn begin(files: &[NamedFile], run: &Run) -> anyhow::Result<Self> {
        let from = if run.from_start { From::Start } else { From::End };
        let state = run.state_directory.as_deref().map(StateDirectory::open).transpose()?;
        let (mut opened, mut kept) = (Vec::new(), Vec::new());
        for NamedFile { type_name, path } in files {
            let positions = state.as_ref().map(|state| state.positions(path)).transpose()?.flatten();
            let file = match &positions {
                Some(positions) => FollowedFile::resume(path, positions)?,
                None => FollowedFile::open(path, from)?,
            };
            opened.push((type_name.clone(), path.clone(), file));
            kept.push(positions);
        }
        let mut following = Self { files: opened, state, kept, looks: 0 };
        following.keep()?; // where it begins, so that nothing is lost that comes while it is away
        Ok(following)
    }

    /// Sends what is appended to the files until it is interrupted.
    ///
    /// # Errors
    /// When positions are to be kept and cannot be.
    pub(crate) fn run(&mut self, ingest: &mut Ingest, interrupt: &Interrupt) -> anyhow::Result<()> {
        while !interrupt.is_asked() {
            let mut has_read = false;
            for (type_name, _, file) in &mut self.files {
                has_read |= file.look(&mut |line| ingest.line(type_name, line));
            }
            self.looks += 1;
            if self.state.is_some() && self.looks.is_multiple_of(KEEP_LOOKS) && ingest.is_kept() {
                self.keep()?;
            }
            if !has_read {
                interrupt.wait(&mut [], INTERVAL);
            }
        }
        for (type_name, _, file) in &mut self.files {
            let mut take = |line: crate::lines::Line<'_>| ingest.line(type_name, line);
            match self.state {
                Some(_) => file.pause(&mut take),
                None => file.finish(&mut take),
            }
        }
        Ok(())
    }

    /// Keeps the last positions, if the daemon has all that was before them. Else those before stand: what is missing is sent again.
    ///
    /// # Errors
    /// As [`Following::run`].
    pub(crate) fn end(&mut self, ended: Ended) -> anyhow::Result<()> {
        if ended == Ended::Whole { self.keep() } else { Ok(()) }
    }

    fn keep(&mut self) -> anyhow::Result<()> {
        let Some(state) = &self.state else { return Ok(()) };
        for ((_, path, file), kept) in self.files.iter().zip(&mut self.kept) {
            let positions = file.positions();
            if let Some(positions) = positions
                && kept.as_ref() != Some(&positions)
            {
                state.keep(path, positions.clone())?;
                *kept = Some(positions);
            }
        }
        Ok(())
    }
}
