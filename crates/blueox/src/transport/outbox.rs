//! Batches on their way: first waiting, then numbered until they are acked.

use crate::budget::Budget;
use crate::chunk::Chunk;
use crate::clock::Moment;
use crate::limits::BATCH_BYTES;
use crate::recorder::Registry;
use crate::tally::Tally;
use crate::thread_buffer::Collector;
use blueox_event::Value;
use blueox_event::limits::MAX_BATCH_EVENTS;
use blueox_event::wire::native::{LossReason, Lost, Seq, SeqRange};
use std::collections::VecDeque;
use std::time::Duration;

/// Empty chunks that are kept to be put in the place of taken ones: as many as a burst of events fills between two looks, and no more than an
/// [`SPARE_SHARE`]th of the memory.
const SPARES: usize = 16;
const SPARE_SHARE: usize = 8;

#[derive(Debug)]
pub(super) struct Outbox {
    budget: &'static Budget,
    /// In order; copies go to the last one.
    waiting: VecDeque<Chunk>,
    numbered: VecDeque<Numbered>,
    spares: Vec<Chunk>,
    added: u64,
    settled: u64,
    /// Counts for the registry.
    tally: Tally,
    accepted: u64,
}

/// A batch with its number.
#[derive(Debug)]
struct Numbered {
    seq: Seq,
    chunk: Chunk,
    since: Moment,
    is_lost: bool,
}

/// What stands under a number.
pub(super) enum Entry<'b> {
    Batch { events: u32, bytes: &'b [u8] },
    Lost(Lost),
}

impl Outbox {
    pub(super) fn new(budget: &'static Budget) -> Self {
        let (waiting, numbered, spares) = (VecDeque::new(), VecDeque::new(), Vec::new());
        Self { budget, waiting, numbered, spares, added: 0, settled: 0, tally: Tally::default(), accepted: 0 }
    }

    /// How many events have ever come here.
    pub(super) fn added(&self) -> u64 {
        self.added
    }

    /// How many of them are acked or given up. They leave in the order in which they came.
    pub(super) fn settled(&self) -> u64 {
        self.settled
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.numbered.is_empty()
    }

    /// Hands the counts over.
    pub(super) fn settle(&mut self, registry: &mut Registry) {
        registry.tally.add(&std::mem::take(&mut self.tally));
        registry.accepted += std::mem::take(&mut self.accepted);
    }

    /// The length of the batch that would get the next number.
    pub(super) fn next_length(&self) -> Option<usize> {
        self.waiting.front().map(|chunk| chunk.bytes.len())
    }

    /// Gives the next batch its number.
    pub(super) fn number(&mut self, seq: Seq, now: Moment) {
        let Some(mut chunk) = self.waiting.pop_front() else { return };
        let before = chunk.bytes.capacity();
        if chunk.bytes.len() < before / 2 {
            chunk.bytes.shrink_to_fit();
            self.budget.give_back(before - chunk.bytes.capacity());
        }
        self.numbered.push_back(Numbered { seq, chunk, since: now, is_lost: false });
    }

