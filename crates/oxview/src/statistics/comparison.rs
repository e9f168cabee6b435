//! In which fields the events that a filter matches differ from the others, as a table, JSON lines or CSV.
//!
//! ```text
//! field         score  value   matching   rest
//! version       0.713  2.10.3      90.0    0.0
//!                      2.10.1       2.5   25.1
//! ```

use super::facet_value::{kind, shown, table, write_json};
use super::number::{exact, thousands};
use super::table_view::{key, member};
use super::{Form, Manner};
use crate::form::csv;
use crate::text;
use blueox_event::{EncodedEvent, Filter, Value};
use blueox_query::compare::{Difference, ValueDifference, compare};
use blueox_query::facets::Facets;
use std::sync::Arc;

/// How many values of a field are shown, and how many fields to people unless told otherwise.
const VALUES: usize = 5;
/// See [`VALUES`].
const FIELDS: usize = 20;

/// The fields of the events that a filter matches, and those of the others.
#[derive(Debug)]
pub(crate) struct Comparison {
    filter: Arc<Filter>,
    matching: Facets,
    rest: Facets,
}

impl Comparison {
    pub(crate) fn new(filter: Arc<Filter>) -> Self {
        Self { filter, matching: Facets::default(), rest: Facets::default() }
    }

    pub(crate) fn add(&mut self, event: &EncodedEvent<'_>) {
        let side = if self.filter.matches(event) { &mut self.matching } else { &mut self.rest };
        side.add(event);
    }

    pub(crate) fn part(&self) -> Self {
        Self::new(Arc::clone(&self.filter))
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.matching.merge(other.matching);
        self.rest.merge(other.rest);
    }

    /// Appends the answer in the form that is wanted, and gives what there is to say about it.
    pub(crate) fn write(&self, manner: &Manner, out: &mut Vec<u8>) -> Vec<String> {
        let mut differences = compare(&self.matching, &self.rest, VALUES);
        let found = differences.len();
        let by_form = if manner.form == Form::Table { FIELDS } else { usize::MAX };
        differences.truncate(manner.top.unwrap_or(by_form));
        match manner.form {
            Form::Table => people(&differences, manner, out),
            Form::Json => differences.iter().for_each(|difference| json_line(difference, manner, out)),
            Form::Csv => as_csv(&differences, out),
        }
        let (matching, rest) = (self.matching.events(), self.rest.events());
        let many = |count: u64| thousands(count as f64);
        let said = match (matching, rest, found) {
            (0, 0, _) => "no event matches".to_owned(),
            (0, _, _) => format!("none of {} events matches {}", many(rest), self.filter),
            (_, 0, _) => format!("all {} events match {}: there is no rest", many(matching), self.filter),
            (_, _, 0) => format!(
                "{} events match, {} do not: no field differs by more than chance makes",
                many(matching),
                many(rest)
            ),
            _ => format!(
                "{} events match, {} do not; score: Jensen-Shannon divergence beyond chance, 0 to 1",
                many(matching),
                many(rest)
            ),
        };
        vec![said]
    }
}

fn people(differences: &[Difference], manner: &Manner, out: &mut Vec<u8>) {
    let percent = |share: f64| format!("{:.1}", share * 100.0);
    let mut rows = vec![["field", "score", "value", "matching", "rest"].map(str::to_owned)];
    for difference in differences {
        let mark = if difference.is_outcome { " (outcome)" } else { "" };
        let name = format!("{}{mark}", text::printable_text(difference.field.as_bytes()));
        let mut field = [name, format!("{:.3}", difference.score)];
        for ValueDifference { value, selected, rest } in &difference.values {
            let [name, score] = std::mem::take(&mut field);
            let value = value.as_ref().map_or_else(|| "-".to_owned(), shown);
            rows.push([name, score, value, percent(*selected), percent(*rest)]);
        }
    }
    if rows.len() > 1 {
        table(&rows, [true, false, true, false, false], manner, out);
    }
}

fn json_line(difference: &Difference, manner: &Manner, out: &mut Vec<u8>) {
    let mut json = String::from("{");
    member("field", &Value::from(difference.field.as_str()), &mut json);
    member("score", &exact(difference.score), &mut json);
    member("outcome", &Value::Bool(difference.is_outcome), &mut json);
    key("values", &mut json);
    json.push('[');
    for (number, ValueDifference { value, selected, rest }) in difference.values.iter().enumerate() {
        json.push_str(if number == 0 { "{" } else { ",{" });
        write_json(value.as_ref(), &mut json);
        member("matching", &exact(*selected), &mut json);
        member("rest", &exact(*rest), &mut json);
        json.push('}');
    }
    json.push_str("]}\n");
    let harmless = manner.columns.and_then(|_| text::escape_json(&json));
    out.extend_from_slice(harmless.unwrap_or(json).as_bytes());
}

fn as_csv(differences: &[Difference], out: &mut Vec<u8>) {
    let mut text = String::new();
    let head = ["field", "score", "outcome", "kind", "value", "matching", "rest"];
    csv::row(head.map(str::to_owned).into_iter(), &mut text);
    for difference in differences {
        for ValueDifference { value, selected, rest } in &difference.values {
            let row = [
                difference.field.clone(),
                difference.score.to_string(),
                difference.is_outcome.to_string(),
                kind(value.as_ref()).to_owned(),
                value.as_ref().map(shown).unwrap_or_default(),
                selected.to_string(),
                rest.to_string(),
            ];
            csv::row(row.into_iter(), &mut text);
        }
    }
    out.extend_from_slice(text.as_bytes());
}
