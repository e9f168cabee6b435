//! The way down: asked for once, heard by all, bounded in time.

use std::time::Duration;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// How long the daemon drains unless told otherwise.
pub(crate) const DEFAULT_DRAIN: Duration = Duration::from_secs(10);

/// Asks for the shutdown; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown {
    state: watch::Sender<Option<Duration>>,
    /// Every connection's task.
    pub(crate) connections: TaskTracker,
}

/// Hears of it.
#[derive(Debug, Clone)]
pub(crate) struct Stop {
    state: watch::Receiver<Option<Duration>>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { state: watch::Sender::new(None), connections: TaskTracker::new() }
    }

    /// Asks all to finish within `drain`. The first word counts.
    pub(crate) fn begin(&self, drain: Duration) {
        self.state.send_if_modified(|state| {
            let first = state.is_none();
            state.get_or_insert(drain);
            first
        });
    }

    pub(crate) fn listener(&self) -> Stop {
        Stop { state: self.state.subscribe() }
    }
}

impl Stop {
    /// Waits until the shutdown is asked for; gives the time that there is to drain. Cancel safe.
    pub(crate) async fn asked(&mut self) -> Duration {
        match self.state.wait_for(Option::is_some).await {
            Ok(drain) => drain.unwrap_or_default(),
            // Nobody is left who could ask; then the daemon is ending anyway.
            Err(_) => Duration::ZERO,
        }
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.state.borrow().is_some()
    }
}
