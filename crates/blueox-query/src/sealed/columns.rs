//! Which paths become columns, and of which type.

use super::split::split;
use super::{NODE, REST, SEQ, STREAM, TIME};
use crate::limits::{SEALED_COLUMNS, SURVEY_PATHS};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use blueox_event::Value;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Float,
    Text,
}

const KINDS: [Kind; 4] = [Kind::Bool, Kind::Int, Kind::Float, Kind::Text];

impl Kind {
    /// The type of the column that holds a value exactly; `None`: none does.
    pub(super) fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(_) => Some(Self::Bool),
            Value::UInt(number) => i64::try_from(*number).is_ok().then_some(Self::Int),
            Value::Int(_) => Some(Self::Int),
            Value::F64(_) => Some(Self::Float),
            Value::Str(text) => str::from_utf8(text).is_ok().then_some(Self::Text),
            _ => None,
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Text => DataType::Utf8,
        }
    }

    pub(super) fn from_data_type(data_type: &DataType) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.data_type() == *data_type)
    }
}

/// How often which path has which type.
#[derive(Debug, Default)]
pub(super) struct Survey {
    events: u64,
    paths: HashMap<String, Counts>,
}

#[derive(Debug)]
struct Counts {
    /// How many paths were known before it.
    order: usize,
    kinds: [u64; KINDS.len()],
}

impl Survey {
    /// How many events were looked at.
    pub(super) fn events(&self) -> u64 {
        self.events
    }

    pub(super) fn add(&mut self, event: &Value, type_name: &[u8]) {
        self.events += 1;
        let paths = &mut self.paths;
        let _ = split(event, type_name, &mut |name, value| {
            let Some(kind) = Kind::of(value) else { return true };
            if let Some(counts) = paths.get_mut(name) {
                counts.kinds[kind as usize] += 1;
            } else if paths.len() < SURVEY_PATHS {
                let mut counts = Counts { order: paths.len(), kinds: [0; KINDS.len()] };
                counts.kinds[kind as usize] = 1;
                paths.insert(name.to_owned(), counts);
            }
            true
        });
    }

    /// A column for each path that at least one event in a hundred has, of the type that most of its values have; of names
    /// that many engines take for one, as they do not see the case of letters, the most frequent.
    pub(super) fn columns(self) -> Vec<(String, Kind)> {
        let mut frequent: Vec<(u64, usize, String, Kind)> = self
            .paths
            .into_iter()
            .filter_map(|(name, Counts { order, kinds })| {
                let kind = KINDS.into_iter().max_by_key(|kind| kinds[*kind as usize])?;
                let count = kinds[kind as usize];
                (count * 100 >= self.events).then_some((count, order, name, kind))
            })
            .collect();
        frequent.sort_by_key(|(count, order, ..)| (Reverse(*count), *order));
        let mut taken = HashSet::new();
        frequent.retain(|(_, _, name, _)| taken.insert(name.to_lowercase()));
        frequent.truncate(SEALED_COLUMNS);
        // As events have them: then maps that are put together again have their keys in the usual order.
        frequent.sort_by_key(|(_, order, ..)| *order);
        frequent.into_iter().map(|(_, _, name, kind)| (name, kind)).collect()
    }
}

/// The schema of a file with these columns.
pub(super) fn schema(columns: &[(String, Kind)]) -> Arc<Schema> {
    let mut fields =
        vec![Field::new(TIME, DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true)];
    fields.extend(columns.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)));
    fields.push(Field::new(REST, DataType::Binary, true));
    fields.push(Field::new(NODE, DataType::Utf8, true));
    fields.push(Field::new(STREAM, DataType::Utf8, true));
    fields.push(Field::new(SEQ, DataType::Int64, true));
    Arc::new(Schema::new(fields))
}
