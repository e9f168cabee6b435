//! A collector that does as it is told: the native receiver on a socket, with what is durable in memory.

use crate::codec;
use blueox_event::limits::NEW_CONNECTION_CREDIT;
use blueox_event::wire::native::{
    Arrival, ByteCount, Codec, GoAwayReason, Lost, NodeId, Origin, Receiver, RefusedReason, Seq, Session,
    StreamId, Welcome,
};
use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How the collector behaves.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Manner {
    /// It acknowledges at once.
    Good,
    /// It takes batches and acknowledges none.
    HoldsAcks,
    /// It gives no credit.
    NoCredit,
    /// It accepts connections and says nothing.
    Silent,
    Refuses(RefusedReason),
    Busy(Duration),
    /// It closes each connection when so many numbered frames have come, before it has acknowledged the last.
    DiesAfter(usize),
    /// It goes away when so many numbered frames have come.
    GoesAwayAfter(usize),
    /// It loses the first batch of each connection on the way, and asks for it again.
    Loses,
}

/// What it has got.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) high: HashMap<StreamId, Seq>,
    /// Numbers, events and origins of what is durable, in the order of arrival.
    pub(super) batches: Vec<(StreamId, Seq, Vec<u8>, Option<Origin>)>,
    pub(super) lost: Vec<Lost>,
    pub(super) gaps: usize,
    pub(super) hellos: Vec<(StreamId, Session)>,
}

/// One connection: what it has brought and is not durable is gone with it.
#[derive(Debug)]
struct Visit {
    stream: StreamId,
    session: Session,
    batches: Vec<(StreamId, Seq, Vec<u8>, Option<Origin>)>,
    lost: Vec<Lost>,
    gaps: usize,
    /// Numbered frames.
    frames: usize,
}

impl Visit {
    fn begin() -> Self {
        let session = Session::default();
        Self { stream: StreamId(0), session, batches: Vec::new(), lost: Vec::new(), gaps: 0, frames: 0 }
    }
}

impl Book {
    /// Makes what a connection has brought durable, unless another one has taken its stream over.
    fn keep(&mut self, visit: &mut Visit, high: Seq) -> bool {
        let latest = self.hellos.iter().rfind(|(stream, _)| *stream == visit.stream);
        if latest.is_none_or(|(_, session)| *session != visit.session) {
            return false;
        }
        self.batches.append(&mut visit.batches);
        self.lost.append(&mut visit.lost);
        self.gaps += std::mem::take(&mut visit.gaps);
        self.high.insert(visit.stream, high);
        true
    }
}

#[derive(Debug, Clone)]
pub(super) struct Collector {
    pub(super) address: SocketAddr,
    shared: Arc<(Mutex<(Manner, Book)>, Condvar)>,
}

