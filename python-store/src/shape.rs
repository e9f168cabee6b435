//! Which columns events have.
//!
//! A column has one type for all events. What fits none together becomes text: a field that is a number here, text there and a
//! list elsewhere is a column of text, with JSON for what was no text. So no answer fails because a field changed.

use crate::failure::Failure;
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use blueox_event::event::Found;
use blueox_event::{EncodedEvent, Path, Value};
use blueox_query::limits::{SEALED_COLUMNS, SURVEY_PATHS};
use blueox_query::sealed::{OWN_FIELDS, flatten};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// When an event ended, as a timestamp.
pub(crate) const TIME: &str = "time";
pub(crate) const TYPE: &str = "type";
/// What no column holds, as JSON.
pub(crate) const REST: &str = "_rest";

/// Which types of values a column has to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Kinds(u8);

impl Kinds {
    const BOOL: u8 = 1;
    const INT: u8 = 2;
    const FLOAT: u8 = 4;
    const OTHER: u8 = 8;

    pub(crate) fn add(&mut self, value: &Value) {
        self.0 |= match value {
            Value::Nil => 0,
            Value::Bool(_) => Self::BOOL,
            Value::Int(_) => Self::INT,
            Value::UInt(number) if i64::try_from(*number).is_ok() => Self::INT,
            Value::F32(_) | Value::F64(_) => Self::FLOAT,
            _ => Self::OTHER,
        };
    }

    fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    pub(crate) fn data_type(self) -> DataType {
        match self.0 {
            Self::BOOL => DataType::Boolean,
            Self::INT => DataType::Int64,
            kinds if kinds != 0 && kinds & !(Self::INT | Self::FLOAT) == 0 => DataType::Float64,
            _ => DataType::Utf8,
        }
    }
}

/// Which fields are wanted.
#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    /// All that any event has.
    All,
    /// These, under the names that they were asked for by.
    Fields(Vec<(String, Path)>),
}

impl Wanted {
    pub(crate) fn new(fields: Option<Vec<String>>) -> Result<Self, Failure> {
        let Some(fields) = fields else { return Ok(Self::All) };
        let parse = |name: String| match Path::parse(&name) {
            Ok(path) => Ok((name, path)),
            Err(error) => Err(Failure::Asked(format!("{name:?} is no field: {error}"))),
        };
        let fields = fields.into_iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        for (at, (name, _)) in fields.iter().enumerate() {
            if fields[..at].iter().any(|(other, _)| other == name) {
                return Err(Failure::Asked(format!("the field {name:?} is named twice")));
            }
        }
        Ok(Self::Fields(fields))
    }

    /// What is looked at; `None`: all of an event.
    pub(crate) fn paths(&self) -> Option<Vec<Path>> {
        match self {
            Self::All => None,
            Self::Fields(fields) => Some(fields.iter().map(|(_, path)| path.clone()).collect()),
        }
    }

    /// Gives each value with its column, and then what no column holds.
    pub(crate) fn each(&self, event: &EncodedEvent<'_>, each: &mut dyn FnMut(&str, &Value)) -> Option<Value> {
        match self {
            Self::All => {
                let value = Value::from_raw(event.raw());
                each(TYPE, &Value::Str(event.type_bytes().to_vec()));
                let rest = flatten(&value, event.type_bytes(), each);
                (!rest.is_empty()).then_some(Value::Map(rest))
            }
            Self::Fields(fields) => {
                for (name, path) in fields {
                    if let Some(value) = found(event, path) {
                        each(name, &value);
                    }
                }
                None
            }
        }
    }
}

/// A field's value; of `time` the end.
pub(crate) fn found(event: &EncodedEvent<'_>, path: &Path) -> Option<Value> {
    match event.lookup(path)? {
        Found::Value(value) => Some(Value::from_raw(value)),
        Found::Duration(seconds) => Some(Value::F64((seconds * 1e9).round() / 1e9)),
    }
}

/// Which columns some events need. Those over parts of the events merge.
#[derive(Debug, Clone, Default)]
pub(crate) struct Survey {
    kinds: HashMap<String, Kinds>,
    rest: bool,
    too_many: bool,
}

impl Survey {
    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>, wanted: &Wanted) {
        let (kinds, too_many) = (&mut self.kinds, &mut self.too_many);
        let rest = wanted.each(event, &mut |name, value| {
            if let Some(known) = kinds.get_mut(name) {
                known.add(value);
            } else if kinds.len() < SURVEY_PATHS {
                kinds.entry(name.to_owned()).or_default().add(value);
            } else {
                *too_many = true;
            }
        });
        self.rest |= rest.is_some();
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for (name, kinds) in other.kinds {
            self.kinds.entry(name).or_default().merge(kinds);
        }
        self.rest |= other.rest;
        self.too_many |= other.too_many;
    }

    /// The columns: those asked for; else the event's own, and then those of bodies by their names.
    ///
    /// # Errors
    /// When there are too many to be a table.
    pub(crate) fn schema(self, wanted: &Wanted) -> Result<Arc<Schema>, Failure> {
        let field = |name: &str, kinds: Kinds| Field::new(name, kinds.data_type(), true);
        let fields = match wanted {
            Wanted::Fields(fields) => fields
                .iter()
                .map(|(name, _)| match name.as_str() {
                    TIME if !self.kinds.contains_key(TIME) => time_field(),
                    name => field(name, self.kinds.get(name).copied().unwrap_or_default()),
                })
                .collect(),
            Wanted::All => {
                if self.too_many || self.kinds.len() > SEALED_COLUMNS {
                    return Err(Failure::Asked(format!(
                        "the events have more than {SEALED_COLUMNS} different fields; name those that you want: \
                         fields=[\"time\", \"response.status\"]"
                    )));
                }
                let mut sorted: BTreeMap<String, Kinds> = self.kinds.into_iter().collect();
                let mut fields = vec![time_field(), Field::new(TYPE, DataType::Utf8, true)];
                sorted.remove(TYPE);
                fields.extend(OWN_FIELDS.iter().filter_map(|own| Some(field(own, sorted.remove(*own)?))));
                fields.extend(sorted.iter().map(|(name, kinds)| field(name, *kinds)));
                fields.extend(self.rest.then(|| Field::new(REST, DataType::Utf8, true)));
                fields
            }
        };
        Ok(Arc::new(Schema::new(fields)))
    }
}

/// A column of instants.
pub(crate) fn time_field() -> Field {
    Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)
}
