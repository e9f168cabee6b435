//! Several paths found in one walk of an event's body.
//!
//! Looking up one path walks the body up to it; ten paths would walk it ten times. [`Lookups`] holds the paths as a tree
//! and walks the body once, until all are found. It finds exactly what [`EncodedEvent::lookup`] finds: where an event
//! has something out of the ordinary (keys with dots, indexes into lists, a body with a key `body`), that is asked.

use blueox_event::event::Found;
use blueox_event::msgpack::{Reader, Token};
use blueox_event::{EncodedEvent, Path};

/// Names that mean the event's own fields first.
const OWN: [&str; 7] = ["type", "id", "host", "pid", "start", "end", "duration"];

/// A set of paths.
#[derive(Debug, Clone, Default)]
pub struct Lookups {
    paths: Vec<Path>,
    /// Which of them are to be looked up one by one.
    single: Vec<usize>,
    root: Node,
    in_tree: usize,
}

#[derive(Debug, Clone, Default)]
struct Node {
    name: Box<[u8]>,
    paths: Vec<usize>,
    children: Vec<Node>,
}

/// The index of a path in [`Lookups`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(usize);

impl Lookups {
    /// Adds a path. A path that is there already keeps its slot.
    pub fn add(&mut self, path: &Path) -> Slot {
        if let Some(slot) = self.paths.iter().position(|known| known == path) {
            return Slot(slot);
        }
        let slot = self.paths.len();
        self.paths.push(path.clone());
        let segments = match path.segments() {
            [first, ..] if OWN.contains(&first.as_str()) => &[][..],
            [first, rest @ ..] if first == "body" => rest,
            segments => segments,
        };
        if segments.is_empty() {
            self.single.push(slot);
            return Slot(slot);
        }
        self.in_tree += 1;
        let mut node = &mut self.root;
        for segment in segments {
            let at = node.children.iter().position(|child| *child.name == *segment.as_bytes());
            let at = at.unwrap_or_else(|| {
                node.children.push(Node { name: segment.as_bytes().into(), ..Node::default() });
                node.children.len() - 1
            });
            node = &mut node.children[at];
        }
        node.paths.push(slot);
        Slot(slot)
    }

    /// The paths.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// Looks all paths up in an event. `found` is used again from event to event.
    pub fn find<'a>(&self, event: &EncodedEvent<'a>, found: &mut Findings<'a>) {
        found.0.clear();
        found.0.resize(self.paths.len(), None);
        if self.in_tree > 0 && !self.find_in_body(event, found) {
            for (slot, path) in self.paths.iter().enumerate() {
                found.0[slot] = event.lookup(path);
            }
            return;
        }
        for slot in &self.single {
            found.0[*slot] = event.lookup(&self.paths[*slot]);
        }
    }

    /// `false`: the event is not of the ordinary form.
    fn find_in_body<'a>(&self, event: &EncodedEvent<'a>, found: &mut Findings<'a>) -> bool {
        let Some(body) = event.body() else { return false };
        let mut walk = Walk { reader: Reader::new(body.bytes()), found, left: self.in_tree };
        // What is not found in the body may be another key of the event's map.
        walk.below(&self.root, true).is_some() && (walk.left == 0 || !event.has_other_keys())
    }
}

/// What [`Lookups::find`] has found.
#[derive(Debug, Clone, Default)]
pub struct Findings<'a>(Vec<Option<Found<'a>>>);

impl<'a> Findings<'a> {
    /// Takes room that an earlier event's findings had.
    pub(crate) fn in_room(room: Vec<Option<Found<'static>>>) -> Self {
        Self(room)
    }

    /// The room, empty, for those of the next event.
    pub(crate) fn into_room(mut self) -> Vec<Option<Found<'static>>> {
        self.0.clear();
        // Collecting in place keeps the allocation; nothing is left to be mapped.
        self.0.into_iter().map(|_| None).collect()
    }

    /// What a path leads to.
    #[must_use]
    pub fn get(&self, slot: Slot) -> Option<Found<'a>> {
        self.0[slot.0]
    }

    /// What a path leads to, if it is a finite number.
    #[must_use]
    pub fn number(&self, slot: Slot) -> Option<f64> {
        let number = match self.0[slot.0]? {
            Found::Value(value) => value.as_f64()?,
            Found::Duration(seconds) => seconds,
        };
        number.is_finite().then_some(number)
    }
}

