//! Reading day files back: MsgPack maps one after another, from any source of bytes.
//!
//! The [`Scanner`] knows no clock and waits for nothing by itself: [`Scanner::step`] works on what is in its
//! buffer, [`Scanner::fill`] is the one place that reads. Whoever follows a growing file, shows progress or has
//! output to flush does so between the two.
//!
//! A file carries no checksums, so damage shows itself only where bytes no longer parse. The scanner then looks
//! for the next place that holds an event beyond doubt: a map within the limits with names for keys, one of an
//! event's own fields first, a valid `type`, a number under `end`, and an `id` or a `host`. (A `type` alone would not
//! do: bodies have keys of that name too.)
//!
//! A wrong length can also leave an event that parses, and has others in its body. Events that are long enough
//! for that are looked through; see `swallow`. Long enough is what has more than five quarters of the length of the
//! shortest so far: looking through all would cost every reader. So, its limit: a damaged event can hide some that
//! are much shorter than all before them.

mod credible;
mod swallow;

use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::MsgpackError;
use blueox_event::{EncodedEvent, EventError};
use credible::{begins_like_an_event, is_beyond_doubt, is_credible};
use std::io::{self, Read};
use swallow::{Swallowed, swallowed};

/// How much a scanner reads at once, unless told otherwise.
pub const SCAN_BUFFER_BYTES: usize = 1 << 20;

/// While looking for the next event after damage, candidates may cost this much in vain ...
const SEARCH_BYTES: usize = 64 << 20;
/// ... before only events up to this length are looked for, so that hostile bytes cannot take hours.
const SEARCH_EVENT_BYTES: usize = 64 << 10;

/// A nil between two events: the keep-alive of a live stream that somebody saved.
const NIL: u8 = 0xc0;

/// What the next bytes turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// An event, at this offset: [`Scanner::event`] gives it, until the next call.
    Event {
        /// Where it begins in the source.
        offset: u64,
    },
    /// Bytes that are no event were skipped.
    Damage(Damage),
    /// The buffer holds no further whole event: [`Scanner::fill`] or [`Scanner::finish`].
    More,
    /// Everything has been given out.
    End,
}

/// Bytes that are no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin in the source.
    pub offset: u64,
    /// How many there are.
    pub length: u64,
    /// Whether events follow.
    pub kind: DamageKind,
    /// What was wrong with the first of them. [`EventError::TrailingBytes`]: an event with a wrong length in it
    /// that reaches so many bytes into those behind it.
    pub why: EventError,
}

/// Where damage lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DamageKind {
    /// Events follow it.
    Middle,
    /// The source ends within an event: its writer was stopped, or is about to write the rest.
    TornTail,
    /// No event follows, and it is no beginning of one.
    Tail,
}

/// An event or damage, as [`Scanner::next_item`] gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Item<'a> {
    /// An event.
    Event {
        /// Where it begins in the source.
        offset: u64,
        /// The event.
        event: EncodedEvent<'a>,
    },
    /// Bytes that are no event were skipped.
    Damage(Damage),
}

/// Finds events in the bytes of `R`.
///
/// ```
/// use blueox_event::{Event, Value};
/// use blueox_log::day_log::scan::{Item, Scanner};
/// let event = Event {
///     type_name: "request".into(),
///     id: "a1b2".into(),
///     host: "web-2".into(),
///     pid: 1,
///     start: 0.0,
///     end: 1.0,
///     body: Value::Nil,
/// };
/// let file = [event.to_msgpack(), event.to_msgpack()].concat();
/// let mut scanner = Scanner::new(&file[..]);
/// let mut events = 0;
/// while let Some(Item::Event { .. }) = scanner.next_item().unwrap() {
///     events += 1;
/// }
/// assert_eq!(events, 2);
/// ```
#[derive(Debug)]
pub struct Scanner<R> {
    source: R,
    /// Bytes `last_start..start` are the event given out last, `start..end` those not yet given out.
    buffer: Vec<u8>,
    last_start: usize,
    start: usize,
    end: usize,
    /// Of `buffer[start]` in the source.
    offset: u64,
    ended: bool,
    /// Whether so far there were only events with little more than a `type`. Among others such a map is no
    /// event but a part of a body whose beginning a damaged event has swallowed.
    bare: bool,
    /// Events up to this length have swallowed no other: a little more than the shortest so far.
    innocent_bytes: usize,
    search: Option<Search>,
}

