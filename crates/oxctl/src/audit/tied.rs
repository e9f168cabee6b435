//! Runs of numbers, each end tied to another number that rises with them: a stream's numbers to those of the daemon that
//! carried them, a daemon's own numbers to days. What lies in a hole is bracketed by what the ends beside it are tied to.

use std::collections::BTreeMap;

/// Numbers and what they are tied to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tied {
    /// The first of each run to its end; runs neither overlap nor touch.
    runs: BTreeMap<u64, End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct End {
    last: u64,
    /// What the first and the last number are tied to.
    to_first: u64,
    to_last: u64,
}

impl Tied {
    /// Numbers `first..=last`, tied to `to_first..=to_last`. Where numbers come twice, the earlier tie stays.
    pub(crate) fn insert(&mut self, (first, last): (u64, u64), (to_first, to_last): (u64, u64)) {
        let mut new = (first, End { last, to_first, to_last });
        while let Some((&from, &old)) = self.runs.range(..=new.1.last.saturating_add(1)).next_back() {
            if old.last.saturating_add(1) < new.0 {
                break;
            }
            self.runs.remove(&from);
            if from <= new.0 {
                (new.0, new.1.to_first) = (from, old.to_first);
            }
            if old.last >= new.1.last {
                (new.1.last, new.1.to_last) = (old.last, old.to_last);
            }
        }
        self.runs.insert(new.0, new.1);
    }

    /// What the numbers right before and right behind `first..=last` are tied to, where there are any.
    pub(crate) fn around(&self, first: u64, last: u64) -> (Option<u64>, Option<u64>) {
        let before = self.runs.range(..first).next_back().map(|(_, end)| end.to_last);
        let behind = self.runs.range(last.saturating_add(1)..).next().map(|(_, end)| end.to_first);
        (before, behind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Ties of single numbers, in any order: brackets are those of a plain map.
        #[test]
        fn brackets_are_those_of_a_map(numbers in prop::collection::vec(1u64..80, 0..60), at in 1u64..80, more in 0u64..9) {
            let (mut tied, mut model) = (Tied::default(), BTreeMap::new());
            for number in numbers.into_iter().filter(|number| !(at..=at + more).contains(number)) {
                tied.insert((number, number), (number * 10, number * 10));
                model.insert(number, number * 10);
            }
            let before = model.range(..at).next_back().map(|(_, to)| *to);
            let behind = model.range(at + more + 1..).next().map(|(_, to)| *to);
            prop_assert_eq!(tied.around(at, at + more), (before, behind));
        }
    }
}
