//! The tree as MsgPack. What stands side by side in the arena as it is to be written is copied in one piece.

use super::{Body, DEPTH, Kind, OWN_KEY, Span};
use crate::msgpack;
use crate::writer::LEFT_OUT;

/// Copies spans of the arena, neighbours together.
struct Copier<'b> {
    arena: &'b [u8],
    /// What is to be copied next.
    run: Span,
    out: &'b mut Vec<u8>,
}

impl Copier<'_> {
    #[inline]
    fn put(&mut self, span: Span) {
        if span.at == self.run.at + self.run.length {
            self.run.length += span.length;
        } else {
            self.flush();
            self.run = span;
        }
    }

    /// For what does not stand in the arena: all that comes before it is there then.
    #[inline]
    fn flush(&mut self) -> &mut Vec<u8> {
        let Span { at, length } = std::mem::take(&mut self.run);
        self.out.extend_from_slice(&self.arena[at as usize..(at + length) as usize]);
        self.out
    }
}

impl Body {
    /// Appends all of it as one MsgPack map.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut copier = Copier { arena: &self.bytes, run: Span::default(), out };
        self.encode_node(0, &mut copier, 0);
        copier.flush();
    }

    fn encode_node(&self, node: usize, to: &mut Copier<'_>, depth: usize) {
        match self.nodes[node].kind {
            Kind::Value(value) if value.length == 0 => to.flush().push(msgpack::NIL),
            Kind::Value(value) => to.put(value),
            _ if depth > DEPTH => msgpack::put_text(to.flush(), LEFT_OUT.as_bytes()),
            Kind::List(children) => {
                msgpack::put_list(to.flush(), children.count);
                for item in self.siblings(children.first) {
                    self.encode_node(item, to, depth + 1);
                }
            }
            Kind::Map(children) => {
                let is_marked = node == 0 && self.left_out > 0;
                msgpack::put_map(to.flush(), children.count + u32::from(is_marked));
                for child in self.siblings(children.first) {
                    let node = &self.nodes[child];
                    if let Some(pair) = node.encoded_pair() {
                        to.put(pair);
                        continue;
                    }
                    match node.encoded_key() {
                        Some(key) => to.put(key),
                        None => msgpack::put_text(to.flush(), self.slice(node.key)),
                    }
                    self.encode_node(child, to, depth + 1);
                }
                if is_marked {
                    let out = to.flush();
                    blueox_event::Value::from(OWN_KEY).write_msgpack(out);
                    blueox_event::Value::map([("left_out", self.left_out.into())]).write_msgpack(out);
                }
            }
        }
    }
}
