//! A column of a table: where in an event its values are, and of which type they are.
//!
//! The type is decided by the values there are, in all files that are asked: one kind of value has its own type; whole and
//! broken numbers together are broken ones; everything else together is text, in which numbers are written as in JSON. So
//! nothing is lost, whatever an application did to a field (docs/guide/schema-drift.md).

use blueox_event::Path as FieldPath;
use blueox_event::event::Found;
use blueox_event::json;
use blueox_event::msgpack::{RawValue, Token};
use datafusion::arrow::datatypes::{DataType, Field as ArrowField, Schema, SchemaRef, TimeUnit};
use std::sync::Arc;

/// The event's own fields that stand in its map under their names, beside those that have columns of their own kind.
pub(crate) const OWN_TEXTS: [&str; 4] = ["host", "span", "parent", "outcome"];
/// Own fields that few events have: without being asked for by name they are columns only where some event has them.
pub(crate) const SELDOM: [&str; 4] = ["span", "parent", "outcome", "sample_rate"];
/// What every table has.
pub(crate) const ALWAYS: [&str; 8] = ["time", "type", "id", "host", "pid", "start", "end", "duration"];
/// How often an event counts when sampling is undone, and whether it is an error: for who asks.
pub(crate) const WEIGHT: &str = "_weight";
pub(crate) const FAILED: &str = "_failed";

/// Where a column's values are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    /// When the event ended, as a timestamp.
    Time,
    Type,
    Id,
    Start,
    End,
    Duration,
    /// 1 / `sample_rate`.
    Weight,
    /// [`blueox_query::failed`].
    Failed,
    /// A key of the event's own map.
    Own(&'static str),
    /// Where a path leads to.
    Path(FieldPath),
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Bool,
    Int,
    Float,
    Text,
    Time,
}

impl Form {
    pub(crate) fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) place: Place,
    pub(crate) form: Form,
}

impl Field {
    /// The column of this name, if it is one that does not depend on what applications recorded.
    pub(crate) fn own(name: &str) -> Option<Self> {
        let (place, form) = match name {
            "time" => (Place::Time, Form::Time),
            "type" => (Place::Type, Form::Text),
            "id" => (Place::Id, Form::Text),
            "pid" => (Place::Own("pid"), Form::Int),
            "start" => (Place::Start, Form::Float),
            "end" => (Place::End, Form::Float),
            "duration" => (Place::Duration, Form::Float),
            "sample_rate" => (Place::Own("sample_rate"), Form::Float),
            WEIGHT => (Place::Weight, Form::Float),
            FAILED => (Place::Failed, Form::Bool),
            _ => (Place::Own(OWN_TEXTS.into_iter().find(|own| *own == name)?), Form::Text),
        };
        Some(Self { name: name.to_owned(), place, form })
    }

    /// The path that a column of this name is of, if it is none of an event's own.
    pub(crate) fn path_of(name: &str) -> Option<FieldPath> {
        FieldPath::parse(name).ok().filter(|_| Self::own(name).is_none())
    }

    /// The column of what a path leads to.
    pub(crate) fn at(name: String, path: FieldPath, form: Form) -> Self {
        Self { name, place: Place::Path(path), form }
    }
}

/// The name of the column of a path of the body: as in sealed files, and where that is taken with `body.` before it.
pub(crate) fn name_of(path: &str) -> String {
    if path.eq_ignore_ascii_case("duration") {
        return format!("body.{path}");
    }
    blueox_query::sealed::column_name(path)
}

