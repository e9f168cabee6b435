//! `oxstore seal`.

use super::args::Seal;
use super::files::{self, TypeDay};
use crate::clock;
use crate::failure::Outcome;
use crate::output::Output;
use crate::progress::Progress;
use blueox_query::sealed::SealError;
use blueox_query::sealing::{Done, Finality, Kept, Sealing};
use std::collections::BTreeMap;

/// Seals the day files that are over, or have grown since they were sealed, and removes those that are final. The caller has
/// locked the directory of sealed files, unless nothing is to be changed.
///
/// # Errors
/// When the directory of sealed files cannot be used; those of standard output.
pub(super) fn seal(
    seal: &Seal,
    is_asked_to_stop: impl Fn() -> bool,
    progress: &mut Progress,
) -> anyhow::Result<Outcome> {
    let which = &seal.which;
    let found = files::type_days(which)?;
    if found.compressed > 0 && !seal.is_archive {
        progress.say(&format!(
            "{} compressed day files are passed over; only plain ones are sealed",
            found.compressed
        ));
    }
    let finality = Finality::of(&which.log_path, clock::now())?;
    let is_over = |day: &TypeDay| day.hot.iter().any(|file| finality.is_over(file));
    if !found.days.iter().any(is_over) && !seal.is_archive {
        progress.say(&format!("no day files that are over below {}", which.log_path.display()));
    }
    if found.days.is_empty() {
        return Ok(Outcome::Fine);
    }
    if seal.changes.dry_run {
        return say_what_is_over(&found.days, &finality);
    }
    let root = files::sealed_root(which);
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
    for day in found.days.iter().take_while(|_| !is_asked_to_stop()) {
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

fn say_what_is_over(days: &[TypeDay], finality: &Finality) -> anyhow::Result<Outcome> {
    let mut output = Output::open(None)?;
    for file in days.iter().flat_map(|day| &day.hot).filter(|file| finality.is_over(file)) {
        let line = format!("{}  {} bytes are over\n", file.path.display(), file.bytes);
        output.buffer.extend_from_slice(line.as_bytes());
        output.write_some()?;
    }
    output.flush()?;
    Ok(Outcome::Fine)
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
