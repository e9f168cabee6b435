//! The live streams of the daemons, read once for all who watch: a thread for each daemon, as long as somebody does.

use crate::web::limits::{LIVE_BYTES, LIVE_EVENTS, LIVE_RETRY, WATCHERS};
use crate::web::refusal::Refusal;
use blueox_control::{Client, ControlAddress, LiveRequest, Timeouts};
use blueox_event::{EncodedEvent, Path};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The event by which a daemon tells a watcher that it was too slow.
const SKIPPED: &[u8] = b"blueox.skipped";

/// What came.
#[derive(Debug, Clone)]
pub(super) enum Item {
    Event(Arc<[u8]>),
    /// The daemon has skipped so many.
    Skipped(u64),
}

/// How far a watcher has read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position(u64);

/// The newest events of all daemons.
#[derive(Debug)]
pub(crate) struct Hub {
    daemons: Vec<ControlAddress>,
    watchers: Arc<Semaphore>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    items: VecDeque<Item>,
    bytes: usize,
    /// The number of the first of `items`.
    first: u64,
    states: Vec<State>,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// A thread reads its stream, or tries to.
    running: bool,
    watching: bool,
    error: Option<String>,
}

impl Hub {
    pub(crate) fn new(daemons: Vec<ControlAddress>) -> Self {
        let states = vec![State::default(); daemons.len()];
        let shared = Arc::new(Mutex::new(Shared { states, ..Shared::default() }));
        Self { daemons, watchers: Arc::new(Semaphore::new(WATCHERS)), shared }
    }

    /// Whether there is no daemon.
    pub(crate) fn is_empty(&self) -> bool {
        self.daemons.is_empty()
    }

    pub(crate) fn daemons(&self) -> Vec<String> {
        self.daemons.iter().map(ToString::to_string).collect()
    }

    /// Lets one more watch, and sees to it that there is something to see.
    ///
    /// # Errors
    /// When too many watch.
    pub(super) fn admit(&self) -> Result<OwnedSemaphorePermit, Refusal> {
        let permit = Arc::clone(&self.watchers).try_acquire_owned();
        let permit =
            permit.map_err(|_| Refusal::busy("too many watch the live stream; close one of them"))?;
        for (index, address) in self.daemons.iter().enumerate() {
            let mut shared = lock(&self.shared);
            if !std::mem::replace(&mut shared.states[index].running, true) {
                let reader = Reader {
                    index,
                    address: address.clone(),
                    shared: Arc::clone(&self.shared),
                    watchers: Arc::clone(&self.watchers),
                };
                thread::spawn(move || reader.run());
            }
        }
        Ok(permit)
    }

    /// From now on.
    pub(super) fn now(&self) -> Position {
        let shared = lock(&self.shared);
        Position(shared.first + shared.items.len() as u64)
    }

    /// What came since, and how much of that is gone again.
    pub(super) fn since(&self, position: &mut Position) -> (Vec<Item>, u64) {
        let shared = lock(&self.shared);
        let missed = shared.first.saturating_sub(position.0);
        let from = usize::try_from(position.0.saturating_sub(shared.first)).unwrap_or(usize::MAX);
        let items = shared.items.iter().skip(from).cloned().collect();
        position.0 = shared.first + shared.items.len() as u64;
        (items, missed)
    }

    /// How the daemons are, as watchers are told.
    pub(super) fn states(&self) -> Vec<Value> {
        let shared = lock(&self.shared);
        let told = |(address, state): (&ControlAddress, &State)| {
            let word = if state.watching { "watching" } else { "lost" };
            json!({ "address": address.to_string(), "state": word, "error": state.error })
        };
        // Until it has been tried nothing is known.
        self.daemons
            .iter()
            .zip(&shared.states)
            .map(|(address, state)| {
                if state.watching || state.error.is_some() {
                    told((address, state))
                } else {
                    json!({ "address": address.to_string(), "state": "lost", "error": "connecting" })
                }
            })
            .collect()
    }
}

