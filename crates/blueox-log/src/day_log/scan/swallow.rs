//! Whether an event that parses has swallowed others: one wrong length or count in it, and the events behind it
//! become a part of its body.
//!
//! Whoever swallows has, from its true end on, whole events one after another in it: up to its own end, when a
//! count was wrong, or beyond, when a length was. An honest event may hold events too, so where they stand
//! decides: as the key of a map or among other things in a list nobody puts them.

use super::credible::{begins_like_an_event, is_beyond_doubt};
use blueox_event::EncodedEvent;
use blueox_event::msgpack::{RawValue, Token};
use std::collections::HashMap;

/// How often the length of an event its candidates may cost: what nests deeply is read several times.
const BUDGET: usize = 16;
/// No event beyond doubt is shorter. What begins later in an event than that is not swallowed whole; and waiting
/// for the rest of what may be a map would keep a live event back.
const MIN_EVENT_BYTES: usize = 16;
/// Bytes looked at together for the beginning of a map.
const LANE: usize = 64;

/// What was found in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Swallowed {
    Nothing,
    /// Events, the first of them at this offset.
    From(usize),
    /// There is no telling without the bytes that follow.
    Unknown,
}

/// How events that stand one after another end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chain {
    /// Exactly with the event around them.
    Exactly,
    /// Beyond its end.
    Beyond,
    /// Before it.
    Broken,
    /// The bytes end within one of them, which is beyond the end of the event around them.
    Unfinished,
}

/// Where in an event an offset lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// A value of a map, under a name; an item of a list of maps; the beginning of a string.
    Usual,
    /// The same, and the last value of all.
    Last,
    /// Within a string whose content begins at this offset.
    String(usize),
    /// A key, a value without a name, one item among others, or no value at all.
    Odd,
}

/// Looks at `outer`, the event at the beginning of `bytes`. `before` is the event before it, where there is one.
pub(super) fn swallowed(
    outer: &EncodedEvent<'_>,
    bytes: &[u8],
    ended: bool,
    before: Option<&EncodedEvent<'_>>,
) -> Swallowed {
    let end = outer.bytes().len();
    let mut chains = Chains { outer, bytes, ended, known: HashMap::new(), budget: end * BUDGET };
    let mut at = 1;
    let mut kin = Vec::new();
    while let Some(candidate) = next_map(bytes, at, end.saturating_sub(MIN_EVENT_BYTES)) {
        at = candidate + 1;
        if !begins_like_an_event(&bytes[candidate..]) {
            continue;
        }
        let Some(first) = chains.event(candidate).filter(|event| is_kin(outer, event)) else {
            if chains.unfinished(candidate) && chains.is_lost_behind() {
                return Swallowed::Unknown;
            }
            continue;
        };
        let certain = match chains.from(candidate) {
            Chain::Broken => false,
            Chain::Exactly => match place(outer.raw(), candidate) {
                Place::Odd => true,
                Place::Usual => false,
                // A string may hold events and nothing else. One that swallowed the event's own end has taken that of
                // the event that it ends in for it.
                Place::String(content) => {
                    (is_later(outer, &first) || first.end() == outer.end())
                        && chains.from(content) != Chain::Exactly
                }
                // Or it ends with one, or with a list of them. Then so does the event before, or the next, most likely.
                Place::Last if is_later(outer, &first) => {
                    let behind = EncodedEvent::read(&bytes[end..]).ok();
                    if before.is_none() && chains.unfinished(end) {
                        return Swallowed::Unknown;
                    }
                    let other = before.or(behind.as_ref());
                    !other.is_some_and(|other| ends_alike(other.raw(), outer.raw(), candidate))
                }
                Place::Last => false,
            },
            Chain::Beyond => chains.is_lost_behind(),
            Chain::Unfinished if chains.is_lost_behind() => return Swallowed::Unknown,
            Chain::Unfinished => false,
        };
        kin.push(candidate);
        if certain {
            // The first of those that stand before it without a gap is swallowed too, however usual its place.
            let first = kin.into_iter().find(|first| chains.passes(*first, candidate));
            return Swallowed::From(first.unwrap_or(candidate));
        }
    }
    Swallowed::Nothing
}

struct Chains<'a> {
    outer: &'a EncodedEvent<'a>,
    bytes: &'a [u8],
    ended: bool,
    known: HashMap<usize, Chain>,
    budget: usize,
}

impl<'a> Chains<'a> {
    /// The event at an offset, if there is one beyond doubt and looking is not too much.
    fn event(&mut self, at: usize) -> Option<EncodedEvent<'a>> {
        if self.budget == 0 {
            return None;
        }
        let event = EncodedEvent::read(&self.bytes[at..]).ok().filter(is_beyond_doubt);
        self.budget = self.budget.saturating_sub(event.map_or(LANE, |event| event.bytes().len()));
        event
    }

    /// Whether the bytes that there are end within what begins at an offset.
    fn unfinished(&self, at: usize) -> bool {
        use blueox_event::EventError;
        use blueox_event::msgpack::MsgpackError;
        let incomplete = Err(EventError::Msgpack(MsgpackError::Incomplete));
        !self.ended && self.budget > 0 && EncodedEvent::read(&self.bytes[at..]) == incomplete
    }

    fn from(&mut self, first: usize) -> Chain {
        let end = self.outer.bytes().len();
        let mut at = first;
        let mut passed = Vec::new();
        let chain = loop {
            if let Some(chain) = self.known.get(&at) {
                break *chain;
            }
            if at == end {
                break Chain::Exactly;
            }
            if at > end {
                break Chain::Beyond;
            }
            passed.push(at);
            match self.event(at) {
                Some(event) => at += event.bytes().len(),
                None if self.unfinished(at) => break Chain::Unfinished,
                None => break Chain::Broken,
            }
        };
        self.known.extend(passed.into_iter().map(|at| (at, chain)));
        chain
    }

    /// Whether events stand without a gap from one offset to another.
    fn passes(&mut self, from: usize, to: usize) -> bool {
        let mut at = from;
        while at < to
            && let Some(event) = self.event(at)
        {
            at += event.bytes().len();
        }
        at == to
    }

    /// Whether no event of the usual form follows the outer one.
    fn is_lost_behind(&self) -> bool {
        let behind = &self.bytes[self.outer.bytes().len()..];
        !EncodedEvent::read(behind).is_ok_and(|event| is_beyond_doubt(&event) && is_kin(self.outer, &event))
    }
}

