//! How often which value occurred when.
//!
//! Values are in rows of equal ratio, time in steps that grow with what they have to span, so a heatmap needs to know
//! neither beforehand; two of them merge. At the end it has at most [`crate::limits::HEATMAP_COLUMNS`] columns and
//! [`crate::limits::HEATMAP_ROWS`] rows.

use crate::failed::Failed;
use crate::limits::{HEATMAP_COLUMNS, HEATMAP_ROWS};
use crate::lookups::{Findings, Lookups, Slot};
use crate::time_step::TimeStep;
use blueox_event::{EncodedEvent, Path};
use std::collections::HashMap;

/// Rows for every doubling of the value.
const ROWS_PER_DOUBLING: f64 = 4.0;
/// Values below this are in the lowest row, those above [`GREATEST`] in the highest.
const LEAST: f64 = 1e-9;
const GREATEST: f64 = 1e15;

/// Counts events by time and value.
#[derive(Debug)]
pub struct Heatmap {
    lookups: Lookups,
    slot: Slot,
    step: TimeStep,
    span: Option<(u64, u64)>,
    /// By step of time and row. At most a few columns more than are shown, and 320 rows.
    cells: HashMap<(u64, i32), Cell>,
    without: f64,
    /// Where to look for errors, if they are counted.
    failed: Option<Failed>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    weight: f64,
    errors: f64,
}

impl Cell {
    fn add(&mut self, other: Self) {
        self.weight += other.weight;
        self.errors += other.errors;
    }
}

/// A heatmap to be drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// When the first column begins, in seconds since the epoch.
    pub start: f64,
    /// The length of a column in seconds.
    pub step: f64,
    /// The least value of each row, rising, and of the row that would follow; a row goes up to the next.
    pub bounds: Vec<f64>,
    /// Counts, the lowest row first, each with a number for each column.
    pub rows: Vec<Vec<f64>>,
    /// As `rows`, of the events that are errors; all 0 unless they are counted ([`Heatmap::with_errors`]).
    pub errors: Vec<Vec<f64>>,
    /// How many events have no time or no number above 0 in the field.
    pub without: f64,
}

impl Heatmap {
    /// Over the numbers of a field, such as `duration`.
    #[must_use]
    pub fn new(field: &Path) -> Self {
        let mut lookups = Lookups::default();
        let slot = lookups.add(field);
        Self {
            lookups,
            slot,
            step: TimeStep::SMALLEST,
            span: None,
            cells: HashMap::new(),
            without: 0.0,
            failed: None,
        }
    }

    /// Counts the events that are errors apart, too.
    #[must_use]
    pub fn with_errors(mut self) -> Self {
        self.failed = Some(Failed::new(&mut self.lookups));
        self
    }

    /// Makes the columns reach from one instant to another, in seconds since the epoch, even where there are no events. A heatmap
    /// without any event stays one.
    pub fn cover(&mut self, since: f64, until: f64) {
        for instant in [since, until] {
            if let Some(index) = self.step.index(instant) {
                let _ = self.widen(index);
            }
        }
    }

    /// Nothing counted yet, of the same field, to be merged with it.
    #[must_use]
    pub fn part(&self) -> Self {
        Self {
            lookups: self.lookups.clone(),
            slot: self.slot,
            step: TimeStep::SMALLEST,
            span: None,
            cells: HashMap::new(),
            without: 0.0,
            failed: self.failed.clone(),
        }
    }

    /// The fields that are looked at, for a [`crate::need::Need`].
    #[must_use]
    pub fn paths(&self) -> Vec<Path> {
        self.lookups.paths().to_vec()
    }

    /// Counts an event.
    pub fn add(&mut self, event: &EncodedEvent<'_>) {
        let mut found = Findings::default();
        self.lookups.find(event, &mut found);
        let weight = event.weight();
        let index = event.end().and_then(|end| self.step.index(end));
        let value = found.number(self.slot).filter(|value| *value > 0.0);
        let (Some(index), Some(value)) = (index, value) else {
            self.without += weight;
            return;
        };
        let index = self.widen(index);
        let is_error = self.failed.as_ref().is_some_and(|failed| failed.is_error(&found));
        let errors = if is_error { weight } else { 0.0 };
        self.cells.entry((index, row(value))).or_default().add(Cell { weight, errors });
    }

    /// Adds what another has counted of the same field.
    pub fn merge(&mut self, mut other: Self) {
        self.coarsen(other.step);
        other.coarsen(self.step);
        if let Some((first, last)) = other.span {
            let before = self.step;
            let _ = self.widen(first);
            let _ = self.widen(self.step.coarsen(last, before));
        }
        other.coarsen(self.step);
        for (at, cell) in other.cells {
            self.cells.entry(at).or_default().add(cell);
        }
        self.without += other.without;
    }

    /// Makes room for a step of time, and gives its number in what may now be larger steps.
    fn widen(&mut self, mut index: u64) -> u64 {
        let (first, last) = self.span.unwrap_or((index, index));
        self.span = Some((first.min(index), last.max(index)));
        while self.span.is_some_and(|(first, last)| last - first >= HEATMAP_COLUMNS as u64) {
            let smaller = self.step;
            self.coarsen(smaller.next());
            index = self.step.coarsen(index, smaller);
        }
        index
    }

