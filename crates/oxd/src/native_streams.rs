//! The streams of the native protocol that this daemon follows: which connection of each counts, and who is behind it.

use crate::numbered::{Opening, Progress};
use crate::spooler::Spooler;
use blueox_event::wire::native::{
    Admission, Hello, LossReason, NodeId, Report, Role, Seq, Session, SessionTable, StreamId,
};
use blueox_log::spool::Marks;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

/// An application's mark is forgotten so long after its stream was last seen; it has given up what is not acked by then.
pub(crate) const MARK_AGE: Duration = Duration::from_secs(24 * 3600);

/// How often such marks are looked for.
pub(crate) const EXPIRE_EVERY: Duration = Duration::from_secs(3600);

/// Of so many streams that said goodbye the figures are kept for the audit.
const MAX_ENDED: usize = 1000;

/// How many streams a daemon without a spool follows.
pub(crate) const MAX_STREAMS_IN_MEMORY: usize = 65_536;

/// All streams.
#[derive(Debug)]
pub(crate) struct NativeStreams {
    /// This daemon.
    pub(crate) node: NodeId,
    /// Whether its acks mean "on disk".
    pub(crate) durable: bool,
    streams: Mutex<Streams>,
    connections: AtomicUsize,
}

#[derive(Debug)]
struct Streams {
    sessions: SessionTable,
    /// Those that were connected since the daemon was started.
    seen: HashMap<StreamId, SeenStream>,
    /// The last of those that said goodbye.
    ended: VecDeque<StreamFigures>,
}

#[derive(Debug)]
struct SeenStream {
    figures: StreamFigures,
    /// Of the last connection.
    progress: Arc<Progress>,
}

/// What is known of one stream.
#[derive(Debug, Clone)]
pub(crate) struct StreamFigures {
    pub(crate) stream: StreamId,
    pub(crate) role: Role,
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) session: Session,
    pub(crate) connected: bool,
    /// The last number that is durable.
    pub(crate) high_water: Seq,
    pub(crate) credit: u64,
    /// All events that its producer made, as it says; none before its first PING.
    pub(crate) produced: Option<u64>,
    /// Those that never got into a numbered batch.
    pub(crate) dropped: Vec<(LossReason, u64)>,
}

/// What becomes of a HELLO.
#[derive(Debug)]
pub(crate) enum Entrance {
    /// It counts. The answer is the stream's high-water mark, when it is sure.
    Enters {
        progress: Arc<Progress>,
        high_water: oneshot::Receiver<Seq>,
    },
    Refused {
        current: Session,
    },
    Full,
    /// The daemon stops.
    Closed,
}

impl NativeStreams {
    /// With the marks that a spool holds.
    pub(crate) fn new(node: NodeId, durable: bool, capacity: usize, marks: &Marks) -> Self {
        let mut sessions = SessionTable::new(capacity);
        for (stream, mark) in marks {
            sessions.restore(*stream, mark.session);
        }
        let streams = Mutex::new(Streams { sessions, seen: HashMap::new(), ended: VecDeque::new() });
        Self { node, durable, streams, connections: AtomicUsize::new(0) }
    }

    /// A HELLO has come.
    pub(crate) fn enter(&self, hello: &Hello<'_>, spooler: &Spooler) -> Entrance {
        let mut streams = self.lock();
        let (stream, session) = (hello.stream, hello.sender.session);
        match streams.sessions.enter(stream, session) {
            Admission::Enters | Admission::TakesOver { .. } => {}
            Admission::Refused { current } => return Entrance::Refused { current },
            Admission::Full => return Entrance::Full,
        }
        let progress = Arc::new(Progress::default());
        let figures = StreamFigures {
            stream,
            role: hello.role,
            host: hello.sender.host.to_owned(),
            pid: hello.sender.pid,
            session,
            connected: true,
            high_water: Seq::NONE,
            credit: 0,
            produced: None,
            dropped: Vec::new(),
        };
        let seen = SeenStream { figures, progress: Arc::clone(&progress) };
        let previous = streams.seen.insert(stream, seen).map(|seen| seen.progress);
        if let Some(previous) = &previous {
            previous.take_over();
        }
        let (answer, high_water) = oneshot::channel();
        // Under the lock, so that openings of a stream are decided in the order in which its sessions entered.
        if !spooler.open_stream(Opening { stream, previous, answer }) {
            streams.sessions.leave(stream, session);
            return Entrance::Closed;
        }
        Entrance::Enters { progress, high_water }
    }

    /// A connection that entered has closed. A stream of which nothing is kept is forgotten.
    pub(crate) fn leave(&self, stream: StreamId, session: Session, forget: bool) {
        let mut streams = self.lock();
        if !streams.sessions.is_current(stream, session) {
            return;
        }
        if forget {
            streams.sessions.forget(stream);
            if let Some(SeenStream { figures, progress }) = streams.seen.remove(&stream)
                && progress.has_ended()
            {
                streams.ended.truncate(MAX_ENDED - 1);
                streams.ended.push_front(StreamFigures { high_water: progress.durable(), ..figures });
            }
            return;
        }
        streams.sessions.leave(stream, session);
        if let Some(seen) = streams.seen.get_mut(&stream) {
            seen.figures.connected = false;
        }
    }

    /// Notes what a producer says of itself.
    pub(crate) fn report(&self, stream: StreamId, session: Session, report: Report<'_>) {
        let mut streams = self.lock();
        let seen = streams.seen.get_mut(&stream).filter(|seen| seen.figures.session == session);
        if let Some(SeenStream { figures, .. }) = seen {
            figures.produced = Some(report.produced);
            figures.dropped.clear();
            figures.dropped.extend(report.dropped());
        }
    }

    /// Counts a connection for as long as the guard lives.
    pub(crate) fn connect(&self) -> Connected<'_> {
        self.connections.fetch_add(1, Relaxed);
        Connected(self)
    }

    /// Forgets what is known of streams that are not connected and whose marks are gone. `forget` is told who is connected,
    /// gives up old marks, and gives the streams that have one.
    pub(crate) fn expire(&self, forget: impl FnOnce(&dyn Fn(StreamId) -> bool) -> HashSet<StreamId>) {
        let mut streams = self.lock();
        let Streams { sessions, seen, .. } = &mut *streams;
        let is_connected = |stream: StreamId| seen.get(&stream).is_some_and(|seen| seen.figures.connected);
        let marked = forget(&is_connected);
        sessions.retain(|stream| marked.contains(&stream) || is_connected(stream));
        seen.retain(|stream, seen| marked.contains(stream) || seen.figures.connected);
    }

    /// How many native connections are open.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Relaxed)
    }

    /// How many streams are known.
    pub(crate) fn len(&self) -> usize {
        self.lock().sessions.len()
    }

    /// The last streams that said goodbye, the newest first.
    pub(crate) fn ended(&self) -> Vec<StreamFigures> {
        self.lock().ended.iter().cloned().collect()
    }

    /// So many streams at most: connected ones first, then by stream.
    pub(crate) fn list(&self, limit: usize) -> Vec<StreamFigures> {
        let streams = self.lock();
        let mut all: Vec<_> = streams.seen.values().collect();
        all.sort_by_key(|seen| (!seen.figures.connected, seen.figures.stream));
        let current = |SeenStream { figures, progress }: &SeenStream| StreamFigures {
            high_water: progress.durable(),
            credit: if figures.connected { progress.credit() } else { 0 },
            ..figures.clone()
        };
        all.into_iter().take(limit).map(current).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Connected<'a>(&'a NativeStreams);

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
