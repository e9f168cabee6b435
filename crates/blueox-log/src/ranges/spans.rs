//! Sets of numbers and of bytes that mostly follow each other.

/// Numbers, as spans from a first to a last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Numbers {
    /// First and last, both included.
    spans: Vec<(u64, u64)>,
}

impl Numbers {
    pub(crate) fn add(&mut self, number: u64) {
        self.add_all(number, number);
    }

    pub(crate) fn add_all(&mut self, first: u64, last: u64) {
        match self.spans.last_mut() {
            Some(span) if first >= span.0 && first <= span.1.saturating_add(1) => span.1 = span.1.max(last),
            _ => self.spans.push((first, last)),
        }
    }

    /// Puts them in order; before that the others are not answered.
    pub(crate) fn settle(&mut self) {
        let mut spans = std::mem::take(&mut self.spans);
        spans.sort_unstable();
        for (first, last) in spans {
            self.add_all(first, last);
        }
    }

    pub(crate) fn holds(&self, number: u64) -> bool {
        let after = self.spans.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).is_some_and(|index| number <= self.spans[index].1)
    }

    pub(crate) fn in_common(&self, other: &Self, mut each: impl FnMut(u64, u64)) {
        let (mut mine, mut theirs) = (self.spans.iter().peekable(), other.spans.iter().peekable());
        while let (Some(a), Some(b)) = (mine.peek(), theirs.peek()) {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            if first <= last {
                each(first, last);
            }
            if a.1 < b.1 {
                mine.next();
            } else {
                theirs.next();
            }
        }
    }
}

/// Bytes of a file, as spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Spans {
    /// Begin and end, the end not included.
    spans: Vec<(u64, u64)>,
}

impl Spans {
    /// Adds the bytes from `begin` up to `end`.
    pub fn add(&mut self, begin: u64, end: u64) {
        match self.spans.last_mut() {
            Some(span) if begin >= span.0 && begin <= span.1 => span.1 = span.1.max(end),
            _ => self.spans.push((begin, end)),
        }
    }

    /// Puts them in order; needed after bytes were not added in ascending order.
    pub fn settle(&mut self) {
        let mut spans = std::mem::take(&mut self.spans);
        spans.sort_unstable();
        for (begin, end) in spans {
            self.add(begin, end);
        }
    }

    /// Whether it is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Begin and end of each span.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u64)> {
        self.spans.iter().copied()
    }

    /// Whether all bytes from `begin` up to `end` are among them.
    #[must_use]
    pub fn holds_all(&self, begin: u64, end: u64) -> bool {
        let after = self.spans.partition_point(|(first, _)| *first <= begin);
        begin >= end || after.checked_sub(1).is_some_and(|index| end <= self.spans[index].1)
    }

    /// Whether the byte at `offset` is one of them.
    #[must_use]
    pub fn holds(&self, offset: u64) -> bool {
        let after = self.spans.partition_point(|(begin, _)| *begin <= offset);
        after.checked_sub(1).is_some_and(|index| offset < self.spans[index].1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn as_sets(a: Vec<(u8, u8)>, b: Vec<(u8, u8)>) {
            let set = |spans: &[(u8, u8)]| -> BTreeSet<u64> {
                spans.iter().flat_map(|(first, more)| u64::from(*first)..=u64::from(*first) + u64::from(more % 8)).collect()
            };
            let numbers = |spans: &[(u8, u8)]| {
                let mut numbers = Numbers::default();
                spans.iter().for_each(|(first, more)| numbers.add_all(u64::from(*first), u64::from(*first) + u64::from(more % 8)));
                numbers.settle();
                numbers
            };
            let mut found = BTreeSet::new();
            numbers(&a).in_common(&numbers(&b), |first, last| found.extend(first..=last));
            let (left, right) = (set(&a), set(&b));
            proptest::prop_assert_eq!(found, left.intersection(&right).copied().collect::<BTreeSet<u64>>());
            let mut spans = Spans::default();
            left.iter().rev().for_each(|number| spans.add(*number, number + 1));
            spans.settle();
            for number in 0..300 {
                proptest::prop_assert_eq!(numbers(&a).holds(number), left.contains(&number));
                proptest::prop_assert_eq!(spans.holds(number), left.contains(&number));
            }
        }
    }
}
