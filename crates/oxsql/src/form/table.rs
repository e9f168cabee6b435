//! An answer as a table for people.
//!
//! ```text
//! request.path  count(*)  p(99, duration)
//! /cart            8,412           0.9102
//! ```
//!
//! The first rows decide how wide the columns are; what is longer in later ones moves its line.

use crate::palette::Palette;
use crate::text;
use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float32Type, Float64Type, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use std::iter::repeat_n;

/// So many rows are looked at before the first is written.
const ROWS_MEASURED: usize = 1_000;
/// On a terminal a cell is cut to so many columns.
const CELL_COLUMNS: usize = 60;
/// What is not there.
const NULL: &str = "-";

pub(crate) struct Table {
    palette: Palette,
    columns: Option<usize>,
    heads: Vec<String>,
    /// Numbers stand at the right.
    right: Vec<bool>,
    /// Rows whose widths are not decided yet.
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(super) fn new(schema: &SchemaRef, palette: Palette, columns: Option<usize>) -> Self {
        let heads = schema.fields().iter().map(|field| text::printable_text(field.name().as_bytes()));
        Self {
            palette,
            columns,
            heads: heads.collect(),
            right: schema.fields().iter().map(|field| field.data_type().is_numeric()).collect(),
            held: Vec::new(),
            widths: None,
        }
    }

    pub(super) fn write(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let options = FormatOptions::default().with_display_error(true).with_null(NULL);
        let formatters = batch
            .columns()
            .iter()
            .map(|column| ArrayFormatter::try_new(column.as_ref(), &options))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().zip(&formatters).map(|(column, formatter)| {
                let cell = float(column.as_ref(), row).unwrap_or_else(|| formatter.value(row).to_string());
                let cell = text::printable_text(cell.as_bytes());
                if self.columns.is_some() { text::cut(&cell, CELL_COLUMNS) } else { cell }
            });
            let cells: Vec<String> = cells.collect();
            match &self.widths {
                Some(widths) => self.line(&cells, widths, out),
                None => {
                    self.held.push(cells);
                    if self.held.len() >= ROWS_MEASURED {
                        self.let_go(out);
                    }
                }
            }
        }
        Ok(())
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.widths.is_none() {
            self.let_go(out);
        }
    }

    fn let_go(&mut self, out: &mut Vec<u8>) {
        let rows = std::mem::take(&mut self.held);
        let widths: Vec<usize> = self
            .heads
            .iter()
            .enumerate()
            .map(|(at, head)| {
                rows.iter().map(|row| text::width(&row[at])).chain([text::width(head)]).max().unwrap_or(0)
            })
            .collect();
        let style = self.palette.dim();
        out.extend_from_slice(format!("{style}{}{style:#}\n", self.aligned(&self.heads, &widths)).as_bytes());
        for row in &rows {
            self.line(row, &widths, out);
        }
        self.widths = Some(widths);
    }

    fn line(&self, cells: &[String], widths: &[usize], out: &mut Vec<u8>) {
        out.extend_from_slice(self.aligned(cells, widths).as_bytes());
        out.push(b'\n');
    }

    fn aligned(&self, cells: &[String], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            if at > 0 {
                line.push_str("  ");
            }
            let blank = widths[at].saturating_sub(text::width(cell));
            if self.right[at] {
                line.extend(repeat_n(' ', blank));
            }
            line.push_str(cell);
            if !self.right[at] {
                line.extend(repeat_n(' ', blank));
            }
        }
        text::cut(line.trim_end(), self.columns.unwrap_or(usize::MAX))
    }
}

/// A float with as many digits as people read: six that matter.
fn float(column: &dyn Array, row: usize) -> Option<String> {
    if column.is_null(row) {
        return None;
    }
    let value = match column.data_type() {
        DataType::Float64 => column.as_primitive::<Float64Type>().value(row),
        DataType::Float32 => f64::from(column.as_primitive::<Float32Type>().value(row)),
        _ => return None,
    };
    Some(readable(value))
}

fn readable(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || !value.is_finite() {
        return format!("{value}");
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.5e}");
    }
    let before = size.log10().floor() as i32 + 1;
    let digits = usize::try_from((6 - before).clamp(0, 9)).unwrap_or(0);
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_the_digits_that_people_read() {
        for (value, expected) in [
            (0.812_000_000_000_000_1, "0.812"),
            (1_331_640_000.25, "1331640000"),
            (0.000_123_456_78, "0.000123457"),
            (12.0, "12"),
            (-3.5, "-3.5"),
            (1e-9, "1.00000e-9"),
            (0.0, "0"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(readable(value), expected);
        }
    }
}
