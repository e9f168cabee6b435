//! How often which value occurred when, and how often that was an error.

use super::limits::{HEATMAP_COLUMNS, HEATMAP_ROWS};
use super::parameters::Parameters;
use super::question::{Answer, Question};
use super::range::{Asked, field};
use super::refusal::Refusal;
use super::store::Counts;
use blueox_event::{EncodedEvent, Path};
use blueox_query::heatmap::{Grid, Heatmap};
use blueox_query::limits::TIMES;
use blueox_query::statistics::StatisticsError;
use serde_json::Value;

/// `GET /api/v1/heatmap`
#[derive(Debug)]
pub(crate) struct HeatmapQuestion {
    field: Path,
    columns: usize,
    rows: usize,
}

impl Counts for Heatmap {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        Heatmap::add(self, event);
        Ok(())
    }

    fn part(&self, _parts: usize) -> Self {
        Heatmap::part(self)
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        Heatmap::merge(self, other);
        Ok(())
    }

    fn paths(&self) -> Option<Vec<Path>> {
        Some(Heatmap::paths(self))
    }
}

impl Question for HeatmapQuestion {
    type Counts = Heatmap;

    fn read(parameters: &mut Parameters, _asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        Ok(Self {
            field: field(parameters)?,
            columns: parameters.count("columns", HEATMAP_COLUMNS)?,
            rows: parameters.count("rows", HEATMAP_ROWS)?,
        })
    }

    fn counts(&self, asked: &Asked) -> Result<Heatmap, Refusal> {
        let mut heatmap = Heatmap::new(&self.field).with_errors();
        // What is older than any clock is no axis.
        heatmap.cover(asked.since.max(TIMES.0), asked.until);
        Ok(heatmap)
    }

    fn answer(&self, asked: &Asked, heatmap: Heatmap, answer: &mut Answer) -> Result<(), Refusal> {
        answer.put("field", self.field.to_string());
        let grid = heatmap.grid().map(|grid| fold(&grid, self.columns, self.rows));
        let grid = grid.unwrap_or_else(|| Grid {
            start: asked.since,
            step: asked.seconds(),
            bounds: Vec::new(),
            rows: Vec::new(),
            errors: Vec::new(),
            without: heatmap.without(),
        });
        answer.put("start", grid.start);
        answer.put("step", grid.step);
        answer.put("columns", grid.rows.first().map_or(0, Vec::len));
        answer.put("max", grid.rows.iter().flatten().copied().fold(0.0, f64::max));
        answer.put("count", grid.rows.iter().flatten().sum::<f64>());
        answer.put("without", grid.without);
        answer.put("bounds", grid.bounds.iter().copied().collect::<Value>());
        answer.put_json("rows", cells(&grid.rows));
        answer.put_json("errors", cells(&grid.errors));
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        Some((None, vec!["--heatmap".to_owned(), self.field.to_string()]))
    }
}

/// Adds columns and rows together until there are no more than so many.
fn fold(grid: &Grid, columns: usize, rows: usize) -> Grid {
    let per_column = grid.rows[0].len().div_ceil(columns);
    let per_row = grid.rows.len().div_ceil(rows);
    let add = |cells: &[Vec<f64>]| -> Vec<Vec<f64>> {
        let row = |rows: &[Vec<f64>]| {
            let mut sums = vec![0.0; rows[0].len().div_ceil(per_column)];
            for row in rows {
                for (column, count) in row.iter().enumerate() {
                    sums[column / per_column] += count;
                }
            }
            sums
        };
        cells.chunks(per_row).map(row).collect()
    };
    // The last row may go beyond what the grid has.
    let ratio = (grid.bounds[1] / grid.bounds[0]).powi(i32::try_from(per_row).unwrap_or(1));
    let count = grid.rows.len().div_ceil(per_row);
    let bound = |row: usize| {
        let exact = grid.bounds.get(row * per_row).copied();
        exact.unwrap_or_else(|| grid.bounds[(row - 1) * per_row] * ratio)
    };
    Grid {
        start: grid.start,
        step: grid.step * per_column as f64,
        bounds: (0..=count).map(bound).collect(),
        rows: add(&grid.rows),
        errors: add(&grid.errors),
        without: grid.without,
    }
}

/// Rows of numbers as JSON. Most of them are 0.
fn cells(rows: &[Vec<f64>]) -> String {
    let mut text = String::from("[");
    for (number, row) in rows.iter().enumerate() {
        text.push_str(if number == 0 { "[" } else { ",[" });
        for (column, count) in row.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            if *count == 0.0 {
                text.push('0');
            } else {
                text.push_str(&count.to_string());
            }
        }
        text.push(']');
    }
    text.push(']');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_loses_no_event() {
        let grid = Grid {
            start: 100.0,
            step: 5.0,
            bounds: vec![1.0, 2.0, 4.0, 8.0],
            rows: vec![vec![1.0, 2.0, 3.0], vec![0.0, 4.0, 0.0], vec![5.0, 0.0, 0.5]],
            errors: vec![vec![0.0; 3], vec![0.0, 1.0, 0.0], vec![0.0; 3]],
            without: 7.0,
        };
        assert_eq!(fold(&grid, 3, 3), grid);
        let folded = fold(&grid, 2, 2);
        assert_eq!(folded.rows, [vec![7.0, 3.0], vec![5.0, 0.5]]);
        assert_eq!(folded.errors, [vec![1.0, 0.0], vec![0.0, 0.0]]);
        assert_eq!((folded.step, folded.bounds), (10.0, vec![1.0, 4.0, 16.0]));
        assert_eq!(cells(&folded.rows), "[[7,3],[5,0.5]]");
        assert_eq!(cells(&[]), "[]");
    }
}
