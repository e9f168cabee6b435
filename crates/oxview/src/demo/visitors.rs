//! The shop's traffic on its way to the agent: the past at once, then the present as it comes.

use crate::clock;
use blueox_shop::incident::Incident;
use blueox_shop::schedule::Schedule;
use blueox_shop::traffic::Shop;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use ureq::Agent;

/// Events are sent as often as this.
const INTERVAL: Duration = Duration::from_millis(100);
/// How long to wait after the agent could not take them.
const RETRY: Duration = Duration::from_millis(500);
/// How much is sent at once, about, in bytes.
const BATCH_BYTES: usize = 512 << 10;
/// How long the agent may take for it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who makes the events.
pub(super) struct Visitors {
    shop: Shop,
    schedule: Schedule,
    agent: Agent,
    url: String,
    past_seconds: f64,
    seed: u64,
    rate: f64,
}

impl Visitors {
    pub(super) fn new(
        collection: SocketAddr,
        seed: u64,
        rate: f64,
        incident: Incident,
        past_seconds: f64,
    ) -> Self {
        // A daemon is reached directly, whatever proxy the environment names for the web.
        let config = Agent::config_builder().proxy(None).timeout_global(Some(PATIENCE)).build();
        Self {
            shop: Shop::with_incident(seed, incident),
            schedule: Schedule::new(seed, rate, 0.0),
            agent: config.new_agent(),
            url: format!("http://{collection}/v1/events"),
            past_seconds,
            seed,
            rate,
        }
    }

    /// Sends until `stop` is closed.
    pub(super) fn run(mut self, stop: &Receiver<()>) {
        self.schedule = Schedule::new(self.seed, self.rate, clock::now() - self.past_seconds);
        let mut batch = Vec::new();
        let mut next = self.schedule.next();
        loop {
            let now = clock::now();
            // A visit is over before its events are seen.
            while let Some(end) = next.filter(|end| *end <= now && batch.len() < BATCH_BYTES) {
                for step in self.shop.visit(end) {
                    batch.extend_from_slice(&step.to_msgpack());
                }
                next = self.schedule.next();
            }
            let is_behind = batch.len() >= BATCH_BYTES;
            let taken = batch.is_empty() || self.send(&batch);
            if taken {
                batch.clear();
            }
            let pause = match (taken, is_behind) {
                (true, true) => Duration::ZERO,
                (true, false) => INTERVAL,
                (false, _) => RETRY,
            };
            if stop.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// Whether the agent has them on its disk.
    fn send(&self, batch: &[u8]) -> bool {
        self.agent.post(&self.url).header("Content-Type", "application/vnd.msgpack").send(batch).is_ok()
    }
}
