//! Which event of a trace is whose parent.
//!
//! An event may name its parent's span. One that does not is below an event whose type its own goes on from (`request` for
//! `request.sql`): one that encloses it in time, the longest name first, then the latest; where none encloses it, the
//! latest of the longest name that began before it. This takes n log n steps, for traces of 100,000 events and more.

use blueox_event::EncodedEvent;
use std::cmp::Ordering;
use std::collections::HashMap;

/// How far an event may stick out of its parent, in seconds: clocks are read one after the other.
const SLACK: f64 = 0.001;

/// An event of a trace.
#[derive(Debug)]
pub(crate) struct Row {
    bytes: Box<[u8]>,
    start: Option<f64>,
    end: Option<f64>,
}

/// Where a row stands in the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placed {
    /// Its index in [`Tree::rows`].
    pub(crate) row: usize,
    /// Its parent's place.
    pub(crate) parent: Option<usize>,
    pub(crate) depth: usize,
    /// How many rows are below it, at any depth; they follow it.
    pub(crate) size: usize,
    /// It names a parent that is not there.
    pub(crate) missing_parent: bool,
}

/// The events in tree order.
#[derive(Debug)]
pub(crate) struct Tree {
    /// By their start.
    pub(crate) rows: Vec<Row>,
    pub(crate) placed: Vec<Placed>,
    /// When the first began, in seconds since the epoch.
    pub(crate) begin: Option<f64>,
    pub(crate) end: Option<f64>,
}

impl Row {
    pub(crate) fn new(bytes: Box<[u8]>) -> Self {
        let (start, end) = {
            let event = EncodedEvent::parse(&bytes).expect("BUG: it was an event when it was kept");
            let start = event.start().or(event.end());
            let end = event.end().or(start);
            (start.zip(end).map(|(start, end)| start.min(end)), end)
        };
        Self { bytes, start, end }
    }

    pub(crate) fn event(&self) -> EncodedEvent<'_> {
        EncodedEvent::parse(&self.bytes).expect("BUG: it was an event when it was kept")
    }

    pub(crate) fn id(&self) -> String {
        self.event().id_text().map_or_else(String::new, |id| String::from_utf8_lossy(&id).into_owned())
    }

    /// When it began and ended; at `begin` when it does not say that.
    pub(crate) fn times(&self, begin: f64) -> (f64, f64) {
        let start = self.start.unwrap_or(begin);
        (start, self.end.unwrap_or(start))
    }

    /// The same order whoever has found the rows.
    pub(crate) fn order(a: &Self, b: &Self) -> Ordering {
        let times = |row: &Self| (row.start.unwrap_or(f64::INFINITY), row.end.unwrap_or(f64::INFINITY));
        let ((start_a, end_a), (start_b, end_b)) = (times(a), times(b));
        start_a.total_cmp(&start_b).then(end_b.total_cmp(&end_a)).then_with(|| a.bytes.cmp(&b.bytes))
    }
}

impl Tree {
    /// Puts rows, which are in their order, into a tree.
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let (mut parents, missing) = parents(&rows);
        cut_circles(&mut parents);
        let placed = place(&parents, &missing);
        let begin = rows.iter().filter_map(|row| row.start).min_by(f64::total_cmp);
        let end = rows.iter().filter_map(|row| row.end).max_by(f64::total_cmp);
        Self { rows, placed, begin, end }
    }
}

/// Each row's parent, and whether one is named that is not there.
fn parents(rows: &[Row]) -> (Vec<Option<usize>>, Vec<bool>) {
    let events: Vec<EncodedEvent<'_>> = rows.iter().map(Row::event).collect();
    let text = |event: &EncodedEvent<'_>, key: &[u8]| event.raw().get(key)?.as_text().map(<[u8]>::to_vec);
    let mut by_span: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut by_type: HashMap<Vec<u8>, Vec<usize>> = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        if let Some(span) = text(event, b"span") {
            by_span.entry(span).or_insert(index);
        }
        by_type.entry(event.type_bytes().to_vec()).or_default().push(index);
    }
    let by_type: HashMap<Vec<u8>, SameType> =
        by_type.into_iter().map(|(name, members)| (name, SameType::new(members, rows))).collect();
    let mut missing = vec![false; rows.len()];
    let parents = events.iter().enumerate().map(|(index, event)| {
        let named = text(event, b"parent");
        let found = named.as_ref().and_then(|named| by_span.get(named)).copied().filter(|at| *at != index);
        missing[index] = named.is_some() && found.is_none();
        found.or_else(|| by_name(event.type_bytes(), &rows[index], rows, &by_type))
    });
    let parents = parents.collect();
    (parents, missing)
}

