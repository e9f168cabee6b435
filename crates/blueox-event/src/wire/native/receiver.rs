//! The side that accepts and acknowledges.

use super::frame::{Frame, Kind};
use super::inlet::{Found, Inlet, PREFACE};
use super::sequence::{Place, Sequence};
use super::window::cost;
use super::{
    Advance, Arrival, Batch, ByteCount, GoAwayReason, Hello, Lost, MINOR_VERSION, NativeError, NotNow,
    PayloadCrc, RefusedReason, Report, Seq, SeqRange, Welcome, mark, refusal,
};
use crate::limits::{MAX_CREDIT, MAX_OUTPUT_BYTES_BEFORE_ANSWER};
use std::time::Duration;

/// The receiving side of one connection. See the [module](super) for how it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Receiver {
    phase: Phase,
    inlet: Inlet,
    output: Vec<u8>,
    /// A mistake, for the tests that must find it: to take any number for acked elsewhere.
    #[cfg(test)]
    pub(super) forgets_the_floor: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
enum Phase {
    /// HELLO has not come.
    #[default]
    Listening,
    /// The owner has HELLO and must answer.
    Deciding { minor: u16, ack_floor: Seq },
    /// WELCOME was written.
    Open(Sequence),
    /// The connection was refused; what the sender still says does not matter.
    Ended,
    /// Nothing more is read.
    Failed(NativeError),
}

/// What a frame has led to.
enum Step<'b> {
    /// An item; so many bytes of payload are done with.
    Item(Arrival<'b>, usize),
    /// Nothing; so many bytes of payload are to be passed over.
    Pass(usize),
    /// The payload is not whole: so many bytes are missing.
    Missing(usize),
}

impl Receiver {
    /// The side that was connected to. It says nothing before the sender's preface has come.
    #[must_use]
    pub fn accept() -> Self {
        Self::default()
    }

    /// The bytes that are to be written to the sender. The owner takes from the front what it has written,
    /// and reads nothing while much of it waits.
    #[inline]
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// The last number that was accepted: what the owner has got, durable or not. `None` before WELCOME.
    #[must_use]
    pub fn high_water(&self) -> Option<Seq> {
        match &self.phase {
            Phase::Open(sequence) => Some(sequence.high()),
            _ => None,
        }
    }

    /// What the accepted frames that are not durable cost of the credit.
    #[must_use]
    pub fn under_way(&self) -> ByteCount {
        match &self.phase {
            Phase::Open(sequence) => sequence.under_way(),
            _ => ByteCount::ZERO,
        }
    }

    /// Answers HELLO. `welcome.high_water` is the stream's durable mark, looked up when all that an older
    /// connection brought was durable or discarded.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`] unless HELLO waits for its answer.
    pub fn welcome(&mut self, welcome: &Welcome) -> Result<(), NotNow> {
        let Phase::Deciding { minor, ack_floor } = self.phase else { return Err(not_open("WELCOME")) };
        let welcome = Welcome { credit: bounded(welcome.credit), ..*welcome };
        #[cfg(test)]
        let ack_floor = if self.forgets_the_floor { Seq::LAST } else { ack_floor };
        self.phase = Phase::Open(Sequence::new(welcome.high_water, ack_floor, welcome.credit));
        welcome.write(in_force(minor, MINOR_VERSION), &mut self.output);
        Ok(())
    }

    /// Answers HELLO with no. The owner writes the output and closes.
    ///
    /// # Errors
    /// As [`Receiver::welcome`].
    pub fn refuse(&mut self, reason: RefusedReason, text: &str) -> Result<(), NotNow> {
        let Phase::Deciding { .. } = self.phase else { return Err(not_open("REFUSED")) };
        self.phase = Phase::Ended;
        refusal::write(&mut self.output, Kind::Refused, reason.id(), text);
        Ok(())
    }

    /// Answers HELLO with "not now", or takes no more on an open connection; what was accepted may still be
    /// acked. The owner writes the output and closes.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`] before HELLO and after the end.
    pub fn busy(&mut self, retry: Duration) -> Result<(), NotNow> {
        match &mut self.phase {
            Phase::Deciding { .. } => self.phase = Phase::Ended,
            Phase::Open(sequence) => sequence.close(),
            _ => return Err(not_open("BUSY")),
        }
        mark::write_busy(&mut self.output, retry);
        Ok(())
    }

    /// Takes no more; what was accepted may still be acked. The owner writes the output, waits for what is
    /// not durable if it likes, and closes.
    ///
    /// # Errors
    /// As [`Receiver::busy`].
    pub fn go_away(&mut self, reason: GoAwayReason, text: &str) -> Result<(), NotNow> {
        match &mut self.phase {
            Phase::Deciding { .. } => self.phase = Phase::Ended,
            Phase::Open(sequence) => sequence.close(),
            _ => return Err(not_open("GOAWAY")),
        }
        refusal::write(&mut self.output, Kind::GoAway, reason.id(), text);
        Ok(())
    }

