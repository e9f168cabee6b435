//! What native streams ask of those who keep: numbered batches, numbers without events, and where a stream stands.
//!
//! All of it goes through the spooler's queue, so that it is decided in the order in which it was admitted.

use blueox_event::wire::native::{LossReason, Origin, Seq, SeqRange};
use blueox_log::spool::{GapReason, Record, Source};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use tokio::sync::{Notify, oneshot};

/// Numbers that a sender skipped because another receiver has acked them (rule N4).
const ACKED_ELSEWHERE: GapReason = GapReason(0);

/// A batch's place in its stream.
#[derive(Debug)]
pub(crate) struct Numbered {
    /// The stream, the last number that this takes, and the session.
    pub(crate) source: Source,
    /// Numbers right before, which another receiver has acked.
    pub(crate) gap: Option<SeqRange>,
    pub(crate) content: Content,
    pub(crate) progress: Arc<Progress>,
}

/// What the numbers hold.
#[derive(Debug)]
pub(crate) enum Content {
    /// The batch's events.
    Events { origin: Option<[u8; Origin::BYTES]> },
    /// Nothing, and nothing will come.
    Lost { first: Seq, events: u64, reason: LossReason, origin: Option<[u8; Origin::BYTES]> },
    /// The stream is over; it takes no number.
    End,
}

/// What becomes of one connection's numbers. The keeper writes it, the connection reads it.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    durable: AtomicU64,
    /// What the connection is granted, for those who look.
    credit: AtomicU64,
    ended: AtomicBool,
    taken_over: AtomicBool,
    fenced: AtomicBool,
    changed: Notify,
}

/// A connection begins, and asks where its stream stands. The answer comes when all that was admitted before is durable
/// or discarded.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) stream: blueox_log::spool::StreamId,
    /// The connection before, of which nothing is taken any more.
    pub(crate) previous: Option<Arc<Progress>>,
    pub(crate) answer: oneshot::Sender<Seq>,
}

impl Numbered {
    /// The records that it becomes, in order: one, or two after a jump. The first may become durable without the second:
    /// its numbers are acked, so nothing is owed.
    pub(crate) fn record<'a>(&'a self, step: usize, count: usize, events: &'a [u8]) -> Option<Record<'a>> {
        match (self.gap, step) {
            (Some(gap), 0) => Some(Record::Gap {
                source: Source { seq: gap.last(), ..self.source },
                first: gap.first(),
                events: 0,
                reason: ACKED_ELSEWHERE,
                origin: b"",
            }),
            (Some(_), 1) | (None, 0) => Some(self.content_record(count, events)),
            _ => None,
        }
    }

    fn content_record<'a>(&'a self, count: usize, events: &'a [u8]) -> Record<'a> {
        let source = self.source;
        match &self.content {
            Content::Events { origin } => Record::Data {
                source: Some(source),
                count: u32::try_from(count).expect("BUG: a batch has at most MAX_BATCH_EVENTS events"),
                origin: bytes_of(origin.as_ref()),
                events,
            },
            Content::Lost { first, events, reason, origin } => {
                let reason = GapReason(u32::from(reason.id()));
                let origin = bytes_of(origin.as_ref());
                Record::Gap { source, first: *first, events: *events, reason, origin }
            }
            Content::End => Record::Mark { source, gone: true },
        }
    }

    /// It is durable, or received where nothing is: the connection may say so.
    pub(crate) fn settle(&self) {
        self.progress.reach(self.source.seq);
        if matches!(self.content, Content::End) {
            self.progress.ended.store(true, Release);
        }
        self.progress.changed.notify_one();
    }
}

impl Content {
    /// Where a daemon that forwarded it had it from.
    pub(crate) fn origin(&self) -> Option<[u8; Origin::BYTES]> {
        match self {
            Self::Events { origin } | Self::Lost { origin, .. } => *origin,
            Self::End => None,
        }
    }
}

fn bytes_of(origin: Option<&[u8; Origin::BYTES]>) -> &[u8] {
    origin.map_or(&[], |origin| &origin[..])
}

impl Progress {
    /// All up to this number is durable.
    pub(crate) fn durable(&self) -> Seq {
        Seq::new(self.durable.load(Acquire))
    }

    pub(crate) fn reach(&self, seq: Seq) {
        self.durable.fetch_max(seq.get(), Release);
    }

    pub(crate) fn note_credit(&self, bytes: u64) {
        self.credit.store(bytes, Relaxed);
    }

    pub(crate) fn credit(&self) -> u64 {
        self.credit.load(Relaxed)
    }

    /// The stream's end is durable.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Acquire)
    }

    /// A higher session has come: the connection is to read nothing more.
    pub(crate) fn take_over(&self) {
        self.taken_over.store(true, Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_taken_over(&self) -> bool {
        self.taken_over.load(Acquire)
    }

    /// Nothing more of this connection is taken. Only the keeper's thread says so, between two requests.
    pub(crate) fn fence(&self) {
        self.fenced.store(true, Release);
        self.changed.notify_one();
    }

    pub(crate) fn is_fenced(&self) -> bool {
        self.fenced.load(Acquire)
    }

    /// Waits until there is something new. Cancel safe; may wake for nothing.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }
}