    /// What stands under `seq`, if it has been given and is not acked.
    pub(super) fn entry(&self, seq: Seq) -> Option<Entry<'_>> {
        let first = self.numbered.front()?.seq;
        let index = usize::try_from(seq.get().checked_sub(first.get())?).ok()?;
        let Numbered { chunk, is_lost, .. } = self.numbered.get(index)?;
        if *is_lost {
            let numbers = SeqRange::new(seq, seq)?;
            return Some(Entry::Lost(Lost {
                numbers,
                count: Some(chunk.events.into()),
                reason: LossReason::Unacked,
                origin: None,
            }));
        }
        Some(Entry::Batch { events: chunk.events, bytes: &chunk.bytes })
    }

    /// All up to `high_water` is acked.
    pub(super) fn acked(&mut self, high_water: Seq) {
        while self.numbered.front().is_some_and(|batch| batch.seq <= high_water) {
            let Some(batch) = self.numbered.pop_front() else { return };
            if !batch.is_lost {
                self.accepted += u64::from(batch.chunk.events);
                self.settled += u64::from(batch.chunk.events);
            }
            self.recycle(batch.chunk);
        }
    }

    /// The stream is another one: batches wait for new numbers.
    pub(super) fn forget_numbers(&mut self) {
        while let Some(batch) = self.numbered.pop_back() {
            if !batch.is_lost {
                self.waiting.push_front(batch.chunk);
            }
        }
    }

    /// Gives numbered batches up that no daemon has acked for `patience`: LOST will go in their place.
    pub(super) fn give_up_older_than(&mut self, now: Moment, patience: Duration) {
        for batch in &mut self.numbered {
            if now.since(batch.since) < patience {
                return;
            }
            if !batch.is_lost {
                batch.is_lost = true;
                self.tally.unacked += u64::from(batch.chunk.events);
                self.settled += u64::from(batch.chunk.events);
                self.budget.release(std::mem::take(&mut batch.chunk.bytes));
            }
        }
    }

    /// Gives everything up: the recorder ends.
    pub(super) fn give_up(&mut self) {
        let numbered = self.numbered.drain(..).filter(|batch| !batch.is_lost).map(|batch| batch.chunk);
        for mut chunk in numbered.chain(self.waiting.drain(..)) {
            self.tally.exit += u64::from(chunk.events);
            self.settled += u64::from(chunk.events);
            chunk.release(self.budget);
        }
        self.spares.drain(..).for_each(|mut chunk| chunk.release(self.budget));
    }

    /// Takes the oldest batch out, for a daemon that acknowledges nothing. It must be settled by [`Outbox::sent`] or [`Outbox::broken`].
    pub(super) fn take_oldest(&mut self) -> Option<Chunk> {
        self.forget_numbers();
        self.waiting.pop_front()
    }

    /// A batch that was taken out is written.
    pub(super) fn sent(&mut self, chunk: Chunk) {
        self.accepted += u64::from(chunk.events);
        self.settled += u64::from(chunk.events);
        self.recycle(chunk);
    }

    /// A batch that was taken out was lost with the connection.
    pub(super) fn broken(&mut self, chunk: Chunk) {
        self.tally.unacked += u64::from(chunk.events);
        self.settled += u64::from(chunk.events);
        self.recycle(chunk);
    }

    /// Appends `blueox.dropped`. `false`: there is still no room.
    pub(super) fn report_drops(
        &mut self,
        count: u64,
        tally: &Tally,
        host_and_pid: &[u8],
        now: Moment,
    ) -> bool {
        let seconds = Value::from(now.seconds());
        let reasons = tally.reasons().map(|(reason, total)| (reason.name(), Value::from(total)));
        let body = Value::map([("count", Value::from(count)), ("total", Value::map(reasons))]);
        let mut chunk = Chunk { bytes: vec![0x80 | 6], events: 1 };
        let mut put = |key: &str, value: &Value| {
            Value::from(key).write_msgpack(&mut chunk.bytes);
            value.write_msgpack(&mut chunk.bytes);
        };
        put("type", &Value::from("blueox.dropped"));
        put("start", &seconds);
        put("end", &seconds);
        put("body", &body);
        chunk.bytes.extend_from_slice(host_and_pid);
        self.copy(&chunk)
    }

    /// Nothing happens for a while: spare memory is given back.
    pub(super) fn rest(&mut self) {
        self.spares.drain(..).for_each(|mut chunk| chunk.release(self.budget));
    }

    fn recycle(&mut self, mut chunk: Chunk) {
        chunk.clear();
        let most = SPARES.min(self.budget.whole() / SPARE_SHARE / BATCH_BYTES);
        if self.spares.len() < most && chunk.bytes.capacity() == BATCH_BYTES {
            self.spares.push(chunk);
        } else {
            chunk.release(self.budget);
        }
    }
}

