//! Forwarding: what stands in the spool goes to collectors, one copy to each failover list.
//!
//! Each list has a thread, a cursor in the spool (`forward:0`, `forward:1`...) and an ack floor of its own, so a list that
//! lags or hangs holds nobody back but the spool's room. What is sent is read from the spool, only as far as it is durable; the cursor moves
//! when a collector says that it has the events on disk.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `destination` | addresses and ordered lists of them |
//! | `identity`, `session_file`, `durable_file` | who the daemon is to its collectors |
//! | `list` | the thread: which destination, and what came of it |
//! | `failover` | the choice of the next destination; pure |
//! | `dial`, `link`, `waker` | connecting, bytes in and out, waiting |
//! | `native_link`, `original_link` | a connection to a collector of ours, and to an original daemon |
//! | `probe` | finding out whether a preferred destination is well again |
//! | `flight`, `progress` | what is under way; how far it has got, and the cursor |
//! | `pace` | how fast a backlog goes out while live events come in; pure |
//! | `control` | changing the lists while the daemon runs |
//! | `list_state`, `report` | what status and control see |

mod control;
mod destination;
mod dial;
mod durable_file;
mod failover;
mod flight;
mod identity;
mod link;
mod list;
mod list_state;
mod native_link;
mod original_link;
mod pace;
mod probe;
mod progress;
mod report;
mod session_file;
mod waker;

#[cfg(test)]
mod tests;

pub(crate) use control::{Change, ChangeError};
pub(crate) use destination::{FailoverList, shared_by_two};
pub(crate) use list_state::ListState;
pub(crate) use probe::ProbePace;
pub(crate) use waker::Waker;

use crate::clock::Clock;
use crate::disk_state::DiskState;
use crate::ledger::DropReason;
use crate::spool_disk::SpoolDisk;
use crate::spool_state::SpoolState;
use crate::spooler::SpoolRequest;
use anyhow::Context;
use blueox_event::wire::native::Codec;
use blueox_log::spool::{CursorName, Place, Seq, Spool, StreamId};
use dial::Dialer;
use failover::Failover;
use identity::{Identity, Numbering};
use list::List;
use pace::Pace;
use progress::Progress;
use session_file::SessionFile;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

/// What all lists work with.
#[derive(Debug)]
pub(crate) struct ForwardContext {
    pub(crate) spool: Spool<SpoolDisk>,
    pub(crate) growth: Arc<SpoolState>,
    pub(crate) stream: StreamId,
    /// Up to there the own numbers were given in an earlier stream only.
    pub(crate) base: Seq,
    pub(crate) requests: mpsc::Sender<SpoolRequest>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) clock: Clock,
    pub(crate) compress: Codec,
    pub(crate) host: String,
    pub(crate) probe_pace: ProbePace,
}

/// All lists.
#[derive(Debug)]
pub(crate) struct Forwarding {
    pub(crate) lists: Vec<Arc<ListState>>,
    /// As the daemon was started with.
    flags: Vec<FailoverList>,
    /// Where changes are kept; `None`: they are not.
    directory: Option<PathBuf>,
    changing: Mutex<()>,
}

/// The threads of the lists.
#[derive(Debug, Default)]
pub(crate) struct ForwardThreads(Vec<JoinHandle<()>>);

/// The name of a list's cursor.
pub(crate) fn cursor_name(index: usize) -> CursorName {
    CursorName::new(&format!("forward:{index}"))
}

impl Forwarding {
    /// Starts a thread for each list, which begins at its cursor's place.
    pub(crate) fn start(
        context: ForwardContext,
        flags: &[FailoverList],
        places: &[Place],
    ) -> anyhow::Result<(Self, ForwardThreads)> {
        let ForwardContext {
            spool,
            growth,
            stream,
            base,
            requests,
            disk_state,
            clock,
            compress,
            host,
            probe_pace,
        } = context;
        let directory = growth.directory.clone();
        let seconds = clock.now() as u64;
        let (lists, sessions) = match &directory {
            Some(directory) => {
                (control::kept_lists(directory, flags), SessionFile::open(directory, seconds)?)
            }
            None => (flags.to_vec(), SessionFile::in_memory(seconds)),
        };
        let identity = Arc::new(Identity::new(host, sessions, Numbering { stream, base }));
        let (mut states, mut threads) = (Vec::new(), Vec::new());
        for (index, (list, place)) in lists.iter().zip(places).enumerate() {
            let waker = Arc::new(Waker::new().context("cannot make an eventfd")?);
            growth.wakes(Arc::clone(&waker));
            let state = Arc::new(ListState::new(index, list.clone(), spool.clone(), *place, waker));
            let progress = Progress::new(cursor_name(index), *place, Arc::clone(&state), requests.clone());
            let thread = List {
                sender: List::sender(&identity, &spool, &progress),
                state: Arc::clone(&state),
                spool: spool.clone(),
                growth: Arc::clone(&growth),
                progress,
                disk_state: Arc::clone(&disk_state),
                requests: requests.clone(),
                identity: Arc::clone(&identity),
                clock,
                compress,
                failover: Failover::new(list.as_slice(), crate::spool_path::new_stream()? as u64),
                dialer: Dialer::default(),
                current: None,
                last_active: None,
                changes: 0,
                refused_session: None,
                pace: Pace::new(clock.elapsed(), spool.tail()),
                probe_pace,
                prober: None,
            };
            let name = format!("forward-{index}");
            let thread = std::thread::Builder::new().name(name).spawn(move || thread.run());
            threads.push(thread.context("cannot start a thread that forwards")?);
            states.push(state);
        }
        let forwarding = Self { lists: states, flags: flags.to_vec(), directory, changing: Mutex::new(()) };
        Ok((forwarding, ForwardThreads(threads)))
    }

    /// The spool goes, and what was not forwarded with it; gives how many events at least one list had not forwarded.
    pub(crate) fn forget_queued(&self) -> u64 {
        let forget = |list: &Arc<ListState>| {
            let events = list.backlog().events;
            list.counts.lose(DropReason::SpoolFull, events);
            events
        };
        self.lists.iter().map(forget).max().unwrap_or(0)
    }
}

impl ForwardThreads {
    /// Waits until all have ended; they do when the spool's state says so.
    pub(crate) fn join(self) -> std::thread::Result<()> {
        self.0.into_iter().try_for_each(JoinHandle::join)
    }
}
