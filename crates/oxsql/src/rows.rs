//! Events into batches of columns.

use crate::field::{self, Field, Form, Place};
use blueox_event::EncodedEvent;
use blueox_event::event::Found;
use blueox_event::json;
use blueox_event::msgpack::{RawValue, Token};
use blueox_query::failed::Failed;
use blueox_query::lookups::{Findings, Lookups, Slot};
use datafusion::arrow::array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::array::{ArrayRef, RecordBatch, RecordBatchOptions};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use std::sync::Arc;

/// A batch is full with so many events.
const BATCH_EVENTS: usize = 8_192;
/// Or with so many bytes of text.
const BATCH_BYTES: usize = 8 << 20;
/// The years 1 to 9999, in seconds since the epoch, as in sealed files.
const CALENDAR: (f64, f64) = (-62_135_596_800.0, 253_402_300_800.0);

/// What of an event is a timestamp.
pub(crate) fn timestamp(end: f64) -> Option<i64> {
    (CALENDAR.0..CALENDAR.1).contains(&end).then(|| (end * 1e6).round() as i64)
}

/// Takes events until they are a batch.
#[derive(Debug)]
pub(crate) struct Rows {
    schema: SchemaRef,
    columns: Vec<Column>,
    lookups: Lookups,
    failed: Option<Failed>,
    events: usize,
    bytes: usize,
    scratch: String,
}

#[derive(Debug)]
struct Column {
    place: Place,
    slot: Option<Slot>,
    values: Values,
}

#[derive(Debug)]
enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Rows {
    /// Batches of these columns.
    pub(crate) fn new(schema: SchemaRef, fields: &[Field]) -> Self {
        let mut lookups = Lookups::default();
        let mut failed = None;
        let columns = fields.iter().map(|field| {
            if field.place == Place::Failed {
                failed = Some(Failed::new(&mut lookups));
            }
            let slot = match &field.place {
                Place::Path(path) => Some(lookups.add(path)),
                _ => None,
            };
            Column { place: field.place.clone(), slot, values: Values::new(field.form) }
        });
        let columns = columns.collect();
        Self { schema, columns, lookups, failed, events: 0, bytes: 0, scratch: String::new() }
    }

    /// Takes an event. `true`: the batch is full.
    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>) -> bool {
        let mut found = Findings::default();
        self.lookups.find(event, &mut found);
        for column in &mut self.columns {
            let value = match (&column.place, column.slot) {
                (_, Some(slot)) => found.get(slot),
                (Place::Own(name), None) => event.raw().get(name.as_bytes()).map(Found::Value),
                (Place::Duration, None) => event.duration().map(Found::Duration),
                (Place::Start, None) => event.start().map(Found::Duration),
                (Place::End, None) => event.end().map(Found::Duration),
                (Place::Weight, None) => Some(Found::Duration(event.weight())),
                (Place::Failed, None) => {
                    let failed = self.failed.as_ref().is_some_and(|failed| failed.is_error(&found));
                    column.values.append_bool(failed);
                    continue;
                }
                (Place::Time, None) => {
                    column.values.append_time(event.end().and_then(timestamp));
                    continue;
                }
                (Place::Type, None) => {
                    self.bytes += column.values.append_text(Some(event.type_bytes()), &mut self.scratch);
                    continue;
                }
                (Place::Id, None) => {
                    self.bytes += column.values.append_text(event.id_text().as_deref(), &mut self.scratch);
                    continue;
                }
                (Place::Path(_), None) => None,
            };
            self.bytes += column.values.append(value, &mut self.scratch);
        }
        self.events += 1;
        self.events >= BATCH_EVENTS || self.bytes >= BATCH_BYTES
    }

    /// What has been taken, if anything.
    ///
    /// # Errors
    /// Never: the columns are as long as there were events.
    pub(crate) fn take(&mut self) -> Result<Option<RecordBatch>, ArrowError> {
        let events = std::mem::take(&mut self.events);
        self.bytes = 0;
        if events == 0 {
            return Ok(None);
        }
        let arrays = self.columns.iter_mut().map(|column| column.values.finish()).collect();
        // A count asks for no column at all.
        let options = RecordBatchOptions::new().with_row_count(Some(events));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options).map(Some)
    }
}

impl Values {
    fn new(form: Form) -> Self {
        match form {
            Form::Bool => Self::Bool(BooleanBuilder::new()),
            Form::Int => Self::Int(Int64Builder::new()),
            Form::Float => Self::Float(Float64Builder::new()),
            Form::Text => Self::Text(StringBuilder::new()),
            Form::Time => Self::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        }
    }

    /// Appends a value, null where the column cannot hold it; gives how many bytes of text it is.
    fn append(&mut self, found: Option<Found<'_>>, scratch: &mut String) -> usize {
        let value = match found {
            Some(Found::Value(value)) => Some(value),
            Some(Found::Duration(number)) => {
                if let Self::Float(values) = self {
                    values.append_value(number);
                    return 8;
                }
                None
            }
            None => None,
        };
        match self {
            Self::Bool(values) => values.append_option(value.and_then(as_bool)),
            Self::Int(values) => values.append_option(value.and_then(as_int)),
            Self::Float(values) => values.append_option(value.and_then(RawValue::as_f64)),
            Self::Time(values) => values.append_null(),
            Self::Text(values) => {
                scratch.clear();
                if value.is_some_and(|value| field::write_text(value, scratch)) {
                    values.append_value(&*scratch);
                    return scratch.len();
                }
                values.append_null();
            }
        }
        8
    }

    fn append_text(&mut self, bytes: Option<&[u8]>, scratch: &mut String) -> usize {
        let Self::Text(values) = self else { return 0 };
        match bytes.map(str::from_utf8) {
            None => values.append_null(),
            Some(Ok(text)) => values.append_value(text),
            Some(Err(_)) => {
                scratch.clear();
                let bytes = bytes.unwrap_or_default();
                json::write_text_lossless(bytes, scratch).expect("BUG: writing to memory failed");
                values.append_value(&*scratch);
            }
        }
        bytes.map_or(0, <[u8]>::len)
    }

    fn append_bool(&mut self, value: bool) {
        if let Self::Bool(values) = self {
            values.append_value(value);
        }
    }

    fn append_time(&mut self, value: Option<i64>) {
        if let Self::Time(values) = self {
            values.append_option(value);
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Bool(values) => Arc::new(values.finish()),
            Self::Int(values) => Arc::new(values.finish()),
            Self::Float(values) => Arc::new(values.finish()),
            Self::Text(values) => Arc::new(values.finish()),
            Self::Time(values) => Arc::new(values.finish()),
        }
    }
}

fn as_bool(value: RawValue<'_>) -> Option<bool> {
    match value.token() {
        Token::Bool(value) => Some(value),
        _ => None,
    }
}

fn as_int(value: RawValue<'_>) -> Option<i64> {
    match value.token() {
        Token::Int(number) => Some(number),
        Token::UInt(number) => i64::try_from(number).ok(),
        _ => None,
    }
}
