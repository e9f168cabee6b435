//! Events into columns.

use super::columns::{self, Kind};
use super::metadata::Metadata;
use super::rest_paths::RestPaths;
use super::source::Numbered;
use super::split::split;
use super::{ID, TIME};
use crate::limits::{ROW_GROUP_BYTES, ROW_GROUP_EVENTS, SEALED_BATCH_BYTES, SEALED_BATCH_EVENTS};
use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::Schema;
use blueox_event::Value;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

/// The years 1 to 9999, in seconds since the epoch.
const CALENDAR: (f64, f64) = (-62_135_596_800.0, 253_402_300_800.0);

pub(super) struct SealedWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: Arc<Schema>,
    metadata: Metadata,
    rest_paths: RestPaths,
    by_name: HashMap<String, usize>,
    columns: Vec<Column>,
    time: TimestampMicrosecondBuilder,
    rest: BinaryBuilder,
    numbers: Numbers,
    events: usize,
    bytes: usize,
}

impl<W: Write + Send> SealedWriter<W> {
    pub(super) fn new(
        target: W,
        columns: &[(String, Kind)],
        metadata: Metadata,
    ) -> Result<Self, ParquetError> {
        let schema = columns::schema(columns);
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
            .set_max_row_group_row_count(Some(ROW_GROUP_EVENTS))
            .set_column_bloom_filter_enabled(ColumnPath::from(ID), true)
            // No two ids are alike but those of one trace: a dictionary would be in the way.
            .set_column_dictionary_enabled(ColumnPath::from(ID), false)
            .set_column_dictionary_enabled(ColumnPath::from(TIME), false)
            .set_column_encoding(ColumnPath::from(TIME), Encoding::DELTA_BINARY_PACKED)
            .build();
        Ok(Self {
            writer: ArrowWriter::try_new(target, Arc::clone(&schema), Some(properties))?,
            schema,
            metadata,
            rest_paths: RestPaths::default(),
            by_name: columns.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect(),
            columns: columns.iter().map(|(_, kind)| Column::new(*kind)).collect(),
            time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            rest: BinaryBuilder::new(),
            numbers: Numbers::default(),
            events: 0,
            bytes: 0,
        })
    }

    /// Appends an event of so many bytes.
    pub(super) fn add(
        &mut self,
        event: &Value,
        end: Option<f64>,
        numbered: Option<Numbered>,
        bytes: usize,
    ) -> Result<(), ParquetError> {
        let (by_name, columns) = (&self.by_name, &mut self.columns);
        let rest = split(event, &self.metadata.type_name, &mut |name, value| {
            by_name.get(name).is_some_and(|at| columns[*at].take(value))
        });
        for column in columns {
            column.end_event();
        }
        // A time that no calendar holds is left out: other engines would stumble over it.
        let end = end.filter(|end| (CALENDAR.0..CALENDAR.1).contains(end));
        self.time.append_option(end.map(|seconds| (seconds * 1e6).round() as i64));
        self.rest_paths.add(&rest);
        self.numbers.add(numbered);
        self.rest.append_option((!rest.is_empty()).then(|| Value::Map(rest).to_msgpack()));
        self.events += 1;
        self.bytes += bytes;
        if self.events >= SEALED_BATCH_EVENTS || self.bytes >= SEALED_BATCH_BYTES {
            self.write_batch()?;
        }
        Ok(())
    }

    fn write_batch(&mut self) -> Result<(), ParquetError> {
        if self.events == 0 {
            return Ok(());
        }
        let mut arrays: Vec<ArrayRef> = vec![Arc::new(self.time.finish())];
        arrays.extend(self.columns.iter_mut().map(Column::finish));
        arrays.push(Arc::new(self.rest.finish()));
        arrays.extend(self.numbers.finish());
        self.writer.write(&RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)?;
        if self.writer.in_progress_size() >= ROW_GROUP_BYTES {
            self.writer.flush()?;
        }
        (self.events, self.bytes) = (0, 0);
        Ok(())
    }

    /// Writes what is left, and the footer.
    pub(super) fn finish(mut self) -> Result<W, ParquetError> {
        self.write_batch()?;
        self.metadata.rest = self.rest_paths.into_names();
        for pair in self.metadata.to_pairs() {
            self.writer.append_key_value_metadata(pair);
        }
        self.writer.into_inner()
    }
}

/// The columns that say which batch an event came in, for engines that know nothing of ranges.
#[derive(Default)]
struct Numbers {
    node: StringBuilder,
    stream: StringBuilder,
    seq: Int64Builder,
    /// The last one, as text.
    last: Option<(Numbered, String, String)>,
}

impl Numbers {
    fn add(&mut self, numbered: Option<Numbered>) {
        // A number that no engine can hold is none; nobody gets that far.
        let Some((numbered, seq)) = numbered.and_then(|found| Some((found, i64::try_from(found.seq).ok()?)))
        else {
            self.node.append_null();
            self.stream.append_null();
            self.seq.append_null();
            return;
        };
        let is_last = |last: &Numbered| last.node == numbered.node && last.stream == numbered.stream;
        if !self.last.as_ref().is_some_and(|(last, ..)| is_last(last)) {
            let hex = |id: u128| format!("{id:032x}");
            self.last = Some((numbered, hex(numbered.node), hex(numbered.stream)));
        }
        let (_, node, stream) = self.last.as_ref().expect("BUG: set above");
        self.node.append_value(node);
        self.stream.append_value(stream);
        self.seq.append_value(seq);
    }

    fn finish(&mut self) -> [ArrayRef; 3] {
        [Arc::new(self.node.finish()), Arc::new(self.stream.finish()), Arc::new(self.seq.finish())]
    }
}

struct Column {
    values: Values,
    /// Whether the event at hand has a value here.
    taken: bool,
}

enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
}

impl Column {
    fn new(kind: Kind) -> Self {
        let values = match kind {
            Kind::Bool => Values::Bool(BooleanBuilder::new()),
            Kind::Int => Values::Int(Int64Builder::new()),
            Kind::Float => Values::Float(Float64Builder::new()),
            Kind::Text => Values::Text(StringBuilder::new()),
        };
        Self { values, taken: false }
    }

    /// `false`: the column is of another type.
    fn take(&mut self, value: &Value) -> bool {
        match (&mut self.values, value) {
            (Values::Bool(values), Value::Bool(value)) => values.append_value(*value),
            (Values::Int(values), Value::Int(value)) => values.append_value(*value),
            (Values::Int(values), Value::UInt(value)) => match i64::try_from(*value) {
                Ok(value) => values.append_value(value),
                Err(_) => return false,
            },
            (Values::Float(values), Value::F64(value)) => values.append_value(*value),
            (Values::Text(values), Value::Str(value)) => match str::from_utf8(value) {
                Ok(value) => values.append_value(value),
                Err(_) => return false,
            },
            _ => return false,
        }
        self.taken = true;
        true
    }

    fn end_event(&mut self) {
        if std::mem::take(&mut self.taken) {
            return;
        }
        match &mut self.values {
            Values::Bool(values) => values.append_null(),
            Values::Int(values) => values.append_null(),
            Values::Float(values) => values.append_null(),
            Values::Text(values) => values.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Values::Bool(values) => Arc::new(values.finish()),
            Values::Int(values) => Arc::new(values.finish()),
            Values::Float(values) => Arc::new(values.finish()),
            Values::Text(values) => Arc::new(values.finish()),
        }
    }
}
