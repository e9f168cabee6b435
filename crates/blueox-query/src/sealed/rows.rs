//! The events of a sealed file, one after another.

use super::encode::{RowEncoder, Rows};
use super::file::SealedFile;
use super::positional::Positional;
use super::source::Numbered;
use super::{NODE, SEQ, STREAM, SealError};
use crate::need::Need;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, Int64Array, RecordBatch, StringArray};
use blueox_log::ranges::Spans;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowSelection, RowSelector};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The events of some row groups, as MsgPack.
pub struct SealedRows {
    path: PathBuf,
    /// The row groups that are still to be read.
    groups: VecDeque<SealedRowsOf>,
    encoder: Option<RowEncoder>,
    batches: Option<ParquetRecordBatchReader>,
    rows: Option<Rows>,
    /// The next row of the batch, and how many it has.
    next: usize,
    length: usize,
    /// The numbers that the rows to come have in the file.
    numbers: VecDeque<Range<u64>>,
    dropped: Spans,
    type_name: Vec<u8>,
    event: Vec<u8>,
}

/// The batches that the rows of a sealed file came in.
pub struct SealedNumbers {
    path: PathBuf,
    batches: ParquetRecordBatchReader,
    batch: Option<NumberColumns>,
    next: usize,
}

struct NumberColumns {
    node: StringArray,
    stream: StringArray,
    seq: Int64Array,
}

/// A row group, ready to be read.
struct SealedRowsOf {
    batches: ParquetRecordBatchReader,
    numbers: VecDeque<Range<u64>>,
    expected: Expected,
}

/// What is read of a row group, told when its turn comes.
pub(super) struct Expected {
    pub(super) bytes: Positional,
    pub(super) ranges: Vec<Range<u64>>,
}

impl Expected {
    fn tell(&self, path: &Path) -> Result<(), SealError> {
        self.bytes.ranged().expect(&self.ranges).map_err(SealError::io("read", path))
    }
}

impl SealedRows {
    pub(super) fn new(
        file: &SealedFile,
        need: &Need,
        groups: Vec<usize>,
        dropped: Spans,
    ) -> Result<Self, SealError> {
        let mut rows = Self {
            path: file.path().to_owned(),
            groups: VecDeque::new(),
            encoder: None,
            batches: None,
            rows: None,
            next: 0,
            length: 0,
            numbers: VecDeque::new(),
            dropped,
            type_name: file.type_name().to_vec(),
            event: Vec::new(),
        };
        for group in groups {
            let first = file.first_row(group);
            let count = u64::try_from(file.group(group).num_rows()).unwrap_or(0);
            let all = first..first + count;
            let numbers = match (&need.id, file.id_column()) {
                (Some(id), Some(column)) => rows_with(file, group, column, id, all)?,
                _ => VecDeque::from([all]),
            };
            if numbers.iter().any(|range| !range.is_empty()) {
                rows.groups.push_back(rows_of(file, need, group, first, numbers)?);
            }
        }
        Ok(rows)
    }

    /// The next event, with the number of its row; `None` at the end.
    ///
    /// # Errors
    /// When the file is damaged; what comes then is the end.
    pub fn next_event(&mut self) -> Option<Result<(u64, &[u8]), SealError>> {
        loop {
            while self.next < self.length {
                let row = self.next;
                self.next += 1;
                let number = self.next_number();
                if self.dropped.holds(number) {
                    continue;
                }
                let (encoder, rows) =
                    self.encoder.as_ref().zip(self.rows.as_ref()).expect("BUG: a batch is there");
                self.event.clear();
                if let Err(error) = encoder.encode(rows, row, &self.path, &mut self.event) {
                    self.end();
                    return Some(Err(error));
                }
                return Some(Ok((number, &self.event)));
            }
            match self.next_batch() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.end();
                    return Some(Err(error));
                }
            }
        }
    }

    fn next_number(&mut self) -> u64 {
        while let Some(range) = self.numbers.front_mut() {
            if let Some(number) = range.next() {
                return number;
            }
            self.numbers.pop_front();
        }
        u64::MAX
    }

    fn next_batch(&mut self) -> Result<bool, SealError> {
        loop {
            if let Some(batches) = &mut self.batches {
                match batches.next() {
                    Some(Ok(batch)) => {
                        let encoder = match &self.encoder {
                            Some(encoder) => encoder,
                            None => self.encoder.insert(RowEncoder::new(
                                batch.schema_ref(),
                                &self.type_name,
                                &self.path,
                            )?),
                        };
                        self.rows = Some(encoder.rows(&batch));
                        (self.next, self.length) = (0, batch.num_rows());
                        return Ok(true);
                    }
                    Some(Err(error)) => {
                        return Err(SealError::corrupt_because(&self.path, &error.to_string()));
                    }
                    None => self.batches = None,
                }
            }
            let Some(group) = self.groups.pop_front() else { return Ok(false) };
            group.expected.tell(&self.path)?;
            (self.batches, self.numbers) = (Some(group.batches), group.numbers);
        }
    }

    fn end(&mut self) {
        self.groups.clear();
        (self.batches, self.rows) = (None, None);
        (self.next, self.length) = (0, 0);
    }
}

