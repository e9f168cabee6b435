//! All ways in which a thread and the collector may meet, tried by loom: `make loom`.
//!
//! To loom a critical section in which none of its primitives is used is one step. So both sides touch a [`Meeting`]: the collector while it holds a
//! slot, the thread before it looks for one and while it has one.

use super::*;
use crate::doorbell::Doorbell;
use loom::sync::Arc;
use loom::thread;

/// Where threads may take turns.
#[derive(Debug, Clone, Default)]
struct Meeting(Arc<AtomicU64>);

impl Meeting {
    fn touch(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts what it is given; everything that it is given is whole.
#[derive(Debug)]
struct Counter {
    meeting: Meeting,
    events: u64,
    tally: Tally,
}

impl Counter {
    fn new(meeting: &Meeting) -> Self {
        Self { meeting: meeting.clone(), events: 0, tally: Tally::default() }
    }
}

impl Collector for Counter {
    fn copy(&mut self, chunk: &Chunk) -> bool {
        assert_eq!(chunk.bytes.len() as u64, u64::from(chunk.events) * EVENT.len() as u64);
        self.events += u64::from(chunk.events);
        true
    }

    fn take(&mut self, chunk: Chunk) {
        self.copy(&chunk);
    }

    fn spare(&mut self) -> Chunk {
        Chunk::default()
    }

    fn count(&mut self, tally: &Tally) {
        self.meeting.touch();
        self.tally.add(tally);
    }
}

const EVENT: &[u8] = b"an event";

fn budget() -> Arc<Budget> {
    Arc::new(Budget::new(1 << 20))
}

fn record(buffer: &ThreadBuffer, budget: &Budget, meeting: &Meeting) {
    meeting.touch();
    buffer.record(EVENT.len(), budget, |out| {
        meeting.touch();
        out.extend_from_slice(EVENT);
    });
}

/// While it is collected once, a thread always finds a slot; what it recorded is collected once, now or later.
#[test]
fn one_pass_costs_no_event() {
    loom::model(|| {
        let (buffer, budget, meeting) = (Arc::new(ThreadBuffer::default()), budget(), Meeting::default());
        let recording = {
            let (buffer, budget, meeting) = (Arc::clone(&buffer), Arc::clone(&budget), meeting.clone());
            thread::spawn(move || {
                record(&buffer, &budget, &meeting);
                record(&buffer, &budget, &meeting);
            })
        };
        let mut counter = Counter::new(&meeting);
        buffer.collect(&mut counter, &budget);
        recording.join().unwrap();
        buffer.collect(&mut counter, &budget);
        assert!(buffer.is_empty());
        assert_eq!((counter.events, counter.tally.produced, counter.tally.queue_full), (2, 2, 0));
    });
}

/// However often it is collected: an event is there once, or counted as dropped.
#[test]
fn every_event_is_collected_or_counted() {
    loom::model(|| {
        let (buffer, budget, meeting) = (Arc::new(ThreadBuffer::default()), budget(), Meeting::default());
        let recording = {
            let (buffer, budget, meeting) = (Arc::clone(&buffer), Arc::clone(&budget), meeting.clone());
            thread::spawn(move || record(&buffer, &budget, &meeting))
        };
        let mut counter = Counter::new(&meeting);
        for _ in 0..2 {
            buffer.collect(&mut counter, &budget);
        }
        recording.join().unwrap();
        buffer.collect(&mut counter, &budget);
        assert_eq!(counter.tally.produced, 1);
        assert_eq!(counter.events + counter.tally.queue_full, 1);
    });
}

/// The transport forgets a buffer when it was closed before it was found empty: nothing is left in it then.
#[test]
fn a_closed_buffer_that_is_forgotten_is_empty() {
    loom::model(|| {
        let (buffer, budget, meeting) = (Arc::new(ThreadBuffer::default()), budget(), Meeting::default());
        let ending = {
            let (buffer, budget, meeting) = (Arc::clone(&buffer), Arc::clone(&budget), meeting.clone());
            thread::spawn(move || {
                record(&buffer, &budget, &meeting);
                buffer.close();
            })
        };
        let mut counter = Counter::new(&meeting);
        let is_closed = buffer.is_closed();
        let is_forgotten = buffer.collect(&mut counter, &budget) && is_closed;
        ending.join().unwrap();
        if is_forgotten {
            assert_eq!(counter.events, 1);
        }
    });
}

/// The transport goes to sleep after a last look. An event that the look did not see rings.
#[test]
fn no_ring_is_lost() {
    loom::model(|| {
        let (buffer, budget, meeting) = (Arc::new(ThreadBuffer::default()), budget(), Meeting::default());
        let doorbell = Arc::new(Doorbell::new());
        let recording = {
            let (buffer, budget, meeting) = (Arc::clone(&buffer), Arc::clone(&budget), meeting.clone());
            let doorbell = Arc::clone(&doorbell);
            thread::spawn(move || {
                record(&buffer, &budget, &meeting);
                doorbell.ring_if_asleep();
            })
        };
        doorbell.set_asleep(true);
        let would_sleep = buffer.is_empty();
        recording.join().unwrap();
        assert!(!would_sleep || doorbell.is_rung(), "it sleeps for ever");
    });
}
