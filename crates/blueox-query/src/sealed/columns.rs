//! Which paths become columns, and of which type.
//!
//! Engines take the files of a type for one table, and most of them its columns from one file. So files of a type differ as
//! little as they can: own fields are always columns, and a column that an earlier file had stays one of its type.

use super::split::{OWN, split};
use super::{END, NODE, REST, SEQ, STREAM, TIME};
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

impl Counts {
    fn most_frequent(&self) -> Kind {
        KINDS.into_iter().max_by_key(|kind| self.kinds[*kind as usize]).expect("BUG: there are kinds")
    }
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

    /// The own fields and the columns of earlier files; a column for each other path that at least one event in a hundred
    /// has, of the type that most of its values have. Of names that many engines take for one, as they do not see the case of
    /// letters, the first of these, or the most frequent. Where there are too many, those go that fewest events have.
    pub(super) fn columns(self, earlier: &[(String, Kind)]) -> Vec<(String, Kind)> {
        let known: HashMap<&str, Kind> = earlier.iter().map(|(name, kind)| (name.as_str(), *kind)).collect();
        let mut columns: Vec<Candidate> = Vec::new();
        let added = earlier.iter().map(|(name, _)| name.as_str());
        for (order, name) in OWN.into_iter().chain(added.filter(|name| !OWN.contains(name))).enumerate() {
            let counts = self.paths.get(name);
            let kind = known.get(name).copied();
            let kind = kind.or_else(|| Some(counts?.most_frequent())).unwrap_or_else(|| usual_kind(name));
            let count = counts.map_or(0, |counts| counts.kinds[kind as usize]);
            columns.push(Candidate { name: name.to_owned(), kind, count, order });
        }
        let first = columns.len();
        let mut frequent: Vec<Candidate> = self
            .paths
            .into_iter()
            .filter(|(name, _)| !OWN.contains(&name.as_str()) && !known.contains_key(name.as_str()))
            .filter_map(|(name, counts)| {
                let kind = counts.most_frequent();
                let count = counts.kinds[kind as usize];
                let order = first + counts.order;
                (count * 100 >= self.events).then_some(Candidate { name, kind, count, order })
            })
            .collect();
        frequent.sort_by_key(|column| (Reverse(column.count), column.order));
        columns.extend(frequent);
        let mut taken = HashSet::new();
        columns.retain(|column| taken.insert(column.name.to_lowercase()));
        columns.sort_by_key(|column| (column.order >= OWN.len(), Reverse(column.count), column.order));
        columns.truncate(SEALED_COLUMNS);
        // As earlier files and events have them: then maps that are put together again have their keys in the usual order.
        columns.sort_by_key(|column| column.order);
        columns.into_iter().map(|column| (column.name, column.kind)).collect()
    }
}

struct Candidate {
    name: String,
    kind: Kind,
    /// How many events have a value of this type there.
    count: u64,
    order: usize,
}

/// The type of an own field in most events.
fn usual_kind(own: &str) -> Kind {
    match own {
        "pid" => Kind::Int,
        "start" | END | "sample_rate" => Kind::Float,
        _ => Kind::Text,
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
