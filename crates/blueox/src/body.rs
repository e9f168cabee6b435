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

use crate::limits::{FIELDS, KEY_PARTS, POOLED_BYTES};
use crate::msgpack;
use crate::number::Number;
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
    /// Where key and value stand one after another as they are to be written.
    #[inline]
    fn encoded_pair(&self) -> Option<Span> {
        let Kind::Value(value) = self.kind else { return None };
        let header = u32::from(self.header);
        let is_pair = header > 0 && value.length > 0 && value.at == self.key.at + self.key.length;
        is_pair.then(|| Span { at: self.key.at - header, length: header + self.key.length + value.length })
    }
}

/// The body of an open context.
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

/// The parts of a dotted key. Behind [`KEY_PARTS`] of them the rest stays together.
pub(crate) fn parts(key: &str) -> impl Iterator<Item = &[u8]> {
    Parts { rest: Some(key.as_bytes()), left: KEY_PARTS }
}

/// Keys are short: looking at each byte is faster than a search that is made for long texts.
struct Parts<'k> {
    rest: Option<&'k [u8]>,
    left: usize,
}

impl<'k> Iterator for Parts<'k> {
    type Item = &'k [u8];

    #[inline]
    fn next(&mut self) -> Option<&'k [u8]> {
        let rest = self.rest.take()?;
        self.left -= 1;
        if self.left > 0
            && let Some(dot) = rest.iter().position(|byte| *byte == b'.')
        {
            self.rest = Some(&rest[dot + 1..]);
            return Some(&rest[..dot]);
        }
        Some(rest)
    }
}

impl Body {
    pub(crate) fn new() -> Self {
        Self {
            bytes: Vec::new(),
            nodes: Vec::new(),
            garbage: 0,
            left_out: 0,
            limit: crate::limits::EVENT_BYTES,
            encoded: Vec::new(),
        }
    }

    /// Empties it for the next event. Memory is kept, within bounds.
    pub(crate) fn clear(&mut self, limit: usize) {
        self.bytes.clear();
        self.bytes.shrink_to(POOLED_BYTES);
        self.encoded.clear();
        self.encoded.shrink_to(POOLED_BYTES);
        self.nodes.clear();
        self.nodes.shrink_to(POOLED_BYTES / size_of::<Node>());
        let kind = Kind::Map(Children::default());
        self.nodes.push(Node { key: Span::default(), header: 0, next: 0, kind });
        self.garbage = 0;
        self.left_out = 0;
        self.limit = limit;
    }

    /// Whether its memory was given back.
    pub(crate) fn is_gone(&self) -> bool {
        self.nodes.is_empty()
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

    /// As [`Body::set`]; the value is encoded where it stays.
    pub(crate) fn set_plain<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, value: Plain<'_>) {
        let Some(node) = self.reach(key, value.bound()) else { return };
        let is_new = matches!(self.nodes[node].kind, Kind::Value(before) if before.length == 0);
        if is_new && self.bytes.len() + value.bound() <= self.limit {
            let before = self.bytes.len();
            value.encode(&mut self.bytes);
            let span = Span { at: before as u32, length: (self.bytes.len() - before) as u32 }; // far below 4 GiB
            self.nodes[node].kind = Kind::Value(span);
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

    /// Appends all of it as one MsgPack map.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        self.encode_node(0, out, 0);
    }

    fn encode_node(&self, node: usize, out: &mut Vec<u8>, depth: usize) {
        match self.nodes[node].kind {
            Kind::Value(value) if value.length == 0 => out.push(msgpack::NIL),
            Kind::Value(value) => out.extend_from_slice(self.slice(value)),
            _ if depth > DEPTH => msgpack::put_text(out, LEFT_OUT.as_bytes()),
            Kind::List(children) => {
                msgpack::put_list(out, children.count);
                for item in self.siblings(children.first) {
                    self.encode_node(item, out, depth + 1);
                }
            }
            Kind::Map(children) => {
                let is_marked = node == 0 && self.left_out > 0;
                msgpack::put_map(out, children.count + u32::from(is_marked));
                for child in self.siblings(children.first) {
                    let node = &self.nodes[child];
                    if let Some(pair) = node.encoded_pair() {
                        out.extend_from_slice(self.slice(pair));
                    } else {
                        msgpack::put_text(out, self.slice(node.key));
                        self.encode_node(child, out, depth + 1);
                    }
                }
                if is_marked {
                    blueox_event::Value::from(OWN_KEY).write_msgpack(out);
                    blueox_event::Value::map([("left_out", self.left_out.into())]).write_msgpack(out);
                }
            }
        }
    }

    /// The node under `key`, made if there is none. `None` when there is no room for it and a value of `bytes` bytes.
    fn reach<'k>(&mut self, key: impl Iterator<Item = &'k [u8]>, bytes: usize) -> Option<usize> {
        if self.garbage > self.limit / 4 && self.bytes.len() + bytes > self.limit {
            self.compact();
        }
        let mut node = 0;
        for part in key {
            node = self.child(node, part)?;
        }
        if node == 0 {
            return self.child(0, b""); // a key without parts
        }
        Some(node)
    }

