//! `oxctl audit`: is every numbered event stored, queued, or dropped with a reason?
//!
//! | module | what it holds |
//! | --- | --- |
//! | `runs`, `tied` | sets of numbers, and numbers tied to other numbers; pure |
//! | `book` | what is known of each stream |
//! | `daemon_answer`, `directory` | daemons and log paths, into the book |
//! | `proof` | the holes, and what became of them; pure |
//! | `report`, `text` | what comes of it, as JSON and for people |
//!
//! The order of looking makes it right while events go on: first all daemons are asked up to which numbers they had
//! everything and what waits there; then once more what waits, so that what went from one to the next meanwhile is seen; and
//! last the log paths are read. A number can move on between two looks, but only forwards.

mod book;
mod daemon_answer;
mod directory;
mod proof;
mod report;
mod runs;
mod text;
mod tied;

use crate::json;
use crate::output::Answer;
use crate::paint::Paint;
use anyhow::{Context, bail};
use blueox_control::{Client, ClientError, ControlAddress};
use book::Book;
use daemon_answer::DaemonAnswer;
use directory::Directories;
use report::Report;
use std::path::PathBuf;

/// Looks at daemons and log paths.
pub(crate) fn show(
    addresses: &[ControlAddress],
    log_paths: &[PathBuf],
    connect: impl Fn(&ControlAddress) -> Result<Client, ClientError>,
    raw: bool,
    paint: Paint,
) -> anyhow::Result<Answer> {
    let mut asked = Vec::new();
    for address in addresses {
        asked.push((address, ask(&connect(address)?)?));
    }
    let mut again = Vec::new();
    for (address, _) in asked.iter().filter(|_| asked.len() > 1) {
        again.push(ask(&connect(address)?)?);
    }
    let mut book = Book::default();
    for (_, answer) in &asked {
        answer.note_marks(&mut book);
    }
    let mut directories = Directories::default();
    for path in look_at(log_paths, &asked) {
        directories.read(&path, &mut book)?;
    }
    if asked.is_empty() && directories.0.iter().all(|directory| directory.files == 0) {
        bail!("there are no ranges below the log paths; name the log path of an oxd that has a spool");
    }
    for answer in asked.iter().map(|(_, answer)| answer).chain(&again) {
        answer.note_queue(&mut book);
    }
    let report = Report::new(&book, &asked, &directories);
    let text = if raw { json::text(&report.json()) } else { text::of(&report, paint) };
    Ok(if report.is_balanced() { Answer::good(text) } else { Answer::damaged(text) })
}

fn ask(client: &Client) -> anyhow::Result<DaemonAnswer> {
    let answer = client.audit_json()?;
    let answer: DaemonAnswer = serde_json::from_value(answer)
        .with_context(|| format!("the answer of {} to audit cannot be used", client.address()))?;
    if answer.node().is_none() {
        bail!("the answer of {} to audit names no node", client.address());
    }
    Ok(answer)
}

/// Those that were named, and those of daemons on this machine.
fn look_at(log_paths: &[PathBuf], asked: &[(&ControlAddress, DaemonAnswer)]) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = log_paths.to_vec();
    let seen = |paths: &[PathBuf], path: &PathBuf| {
        paths.iter().any(|known| known.canonicalize().ok() == path.canonicalize().ok())
    };
    for (_, answer) in asked.iter().filter(|(address, _)| address.is_loopback()) {
        let path = answer.log_path.as_ref().map(PathBuf::from);
        paths.extend(path.filter(|path| path.is_dir() && !seen(&paths, path)));
    }
    paths
}
