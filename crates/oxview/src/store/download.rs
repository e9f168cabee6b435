//! `oxstore download`.

use super::args::Download;
use super::{files, transfer};
use crate::clock;
use crate::failure::Outcome;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::progress::Progress;
use crate::selection::Selection;
use crate::stores;
use crate::when::{Span, Until};
use anyhow::Context;
use blueox_archive::download::{Downloaded, download as fetch};
use blueox_archive::local::Place;
use blueox_archive::remote::RemoteObject;
use blueox_archive::{ArchiveError, Object, crew};
use blueox_query::catalog::{Catalog, Kind, Meant, StoredObject};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

/// A file of a bucket, and where it goes.
struct Wanted {
    object: Object,
    kind: Kind,
    path: PathBuf,
}

/// Brings files of a bucket to a log path.
///
/// # Errors
/// When the bucket cannot be used; those of standard output.
pub(super) fn download(download: &Download, progress: &mut Progress) -> anyhow::Result<Outcome> {
    let which = &download.which;
    let types = [&which.type_name[..], &download.types].concat();
    let span = Span::parse(which.start.as_deref(), which.end.as_deref(), clock::now())?;
    let selection = Selection::new(&types, None, span, None)?;
    let objects = stores::open(&transfer::bucket(&download.bucket.bucket)?)?;
    let until = span.until.map(Until::seconds);
    let is_type = |name: &[u8]| selection.may_match_type(name);
    let meant = Meant { since: span.since, until, is_type: &is_type, ..Meant::all() };
    let mut listed: HashMap<PathBuf, Object> = HashMap::new();
    let mut stored = Vec::new();
    for object in objects.list()? {
        let path = PathBuf::from(objects.url().at(&object.name));
        let bytes = Arc::new(RemoteObject::new(Arc::clone(&objects), object.clone(), None));
        listed.insert(path.clone(), object);
        stored.push(StoredObject { path, bytes });
    }
    let catalog = Catalog::open_with(&[], stored, &meant)?;
    let mut outcome = Outcome::Fine;
    for (_, why) in catalog.unreadable() {
        progress.say(why);
        outcome = Outcome::Damaged;
    }
    let sealed = files::sealed_root(which);
    let place = Place { log_path: &which.log_path, sealed: &sealed, host: "" };
    let meant = catalog.into_files().into_iter().filter(|file| files::begins_before(file, span.until));
    let wanted: Vec<Wanted> = meant
        .filter_map(|file| {
            let path = place.path_of(&file)?;
            Some(Wanted { object: listed.remove(&file.path)?, kind: file.kind, path })
        })
        .collect();
    if wanted.is_empty() {
        progress.say(&format!("nothing of that is in {}", objects.url()));
        return Ok(Outcome::Failed);
    }
    progress.doing("fetched");
    wanted.iter().for_each(|wanted| progress.expect(wanted.object.length));
    let mut output = Output::open(None)?;
    if download.changes.dry_run {
        for Wanted { object, path, .. } in &wanted {
            let line = format!("{}  {} bytes to fetch\n", path.display(), object.length);
            output.buffer.extend_from_slice(line.as_bytes());
        }
        output.flush()?;
        return Ok(outcome);
    }
    let _lock = super::lock::lock(&sealed)?;
    let interrupt = Interrupt::listen().context("cannot listen for signals")?;
    let (mut here, mut failure, mut closed) = (0, None, None);
    let work =
        |wanted: &Wanted| fetch(&*objects, &wanted.object, wanted.kind, &wanted.path, interrupt.flag());
    crew::each(&wanted, usize::from(download.bucket.jobs), interrupt.flag(), work, |wanted, done| {
        progress.advance(wanted.object.length, 0);
        match done {
            Ok(Downloaded::Fetched) => {
                let line = format!("{}  {} bytes fetched", wanted.path.display(), wanted.object.length);
                transfer::say(&mut output, progress, &line, &mut closed);
            }
            Ok(Downloaded::Here) => here += 1,
            Err(error) => transfer::failed(error, &mut outcome, &mut failure, progress),
        }
    });
    progress.clear();
    output.flush()?;
    if here > 0 {
        progress.say(&format!("{here} files are here already"));
    }
    match failure.map(anyhow::Error::from).or(closed) {
        Some(failure) => Err(failure),
        None if interrupt.is_asked() => Err(ArchiveError::Stopped.into()),
        None => Ok(outcome),
    }
}
