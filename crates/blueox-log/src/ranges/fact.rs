//! What one record says about which numbers of which streams: the ledger's input, from ranges and from a spool alike.

use super::entry::{Batch, Missing, MissingReason};
use crate::spool::{Data, Gap, GapReason, Lost, StreamId};
use blueox_event::wire::native::{LossReason, NodeId, Origin, SeqRange};

/// Numbers of a stream, and what became of them at a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// The stream.
    pub stream: StreamId,
    /// Its numbers.
    pub numbers: SeqRange,
    /// The daemon's own numbers that stand for them.
    pub own: SeqRange,
    /// How many events. Of the facts of one record only that of the stream in which they were numbered first has any.
    pub events: u64,
    /// Numbers that come from further than the sender: its stream and numbers, which stand for them too.
    pub sender: Option<(StreamId, SeqRange)>,
    /// Why there are no events; `None`: they are here, or the number is a note about those of another fact.
    pub loss: Option<MissingReason>,
}

/// Up to three facts: the daemon's own number, its sender's, and that of the stream in which the events were numbered first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts([Option<Fact>; 3]);

impl IntoIterator for Facts {
    type Item = Fact;
    type IntoIter = std::iter::Flatten<std::array::IntoIter<Option<Fact>, 3>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter().flatten()
    }
}

impl Batch {
    /// A batch of the spool of this node.
    #[must_use]
    pub fn of(data: &Data<'_>, node: NodeId) -> Self {
        let own = data.place.own_seq;
        let (stream, seq) = data.source.map_or((StreamId(node.0), own), |source| (source.stream, source.seq));
        Self { stream, seq, own, events: data.count, origin: Origin::decode(data.origin) }
    }

    /// What it says, in the spool or the ranges of this node. Nothing, if its numbers are none.
    #[must_use]
    pub fn facts(&self, node: NodeId) -> Facts {
        let (events, own) = (u64::from(self.events), SeqRange::new(self.own, self.own));
        facts(node, own, (self.stream, SeqRange::new(self.seq, self.seq)), self.origin, events, None)
    }
}

impl Missing {
    /// A gap in the spool of this node; `None`: numbers that no producer uses.
    #[must_use]
    pub fn of_gap(gap: &Gap<'_>, node: NodeId) -> Option<Self> {
        let own = gap.place.own_seq;
        let (stream, last) = gap.source.map_or((StreamId(node.0), own), |source| (source.stream, source.seq));
        let numbers = SeqRange::new(gap.first, last).or_else(|| SeqRange::new(last, last))?;
        let reason = MissingReason::Gap(gap.reason);
        let (own, origin) = (SeqRange::new(own, own)?, Origin::decode(gap.origin));
        Some(Self { stream, numbers, events: gap.events, reason, own, origin })
    }

    /// Own numbers that the spool of this node could not give.
    #[must_use]
    pub fn of_lost(lost: &Lost, node: NodeId) -> Option<Self> {
        let numbers = SeqRange::new(lost.own.first, lost.own.last)?;
        let reason = if lost.damaged { MissingReason::Damaged } else { MissingReason::Deleted };
        let stream = StreamId(node.0);
        Some(Self { stream, numbers, events: lost.events, reason, own: numbers, origin: None })
    }

    /// What it says, in the spool or the ranges of this node.
    #[must_use]
    pub fn facts(&self, node: NodeId) -> Facts {
        facts(
            node,
            Some(self.own),
            (self.stream, Some(self.numbers)),
            self.origin,
            self.events,
            Some(self.reason),
        )
    }
}

impl MissingReason {
    /// Another receiver has acked the numbers: they must be found there.
    pub const ACKED_ELSEWHERE: Self = Self::Gap(GapReason(0));

    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ACKED_ELSEWHERE => "acked_elsewhere",
            Self::Gap(reason) => LossReason::from_id(u8::try_from(reason.0).unwrap_or(u8::MAX)).name(),
            Self::Damaged => LossReason::SpoolDamaged.name(),
            Self::Deleted => LossReason::SpoolFull.name(),
        }
    }
}

/// The last of the streams is the one that events and loss belong to.
fn facts(
    node: NodeId,
    own: Option<SeqRange>,
    (stream, numbers): (StreamId, Option<SeqRange>),
    origin: Option<Origin>,
    events: u64,
    loss: Option<MissingReason>,
) -> Facts {
    let (Some(own), Some(numbers)) = (own, numbers) else { return Facts([None; 3]) };
    let note = |stream, numbers| Fact { stream, numbers, own, events: 0, sender: None, loss: None };
    let from_far =
        |origin: Origin| Fact { sender: Some((stream, numbers)), ..note(origin.stream, origin.numbers) };
    let own_stream = StreamId(node.0);
    let mut facts = [
        Some(note(own_stream, own)),
        (stream != own_stream).then(|| note(stream, numbers)),
        origin.map(from_far),
    ];
    if let Some(first) = facts.iter_mut().flatten().next_back() {
        (first.events, first.loss) = (events, loss);
    }
    Facts(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::wire::native::Seq;

    const NODE: NodeId = NodeId(7);

    fn range(first: u64, last: u64) -> SeqRange {
        SeqRange::new(Seq::new(first), Seq::new(last)).unwrap()
    }

    fn fact(stream: u128, numbers: SeqRange, events: u64, loss: Option<MissingReason>) -> Fact {
        let sender = (stream == 1).then(|| (StreamId(2), range(3, 3)));
        Fact { stream: StreamId(stream), numbers, own: range(5, 5), events, sender, loss }
    }

    #[test]
    fn events_belong_to_the_first_numbers() {
        let origin = Origin { stream: StreamId(1), numbers: range(9, 9), count: 4 };
        let batch = Batch {
            stream: StreamId(2),
            seq: Seq::new(3),
            own: Seq::new(5),
            events: 4,
            origin: Some(origin),
        };
        let all: Vec<_> = batch.facts(NODE).into_iter().collect();
        let (own, sender) = (fact(7, range(5, 5), 0, None), fact(2, range(3, 3), 0, None));
        assert_eq!(all, [own, sender, fact(1, range(9, 9), 4, None)]);
        let direct = Batch { origin: None, ..batch };
        assert_eq!(direct.facts(NODE).into_iter().collect::<Vec<_>>(), [own, Fact { events: 4, ..sender }]);
        let unnumbered = Batch { stream: StreamId(7), seq: Seq::new(5), ..direct };
        assert_eq!(unnumbered.facts(NODE).into_iter().collect::<Vec<_>>(), [Fact { events: 4, ..own }]);
    }

    #[test]
    fn a_gap_that_was_passed_on_is_about_its_origin() {
        let reason = MissingReason::Gap(GapReason(1));
        let origin = Some(Origin { stream: StreamId(1), numbers: range(9, 11), count: 0 });
        let (numbers, own) = (range(3, 3), range(5, 5));
        let gap = Missing { stream: StreamId(2), numbers, events: 6, reason, own, origin };
        let all: Vec<_> = gap.facts(NODE).into_iter().collect();
        let (mine, sender) = (fact(7, own, 0, None), fact(2, numbers, 0, None));
        assert_eq!(all, [mine, sender, fact(1, range(9, 11), 6, Some(reason))]);
        let lost = Missing {
            stream: StreamId(7),
            numbers: own,
            reason: MissingReason::Deleted,
            origin: None,
            ..gap
        };
        let deleted = Some(MissingReason::Deleted);
        assert_eq!(
            lost.facts(NODE).into_iter().collect::<Vec<_>>(),
            [Fact { events: 6, loss: deleted, ..mine }]
        );
    }
}