    fn coarsen(&mut self, step: TimeStep) {
        if step <= self.step {
            return;
        }
        let smaller = std::mem::replace(&mut self.step, step);
        self.span =
            self.span.map(|(first, last)| (step.coarsen(first, smaller), step.coarsen(last, smaller)));
        for ((index, row), cell) in std::mem::take(&mut self.cells) {
            self.cells.entry((step.coarsen(index, smaller), row)).or_default().add(cell);
        }
    }

    /// As it is so far; `None` when there is nothing to draw.
    #[must_use]
    pub fn grid(&self) -> Option<Grid> {
        let (first, last) = self.span?;
        let lowest = self.cells.keys().map(|(_, row)| *row).min()?;
        let highest = self.cells.keys().map(|(_, row)| *row).max()?;
        let per_row = (highest - lowest) / HEATMAP_ROWS as i32 + 1;
        let count = ((highest - lowest) / per_row + 1) as usize;
        let columns = (last - first + 1) as usize;
        let mut rows = vec![vec![0.0; columns]; count];
        let mut errors = rows.clone();
        for ((index, row), cell) in &self.cells {
            let (row, column) = (((row - lowest) / per_row) as usize, (index - first) as usize);
            rows[row][column] += cell.weight;
            errors[row][column] += cell.errors;
        }
        let bound = |row: usize| (f64::from(lowest + row as i32 * per_row) / ROWS_PER_DOUBLING).exp2();
        Some(Grid {
            start: (first * self.step.seconds()) as f64,
            step: self.step.seconds() as f64,
            bounds: (0..=count).map(bound).collect(),
            rows,
            errors,
            without: self.without,
        })
    }

    /// How many events have no time or no number above 0 in the field.
    #[must_use]
    pub fn without(&self) -> f64 {
        self.without
    }
}

fn row(value: f64) -> i32 {
    (value.clamp(LEAST, GREATEST).log2() * ROWS_PER_DOUBLING).floor() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;
    use proptest::prelude::*;

    fn event(end: f64, x: f64) -> Vec<u8> {
        Value::map([
            ("type", Value::from("t")),
            ("end", Value::from(end)),
            ("body", Value::map([("x", Value::from(x))])),
        ])
        .to_msgpack()
    }

    proptest! {
        /// Whatever comes, there are not more cells than can be shown, each event is in the one where it belongs, and it
        /// does not matter who counted it.
        #[test]
        fn every_event_is_in_its_cell(events in prop::collection::vec((any::<bool>(), 1e9..2e9f64, 0.0..1e3f64), 1..80)) {
            let field = Path::parse("x").unwrap();
            let (mut one, mut two, mut all) = (Heatmap::new(&field), Heatmap::new(&field), Heatmap::new(&field));
            for (first, end, x) in &events {
                let bytes = event(*end, *x);
                let event = EncodedEvent::parse(&bytes).unwrap();
                if *first { &mut one } else { &mut two }.add(&event);
                all.add(&event);
            }
            one.merge(two);
            prop_assert_eq!(one.grid(), all.grid());
            let Some(grid) = one.grid() else { return Ok(()) };
            prop_assert!(grid.rows.len() <= HEATMAP_ROWS && grid.rows[0].len() <= HEATMAP_COLUMNS);
            for (number, row) in grid.rows.iter().enumerate() {
                for (column, count) in row.iter().enumerate() {
                    let times = grid.start + column as f64 * grid.step..grid.start + (column + 1) as f64 * grid.step;
                    let values = grid.bounds[number]..grid.bounds[number + 1];
                    let expected =
                        events.iter().filter(|(_, end, x)| times.contains(end) && values.contains(x)).count();
                    prop_assert_eq!(*count, expected as f64);
                }
            }
        }
    }

    #[test]
    fn errors_are_in_the_same_cells_and_columns_reach_as_far_as_is_asked() {
        let event = |end: f64, status: u32| {
            let body = Value::map([("x", Value::from(1.0)), ("status", Value::from(status))]);
            Value::map([("type", Value::from("t")), ("end", Value::from(end)), ("body", body)]).to_msgpack()
        };
        let mut heatmap = Heatmap::new(&Path::parse("x").unwrap()).with_errors();
        heatmap.cover(1e9, 1e9 + 99.5);
        assert_eq!(heatmap.grid(), None);
        let mut other = heatmap.part();
        for (end, status) in [(1e9 + 3.0, 200), (1e9 + 3.5, 503), (1e9 + 90.0, 200)] {
            other.add(&EncodedEvent::parse(&event(end, status)).unwrap());
        }
        heatmap.merge(other);
        let grid = heatmap.grid().unwrap();
        assert_eq!((grid.start, grid.step, grid.rows[0].len()), (1e9, 1.0, 100));
        let cells = |rows: &[Vec<f64>]| -> Vec<(usize, f64)> {
            rows[0].iter().copied().enumerate().filter(|(_, count)| *count > 0.0).collect()
        };
        assert_eq!(cells(&grid.rows), [(3, 2.0), (90, 1.0)]);
        assert_eq!(cells(&grid.errors), [(3, 1.0)]);
    }
}
