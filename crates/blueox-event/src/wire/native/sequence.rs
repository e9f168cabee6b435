//! A receiver's sequence rule: which numbered frames are accepted, and what may be under way.

use super::window::Window;
use super::{ByteCount, NativeError, NotNow, Seq, SeqRange};

/// How far one connection has brought its stream.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sequence {
    /// The last accepted number.
    high: Seq,
    /// The last number that the owner has called durable.
    durable: Seq,
    ack_floor: Seq,
    /// Whether nothing was accepted on this connection: a jump is possible.
    is_fresh: bool,
    /// NACK was sent and what it asks for has not come.
    expected: Option<Seq>,
    state: State,
    /// Accepted and not durable.
    window: Window,
    /// The cost of all that was ever accepted here.
    accepted: ByteCount,
    /// `accepted` may rise to this: the furthest end of all windows that were granted.
    allowed: ByteCount,
    credit: ByteCount,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum State {
    Taking,
    /// BYE was accepted.
    Ended,
    /// The owner takes no more.
    Closed,
}

/// What becomes of a numbered frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Accepted, after a gap perhaps.
    Accept(Option<SeqRange>),
    /// It was here before and is durable: acked again.
    Again,
    /// Dropped without a word.
    Drop,
    /// Dropped; this number is asked for.
    Missing(Seq),
}

impl Sequence {
    pub(super) fn new(high_water: Seq, ack_floor: Seq, credit: ByteCount) -> Self {
        Self {
            high: high_water,
            durable: high_water,
            ack_floor,
            is_fresh: true,
            expected: None,
            state: State::Taking,
            window: Window::default(),
            accepted: ByteCount::ZERO,
            allowed: credit,
            credit,
        }
    }

    #[inline]
    pub(super) fn high(&self) -> Seq {
        self.high
    }

    #[inline]
    pub(super) fn durable_up_to(&self) -> Seq {
        self.durable
    }

    #[inline]
    pub(super) fn credit(&self) -> ByteCount {
        self.credit
    }

    pub(super) fn under_way(&self) -> ByteCount {
        self.window.bytes()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state == State::Ended
    }

    /// Rules N3 to N6 and C4. Changes nothing.
    #[inline]
    pub(super) fn place(&self, first: Seq, last: Seq, cost: ByteCount) -> Result<Place, NativeError> {
        match self.state {
            State::Taking => {}
            State::Closed => return Ok(Place::Drop),
            State::Ended => return Err(malformed("BYE", "a number comes after it")),
        }
        let place = self.order(first, last)?;
        if let Place::Accept(_) = place {
            let beyond = self.accepted.plus(cost).minus(self.allowed);
            if !self.window.is_empty() && beyond > ByteCount::ZERO {
                return Err(NativeError::CreditExceeded { seq: first, beyond });
            }
        }
        Ok(place)
    }

    /// The place of BYE, which stands where the number after its last one would.
    pub(super) fn place_end(&self, last_seq: Seq) -> Result<Place, NativeError> {
        match self.state {
            State::Taking if last_seq < self.high => Err(malformed("BYE", "it ends below what has come")),
            State::Taking => self.order(last_seq.next(), last_seq.next()),
            State::Ended | State::Closed => Ok(Place::Drop),
        }
    }

    #[inline]
    fn order(&self, first: Seq, last: Seq) -> Result<Place, NativeError> {
        if last <= self.durable {
            return Ok(Place::Again);
        }
        if last <= self.high {
            return Ok(Place::Drop);
        }
        let due = self.high.next();
        if first == due {
            return Ok(Place::Accept(None));
        }
        if first < due {
            return Err(malformed("LOST", "it begins with numbers that have come"));
        }
        if self.is_fresh && first.previous() <= self.ack_floor {
            return Ok(Place::Accept(SeqRange::new(due, first.previous())));
        }
        if self.expected.is_some() {
            return Ok(Place::Drop);
        }
        Ok(Place::Missing(if self.is_fresh { due.max(self.ack_floor.next()) } else { due }))
    }

    /// Takes a frame that [`Sequence::place`] accepts.
    #[inline]
    pub(super) fn accept(&mut self, last: Seq, cost: ByteCount) {
        self.high = last;
        self.is_fresh = false;
        self.expected = None;
        self.accepted = self.accepted.plus(cost);
        self.window.push(last, cost);
    }

    /// Takes a BYE that [`Sequence::place_end`] accepts.
    pub(super) fn end(&mut self, last_seq: Seq) {
        self.high = last_seq;
        self.state = State::Ended;
    }

    /// Takes no more.
    pub(super) fn close(&mut self) {
        if self.state == State::Taking {
            self.state = State::Closed;
        }
    }

    /// NACK is sent.
    pub(super) fn expect(&mut self, expected: Seq) {
        self.expected = Some(expected);
    }

    /// Whether the number has risen.
    pub(super) fn durable(&mut self, up_to: Seq) -> Result<bool, NotNow> {
        if up_to > self.high {
            return Err(NotNow::NeverAccepted { durable: up_to, accepted: self.high });
        }
        if up_to <= self.durable {
            return Ok(false);
        }
        self.durable = up_to;
        self.window.acknowledge(up_to);
        self.widen();
        Ok(true)
    }

    /// Whether the credit has changed.
    pub(super) fn grant(&mut self, credit: ByteCount) -> bool {
        let has_changed = credit != self.credit;
        self.credit = credit;
        self.widen();
        has_changed
    }

    /// The window that is granted now begins after all that is durable.
    fn widen(&mut self) {
        let durable = self.accepted.minus(self.window.bytes());
        self.allowed = self.allowed.max(durable.plus(self.credit));
    }
}

fn malformed(frame: &'static str, what: &'static str) -> NativeError {
    NativeError::Malformed { frame, what }
}