/// Whether `other` has the own fields that `event` has, so that both may stand in one file.
fn is_kin(event: &EncodedEvent<'_>, other: &EncodedEvent<'_>) -> bool {
    (event.id().is_none() || other.id().is_some())
        && (event.host().is_none() || other.host().is_some())
        && (event.pid().is_none() || other.pid().is_some())
        && (event.start().is_none() || other.start().is_some())
        && (event.end().is_none() || other.end().is_some())
        && (event.body().is_none() || other.body().is_some())
}

/// Whether `other` may stand behind `event`: what an event tells of others ended before it.
fn is_later(event: &EncodedEvent<'_>, other: &EncodedEvent<'_>) -> bool {
    other.type_bytes() == event.type_bytes() && other.end() > event.end()
}

/// The first byte in `from..to` that may begin a map.
fn next_map(bytes: &[u8], mut from: usize, to: usize) -> Option<usize> {
    let begins_map = |byte: &u8| (0x80..=0x8f).contains(byte) || *byte >= 0xde && *byte <= 0xdf;
    while from < to {
        let lane = &bytes[from..to.min(from + LANE)];
        // Without a way out this loop is a few vector instructions.
        let any = match <&[u8; LANE]>::try_from(lane) {
            Ok(lane) => lane.iter().fold(false, |any, byte| any | begins_map(byte)),
            Err(_) => true,
        };
        if any && let Some(at) = lane.iter().position(begins_map) {
            return Some(from + at);
        }
        from += LANE;
    }
    None
}

/// Where `at` lies in `outer`.
fn place(outer: RawValue<'_>, at: usize) -> Place {
    let base = outer.bytes().as_ptr() as usize;
    let begin = |value: RawValue<'_>| value.bytes().as_ptr() as usize - base;
    let holds = |value: RawValue<'_>| (begin(value)..begin(value) + value.bytes().len()).contains(&at);
    let usual = |value: RawValue<'_>| {
        let last = begin(value) + value.bytes().len() == outer.bytes().len();
        if last { Place::Last } else { Place::Usual }
    };
    let mut value = outer;
    loop {
        match value.token() {
            Token::Map(_) => {
                let Some((key, inner)) =
                    value.pairs().into_iter().flatten().find(|(key, inner)| holds(*key) || holds(*inner))
                else {
                    return Place::Odd;
                };
                if holds(key) {
                    // A string as a key may have grown over events too.
                    return match key.as_text() {
                        Some(text) if begin(key) != at => {
                            Place::String(begin(key) + key.bytes().len() - text.len())
                        }
                        _ => Place::Odd,
                    };
                }
                if begin(inner) == at {
                    return if key.as_text().is_some() { usual(inner) } else { Place::Odd };
                }
                value = inner;
            }
            Token::Array(_) => {
                let mut items = value.items().into_iter().flatten();
                let Some(inner) = items.find(|item| holds(*item)) else { return Place::Odd };
                if begin(inner) == at {
                    let is_map = |item: RawValue<'_>| matches!(item.token(), Token::Map(_));
                    if !value.items().into_iter().flatten().all(is_map) {
                        return Place::Odd;
                    }
                    return usual(value);
                }
                value = inner;
            }
            Token::Str(text) | Token::Bin(text) => {
                let content = begin(value) + value.bytes().len() - text.len();
                return if at == content { Place::Usual } else { Place::String(content) };
            }
            _ => return Place::Odd,
        }
    }
}

/// Whether the last values of both stand under the same names, and are of one kind where `at` lies in `event`.
fn ends_alike<'a>(before: RawValue<'a>, event: RawValue<'a>, at: usize) -> bool {
    let last = |map: RawValue<'a>| map.pairs()?.last();
    let end = event.bytes().len();
    let (mut before, mut event) = (before, event);
    loop {
        let from = end - event.bytes().len();
        match (before.token(), event.token()) {
            (Token::Map(_), Token::Map(_)) if from == at => return true,
            (Token::Map(_), Token::Map(_)) => match (last(before), last(event)) {
                (Some((key_before, inner_before)), Some((key, inner))) if key_before == key => {
                    (before, event) = (inner_before, inner);
                }
                _ => return false,
            },
            (Token::Array(count), Token::Array(_)) => {
                let is_map = |item: RawValue<'_>| matches!(item.token(), Token::Map(_));
                return count == 0 || before.items().into_iter().flatten().any(is_map);
            }
            _ => return false,
        }
    }
}
