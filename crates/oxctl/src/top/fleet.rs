//! What is known of all daemons: their last answers, and how fast it went for a minute.

use super::poll::Sample;
use blueox_control::Status;
use blueox_control::status::Seen;
use std::collections::{BTreeMap, VecDeque};

/// How many samples a sparkline has.
pub(super) const SAMPLES: usize = 60;

/// The daemons that were named, in that order.
#[derive(Clone)]
pub(super) struct Fleet {
    pub(super) daemons: Vec<Daemon>,
}

/// One daemon.
#[derive(Clone)]
pub(super) struct Daemon {
    /// As the user named it.
    pub(super) address: String,
    /// Its last answer, also when it has gone since.
    pub(super) status: Option<Status>,
    /// Why the last question had no answer.
    pub(super) failure: Option<String>,
    /// Events it took, a second.
    pub(super) taken: History,
    pub(super) types: BTreeMap<String, Flow>,
    pub(super) hosts: BTreeMap<String, Flow>,
}

/// How fast events of one type or host come.
#[derive(Clone, Default)]
pub(super) struct Flow {
    pub(super) seen: Seen,
    pub(super) rates: History,
}

/// The last rates, the newest last.
#[derive(Clone, Default)]
pub(super) struct History(VecDeque<f64>);

impl History {
    pub(super) fn push(&mut self, rate: f64) {
        if self.0.len() == SAMPLES {
            self.0.pop_front();
        }
        self.0.push_back(rate);
    }

    pub(super) fn last(&self) -> f64 {
        self.0.back().copied().unwrap_or(0.0)
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = f64> + '_ {
        self.0.iter().copied()
    }

    /// Adds another's rates to these, the newest to the newest.
    pub(super) fn add(&mut self, other: &Self) {
        while self.0.len() < other.0.len() {
            self.0.push_front(0.0);
        }
        for (mine, theirs) in self.0.iter_mut().rev().zip(other.iter().rev()) {
            *mine += theirs;
        }
    }
}

impl Fleet {
    pub(super) fn new(addresses: Vec<String>) -> Self {
        let daemon = |address| Daemon {
            address,
            status: None,
            failure: None,
            taken: History::default(),
            types: BTreeMap::new(),
            hosts: BTreeMap::new(),
        };
        Self { daemons: addresses.into_iter().map(daemon).collect() }
    }

    pub(super) fn take(&mut self, sample: Sample) {
        let daemon = &mut self.daemons[sample.daemon];
        match sample.outcome {
            Ok(status) => daemon.take(*status),
            Err(failure) => {
                daemon.taken.push(0.0);
                daemon.failure = Some(failure);
            }
        }
    }
}

impl Daemon {
    fn take(&mut self, status: Status) {
        let before = self.status.as_ref().filter(|before| before.started == status.started);
        let passed =
            before.and_then(|before| Some(status.now()? - before.now()?)).filter(|passed| *passed > 0.0);
        self.taken.push(status.events.as_ref().map_or(0.0, |events| events.rate_in));
        // a daemon that was started again counts from zero
        follow(&mut self.types, &status.types, passed);
        follow(&mut self.hosts, &status.hosts, passed);
        self.failure = None;
        self.status = Some(status);
    }
}

/// `passed`: the seconds since the last answer of the same process, if there was one.
fn follow(flows: &mut BTreeMap<String, Flow>, seen: &BTreeMap<String, Seen>, passed: Option<f64>) {
    flows.retain(|name, _| seen.contains_key(name));
    for (name, now) in seen {
        let flow = flows.entry(name.clone()).or_default();
        if let (Some(passed), Some(count)) = (passed, now.count) {
            let more = count.saturating_sub(flow.seen.count.unwrap_or(0));
            flow.rates.push(more as f64 / passed);
        }
        flow.seen = now.clone();
    }
}