fn by_name(name: &[u8], row: &Row, rows: &[Row], by_type: &HashMap<Vec<u8>, SameType>) -> Option<usize> {
    // The longest first.
    let above = || {
        let dots = name.iter().enumerate().rev().filter(|(_, byte)| **byte == b'.');
        dots.filter_map(|(at, _)| by_type.get(&name[..at]))
    };
    let enclosing = above().find_map(|same| same.last_that_encloses(row, rows));
    enclosing.or_else(|| above().next().and_then(|same| same.last_before(row, rows)))
}

/// The rows of one type, by their start, with the latest end of each group of 2, 4, 8 ... of them.
#[derive(Debug)]
struct SameType {
    members: Vec<usize>,
    /// A binary tree: the children of node n are 2n and 2n + 1.
    latest: Vec<f64>,
}

impl SameType {
    fn new(members: Vec<usize>, rows: &[Row]) -> Self {
        let leaves = members.len().next_power_of_two();
        let mut latest = vec![f64::NEG_INFINITY; 2 * leaves];
        for (at, member) in members.iter().enumerate() {
            latest[leaves + at] = rows[*member].end.unwrap_or(f64::NEG_INFINITY);
        }
        for node in (1..leaves).rev() {
            latest[node] = latest[2 * node].max(latest[2 * node + 1]);
        }
        Self { members, latest }
    }

    /// How many of them began before a row, or little later.
    fn begun(&self, row: &Row, rows: &[Row]) -> usize {
        let Some(start) = row.start else { return 0 };
        self.members.partition_point(|member| rows[*member].start.is_some_and(|began| began <= start + SLACK))
    }

    fn last_before(&self, row: &Row, rows: &[Row]) -> Option<usize> {
        self.members.get(self.begun(row, rows).saturating_sub(1)).copied()
    }

    fn last_that_encloses(&self, row: &Row, rows: &[Row]) -> Option<usize> {
        let end = row.end? - SLACK;
        let leaves = self.latest.len() / 2;
        // The last leaf before `begun` that ends late enough: up to the first tree that has one, then down.
        let mut node = leaves + self.begun(row, rows);
        loop {
            // A left child has nothing before it below its parent.
            while node.is_multiple_of(2) && node > 1 {
                node /= 2;
            }
            if node <= 1 {
                // All of the tree lies before, or nothing does.
                return (self.begun(row, rows) >= leaves).then(|| self.descend(1, end)).flatten();
            }
            node -= 1;
            if self.latest[node] >= end {
                return self.descend(node, end);
            }
        }
    }

    fn descend(&self, mut node: usize, end: f64) -> Option<usize> {
        let leaves = self.latest.len() / 2;
        if self.latest[node] < end {
            return None;
        }
        while node < leaves {
            node = if self.latest[2 * node + 1] >= end { 2 * node + 1 } else { 2 * node };
        }
        self.members.get(node - leaves).copied()
    }
}

/// Spans that name each other in a circle: one of them has no parent.
fn cut_circles(parents: &mut [Option<usize>]) {
    // 0: not looked at; else by which walk.
    let mut walked = vec![0; parents.len()];
    for first in 0..parents.len() {
        let mut at = first;
        while walked[at] == 0 {
            walked[at] = first + 1;
            let Some(parent) = parents[at] else { break };
            if walked[parent] == first + 1 {
                parents[at] = None;
                break;
            }
            at = parent;
        }
    }
}

