//! Whether the cause of an incident is found: in a shop where a new version makes one page slow on one host, the slow requests
//! since then are compared with all others, as a person would who draws a box around the band of a heatmap.

use super::{Difference, compare};
use crate::facets::{FacetValue, Facets};
use blueox_event::EncodedEvent;
use blueox_shop::incident::{Incident, VERSION};
use blueox_shop::schedule::Schedule;
use blueox_shop::traffic::Shop;

const SEEDS: u64 = 50;
/// Requests a second.
const RATE: f64 = 10.0;
const BEGAN: f64 = 1_331_640_000.0;
/// The range that is looked at, and when in it the incident begins, in seconds.
const SECONDS: f64 = 900.0;
const INCIDENT_AT: f64 = 600.0;
/// The lower side of the box.
const SLOW_SECONDS: f64 = 0.7;

/// The fields that differ, but the one that the box is made of.
fn compared(seed: u64, incident: Incident) -> Vec<Difference> {
    let mut shop = Shop::with_incident(seed, incident);
    let (mut selected, mut rest) = (Facets::default(), Facets::default());
    for end in Schedule::new(seed, RATE, BEGAN).take_while(|end| *end < BEGAN + SECONDS) {
        for step in shop.visit(end) {
            if step.type_name != "request" {
                continue;
            }
            let slow = step.end - step.start >= SLOW_SECONDS && step.end >= BEGAN + INCIDENT_AT;
            let bytes = step.to_msgpack();
            let event = EncodedEvent::parse(&bytes).unwrap();
            if slow { &mut selected } else { &mut rest }.add(&event);
        }
    }
    let mut differences = compare(&selected, &rest, 3);
    // Effects come after all that may be a cause.
    assert!(differences.is_sorted_by_key(|difference| difference.is_outcome));
    differences.retain(|difference| difference.field != "duration");
    differences
}

/// Whether a field that differs, and the value in which it differs most, are what was planted.
fn is_cause(difference: &Difference, incident: &Incident) -> bool {
    let planted = match difference.field.as_str() {
        // These pages have one path each: two names of the same thing.
        "endpoint" | "request.path" => incident.endpoint.pattern,
        "host" => incident.host.name,
        "version" => VERSION,
        _ => return false,
    };
    let Some(value) = difference.values.first() else { return false };
    value.value == Some(FacetValue::Text(planted.into())) && value.selected > value.rest
}

#[test]
fn the_cause_of_a_planted_incident_is_ranked_first() {
    let (mut first, mut all) = (0, 0);
    for seed in 0..SEEDS {
        let incident = Incident::new(seed, INCIDENT_AT);
        let differences = compared(seed, incident);
        let found = differences.first().is_some_and(|first| is_cause(first, &incident));
        // The version stands on that host alone, and is the more telling of the two.
        let named = ["endpoint", "version"].iter().all(|field| {
            let mut top = differences.iter().take(4);
            top.any(|difference| difference.field == *field && is_cause(difference, &incident))
        });
        let has_host = differences.iter().any(|it| it.field == "host" && is_cause(it, &incident));
        first += u32::from(found);
        all += u32::from(named && has_host);
        if !(found && named && has_host) {
            let ranked: Vec<_> = differences.iter().take(5).map(|d| (&d.field, d.score, &d.values)).collect();
            println!("seed {seed}, {} on {}: {ranked:?}", incident.endpoint.pattern, incident.host.name);
        }
    }
    println!(
        "of {SEEDS} seeds {first} have the cause first, {all} page and version among the first four, and the host"
    );
    assert!(first >= 48, "only {first} of {SEEDS}");
    assert!(all >= 45, "only {all} of {SEEDS}");
}
