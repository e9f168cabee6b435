//! Comparing what is read, and what is found at opening, with the model.

use super::expected::{Content, ModelState, Numbered, Op, content};
use super::schedule::{Checked, Kind, Schedule};
use crate::disk::model::ModelDisk;
use crate::spool::{Item, Opened, Reader, Seq, Spool, Timestamp, Writer};

impl Schedule {
    /// Reads one item and compares it; false at the end.
    pub(super) fn check_next(&self, reader: &mut Reader<ModelDisk>) -> Result<bool, String> {
        let next = reader.place().own_seq;
        let oldest = reader.oldest().own_seq;
        let item = match reader.read() {
            Ok(item) => item,
            Err(_) if self.is_tolerant() => return Ok(false),
            Err(error) => return Err(format!("read: {error}")),
        };
        match item {
            None => return Ok(false),
            Some(Item::Damage(damage)) => {
                ensure!(self.kind == Kind::BitRot, "damage where none is: {damage:?}");
                self.seen.damage.set(self.seen.damage.get() + 1);
            }
            Some(Item::Lost(lost)) => {
                let dropped = self.kind == Kind::DropOldest && !lost.damaged;
                // Bit rot can put a cursor back to what was deleted.
                let rotten = self.kind == Kind::BitRot;
                ensure!(dropped || rotten, "lost without a reason: {lost:?}");
                ensure!(lost.own.first == next && !lost.own.is_empty(), "{lost:?} does not begin at {next}");
                self.seen.lost.set(self.seen.lost.get() + 1);
                let mut events = 0;
                for seq in lost.own.first.get()..=lost.own.last.get() {
                    let numbered = self.at(Seq::new(seq))?;
                    events += u64::from(numbered.count);
                    let hit = self.flips.iter().any(|flip| (numbered.from..numbered.to).contains(flip));
                    let deleted = rotten && Seq::new(seq) < oldest;
                    ensure!(hit || dropped || deleted, "{seq} is lost, but was not hit: {lost:?}");
                }
                ensure!(events == lost.events, "{lost:?} held {events} events");
            }
            Some(Item::Data(data)) => {
                let rises = self.received.get().is_none_or(|last| last <= data.received);
                ensure!(rises, "time ran backwards at {next}");
                self.received.set(self.received.get().map(|_| data.received));
                ensure!(data.place.own_seq == next, "{} comes where {next} is next", data.place.own_seq);
                let numbered = self.at(next)?;
                let Content::Data { id, length } = numbered.content else {
                    return Err(format!("{next} is a gap"));
                };
                let same = [data.origin, data.events].concat() == content(id, length);
                ensure!(same && data.count == numbered.count, "{next} has other content");
                ensure!(data.source == numbered.source, "{next} has another source");
            }
            Some(Item::Gap(gap)) => {
                ensure!(gap.place.own_seq == next, "{} comes where {next} is next", gap.place.own_seq);
                let numbered = self.at(next)?;
                let expected = Content::Gap { first: gap.first, events: gap.events };
                ensure!(
                    numbered.content == expected && gap.source == numbered.source,
                    "{next} is another gap"
                );
            }
        }
        Ok(true)
    }

    fn at(&self, seq: Seq) -> Result<&Numbered, String> {
        let index = usize::try_from(seq.get()).unwrap().wrapping_sub(1);
        self.numbered.get(index).ok_or_else(|| format!("{seq} was never durable"))
    }

    pub(super) fn check_opened(&mut self, opened: Opened<ModelDisk>) -> Checked {
        let Opened { spool, writer, recovery, .. } = opened;
        let state = ModelState::of(&writer, spool.tail());
        self.seen.cuts += u64::from(recovery.cut_bytes > 0);
        let rotten = self.kind == Kind::BitRot;
        ensure!(rotten || recovery.damaged_places == 0, "damage where none is: {:?}", recovery.damage);
        // Something that was tried must explain what is there, as a prefix.
        let mut explained = None;
        for tried in self.tried.iter().chain([&Vec::new()]) {
            let mut expected = self.state.clone();
            for taken in 0..=tried.len() {
                if taken > 0 {
                    expected.apply(&tried[taken - 1]);
                }
                let same_counts = (expected.numbered, expected.events) == (state.numbered, state.events);
                if expected == state || rotten && same_counts {
                    let before = self.numbered.len();
                    let numbered = tried[..taken].iter().filter_map(|op| match op {
                        Op::Numbered(numbered) => Some(numbered.clone()),
                        _ => None,
                    });
                    self.numbered.extend(numbered);
                    if self.check_all(&spool).is_ok() {
                        explained = Some(expected.clone());
                        self.seen.survivors += taken as u64;
                        break;
                    }
                    self.numbered.truncate(before);
                }
            }
            if explained.is_some() {
                break;
            }
        }
        if explained.is_none() {
            let content = self.check_all(&spool);
            return Err(format!("opened with {state:?}, but {:?} was durable ({content:?})", self.state));
        }
        if rotten {
            for (stream, (high, _)) in &state.marks {
                let highest = self.highest.get(stream).copied().unwrap_or_default();
                ensure!(*high <= highest, "the mark of {stream} is invented");
            }
        }
        self.tried.clear();
        self.state = state;
        self.check_cursors(&spool, &writer)?;
        for (name, place) in writer.cursors() {
            self.readers.insert(name.clone(), spool.reader(*place));
            self.cursors.insert(name.clone(), vec![*place]);
        }
        self.open = Some((spool, writer));
        Ok(())
    }

    pub(super) fn check_cursors(&mut self, spool: &Spool<ModelDisk>, writer: &Writer<ModelDisk>) -> Checked {
        let rotten = self.kind == Kind::BitRot;
        for (name, place) in writer.cursors() {
            let known = self.cursors.get(name).is_some_and(|known| known.contains(place));
            ensure!(known || rotten, "cursor {name} is at {place:?}, where nobody put it");
            let there = spool.oldest().own_seq <= place.own_seq || self.kind == Kind::DropOldest || rotten;
            ensure!(there, "what {name} has not read is gone");
        }
        ensure!(
            !writer.cursors().is_empty()
                || spool.oldest().own_seq == Seq::new(1)
                || self.kind == Kind::DropOldest
                || rotten,
            "something is gone although nobody has read it"
        );
        let gone: Vec<_> =
            self.cursors.keys().filter(|name| !writer.cursors().contains_key(name)).cloned().collect();
        for name in gone {
            self.cursors.remove(&name);
        }
        Ok(())
    }

    /// Reads everything that there is.
    pub(super) fn check_all(&self, spool: &Spool<ModelDisk>) -> Checked {
        let mut reader = spool.reader(spool.oldest());
        self.received.set(Some(Timestamp(0)));
        while self.check_next(&mut reader)? {}
        self.received.set(None);
        ensure!(reader.place() == spool.tail(), "{:?} is not the end {:?}", reader.place(), spool.tail());
        Ok(())
    }
}
