//! The side that connects and sends.

use super::flow::{Flow, Mode};
use super::frame::{Frame, Kind};
use super::heartbeat::Heartbeat;
use super::inlet::{Found, Inlet, PREFACE};
use super::window::cost;
use super::{
    Advance, Batch, ByteCount, GoAwayReason, Hello, Introduction, Ledger, Lost, MINOR_VERSION, NativeError,
    NotNow, Notice, RefusedReason, Role, Seq, StreamId, Welcome, mark, refusal,
};
use std::time::Duration;

/// The sending side of one stream, over all its connections. It keeps numbers, never batches: those stay with
/// the owner until they are acked. See the [module](super) for how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sender {
    stream: StreamId,
    role: Role,
    /// The last number that was ever given to a batch.
    last: Seq,
    /// All up to this one is acked by some receiver.
    acked: Seq,
    phase: Phase,
    inlet: Inlet,
    output: Vec<u8>,
    heartbeat: Heartbeat,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Phase {
    /// There is no connection.
    Closed,
    /// HELLO was sent.
    Asking,
    /// WELCOME has come.
    Open(Flow),
    /// The receiver wants none of this; what it still says does not matter.
    Ended,
    /// Nothing more is read.
    Failed(NativeError),
}

impl Sender {
    /// A new stream.
    #[must_use]
    pub fn new(stream: StreamId, role: Role) -> Self {
        Self::resume(stream, role, Seq::NONE, Seq::NONE)
    }

    /// A stream that goes on after a restart: all up to `acked` is known to be acked, durably; `last` is the
    /// last number that was ever given to a batch.
    #[must_use]
    pub fn resume(stream: StreamId, role: Role, acked: Seq, last: Seq) -> Self {
        let (phase, inlet, output) = (Phase::Closed, Inlet::default(), Vec::new());
        let last = last.max(acked);
        Self { stream, role, last, acked, phase, inlet, output, heartbeat: Heartbeat::default() }
    }

    /// Sets how often to ping and how long to wait for a sign of life. For slow links: a whole batch must get
    /// through within the patience.
    #[must_use]
    pub fn with_heartbeat(mut self, interval: Duration, patience: Duration) -> Self {
        self.heartbeat.set(interval, patience);
        self
    }

    /// The stream.
    #[must_use]
    pub fn stream(&self) -> StreamId {
        self.stream
    }

    /// All up to this number is acked by some receiver.
    #[must_use]
    pub fn acked(&self) -> Seq {
        self.acked
    }

    /// How many bytes may be under way, and how many are; both 0 without a connection.
    #[must_use]
    pub fn credit(&self) -> (ByteCount, ByteCount) {
        match &self.phase {
            Phase::Open(flow) => flow.credit(),
            _ => (ByteCount::ZERO, ByteCount::ZERO),
        }
    }

    /// The first number that was never given to a batch.
    #[must_use]
    pub fn next_seq(&self) -> Seq {
        self.last.next()
    }

    /// Gives the next number to a batch, which from then on never changes.
    pub fn number(&mut self) -> Seq {
        self.last = self.last.next();
        self.last
    }

    /// The bytes that are to be written to the receiver. The owner takes from the front what it has written.
    #[inline]
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// A connection was made: what was left of an older one is forgotten, and the preface and HELLO are in
    /// the output.
    pub fn connect(&mut self, sender: &Introduction<'_>, now: Duration) {
        self.disconnect();
        self.phase = Phase::Asking;
        self.heartbeat.start(now);
        self.output.extend_from_slice(&PREFACE);
        let (next_seq, ack_floor) = (self.next_seq(), self.acked);
        let (minor, role, stream) = (MINOR_VERSION, self.role, self.stream);
        Hello { minor, role, stream, next_seq, ack_floor, sender: *sender }.write(&mut self.output);
    }

    /// The connection is no more.
    pub fn disconnect(&mut self) {
        self.phase = Phase::Closed;
        self.inlet = Inlet::default();
        self.output.clear();
    }

