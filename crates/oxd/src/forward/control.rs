//! Changing the lists while the daemon runs, and keeping the change.
//!
//! The file `forward.json` in the spool's directory holds the flags that it was made over and the lists as they were
//! changed. At a start with the same flags the changed lists count; other flags win, and the file goes.

use super::destination::{Destination, FailoverList, shared_by_two};
use super::{Forwarding, durable_file};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

const NAME: &str = "forward.json";

/// What is asked for over `POST /v1/forward`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    pub(crate) command: Command,
    /// `ADDR`, or for `set` also `ADDR,BACKUP...`.
    pub(crate) addresses: String,
    /// Which list, counted from 0.
    #[serde(default)]
    pub(crate) list: usize,
}

/// The commands of `oxctl forward`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Command {
    /// Another list.
    Set,
    /// One more backup, the last.
    Add,
    Remove,
    /// This destination now, until it fails or another is chosen.
    Switch,
}

/// Why a change is not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChangeError {
    /// The caller's fault.
    #[error("{0}")]
    Wrong(String),
    /// It could not be kept, so it was not made.
    #[error("the change cannot be written to {}: {source}", path.display())]
    Unwritten { path: PathBuf, source: std::io::Error },
}

/// `forward.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    version: u32,
    flags: Vec<String>,
    lists: Vec<String>,
}

impl Forwarding {
    /// Makes a change, durably before it is made.
    pub(crate) fn change(&self, change: &Change) -> Result<(), ChangeError> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = self.lists.get(change.list) else {
            return Err(ChangeError::Wrong(format!(
                "there is no list {}; this oxd has {}",
                change.list,
                match self.lists.len() {
                    1 => "only list 0".to_owned(),
                    count => format!("the lists 0 to {}", count - 1),
                }
            )));
        };
        let (list, choose) = changed(&state.list(), change).map_err(ChangeError::Wrong)?;
        let mut lists: Vec<_> = self.lists.iter().map(|list| list.list()).collect();
        lists[change.list] = list.clone();
        if let Some(twice) = shared_by_two(&lists) {
            return Err(ChangeError::Wrong(format!(
                "{twice} stands in another list already; one collector takes one copy only"
            )));
        }
        if change.command != Command::Switch
            && let Some(directory) = &self.directory
        {
            keep(directory, &self.flags, &lists)?;
        }
        tracing::info!(list = change.list, command = ?change.command, addresses = change.addresses, now = %list, "forwarding was changed");
        state.wish(list, choose);
        Ok(())
    }
}

/// The list after a change, and the destination that was chosen by hand.
fn changed(list: &FailoverList, change: &Change) -> Result<(FailoverList, Option<Destination>), String> {
    if change.command == Command::Set {
        return Ok((change.addresses.parse()?, None));
    }
    let destination: Destination = change.addresses.parse()?;
    let mut destinations = list.as_slice().to_vec();
    let known = destinations.iter().position(|known| *known == destination);
    match (change.command, known) {
        (Command::Add, None) => destinations.push(destination),
        (Command::Add, Some(_)) => return Err(format!("{destination} is in the list already: {list}")),
        (Command::Remove, Some(_)) if destinations.len() == 1 => {
            return Err(format!(
                "{destination} is the only destination; set another one first, or start oxd without --forward"
            ));
        }
        (Command::Remove, Some(index)) => drop(destinations.remove(index)),
        (Command::Switch, Some(_)) => return Ok((list.clone(), Some(destination))),
        (_, _) => return Err(format!("{destination} is not in the list: {list}; add it first")),
    }
    Ok((FailoverList::new(destinations)?, None))
}

fn keep(directory: &Path, flags: &[FailoverList], lists: &[FailoverList]) -> Result<(), ChangeError> {
    let text = |lists: &[FailoverList]| lists.iter().map(ToString::to_string).collect();
    let kept = Kept { version: 1, flags: text(flags), lists: text(lists) };
    let path = directory.join(NAME);
    let content = serde_json::to_vec_pretty(&kept).expect("BUG: texts are JSON");
    durable_file::replace(&path, &content).map_err(|source| ChangeError::Unwritten { path, source })
}

