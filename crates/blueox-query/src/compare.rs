//! In which fields some events differ most from others: what is special about the slow ones?
//!
//! The measure is the Jensen-Shannon divergence between the distributions of a field's values here and there, in bits: 0 when
//! they are equal, 1 when no value occurs on both sides (J. Lin, "Divergence measures based on the Shannon entropy", IEEE
//! Transactions on Information Theory, 1991). To have no such field, and to have a value that was too rare to be kept, are values
//! too.
//!
//! Small samples differ by chance. For two samples of `n` and `m` events from one distribution over `k` values the divergence
//! is about a chi-squared variable with k - 1 degrees of freedom times (1/n + 1/m) / (8 ln 2). Its mean and
//! [`DEVIATIONS`] standard deviations are taken off, and what is then not above 0 is no difference. So ten slow events do not
//! make every field look special. The approximation needs a few events of each value, so rare ones are taken together (fewer
//! than [`FEW`] are expected in the smaller sample); an id that is different in each event is then no difference either.

use crate::facets::{FacetValue, Facets};
use crate::failed::{EXCEPTION, STATUS};
use std::collections::BTreeSet;

/// How many standard deviations a difference must exceed what chance makes.
const DEVIATIONS: f64 = 4.0;
/// Values of which fewer are expected in the smaller sample are one. Source: W. G. Cochran, "Some methods for strengthening the
/// common chi-squared tests", Biometrics, 1954.
const FEW: f64 = 5.0;

/// How a field differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The field's path, as in filters.
    pub field: String,
    /// By how much, 0 to 1: the divergence beyond what chance makes.
    pub score: f64,
    /// It tells how the events ended (their status, exception, duration): an effect, where causes are looked for.
    pub is_outcome: bool,
    /// The values that differ most in share, the most first.
    pub values: Vec<ValueDifference>,
}

/// How often a value occurs here and there.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueDifference {
    /// The value; `None`: the event has no such field.
    pub value: Option<FacetValue>,
    /// Its share among the selected events, 0 to 1.
    pub selected: f64,
    /// Its share among the others.
    pub rest: f64,
}

/// The fields in which `selected` differs from `rest`, the most telling first, with so many values each; those that tell how
/// the events ended come after all others. A field that does not differ beyond chance is not among them.
#[must_use]
pub fn compare(selected: &Facets, rest: &Facets, values: usize) -> Vec<Difference> {
    if selected.events() == 0 || rest.events() == 0 {
        return Vec::new();
    }
    let fields: BTreeSet<&str> = selected.fields().chain(rest.fields()).collect();
    let mut differences: Vec<Difference> =
        fields.into_iter().filter_map(|field| difference(field, selected, rest, values)).collect();
    differences.sort_by(|a, b| {
        let by_kind = a.is_outcome.cmp(&b.is_outcome);
        by_kind.then_with(|| b.score.total_cmp(&a.score)).then_with(|| a.field.cmp(&b.field))
    });
    differences
}

fn difference(field: &str, selected: &Facets, rest: &Facets, shown: usize) -> Option<Difference> {
    let (here, here_other, here_without) = selected.distribution(field);
    let (there, there_other, there_without) = rest.distribution(field);
    let (n, m) = (selected.weight(), rest.weight());
    let share = |count: Option<&f64>, all: f64| count.copied().unwrap_or(0.0) / all;
    let known: BTreeSet<&FacetValue> = here.keys().chain(there.keys()).copied().collect();
    let mut values: Vec<ValueDifference> = known
        .into_iter()
        .map(|value| ValueDifference {
            value: Some(value.clone()),
            selected: share(here.get(value), n),
            rest: share(there.get(value), m),
        })
        .collect();
    if here_without + there_without > 0.0 {
        values.push(ValueDifference { value: None, selected: here_without / n, rest: there_without / m });
    }
    let smaller = selected.events().min(rest.events()) as f64;
    let mut other = (here_other / n, there_other / m);
    values.retain(|value| {
        let many = smaller * f64::midpoint(value.selected, value.rest) >= FEW;
        if !many {
            other = (other.0 + value.selected, other.1 + value.rest);
        }
        many
    });
    let shares = || values.iter().map(|value| (value.selected, value.rest)).chain([other]);
    let divergence: f64 = shares().map(|(p, q)| term(p, q)).sum();
    let kinds = shares().filter(|(p, q)| p + q > 0.0).count();
    let score = divergence - by_chance(kinds, selected.events(), rest.events());
    // Where there is one kind only, what differs is the rounding of sums.
    if kinds < 2 || score <= 0.0 {
        return None;
    }
    let size = |value: &ValueDifference| (value.selected - value.rest).abs();
    values.sort_by(|a, b| size(b).total_cmp(&size(a)).then_with(|| a.value.cmp(&b.value)));
    values.truncate(shown);
    Some(Difference { field: field.to_owned(), score, is_outcome: is_outcome(field), values })
}

