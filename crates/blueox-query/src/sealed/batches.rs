//! The columns of a sealed file as they are, for who counts in columns and needs no events.

use super::file::{SealedFile, may_lead_to, place_of_column};
use super::split::{self, BODY, OWN};
use super::{REST, SealError};
use arrow_array::RecordBatch;
use arrow_schema::DataType;
use blueox_event::Path as FieldPath;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use std::path::PathBuf;

/// Where in a sealed file the values of a field are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// No event has one.
    Nowhere,
    /// All of them in this column.
    Column(String),
    /// In several columns, or some of them in none: only the events tell.
    Scattered,
}

/// The rows of some row groups, in columns.
pub struct SealedBatches {
    path: PathBuf,
    /// The first row of each row group that is still to be read, and its rows.
    groups: std::vec::IntoIter<(u64, ParquetRecordBatchReader)>,
    current: Option<(u64, ParquetRecordBatchReader)>,
}

impl SealedFile {
    /// Where the values are that looking `path` up in the events leads to.
    #[must_use]
    pub fn standing(&self, path: &FieldPath) -> Standing {
        if self.rest_places().any(|place| may_lead_to(path, &place)) {
            return Standing::Scattered;
        }
        let mut columns = self
            .event_columns()
            .filter(|(name, _)| may_lead_to(path, &place_of_column(name)))
            .map(|(name, _)| name);
        let Some(name) = columns.next() else { return Standing::Nowhere };
        let place = place_of_column(name);
        let is_it = |place: &[&str]| path.segments().iter().map(String::as_str).eq(place.iter().copied());
        let is_whole = is_it(&place) || (place[0] == BODY && is_it(&place[1..]));
        if is_whole && columns.next().is_none() {
            Standing::Column(name.to_owned())
        } else {
            Standing::Scattered
        }
    }

    /// Where the values of one of the event's own fields are; those of a body that are named alike are not meant.
    #[must_use]
    pub fn own_standing(&self, field: &str) -> Standing {
        if !self.column_has_all(field) {
            return Standing::Scattered;
        }
        match self.event_columns().find(|(name, _)| *name == field && OWN.contains(name)) {
            Some((name, _)) => Standing::Column(name.to_owned()),
            None => Standing::Nowhere,
        }
    }

    /// Whether all of its events are of its type.
    #[must_use]
    pub fn is_of_one_type(&self) -> bool {
        self.column_has_all("type")
    }

    /// The columns that hold values of events, and their types; not those that only earlier files had values in.
    pub fn event_columns(&self) -> impl Iterator<Item = (&str, &DataType)> {
        let fields = self.arrow_schema().fields().iter().enumerate();
        fields
            .filter(|(at, field)| super::is_event_column(field.name()) && self.has_values(*at))
            .map(|(_, field)| (field.name().as_str(), field.data_type()))
    }

    /// The paths below the body of which values stand in no column; an empty one: any.
    pub fn scattered_paths(&self) -> impl Iterator<Item = &str> {
        self.rest_paths().iter().filter_map(|path| {
            if path == BODY || path.is_empty() { Some("") } else { path.strip_prefix("body.") }
        })
    }

    fn rest_places(&self) -> impl Iterator<Item = Vec<&str>> {
        self.rest_paths()
            .iter()
            .map(|path| if path.is_empty() { Vec::new() } else { path.split('.').collect() })
    }

    /// Some columns of some row groups. Not `_rest`, which is of no use to anyone else.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn batches(&self, columns: &[&str], groups: Vec<usize>) -> Result<SealedBatches, SealError> {
        let roots: Vec<usize> =
            columns.iter().filter(|name| **name != REST).filter_map(|name| self.column(name)).collect();
        let mut readers = Vec::with_capacity(groups.len());
        for group in groups {
            let builder = self.builder();
            let mask = ProjectionMask::roots(builder.parquet_schema(), roots.iter().copied());
            let reader = builder
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_batch_size(self.batch_events())
                .build()
                .map_err(SealError::corrupt(self.path()))?;
            readers.push((self.first_row(group), reader));
        }
        Ok(SealedBatches { path: self.path().to_owned(), groups: readers.into_iter(), current: None })
    }
}

/// The number of a batch's first row in the file, and the batch; its columns are in the file's order.
impl Iterator for SealedBatches {
    type Item = Result<(u64, RecordBatch), SealError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Some((row, reader)) = &mut self.current else {
                self.current = Some(self.groups.next()?);
                continue;
            };
            match reader.next() {
                Some(Ok(batch)) => {
                    let first = *row;
                    *row += batch.num_rows() as u64;
                    return Some(Ok((first, batch)));
                }
                Some(Err(error)) => {
                    self.current = None;
                    self.groups = Vec::new().into_iter();
                    return Some(Err(SealError::corrupt_because(&self.path, &error.to_string())));
                }
                None => self.current = None,
            }
        }
    }
}

/// The column of a path of the body, as sealed files name it.
#[must_use]
pub fn column_name(path: &str) -> String {
    split::column_name(path).into_owned()
}
