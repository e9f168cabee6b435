//! `oxstore upload`, `oxstore prune`, `oxstore archive`.

use super::args::{Bucket, Prune, Seal, Upload, Which};
use super::{files, seal};
use crate::clock;
use crate::failure::{Outcome, Usage};
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::stores;
use crate::when::{Span, Until};
use anyhow::Context;
use blueox_archive::archive::{Archive, Sent};
use blueox_archive::local::{LocalFile, Place};
use blueox_archive::prune::{Pruned, Why, last_day};
use blueox_archive::{ArchiveError, BucketUrl, Objects};
use blueox_event::time::UtcDay;
use blueox_query::catalog::Meant;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A log path, a bucket, and what is said of them.
pub(super) struct Transfer {
    objects: Arc<dyn Objects>,
    log_path: PathBuf,
    sealed: PathBuf,
    host: String,
    interrupt: Interrupt,
    dry_run: bool,
    /// Of all of `oxstore archive`.
    is_rehearsal: bool,
    jobs: usize,
    output: Output,
    outcome: Outcome,
    /// The first error that others would meet too.
    failure: Option<ArchiveError>,
}

/// Brings files to a bucket.
///
/// # Errors
/// When the bucket or the log path cannot be used; those of standard output.
pub(super) fn upload(upload: &Upload, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let mut transfer = Transfer::new(&upload.which, &upload.bucket, upload.changes.dry_run)?;
    transfer.upload(&files_of(&transfer, &upload.which, None)?, progress)?;
    transfer.end(progress)
}

/// Removes files that the bucket has.
///
/// # Errors
/// As [`upload`].
pub(super) fn prune(prune: &Prune, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let mut transfer = Transfer::new(&prune.which, &prune.bucket, prune.changes.dry_run)?;
    transfer.prune(&files_of(&transfer, &prune.which, Some(prune.retain_days))?, progress)?;
    transfer.end(progress)
}

/// Seals, brings everything to a bucket, and removes what is there and old.
///
/// # Errors
/// As [`upload`], and those of sealing.
pub(super) fn archive(archive: &Prune, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let (which, changes) = (archive.which.clone(), archive.changes);
    // Before anything is changed: a bucket that cannot be reached is told first.
    let mut transfer = Transfer::new(&which, &archive.bucket, changes.dry_run)?;
    let sealing = Seal { which, changes, keep: false, no_compact: false, is_archive: true };
    let sealed = seal::seal(&sealing, || transfer.interrupt.is_asked(), progress)?;
    (transfer.outcome, transfer.is_rehearsal) = (sealed, changes.dry_run);
    if !transfer.interrupt.is_asked() {
        transfer.upload(&files_of(&transfer, &archive.which, None)?, progress)?;
    }
    if transfer.failure.is_none() && !transfer.interrupt.is_asked() {
        transfer.prune(&files_of(&transfer, &archive.which, Some(archive.retain_days))?, progress)?;
    }
    transfer.end(progress)
}

/// The bucket that a text names.
///
/// # Errors
/// [`Usage`] when it names none.
pub(super) fn bucket(text: &str) -> anyhow::Result<BucketUrl> {
    Ok(text.parse().map_err(|error: blueox_archive::bucket_url::UrlError| Usage(error.to_string()))?)
}

/// The files that are meant; with days that stay, those before.
fn files_of(transfer: &Transfer, which: &Which, retain_days: Option<u32>) -> anyhow::Result<Vec<LocalFile>> {
    let span = Span::parse(which.start.as_deref(), which.end.as_deref(), clock::now())?;
    let selection = Selection::new(&which.type_name, None, span, None)?;
    let today = UtcDay::of(clock::now().floor() as i64);
    let before = retain_days.map(|days| last_day(today, days));
    let until = span.until.map(Until::seconds).into_iter().chain(before).reduce(f64::min);
    let meant =
        Meant { since: span.since, until, is_type: &|name| selection.may_match_type(name), ..Meant::all() };
    let mut found = transfer.place().files(&meant)?;
    found.retain(|file| files::day_begins_before(file.day, span.until));
    Ok(found)
}

impl Transfer {
    pub(super) fn new(which: &Which, bucket: &Bucket, dry_run: bool) -> anyhow::Result<Self> {
        std::fs::read_dir(&which.log_path)
            .with_context(|| format!("cannot read the log path {}", which.log_path.display()))?;
        Ok(Self {
            objects: stores::open(&self::bucket(&bucket.bucket)?)?,
            log_path: which.log_path.clone(),
            sealed: files::sealed_root(which),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            interrupt: Interrupt::listen()?,
            dry_run,
            is_rehearsal: false,
            jobs: usize::from(bucket.jobs),
            output: Output::open(None)?,
            outcome: Outcome::Fine,
            failure: None,
        })
    }

