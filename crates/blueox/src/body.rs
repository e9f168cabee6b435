//! What an open context holds: a tree of keys over one arena of bytes.
//!
//! ```text
//! bytes   [a6] s t a t u s [ccd...] [a4] u s e r [a2] i d [2a] ...     encoded keys and values, in the order in which they came
//! nodes   0 root map -> 1 "status" value -> 2 "user" map -> 3 "id" value
//! ```
//!
//! Setting a key appends to both; ending the context writes the tree as one MsgPack map. Invariants:
//!
//! 1. A value in the arena is exactly one MsgPack value (it comes from [`crate::writer`] or from [`Number`]).
//! 2. Node 0 is a map. A node is in one list of siblings at most, and siblings of a map have different keys as far as they were set here.
//! 3. The arena never exceeds the limit by more than a mark; nodes never exceed [`FIELDS`].
//! 4. Nothing that was set is lost for the form of what was there before:
//!
//! | there is | done | result |
//! | --- | --- | --- |
//! | `x` = 1 | set `x.y` = 2 | `x` = `{"_value": 1, "y": 2}` |
//! | `x` = `{"y": 2}` | set `x` = 1 | `x` = 1: setting a key replaces it |
//! | `x` = `{"y": 2}` | set `x.z` = 3 | `x` = `{"y": 2, "z": 3}`, also when the map was set as one value |
//! | `x` = 1 | append 2 to `x` | `x` = `[1, 2]` |
//! | `x` = "a" | add 1 to `x` | `x` = `{"_value": "a", "_added": 1}` |
//!
//! What did not fit is counted in `_blueox.left_out` of the body.

mod encoding;

use crate::key::{TOLD_BY_TAG, parts, tag};
use crate::limits::{FIELDS, KEY_BYTES, POOLED_BYTES};
use crate::msgpack;
use crate::number::Number;
use crate::scrub::Scrubber;
use crate::value::Plain;
use crate::writer::{LEFT_OUT, cut_key};
use blueox_event::msgpack::{RawValue, Reader, Token};

/// Deeper levels are left out: appending and setting in turns could nest without end.
const DEPTH: usize = 110;

/// Where a scalar goes that stood where a map is needed.
const DISPLACED: &[u8] = b"_value";
/// Where a number goes that was added to something else.
const ADDED: &[u8] = b"_added";
/// Where the body says what is missing.
const OWN_KEY: &str = "_blueox";

#[derive(Debug, Clone, Copy, Default)]
struct Span {
    at: u32,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    key: Span,
    /// The key's [`tag`], so that most others are told apart from it without looking into the arena.
    tag: u64,
    /// The length of the key's MsgPack header, if that stands before the key.
    header: u8,
    /// The next sibling; 0 is none, as the root is nobody's sibling.
    next: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Value(Span),
    Map(Children),
    List(Children),
}

#[derive(Debug, Clone, Copy, Default)]
struct Children {
    first: u32,
    last: u32,
    count: u32,
}

impl Node {
    /// Where the key stands as it is to be written.
    #[inline]
    fn encoded_key(&self) -> Option<Span> {
        let header = u32::from(self.header);
        (header > 0).then(|| Span { at: self.key.at - header, length: header + self.key.length })
    }

    /// Where key and value stand one after another as they are to be written.
    #[inline]
    fn encoded_pair(&self) -> Option<Span> {
        let Kind::Value(value) = self.kind else { return None };
        let key = self.encoded_key()?;
        let is_pair = value.length > 0 && value.at == key.at + key.length;
        is_pair.then(|| Span { at: key.at, length: key.length + value.length })
    }
}

/// The body of an open context. A new one takes nothing before it was cleared.
#[derive(Debug)]
pub(crate) struct Body {
    bytes: Vec<u8>,
    nodes: Vec<Node>,
    /// Bytes of the arena that nothing refers to any more.
    garbage: usize,
    left_out: u64,
    limit: usize,
    /// Where values are encoded that take another's place.
    encoded: Vec<u8>,
}

impl Default for Body {
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            nodes: Vec::new(),
            garbage: 0,
            left_out: 0,
            limit: crate::limits::EVENT_BYTES,
            encoded: Vec::new(),
        }
    }
}

