//! An event as values by path and the rest, and back.
//!
//! A path leads through maps whose keys are all different, text in UTF-8, not empty and without dots; every other map is one value,
//! and so is an empty one. So each value has one path, and putting values back at their paths gives the same event again.

use crate::limits::SEALED_DEPTH;
use blueox_event::Value;
use std::borrow::Cow;
use std::collections::HashSet;

/// The event's own fields that become columns under their names.
pub(super) const OWN: [&str; 9] =
    ["id", "host", "pid", "start", "end", "sample_rate", "span", "parent", "outcome"];
pub(super) const BODY: &str = "body";
const TYPE: &str = "type";
/// Up to so many keys are compared with each other; of more a set is made.
const FEW_KEYS: usize = 12;

/// Gives each value to `take`, with the name of its column, until it is taken. What is left is the rest: a map like the
/// event, without what was taken and without the file's type.
pub(super) fn split(
    event: &Value,
    type_name: &[u8],
    take: &mut impl FnMut(&str, &Value) -> bool,
) -> Vec<(Value, Value)> {
    let Value::Map(pairs) = event else { return Vec::new() };
    if !is_plain(pairs) {
        return pairs.clone();
    }
    let mut rest = Vec::new();
    for (key, value) in pairs {
        let name = text(key).expect("BUG: a plain map has names for keys");
        match value {
            Value::Str(own) if name == TYPE && own == type_name => {}
            Value::Map(inner) if name == BODY && !inner.is_empty() && is_plain(inner) => {
                let left = below(inner, &mut String::new(), 1, take);
                if !left.is_empty() {
                    rest.push((key.clone(), Value::Map(left)));
                }
            }
            value if OWN.contains(&name) && take(name, value) => {}
            value => rest.push((key.clone(), value.clone())),
        }
    }
    rest
}

fn below(
    pairs: &[(Value, Value)],
    path: &mut String,
    depth: usize,
    take: &mut impl FnMut(&str, &Value) -> bool,
) -> Vec<(Value, Value)> {
    let mut rest = Vec::new();
    for (key, value) in pairs {
        let length = path.len();
        if length > 0 {
            path.push('.');
        }
        path.push_str(text(key).expect("BUG: a plain map has names for keys"));
        match value {
            Value::Map(inner) if !inner.is_empty() && depth < SEALED_DEPTH && is_plain(inner) => {
                let left = below(inner, path, depth + 1, take);
                if !left.is_empty() {
                    rest.push((key.clone(), Value::Map(left)));
                }
            }
            value if take(&column_name(path), value) => {}
            value => rest.push((key.clone(), value.clone())),
        }
        path.truncate(length);
    }
    rest
}

/// The column of a path of the body: the path, with `body.` before it where it could be taken for another column.
pub(super) fn column_name(path: &str) -> Cow<'_, str> {
    let is_reserved =
        OWN.iter().chain(&[TYPE, BODY, "date", super::TIME]).any(|name| path.eq_ignore_ascii_case(name))
            || path.starts_with('_')
            || path.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("body."));
    if is_reserved { Cow::Owned(format!("body.{path}")) } else { Cow::Borrowed(path) }
}

/// The path of the body that a column of that name is of.
pub(super) fn body_path(column: &str) -> &str {
    column.strip_prefix("body.").unwrap_or(column)
}

/// The event whose rest and columns these are; its own fields come first, in the order in which most senders write them.
pub(super) fn join(rest: Vec<(Value, Value)>, type_name: &[u8], columns: &mut Vec<(&str, Value)>) -> Value {
    let mut pairs = Vec::with_capacity(rest.len() + OWN.len() + 2);
    if !rest.iter().any(|(key, _)| key_bytes(key) == Some(TYPE.as_bytes())) {
        pairs.push((Value::from(TYPE), Value::Str(type_name.to_vec())));
    }
    for own in OWN {
        if let Some(at) = columns.iter().position(|(name, _)| *name == own) {
            pairs.push((Value::from(own), columns.remove(at).1));
        }
    }
    pairs.extend(rest);
    let mut event = Value::Map(pairs);
    for (name, value) in columns.drain(..) {
        put(&mut event, std::iter::once(BODY).chain(body_path(name).split('.')), value);
    }
    event
}

/// Puts a value at a path, making the maps that lead to it. Not deeper than [`SEALED_DEPTH`] and two.
fn put<'p>(map: &mut Value, mut path: impl Iterator<Item = &'p str>, value: Value) {
    let Some(name) = path.next() else {
        *map = value;
        return;
    };
    let Value::Map(pairs) = map else { return };
    let at = pairs.iter().position(|(key, _)| text(key) == Some(name)).unwrap_or_else(|| {
        pairs.push((Value::from(name), Value::Map(Vec::new())));
        pairs.len() - 1
    });
    put(&mut pairs[at].1, path, value);
}

/// Whether a map's keys are names that a path can be made of.
pub(super) fn is_plain(pairs: &[(Value, Value)]) -> bool {
    let is_name = |key: &Value| text(key).is_some_and(|name| !name.is_empty() && !name.contains('.'));
    if !pairs.iter().all(|(key, _)| is_name(key)) {
        return false;
    }
    if pairs.len() <= FEW_KEYS {
        return (1..pairs.len()).all(|at| pairs[..at].iter().all(|(other, _)| *other != pairs[at].0));
    }
    let mut seen = HashSet::with_capacity(pairs.len());
    pairs.iter().all(|(key, _)| text(key).is_some_and(|name| seen.insert(name)))
}

pub(super) fn text(key: &Value) -> Option<&str> {
    match key {
        Value::Str(bytes) => str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn key_bytes(key: &Value) -> Option<&[u8]> {
    match key {
        Value::Str(bytes) | Value::Bin(bytes) => Some(bytes),
        _ => None,
    }
}

/// Whether two values are the same, whatever the order of a map's keys.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Map(a), Value::Map(b)) => {
            // Equal maps hold equal pairs, equally often: each is found, and taken once.
            let mut left: Vec<&(Value, Value)> = b.iter().collect();
            a.len() == b.len()
                && a.iter().all(|(key, value)| {
                    let at =
                        left.iter().position(|(other, candidate)| same(key, other) && same(value, candidate));
                    at.map(|at| left.swap_remove(at)).is_some()
                })
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::F32(a), Value::F32(b)) => a.to_bits() == b.to_bits(),
        (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}