impl Collector for Outbox {
    fn copy(&mut self, chunk: &Chunk) -> bool {
        let fits = |last: &Chunk| {
            last.events + chunk.events <= MAX_BATCH_EVENTS
                && last.bytes.len() + chunk.bytes.len() <= BATCH_BYTES
        };
        if !self.waiting.back().is_some_and(fits) {
            let spare = self.spares.pop().unwrap_or_default();
            self.waiting.push_back(spare);
        }
        let Some(last) = self.waiting.back_mut() else { return false };
        if !last.make_room(chunk.bytes.len(), self.budget) {
            if last.events == 0 {
                self.waiting.pop_back();
            }
            return false;
        }
        last.bytes.extend_from_slice(&chunk.bytes);
        last.events += chunk.events;
        self.added += u64::from(chunk.events);
        true
    }

    fn take(&mut self, chunk: Chunk) {
        self.added += u64::from(chunk.events);
        self.waiting.push_back(chunk);
    }

    fn spare(&mut self) -> Chunk {
        self.spares.pop().unwrap_or_else(|| Chunk::whole(self.budget))
    }

    fn count(&mut self, tally: &Tally) {
        self.tally.add(tally);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::UNACKED_PATIENCE;

    fn outbox() -> Outbox {
        Outbox::new(Box::leak(Box::new(Budget::new(4 << 20))))
    }

    fn number(outbox: &mut Outbox, seq: u64, events: u32, now: Moment) {
        assert!(outbox.copy(&Chunk { bytes: vec![0xc0; events as usize], events }));
        outbox.number(Seq::new(seq), now);
    }

    /// With the patience of the default: half a day, to the nanosecond.
    #[test]
    fn what_was_not_acked_for_all_the_patience_is_lost_under_its_number() {
        let mut outbox = outbox();
        let begun = Moment::now();
        number(&mut outbox, 1, 5, begun);
        number(&mut outbox, 2, 7, begun.after(Duration::from_secs(1)));
        let late = begun.after(UNACKED_PATIENCE);
        outbox.give_up_older_than(begun.after(UNACKED_PATIENCE - Duration::from_nanos(1)), UNACKED_PATIENCE);
        assert_eq!((outbox.settled(), outbox.tally), (0, Tally::default()));
        for _ in 0..2 {
            outbox.give_up_older_than(late, UNACKED_PATIENCE);
            assert_eq!((outbox.settled(), outbox.tally.unacked), (5, 5));
        }
        let Some(Entry::Lost(lost)) = outbox.entry(Seq::new(1)) else { panic!("1 is not lost") };
        assert_eq!((lost.numbers.first(), lost.numbers.last()), (Seq::new(1), Seq::new(1)));
        assert_eq!((lost.count, lost.reason), (Some(5), LossReason::Unacked));
        assert!(matches!(outbox.entry(Seq::new(2)), Some(Entry::Batch { events: 7, .. })));
        // The daemon takes both, one as lost: nothing is counted twice.
        outbox.acked(Seq::new(2));
        assert!(outbox.is_empty());
        assert_eq!((outbox.settled(), outbox.accepted, outbox.tally.unacked), (12, 7, 5));
        assert_eq!(outbox.budget.taken(), 0);
    }

    /// A stream begins anew: what was given up is not sent under a new number.
    #[test]
    fn what_was_given_up_gets_no_other_number() {
        let mut outbox = outbox();
        let begun = Moment::now();
        number(&mut outbox, 1, 5, begun);
        number(&mut outbox, 2, 7, begun.after(UNACKED_PATIENCE));
        outbox.give_up_older_than(begun.after(UNACKED_PATIENCE), UNACKED_PATIENCE);
        outbox.forget_numbers();
        assert_eq!(outbox.next_length(), Some(7));
        outbox.number(Seq::new(1), begun);
        assert!(matches!(outbox.entry(Seq::new(1)), Some(Entry::Batch { events: 7, .. })));
    }
}
