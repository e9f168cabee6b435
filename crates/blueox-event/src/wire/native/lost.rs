//! LOST: numbers whose batches will never come, and why events are lost at all.

use super::batch::HAS_ORIGIN;
use super::fields::Fields;
use super::frame::{self, Frame, Kind};
use super::{NativeError, Origin, SeqRange};

/// Why events were lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LossReason {
    /// The producer's bounded memory was full.
    QueueFull,
    /// An event was longer than allowed.
    TooLarge,
    /// No receiver acked it for too long.
    Unacked,
    /// A daemon's spool was damaged.
    SpoolDamaged,
    /// A daemon's spool was full and its policy is to drop the oldest.
    SpoolFull,
    /// A daemon has neither log files nor a destination.
    NoDestination,
    /// Given up when the process ended.
    Exit,
    /// The bytes were no event.
    NotAnEvent,
    /// Nothing was lost: a daemon that was set back to an older state goes on in a new stream, and its numbers up to there
    /// were given in an earlier one.
    SetBack,
    /// A reason of a newer version: its number.
    Other(u8),
}

impl LossReason {
    const NAMED: [Self; 9] = [
        Self::QueueFull,
        Self::TooLarge,
        Self::Unacked,
        Self::SpoolDamaged,
        Self::SpoolFull,
        Self::NoDestination,
        Self::Exit,
        Self::NotAnEvent,
        Self::SetBack,
    ];

    /// The number on the wire.
    #[must_use]
    pub fn id(self) -> u8 {
        match self {
            Self::QueueFull => 1,
            Self::TooLarge => 2,
            Self::Unacked => 3,
            Self::SpoolDamaged => 4,
            Self::SpoolFull => 5,
            Self::NoDestination => 6,
            Self::Exit => 7,
            Self::NotAnEvent => 8,
            Self::SetBack => 9,
            Self::Other(id) => id,
        }
    }

    /// The reason with this number.
    #[must_use]
    pub fn from_id(id: u8) -> Self {
        Self::NAMED.into_iter().find(|reason| reason.id() == id).unwrap_or(Self::Other(id))
    }

    /// The word for it in status, metrics and the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::TooLarge => "too_large",
            Self::Unacked => "unacked",
            Self::SpoolDamaged => "spool_damaged",
            Self::SpoolFull => "spool_full",
            Self::NoDestination => "no_destination",
            Self::Exit => "exit",
            Self::NotAnEvent => "not_an_event",
            Self::SetBack => "set_back",
            Self::Other(_) => "other",
        }
    }
}

/// Numbers whose batches will never come. They take their place in the sequence and are acked like batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lost {
    /// The numbers.
    pub numbers: SeqRange,
    /// How many events they held, if that is known.
    pub count: Option<u64>,
    /// Why.
    pub reason: LossReason,
    /// Where a daemon that forwards it had it from: then these numbers of another stream are what was lost.
    pub origin: Option<Origin>,
}

impl Lost {
    #[inline]
    pub(super) fn parse(frame: &Frame<'_>) -> Result<Self, NativeError> {
        let mut fields = Fields::new(Kind::Lost, frame.fields);
        let numbers = SeqRange::new(fields.seq()?, fields.seq()?);
        let numbers = numbers.ok_or(fields.malformed("its numbers are no range"))?;
        let count = Some(fields.u64()?).filter(|count| *count > 0);
        let reason = LossReason::from_id(fields.u8()?);
        fields.bytes(7)?;
        let origin = fields.origin(frame.flags & HAS_ORIGIN != 0)?;
        Ok(Self { numbers, count, reason, origin })
    }

    pub(super) fn write(&self, output: &mut Vec<u8>) {
        let flags = if self.origin.is_some() { HAS_ORIGIN } else { 0 };
        frame::write_head(output, Kind::Lost, flags, 0, |head| {
            head.extend_from_slice(&self.numbers.first().get().to_le_bytes());
            head.extend_from_slice(&self.numbers.last().get().to_le_bytes());
            head.extend_from_slice(&self.count.unwrap_or(0).to_le_bytes());
            head.extend_from_slice(&[self.reason.id(), 0, 0, 0, 0, 0, 0, 0]);
            if let Some(origin) = &self.origin {
                head.extend_from_slice(&origin.encode());
            }
        });
    }
}
