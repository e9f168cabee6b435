//! Spools of other ports in the same state folder, in which events wait that nobody delivers: what a daemon leaves that was
//! stopped with a backlog and is started on another port.

use crate::config::Config;
use blueox_log::spool::{is_open, undelivered};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// So many are named at most.
const MAX_NAMED: usize = 20;

/// Those that are known, until they are delivered.
#[derive(Debug, Default)]
pub(crate) struct SiblingSpools {
    waiting: Mutex<Vec<Sibling>>,
    /// The flags of this daemon that the rescuing one needs too.
    flags: String,
    has_log: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Sibling {
    directory: PathBuf,
    events: u64,
}

impl SiblingSpools {
    /// Looks beside a spool that is named by its port.
    pub(crate) fn beside(spool: &Path, config: &Config) -> Self {
        let folder = spool.parent().and_then(|folder| std::fs::read_dir(folder).ok());
        let names_a_port = |path: &PathBuf| {
            path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.parse::<u16>().is_ok())
        };
        let mut found: Vec<_> = folder
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path != spool && names_a_port(path))
            .filter_map(Sibling::look)
            .collect();
        found.sort_by(|a, b| a.directory.cmp(&b.directory));
        found.truncate(MAX_NAMED);
        let mut flags = String::new();
        if let Some(path) = &config.log_path {
            flags.push_str(&format!(" --log-path {}", path.display()));
        }
        if let Some(hours) = config.rotate_hours {
            flags.push_str(&format!(" --rotate-hours {}", hours.get()));
        }
        for list in &config.forward {
            flags.push_str(&format!(" --forward {list}"));
        }
        Self { waiting: Mutex::new(found), flags, has_log: config.log_path.is_some() }
    }

    /// Looks at those again that are known. Reads files.
    pub(crate) fn look_again(&self) {
        // Status shows what is known while this looks.
        let known = self.lock().clone();
        let waiting = known.into_iter().filter_map(|sibling| Sibling::look(sibling.directory)).collect();
        *self.lock() = waiting;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Says what waits, and how it is delivered.
    pub(crate) fn warn(&self) {
        for sibling in &*self.lock() {
            tracing::warn!(
                spool = %sibling.directory.display(),
                events = sibling.events,
                "a spool of another collection port holds events that nobody delivers; {}",
                self.rescue(sibling)
            );
        }
    }

    /// As status shows them.
    pub(crate) fn report(&self) -> Value {
        let entry = |sibling: &Sibling| json!({ "directory": sibling.directory, "events": sibling.events, "rescue": self.rescue(sibling) });
        self.lock().iter().map(entry).collect()
    }

    /// The log path takes one daemon only; an agent can be drained beside this one.
    fn rescue(&self, sibling: &Sibling) -> String {
        let (when, flags) = if self.has_log {
            ("stop this oxd, then run", "")
        } else {
            ("run", " --collect 127.0.0.1:0 --control 127.0.0.1:0")
        };
        let (spool, own) = (sibling.directory.display(), &self.flags);
        format!(
            "to deliver them {when}: oxd --spool {spool}{own}{flags} and stop it when oxctl queue shows none"
        )
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Sibling>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sibling {
    /// `None`: nothing waits there, or another daemon sees to it. What cannot be read is told, and is none.
    fn look(directory: PathBuf) -> Option<Self> {
        let told = |error: &dyn std::fmt::Display| {
            tracing::warn!(spool = %directory.display(), %error, "whether events wait in this spool of another port cannot be seen");
        };
        match is_open(&directory) {
            Ok(false) => {}
            Ok(true) => return None,
            Err(error) => told(&error),
        }
        let events = undelivered(&directory).inspect_err(|error| told(error)).ok()?;
        (events > 0).then_some(Self { directory, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Cli;
    use crate::spool_disk::SpoolDisk;
    use blueox_log::spool::{CursorName, FullPolicy, Record, Spool, SpoolConfig, StreamId, Timestamp};
    use clap::Parser;

    fn config(flags: &[&str]) -> Config {
        let (file, mut arguments) = (tempfile::NamedTempFile::new().unwrap(), vec!["oxd"]);
        arguments.extend(["--config", file.path().to_str().unwrap()]);
        arguments.extend(flags);
        Config::load(&Cli::try_parse_from(arguments).unwrap()).unwrap()
    }

    /// With two events in it.
    fn spool(directory: &Path) -> blueox_log::spool::Opened<SpoolDisk> {
        let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(7)).unwrap();
        let mut opened = Spool::open(SpoolDisk::Real, directory, config).unwrap();
        opened.writer.move_cursor(&CursorName::new("log"), opened.spool.oldest()).unwrap();
        opened.writer.persist_cursors(Timestamp(1)).unwrap();
        let batch = Record::Data { source: None, count: 2, origin: b"", events: b"\x80\x80" };
        opened.writer.append(&batch, Timestamp(1)).unwrap();
        opened.writer.commit(Timestamp(1)).unwrap();
        opened
    }

    #[test]
    fn those_that_nobody_sees_to_are_named_until_they_are_delivered() {
        let state = tempfile::tempdir().unwrap();
        let at = |name: &str| state.path().join(name);
        let running = spool(&at("3514"));
        drop(spool(&at("4000")));
        drop(spool(&at("not-a-port")));
        std::fs::create_dir(at("5000")).unwrap();

        let siblings = SiblingSpools::beside(&at("4001"), &config(&["--forward", "a,b", "--forward", "c"]));
        let (old, agents) = (at("4000"), " --collect 127.0.0.1:0 --control 127.0.0.1:0");
        let rescue = format!(
            "to deliver them run: oxd --spool {} --forward a:3514,b:3514 --forward c:3514{agents} and stop it when oxctl queue shows none",
            old.display()
        );
        assert_eq!(siblings.report(), json!([{ "directory": old, "events": 2, "rescue": rescue }]));
        let here = SiblingSpools::beside(&old, &config(&[]));
        assert!(here.is_empty(), "its own, and that of a running daemon");
        let siblings =
            SiblingSpools::beside(&at("4001"), &config(&["--log-path", "/l", "--rotate-hours", "2"]));
        let rescue = siblings.report()[0]["rescue"].to_string();
        assert!(rescue.contains("stop this oxd, then run: oxd --spool "), "{rescue}");
        assert!(rescue.contains("4000 --log-path /l --rotate-hours 2 and stop it"), "{rescue}");

        siblings.look_again();
        assert!(!siblings.is_empty());
        let mut rescuing = spool(&old);
        siblings.look_again();
        assert!(siblings.is_empty(), "somebody sees to it");
        let tail = rescuing.spool.tail();
        rescuing.writer.move_cursor(&CursorName::new("log"), tail).unwrap();
        rescuing.writer.persist_cursors(Timestamp(1)).unwrap();
        drop((rescuing, running));
        let left = SiblingSpools::beside(&old, &config(&[])).report();
        assert_eq!(left[0]["directory"], json!(at("3514")), "it runs no more");
    }
}
