//! Readers: what is durable, in order, each at its own pace.

use super::Spool;
use super::damage::{Damage, DamageFault};
use super::error::EnvironmentError;
use super::fields::{BadPayload, Fields};
use super::frame::{FRAME_ALIGN, FrameType, Header, HeaderFault};
use super::marks::SeqSpan;
use super::position::{Place, Position};
use super::record::GapReason;
use super::scan::{Found, Scan};
use super::stream::{Seq, Source, Timestamp};
use crate::disk::PositionalDisk;
use std::io;

/// What a reader meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item<'a> {
    /// A batch of events.
    Data(Data<'a>),
    /// Numbers of a producer's stream that have no events.
    Gap(Gap<'a>),
    /// Own numbers that cannot be read any more.
    Lost(Lost),
    /// A place that could not be read; what it held follows as [`Item::Lost`], if it held any own numbers.
    Damage(Damage),
}

/// A batch of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Data<'a> {
    /// Where it stands, and its own number.
    pub place: Place,
    /// When it was received; never lower than in an earlier batch.
    pub received: Timestamp,
    /// Its producer's stream and number.
    pub source: Option<Source>,
    /// How many events it holds.
    pub count: u32,
    /// Where its events come from at first.
    pub origin: &'a [u8],
    /// MsgPack maps one after another.
    pub events: &'a [u8],
    /// The CRC32C of `events`.
    pub crc: u32,
}

/// Numbers of a producer's stream that have no events. It has an own number too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap<'a> {
    /// Where it stands, and its own number.
    pub place: Place,
    /// When it was received.
    pub received: Timestamp,
    /// The stream; its number is the last of the lost ones.
    pub source: Option<Source>,
    /// The first of them.
    pub first: Seq,
    /// How many events were in them, as far as the producer knew.
    pub events: u64,
    /// Why.
    pub reason: GapReason,
    /// Where a daemon had the lost numbers from.
    pub origin: &'a [u8],
}

/// Own numbers that cannot be read any more: dropped for the limit, deleted before this reader came to them, or
/// damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lost {
    /// The own numbers.
    pub own: SeqSpan,
    /// How many events they held.
    pub events: u64,
    /// Bytes could not be read; otherwise the segment was deleted.
    pub damaged: bool,
}

/// Reads what is durable from a place on. Any number of them, on any threads; each holds one buffer.
#[derive(Debug)]
pub struct Reader<D: PositionalDisk> {
    spool: Spool<D>,
    place: Place,
    scan: Option<Open<D::File>>,
    damaged: bool,
}

#[derive(Debug)]
struct Open<F> {
    scan: Scan<F>,
    base: Position,
    /// Up to here it may be read, as of the last look.
    until: Position,
}

enum Step {
    Again,
    End,
    Lost(Lost),
    Damage(Damage),
    Frame(Header),
}

impl<D: PositionalDisk> Reader<D> {
    pub(crate) fn new(spool: Spool<D>, place: Place) -> Self {
        Self { spool, place, scan: None, damaged: false }
    }

    /// Behind all that was given out: what a cursor is moved to once it has been dealt with.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// Goes to a place that it has given out, or to a cursor's, without reading again what it has in memory.
    pub fn seek(&mut self, place: Place) {
        (self.place, self.damaged) = (place, false);
    }

    #[cfg(test)]
    pub(crate) fn oldest(&self) -> Place {
        self.spool.oldest()
    }