struct Walk<'w, 'a> {
    reader: Reader<'a>,
    found: &'w mut Findings<'a>,
    left: usize,
}

impl<'a> Walk<'_, 'a> {
    /// Walks the value at hand for what is below `node`. Its depth is at most that of the paths. `None`: something is out
    /// of the ordinary.
    fn below(&mut self, node: &Node, is_body: bool) -> Option<()> {
        let pairs = match self.reader.token().ok()? {
            Token::Map(pairs) => pairs,
            Token::Array(_) => return None,
            _ => return Some(()),
        };
        for _ in 0..pairs {
            if self.left == 0 {
                return Some(());
            }
            let key = match self.reader.token().ok()? {
                Token::Str(key) | Token::Bin(key) => key,
                // A container as a key: nothing has walked into it.
                Token::Array(_) | Token::Map(_) => return None,
                _ => {
                    self.reader.skip(0).ok()?;
                    continue;
                }
            };
            if let Some(child) = node.children.iter().find(|child| *child.name == *key) {
                self.at(child)?;
                continue;
            }
            if is_body && key.starts_with(b"body") || joins_names(node, key) {
                return None;
            }
            self.reader.skip(0).ok()?;
        }
        Some(())
    }

    fn at(&mut self, node: &Node) -> Option<()> {
        let before = self.reader;
        for slot in &node.paths {
            let found = &mut self.found.0[*slot];
            if found.is_none() {
                let value = { before }.value(0).ok()?;
                *found = Some(Found::Value(value));
                self.left -= 1;
            }
        }
        if self.left == 0 {
            return Some(());
        }
        if !node.children.is_empty() {
            self.below(node, false)?;
            self.reader = before;
        }
        self.reader.skip(0).ok()
    }
}

/// Whether a key may be the names of several levels, joined by dots.
fn joins_names(node: &Node, key: &[u8]) -> bool {
    node.children.iter().any(|child| {
        key.len() > child.name.len() && key.starts_with(&child.name) && key[child.name.len()] == b'.'
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;
    use proptest::prelude::*;

    fn name() -> impl Strategy<Value = String> {
        prop::sample::select(vec!["a", "b", "c", "body", "type", "0", "1", "a.b", "b.c", "a.b.c", "duration"])
            .prop_map(str::to_owned)
    }

    fn value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![Just(Value::Nil), (0u64..9).prop_map(Value::UInt)];
        scalar.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![8 => name().prop_map(Value::from), 1 => inner.clone()];
            prop_oneof![
                4 => prop::collection::vec((key, inner.clone()), 0..5).prop_map(Value::Map),
                1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array),
            ]
        })
    }

    proptest! {
        /// The fast way finds what the plain one does, whatever keys are called and however often they occur.
        #[test]
        fn what_is_found_is_what_a_lookup_finds(
            pairs in prop::collection::vec((prop_oneof![name(), Just("end".to_owned()), Just("start".to_owned())], value()), 0..5),
            body in value(),
            paths in prop::collection::vec(prop::collection::vec(name(), 1..4), 1..6),
        ) {
            let mut map: Vec<_> = pairs.into_iter().map(|(key, value)| (Value::from(key), value)).collect();
            map.push((Value::from("body"), body));
            let bytes = Value::Map(map).to_msgpack();
            let event = EncodedEvent::parse(&bytes).unwrap();
            let mut lookups = Lookups::default();
            let paths: Vec<_> = paths.iter().map(|names| Path::parse(&names.join(".")).unwrap()).collect();
            let slots: Vec<_> = paths.iter().map(|path| lookups.add(path)).collect();
            let mut found = Findings::default();
            lookups.find(&event, &mut found);
            for (path, slot) in paths.iter().zip(slots) {
                prop_assert_eq!(found.get(slot), event.lookup(path), "{}", path);
            }
        }
    }
}