fn lock(shared: &Mutex<Shared>) -> std::sync::MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Reader {
    index: usize,
    address: ControlAddress,
    shared: Arc<Mutex<Shared>>,
    watchers: Arc<Semaphore>,
}

impl Reader {
    fn run(&self) {
        // Nothing is ever sent: a wait that is not for the clock alone.
        let (_never, quiet) = mpsc::channel::<()>();
        while !self.ends_unwatched() {
            let Some(error) = self.watch() else { continue };
            {
                let mut shared = lock(&self.shared);
                let state = &mut shared.states[self.index];
                (state.watching, state.error) = (false, Some(error));
            }
            let waited = quiet.recv_timeout(LIVE_RETRY);
            debug_assert_eq!(waited, Err(RecvTimeoutError::Timeout));
        }
    }

    /// Whether nobody watches; then the thread is to end.
    fn ends_unwatched(&self) -> bool {
        let mut shared = lock(&self.shared);
        let ends = self.watchers.available_permits() == WATCHERS;
        if ends {
            shared.states[self.index] = State::default();
        }
        ends
    }

    /// Reads the daemon's stream until it ends, and says why; `None`: until nobody watches.
    fn watch(&self) -> Option<String> {
        let client = match Client::connect(&self.address, Timeouts::default()) {
            Ok(client) => client,
            Err(error) => return Some(error.to_string()),
        };
        let mut stream = match client.live(&LiveRequest::default()) {
            Ok(stream) => stream,
            Err(error) => return Some(error.to_string()),
        };
        {
            let mut shared = lock(&self.shared);
            let state = &mut shared.states[self.index];
            (state.watching, state.error) = (true, None);
        }
        loop {
            match stream.next() {
                Ok(Some(bytes)) => self.take(&bytes),
                Ok(None) => return Some(format!("the oxd at {} has stopped", self.address)),
                Err(error) => return Some(error.to_string()),
            }
            if self.watchers.available_permits() == WATCHERS {
                return None;
            }
        }
    }

    fn take(&self, bytes: &[u8]) {
        let Ok(event) = EncodedEvent::parse(bytes) else { return };
        let item = if event.type_bytes() == SKIPPED {
            let count = Path::parse("count").ok().and_then(|path| path.find(event.body()?)?.as_f64());
            Item::Skipped(count.unwrap_or(0.0) as u64)
        } else {
            Item::Event(bytes.into())
        };
        lock(&self.shared).push(item);
    }
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Self::Event(bytes) => bytes.len(),
            Self::Skipped(_) => 0,
        }
    }
}

impl Shared {
    fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.items.push_back(item);
        while self.items.len() > LIVE_EVENTS || (self.bytes > LIVE_BYTES && self.items.len() > 1) {
            let Some(gone) = self.items.pop_front() else { break };
            self.bytes -= gone.bytes();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(length: usize) -> Item {
        Item::Event(vec![0; length].into())
    }

    #[test]
    fn who_is_too_slow_is_told_how_much_is_gone() {
        let hub = Hub::new(Vec::new());
        let (mut slow, mut fast) = (hub.now(), hub.now());
        for number in 0..LIVE_EVENTS + 10 {
            lock(&hub.shared).push(event(1));
            if number % 100 == 0 {
                assert_eq!(hub.since(&mut fast).1, 0);
            }
        }
        let (items, missed) = hub.since(&mut slow);
        assert_eq!((items.len(), missed), (LIVE_EVENTS, 10));
        assert_eq!(hub.since(&mut slow).0.len(), 0);
        for _ in 0..3 {
            lock(&hub.shared).push(event(LIVE_BYTES / 2 + 1));
        }
        assert!(lock(&hub.shared).bytes <= LIVE_BYTES);
        let (items, missed) = hub.since(&mut slow);
        assert_eq!((items.len() as u64 + missed, items.len()), (3, 1));
    }
}