fn is_outcome(field: &str) -> bool {
    let below =
        |name: &str| field.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    field == "duration" || STATUS.contains(&field) || below(EXCEPTION)
}

/// What a value with these shares adds to the divergence, in bits.
fn term(p: f64, q: f64) -> f64 {
    let middle = f64::midpoint(p, q);
    let part = |share: f64| if share > 0.0 { share * (share / middle).log2() } else { 0.0 };
    f64::midpoint(part(p), part(q))
}

/// Which divergence two samples of one distribution over so many values hardly exceed. Chance works on the events that there
/// are, whatever they stand for.
fn by_chance(kinds: usize, n: u64, m: u64) -> f64 {
    let freedom = kinds.saturating_sub(1) as f64;
    let scale = (1.0 / n as f64 + 1.0 / m as f64) / (8.0 * std::f64::consts::LN_2);
    (freedom + DEVIATIONS * (2.0 * freedom).sqrt()) * scale
}

#[cfg(test)]
mod planted;

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::{EncodedEvent, Value};

    /// The same numbers in every run, spread as chance would (splitmix64).
    fn chance(seed: u64) -> u64 {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// `count` events with a host among four, an id each, a version, and one that is slow on `bad`.
    fn events(seed: u64, count: u64, bad_version: bool) -> Facets {
        let mut facets = Facets::default();
        for number in 0..count {
            let draw = chance(seed * 1_000_003 + number);
            let version = if bad_version && draw % 10 < 9 { 9 } else { draw / 16 % 4 };
            let mut body = vec![
                ("host", Value::from(draw % 4)),
                ("id", Value::from(chance(draw))),
                ("version", Value::from(version)),
                ("size", Value::from((draw % 1_000) as f64 + 0.5)),
            ];
            if bad_version && (draw / 64).is_multiple_of(2) {
                body.push(("retried", Value::from(true)));
            }
            let bytes = Value::map([("type", Value::from("t")), ("body", Value::map(body))]).to_msgpack();
            facets.add(&EncodedEvent::parse(&bytes).unwrap());
        }
        facets
    }

    #[test]
    fn what_was_changed_comes_first_and_nothing_else_comes() {
        let differences = compare(&events(1, 300, true), &events(2, 5_000, false), 2);
        let fields: Vec<&str> = differences.iter().map(|difference| &*difference.field).collect();
        assert_eq!(fields, ["version", "retried"]);
        let version = &differences[0];
        assert!(version.score > 0.5 && version.score <= 1.0, "{}", version.score);
        assert_eq!(version.values[0].value, Some(FacetValue::Integer(9)));
        assert!(version.values[0].selected > 0.85 && version.values[0].rest == 0.0);
        assert_eq!(differences[1].values.iter().filter(|value| value.value.is_none()).count(), 1);
    }

    #[test]
    fn samples_of_the_same_events_do_not_differ() {
        let mut found = 0;
        for (seed, count) in (0..100u64).map(|seed| (seed, 3 + seed % 60)) {
            found += compare(&events(2 * seed + 7, count, false), &events(2 * seed + 8, 500, false), 3).len();
        }
        // Six fields each time; a chi-squared variable is beyond four deviations less than once in a hundred.
        assert!(found <= 6, "{found}");
    }

    #[test]
    fn without_events_nothing_differs() {
        assert!(compare(&Facets::default(), &events(1, 10, false), 3).is_empty());
        assert!(compare(&events(1, 10, false), &Facets::default(), 3).is_empty());
    }
}
