//! Whether an event needs no scanner to judge it. In doubt it does.

use blueox_event::EncodedEvent;
use blueox_event::msgpack::{Reader, Token};

/// The keys of an event's own fields: one of them comes first in what every known sender writes.
const OWN: [&[u8]; 7] = [b"type", b"id", b"host", b"pid", b"start", b"end", b"body"];
/// No event that is beyond doubt is shorter.
const MIN_EVENT_BYTES: usize = 16;
/// Bytes looked at together for the beginning of a map.
const LANE: usize = 64;

/// Whether a scanner would take it for an event wherever it stands: its type can be one, its keys are names, and it has two of
/// an event's own fields at least.
#[inline]
pub(super) fn is_ordinary(event: &EncodedEvent<'_>) -> bool {
    if event.type_name().is_err() {
        return false;
    }
    let has = [event.end().is_some(), event.host().is_some(), event.id().is_some(), event.body().is_some()];
    let is_usual =
        event.bytes()[0] == 0x87 && has == [true; 4] && event.start().is_some() && event.pid().is_some();
    is_usual || (has.into_iter().filter(|has| *has).count() >= 2 && has_named_keys(event.bytes()).is_some())
}

/// Whether something in the event at the beginning of `bytes`, of this length, may be an event too.
pub(super) fn holds_another(bytes: &[u8], length: usize) -> bool {
    let mut at = 1;
    while let Some(candidate) = next_map(bytes, at, length.saturating_sub(MIN_EVENT_BYTES)) {
        if may_be_event(&bytes[candidate..]) {
            return true;
        }
        at = candidate + 1;
    }
    false
}

/// Most bytes that could begin a map do not: the key tells. Reading goes on only as long as keys are names, so what is announced
/// by an accidental length costs no more than the rest of the event.
#[inline]
fn may_be_event(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    match (reader.token(), reader.token()) {
        (Ok(Token::Map(_)), Ok(Token::Str(key) | Token::Bin(key))) if OWN.contains(&key) => {}
        // The bytes end too soon to tell.
        (Ok(Token::Map(_)), Err(_)) | (Err(_), _) => return bytes.len() < MIN_EVENT_BYTES,
        _ => return false,
    }
    let Some(whole) = has_named_keys(bytes) else { return false };
    let Some(whole) = whole else { return true };
    EncodedEvent::parse(&bytes[..whole]).is_ok_and(|event| {
        event.type_name().is_ok() && event.end().is_some() && (event.id().is_some() || event.host().is_some())
    })
}

/// The length of the map at the beginning of `bytes` if all its keys are names; `Some(None)`: the bytes end within it.
fn has_named_keys(bytes: &[u8]) -> Option<Option<usize>> {
    let is_name = |key: &[u8]| str::from_utf8(key).is_ok() && !key.iter().any(u8::is_ascii_control);
    let mut reader = Reader::new(bytes);
    let Ok(Token::Map(pairs)) = reader.token() else { return None };
    for _ in 0..pairs {
        match reader.token() {
            Ok(Token::Str(key) | Token::Bin(key)) if is_name(key) => {}
            Err(blueox_event::msgpack::MsgpackError::Incomplete) => return Some(None),
            _ => return None,
        }
        match reader.skip(1) {
            Ok(()) => {}
            Err(blueox_event::msgpack::MsgpackError::Incomplete) => return Some(None),
            Err(_) => return None,
        }
    }
    Some(Some(reader.position()))
}

/// The first byte in `from..to` that may begin a map with an own field's name for its first key.
#[inline]
fn next_map(bytes: &[u8], mut from: usize, to: usize) -> Option<usize> {
    while from < to {
        let any = match (bytes.get(from..from + LANE), bytes.get(from + 1..from + 1 + LANE)) {
            // Without a way out this loop is a few vector instructions.
            (Some(maps), Some(keys)) => {
                maps.iter().zip(keys).fold(false, |any, (map, key)| any | begins_map(*map, *key))
            }
            _ => true,
        };
        if any && let Some(at) = next_map_in_lane(bytes, from, to.min(from + LANE)) {
            return Some(at);
        }
        from += LANE;
    }
    None
}

/// As [`next_map`], in steps of eight bytes.
#[inline]
fn next_map_in_lane(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    let mut at = from;
    while at < to {
        let eight = bytes.get(at..at + 8).and_then(|eight| <[u8; 8]>::try_from(eight).ok());
        let mut found = eight.map_or(u64::MAX, |eight| {
            let eight = u64::from_le_bytes(eight);
            zero_bytes((eight ^ (EACH * 0x80)) & (EACH * 0xf0))
                | zero_bytes((eight ^ (EACH * 0xde)) & (EACH * 0xfe))
        }) & (EACH * 0x80);
        while found != 0 {
            let candidate = at + found.trailing_zeros() as usize / 8;
            if candidate >= to {
                return None;
            }
            if begins_map(bytes[candidate], bytes.get(candidate + 1).copied().unwrap_or(0xa2)) {
                return Some(candidate);
            }
            found &= found - 1;
        }
        at += 8;
    }
    None
}

/// 1 in each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each of eight bytes that is 0.
#[inline]
fn zero_bytes(eight: u64) -> u64 {
    !(((eight & (EACH * 0x7f)) + EACH * 0x7f) | eight | (EACH * 0x7f))
}

/// A map of at most 15 pairs and the marker of a short name, or a longer map, whose name stands further on.
#[inline]
fn begins_map(map: u8, key: u8) -> bool {
    let begins_name =
        (key.wrapping_sub(0xa2) <= 3) | (key.wrapping_sub(0xc4) <= 2) | (key.wrapping_sub(0xd9) <= 2);
    ((map & 0xf0 == 0x80) & begins_name) | (map & 0xfe == 0xde)
}