/// The lists as they were changed over these flags; otherwise the flags.
pub(crate) fn kept_lists(directory: &Path, flags: &[FailoverList]) -> Vec<FailoverList> {
    let path = directory.join(NAME);
    let content = match std::fs::read(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return flags.to_vec(),
        Err(error) => {
            tracing::error!(path = %path.display(), %error, "cannot read how forwarding was changed; the flags count");
            return flags.to_vec();
        }
    };
    let wrong = |error: String| {
        tracing::error!(path = %path.display(), %error, "how forwarding was changed makes no sense; the flags count");
        flags.to_vec()
    };
    let kept: Kept = match serde_json::from_slice(&content) {
        Ok(kept) => kept,
        Err(error) => return wrong(error.to_string()),
    };
    if kept.flags != flags.iter().map(ToString::to_string).collect::<Vec<_>>() {
        tracing::warn!(changed = ?kept.lists, "--forward is not what it was when forwarding was changed by hand: the flags count, the change is forgotten");
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::error!(path = %path.display(), %error, "cannot remove it");
        }
        return flags.to_vec();
    }
    let lists: Result<Vec<FailoverList>, _> = kept.lists.iter().map(|list| list.parse()).collect();
    match lists {
        Ok(lists) if lists.len() == flags.len() && shared_by_two(&lists).is_none() => {
            if lists != flags {
                tracing::info!(lists = ?kept.lists, "forwarding as it was changed by hand");
            }
            lists
        }
        Ok(_) => wrong("its lists do not go with the flags".into()),
        Err(error) => wrong(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(texts: &[&str]) -> Vec<FailoverList> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn changes() {
        let list: FailoverList = "a,b".parse().unwrap();
        let change = |command, addresses: &str| {
            changed(&list, &Change { command, addresses: addresses.into(), list: 0 })
                .map(|(list, choose)| (list.to_string(), choose.map(|chosen| chosen.to_string())))
        };
        let ok = |text: &str, choose: Option<&str>| Ok((text.to_owned(), choose.map(str::to_owned)));
        assert_eq!(change(Command::Set, "c:1,d"), ok("c:1,d:3514", None));
        assert_eq!(change(Command::Add, "c"), ok("a:3514,b:3514,c:3514", None));
        assert_eq!(change(Command::Remove, "a:3514"), ok("b:3514", None));
        assert_eq!(change(Command::Switch, "b"), ok("a:3514,b:3514", Some("b:3514")));
        for (command, addresses) in [
            (Command::Set, ""),
            (Command::Add, "a"),
            (Command::Add, "c,d"),
            (Command::Remove, "c"),
            (Command::Switch, "c"),
        ] {
            assert!(change(command, addresses).is_err(), "{command:?} {addresses}");
        }
        let single = "a".parse().unwrap();
        let remove = Change { command: Command::Remove, addresses: "a".into(), list: 0 };
        assert!(changed(&single, &remove).unwrap_err().contains("only destination"));
    }

    #[test]
    fn a_change_is_kept_until_the_flags_change() {
        let directory = tempfile::tempdir().unwrap();
        let (flags, changed) = (lists(&["a,b", "c"]), lists(&["b", "c,d"]));
        assert_eq!(kept_lists(directory.path(), &flags), flags);
        keep(directory.path(), &flags, &changed).unwrap();
        assert_eq!(kept_lists(directory.path(), &flags), changed);
        assert_eq!(kept_lists(directory.path(), &flags[..1]), flags[..1]);
        assert_eq!(kept_lists(directory.path(), &flags), flags, "it was forgotten");
        std::fs::write(directory.path().join(NAME), "{").unwrap();
        assert_eq!(kept_lists(directory.path(), &flags), flags);
    }
}