    /// The next item; `None` when all that is durable now has been read. It never waits.
    ///
    /// # Errors
    /// A segment could not be read. Nothing was passed over: the next call tries again.
    pub fn read(&mut self) -> Result<Option<Item<'_>>, EnvironmentError> {
        loop {
            match self.step()? {
                Step::Again => {}
                Step::End => return Ok(None),
                Step::Lost(lost) => return Ok(Some(Item::Lost(lost))),
                Step::Damage(damage) => return Ok(Some(Item::Damage(damage))),
                Step::Frame(header) => {
                    self.place = header.next();
                    if header.frame_type.is_numbered() {
                        return Ok(Some(self.item(&header)));
                    }
                }
            }
        }
    }

    fn item(&self, header: &Header) -> Item<'_> {
        let open = self.scan.as_ref().expect("BUG: the frame was read from it");
        let payload = open.scan.payload(header.place.position.since(open.base), header);
        let (place, received, source) = (header.place, header.received, header.source);
        if header.frame_type == FrameType::Data {
            let (origin, events) = payload.split_at(header.origin_length as usize);
            // Of the whole payload it is known already.
            let crc = if origin.is_empty() { header.payload_crc } else { crc32c::crc32c(events) };
            return Item::Data(Data { place, received, source, count: header.count, origin, events, crc });
        }
        let (first, events, reason, origin) =
            gap_fields(payload).unwrap_or((Seq::NONE, 0, GapReason(0), b""));
        Item::Gap(Gap { place, received, source, first, events, reason, origin })
    }

    fn step(&mut self) -> Result<Step, EnvironmentError> {
        let position = self.place.position;
        let ready = self.scan.as_ref().is_some_and(|open| open.base <= position && position < open.until);
        if !ready {
            return self.look();
        }
        let open = self.scan.as_mut().expect("BUG: it is ready");
        let (offset, until) = (position.since(open.base), open.until.since(open.base));
        let path = open.scan.number.path(&self.spool.shared.directory);
        let failed = EnvironmentError::at("read", &path);
        let found = open.scan.at(offset, until).map_err(failed)?;
        let (next, damage) = match found {
            Found::Frame(header) => return Ok(self.sound(header)),
            Found::BadPayload(header) => {
                (offset + u64::from(header.frame_length), Damage::payload(path, offset, &header))
            }
            Found::Nothing(fault) => {
                let next = open.scan.search(offset + FRAME_ALIGN as u64, until);
                let mut next = next.map_err(EnvironmentError::at("read", &path))?.unwrap_or(until);
                if let HeaderFault::Unknown { .. } = fault {
                    next = next.max(offset + FRAME_ALIGN as u64);
                }
                (next, Damage::new(path, offset, next - offset, DamageFault::Header(fault)))
            }
        };
        // Before it is called damage: is it still this segment, or was the file recycled meanwhile?
        let (number, base) = (open.scan.number, open.base);
        let held = self.spool.shared.table().holding(position).map(|(segment, _)| segment.number);
        if held != Some(number) {
            self.scan = None;
            return Ok(Step::Again);
        }
        self.place.position = base.after(next.min(until));
        self.damaged = true;
        Ok(Step::Damage(damage))
    }

    /// A sound frame: if it counts more before it than this reader has met, that is lost.
    fn sound(&mut self, header: Header) -> Step {
        self.damaged |= header.is_mend();
        match self.lost_before(header.place) {
            Some(lost) => Step::Lost(lost),
            None => Step::Frame(header),
        }
    }

    fn lost_before(&mut self, place: Place) -> Option<Lost> {
        let damaged = std::mem::take(&mut self.damaged);
        if place.own_seq <= self.place.own_seq {
            return None;
        }
        let own = SeqSpan { first: self.place.own_seq, last: place.own_seq.previous() };
        let events = place.events.saturating_sub(self.place.events);
        (self.place.own_seq, self.place.events) = (place.own_seq, place.events);
        Some(Lost { own, events, damaged })
    }

    /// Finds the segment that holds the next frame.
    fn look(&mut self) -> Result<Step, EnvironmentError> {
        let (held, tail) = {
            let table = self.spool.shared.table();
            (table.holding(self.place.position), table.tail)
        };
        if self.place.position >= tail.position {
            return Ok(self.lost_before(tail).map_or(Step::End, Step::Lost));
        }
        let Some((segment, until)) = held else { return Ok(Step::End) };
        let base = segment.start.position;
        if self.place.position < base {
            self.place.position = base;
        }
        match &mut self.scan {
            Some(open) if open.scan.number == segment.number => open.until = until,
            _ => {
                let path = segment.number.path(&self.spool.shared.directory);
                let file = match self.spool.shared.disk.open_read_only(&path) {
                    // Deleted between the look and now: look again. If it is still listed, that is an error.
                    Err(error)
                        if error.kind() == io::ErrorKind::NotFound && !self.spool.lists(segment.number) =>
                    {
                        return Ok(Step::Again);
                    }
                    file => file.map_err(EnvironmentError::at("open", &path))?,
                };
                let scan = Scan::new(file, segment.number, Some(base), self.spool.shared.window_bytes);
                self.scan = Some(Open { scan, base, until });
            }
        }
        Ok(Step::Again)
    }
}

pub(crate) fn gap_fields(payload: &[u8]) -> Result<(Seq, u64, GapReason, &[u8]), BadPayload> {
    let mut fields = Fields(payload);
    let (first, _last, events) = (Seq::new(fields.u64()?), fields.u64()?, fields.u64()?);
    let reason = GapReason(fields.u32()?);
    fields.u32()?;
    Ok((first, events, reason, fields.0))
}