    /// Whether numbers may be sent, as far as credit allows.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.next_to_send().is_some()
    }

    /// The number that must be sent next; `None` while nothing may be sent at all.
    #[must_use]
    #[inline]
    pub fn next_to_send(&self) -> Option<Seq> {
        match &self.phase {
            Phase::Open(flow) if flow.mode == Mode::Sending => Some(flow.cursor.next()),
            _ => None,
        }
    }

    /// Whether a batch with a payload of so many bytes may go now (0: a LOST).
    #[must_use]
    #[inline]
    pub fn may_send(&self, payload_bytes: usize) -> bool {
        let Phase::Open(flow) = &self.phase else { return false };
        flow.mode == Mode::Sending && flow.has_credit(cost(payload_bytes))
    }

    /// Appends a batch to the output, payload and all.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`], [`NotNow::WrongNumber`] unless its number is [`Sender::next_to_send`],
    /// [`NotNow::NoCredit`] unless [`Sender::may_send`], [`NotNow::Size`].
    pub fn send(&mut self, batch: &Batch<'_>) -> Result<(), NotNow> {
        self.send_head(batch)?;
        self.output.extend_from_slice(batch.payload);
        Ok(())
    }

    /// As [`Sender::send`], but only the head is appended to the output. The owner must write the payload
    /// itself right after all of the output, before it calls anything else here; no byte is copied then.
    ///
    /// # Errors
    /// As [`Sender::send`].
    pub fn send_head(&mut self, batch: &Batch<'_>) -> Result<(), NotNow> {
        batch.check()?;
        self.admit(batch.seq, batch.seq, batch.payload.len())?;
        batch.write_head(&mut self.output);
        Ok(())
    }

    /// Sends LOST in the place of numbers that were given up. They are acked like batches. When the receiver
    /// turns out to have some of them, the owner gives up the rest only.
    ///
    /// # Errors
    /// As [`Sender::send`]; a LOST costs as much as the smallest batch.
    pub fn lost(&mut self, lost: &Lost) -> Result<(), NotNow> {
        self.admit(lost.numbers.first(), lost.numbers.last(), 0)?;
        lost.write(&mut self.output);
        Ok(())
    }

    /// Ends the stream. [`Notice::Farewell`] comes when the receiver has noted that durably.
    ///
    /// BYE waits until all is acked: whoever has sent it will never send a batch again, whatever happens to
    /// the answer, so the receiver may forget the stream at once.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`]; [`NotNow::NotAcked`] while not all is acked.
    pub fn bye(&mut self) -> Result<(), NotNow> {
        let (last, acked) = (self.last, self.acked);
        let flow = self.sending("BYE")?;
        if acked != last {
            return Err(NotNow::NotAcked { last, acked });
        }
        flow.mode = Mode::Leaving;
        flow.known = last; // a receiver that has less takes BYE for a jump, and acks that
        mark::write_seq(&mut self.output, Kind::Bye, last);
        Ok(())
    }

    /// When [`Sender::beat`] must be called; `None` without a connection.
    #[must_use]
    pub fn due(&self) -> Option<Duration> {
        matches!(self.phase, Phase::Asking | Phase::Open(_)).then(|| self.heartbeat.due())
    }

    /// Appends a PING to the output if one is due. May be called at any time.
    ///
    /// # Errors
    /// [`NativeError::Silent`], final, when nothing came for too long.
    pub fn beat(&mut self, now: Duration, ledger: &Ledger) -> Result<(), NativeError> {
        match &self.phase {
            Phase::Asking | Phase::Open(_) => {}
            Phase::Closed | Phase::Ended => return Ok(()),
            Phase::Failed(error) => return Err(*error),
        }
        if let Some(silence) = self.heartbeat.silence(now) {
            return Err(self.fail(NativeError::Silent { silence }));
        }
        if let Some(nonce) = self.heartbeat.ping(now) {
            ledger.write(nonce, &mut self.output);
        }
        Ok(())
    }

    /// Appends a PING now, due or not: the last account before BYE. Nothing happens without a connection.
    pub fn report(&mut self, now: Duration, ledger: &Ledger) {
        if matches!(self.phase, Phase::Asking | Phase::Open(_)) {
            let nonce = self.heartbeat.ping_now(now);
            ledger.write(nonce, &mut self.output);
        }
    }

    /// Reads as far as the next notice. `input` is all that was received on this connection and not yet
    /// consumed.
    ///
    /// # Errors
    /// When the receiver breaks the protocol. The error is final for this connection, and every further call
    /// reports it again.
    #[inline]
    pub fn advance<'b>(
        &mut self,
        input: &'b [u8],
        now: Duration,
    ) -> Result<Advance<Notice<'b>>, NativeError> {
        let mut consumed = 0;
        loop {
            match &self.phase {
                Phase::Closed | Phase::Ended => return Ok(Advance::starved(input.len(), 1)),
                Phase::Failed(error) => return Err(*error),
                Phase::Asking | Phase::Open(_) => {}
            }
            match self.inlet.find(&input[consumed..]).map_err(|error| self.fail(error))? {
                Found::Nothing { consumed: more, needed } => {
                    if more > 0 {
                        self.heartbeat.heard(now);
                    }
                    return Ok(Advance::starved(consumed + more, needed));
                }
                Found::Preface { consumed: more } => consumed += more,
                Found::Frame { consumed: more, frame } => {
                    consumed += more + frame.start;
                    let notice = self.read(&frame).map_err(|error| self.fail(error))?;
                    self.heartbeat.heard(now);
                    if let Some(notice) = notice {
                        return Ok(Advance::item(consumed, notice));
                    }
                }
            }
            self.heartbeat.heard(now);
        }
    }

    fn read<'b>(&mut self, frame: &Frame<'b>) -> Result<Option<Notice<'b>>, NativeError> {
        let Some(kind) = frame.kind else {
            self.inlet.skip(frame.payload_bytes);
            return Ok(None);
        };
        let (fields, name) = (frame.fields, kind.name());
        match (kind, &mut self.phase) {
            (Kind::Welcome, Phase::Asking) => self.welcomed(fields).map(Some),
            (Kind::Pong, _) => mark::parse_pong(fields).map(|_| None),
            (Kind::Ack, Phase::Open(flow)) => {
                let (high_water, credit) = mark::parse_ack(fields)?;
                flow.acknowledge(high_water, credit)?;
                Ok(self.acknowledged(high_water))
            }
            (Kind::Nack, Phase::Open(flow)) => {
                let to = mark::parse_seq(kind, fields)?;
                Ok(flow.rewind(to, self.acked)?.then_some(Notice::Rewound { to }))
            }
            (Kind::Bye, Phase::Open(flow)) if flow.mode == Mode::Leaving => {
                let last_seq = mark::parse_seq(kind, fields)?;
                if last_seq != self.last {
                    return Err(NativeError::Malformed {
                        frame: name,
                        what: "it is not the number that was sent",
                    });
                }
                flow.mode = Mode::Left;
                Ok(Some(Notice::Farewell))
            }
            (Kind::Busy, _) => {
                let retry = mark::parse_busy(fields)?;
                self.stop();
                Ok(Some(Notice::Busy { retry }))
            }
            (Kind::Refused, Phase::Asking) => {
                let (reason, text) = refusal::parse(kind, fields)?;
                self.stop();
                Ok(Some(Notice::Refused { reason: RefusedReason::from_id(reason), text }))
            }
            (Kind::GoAway, _) => {
                let (reason, text) = refusal::parse(kind, fields)?;
                self.stop();
                Ok(Some(Notice::GoingAway { reason: GoAwayReason::from_id(reason), text }))
            }
            (_, Phase::Asking) => Err(NativeError::OutOfTurn { frame: name, when: "before WELCOME" }),
            _ => Err(NativeError::OutOfTurn { frame: name, when: "to a sender, unasked" }),
        }
    }

    fn welcomed(&mut self, fields: &[u8]) -> Result<Notice<'static>, NativeError> {
        let (minor, welcome) = Welcome::parse(fields)?;
        if minor > MINOR_VERSION {
            return Err(NativeError::Malformed { frame: "WELCOME", what: "its version is above ours" });
        }
        let Welcome { high_water, credit, .. } = welcome;
        if high_water > self.last {
            self.phase = Phase::Ended;
            return Ok(Notice::RolledBack { high_water, last: self.last });
        }
        self.acked = self.acked.max(high_water);
        let flow = Flow::new(high_water, self.acked, credit);
        let resume = flow.cursor.next();
        self.phase = Phase::Open(flow);
        Ok(Notice::Welcomed { welcome, minor, resume })
    }

    fn acknowledged(&mut self, high_water: Seq) -> Option<Notice<'static>> {
        let has_risen = high_water > self.acked;
        self.acked = self.acked.max(high_water);
        has_risen.then_some(Notice::Acked { high_water })
    }

    fn admit(&mut self, first: Seq, last: Seq, payload_bytes: usize) -> Result<(), NotNow> {
        self.sending("batch")?.admit(first, last, cost(payload_bytes))?;
        self.last = self.last.max(last);
        Ok(())
    }

    fn sending(&mut self, what: &'static str) -> Result<&mut Flow, NotNow> {
        match &mut self.phase {
            Phase::Open(flow) if flow.mode == Mode::Sending => Ok(flow),
            _ => Err(NotNow::NotOpen { what }),
        }
    }

    fn stop(&mut self) {
        match &mut self.phase {
            Phase::Open(flow) if flow.mode == Mode::Sending => flow.mode = Mode::GoingAway,
            Phase::Open(_) => {}
            _ => self.phase = Phase::Ended,
        }
    }

    fn fail(&mut self, error: NativeError) -> NativeError {
        self.phase = Phase::Failed(error);
        error
    }
}