impl Body {
    /// Empties it for the next event. Memory is kept, within bounds.
    pub(crate) fn clear(&mut self, limit: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(POOLED_BYTES);
        self.encoded.clear();
        self.encoded.shrink_to(POOLED_BYTES);
        self.nodes.clear();
        self.nodes.shrink_to(POOLED_BYTES / size_of::<Node>());
        let kind = Kind::Map(Children::default());
        self.nodes.push(Node { key: Span::default(), tag: 0, header: 0, next: 0, kind });
        self.garbage = 0;
        self.left_out = 0;
        self.limit = limit;
    }

    /// How many bytes [`Body::encode`] appends at most.
    pub(crate) fn encoded_bound(&self) -> usize {
        self.bytes.len() + self.nodes.len() * 10 + 64
    }

    /// Puts `value` under `key`, in the place of whatever was there.
    pub(crate) fn set<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, value: &[u8]) {
        if let Some(node) = self.reach(key, value.len()) {
            self.replace(node, value);
        }
    }

    /// As [`Body::set`], for a value that is encoded where it stays. `false`: a part of the key is a secret's name, and nothing was set.
    pub(crate) fn set_plain(&mut self, key: &str, value: Plain<'_>, scrubber: &Scrubber) -> bool {
        self.gain(value.bound());
        let mut node = 0;
        let mut parts = parts(key);
        while let Some(part) = parts.next() {
            if scrubber.is_secret(part) {
                return false;
            }
            if let Some(found) = self.found(node, part) {
                node = found;
            } else if parts.is_done() && self.put_pair(node, part, value) {
                return true;
            } else if let Some(made) = self.child(node, part) {
                node = made;
            } else {
                return true; // left out, and counted
            }
        }
        self.put_at(node, value);
        true
    }

    /// Puts `value` in the place of whatever `node` holds.
    fn put_at(&mut self, node: usize, value: Plain<'_>) {
        let is_new = matches!(self.nodes[node].kind, Kind::Value(before) if before.length == 0);
        if is_new && self.bytes.len() + value.bound() <= self.limit {
            let before = self.bytes.len();
            value.encode(&mut self.bytes);
            self.nodes[node].kind = Kind::Value(self.span_from(before));
        } else {
            self.replace_encoded(node, |out| value.encode(out));
        }
    }

    /// Appends `value` to the list under `key`.
    pub(crate) fn append<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, value: &[u8]) {
        let Some(node) = self.reach(key, value.len()) else { return };
        self.expand(node);
        let children = match self.nodes[node].kind {
            Kind::List(children) => Some(children),
            Kind::Value(value) if value.length == 0 => Some(Children::default()),
            _ => self.displaced(node, &[]),
        };
        let (Some(children), Some(item)) = (children, self.new_node(&[])) else { return };
        self.nodes[node].kind = Kind::List(children);
        self.link(node, item);
        self.replace(item, value);
    }

    /// Adds `number` to the counter under `key`, which begins with 0.
    pub(crate) fn add<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, number: Number) {
        let Some(mut node) = self.reach(key, 9) else { return };
        let is_number = match self.nodes[node].kind {
            Kind::Value(value) => value.length == 0 || self.number(value).is_some(),
            _ => false,
        };
        if !is_number {
            let Some(added) = self.child(node, ADDED) else { return };
            node = added;
        }
        let before = match self.nodes[node].kind {
            Kind::Value(value) => self.number(value).unwrap_or(Number::from(0)),
            _ => Number::from(0),
        };
        self.replace_encoded(node, |out| before.plus(number).encode(out));
    }

    /// The node under `key`, made if there is none. `None` when there is no room for it and a value of `bytes` bytes.
    fn reach<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, bytes: usize) -> Option<usize> {
        self.gain(bytes);
        let mut node = 0;
        for part in key {
            node = self.child(node, part)?;
        }
        if node == 0 {
            return self.child(0, b""); // a key without parts
        }
        Some(node)
    }

    /// Makes room for `bytes` more where that can be had by forgetting garbage.
    #[inline]
    fn gain(&mut self, bytes: usize) {
        if self.garbage > self.limit / 4 && self.bytes.len() + bytes > self.limit {
            self.compact();
        }
    }

    /// The child of `node` under `key`, if it is there as a node.
    #[inline(always)] // twice in a key's way, and a few instructions long
    fn found(&self, node: usize, key: &[u8]) -> Option<usize> {
        let Kind::Map(children) = self.nodes[node].kind else { return None };
        let tag = tag(key);
        let mut index = children.first as usize;
        while index != 0 {
            let Node { key: found, tag: found_tag, next, .. } = self.nodes[index];
            if found_tag == tag
                && found.length as usize == key.len()
                && (key.len() <= TOLD_BY_TAG || self.slice(found) == key)
            {
                return Some(index);
            }
            index = next as usize;
        }
        None
    }

    /// The child of `node` under `key`, made if there is none.
    fn child(&mut self, node: usize, key: &[u8]) -> Option<usize> {
        if key.len() > KEY_BYTES {
            let (kept, mark) = cut_key(key);
            return self.child(node, &[kept, mark.as_bytes()].concat());
        }
        match self.nodes[node].kind {
            Kind::Map(_) => {}
            Kind::Value(value) if value.length == 0 => self.nodes[node].kind = Kind::Map(Children::default()),
            _ => self.make_map(node)?,
        }
        if let Some(found) = self.found(node, key) {
            return Some(found);
        }
        let child = self.new_node(key)?;
        self.link(node, child);
        Some(child)
    }

    /// Makes a last child of the map `node` with a key that it does not have, and its value behind it. `false`: it is no map, or room is scarce.
    #[inline]
    fn put_pair(&mut self, node: usize, key: &[u8], value: Plain<'_>) -> bool {
        const HEADER: usize = 3;
        let is_map = matches!(self.nodes[node].kind, Kind::Map(_));
        let needed = HEADER + key.len() + value.bound();
        if !is_map
            || key.len() > KEY_BYTES
            || self.nodes.len() >= FIELDS
            || self.bytes.len() + needed > self.limit
        {
            return false;
        }
        let before = self.bytes.len();
        msgpack::put_text_length(&mut self.bytes, key.len());
        let header = (self.bytes.len() - before) as u8; // at most HEADER
        let stored = self.store(key);
        let value_at = self.bytes.len();
        value.encode(&mut self.bytes);
        let kind = Kind::Value(self.span_from(value_at));
        let child = self.nodes.len();
        self.nodes.push(Node { key: stored, tag: tag(key), header, next: 0, kind });
        self.link(node, child);
        true
    }

    /// Makes a map of whatever `node` holds.
    fn make_map(&mut self, node: usize) -> Option<()> {
        self.expand(node);
        let children = match self.nodes[node].kind {
            Kind::Map(children) => children,
            _ => self.displaced(node, DISPLACED)?,
        };
        self.nodes[node].kind = Kind::Map(children);
        Some(())
    }

    /// Moves what `node` holds to a child of its own, under `key`. Gives the list of that one child.
    fn displaced(&mut self, node: usize, key: &[u8]) -> Option<Children> {
        let child = self.new_node(key)?;
        self.nodes[child].kind = self.nodes[node].kind;
        let index = child as u32; // at most FIELDS
        Some(Children { first: index, last: index, count: 1 })
    }

    /// Turns a map or a list that was set as one value into nodes.
    fn expand(&mut self, node: usize) {
        let Kind::Value(value) = self.nodes[node].kind else { return };
        let Ok(raw) = Reader::new(self.slice(value)).value(0) else { return };
        let (is_map, count) = match raw.token() {
            Token::Map(count) => (true, count),
            Token::Array(count) => (false, count),
            _ => return,
        };
        if self.nodes.len() + count as usize > FIELDS {
            return; // it stays one value; what comes is put beside it
        }
        let base = value.at;
        let bytes = std::mem::take(&mut self.bytes);
        let inside = &bytes[base as usize..(base + value.length) as usize];
        let mut reader = Reader::new(inside);
        let mut children = Children::default();
        let _header = reader.token();
        for _ in 0..count {
            let mut key = Span::default();
            if is_map {
                let text = reader.value(0).ok().and_then(RawValue::as_text).unwrap_or_default();
                let length = text.len() as u32; // part of an arena
                key = Span { at: base + reader.position() as u32 - length, length };
            }
            let at = base + reader.position() as u32;
            let length = reader.value(0).map_or(0, |value| value.bytes().len() as u32);
            let child = self.nodes.len();
            let tag = tag(&bytes[key.at as usize..(key.at + key.length) as usize]);
            self.nodes.push(Node { key, tag, header: 0, next: 0, kind: Kind::Value(Span { at, length }) });
            self.chain(&mut children, child);
        }
        self.bytes = bytes;
        self.nodes[node].kind = if is_map { Kind::Map(children) } else { Kind::List(children) };
    }

    fn replace(&mut self, node: usize, value: &[u8]) {
        if let Kind::Value(old) = self.nodes[node].kind {
            self.garbage += old.length as usize;
            if value.len() <= old.length as usize {
                let at = old.at as usize;
                self.bytes[at..at + value.len()].copy_from_slice(value);
                self.garbage -= value.len();
                let length = value.len() as u32; // no longer than before
                self.nodes[node].kind = Kind::Value(Span { at: old.at, length });
                return;
            }
        }
        let fits = self.bytes.len() + value.len() <= self.limit + LEFT_OUT.len();
        let span = if fits { self.store(value) } else { self.store_mark() };
        self.nodes[node].kind = Kind::Value(span);
    }

    /// What is encoded goes to its place or to the end, from memory that is kept.
    fn replace_encoded(&mut self, node: usize, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut encoded = std::mem::take(&mut self.encoded);
        encoded.clear();
        encode(&mut encoded);
        self.replace(node, &encoded);
        self.encoded = encoded;
    }

    fn store_mark(&mut self) -> Span {
        self.left_out += 1;
        if self.bytes.len() > self.limit + 2 * LEFT_OUT.len() {
            return Span::default();
        }
        let mut mark = Vec::new();
        blueox_event::Value::from(LEFT_OUT).write_msgpack(&mut mark);
        self.store(&mark)
    }

    #[inline]
    fn store(&mut self, bytes: &[u8]) -> Span {
        let span = Span { at: self.bytes.len() as u32, length: bytes.len() as u32 }; // far below 4 GiB
        self.bytes.extend_from_slice(bytes);
        span
    }

    /// A node that no list holds yet. The key has at most [`KEY_BYTES`].
    fn new_node(&mut self, key: &[u8]) -> Option<usize> {
        if self.nodes.len() >= FIELDS || self.bytes.len() + key.len() > self.limit {
            self.left_out += 1;
            return None;
        }
        let before = self.bytes.len();
        msgpack::put_text_length(&mut self.bytes, key.len());
        let header = (self.bytes.len() - before) as u8; // at most 3
        let stored = self.store(key);
        let kind = Kind::Value(Span::default());
        self.nodes.push(Node { key: stored, tag: tag(key), header, next: 0, kind });
        Some(self.nodes.len() - 1)
    }

    /// Makes `child` the last child of `node`, a map or a list.
    #[inline]
    fn link(&mut self, node: usize, child: usize) {
        let (Kind::Map(children) | Kind::List(children)) = &mut self.nodes[node].kind else { return };
        let index = child as u32; // at most FIELDS
        let before = std::mem::replace(&mut children.last, index);
        children.count += 1;
        if children.count == 1 {
            children.first = index;
        } else {
            self.nodes[before as usize].next = index;
        }
    }

    fn chain(&mut self, children: &mut Children, child: usize) {
        let index = child as u32; // at most FIELDS
        if children.count == 0 {
            children.first = index;
        } else {
            self.nodes[children.last as usize].next = index;
        }
        children.last = index;
        children.count += 1;
    }

    fn siblings(&self, first: u32) -> impl Iterator<Item = usize> {
        let is_some = |index: &u32| *index != 0;
        std::iter::successors(Some(first).filter(is_some), move |index| {
            Some(self.nodes[*index as usize].next).filter(is_some)
        })
        .map(|index| index as usize)
    }

    fn number(&self, value: Span) -> Option<Number> {
        Number::decode(Reader::new(self.slice(value)).value(0).ok()?)
    }

    /// All that the arena has from `before` on.
    #[inline]
    fn span_from(&self, before: usize) -> Span {
        Span { at: before as u32, length: (self.bytes.len() - before) as u32 } // far below 4 GiB
    }

    #[inline]
    fn slice(&self, span: Span) -> &[u8] {
        &self.bytes[span.at as usize..(span.at + span.length) as usize]
    }

    /// Forgets what nothing refers to: all of it is encoded, and becomes one value again.
    fn compact(&mut self) {
        let (limit, left_out) = (self.limit, std::mem::take(&mut self.left_out));
        let mut encoded = Vec::with_capacity(self.encoded_bound());
        self.encode(&mut encoded);
        self.clear(limit);
        let value = self.store(&encoded);
        self.nodes[0].kind = Kind::Value(value);
        self.expand(0);
        if let Kind::Value(_) = self.nodes[0].kind {
            self.nodes[0].kind = Kind::Map(Children::default()); // cannot be: fewer nodes than before
        }
        self.left_out = left_out;
    }
}

#[cfg(test)]
mod tests;
