//! A row of columns as the MsgPack of an event.

use super::columns::Kind;
use super::split::{self, BODY, OWN};
use super::{REST, SealError};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Schema};
use blueox_event::Value;
use blueox_event::msgpack::RawValue;
use rmp::encode as msgpack;
use std::path::Path;

/// The columns of some rows, as they make up events.
pub(super) struct RowEncoder {
    type_name: Vec<u8>,
    /// The event's own fields, by their column, in the order in which most senders write them.
    own: Vec<(&'static str, usize)>,
    body: Node,
    rest: Option<usize>,
    /// Which column is read as what; `None`: it is for other engines only.
    kinds: Vec<Option<Kind>>,
    names: Vec<String>,
}

/// A map of the body.
#[derive(Default)]
struct Node {
    children: Vec<Child>,
}

/// A key of a map: in some events a value, in others a map.
struct Child {
    name: String,
    column: Option<usize>,
    below: Node,
}

/// The columns of one batch.
pub(super) struct Rows {
    columns: Vec<Typed>,
    rest: Option<BinaryArray>,
}

enum Typed {
    Bool(BooleanArray),
    Int(Int64Array),
    Float(Float64Array),
    Text(StringArray),
    Nothing,
}

impl RowEncoder {
    /// For batches of this schema.
    pub(super) fn new(schema: &Schema, type_name: &[u8], path: &Path) -> Result<Self, SealError> {
        let mut encoder = Self {
            type_name: type_name.to_vec(),
            own: Vec::new(),
            body: Node::default(),
            rest: None,
            kinds: Vec::new(),
            names: Vec::new(),
        };
        for (at, field) in schema.fields().iter().enumerate() {
            let name = field.name().as_str();
            let mut kind = None;
            if name == REST {
                if *field.data_type() != DataType::Binary {
                    return Err(SealError::corrupt_because(path, "_rest is of another type"));
                }
                encoder.rest = Some(at);
            } else if super::is_event_column(name) {
                kind = Kind::from_data_type(field.data_type());
                if kind.is_none() {
                    return Err(SealError::corrupt_because(path, "a column is of another type"));
                }
                match OWN.iter().find(|own| **own == name) {
                    Some(own) => encoder.own.push((own, at)),
                    None => encoder.body.add(split::body_path(name), at),
                }
            }
            encoder.kinds.push(kind);
            encoder.names.push(name.to_owned());
        }
        encoder.own.sort_by_key(|(name, _)| OWN.iter().position(|own| own == name));
        Ok(encoder)
    }

    /// Takes a batch of the schema.
    pub(super) fn rows(&self, batch: &RecordBatch) -> Rows {
        let typed = |(column, kind): (&arrow_array::ArrayRef, &Option<Kind>)| match kind {
            Some(Kind::Bool) => Typed::Bool(column.as_boolean().clone()),
            Some(Kind::Int) => Typed::Int(column.as_primitive::<Int64Type>().clone()),
            Some(Kind::Float) => Typed::Float(column.as_primitive::<Float64Type>().clone()),
            Some(Kind::Text) => Typed::Text(column.as_string::<i32>().clone()),
            None => Typed::Nothing,
        };
        Rows {
            columns: batch.columns().iter().zip(&self.kinds).map(typed).collect(),
            rest: self.rest.map(|at| batch.column(at).as_binary::<i32>().clone()),
        }
    }

    /// Appends the event of a row.
    pub(super) fn encode(
        &self,
        rows: &Rows,
        row: usize,
        path: &Path,
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        if let Some(rest) = rows.rest.as_ref().filter(|rest| !rest.is_null(row)) {
            let raw = RawValue::parse(rest.value(row)).ok().flatten();
            let Some(Value::Map(pairs)) = raw.map(Value::from_raw) else {
                return Err(SealError::corrupt_because(path, "_rest holds no map"));
            };
            self.with_rest(pairs, rows, row).write_msgpack(out);
            return Ok(());
        }
        let header = begin_map(out);
        put_text("type", out);
        put_bytes(&self.type_name, out);
        let mut pairs = 1;
        for (name, column) in &self.own {
            pairs += u16::from(rows.columns[*column].put_pair(name, row, out));
        }
        let before = out.len();
        put_text(BODY, out);
        if self.body.put(rows, row, out) {
            pairs += 1;
        } else {
            out.truncate(before);
        }
        end_map(header, pairs, out);
        Ok(())
    }

