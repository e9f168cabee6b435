//! Which values the fields of events have, and how often.
//!
//! Nobody has to say beforehand which fields there are. Every scalar below the body and the event's `type`, `host` and
//! `duration` are fields; text and whole numbers count as they are, fractions by the power of two below them. Items of lists are
//! not looked at. Memory is bounded: fields that come when there are too many are counted together, and so are the rare
//! values of a field that has too many, with lossy counting (G. S. Manku, R. Motwani, VLDB 2002).

use crate::limits::{FACET_DEPTH, FACET_FIELDS, FACET_VALUES, MAX_KEY_PART_BYTES};
use blueox_event::EncodedEvent;
use blueox_event::msgpack::{RawValue, Token};
use std::collections::HashMap;
use std::fmt;

/// Counts the values of all fields.
#[derive(Debug, Clone, Default)]
pub struct Facets {
    events: u64,
    weight: f64,
    fields: HashMap<Box<str>, Field>,
    /// Values of fields that came when there were too many.
    fields_left_out: f64,
    path: String,
}

#[derive(Debug, Clone, Default)]
struct Field {
    /// How many events have it.
    weight: f64,
    values: HashMap<FacetValue, f64>,
    /// Of values that were given up.
    other: f64,
    /// No count of a value is too low by more.
    missing: f64,
}

/// A value, or a range of fractions.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FacetValue {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Fractions whose size is at least 2 to this power and less than twice that, negative ones apart.
    Fraction {
        /// Whether they are below 0.
        negative: bool,
        /// The power of two.
        power: i16,
    },
    /// 0.0, NaN and the infinities, as they are displayed.
    Special(&'static str),
    /// Text, or bytes; cut when it is long.
    Text(Vec<u8>),
}

/// A field and its most frequent values.
#[derive(Debug, Clone, PartialEq)]
pub struct Facet {
    /// Its path, as in filters.
    pub field: String,
    /// How many events have it.
    pub weight: f64,
    /// Its values, the most frequent first.
    pub values: Vec<(FacetValue, f64)>,
    /// How many events have another value.
    pub other: f64,
    /// A count may be too low by so many events; never when 0.
    pub missing: f64,
}

impl Facets {
    /// Counts an event.
    pub fn add(&mut self, event: &EncodedEvent<'_>) {
        let weight = event.weight();
        self.events += 1;
        self.weight += weight;
        let text = |text: &[u8]| FacetValue::Text(cut(text).to_vec());
        self.count("type", text(event.type_bytes()), weight);
        if let Some(host) = event.host() {
            self.count("host", text(host), weight);
        }
        if let Some(duration) = event.duration() {
            self.count("duration", number(duration), weight);
        }
        if let Some(body) = event.body() {
            let mut path = std::mem::take(&mut self.path);
            path.clear();
            self.below(body, &mut path, 0, weight);
            self.path = path;
        }
    }

    fn below(&mut self, value: RawValue<'_>, path: &mut String, depth: usize, weight: f64) {
        let value = match value.token() {
            Token::Map(_) if depth < FACET_DEPTH => {
                for (key, inner) in value.pairs().into_iter().flatten() {
                    // What has no name has no path either.
                    let Some(name) = key.as_text().and_then(|name| str::from_utf8(name).ok()) else {
                        continue;
                    };
                    let length = path.len();
                    append(name, path);
                    self.below(inner, path, depth + 1, weight);
                    path.truncate(length);
                }
                return;
            }
            Token::Map(_) | Token::Array(_) | Token::Ext(..) => return,
            Token::Nil => FacetValue::Nil,
            Token::Bool(value) => FacetValue::Bool(value),
            Token::UInt(value) => FacetValue::Integer(value.into()),
            Token::Int(value) => FacetValue::Integer(value.into()),
            Token::F32(value) => number(value.into()),
            Token::F64(value) => number(value),
            Token::Str(text) | Token::Bin(text) => FacetValue::Text(cut(text).to_vec()),
        };
        if !path.is_empty() {
            self.count(path, value, weight);
        }
    }

    fn count(&mut self, path: &str, value: FacetValue, weight: f64) {
        if let Some(field) = self.fields.get_mut(path) {
            field.add(value, weight);
        } else if self.fields.len() < FACET_FIELDS {
            self.fields.entry(path.into()).or_default().add(value, weight);
        } else {
            self.fields_left_out += weight;
        }
    }

    /// Adds what another has counted.
    pub fn merge(&mut self, other: Self) {
        self.events += other.events;
        self.weight += other.weight;
        self.fields_left_out += other.fields_left_out;
        for (path, field) in other.fields {
            if self.fields.len() < FACET_FIELDS || self.fields.contains_key(&path) {
                self.fields.entry(path).or_default().merge(field);
            } else {
                self.fields_left_out += field.weight;
            }
        }
    }

    /// How many events there were, those left out by sampling included.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight
    }

    /// How many events were looked at.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// How many values were left out because there were too many fields.
    #[must_use]
    pub fn fields_left_out(&self) -> f64 {
        self.fields_left_out
    }

    /// The fields, the most frequent first, with so many values each.
    #[must_use]
    pub fn top(&self, values: usize) -> Vec<Facet> {
        let mut facets: Vec<Facet> = self
            .fields
            .iter()
            .map(|(path, field)| {
                let mut ranked: Vec<_> =
                    field.values.iter().map(|(value, count)| (value.clone(), *count)).collect();
                ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                let rest = ranked.split_off(ranked.len().min(values));
                Facet {
                    field: path.to_string(),
                    weight: field.weight,
                    other: field.other + rest.iter().map(|(_, count)| count).sum::<f64>(),
                    missing: field.missing,
                    values: ranked,
                }
            })
            .collect();
        facets.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.field.cmp(&b.field)));
        facets
    }

    pub(crate) fn fields(&self) -> impl Iterator<Item = &str> {
        self.fields.keys().map(|path| &**path)
    }

    /// The counts of a field's values, how many events have another one, and how many do not have it.
    pub(crate) fn distribution(&self, field: &str) -> (HashMap<&FacetValue, f64>, f64, f64) {
        let Some(field) = self.fields.get(field) else { return (HashMap::new(), 0.0, self.weight) };
        let values = field.values.iter().map(|(value, count)| (value, *count)).collect();
        (values, field.other, (self.weight - field.weight).max(0.0))
    }
}