/// The state of a search for the next event after damage.
#[derive(Debug, Clone, Copy)]
struct Search {
    why: EventError,
    /// Where bytes stopped being events.
    lost_at: u64,
    /// Where the event before begins: it may have swallowed the beginning of the one that is looked for.
    suspect_at: u64,
    /// What candidates cost so far.
    spent: usize,
}

impl<R: Read> Scanner<R> {
    /// A scanner at the first byte of `source`.
    pub fn new(source: R) -> Self {
        Self::with_buffer(source, SCAN_BUFFER_BYTES)
    }

    /// A scanner that reads `bytes` at once. It takes more when an event needs more, up to some megabytes.
    pub fn with_buffer(source: R, bytes: usize) -> Self {
        Self {
            source,
            buffer: vec![0; bytes.max(16)],
            last_start: 0,
            start: 0,
            end: 0,
            offset: 0,
            ended: false,
            bare: true,
            innocent_bytes: 0,
            search: None,
        }
    }

    /// Says that `source` was not at its first byte but at `offset`.
    #[must_use]
    pub fn starting_at(mut self, offset: u64) -> Self {
        self.offset = offset;
        self
    }

    /// Looks at the bytes in the buffer up to the next event, damage, or the buffer's end.
    pub fn step(&mut self) -> Step {
        self.step_to(|_| true)
    }

    /// As [`Scanner::step`], but passes over the events that are not `wanted`.
    #[inline]
    pub fn step_to(&mut self, mut wanted: impl FnMut(&EncodedEvent<'_>) -> bool) -> Step {
        if self.search.is_some()
            && let Some(step) = self.search()
        {
            return step;
        }
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let why = match EncodedEvent::read(bytes) {
                Ok(event) => match event.type_name() {
                    Ok(_) if !is_credible(&event, &mut self.bare) => EventError::NoType,
                    Ok(_) => {
                        let length = event.bytes().len();
                        if length > self.innocent_bytes {
                            let before = &self.buffer[self.last_start..self.start];
                            match look_into(&event, bytes, self.ended, before) {
                                Swallowed::Nothing => {}
                                Swallowed::Unknown => return Step::More,
                                Swallowed::From(first) => {
                                    return Step::Damage(self.skip_swallower(first, length));
                                }
                            }
                        }
                        if length + length / 4 < self.innocent_bytes || self.innocent_bytes == 0 {
                            self.innocent_bytes = length + length / 4;
                        }
                        let wanted = wanted(&event);
                        let offset = self.offset;
                        self.last_start = self.start;
                        self.advance(length);
                        if wanted {
                            return Step::Event { offset };
                        }
                        continue;
                    }
                    Err(why) => why,
                },
                Err(_) if bytes.is_empty() => return if self.ended { Step::End } else { Step::More },
                Err(EventError::Msgpack(MsgpackError::Incomplete)) if !self.ended => return Step::More,
                Err(_) if bytes[0] == NIL => {
                    self.advance(1);
                    self.last_start = self.start;
                    continue;
                }
                Err(why) => why,
            };
            if let Some(step) = self.lose(why) {
                return step;
            }
        }
    }

