//! What producers send.

use super::expected::{Content, Numbered, Op, content};
use super::schedule::{Checked, Kind, Schedule};
use crate::spool::{
    GapReason, Place, Record, Refusal, Seq, SeqSpan, Source, SpoolError, StreamId, Timestamp,
};

impl Schedule {
    pub(super) fn append(&mut self) -> Checked {
        let stream = StreamId(u128::from(self.random.below(4)));
        if stream.0 == 0 {
            return self.append_data(None).map(drop);
        }
        let high = self.writer().mark(stream).map_or(Seq::NONE, |mark| mark.high);
        let seq = match self.random.below(10) {
            0 => Seq::new(self.random.below(high.get() + 1)),
            1 => Seq::new(high.get() + 1 + self.random.below(4)),
            _ => high.next(),
        };
        // As a receiver would have it: what was here before is dropped, a jump needs a floor.
        let missing = SeqSpan { first: high.next(), last: seq.previous() };
        if seq > high
            && (missing.is_empty() || (self.random.one_in(2) && self.append_gap(stream, missing)?))
        {
            self.append_data(Some((stream, seq)))?;
        }
        Ok(())
    }

    pub(super) fn append_gap(&mut self, stream: StreamId, missing: SeqSpan) -> Result<bool, String> {
        let source = self.source(stream, missing.last);
        let events = self.random.below(100);
        let record = Record::Gap { source, first: missing.first, events, reason: GapReason(3), origin: b"" };
        let Some(place) = self.append_record(&record)? else { return Ok(false) };
        let content = Content::Gap { first: missing.first, events };
        self.push_numbered(Some(source), 0, content, place, 136);
        Ok(true)
    }

    pub(super) fn append_data(&mut self, from: Option<(StreamId, Seq)>) -> Result<bool, String> {
        let source = from.map(|(stream, seq)| self.source(stream, seq));
        let length = match self.random.below(40) {
            _ if self.kind == Kind::Sectors => 512 - 104,
            0 => self.random.below(7000),
            1..12 => self.random.below(2500),
            // A frame of one sector: so that frames of different commits end at the same place.
            12..20 => 512 - 104,
            _ => self.random.below(400),
        };
        let (id, length) = (self.next_id, usize::try_from(length).unwrap());
        self.next_id += 1;
        let bytes = content(id, length);
        let (origin, events) = bytes.split_at(length.min(7));
        let count = u32::try_from(self.random.below(50)).unwrap();
        let Some(place) = self.append_record(&Record::Data { source, count, origin, events })? else {
            return Ok(false);
        };
        self.push_numbered(source, count, Content::Data { id, length }, place, 104 + length as u64);
        Ok(true)
    }

    fn push_numbered(
        &mut self,
        source: Option<Source>,
        count: u32,
        content: Content,
        place: Place,
        length: u64,
    ) {
        if let Some(source) = source {
            let highest = self.highest.entry(source.stream).or_default();
            *highest = source.seq.max(*highest);
        }
        let from = place.position.get();
        self.group.push(Op::Numbered(Numbered { source, count, content, from, to: from + length }));
    }

    /// Appends, committing first if that is asked for; `None` if there is no room.
    pub(super) fn append_record(&mut self, record: &Record<'_>) -> Result<Option<Place>, String> {
        let now = Timestamp(self.now);
        for _ in 0..4 {
            match self.writer().append(record, now) {
                Ok(appended) => {
                    let before = self.group.iter().filter(|op| matches!(op, Op::Numbered(_))).count() as u64;
                    let expected = self.state.numbered + before + 1;
                    ensure!(
                        appended.place.own_seq.get() == expected,
                        "own number is not {expected}: {appended:?}"
                    );
                    return Ok(Some(appended.place));
                }
                Err(SpoolError::Refused(Refusal::CommitFirst)) => {
                    ensure!(!self.group.is_empty(), "an empty group is full");
                    if !self.try_commit()? {
                        return Ok(None);
                    }
                    // The record was judged by a state that still holds.
                }
                Err(SpoolError::Refused(Refusal::RoomIsMade)) => {
                    ensure!(self.chore.is_some(), "nobody makes room");
                    self.end_chore()?;
                }
                Err(error) if error.is_full() => {
                    self.seen.refused += 1;
                    return Ok(None);
                }
                Err(SpoolError::Environment(_)) if self.is_tolerant() => return Ok(None),
                Err(error) => return Err(format!("append: {error}")),
            }
        }
        Err("append asks for commits without end".into())
    }
}