impl Collector {
    pub(super) fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new((Mutex::new((manner, Book::default())), Condvar::new()));
        let collector = Self { address: listener.local_addr().unwrap(), shared };
        let accepting = collector.clone();
        std::thread::spawn(move || {
            for socket in listener.incoming() {
                let serving = accepting.clone();
                std::thread::spawn(move || serving.serve(socket.unwrap()));
            }
        });
        collector
    }

    pub(super) fn behave(&self, manner: Manner) {
        self.shared.0.lock().unwrap().0 = manner;
        self.shared.1.notify_all();
    }

    fn manner(&self) -> Manner {
        self.shared.0.lock().unwrap().0.clone()
    }

    pub(super) fn book(&self) -> BookGuard<'_> {
        BookGuard(self.shared.0.lock().unwrap())
    }

    /// Waits until the book is as wanted.
    pub(super) fn wait(&self, what: &str, wanted: impl Fn(&Book) -> bool) {
        let (mutex, changed) = &*self.shared;
        let patience = Duration::from_secs(60);
        let waited = changed.wait_timeout_while(mutex.lock().unwrap(), patience, |(_, book)| !wanted(book));
        let (guard, result) = waited.unwrap();
        assert!(!result.timed_out(), "waited in vain for: {what}; {:?}", guard.1.high);
    }

    fn note(&self, change: impl FnOnce(&mut Book)) {
        change(&mut self.shared.0.lock().unwrap().1);
        self.shared.1.notify_all();
    }

    fn serve(&self, mut socket: TcpStream) {
        socket.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let (mut receiver, mut unread) = (Receiver::accept(), Vec::new());
        let (mut visit, mut lost) = (Visit::begin(), false);
        loop {
            let mut buffer = [0; 64 << 10];
            match socket.read(&mut buffer) {
                Ok(0) => return,
                Ok(count) => unread.extend_from_slice(&buffer[..count]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return,
            }
            if self.manner() == Manner::Silent {
                continue;
            }
            if !lost && self.manner() == Manner::Loses && receiver.high_water().is_some() {
                match first_batch(&unread) {
                    Some(batch) => drop(unread.drain(batch)),
                    None => continue,
                }
                lost = true;
            }
            if self.advance(&mut receiver, &mut unread, &mut visit).is_err() {
                let _ = socket.write_all(receiver.output());
                return;
            }
            // What is accepted becomes durable as soon as that is allowed.
            let manner = self.manner();
            if receiver.high_water().is_some() {
                let credit = if manner == Manner::NoCredit { 0 } else { NEW_CONNECTION_CREDIT };
                receiver.grant(ByteCount(credit)).unwrap();
                let high = receiver.high_water().unwrap_or_default();
                if manner != Manner::HoldsAcks && high > Seq::NONE {
                    let mut is_kept = false;
                    self.note(|book| is_kept = book.keep(&mut visit, high));
                    if !is_kept {
                        return;
                    }
                    receiver.durable(high).unwrap();
                }
            }
            if socket.write_all(receiver.output()).is_err() {
                return;
            }
            receiver.output().clear();
        }
    }

    /// An error ends the connection.
    fn advance(&self, receiver: &mut Receiver, unread: &mut Vec<u8>, visit: &mut Visit) -> Result<(), ()> {
        let mut consumed = 0;
        loop {
            let before = receiver.high_water();
            let step = receiver.advance(&unread[consumed..]).map_err(|error| panic!("{error}"))?;
            consumed += step.consumed;
            let Some(item) = step.item else {
                unread.drain(..consumed);
                return Ok(());
            };
            match item {
                Arrival::Hello(hello) => {
                    (visit.stream, visit.session) = (hello.stream, hello.sender.session);
                    let mut high_water = Seq::NONE;
                    // At once: from here on an older connection of the stream keeps nothing.
                    self.note(|book| {
                        book.hellos.push((visit.stream, visit.session));
                        high_water = book.high.get(&visit.stream).copied().unwrap_or_default();
                    });
                    match self.manner() {
                        Manner::Refuses(reason) => receiver.refuse(reason, "no").unwrap(),
                        Manner::Busy(retry) => receiver.busy(retry).unwrap(),
                        manner => {
                            let credit = if manner == Manner::NoCredit { 0 } else { NEW_CONNECTION_CREDIT };
                            let credit = ByteCount(credit);
                            let welcome = Welcome { node: NodeId(9), durable: true, high_water, credit };
                            receiver.welcome(&welcome).unwrap();
                        }
                    }
                }
                Arrival::Data { batch, gap } => {
                    visit.frames += 1;
                    if matches!(self.manner(), Manner::DiesAfter(most) if visit.frames >= most) {
                        return Err(());
                    }
                    visit.gaps += usize::from(gap.is_some());
                    let before = before.unwrap_or_default().next();
                    assert!(gap.is_some() || batch.seq == before, "numbers without holes");
                    let raw = batch.raw_bytes as usize;
                    assert!(batch.codec == Codec::None || batch.payload.len() < raw);
                    let events = codec::decompress(batch.codec, batch.payload, raw).unwrap();
                    visit.batches.push((visit.stream, batch.seq, events, batch.origin));
                }
                Arrival::Lost { lost, .. } => {
                    visit.frames += 1;
                    visit.lost.push(lost);
                }
                _ => {}
            }
            if matches!(self.manner(), Manner::GoesAwayAfter(most) if visit.frames == most) {
                visit.frames += 1;
                receiver.go_away(GoAwayReason::Shutdown, "closing").unwrap();
            }
        }
    }
}

/// Where the first whole DATA frame stands.
fn first_batch(unread: &[u8]) -> Option<std::ops::Range<usize>> {
    let mut start = 0;
    loop {
        let header = unread.get(start..start + 12)?;
        let head = usize::from(u16::from_le_bytes([header[2], header[3]]));
        let payload = u32::from_le_bytes(header[4..8].try_into().unwrap()) as usize;
        let end = start + 12 + head + payload;
        if header[0] == 3 {
            return (end <= unread.len()).then_some(start..end);
        }
        start = end;
    }
}

pub(super) struct BookGuard<'a>(MutexGuard<'a, (Manner, Book)>);

impl std::ops::Deref for BookGuard<'_> {
    type Target = Book;

    fn deref(&self) -> &Book {
        &self.0.1
    }
}

impl std::ops::DerefMut for BookGuard<'_> {
    fn deref_mut(&mut self) -> &mut Book {
        &mut self.0.1
    }
}
