//! Watching destinations that would be preferred to the active one, until one of them is well.
//!
//! A probe connects, sends the native protocol's preface and wants an answer: the receiver's preface, or an original
//! daemon's greeting. Nothing else is said. Ten good ones in a row, one a second, count as well.

use super::destination::Destination;
use super::dial::{Dialer, PATIENCE};
use super::waker::Waker;
use blueox_event::wire::native;
use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often, and how many good ones in a row are wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbePace {
    pub(crate) every: Duration,
    pub(crate) wanted: u32,
}

impl Default for ProbePace {
    fn default() -> Self {
        Self { every: Duration::from_secs(1), wanted: 10 }
    }
}

/// A thread that probes. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Prober {
    /// Dropping it is the word to end.
    _running: Sender<()>,
    well: Arc<Mutex<Option<Destination>>>,
}

impl Prober {
    /// Probes the destinations, the most preferred first.
    pub(super) fn start(
        destinations: Vec<Destination>,
        pace: ProbePace,
        waker: Arc<Waker>,
    ) -> std::io::Result<Self> {
        let (running, end) = channel();
        let well = Arc::new(Mutex::new(None));
        let found = Arc::clone(&well);
        std::thread::Builder::new().name("probe".into()).spawn(move || {
            if let Some(destination) = probe_until_well(&destinations, pace, &end) {
                *found.lock().unwrap_or_else(PoisonError::into_inner) = Some(destination);
                waker.wake();
            }
        })?;
        Ok(Self { _running: running, well })
    }

    /// The destination that was found well.
    pub(super) fn well(&self) -> Option<Destination> {
        self.well.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn probe_until_well(
    destinations: &[Destination],
    pace: ProbePace,
    end: &Receiver<()>,
) -> Option<Destination> {
    let mut dialer = Dialer::default();
    let mut good = vec![0; destinations.len()];
    while end.recv_timeout(pace.every) == Err(RecvTimeoutError::Timeout) {
        for (count, destination) in good.iter_mut().zip(destinations) {
            *count = if answers(&mut dialer, destination) { *count + 1 } else { 0 };
            if *count >= pace.wanted {
                return Some(destination.clone());
            }
        }
    }
    None
}

fn answers(dialer: &mut Dialer, destination: &Destination) -> bool {
    let mut ask = || {
        let mut socket = dialer.dial(destination)?;
        socket.set_nonblocking(false)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.write_all(&native::PREFACE)?;
        let mut first = [0];
        socket.read_exact(&mut first)?;
        std::io::Result::Ok(first[0])
    };
    matches!(ask(), Ok(native::FIRST_BYTE | 0xff))
}
