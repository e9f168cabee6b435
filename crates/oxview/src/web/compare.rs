//! In which fields the events of a box differ from all others.

use super::filter_text::Shown;
use super::limits::{COMPARED_VALUES, DIFFERENCES};
use super::parameters::Parameters;
use super::question::{Answer, Question};
use super::range::{Asked, Region, path};
use super::refusal::Refusal;
use super::store::Counts;
use blueox_event::EncodedEvent;
use blueox_query::compare::{Difference, compare};
use blueox_query::facets::Facets;
use blueox_query::statistics::StatisticsError;
use serde_json::{Value, json};

/// `GET /api/v1/compare`
#[derive(Debug)]
pub(crate) struct Compare {
    region: Region,
    top: usize,
    values: usize,
}

/// The fields of the events of the box, and those of the others.
#[derive(Debug)]
pub(crate) struct Sides {
    region: Region,
    selected: Facets,
    rest: Facets,
}

impl Counts for Sides {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        let side = if self.region.holds(event) { &mut self.selected } else { &mut self.rest };
        side.add(event);
        Ok(())
    }

    fn part(&self, _parts: usize) -> Self {
        Self { region: self.region.clone(), selected: Facets::default(), rest: Facets::default() }
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        self.selected.merge(other.selected);
        self.rest.merge(other.rest);
        Ok(())
    }
}

impl Question for Compare {
    type Counts = Sides;

    fn read(parameters: &mut Parameters, _asked: &Asked, now: f64) -> Result<Self, Refusal> {
        let region = Region::read(parameters, now)?;
        if region.is_open() {
            let error = "nothing is selected: give from, to, low, high or select";
            return Err(Refusal::parameter("select", error));
        }
        let top = parameters.count("top", DIFFERENCES)?;
        Ok(Self { region, top, values: parameters.count("values", COMPARED_VALUES)? })
    }

    fn counts(&self, _asked: &Asked) -> Result<Sides, Refusal> {
        Ok(Sides { region: self.region.clone(), selected: Facets::default(), rest: Facets::default() })
    }

    fn answer(&self, _asked: &Asked, sides: Sides, answer: &mut Answer) -> Result<(), Refusal> {
        // What the box is made of differs by that alone.
        let left_out: Vec<String> =
            if self.region.has_bounds() { vec![self.region.field.to_string()] } else { Vec::new() };
        let mut differences = compare(&sides.selected, &sides.rest, self.values);
        differences.retain(|difference| !left_out.contains(&difference.field));
        differences.truncate(self.top);
        answer.put(
            "measure",
            json!({
                "name": "jensen-shannon divergence beyond chance", "unit": "bits", "least": 0, "greatest": 1,
                "text": "0: the field's values are spread alike here and there; 1: no value occurs on both sides. \
                         What chance makes of so few events is taken off.",
            }),
        );
        let side = |facets: &Facets| json!({ "events": facets.events(), "count": facets.weight() });
        answer.put("selected", side(&sides.selected));
        answer.put("rest", side(&sides.rest));
        let fields: Result<Value, Refusal> = differences.iter().map(shown).collect();
        answer.put("fields", fields?);
        answer.put("left_out", left_out);
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        // It shows the events of the box; what they have in common is to be seen there.
        Some((self.region.as_filter(), Vec::new()))
    }
}

fn shown(difference: &Difference) -> Result<Value, Refusal> {
    let path = path("field", &difference.field)?;
    let values = difference.values.iter().map(|value| {
        let shown = value.value.as_ref();
        let shown = shown.map_or_else(|| Shown::missing(&path), |value| Shown::facet(&path, value));
        let mut members = shown.into_json();
        members.insert("selected".to_owned(), value.selected.into());
        members.insert("rest".to_owned(), value.rest.into());
        Value::Object(members)
    });
    Ok(json!({
        "field": difference.field, "score": difference.score, "outcome": difference.is_outcome,
        "values": values.collect::<Value>(),
    }))
}
