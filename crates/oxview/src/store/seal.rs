//! `oxstore seal`.

use super::args::Seal;
use super::files::{self, TypeDay};
use crate::clock;
use crate::failure::Outcome;
use crate::output::Output;
use crate::progress::Progress;
use anyhow::Context;
use blueox_query::sealed::SealError;
use blueox_query::sealing::{Done, Finality, Kept, Sealing, make_directory};
use rustix::fs::{FlockOperation, flock};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Seals the day files that are over, or have grown since they were sealed, and removes those that are final.
///
/// # Errors
/// When the directory of sealed files cannot be used, or another run uses it; those of standard output.
pub(super) fn seal(seal: &Seal, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let which = &seal.which;
    let found = files::type_days(which)?;
    if found.compressed > 0 {
        progress.say(&format!(
            "{} compressed day files are passed over; only plain ones are sealed",
            found.compressed
        ));
    }
    let finality = Finality::of(&which.log_path, clock::now())?;
    let is_over = |day: &TypeDay| day.hot.iter().any(|file| finality.is_over(file));
    if !found.days.iter().any(is_over) {
        progress.say(&format!("no day files that are over below {}", which.log_path.display()));
    }
    if found.days.is_empty() {
        return Ok(Outcome::Fine);
    }
    let root = files::sealed_root(which);
    make_directory(&root)?;
    let _lock = lock(&root)?;
    let sealing = Sealing {
        log_path: &which.log_path,
        sealed: &root,
        finality: &finality,
        keep: seal.keep,
        compact: !seal.no_compact,
    };
    let bytes = |day: &TypeDay| day.hot.iter().map(|file| file.bytes).sum::<u64>();
    found.days.iter().for_each(|day| progress.expect(bytes(day)));
    let mut output = Output::open(None)?;
    let mut outcome = Outcome::Fine;
    let mut kept: BTreeMap<String, usize> = BTreeMap::new();
    for day in &found.days {
        let mut lines = Vec::new();
        let mut tell = |done: Done| match done {
            Done::Kept(_, why) if why != Kept::Grown => *kept.entry(why.to_string()).or_default() += 1,
            done => lines.extend(line(&done)),
        };
        // Where nothing is over there is nothing to be done, not even a directory.
        let sealed = if is_over(day) || day.sealed.is_dir() {
            sealing.seal_day(&day.name, &day.hot, &mut |_| Ok(()), &mut tell)
        } else {
            Ok(())
        };
        for line in lines {
            progress.output_begins();
            output.buffer.extend_from_slice(line.as_bytes());
        }
        output.flush()?;
        if let Err(error) = sealed {
            let damaged = matches!(error, SealError::Damaged { .. } | SealError::Corrupt { .. });
            progress.say(&format!("{:#}", anyhow::Error::from(error)));
            // What failed weighs more than what was damaged before.
            if outcome != Outcome::Failed {
                outcome = if damaged { Outcome::Damaged } else { Outcome::Failed };
            }
        }
        progress.advance(bytes(day), 0);
    }
    for (why, count) in kept {
        progress.say(&format!("{count} day files are sealed and stay: {why}"));
    }
    Ok(outcome)
}

fn line(done: &Done) -> Option<String> {
    match done {
        Done::Sealed(path, sealed) => Some(format!(
            "{}  {} events, {} bytes of {}\n",
            path.display(),
            sealed.events,
            sealed.bytes,
            sealed.source_bytes
        )),
        Done::Compacted(path, sealed, files) => Some(format!(
            "{}  {} events of {files} files, {} bytes\n",
            path.display(),
            sealed.events,
            sealed.bytes
        )),
        Done::Removed(_) | Done::Kept(..) => None,
    }
}

/// Two runs at once would write to the same names.
fn lock(root: &Path) -> anyhow::Result<File> {
    let path = root.join(".lock");
    let file = File::create(&path).with_context(|| format!("cannot create {}", path.display()))?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| anyhow::anyhow!("another oxstore seals to {}; wait until it is done", root.display()))?;
    Ok(file)
}
