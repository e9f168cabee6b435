//! Statistics beside a plain reference that keeps every event.

use super::*;
use crate::group_key::KeyPart;
use crate::limits::QUANTILE_ERROR;
use crate::measure::Function;
use blueox_event::{Event, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// An event as the reference sees it.
#[derive(Debug, Clone)]
struct Plain {
    group: u8,
    number: Option<f64>,
    error: bool,
    rate: Option<f64>,
    /// Seconds after noon; `None`: no end.
    end: Option<f64>,
}

const NOON: f64 = 1_331_640_000.0;

impl Plain {
    fn encode(&self) -> Vec<u8> {
        let mut body = vec![("group", Value::from(u32::from(self.group)))];
        body.extend(self.number.map(|number| ("x", Value::F64(number))));
        if self.error {
            body.push(("status", Value::from(503)));
        }
        let mut map = vec![
            (Value::from("type"), Value::from("t")),
            (Value::from("body"), Value::map(body)),
            (Value::from("sample_rate"), self.rate.map_or(Value::Nil, Value::F64)),
        ];
        map.extend(self.end.map(|end| (Value::from("end"), Value::F64(NOON + end))));
        Value::Map(map).to_msgpack()
    }

    fn weight(&self) -> f64 {
        self.rate.map_or(1.0, |rate| 1.0 / rate)
    }
}

fn plain() -> impl Strategy<Value = Plain> {
    let number = prop_oneof![
        4 => (0.001..100.0f64).prop_map(Some),
        1 => Just(None),
        1 => Just(Some(0.0)),
        1 => (-1e6..1e6f64).prop_map(Some),
        1 => prop::num::f64::ANY.prop_map(|number| Some(number).filter(|number| number.is_finite())),
    ];
    let rate = prop_oneof![3 => Just(None), 1 => prop::sample::select(vec![0.5, 0.25, 1.0]).prop_map(Some)];
    let end = prop_oneof![9 => (0.0..3e4f64).prop_map(Some), 1 => Just(None)];
    (0u8..5, number, any::<bool>(), rate, end).prop_map(|(group, number, error, rate, end)| Plain {
        group,
        number,
        error,
        rate,
        end,
    })
}

fn question(by: &[&str], measures: &str, every: Option<f64>) -> Question {
    Question {
        by: by.iter().map(|path| Path::parse(path).unwrap()).collect(),
        measures: Measure::parse_list(measures).unwrap(),
        every: every.map(|seconds| Every::from_seconds(seconds).unwrap()),
    }
}

/// Counts `events` in as many parts as they name, and merges.
fn counted(question: &Question, events: &[(usize, Plain)]) -> Statistics {
    let mut whole = Statistics::new(question).unwrap();
    let mut parts: Vec<Statistics> = (0..3).map(|_| whole.part(3)).collect();
    for (part, event) in events {
        parts[*part].add(&EncodedEvent::parse(&event.encode()).unwrap()).unwrap();
    }
    for part in parts {
        whole.merge(part).unwrap();
    }
    whole
}

fn check(values: &[Option<f64>], measures: &[Measure], events: &[&Plain]) -> Result<(), TestCaseError> {
    let weight: f64 = events.iter().map(|event| event.weight()).sum();
    let mut numbers: Vec<(f64, f64)> =
        events.iter().filter_map(|event| Some((event.number?, event.weight()))).collect();
    numbers.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = numbers.iter().map(|(_, weight)| weight).sum();
    let sum: f64 = numbers.iter().map(|(number, weight)| number * weight).sum();
    let size: f64 = numbers.iter().map(|(number, weight)| number.abs() * weight).sum();
    for (value, measure) in values.iter().zip(measures) {
        let close =
            |expected: f64, scale: f64| value.is_some_and(|value| (value - expected).abs() <= scale * 1e-9);
        match measure {
            Measure::Count => prop_assert_eq!(*value, Some(weight)),
            Measure::Err => {
                let errors: f64 = events.iter().filter(|event| event.error).map(|event| event.weight()).sum();
                prop_assert!(close(errors / weight, 1.0));
            }
            Measure::Of(_, _) if numbers.is_empty() => prop_assert_eq!(*value, None),
            Measure::Of(Function::Sum, _) if size.is_finite() => prop_assert!(close(sum, size)),
            Measure::Of(Function::Avg, _) if size.is_finite() => {
                prop_assert!(close(sum / total, size / total));
            }
            Measure::Of(Function::Min, _) => prop_assert_eq!(*value, Some(numbers[0].0)),
            Measure::Of(Function::Max, _) => prop_assert_eq!(*value, Some(numbers[numbers.len() - 1].0)),
            Measure::Of(Function::Quantile(share), _) => {
                let value = value.unwrap();
                // A rank on the border between two values may be taken for either.
                let expected: Vec<f64> = [share - 1e-3 / total, share + 1e-3 / total]
                    .iter()
                    .map(|share| exact_quantile(&numbers, share * total))
                    .collect();
                let near = |expected: f64| {
                    (value - expected).abs() <= expected.abs() * QUANTILE_ERROR * 1.001 + 1e-9
                        || expected.abs() > 1e26
                };
                prop_assert!(expected.iter().any(|expected| near(*expected)), "{} for {:?}", value, expected);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The first number that at least `weight` does not exceed.
fn exact_quantile(numbers: &[(f64, f64)], weight: f64) -> f64 {
    let mut left = weight;
    for (number, weight) in numbers {
        left -= weight;
        if left <= 0.0 {
            return *number;
        }
    }
    numbers[numbers.len() - 1].0
}

proptest! {
    /// However events are split and merged, each group has the numbers that a plain count has.
    #[test]
    fn groups_have_the_numbers_of_a_plain_count(events in prop::collection::vec((0usize..3, plain()), 0..120)) {
        let question = question(&["group"], "count,err,sum(x),avg(x),min(x),max(x),p50(x),p05(x),p99(x)", None);
        let table = counted(&question, &events).finish(Wanted::default());
        let mut groups: BTreeMap<String, Vec<&Plain>> = BTreeMap::new();
        for (_, event) in &events {
            groups.entry(event.group.to_string()).or_default().push(event);
        }
        prop_assert_eq!(table.rows.len(), groups.len());
        let counts: Vec<f64> = table.rows.iter().map(|row| row.values[0].unwrap()).collect();
        prop_assert!(counts.is_sorted_by(|a, b| a >= b));
        for row in &table.rows {
            let KeyPart::Json(key) = &row.key[0] else { panic!("BUG: groups are numbers") };
            check(&row.values, &question.measures, &groups[key])?;
        }
        let sparks: f64 = table.rows.iter().flat_map(|row| &row.spark).sum();
        let timed: f64 = events.iter().filter(|(_, event)| event.end.is_some()).map(|(_, event)| event.weight()).sum();
        prop_assert_eq!(sparks, timed);
    }

    /// Steps of time partition the events, and the greatest groups and the others are all of them.
    #[test]
    fn steps_and_the_rest_are_a_partition(events in prop::collection::vec((0usize..3, plain()), 1..120), top in 1usize..6) {
        let question = question(&["group"], "count,p50(x)", Some(60.0));
        let table = counted(&question, &events).finish(Wanted { top: Some(top), seconds: None });
        prop_assert!(table.rows.len() <= top);
        let rows = || table.rows.iter().chain(&table.other);
        let total: f64 = events.iter().map(|(_, event)| event.weight()).sum();
        prop_assert_eq!(rows().map(|row| row.values[0].unwrap()).sum::<f64>(), total);
        prop_assert_eq!(rows().flat_map(|row| &row.steps).map(|step| step.values[0].unwrap()).sum::<f64>(), total);
        for row in &table.rows {
            let KeyPart::Json(key) = &row.key[0] else { panic!("BUG: groups are numbers") };
            for step in &row.steps {
                let of_step: Vec<&Plain> = events
                    .iter()
                    .map(|(_, event)| event)
                    .filter(|event| event.group.to_string() == *key)
                    .filter(|event| match (step.start, event.end) {
                        (Some(start), Some(end)) => (start..start + 60.0).contains(&(NOON + end)),
                        (start, end) => start.is_none() && end.is_none(),
                    })
                    .collect();
                check(&step.values, &question.measures, &of_step)?;
            }
        }
    }
}

fn numbered(group: u64, end: f64) -> Vec<u8> {
    Event {
        type_name: "t".into(),
        id: Value::from(group),
        host: "h".into(),
        pid: 1,
        start: NOON,
        end: NOON + end,
        body: Value::Nil,
    }
    .to_msgpack()
}

#[test]
fn too_many_groups_become_one_and_the_error_is_stated() {
    let question = question(&["id"], "count,p50", None);
    let limit = 4 << 20;
    let mut statistics = Statistics::new(&question).unwrap().with_limit(limit);
    // One group in ten is always the same.
    for number in 0..100_000u64 {
        let group = if number % 10 == 0 { 7 } else { 1_000 + number };
        statistics.add(&EncodedEvent::parse(&numbered(group, 1.0)).unwrap()).unwrap();
    }
    let table = statistics.finish(Wanted::default());
    assert_eq!(table.rows[0].key, [KeyPart::Json("7".into())]);
    let count = table.rows[0].values[0].unwrap();
    assert!(count <= 10_000.0 && count + table.missing >= 10_000.0, "{count} {}", table.missing);
    let all: f64 = table.rows.iter().chain(&table.other).map(|row| row.values[0].unwrap()).sum();
    assert_eq!(all, 100_000.0);
    assert!(table.other_groups > 50_000);
    assert!(table.rows.len() * 300 < limit, "{}", table.rows.len());
}

#[test]
fn steps_that_take_too_much_memory_are_refused() {
    let question = question(&[], "p50", Some(0.001));
    let mut statistics = Statistics::new(&question).unwrap().with_limit(1 << 20);
    let refused = (0..100_000u32)
        .find_map(|n| statistics.add(&EncodedEvent::parse(&numbered(1, f64::from(n))).unwrap()).err());
    assert_eq!(refused, Some(StatisticsError::TooLarge { bytes: 1 << 20 }));
}

#[test]
fn distinct_values_are_counted_within_their_error() {
    let question = question(&[], "distinct(id)", None);
    let mut whole = Statistics::new(&question).unwrap();
    let mut part = whole.part(2);
    for number in 0..20_000u64 {
        let bytes = numbered(number, 0.0);
        let event = EncodedEvent::parse(&bytes).unwrap();
        if number % 3 != 0 {
            whole.add(&event).unwrap();
        }
        if number % 3 != 1 {
            part.add(&event).unwrap();
        }
    }
    whole.merge(part).unwrap();
    let count = whole.finish(Wanted::default()).rows[0].values[0].unwrap();
    assert!((count - 20_000.0).abs() < 20_000.0 * 0.05, "{count}");
}

#[test]
fn finished_steps_can_be_taken_out_of_a_stream() {
    let question = question(&[], "count,rate", Some(10.0));
    let mut statistics = Statistics::new(&question).unwrap();
    let add = |statistics: &mut Statistics, end: f64| {
        statistics.add(&EncodedEvent::parse(&numbered(1, end)).unwrap()).unwrap();
    };
    for end in [1.0, 2.0, 12.0] {
        add(&mut statistics, end);
    }
    let latest = statistics.latest_step().unwrap();
    let table = statistics.take_before(latest).finish(Wanted::default());
    assert_eq!(table.rows[0].steps[0].values, [Some(2.0), Some(0.2)]);
    add(&mut statistics, 3.0);
    let table = statistics.finish(Wanted::default());
    assert_eq!((table.rows[0].values[0], table.late), (Some(1.0), 1.0));
}

#[test]
fn rates_are_over_the_time_asked_for_else_over_the_time_seen() {
    let question = question(&[], "rate", None);
    let mut statistics = Statistics::new(&question).unwrap();
    for end in [0.0, 4.0, 10.0] {
        statistics.add(&EncodedEvent::parse(&numbered(1, end)).unwrap()).unwrap();
    }
    assert_eq!(statistics.finish(Wanted::default()).rows[0].values, [Some(0.3)]);
    let wanted = Wanted { seconds: Some(60.0), ..Wanted::default() };
    assert_eq!(statistics.finish(wanted).rows[0].values, [Some(0.05)]);
}