    /// All up to `up_to` is durable: an ACK is appended to the output. **The only way to an ack**, so this
    /// call stands behind the commit and nowhere else. A number that is not above the last one writes
    /// nothing.
    ///
    /// # Errors
    /// [`NotNow::NeverAccepted`] when this connection has not brought so much: such an ack would lose events.
    /// [`NotNow::NotOpen`] without WELCOME.
    pub fn durable(&mut self, up_to: Seq) -> Result<(), NotNow> {
        let Phase::Open(sequence) = &mut self.phase else { return Err(not_open("ACK")) };
        if sequence.durable(up_to)? {
            mark::write_ack(&mut self.output, sequence.durable_up_to(), sequence.credit());
        }
        Ok(())
    }

    /// From now on so many bytes may be under way, 0 to stop the sender. An ACK is appended if that changes
    /// anything.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`] without WELCOME.
    pub fn grant(&mut self, credit: ByteCount) -> Result<(), NotNow> {
        let Phase::Open(sequence) = &mut self.phase else { return Err(not_open("ACK")) };
        if sequence.grant(bounded(credit)) {
            mark::write_ack(&mut self.output, sequence.durable_up_to(), sequence.credit());
        }
        Ok(())
    }

    /// Says once more what is durable: a sign of life for a sender whose PINGs wait unread, because its owner has no room
    /// for what stands before them.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`] without WELCOME.
    pub fn affirm(&mut self) -> Result<(), NotNow> {
        let Phase::Open(sequence) = &mut self.phase else { return Err(not_open("ACK")) };
        if self.output.len() < MAX_OUTPUT_BYTES_BEFORE_ANSWER {
            mark::write_ack(&mut self.output, sequence.durable_up_to(), sequence.credit());
        }
        Ok(())
    }

    /// All of the stream and its end are durable: BYE is answered, and the mark may be forgotten.
    ///
    /// # Errors
    /// [`NotNow::NotOpen`] unless [`Arrival::Bye`] has come; [`NotNow::WrongNumber`] while not all is
    /// [`durable`](Receiver::durable).
    pub fn farewell(&mut self) -> Result<(), NotNow> {
        let Phase::Open(sequence) = &mut self.phase else { return Err(not_open("BYE")) };
        if !sequence.has_ended() {
            return Err(not_open("BYE"));
        }
        let (last, durable) = (sequence.high(), sequence.durable_up_to());
        if durable < last {
            return Err(NotNow::WrongNumber { given: last, due: durable.next() });
        }
        mark::write_seq(&mut self.output, Kind::Bye, last);
        Ok(())
    }