/// The schema of some columns.
pub(crate) fn schema(fields: &[Field]) -> SchemaRef {
    let fields = fields.iter().map(|field| ArrowField::new(&field.name, field.form.data_type(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Which kinds of values there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u8);

impl Kinds {
    /// Something is there, if only nil.
    const NIL: Self = Self(1);
    pub(crate) const BOOL: Self = Self(2);
    /// Whole numbers of 64 bits with a sign.
    pub(crate) const INT: Self = Self(4);
    pub(crate) const FLOAT: Self = Self(8);
    pub(crate) const TEXT: Self = Self(16);
    /// Lists, maps, extensions, larger whole numbers: what is written as JSON.
    const OTHER: Self = Self(32);

    /// That of a value.
    pub(crate) fn of(found: Found<'_>) -> Self {
        let Found::Value(value) = found else { return Self::FLOAT };
        match value.token() {
            Token::Nil => Self::NIL,
            Token::Bool(_) => Self::BOOL,
            Token::Int(_) => Self::INT,
            Token::UInt(number) if i64::try_from(number).is_ok() => Self::INT,
            Token::F32(_) | Token::F64(_) => Self::FLOAT,
            Token::Str(_) | Token::Bin(_) => Self::TEXT,
            Token::UInt(_) | Token::Ext(..) | Token::Array(_) | Token::Map(_) => Self::OTHER,
        }
    }

    /// That of a sealed file's column.
    pub(crate) fn of_column(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::BOOL,
            DataType::Int64 => Self::INT,
            DataType::Float64 => Self::FLOAT,
            _ => Self::TEXT,
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The type that holds them all.
    pub(crate) fn form(self) -> Form {
        match Self(self.0 & !Self::NIL.0) {
            Self::BOOL => Form::Bool,
            Self::INT => Form::Int,
            Self::FLOAT => Form::Float,
            both if both == Self::INT.and(Self::FLOAT) => Form::Float,
            _ => Form::Text,
        }
    }
}

/// Appends a value as text: text as it is, where it is UTF-8, anything else as its JSON. Nothing for nil.
pub(crate) fn write_text(value: RawValue<'_>, out: &mut String) -> bool {
    if value.token() == Token::Nil {
        return false;
    }
    match value.as_text() {
        Some(text) => match str::from_utf8(text) {
            Ok(text) => out.push_str(text),
            Err(_) => json::write_text_lossless(text, out).expect("BUG: writing to memory failed"),
        },
        None => {
            let start = out.len();
            json::write(value, out);
            // NaN, infinities and times are texts in JSON only.
            if out[start..].starts_with('"') && out.len() - start >= 2 {
                out.pop();
                out.remove(start);
            }
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;

    fn form(values: &[Value]) -> Form {
        let kinds = values.iter().map(|value| {
            let bytes = value.to_msgpack();
            Kinds::of(Found::Value(RawValue::parse(&bytes).unwrap().unwrap()))
        });
        kinds.fold(Kinds::default(), Kinds::and).form()
    }

    #[test]
    fn the_type_is_the_narrowest_that_loses_nothing() {
        let (int, float, text) = (Value::from(1), Value::F64(1.5), Value::from("x"));
        for (values, expected) in [
            (vec![int.clone()], Form::Int),
            (vec![int.clone(), Value::Nil], Form::Int),
            (vec![Value::Int(-3), int.clone(), float.clone()], Form::Float),
            (vec![float.clone(), Value::F32(0.5)], Form::Float),
            (vec![Value::Bool(true)], Form::Bool),
            (vec![Value::Bool(true), int.clone()], Form::Text),
            (vec![int.clone(), text.clone()], Form::Text),
            (vec![Value::UInt(u64::MAX)], Form::Text),
            (vec![Value::Array(vec![])], Form::Text),
            (vec![Value::Nil], Form::Text),
            (vec![], Form::Text),
        ] {
            assert_eq!(form(&values), expected, "{values:?}");
        }
    }

    #[test]
    fn every_value_has_a_text() {
        let text = |value: &Value| {
            let bytes = value.to_msgpack();
            let mut text = String::new();
            write_text(RawValue::parse(&bytes).unwrap().unwrap(), &mut text).then_some(text)
        };
        for (value, expected) in [
            (Value::Nil, None),
            (Value::from("a\"b"), Some("a\"b")),
            (Value::Bin(vec![b'x', 0xe9]), Some("x\\xe9")),
            (Value::UInt(u64::MAX), Some("18446744073709551615")),
            (Value::F64(0.25), Some("0.25")),
            (Value::F64(f64::NAN), Some("NaN")),
            (Value::Bool(false), Some("false")),
            (Value::Array(vec![Value::from("a"), Value::from(1)]), Some("[\"a\",1]")),
            (Value::map([("k", Value::from("v"))]), Some("{\"k\":\"v\"}")),
        ] {
            assert_eq!(text(&value).as_deref(), expected);
        }
    }

    #[test]
    fn names_lead_back_to_where_they_are_from() {
        for (path, name) in [
            ("response.status", "response.status"),
            ("id", "body.id"),
            ("Host", "body.Host"),
            ("duration", "body.duration"),
            ("_weight", "body._weight"),
            ("body.x", "body.body.x"),
        ] {
            assert_eq!(name_of(path), name);
            assert!(Field::path_of(name).is_some());
        }
        assert!(Field::path_of("duration").is_none() && Field::own("duration").is_some());
    }
}
