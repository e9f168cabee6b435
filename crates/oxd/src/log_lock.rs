//! One daemon per log path.

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use std::fs::File;
use std::path::Path;

/// Held while the daemon may write below a log path; the system gives it back when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct LogLock {
    _file: File,
}

impl LogLock {
    /// Takes the lock `<log-path>/.blueox/lock`, creating the directories.
    pub(crate) fn take(log_path: &Path) -> anyhow::Result<Self> {
        let directory = log_path.join(".blueox");
        std::fs::create_dir_all(&directory)
            .with_context(|| format!("cannot create {}; choose another --log-path", directory.display()))?;
        let path = directory.join("lock");
        let file = File::create(&path).with_context(|| format!("cannot open {}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK) => {
                bail!("another oxd writes to {}; stop it, or choose another --log-path", log_path.display())
            }
            // A file system without locks: nothing can be promised, nothing is lost by going on.
            Err(error) => {
                tracing::warn!(%error, "the log path cannot be locked against a second oxd");
                Ok(Self { _file: file })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_daemon_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let first = LogLock::take(directory.path()).unwrap();
        let error = LogLock::take(directory.path()).unwrap_err();
        assert!(error.to_string().starts_with("another oxd writes to"));
        drop(first);
        LogLock::take(directory.path()).unwrap();
    }
}
