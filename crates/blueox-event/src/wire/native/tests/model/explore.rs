//! Every order of actions, depth first, each state once.
//!
//! Of every so many states one is healed: that is the larger part of the work.

use super::action::Action;
use super::world::World;
use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

/// How much was seen.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// The states in which two collectors have one batch.
    pub(super) with_overlap: usize,
    pub(super) deepest: usize,
}

/// What broke, and the way there.
#[derive(Debug)]
pub(super) struct Failure {
    what: String,
    way: Vec<Action>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\nafter {:?}", self.what, self.way)
    }
}

pub(super) fn explore(start: &World, heal_one_in: u64) -> Result<Explored, Failure> {
    let hasher = BuildHasherDefault::<DefaultHasher>::default(); // the same in every run
    let mut seen: HashSet<u64> = HashSet::new();
    let mut explored = Explored::default();
    let mut way: Vec<Action> = Vec::new();
    let mut stack = vec![(start.clone(), start.actions())];
    while let Some((world, actions)) = stack.last_mut() {
        let Some(action) = actions.pop() else {
            stack.pop();
            way.pop();
            continue;
        };
        let mut next = world.clone();
        explored.steps += 1;
        way.push(action);
        let acted = next.act(&action).and_then(|()| next.check());
        let fail = |what: String, way: &[Action]| Failure { what, way: way.to_vec() };
        acted.map_err(|broken| fail(broken.0, &way))?;
        let hash = hasher.hash_one(&next);
        if !seen.insert(hash) {
            way.pop();
            continue;
        }
        explored.states += 1;
        explored.deepest = explored.deepest.max(way.len());
        explored.with_overlap += usize::from(next.has_overlap());
        if hash % heal_one_in == 0 {
            next.clone().heal().map_err(|broken| fail(format!("when faults stop: {}", broken.0), &way))?;
        }
        let actions = next.actions();
        stack.push((next, actions));
    }
    Ok(explored)
}