impl SealedNumbers {
    pub(super) fn new(file: &SealedFile) -> Result<Self, SealError> {
        let columns: Option<Vec<usize>> =
            [NODE, STREAM, SEQ].into_iter().map(|name| file.column(name)).collect();
        let columns =
            columns.ok_or_else(|| SealError::corrupt_because(file.path(), "it has no numbers of batches"))?;
        (0..file.groups()).try_for_each(|group| file.expected(group, &columns).tell(file.path()))?;
        let builder = file.builder();
        let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
        let batches = builder.with_projection(mask).build().map_err(SealError::corrupt(file.path()))?;
        Ok(Self { path: file.path().to_owned(), batches, batch: None, next: 0 })
    }

    fn columns(&self, batch: &RecordBatch) -> Result<NumberColumns, SealError> {
        let text = |name: &str| batch.column_by_name(name)?.as_string_opt::<i32>().cloned();
        let seq =
            batch.column_by_name(SEQ).and_then(|column| column.as_primitive_opt::<Int64Type>().cloned());
        match (text(NODE), text(STREAM), seq) {
            (Some(node), Some(stream), Some(seq)) => Ok(NumberColumns { node, stream, seq }),
            _ => Err(SealError::corrupt_because(&self.path, "numbers of batches are of another type")),
        }
    }
}

/// For each row, in order; `None`: it is not known.
impl Iterator for SealedNumbers {
    type Item = Result<Option<Numbered>, SealError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(columns) = self.batch.as_ref().filter(|columns| self.next < columns.seq.len()) {
                let row = self.next;
                self.next += 1;
                return Some(Ok(columns.row(row)));
            }
            self.batch = None;
            let columns = match self.batches.next()? {
                Ok(batch) => self.columns(&batch),
                Err(error) => Err(SealError::corrupt_because(&self.path, &error.to_string())),
            };
            match columns {
                Ok(columns) => (self.batch, self.next) = (Some(columns), 0),
                Err(error) => return Some(Err(error)),
            }
        }
    }
}

impl NumberColumns {
    fn row(&self, row: usize) -> Option<Numbered> {
        if self.node.is_null(row) || self.stream.is_null(row) || self.seq.is_null(row) {
            return None;
        }
        let id = |text: &str| u128::from_str_radix(text, 16).ok();
        Some(Numbered {
            node: id(self.node.value(row))?,
            stream: id(self.stream.value(row))?,
            seq: u64::try_from(self.seq.value(row)).ok()?,
        })
    }
}

/// The rows of a group that have an id.
fn rows_with(
    file: &SealedFile,
    group: usize,
    column: usize,
    id: &[u8],
    all: Range<u64>,
) -> Result<VecDeque<Range<u64>>, SealError> {
    let corrupt = SealError::corrupt(file.path());
    file.expected(group, &[column]).tell(file.path())?;
    let builder = file.builder();
    let mask = ProjectionMask::roots(builder.parquet_schema(), [column]);
    let batches = builder.with_row_groups(vec![group]).with_projection(mask).build().map_err(&corrupt)?;
    let mut found: VecDeque<Range<u64>> = VecDeque::new();
    let mut number = all.start;
    for batch in batches {
        let batch = batch.map_err(|error| SealError::corrupt_because(file.path(), &error.to_string()))?;
        let ids = batch.column(0).as_string::<i32>();
        for row in 0..ids.len() {
            if !ids.is_null(row) && ids.value(row).as_bytes() == id {
                match found.back_mut() {
                    Some(last) if last.end == number => last.end += 1,
                    _ => found.push_back(number..number + 1),
                }
            }
            number += 1;
        }
    }
    Ok(found)
}

fn rows_of(
    file: &SealedFile,
    need: &Need,
    group: usize,
    first: u64,
    numbers: VecDeque<Range<u64>>,
) -> Result<SealedRowsOf, SealError> {
    let builder = if need.id.is_some() { file.builder_with_pages()? } else { file.builder() };
    let columns = file.columns(need);
    // Of pages that are passed over nothing is fetched.
    let expected = file.expected(group, if need.id.is_some() { &[] } else { &columns });
    let mask = ProjectionMask::roots(builder.parquet_schema(), columns);
    let mut builder = builder.with_row_groups(vec![group]).with_projection(mask);
    builder = builder.with_batch_size(file.batch_events());
    if need.id.is_some() {
        let mut selectors = Vec::new();
        let mut at = first;
        for range in &numbers {
            selectors.push(RowSelector::skip((range.start - at) as usize));
            selectors.push(RowSelector::select((range.end - range.start) as usize));
            at = range.end;
        }
        builder = builder.with_row_selection(RowSelection::from(selectors));
    }
    let batches = builder.build().map_err(SealError::corrupt(file.path()))?;
    Ok(SealedRowsOf { batches, numbers, expected })
}
