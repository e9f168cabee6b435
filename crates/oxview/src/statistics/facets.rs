//! The most frequent values of fields, as a table, JSON lines or CSV.
//!
//! ```text
//! field            share  value  count  share
//! response.status   71.4  200        3   42.9
//!                         500        1   14.3
//! ```

use super::facet_value::{kind, shown, write_json};
use super::number::{exact, thousands};
use super::table_view::{key, member};
use super::{Form, Manner};
use crate::form::csv;
use crate::text;
use blueox_event::{EncodedEvent, Path, Value};
use blueox_query::facets::{Facet, Facets};

/// How many values of a field are shown, unless told otherwise: to people, and to machines.
const VALUES: (usize, usize) = (5, 10);
/// How many fields are shown to people.
const FIELDS: usize = 50;

/// Counts the values of all fields, or of some.
#[derive(Debug)]
pub(crate) struct FacetCounts {
    /// None: all.
    fields: Vec<Path>,
    facets: Facets,
}

impl FacetCounts {
    pub(crate) fn new(fields: Vec<Path>) -> Self {
        Self { fields, facets: Facets::default() }
    }

    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>) {
        self.facets.add(event);
    }

    pub(crate) fn part(&self) -> Self {
        Self::new(self.fields.clone())
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.facets.merge(other.facets);
    }

    /// The fields that are looked at; `None`: all that there are.
    pub(crate) fn paths(&self) -> Option<Vec<Path>> {
        (!self.fields.is_empty()).then(|| self.fields.clone())
    }

    /// Whether a field was asked for, by its own name or by that of a map that it is in.
    fn is_asked(&self, field: &str) -> bool {
        self.fields.is_empty()
            || self.fields.iter().map(asked_name).any(|name| {
                field.strip_prefix(&*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            })
    }

    /// Appends the answer in the form that is wanted, and gives what there is to say about it.
    pub(crate) fn write(&self, manner: &Manner, out: &mut Vec<u8>) -> Vec<String> {
        let by_form = if manner.form == Form::Table { VALUES.0 } else { VALUES.1 };
        let mut facets = self.facets.top(manner.top.unwrap_or(by_form));
        facets.retain(|facet| self.is_asked(&facet.field));
        let mut remarks = self.remarks(&facets);
        let all = self.facets.weight();
        match manner.form {
            Form::Table => {
                if facets.len() > FIELDS {
                    let more = thousands((facets.len() - FIELDS) as f64);
                    remarks.push(format!("{more} rarer fields are not shown; -o json shows them all"));
                    facets.truncate(FIELDS);
                }
                people(&facets, all, manner, out);
            }
            Form::Json => facets.iter().for_each(|facet| json_line(facet, all, manner, out)),
            Form::Csv => as_csv(&facets, all, out),
        }
        remarks
    }

    fn remarks(&self, facets: &[Facet]) -> Vec<String> {
        let mut remarks = Vec::new();
        if self.facets.events() == 0 {
            remarks.push("no event matches".to_owned());
        }
        for path in self.fields.iter().filter(|_| self.facets.events() > 0) {
            let name = asked_name(path);
            let is_below = |facet: &Facet| {
                facet.field.strip_prefix(&*name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            };
            if !facets.iter().any(is_below) {
                remarks.push(format!("no event has a field {name} with values to count"));
            }
        }
        let missing = facets.iter().map(|facet| facet.missing).fold(0.0, f64::max);
        if missing > 0.0 {
            remarks.push(format!(
                "there were too many values to keep all: a count may be too low by up to {}",
                thousands(missing.ceil())
            ));
        }
        let left_out = self.facets.fields_left_out();
        if left_out > 0.0 {
            remarks.push(format!(
                "there were too many fields: {} values of those that came late are left out",
                thousands(left_out)
            ));
        }
        remarks
    }
}

/// A path as facets name fields.
fn asked_name(path: &Path) -> String {
    let name = path.to_string();
    name.strip_prefix("body.").map(str::to_owned).unwrap_or(name)
}

fn people(facets: &[Facet], all: f64, manner: &Manner, out: &mut Vec<u8>) {
    let percent = |count: f64| format!("{:.1}", count / all * 100.0);
    let mut rows = vec![["field", "share", "value", "count", "share"].map(str::to_owned)];
    for facet in facets {
        let mut field = [text::printable_text(facet.field.as_bytes()), percent(facet.weight)];
        let values = facet.values.iter().map(|(value, count)| (shown(value), *count));
        let other = (facet.other > 0.0).then(|| ("(other)".to_owned(), facet.other));
        for (value, count) in values.chain(other) {
            let [name, share] = std::mem::take(&mut field);
            rows.push([name, share, value, thousands(count), percent(count)]);
        }
    }
    if rows.len() > 1 {
        super::facet_value::table(&rows, [true, false, true, false, false], manner, out);
    }
}

fn json_line(facet: &Facet, all: f64, manner: &Manner, out: &mut Vec<u8>) {
    let mut json = String::from("{");
    member("field", &Value::from(facet.field.as_str()), &mut json);
    member("count", &exact(facet.weight), &mut json);
    member("share", &exact(facet.weight / all), &mut json);
    key("values", &mut json);
    json.push('[');
    for (number, (value, count)) in facet.values.iter().enumerate() {
        json.push_str(if number == 0 { "{" } else { ",{" });
        write_json(Some(value), &mut json);
        member("count", &exact(*count), &mut json);
        member("share", &exact(count / all), &mut json);
        json.push('}');
    }
    json.push(']');
    member("other", &exact(facet.other), &mut json);
    json.push_str("}\n");
    let harmless = manner.columns.and_then(|_| text::escape_json(&json));
    out.extend_from_slice(harmless.unwrap_or(json).as_bytes());
}

fn as_csv(facets: &[Facet], all: f64, out: &mut Vec<u8>) {
    let mut text = String::new();
    csv::row(["field", "kind", "value", "count", "share"].map(str::to_owned).into_iter(), &mut text);
    for facet in facets {
        let values = facet.values.iter().map(|(value, count)| (kind(Some(value)), shown(value), *count));
        let other = (facet.other > 0.0).then(|| ("other", String::new(), facet.other));
        for (kind, value, count) in values.chain(other) {
            let numbers = [count.to_string(), (count / all).to_string()];
            let row = [facet.field.clone(), kind.to_owned(), value].into_iter().chain(numbers);
            csv::row(row, &mut text);
        }
    }
    out.extend_from_slice(text.as_bytes());
}
