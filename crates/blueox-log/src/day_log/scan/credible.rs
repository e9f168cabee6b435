//! Whether a MsgPack map is an event, where bytes may be damaged.

use blueox_event::EncodedEvent;
use blueox_event::msgpack::{MsgpackError, Reader, Token};

/// The keys of an event's own fields: one of them comes first in what every known sender writes.
const OWN: [&[u8]; 7] = [b"type", b"id", b"host", b"pid", b"start", b"end", b"body"];

/// Whether a map in damaged bytes is worth a walk: its first key tells most of the accidental ones apart.
pub(super) fn begins_like_an_event(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let Ok(Token::Map(_)) = reader.token() else { return bytes.len() < 5 };
    match reader.token() {
        Ok(Token::Str(key) | Token::Bin(key)) => OWN.contains(&key),
        Ok(_) => false,
        // A longer key than that cannot be one of them.
        Err(error) => error == MsgpackError::Incomplete && bytes.len() < 16,
    }
}

/// Whether a map that begins somewhere in damaged bytes is an event, and no map of a body.
pub(super) fn is_beyond_doubt(event: &EncodedEvent<'_>) -> bool {
    event.type_name().is_ok()
        && event.end().is_some()
        && (event.id().is_some() || event.host().is_some())
        && has_named_keys(event)
}

/// Whether a map with a `type` is an event, where so far there were only `bare` ones or not.
#[inline]
pub(super) fn is_credible(event: &EncodedEvent<'_>, bare: &mut bool) -> bool {
    if is_usual(event) {
        *bare = false;
        return true;
    }
    if !has_named_keys(event) || (is_bare(event) && !*bare) {
        return false;
    }
    *bare &= is_bare(event);
    true
}

/// Whether an event has its seven own fields and nothing else, as nearly all do.
fn is_usual(event: &EncodedEvent<'_>) -> bool {
    event.bytes().first() == Some(&0x87)
        && event.end().is_some()
        && event.start().is_some()
        && event.id().is_some()
        && event.host().is_some()
        && event.pid().is_some()
        && event.body().is_some()
}

/// Whether all keys of an event are names.
fn has_named_keys(event: &EncodedEvent<'_>) -> bool {
    let is_name = |key: &[u8]| str::from_utf8(key).is_ok() && !key.iter().any(u8::is_ascii_control);
    event.raw().pairs().into_iter().flatten().all(|(key, _)| key.as_text().is_some_and(is_name))
}

/// Whether an event has less than two of an event's own fields beside its type.
fn is_bare(event: &EncodedEvent<'_>) -> bool {
    let has = [event.end().is_some(), event.host().is_some(), event.id().is_some(), event.body().is_some()];
    has.into_iter().filter(|has| *has).count() < 2
}
