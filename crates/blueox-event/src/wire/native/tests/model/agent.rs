//! A sending daemon, whose queue and cursor survive it, or an application, which survives in nothing.

use super::super::super::{Batch, LossReason, Lost, Role, Sender, Seq, SeqRange, StreamId};
use super::super::payload;
use super::world::Broken;
use std::collections::BTreeSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Agent {
    /// Durable: the stream and how often it was connected.
    pub(super) stream: StreamId,
    pub(super) session: u64,
    /// Durable: all up to here is acked.
    pub(super) cursor: Seq,
    /// Durable: the last number written.
    pub(super) written: Seq,
    /// Durable: numbers that were given up.
    pub(super) lost: BTreeSet<Seq>,
    pub(super) sender: Sender,
    /// The connection in use.
    pub(super) link: Option<u8>,
    pub(super) has_left: bool,
}

impl Agent {
    pub(super) fn new(stream: StreamId, role: Role) -> Self {
        Self {
            stream,
            session: 0,
            cursor: Seq::NONE,
            written: Seq::NONE,
            lost: BTreeSet::new(),
            sender: Sender::new(stream, role),
            link: None,
            has_left: false,
        }
    }

    pub(super) fn write(&mut self) {
        self.written = self.sender.number();
    }

    /// Whether there is something that may be sent.
    pub(super) fn may_send(&self) -> bool {
        let is_written = self.sender.next_to_send().is_some_and(|next| next <= self.written);
        is_written && self.sender.may_send(1)
    }

    pub(super) fn send(&mut self) -> Result<(), Broken> {
        let Some(seq) = self.sender.next_to_send() else { return Ok(()) };
        if seq <= self.cursor || seq <= self.sender.acked() {
            return Err(Broken(format!("{seq} is sent again, though its ack is durable: {self:?}")));
        }
        let sent = if self.lost.contains(&seq) {
            let numbers = SeqRange::new(seq, seq).expect("BUG: numbers begin at 1");
            self.sender.lost(&Lost { numbers, count: Some(1), reason: LossReason::Unacked, origin: None })
        } else {
            let payload = payload(seq.get());
            Batch::plain(seq, 1, &payload).and_then(|batch| self.sender.send(&batch))
        };
        sent.map_err(|error| Broken(format!("sending fails: {error}")))
    }

    /// The next number that could be given up.
    pub(super) fn next_to_lose(&self) -> Option<Seq> {
        let oldest = self.sender.acked().next();
        (oldest <= self.written && !self.lost.contains(&oldest)).then_some(oldest)
    }

    /// A daemon comes back with what was durable, an application as another stream.
    pub(super) fn crash(&mut self, is_application: bool) {
        self.link = None;
        if is_application {
            let session = self.session;
            *self = Self::new(StreamId(self.stream.0 + 100), Role::Application);
            self.session = session;
        } else {
            self.sender = Sender::resume(self.stream, Role::Daemon, self.cursor, self.written);
        }
    }
}
