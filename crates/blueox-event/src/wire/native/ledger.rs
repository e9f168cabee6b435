//! PING: a sign of life that carries the producer's account of its events.

use super::fields::Fields;
use super::frame::{self, Kind};
use super::{LossReason, NativeError};
use crate::limits::MAX_LEDGER_REASONS;

/// What a producer has counted since its stream began. The numbers never fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ledger {
    /// All events that it made.
    pub produced: u64,
    dropped: [Option<(LossReason, u64)>; MAX_LEDGER_REASONS],
}

impl Ledger {
    /// A ledger of `produced` events of which none was dropped.
    #[must_use]
    pub fn new(produced: u64) -> Self {
        Self { produced, ..Self::default() }
    }

    /// Adds events that never got into a numbered batch. When there are more than [`MAX_LEDGER_REASONS`]
    /// reasons, the last one takes the count: no event goes missing from the sum.
    #[must_use]
    pub fn with_dropped(mut self, reason: LossReason, count: u64) -> Self {
        let same_or_free = |slot: &Option<(LossReason, u64)>| slot.is_none_or(|(known, _)| known == reason);
        let index = self.dropped.iter().position(same_or_free).unwrap_or(MAX_LEDGER_REASONS - 1);
        let (reason, before) = self.dropped[index].unwrap_or((reason, 0));
        self.dropped[index] = Some((reason, before.saturating_add(count)));
        self
    }

    /// What was dropped before it was numbered, by reason.
    pub fn dropped(&self) -> impl Iterator<Item = (LossReason, u64)> {
        self.dropped.iter().flatten().copied()
    }

    pub(super) fn write(&self, nonce: u64, output: &mut Vec<u8>) {
        frame::write(output, Kind::Ping, |head| {
            head.extend_from_slice(&nonce.to_le_bytes());
            head.extend_from_slice(&self.produced.to_le_bytes());
            head.push(self.dropped().count() as u8); // at most MAX_LEDGER_REASONS
            for (reason, count) in self.dropped() {
                head.push(reason.id());
                head.extend_from_slice(&count.to_le_bytes());
            }
        });
    }
}

/// A ledger as it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Report<'b> {
    /// All events that the producer made.
    pub produced: u64,
    /// Pairs of a reason and a count, as many as there are whole.
    pairs: &'b [u8],
}

const PAIR_BYTES: usize = 9;

impl<'b> Report<'b> {
    /// What was dropped before it was numbered, by reason.
    pub fn dropped(self) -> impl Iterator<Item = (LossReason, u64)> {
        self.pairs.chunks_exact(PAIR_BYTES).filter_map(|pair| {
            let (reason, count) = pair.split_first()?;
            Some((LossReason::from_id(*reason), u64::from_le_bytes(count.try_into().ok()?)))
        })
    }

    /// The same, to be kept.
    #[must_use]
    pub fn to_ledger(self) -> Ledger {
        self.dropped()
            .fold(Ledger::new(self.produced), |ledger, (reason, count)| ledger.with_dropped(reason, count))
    }

    /// The nonce of a PING, and its report.
    pub(super) fn parse(fields: &'b [u8]) -> Result<(u64, Self), NativeError> {
        let mut fields = Fields::new(Kind::Ping, fields);
        let nonce = fields.u64()?;
        let produced = fields.u64()?;
        let reasons = usize::from(fields.u8()?);
        if reasons > MAX_LEDGER_REASONS {
            return Err(fields.malformed("it has too many reasons"));
        }
        Ok((nonce, Self { produced, pairs: fields.bytes(reasons * PAIR_BYTES)? }))
    }
}
