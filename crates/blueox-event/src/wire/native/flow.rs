//! What is under way on one connection of a sender, and what may follow.

use super::window::Window;
use super::{ByteCount, NativeError, NotNow, Seq};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Flow {
    /// What this receiver has acked.
    high_water: Seq,
    /// The number before the one that is to be sent next.
    pub(super) cursor: Seq,
    /// The highest number that the receiver can know, from this connection or from before.
    pub(super) known: Seq,
    window: Window,
    credit: ByteCount,
    pub(super) mode: Mode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Mode {
    Sending,
    /// The receiver takes no more.
    GoingAway,
    /// BYE was sent.
    Leaving,
    /// BYE was answered.
    Left,
}

impl Flow {
    /// After WELCOME; all up to `acked` is acked by this receiver or another one.
    pub(super) fn new(high_water: Seq, acked: Seq, credit: ByteCount) -> Self {
        let (window, mode) = (Window::default(), Mode::Sending);
        Self { high_water, cursor: acked, known: high_water, window, credit, mode }
    }

    /// What may be under way, and what is.
    pub(super) fn credit(&self) -> (ByteCount, ByteCount) {
        (self.credit, self.window.bytes())
    }

    /// Rules N2 and C3: takes the frame's numbers and cost into account, if it may go.
    pub(super) fn admit(&mut self, first: Seq, last: Seq, cost: ByteCount) -> Result<(), NotNow> {
        let due = self.cursor.next();
        if first != due || last >= Seq::LAST {
            return Err(NotNow::WrongNumber { given: first, due });
        }
        if !self.has_credit(cost) {
            let (under_way, credit) = (self.window.bytes(), self.credit);
            return Err(NotNow::NoCredit { cost, under_way, credit });
        }
        self.window.push(last, cost);
        self.cursor = last;
        self.known = self.known.max(last);
        Ok(())
    }

    /// Rule C3.
    #[inline]
    pub(super) fn has_credit(&self, cost: ByteCount) -> bool {
        let fits = self.window.is_empty() || self.window.bytes().plus(cost) <= self.credit;
        self.credit > ByteCount::ZERO && fits
    }

    /// Rule A2.
    pub(super) fn acknowledge(&mut self, high_water: Seq, credit: ByteCount) -> Result<(), NativeError> {
        if high_water < self.high_water {
            return Ok(());
        }
        if high_water > self.known {
            return Err(NativeError::AckOfUnsent { high_water, sent: self.known });
        }
        self.high_water = high_water;
        self.credit = credit;
        self.window.acknowledge(high_water);
        self.cursor = self.cursor.max(high_water);
        Ok(())
    }

    /// Rule N5: `false` when the NACK is older than what is known.
    pub(super) fn rewind(&mut self, expected: Seq, floor: Seq) -> Result<bool, NativeError> {
        if expected <= self.high_water {
            return Ok(false);
        }
        if expected <= floor {
            return Err(NativeError::NackBelowFloor { expected, floor });
        }
        if expected > self.known.max(floor).next() {
            return Err(NativeError::AckOfUnsent { high_water: expected.previous(), sent: self.known });
        }
        self.window.rewind(expected);
        self.cursor = self.cursor.min(expected.previous());
        Ok(true)
    }
}
