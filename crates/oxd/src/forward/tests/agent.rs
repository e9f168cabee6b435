//! A daemon without ports: spooler, spool and lists.

use super::collector::Collector;
use crate::batch::Batch;
use crate::clock::Clock;
use crate::disk_state::DiskState;
use crate::forward::{FailoverList, Forwarding, ListState, ProbePace};
use crate::keeper::{Copies, Keeper, KeeperContext, SpoolSettings};
use crate::ledger::Ledger;
use crate::live::Live;
use crate::spooler::Spooler;
use crate::tally::Tally;
use blueox_event::wire::native::Codec;
use blueox_event::{EncodedEvent, Value};
use blueox_log::spool::FullPolicy;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub(super) struct Agent {
    pub(super) ledger: Arc<Ledger>,
    pub(super) forwarding: Arc<Forwarding>,
    spooler: Spooler,
    keeper: Keeper,
    clock: Clock,
    runtime: tokio::runtime::Runtime,
}

/// `a,b` for the addresses of two collectors.
pub(super) fn list(collectors: &[&Collector]) -> FailoverList {
    let addresses: Vec<_> = collectors.iter().map(|collector| collector.address.to_string()).collect();
    addresses.join(",").parse().unwrap()
}

impl Agent {
    pub(super) fn start(directory: &Path, lists: &[FailoverList]) -> Self {
        Self::start_over(Some(directory), lists)
    }

    /// `None`: with the spool in memory.
    pub(super) fn start_over(directory: Option<&Path>, lists: &[FailoverList]) -> Self {
        let clock = Clock::start();
        let ledger = Arc::new(Ledger::default());
        let (spooler, requests) = Spooler::new(Arc::clone(&ledger), Arc::new(Tally::default()));
        let context = KeeperContext {
            live: Arc::new(Live::new(Arc::clone(&ledger))),
            ledger: Arc::clone(&ledger),
            tally: Arc::default(),
            disk_state: Arc::new(DiskState::new(clock)),
            clock,
            reopen: Arc::default(),
        };
        let settings = SpoolSettings {
            directory: directory.map(Path::to_path_buf),
            max_bytes: 8 << 20,
            policy: FullPolicy::Block,
        };
        let probe_pace = ProbePace { every: Duration::from_millis(20), wanted: 3 };
        let copies = Copies {
            log: None,
            forward: lists.to_vec(),
            compress: Codec::Zstd,
            host: "web-1".into(),
            probe_pace,
        };
        let (keeper, _) = Keeper::spooled(context, &settings, copies, &spooler, requests).unwrap();
        let forwarding = keeper.forwarding().unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Self { ledger, forwarding, spooler, keeper, clock, runtime }
    }

    pub(super) fn list(&self) -> &ListState {
        &self.forwarding.lists[0]
    }

    /// Records events with these numbers, each durable before the next, so that each is a batch of its own.
    pub(super) fn record(&self, numbers: std::ops::Range<u64>, bytes: usize) {
        for number in numbers {
            let mut batch = Batch::new(1000.0);
            let event = event(number, bytes);
            batch.push(&EncodedEvent::parse(&event).unwrap()).unwrap();
            self.runtime.block_on(async {
                self.spooler.admit_durably(batch).await.await.unwrap().unwrap();
            });
        }
    }

    /// Stops without any time to forward.
    pub(super) fn finish_early(self) -> anyhow::Result<()> {
        self.keeper.finish(&self.spooler, self.clock.elapsed())
    }

    /// Stops as the daemon does, with so much time to forward.
    pub(super) fn finish(self, drain: Duration) {
        self.keeper.finish(&self.spooler, self.clock.elapsed() + drain).unwrap();
    }
}

pub(super) fn event(number: u64, bytes: usize) -> Vec<u8> {
    let fill = Value::Bin(vec![number as u8; bytes]);
    Value::map([("type", Value::from("t")), ("id", Value::from(number)), ("body", fill)]).to_msgpack()
}

/// The numbers of the events that stand in these bytes.
pub(super) fn numbers(mut events: &[u8]) -> Vec<u64> {
    let mut numbers = Vec::new();
    while !events.is_empty() {
        let event = EncodedEvent::read(events).unwrap();
        numbers.push(event.id_text().unwrap().iter().fold(0, |n, digit| n * 10 + u64::from(digit - b'0')));
        events = &events[event.bytes().len()..];
    }
    numbers
}