    /// Reads as far as the next arrival. `input` is all that was received and not yet consumed.
    ///
    /// # Errors
    /// When the sender breaks the protocol. The error is final, and every further call reports it again; the
    /// output may hold a GOAWAY that tells the sender why. What was accepted stays accepted;
    /// its acks come with the WELCOME of the next connection.
    #[inline]
    pub fn advance<'b>(&mut self, input: &'b [u8]) -> Result<Advance<Arrival<'b>>, NativeError> {
        let mut consumed = 0;
        loop {
            match &self.phase {
                Phase::Ended => return Ok(Advance::starved(input.len(), 1)),
                Phase::Failed(error) => return Err(*error),
                Phase::Listening | Phase::Deciding { .. } | Phase::Open(_) => {}
            }
            let rest = &input[consumed..];
            match self.inlet.find(rest).map_err(|error| self.fail(error))? {
                Found::Nothing { consumed: more, needed } => {
                    return Ok(Advance::starved(consumed + more, needed));
                }
                Found::Preface { consumed: more } => {
                    consumed += more;
                    self.output.extend_from_slice(&PREFACE);
                }
                Found::Frame { consumed: more, frame } => {
                    consumed += more;
                    let (payload, start) = (&rest[more + frame.start..], frame.start);
                    match self.read(&frame, payload).map_err(|error| self.fail(error))? {
                        Step::Item(item, payload_bytes) => {
                            return Ok(Advance::item(consumed + start + payload_bytes, item));
                        }
                        Step::Pass(bytes) => {
                            consumed += start;
                            self.inlet.skip(bytes);
                        }
                        Step::Missing(needed) => return Ok(Advance::starved(consumed, needed)),
                    }
                }
            }
        }
    }

    #[inline]
    fn read<'b>(&mut self, frame: &Frame<'b>, input: &'b [u8]) -> Result<Step<'b>, NativeError> {
        let Some(kind) = frame.kind else { return Ok(Step::Pass(frame.payload_bytes)) };
        let (fields, name) = (frame.fields, kind.name());
        match (kind, &mut self.phase) {
            (Kind::Data, Phase::Open(sequence)) => {
                let batch = Batch::parse(frame)?;
                let cost = cost(frame.payload_bytes);
                let place = sequence.place(batch.seq, batch.seq, cost)?;
                let Place::Accept(gap) = place else {
                    answer(&mut self.output, sequence, place);
                    return Ok(Step::Pass(frame.payload_bytes));
                };
                let Some(payload) = input.get(..frame.payload_bytes) else {
                    return Ok(Step::Missing(frame.payload_bytes - input.len()));
                };
                let found = PayloadCrc::of(payload);
                if found != batch.crc {
                    let (expected, found) = (batch.crc.0, found.0);
                    return Err(NativeError::PayloadDamaged { seq: batch.seq, expected, found });
                }
                sequence.accept(batch.seq, cost);
                Ok(Step::Item(Arrival::Data { batch: Batch { payload, ..batch }, gap }, payload.len()))
            }
            (Kind::Lost, Phase::Open(sequence)) => {
                let lost = Lost::parse(frame)?;
                let (last, cost) = (lost.numbers.last(), cost(0));
                let place = sequence.place(lost.numbers.first(), last, cost)?;
                let accepted = self.take(place, last, cost);
                Ok(accepted.map_or(Step::Pass(0), |gap| Step::Item(Arrival::Lost { lost, gap }, 0)))
            }
            (Kind::Bye, Phase::Open(sequence)) => {
                let last_seq = mark::parse_seq(kind, fields)?;
                let place = sequence.place_end(last_seq)?;
                let Place::Accept(gap) = place else {
                    answer(&mut self.output, sequence, place);
                    return Ok(Step::Pass(0));
                };
                sequence.end(last_seq);
                Ok(Step::Item(Arrival::Bye { last_seq, gap }, 0))
            }
            (Kind::Ping, Phase::Deciding { .. } | Phase::Open(_)) => {
                let (nonce, report) = Report::parse(fields)?;
                if self.output.len() < MAX_OUTPUT_BYTES_BEFORE_ANSWER {
                    mark::write_pong(&mut self.output, nonce);
                }
                Ok(Step::Item(Arrival::Ping(report), 0))
            }
            (Kind::Hello, Phase::Listening) => {
                let hello = Hello::parse(fields)?;
                self.phase = Phase::Deciding { minor: hello.minor, ack_floor: hello.ack_floor };
                Ok(Step::Item(Arrival::Hello(hello), 0))
            }
            (_, Phase::Listening) => Err(NativeError::OutOfTurn { frame: name, when: "before HELLO" }),
            (_, Phase::Deciding { .. }) => {
                Err(NativeError::OutOfTurn { frame: name, when: "before WELCOME" })
            }
            _ => Err(NativeError::OutOfTurn { frame: name, when: "to a receiver, or once too often" }),
        }
    }

    /// Accepts a LOST, or answers what cannot be accepted.
    fn take(&mut self, place: Place, last: Seq, cost: ByteCount) -> Option<Option<SeqRange>> {
        let Phase::Open(sequence) = &mut self.phase else { return None };
        let Place::Accept(gap) = place else {
            answer(&mut self.output, sequence, place);
            return None;
        };
        sequence.accept(last, cost);
        Some(gap)
    }

    fn fail(&mut self, error: NativeError) -> NativeError {
        if matches!(self.phase, Phase::Open(_) | Phase::Deciding { .. }) {
            let reason = GoAwayReason::Protocol.id();
            refusal::write(&mut self.output, Kind::GoAway, reason, &error.to_string());
        }
        self.phase = Phase::Failed(error);
        error
    }
}

/// Answers a numbered frame that was not accepted.
fn answer(output: &mut Vec<u8>, sequence: &mut Sequence, place: Place) {
    match place {
        Place::Accept(_) | Place::Drop => {}
        Place::Missing(expected) => {
            sequence.expect(expected);
            mark::write_seq(output, Kind::Nack, expected);
        }
        Place::Again => {
            if output.len() < MAX_OUTPUT_BYTES_BEFORE_ANSWER {
                mark::write_ack(output, sequence.durable_up_to(), sequence.credit());
            }
        }
    }
}

/// The version that both sides speak.
fn in_force(theirs: u16, ours: u16) -> u16 {
    theirs.min(ours)
}

fn bounded(credit: ByteCount) -> ByteCount {
    ByteCount(credit.0.min(MAX_CREDIT))
}

fn not_open(what: &'static str) -> NotNow {
    NotNow::NotOpen { what }
}
