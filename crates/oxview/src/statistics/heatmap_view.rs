//! A heatmap on a terminal, as JSON, or as CSV.
//!
//! ```text
//! 1.0s  ░  ▒█
//! 500ms ▒▒▓█░
//!       12:00                12:05
//! ```

use super::number::{exact, short, thousands};
use super::table_view::member;
use super::{Form, Manner};
use crate::duration;
use crate::fields::timestamp;
use crate::form::csv;
use crate::text;
use blueox_event::Value;
use blueox_query::heatmap::{Grid, Heatmap};

/// From few to many, each three times the one before or more.
const SHADES: [char; 4] = ['░', '▒', '▓', '█'];
/// Columns where there is no terminal to ask.
const COLUMNS: usize = 100;
/// Rows on a terminal.
const ROWS: usize = 24;

/// Appends the heatmap in the form that is wanted, and gives what there is to say about it.
pub(crate) fn write(heatmap: &Heatmap, manner: &Manner, out: &mut Vec<u8>) -> Vec<String> {
    let field = manner.heatmap.as_deref().unwrap_or_default();
    let without = heatmap.without();
    let remark = format!("{} events have no time, or no number above 0 in {field}", thousands(without));
    let Some(grid) = heatmap.grid() else {
        let nothing = if without > 0.0 { remark } else { "no event matches".to_owned() };
        return vec![nothing];
    };
    match manner.form {
        Form::Table => people(&grid, field, manner, out),
        Form::Json => json(&grid, field, out),
        Form::Csv => csv(&grid, out),
    }
    if without > 0.0 { vec![remark] } else { Vec::new() }
}

fn people(grid: &Grid, field: &str, manner: &Manner, out: &mut Vec<u8>) {
    let bound = |value: f64| if field == "duration" { duration::short(value) } else { short(value) };
    let per_row = grid.rows.len().div_ceil(ROWS);
    let bounds: Vec<String> = grid.bounds.iter().step_by(per_row).map(|value| bound(*value)).collect();
    let label = bounds.iter().map(|bound| text::width(bound)).max().unwrap_or(0);
    let room = manner.columns.unwrap_or(COLUMNS).saturating_sub(label + 1).max(1);
    let per_column = grid.rows[0].len().div_ceil(room);
    let rows: Vec<Vec<f64>> = grid.rows.chunks(per_row).map(|rows| add(rows, per_column)).collect();
    let most = rows.iter().flatten().copied().fold(0.0, f64::max);
    for (number, row) in rows.iter().enumerate().rev() {
        let cells: String = row.iter().map(|count| shade(*count, most)).collect();
        let dim = manner.palette.dim();
        let line = format!("{dim}{}{dim:#} {}", text::pad(&bounds[number], label), cells.trim_end());
        out.extend_from_slice(format!("{}\n", line.trim_end()).as_bytes());
    }
    let end = grid.start + grid.step * grid.rows[0].len() as f64;
    let step = duration::short(grid.step * per_column as f64);
    let line = format!(
        "{} to {} UTC, {step} a column, up to {} events a cell",
        moment(grid.start),
        moment(end),
        thousands(most)
    );
    out.extend_from_slice(format!("{} {line}\n", text::pad("", label)).as_bytes());
}

fn moment(seconds: f64) -> String {
    timestamp(seconds).trim_end_matches(".000Z").replacen('T', " ", 1)
}

/// The sums of rows, and of so many columns each.
fn add(rows: &[Vec<f64>], per_column: usize) -> Vec<f64> {
    let columns = rows[0].len().div_ceil(per_column);
    let mut sums = vec![0.0; columns];
    for row in rows {
        for (column, count) in row.iter().enumerate() {
            sums[column / per_column] += count;
        }
    }
    sums
}

fn shade(count: f64, most: f64) -> char {
    if count <= 0.0 {
        return ' ';
    }
    // Where there is much, little is still seen.
    let share = (count + 1.0).ln() / (most + 1.0).ln();
    SHADES[((share * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1]
}

fn json(grid: &Grid, field: &str, out: &mut Vec<u8>) {
    let numbers = |numbers: &[f64]| Value::Array(numbers.iter().map(|number| exact(*number)).collect());
    let mut json = String::from("{");
    member("field", &Value::from(field), &mut json);
    member("start", &Value::from(timestamp(grid.start)), &mut json);
    member("step", &exact(grid.step), &mut json);
    member("bounds", &numbers(&grid.bounds), &mut json);
    member("rows", &Value::Array(grid.rows.iter().map(|row| numbers(row)).collect()), &mut json);
    member("without", &exact(grid.without), &mut json);
    json.push_str("}\n");
    out.extend_from_slice(json.as_bytes());
}

fn csv(grid: &Grid, out: &mut Vec<u8>) {
    let mut text = String::new();
    csv::row(["time", "from", "to", "count"].map(str::to_owned).into_iter(), &mut text);
    for column in 0..grid.rows[0].len() {
        let time = timestamp(grid.start + grid.step * column as f64);
        for (number, row) in grid.rows.iter().enumerate().filter(|(_, row)| row[column] > 0.0) {
            let numbers = [grid.bounds[number], grid.bounds[number + 1], row[column]];
            csv::row([time.clone()].into_iter().chain(numbers.map(|number| number.to_string())), &mut text);
        }
    }
    out.extend_from_slice(text.as_bytes());
}