fn place(parents: &[Option<usize>], missing: &[bool]) -> Vec<Placed> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut open: Vec<(usize, Option<usize>, usize)> = Vec::new();
    for (row, parent) in parents.iter().enumerate() {
        match parent {
            Some(parent) => children[*parent].push(row),
            None => open.push((row, None, 0)),
        }
    }
    open.reverse();
    let mut placed: Vec<Placed> = Vec::with_capacity(parents.len());
    while let Some((row, parent, depth)) = open.pop() {
        let place = placed.len();
        placed.push(Placed { row, parent, depth, size: 0, missing_parent: missing[row] });
        open.extend(children[row].iter().rev().map(|child| (*child, Some(place), depth + 1)));
    }
    for place in (0..placed.len()).rev() {
        if let Some(parent) = placed[place].parent {
            placed[parent].size += placed[place].size + 1;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;
    use proptest::prelude::*;

    fn row(name: &str, start: f64, end: f64, span: Option<&str>, parent: Option<&str>) -> Row {
        let mut pairs = vec![
            ("type", Value::from(name)),
            ("id", Value::from("an id")),
            ("start", Value::from(start)),
            ("end", Value::from(end)),
        ];
        pairs.extend(span.map(|span| ("span", Value::from(span))));
        pairs.extend(parent.map(|parent| ("parent", Value::from(parent))));
        Row::new(Value::map(pairs).to_msgpack().into())
    }

    /// Type, depth and size of each row.
    fn shown(mut rows: Vec<Row>) -> Vec<(String, usize, usize)> {
        rows.sort_by(Row::order);
        let tree = Tree::new(rows);
        let name = |row: usize| String::from_utf8(tree.rows[row].event().type_bytes().to_vec()).unwrap();
        tree.placed.iter().map(|placed| (name(placed.row), placed.depth, placed.size)).collect()
    }

    fn expect(rows: Vec<Row>, expected: &[(&str, usize, usize)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, depth, size)| ((*name).to_owned(), *depth, *size)).collect();
        assert_eq!(shown(rows), expected);
    }

    #[test]
    fn an_event_is_below_the_latest_that_encloses_it() {
        let rows = vec![
            row("request", 0.0, 10.0, None, None),
            row("request.sql", 1.0, 2.0, None, None),
            row("request.sql.fetch", 1.5, 1.6, None, None),
            row("request.sql", 3.0, 4.0, None, None),
            row("request.sql.fetch", 3.5, 3.6, None, None),
            // No call of this name encloses it; the longest name that began before it is near enough.
            row("request.sql.fetch", 5.0, 11.0, None, None),
            row("other", 2.0, 3.0, None, None),
        ];
        let expected = [
            ("request", 0, 5),
            ("request.sql", 1, 1),
            ("request.sql.fetch", 2, 0),
            ("request.sql", 1, 2),
            ("request.sql.fetch", 2, 0),
            ("request.sql.fetch", 2, 0),
            ("other", 0, 0),
        ];
        expect(rows, &expected);
    }

    #[test]
    fn a_named_parent_wins_and_circles_are_cut() {
        let rows = vec![
            row("a", 0.0, 10.0, Some("1"), None),
            row("b", 1.0, 2.0, Some("2"), Some("1")),
            row("a.c", 1.0, 2.0, Some("3"), Some("2")),
            row("x", 20.0, 21.0, Some("4"), Some("5")),
            row("y", 20.0, 21.0, Some("5"), Some("4")),
            row("z", 30.0, 31.0, Some("6"), Some("6")),
            row("lost", 40.0, 41.0, None, Some("nobody")),
        ];
        let depths: Vec<usize> = shown(rows).into_iter().map(|(_, depth, _)| depth).collect();
        assert_eq!(depths, [0, 1, 2, 0, 1, 0, 0]);
    }

    #[test]
    fn events_without_times_are_there() {
        let bare = Value::map([("type", Value::from("a.b"))]).to_msgpack();
        let tree = Tree::new(vec![row("a", 5.0, 6.0, None, None), Row::new(bare.into())]);
        assert_eq!(tree.placed.len(), 2);
        assert_eq!((tree.begin, tree.rows[1].times(5.0)), (Some(5.0), (5.0, 5.0)));
    }

    proptest! {
        /// The tree of groups finds what looking at each finds, and places each row once.
        #[test]
        fn the_last_that_encloses_is_found(spans in prop::collection::vec((0u32..40, 0u32..12), 1..40)) {
            let mut rows: Vec<Row> = spans.iter().enumerate().map(|(number, (start, length))| {
                let name = if number % 3 == 0 { "a.b" } else { "a" };
                row(name, f64::from(*start), f64::from(start + length), None, None)
            }).collect();
            rows.sort_by(Row::order);
            let above: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].event().type_bytes() == b"a").collect();
            let same = SameType::new(above.clone(), &rows);
            for row in &rows {
                let expected = above.iter().rev().copied().find(|at| {
                    rows[*at].start <= row.start && rows[*at].end >= row.end
                });
                prop_assert_eq!(same.last_that_encloses(row, &rows), expected);
            }
            let count = rows.len();
            let tree = Tree::new(rows);
            let mut seen: Vec<usize> = tree.placed.iter().map(|placed| placed.row).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..count).collect::<Vec<_>>());
            for (place, placed) in tree.placed.iter().enumerate() {
                prop_assert!(placed.parent.is_none_or(|parent| parent < place && place <= parent + tree.placed[parent].size));
            }
        }
    }
}