    fn with_rest(&self, rest: Vec<(Value, Value)>, rows: &Rows, row: usize) -> Value {
        let values = rows.columns.iter().zip(&self.names);
        let mut columns: Vec<(&str, Value)> =
            values.filter_map(|(column, name)| Some((name.as_str(), column.value(row)?))).collect();
        split::join(rest, &self.type_name, &mut columns)
    }
}

impl Node {
    fn add(&mut self, path: &str, column: usize) {
        let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
        let at = self.children.iter().position(|child| child.name == first).unwrap_or_else(|| {
            self.children.push(Child { name: first.to_owned(), column: None, below: Self::default() });
            self.children.len() - 1
        });
        match rest {
            None => self.children[at].column = Some(column),
            Some(rest) => self.children[at].below.add(rest, column),
        }
    }

    /// Appends the map, unless nothing is in it. As deep as a path has names.
    fn put(&self, rows: &Rows, row: usize, out: &mut Vec<u8>) -> bool {
        let header = begin_map(out);
        let mut pairs = 0;
        for child in &self.children {
            if let Some(column) = child.column
                && rows.columns[column].put_pair(&child.name, row, out)
            {
                pairs += 1;
                continue;
            }
            if !child.below.children.is_empty() {
                let before = out.len();
                put_text(&child.name, out);
                if child.below.put(rows, row, out) {
                    pairs += 1;
                } else {
                    out.truncate(before);
                }
            }
        }
        end_map(header, pairs, out);
        pairs > 0
    }
}

impl Typed {
    /// Appends a key and the value of a row, if there is one.
    fn put_pair(&self, name: &str, row: usize, out: &mut Vec<u8>) -> bool {
        if self.is_null(row) {
            return false;
        }
        put_text(name, out);
        // A Vec as the sink cannot fail.
        let written = match self {
            Self::Bool(values) => msgpack::write_bool(out, values.value(row)).is_ok(),
            Self::Int(values) => msgpack::write_sint(out, values.value(row)).is_ok(),
            Self::Float(values) => msgpack::write_f64(out, values.value(row)).is_ok(),
            Self::Text(values) => msgpack::write_str(out, values.value(row)).is_ok(),
            Self::Nothing => false,
        };
        assert!(written, "BUG: writing to memory failed");
        true
    }

    fn value(&self, row: usize) -> Option<Value> {
        if self.is_null(row) {
            return None;
        }
        match self {
            Self::Bool(values) => Some(Value::Bool(values.value(row))),
            Self::Int(values) => Some(Value::from(values.value(row))),
            Self::Float(values) => Some(Value::F64(values.value(row))),
            Self::Text(values) => Some(Value::from(values.value(row))),
            Self::Nothing => None,
        }
    }

    fn is_null(&self, row: usize) -> bool {
        match self {
            Self::Bool(values) => values.is_null(row),
            Self::Int(values) => values.is_null(row),
            Self::Float(values) => values.is_null(row),
            Self::Text(values) => values.is_null(row),
            Self::Nothing => true,
        }
    }
}

/// A map whose pairs are counted while they are written: there are never more than [`crate::limits::SEALED_COLUMNS`].
fn begin_map(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0xde, 0, 0]);
    out.len()
}

fn end_map(header: usize, pairs: u16, out: &mut [u8]) {
    out[header - 2..header].copy_from_slice(&pairs.to_be_bytes());
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    put_bytes(text.as_bytes(), out);
}

fn put_bytes(text: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(text.len()).expect("BUG: a name is shorter");
    msgpack::write_str_len(out, length).expect("BUG: writing to memory failed");
    out.extend_from_slice(text);
}