impl Field {
    fn add(&mut self, value: FacetValue, weight: f64) {
        self.weight += weight;
        *self.values.entry(value).or_default() += weight;
        if self.values.len() > FACET_VALUES {
            self.give_up();
        }
    }

    fn merge(&mut self, other: Self) {
        self.weight += other.weight;
        self.other += other.other;
        self.missing += other.missing;
        for (value, count) in other.values {
            *self.values.entry(value).or_default() += count;
        }
        if self.values.len() > FACET_VALUES {
            self.give_up();
        }
    }

    /// Counts the rarer half of the values together.
    fn give_up(&mut self) {
        let mut counts: Vec<f64> = self.values.values().copied().collect();
        let middle = counts.len() / 2;
        let (_, limit, _) = counts.select_nth_unstable_by(middle, f64::total_cmp);
        let limit = *limit;
        self.missing += limit;
        let other = &mut self.other;
        self.values.retain(|_, count| {
            let keep = *count > limit;
            if !keep {
                *other += *count;
            }
            keep
        });
    }
}

fn append(name: &str, path: &mut String) {
    if !path.is_empty() {
        path.push('.');
    }
    if name.contains('.') || name.is_empty() {
        path.push('`');
        path.push_str(name);
        path.push('`');
    } else {
        path.push_str(name);
    }
}

fn cut(text: &[u8]) -> &[u8] {
    &text[..text.len().min(MAX_KEY_PART_BYTES)]
}

fn number(value: f64) -> FacetValue {
    if value == 0.0 {
        return FacetValue::Special("0.0");
    }
    if value.is_nan() {
        return FacetValue::Special("NaN");
    }
    if value.is_infinite() {
        return FacetValue::Special(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    // Exact for normal numbers; the few below them are one range.
    let power = ((value.to_bits() >> 52) & 0x7ff) as i16 - 1023;
    FacetValue::Fraction { negative: value < 0.0, power }
}

/// As a person reads it: `/cart`, `500`, `0.25 to 0.5`.
impl fmt::Display for FacetValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("null"),
            Self::Bool(value) => value.fmt(f),
            Self::Integer(value) => value.fmt(f),
            Self::Fraction { negative, power } => {
                let sign = if *negative { -1.0 } else { 1.0 };
                let bound = |power: i16| sign * f64::from(power).exp2();
                write!(f, "{} to {}", bound(*power), bound(power + 1))
            }
            Self::Special(name) => f.write_str(name),
            Self::Text(text) => f.write_str(&String::from_utf8_lossy(text)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;

    fn event(body: Value) -> Vec<u8> {
        Value::map([("type", Value::from("t")), ("body", body)]).to_msgpack()
    }

    fn counted(bodies: impl IntoIterator<Item = Value>) -> Facets {
        let mut facets = Facets::default();
        for body in bodies {
            facets.add(&EncodedEvent::parse(&event(body)).unwrap());
        }
        facets
    }

    #[test]
    fn fields_of_every_kind() {
        let facets = counted([
            Value::map([("a", Value::map([("b", Value::from(500)), ("c.d", Value::from(true))]))]),
            Value::map([("a", Value::map([("b", Value::from(500)), ("list", Value::Array(vec![]))]))]),
            Value::map([("x", Value::from(-0.3)), ("y", Value::Nil), ("z", Value::from(f64::NAN))]),
            Value::from(7),
        ]);
        let shown: Vec<String> = facets
            .top(3)
            .iter()
            .map(|facet| {
                let values: Vec<String> =
                    facet.values.iter().map(|(value, count)| format!("{value}:{count}")).collect();
                format!("{} {}", facet.field, values.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            ["type t:4", "a.b 500:2", "a.`c.d` true:1", "x -0.25 to -0.5:1", "y null:1", "z NaN:1"]
        );
    }

    #[test]
    fn what_is_frequent_is_kept_among_a_million_values() {
        let bodies = |seed: u64| {
            (0..50_000u64).map(move |n| {
                let value = if n.is_multiple_of(5) { 7 } else { 1_000 + n * 2 + seed };
                Value::map([("user", Value::from(value))])
            })
        };
        let mut facets = counted(bodies(0));
        facets.merge(counted(bodies(1)));
        let facet = facets.top(1).into_iter().find(|facet| facet.field == "user").unwrap();
        assert_eq!(facet.values[0].0, FacetValue::Integer(7));
        let count = facet.values[0].1;
        assert!(count <= 20_000.0 && count + facet.missing >= 20_000.0, "{count} {}", facet.missing);
        assert_eq!(count + facet.other, 100_000.0);
        assert!(facets.fields["user"].values.len() <= FACET_VALUES);
    }

    #[test]
    fn endless_new_fields_take_no_more_memory() {
        let body = |n: u64| Value::map([(format!("f{n}"), Value::from(n))]);
        let facets = counted((0..FACET_FIELDS as u64 * 2).map(body));
        assert_eq!(facets.fields.len(), FACET_FIELDS);
        assert!(facets.fields_left_out() >= FACET_FIELDS as f64);
    }
}
