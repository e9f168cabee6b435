//! `oxstore cat`.

use super::args::Cat;
use super::transfer;
use crate::clock;
use crate::damage::DamageReport;
use crate::failure::{Outcome, Usage};
use crate::output::{self, Output};
use crate::progress::Progress;
use crate::read::Reading;
use crate::selection::Selection;
use crate::sink::Sink;
use crate::source::{Extent, Source};
use crate::when::Span;
use blueox_event::EncodedEvent;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Where an oxd that is installed writes to.
const LOG_PATH: &str = "/var/log/blueox";

/// Writes events as MsgPack: of files, or of a log path or bucket.
///
/// # Errors
/// Those of standard output.
pub(super) fn cat(cat: &Cat, progress: &mut Progress) -> anyhow::Result<Outcome> {
    if output::columns().is_some() {
        return Err(Usage(
            "MsgPack is not for a terminal; write it to a file or pipe: oxstore cat ... | oxview".into(),
        )
        .into());
    }
    let (source, types) = source(cat)?;
    let types = [&cat.type_name[..], &types].concat();
    let span = Span::parse(cat.start.as_deref(), cat.end.as_deref(), clock::now())?;
    let selection = Selection::new(&types, None, span, None)?;
    let mut damage = DamageReport::default();
    let mut reading =
        Reading { selection: &selection, damage: &mut damage, progress: &mut *progress, unreadable: 0 };
    let mut bytes = Bytes { output: Output::open(None)?, count: 0 };
    let extent = Extent { follow: false, tail: None };
    let outcome = source.run(extent, &mut reading, &mut bytes).and_then(|outcome| {
        bytes.output.flush()?;
        Ok(outcome)
    });
    reading.progress.clear();
    reading.sum_up_unreadable();
    let unreadable = reading.unreadable > 0;
    for line in damage.take_lines() {
        progress.say(&line);
    }
    match outcome? {
        Outcome::Fine if unreadable => Ok(Outcome::Failed),
        Outcome::Fine if !damage.is_empty() => Ok(Outcome::Damaged),
        outcome => Ok(outcome),
    }
}

/// Where events come from, and the types that were named instead of files.
fn source(cat: &Cat) -> anyhow::Result<(Source, Vec<String>)> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let mut from: Vec<PathBuf> = Vec::new();
    if let Some(text) = &cat.bucket {
        from.push(transfer::bucket(text)?.to_string().into());
    }
    from.extend(cat.log_path.clone());
    if cat.local && cat.log_path.is_none() {
        from.push(variable("BLUEOX_LOG_PATH").map_or_else(|| LOG_PATH.into(), PathBuf::from));
    }
    // As the original understands it: the bucket is in the environment, and the word is a type.
    let is_type = |path: &PathBuf| !path.as_os_str().as_encoded_bytes().contains(&b'/') && !path.exists();
    if from.is_empty()
        && !cat.what.is_empty()
        && cat.what.iter().all(is_type)
        && let Some(text) = variable("BLUEOX_BUCKET")
    {
        from.push(transfer::bucket(&text.to_string_lossy())?.to_string().into());
    }
    if !from.is_empty() {
        let types = cat.what.iter().map(|name| name.to_string_lossy().into_owned()).collect();
        return Ok((Source::LogPath { dirs: from, slack: 0.0 }, types));
    }
    if cat.what.is_empty() {
        return Err(Usage("say what: oxstore cat FILE..., or oxstore cat -b URL TYPE".to_owned()).into());
    }
    Ok((Source::Files(cat.what.clone()), Vec::new()))
}

/// Events as they are.
struct Bytes {
    output: Output,
    count: u64,
}

impl Sink for Bytes {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        self.output.buffer.extend_from_slice(event.bytes());
        self.output.write_some()?;
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.output.flush()
    }

    fn count(&self) -> u64 {
        self.count
    }
}
