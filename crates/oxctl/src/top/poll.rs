//! One thread for each daemon, which asks it and waits.

use blueox_control::{Client, ClientError, ControlAddress, Status};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::thread::Scope;
use std::time::Duration;

/// How many answers of one daemon may wait to be shown; a paused screen still takes them.
const WAITING: usize = 4;

/// What one daemon answered, or why it did not.
pub(super) struct Sample {
    /// Its place in the list of addresses.
    pub(super) daemon: usize,
    pub(super) outcome: Result<Box<Status>, String>,
}

/// The threads end when this is dropped: no thread waits longer for it than for an answer.
pub(super) struct Stop {
    _senders: Vec<Sender<()>>,
}

/// Starts to ask.
pub(super) fn start<'scope, 'env, C>(
    scope: &'scope Scope<'scope, 'env>,
    addresses: &'env [ControlAddress],
    connect: &'env C,
    every: Duration,
) -> (Receiver<Sample>, Stop)
where
    C: Fn(&ControlAddress) -> Result<Client, ClientError> + Send + Sync,
{
    let (answers, shown) = mpsc::sync_channel(WAITING * addresses.len());
    let senders = addresses
        .iter()
        .enumerate()
        .map(|(daemon, address)| {
            let (stop, stopped) = mpsc::channel();
            let answers = answers.clone();
            scope.spawn(move || ask(daemon, || connect(address), &answers, &stopped, every));
            stop
        })
        .collect();
    (shown, Stop { _senders: senders })
}

fn ask(
    daemon: usize,
    connect: impl Fn() -> Result<Client, ClientError>,
    answers: &SyncSender<Sample>,
    stopped: &Receiver<()>,
    every: Duration,
) {
    let mut client = None;
    loop {
        let outcome = client.take().map_or_else(&connect, Ok).and_then(|known: Client| {
            let status = known.status()?;
            client = Some(known);
            Ok(Box::new(status))
        });
        let sample = Sample { daemon, outcome: outcome.map_err(|error| error.to_string()) };
        if answers.send(sample).is_err() {
            return;
        }
        match stopped.recv_timeout(every) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
