//! `oxstore verify`.

use super::args::Verify;
use super::files::{self, TypeDay};
use super::transfer;
use crate::failure::Outcome;
use crate::output::Output;
use crate::progress::Progress;
use blueox_log::ranges::Spans;
use blueox_query::need::Need;
use blueox_query::sealed::{self, SealError, SealSource, SealedFile, fingerprint};
use blueox_query::sealing;
use std::path::Path;

#[derive(Default)]
struct Counts {
    compared: usize,
    events: u64,
    differing: usize,
    alone: usize,
    unsealed: usize,
}

/// Compares each sealed file with its day file; those whose day files are gone are read. And with a bucket, if one is named.
///
/// # Errors
/// When the log path cannot be read; those of standard output.
pub(super) fn verify(verify: &Verify, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let which = &verify.which;
    let found = files::type_days(which)?;
    let bytes = |day: &TypeDay| day.hot.iter().map(|file| file.bytes).sum::<u64>();
    found.days.iter().for_each(|day| progress.expect(bytes(day)));
    let mut output = Output::open(None)?;
    let mut counts = Counts::default();
    for day in &found.days {
        if let Err(error) = verify_day(day, &mut counts, progress) {
            counts.differing += 1;
            progress.say(&format!("{:#}", anyhow::Error::from(error)));
        }
        progress.advance(bytes(day), 0);
    }
    progress.clear();
    let Counts { compared, events, differing, alone, unsealed } = counts;
    let mut text = format!(
        "{compared} sealed files hold what their day files do, {events} events; {differing} do not; {unsealed} day \
         files are not sealed"
    );
    if alone > 0 {
        text.push_str(&format!("; {alone} sealed files stand alone and are whole"));
    }
    text.push('\n');
    output.buffer.extend_from_slice(text.as_bytes());
    output.flush()?;
    let mut outcome = if differing > 0 { Outcome::Damaged } else { Outcome::Fine };
    if let Some(bucket) = &verify.bucket {
        let (text, compared) = transfer::compare(which, bucket, progress)?;
        if compared != Outcome::Fine {
            outcome = compared;
        }
        progress.clear();
        output.buffer.extend_from_slice(text.as_bytes());
        output.flush()?;
    }
    Ok(outcome)
}

fn verify_day(day: &TypeDay, counts: &mut Counts, progress: &mut Progress) -> Result<(), SealError> {
    let sealed = sealing::open_all(&day.sealed)?;
    for file in &sealed {
        let sources = sources(file, day);
        let verified = match &sources {
            Some(sources) => sealed::verify(sources, file.path()),
            None => read(file),
        };
        match verified {
            Ok(events) if sources.is_some() => {
                counts.compared += 1;
                counts.events += events;
            }
            Ok(_) => counts.alone += 1,
            Err(error) => {
                counts.differing += 1;
                progress.say(&format!("{}: {:#}", file.path().display(), anyhow::Error::from(error)));
            }
        }
    }
    // What was appended since is for the next run to seal.
    let names: Vec<&str> =
        sealed.iter().flat_map(SealedFile::sources).map(|part| part.name.as_str()).collect();
    let is_sealed =
        |path: &Path| path.file_name().is_some_and(|name| names.contains(&&*name.to_string_lossy()));
    counts.unsealed += day.hot.iter().filter(|file| !is_sealed(&file.path)).count();
    Ok(())
}

/// What a sealed file was made of, if all of it is still there.
fn sources(file: &SealedFile, day: &TypeDay) -> Option<Vec<SealSource>> {
    let source = |part: &sealed::SealedSource| {
        let is_named = |hot: &Path| hot.file_name().is_some_and(|name| *name == *part.name);
        let path = day.hot.iter().map(|hot| &hot.path).find(|hot| is_named(hot))?;
        let (offset, bytes) = (part.offset, part.bytes);
        let is_same = fingerprint(path, offset, bytes).is_ok_and(|found| found == part.fingerprint);
        is_same.then(|| SealSource::Hot { path: path.clone(), offset, bytes, placed: Vec::new() })
    };
    file.sources().iter().map(source).collect()
}

/// Reads all of it.
fn read(file: &SealedFile) -> Result<u64, SealError> {
    let mut rows = file.rows(&Need::default(), (0..file.groups()).collect(), Spans::default())?;
    let mut events = 0;
    while let Some(event) = rows.next_event() {
        event?;
        events += 1;
    }
    Ok(events)
}
