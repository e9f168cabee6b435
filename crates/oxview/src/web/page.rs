//! What all requests share.

use super::cache::Cache;
use super::guard::Guard;
use super::health::Health;
use super::live::Hub;
use super::store::Store;
use super::work::Work;
use crate::clock;
use blueox_control::ControlAddress;
use std::path::PathBuf;
use tokio::sync::watch;

/// The page's server.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) store: Store,
    pub(crate) daemons: Vec<ControlAddress>,
    pub(crate) guard: Guard,
    pub(crate) hub: Hub,
    pub(crate) health: Health,
    pub(crate) work: Work,
    pub(crate) cache: Cache,
    pub(crate) stop: Stop,
    /// It shows a demonstration.
    pub(crate) is_demo: bool,
    /// Serve the page's files from here, not those that were built in.
    pub(crate) files: Option<PathBuf>,
}

impl Page {
    /// What time it is, in seconds since the epoch.
    #[expect(clippy::unused_self, reason = "what a request knows of time it knows from here")]
    pub(crate) fn now(&self) -> f64 {
        clock::now()
    }
}

/// Whether the server is to stop.
#[derive(Debug, Clone)]
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// What tells it, and what is told.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Waits until it is.
    pub(crate) async fn asked(&mut self) {
        // When nobody can tell it any more it is over, too.
        let _ = self.0.wait_for(|asked| *asked).await;
    }
}
