//! How many files and connections the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process keeps for itself: standard streams, listeners, the runtime, a lock, syncing.
const RESERVE: u64 = 40;
/// More connections than this are refused, whatever the system allows.
const MAX_CONNECTIONS: u64 = 12_000;
/// More day files than this are never open at once.
const MAX_OPEN_FILES: u64 = 256;

/// The descriptors, divided.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProcessLimits {
    pub(crate) connections: usize,
    pub(crate) open_files: usize,
}

impl ProcessLimits {
    /// Raises the soft limit to the hard one and divides what there is.
    pub(crate) fn take() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        let descriptors = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => limit.maximum,
            Err(error) => {
                tracing::warn!(%error, "cannot raise the limit of open files");
                limit.current
            }
        };
        Self::divide(descriptors.unwrap_or(u64::MAX))
    }

    fn divide(descriptors: u64) -> Self {
        let open_files = (descriptors / 4).clamp(8, MAX_OPEN_FILES);
        let connections = descriptors.saturating_sub(open_files * 3 / 2 + RESERVE).clamp(8, MAX_CONNECTIONS);
        Self {
            connections: usize::try_from(connections).expect("BUG: bounded above"),
            open_files: usize::try_from(open_files).expect("BUG: bounded above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_limit_is_shared_out() {
        let limits = ProcessLimits::divide(128);
        assert_eq!((limits.open_files, limits.connections), (32, 40));
        assert_eq!(ProcessLimits::divide(u64::MAX).open_files, 256);
        assert_eq!(ProcessLimits::divide(0).connections, 8);
    }
}