    /// The event that the last step gave out.
    ///
    /// # Panics
    /// When the last step was no event.
    #[must_use]
    pub fn event(&self) -> EncodedEvent<'_> {
        EncodedEvent::parse(&self.buffer[self.last_start..self.start])
            .expect("BUG: the last step was no event")
    }

    /// Reads once. 0 means that the source has no more for now: go on with [`Scanner::finish`], or fill again
    /// later when the source may still grow.
    ///
    /// # Errors
    /// Those of the source; an interrupted read is tried again.
    pub fn fill(&mut self) -> io::Result<usize> {
        if self.end == self.buffer.len() {
            self.make_room();
        }
        loop {
            match self.source.read(&mut self.buffer[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Says that the source will not grow any more: what is left is then judged as it stands.
    pub fn finish(&mut self) {
        self.ended = true;
    }

    /// The next event or damage; reads as needed, to the end of the source. `None` at its end.
    ///
    /// # Errors
    /// As [`Scanner::fill`].
    pub fn next_item(&mut self) -> io::Result<Option<Item<'_>>> {
        loop {
            match self.step() {
                Step::Event { offset } => return Ok(Some(Item::Event { offset, event: self.event() })),
                Step::Damage(damage) => return Ok(Some(Item::Damage(damage))),
                Step::More => {
                    if self.fill()? == 0 {
                        self.finish();
                    }
                }
                Step::End => return Ok(None),
            }
        }
    }

    /// Up to where the source has been given out: a scanner that begins here continues this one.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.search.map_or(self.offset, |search| search.lost_at)
    }

    /// The source.
    pub fn source(&self) -> &R {
        &self.source
    }

    /// The source, to change what it reads from.
    pub fn source_mut(&mut self) -> &mut R {
        &mut self.source
    }

    /// Goes to the first event that the one at hand, of `length` bytes, has swallowed.
    #[cold]
    fn skip_swallower(&mut self, first: usize, length: usize) -> Damage {
        let damage = Damage {
            offset: self.offset,
            length: first as u64,
            kind: DamageKind::Middle,
            why: EventError::TrailingBytes { count: length - first },
        };
        self.advance(first);
        self.last_start = self.start;
        damage
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    /// Moves what is still needed to the front, and takes more memory when that does not help.
    fn make_room(&mut self) {
        self.buffer.copy_within(self.last_start..self.end, 0);
        self.start -= self.last_start;
        self.end -= self.last_start;
        self.last_start = 0;
        // The event that is coming is at least half read: everything else would be read in ever smaller pieces.
        if self.end > self.buffer.len() / 2 {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// Begins to search for the next event.
    fn lose(&mut self, why: EventError) -> Option<Step> {
        let suspect_at = self.offset - (self.start - self.last_start) as u64;
        self.search = Some(Search { why, lost_at: self.offset, suspect_at, spent: 0 });
        if suspect_at < self.offset {
            self.offset = suspect_at;
            self.start = self.last_start;
        }
        self.advance(1);
        self.last_start = self.start;
        self.search()
    }

    /// Goes on searching. `None`: nothing was lost after all but what a later step will tell.
    fn search(&mut self) -> Option<Step> {
        let mut search = self.search.expect("BUG: only called during a search");
        loop {
            let bytes = &self.buffer[self.start..self.end];
            let Some(&first) = bytes.first() else { break };
            if matches!(first, 0x80..=0x8f | 0xde | 0xdf) && begins_like_an_event(bytes) {
                let limit =
                    if search.spent > SEARCH_BYTES { SEARCH_EVENT_BYTES } else { MAX_EVENT_BYTES + 1 };
                let candidate = &bytes[..bytes.len().min(limit)];
                match EncodedEvent::read(candidate) {
                    Ok(event) if is_beyond_doubt(&event) => {
                        let end = self.offset + event.bytes().len() as u64;
                        if self.offset >= search.lost_at || end > search.lost_at {
                            return Some(Step::Damage(self.found(search)));
                        }
                        search.spent += event.bytes().len();
                    }
                    Ok(event) => search.spent += event.bytes().len(),
                    Err(EventError::Msgpack(MsgpackError::Incomplete))
                        if !self.ended && bytes.len() < limit =>
                    {
                        self.search = Some(search);
                        return Some(Step::More);
                    }
                    Err(EventError::Msgpack(
                        MsgpackError::Reserved { offset } | MsgpackError::TooDeep { offset },
                    )) => search.spent += offset,
                    Err(_) => search.spent += candidate.len(),
                }
            }
            self.advance(1);
            self.last_start = self.start;
        }
        self.search = Some(search);
        if !self.ended {
            return Some(Step::More);
        }
        self.search = None;
        Some(Step::Damage(Damage {
            offset: search.lost_at,
            length: self.offset - search.lost_at,
            kind: match search.why {
                EventError::Msgpack(MsgpackError::Incomplete) => DamageKind::TornTail,
                _ => DamageKind::Tail,
            },
            why: search.why,
        }))
    }

    /// Ends a search at an event.
    fn found(&mut self, search: Search) -> Damage {
        self.search = None;
        let offset = if self.offset < search.lost_at { search.suspect_at } else { search.lost_at };
        Damage { offset, length: self.offset - offset, kind: DamageKind::Middle, why: search.why }
    }
}

/// As [`swallowed`], with the bytes of the event before, if any. Apart, so that it does not weigh on the loop.
#[inline(never)]
fn look_into(event: &EncodedEvent<'_>, bytes: &[u8], ended: bool, before: &[u8]) -> Swallowed {
    swallowed(event, bytes, ended, EncodedEvent::parse(before).ok().as_ref())
}

#[cfg(test)]
mod tests;
