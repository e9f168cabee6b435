//! The most frequent values of all fields.

use super::filter_text::Shown;
use super::limits::{FIELDS, VALUES};
use super::parameters::Parameters;
use super::question::{Answer, Question};
use super::range::{Asked, path};
use super::refusal::Refusal;
use super::store::Counts;
use blueox_event::EncodedEvent;
use blueox_query::facets::{Facet, Facets};
use blueox_query::statistics::StatisticsError;
use serde_json::{Value, json};

/// `GET /api/v1/fields`
#[derive(Debug)]
pub(crate) struct Fields {
    top: usize,
    values: usize,
}

impl Counts for Facets {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        Facets::add(self, event);
        Ok(())
    }

    fn part(&self, _parts: usize) -> Self {
        Self::default()
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        Facets::merge(self, other);
        Ok(())
    }
}

impl Question for Fields {
    type Counts = Facets;

    fn read(parameters: &mut Parameters, _asked: &Asked, _now: f64) -> Result<Self, Refusal> {
        Ok(Self { top: parameters.count("top", FIELDS)?, values: parameters.count("values", VALUES)? })
    }

    fn counts(&self, _asked: &Asked) -> Result<Facets, Refusal> {
        Ok(Facets::default())
    }

    fn answer(&self, _asked: &Asked, facets: Facets, answer: &mut Answer) -> Result<(), Refusal> {
        let top = facets.top(self.values);
        let left_out =
            facets.fields_left_out() + top.iter().skip(self.top).map(|facet| facet.weight).sum::<f64>();
        answer.put("events", facets.events());
        answer.put("count", facets.weight());
        let fields: Result<Value, Refusal> =
            top.iter().take(self.top).map(|facet| shown(facet, facets.weight())).collect();
        answer.put("fields", fields?);
        answer.put("fields_left_out", left_out);
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        None
    }
}

fn shown(facet: &Facet, all: f64) -> Result<Value, Refusal> {
    let path = path("field", &facet.field)?;
    let values = facet.values.iter().map(|(value, count)| {
        let mut members = Shown::facet(&path, value).into_json();
        members.insert("count".to_owned(), (*count).into());
        members.insert("share".to_owned(), (count / all).into());
        Value::Object(members)
    });
    Ok(json!({
        "field": facet.field, "count": facet.weight, "share": facet.weight / all, "other": facet.other,
        "values": values.collect::<Value>(),
    }))
}
