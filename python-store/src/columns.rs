//! Values into columns.

use arrow_array::builder::{
    BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Schema};
use blueox_event::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

/// The years 1 to 9999, in seconds since the epoch: what Python's calendar holds.
const CALENDAR: (f64, f64) = (-62_135_596_800.0, 253_402_300_800.0);

/// The columns of rows that come one after the other.
pub(crate) struct Columns {
    schema: Arc<Schema>,
    by_name: HashMap<String, usize>,
    columns: Vec<Column>,
    rows: usize,
}

struct Column {
    values: Values,
    /// Whether the row at hand has a value here.
    taken: bool,
}

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Time(TimestampMicrosecondBuilder),
}

impl Columns {
    /// Of types that [`crate::shape`] makes.
    pub(crate) fn new(schema: &Arc<Schema>) -> Self {
        let fields = schema.fields().iter();
        Self {
            schema: Arc::clone(schema),
            by_name: fields.clone().enumerate().map(|(at, field)| (field.name().clone(), at)).collect(),
            columns: fields.map(|field| Column::new(field.data_type())).collect(),
            rows: 0,
        }
    }

    /// How many rows there are.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Puts a value in the row at hand. One for which there is no column, or no room, is left out.
    pub(crate) fn put(&mut self, name: &str, value: &Value) {
        if let Some(column) = self.by_name.get(name).and_then(|at| self.columns.get_mut(*at)) {
            column.put(value);
        }
    }

    /// As [`Columns::put`], of an instant in seconds since the epoch.
    pub(crate) fn put_time(&mut self, name: &str, seconds: Option<f64>) {
        let seconds = seconds.filter(|seconds| (CALENDAR.0..CALENDAR.1).contains(seconds));
        let Some((at, seconds)) = self.by_name.get(name).zip(seconds) else { return };
        let column = &mut self.columns[*at];
        if let (Values::Time(values), false) = (&mut column.values, column.taken) {
            values.append_value((seconds * 1e6).round() as i64);
            column.taken = true;
        }
    }

    pub(crate) fn end_row(&mut self) {
        self.columns.iter_mut().for_each(Column::end_row);
        self.rows += 1;
    }

    /// Takes the rows out.
    pub(crate) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(Column::finish).collect();
        RecordBatch::try_new(Arc::clone(&self.schema), arrays)
    }
}

impl Column {
    fn new(data_type: &DataType) -> Self {
        let values = match data_type {
            DataType::Boolean => Values::Bool(BooleanBuilder::new()),
            DataType::Int64 => Values::Int(Int64Builder::new()),
            DataType::Float64 => Values::Float(Float64Builder::new()),
            DataType::Timestamp(..) => Values::Time(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
            _ => Values::Text(StringBuilder::new()),
        };
        Self { values, taken: false }
    }

    fn put(&mut self, value: &Value) {
        if self.taken || *value == Value::Nil {
            return;
        }
        match (&mut self.values, value) {
            (Values::Bool(values), Value::Bool(value)) => values.append_value(*value),
            (Values::Int(values), Value::Int(value)) => values.append_value(*value),
            (Values::Int(values), Value::UInt(value)) => match i64::try_from(*value) {
                Ok(value) => values.append_value(value),
                Err(_) => return,
            },
            (Values::Float(values), Value::F64(value)) => values.append_value(*value),
            (Values::Float(values), Value::F32(value)) => values.append_value(f64::from(*value)),
            (Values::Float(values), Value::Int(value)) => values.append_value(*value as f64),
            (Values::Float(values), Value::UInt(value)) => values.append_value(*value as f64),
            (Values::Text(values), value) => values.append_value(text_of(value)),
            _ => return,
        }
        self.taken = true;
    }

    fn end_row(&mut self) {
        if std::mem::take(&mut self.taken) {
            return;
        }
        match &mut self.values {
            Values::Bool(values) => values.append_null(),
            Values::Int(values) => values.append_null(),
            Values::Float(values) => values.append_null(),
            Values::Text(values) => values.append_null(),
            Values::Time(values) => values.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Bool(values) => Arc::new(values.finish()),
            Values::Int(values) => Arc::new(values.finish()),
            Values::Float(values) => Arc::new(values.finish()),
            Values::Text(values) => Arc::new(values.finish()),
            Values::Time(values) => Arc::new(values.finish()),
        }
    }
}

/// Text as it is, bytes that are not UTF-8 as `\xe9`, anything else as JSON.
fn text_of(value: &Value) -> String {
    let mut text = String::new();
    match value {
        Value::Str(bytes) | Value::Bin(bytes) => {
            json::write_text_lossless(bytes, &mut text).expect("BUG: a string takes everything");
        }
        value => {
            let bytes = value.to_msgpack();
            let raw = blueox_event::msgpack::RawValue::parse(&bytes).ok().flatten();
            json::write(raw.expect("BUG: it was encoded just now"), &mut text);
        }
    }
    text
}