    fn place(&self) -> Place<'_> {
        Place { log_path: &self.log_path, sealed: &self.sealed, host: &self.host }
    }

    fn archive<'a>(
        objects: &Arc<dyn Objects>,
        place: Place<'a>,
        interrupt: &'a Interrupt,
        jobs: usize,
        dry_run: bool,
    ) -> Result<Archive<'a>, ArchiveError> {
        let archive = Archive::open(Arc::clone(objects), place, interrupt.flag())?;
        Ok(Archive { at_once: jobs, dry_run, ..archive })
    }

    fn upload(&mut self, files: &[LocalFile], progress: &mut Progress) -> anyhow::Result<()> {
        progress.doing(if self.dry_run { "compared" } else { "sent" });
        files.iter().for_each(|file| progress.expect(file.bytes));
        let Self {
            objects, log_path, sealed, host, interrupt, dry_run, jobs, output, outcome, failure, ..
        } = self;
        let place = Place { log_path, sealed, host };
        let archive = Self::archive(objects, place, interrupt, *jobs, *dry_run)?;
        let (mut there, mut closed) = (0, None);
        archive.upload(files, |file, done| {
            progress.advance(file.bytes, 0);
            let url = objects.url().at(&file.name);
            let removed = match done {
                Ok(Sent::Now(removed)) => {
                    say(output, progress, &format!("{url}  {} bytes sent", file.bytes), &mut closed);
                    removed
                }
                Ok(Sent::Would) => {
                    say(output, progress, &format!("{url}  {} bytes to send", file.bytes), &mut closed);
                    Vec::new()
                }
                Ok(Sent::Before(removed)) => {
                    there += 1;
                    removed
                }
                Err(error) => return failed(error, outcome, failure, progress),
            };
            for name in removed {
                let line = format!("{}  removed: {url} holds its events", objects.url().at(&name));
                say(output, progress, &line, &mut closed);
            }
        })?;
        closed.map_or(Ok(()), Err)?;
        if there > 0 {
            progress.say(&format!("{there} files are in {} already", self.objects.url()));
        }
        Ok(())
    }

    fn prune(&mut self, files: &[LocalFile], progress: &mut Progress) -> anyhow::Result<()> {
        progress.doing("compared");
        files.iter().for_each(|file| progress.expect(file.bytes));
        let Self {
            objects, log_path, sealed, host, interrupt, dry_run, jobs, output, outcome, failure, ..
        } = self;
        let place = Place { log_path, sealed, host };
        let archive = Self::archive(objects, place, interrupt, *jobs, *dry_run)?;
        let (mut stay, mut closed) = (BTreeMap::<Why, usize>::new(), None);
        let gone = if *dry_run { "to remove" } else { "removed" };
        archive.prune(files, |file, done| {
            progress.advance(file.bytes, 0);
            match done {
                Ok(Pruned::Gone) => {
                    say(output, progress, &format!("{}  {gone}", file.path.display()), &mut closed);
                }
                Ok(Pruned::Stays(why)) => *stay.entry(why).or_default() += 1,
                Err(error) => failed(error, outcome, failure, progress),
            }
        });
        closed.map_or(Ok(()), Err)?;
        // A rehearsal has not sent them.
        if self.is_rehearsal {
            stay.remove(&Why::NotThere);
        }
        for (why, count) in stay {
            progress.say(&format!("{count} files stay: {why}"));
            if why != Why::DayFileHere {
                self.outcome = Outcome::Failed;
            }
        }
        Ok(())
    }

    fn end(mut self, progress: &mut Progress) -> anyhow::Result<Outcome> {
        progress.clear();
        self.output.flush()?;
        match self.failure {
            Some(failure) => Err(failure.into()),
            None if self.interrupt.is_asked() => Err(ArchiveError::Stopped.into()),
            None => Ok(self.outcome),
        }
    }
}

/// A line on standard output. When nobody reads it any more the work goes on, and that is told at the end.
pub(super) fn say(
    output: &mut Output,
    progress: &mut Progress,
    line: &str,
    closed: &mut Option<anyhow::Error>,
) {
    progress.output_begins();
    output.buffer.extend_from_slice(line.as_bytes());
    output.buffer.push(b'\n');
    if closed.is_none()
        && let Err(error) = output.flush()
    {
        *closed = Some(error);
    }
}

/// An error of one file is told and the others go on; the first of all of them ends the run.
pub(super) fn failed(
    error: ArchiveError,
    outcome: &mut Outcome,
    failure: &mut Option<ArchiveError>,
    progress: &Progress,
) {
    *outcome = Outcome::Failed;
    if error.is_of_one_file() {
        progress.say(&format!("{:#}", anyhow::Error::from(error)));
    } else if failure.is_none() || matches!(failure, Some(ArchiveError::Stopped)) {
        *failure = Some(error);
    }
}

/// What a bucket has of the sealed files and archives here: the same, another, nothing.
///
/// # Errors
/// When the bucket or the log path cannot be used.
pub(super) fn compare(
    which: &Which,
    url: &str,
    progress: &mut Progress,
) -> anyhow::Result<(String, Outcome)> {
    let bucket = Bucket { bucket: url.to_owned(), jobs: 4 };
    let transfer = Transfer::new(which, &bucket, true)?;
    let files = files_of(&transfer, which, None)?;
    progress.doing("compared");
    files.iter().for_each(|file| progress.expect(file.bytes));
    let archive =
        Transfer::archive(&transfer.objects, transfer.place(), &transfer.interrupt, transfer.jobs, true)?;
    let (mut same, mut missing, mut other) = (0, 0, 0);
    let (mut outcome, mut failure) = (Outcome::Fine, None);
    archive.compare(&files, |file, found| {
        progress.advance(file.bytes, 0);
        match found {
            Ok(Some(true)) => same += 1,
            Ok(None) => missing += 1,
            Ok(Some(false)) => {
                other += 1;
                let url = transfer.objects.url().at(&file.name);
                progress.say(&format!("{url} is not {}", file.path.display()));
            }
            Err(error) => failed(error, &mut outcome, &mut failure, progress),
        }
    });
    if let Some(failure) = failure {
        return Err(failure.into());
    }
    if other > 0 {
        outcome = Outcome::Damaged;
    }
    let text = format!(
        "{same} files are the same in {}, {other} are not, {missing} are not there\n",
        transfer.objects.url()
    );
    Ok((text, outcome))
}