    /// The child of `node` under `key`, made if there is none.
    fn child(&mut self, node: usize, key: &[u8]) -> Option<usize> {
        let children = match self.nodes[node].kind {
            Kind::Map(children) => children,
            _ => self.made_map(node)?,
        };
        let (kept, mark) = cut_key(key);
        let length = kept.len() + mark.len();
        let is_key = |child: &usize| {
            let found = self.nodes[*child].key;
            found.length as usize == length && {
                let (beginning, end) = self.slice(found).split_at(kept.len());
                beginning == kept && end == mark.as_bytes()
            }
        };
        if let Some(found) = self.siblings(children.first).find(is_key) {
            return Some(found);
        }
        let child = self.new_node(key)?;
        self.link(node, child);
        Some(child)
    }

    /// Makes a map of whatever `node` is.
    fn made_map(&mut self, node: usize) -> Option<Children> {
        self.expand(node);
        let children = match self.nodes[node].kind {
            Kind::Map(children) => children,
            Kind::Value(value) if value.length == 0 => Children::default(),
            _ => self.displaced(node, DISPLACED)?,
        };
        self.nodes[node].kind = Kind::Map(children);
        Some(children)
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
            self.nodes.push(Node { key, header: 0, next: 0, kind: Kind::Value(Span { at, length }) });
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

    fn store(&mut self, bytes: &[u8]) -> Span {
        let span = Span { at: self.bytes.len() as u32, length: bytes.len() as u32 }; // far below 4 GiB
        self.bytes.extend_from_slice(bytes);
        span
    }

    /// A node that no list holds yet.
    fn new_node(&mut self, key: &[u8]) -> Option<usize> {
        let (key, mark) = cut_key(key);
        if self.nodes.len() >= FIELDS || self.bytes.len() + key.len() + mark.len() > self.limit {
            self.left_out += 1;
            return None;
        }
        let before = self.bytes.len();
        msgpack::put_text_length(&mut self.bytes, key.len() + mark.len()); // at most KEY_BYTES
        let header = (self.bytes.len() - before) as u8; // at most 3
        let mut span = self.store(key);
        if !mark.is_empty() {
            span.length += self.store(mark.as_bytes()).length;
        }
        self.nodes.push(Node { key: span, header, next: 0, kind: Kind::Value(Span::default()) });
        Some(self.nodes.len() - 1)
    }

    /// Makes `child` the last child of `node`.
    fn link(&mut self, node: usize, child: usize) {
        let (Kind::Map(mut children) | Kind::List(mut children)) = self.nodes[node].kind else { return };
        self.chain(&mut children, child);
        self.nodes[node].kind = match self.nodes[node].kind {
            Kind::List(_) => Kind::List(children),
            _ => Kind::Map(children),
        };
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
