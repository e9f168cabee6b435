//! The events of one id together.

use blueox_event::EncodedEvent;
use std::collections::{HashMap, VecDeque};

/// How many ids are open at most, and ...
const MAX_IDS: usize = 1000;
/// ... how many bytes their events take. Beyond either the oldest group is given out as it is.
const MAX_BYTES: usize = 256 << 20;

/// Collects events by id until the parent, the event whose type has no dot, arrives: it ends last.
#[derive(Debug, Default)]
pub(crate) struct Grouper {
    open: HashMap<Vec<u8>, Group>,
    /// Ids in the order in which they were first seen, with the number of the group at that time: an id that
    /// was given out and comes again stands here twice.
    order: VecDeque<(Vec<u8>, u64)>,
    next_number: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Group {
    number: u64,
    events: Vec<Vec<u8>>,
}

impl Grouper {
    /// Takes an event; gives the groups that are complete, or have to go.
    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>) -> Vec<Vec<Vec<u8>>> {
        let bytes = event.bytes().to_vec();
        let is_parent = event.type_name().is_ok_and(blueox_event::TypeName::is_root);
        let Some(id) = event.id_text() else { return vec![vec![bytes]] };
        if is_parent {
            let mut events = self.open.remove(&*id).map(|group| group.events).unwrap_or_default();
            self.bytes -= events.iter().map(Vec::len).sum::<usize>();
            events.push(bytes);
            return vec![events];
        }
        self.bytes += bytes.len();
        if let Some(group) = self.open.get_mut(&*id) {
            group.events.push(bytes);
        } else {
            let number = self.next_number;
            self.next_number += 1;
            self.order.push_back((id.to_vec(), number));
            self.open.insert(id.into_owned(), Group { number, events: vec![bytes] });
        }
        let mut given = Vec::new();
        while self.open.len() > MAX_IDS || self.bytes > MAX_BYTES {
            match self.oldest() {
                Some(group) => given.push(group),
                None => break,
            }
        }
        // Ids that were completed leave their place in the order behind.
        if self.order.len() > 2 * MAX_IDS {
            let open = &self.open;
            self.order.retain(|(id, number)| open.get(id).is_some_and(|group| group.number == *number));
        }
        given
    }

    /// The group that is open longest, if any.
    pub(crate) fn oldest(&mut self) -> Option<Vec<Vec<u8>>> {
        while let Some((id, number)) = self.order.pop_front() {
            if self.open.get(&id).is_some_and(|group| group.number == number) {
                let group = self.open.remove(&id).expect("BUG: it was there");
                self.bytes -= group.events.iter().map(Vec::len).sum::<usize>();
                return Some(group.events);
            }
        }
        None
    }
}
