//! What is sealed answers as what is hot, and as the events themselves.

use super::*;
use crate::group_key::KeyPart;
use crate::measure::Measure;
use crate::need::Need;
use crate::scan::scan_store;
use crate::sealed::{SealSource, seal};
use crate::statistics::{Every, Question, Statistics, StatisticsError};
use crate::table::{Table, Wanted};
use blueox_event::{EncodedEvent, Path as FieldPath, Value};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

const NOON: f64 = 1_331_640_000.0;
const HOT: &str = "20120313/t-20120313.log";

/// Values that are of one type mostly, and of others at times.
fn drifting() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => (0u32..4).prop_map(Value::from),
        2 => prop::sample::select(vec!["a", "b", "1"]).prop_map(Value::from),
        2 => (-3.0..1e6f64).prop_map(Value::F64),
        1 => Just(Value::Nil),
        1 => Just(Value::map([("deep", Value::from(1))])),
        1 => Just(Value::Array(vec![Value::from("x"), Value::from(2)])),
        1 => Just(Value::F64(f64::NAN)),
        1 => Just(Value::UInt(u64::MAX)),
    ]
}

fn event() -> impl Strategy<Value = Value> {
    let rate = prop_oneof![3 => Just(None), 1 => prop::sample::select(vec![0.5, 0.25, 1.0]).prop_map(Some)];
    let end = prop_oneof![9 => (0.0..3e4f64).prop_map(|end| Value::F64(NOON + end)), 1 => Just(Value::from(1_331_640_001))];
    (drifting(), drifting(), drifting(), rate, end, 0u32..5, any::<bool>()).prop_map(
        |(group, x, status, rate, end, id, dotted)| {
            let mut body = vec![("group", group), ("x", x), ("response", Value::map([("status", status)]))];
            if dotted {
                body.push(("a.b", Value::from(1)));
            }
            let mut map = vec![
                (Value::from("type"), Value::from("t")),
                (Value::from("id"), Value::from(format!("id-{id}"))),
                (Value::from("host"), Value::from("h")),
                (Value::from("start"), Value::F64(NOON)),
                (Value::from("end"), end),
                (Value::from("body"), Value::map(body)),
            ];
            map.extend(rate.map(|rate| (Value::from("sample_rate"), Value::F64(rate))));
            Value::Map(map)
        },
    )
}

fn question() -> Question {
    Question {
        by: vec![FieldPath::parse("group").unwrap(), FieldPath::parse("type").unwrap()],
        measures: Measure::parse_list("count,err,sum(x),avg(x),min(x),max(x),p50,p99(x),distinct(id)")
            .unwrap(),
        every: Every::from_seconds(600.0),
    }
}

fn counted(files: &[StoreFile], need: &Need) -> Table {
    let mut whole = Statistics::new(&question()).unwrap();
    let parts = vec![whole.part(3), whole.part(3)];
    let each =
        |part: &mut Statistics, event: &EncodedEvent<'_>| -> Result<(), StatisticsError> { part.add(event) };
    let stop = AtomicBool::new(false);
    let (parts, _) = scan_store(files, need, parts, &stop, each, |_| {}).unwrap();
    for part in parts {
        whole.merge(part).unwrap();
    }
    whole.finish(Wanted::default())
}

/// All numbers of an answer, by group and step.
fn numbers(table: &Table) -> BTreeMap<String, Vec<Option<f64>>> {
    let name = |key: &[KeyPart]| format!("{key:?}");
    let mut all = BTreeMap::new();
    for row in &table.rows {
        all.insert(name(&row.key), row.values.clone());
        for step in &row.steps {
            all.insert(format!("{} {:?}", name(&row.key), step.start), step.values.clone());
        }
    }
    all
}

fn assert_alike(a: &Table, b: &Table, what: &str) -> Result<(), TestCaseError> {
    let (a, b) = (numbers(a), numbers(b));
    prop_assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>(), "{}", what);
    for ((group, a), b) in a.iter().zip(b.values()) {
        for (a, b) in a.iter().zip(b) {
            // Sums differ by how they are rounded.
            let scale = a.unwrap_or(0.0).abs().max(1.0) * 1e-9;
            let alike = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= scale || a.to_bits() == b.to_bits(),
                (a, b) => a == b,
            };
            prop_assert!(alike, "{}: {} {:?} {:?}", what, group, a, b);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn statistics_over_hot_sealed_and_live_events_are_the_same(
        events in prop::collection::vec(event(), 1..80),
        sealed_events in 0usize..80,
    ) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("20120313")).unwrap();
        let hot = dir.path().join(HOT);
        let lengths: Vec<Vec<u8>> = events.iter().map(Value::to_msgpack).collect();
        fs::write(&hot, lengths.concat()).unwrap();
        let mut live = Statistics::new(&question()).unwrap();
        for bytes in &lengths {
            live.add(&EncodedEvent::parse(bytes).unwrap()).unwrap();
        }
        let need = Need::of(live.paths());
        let live = live.finish(Wanted::default());
        let open = || Catalog::open(&[dir.path().to_owned()], &Meant::all()).unwrap().into_files();
        assert_alike(&live, &counted(&open(), &Need::default()), "hot")?;
        // Some of it is sealed, and the day file is there still.
        let sealed_bytes = lengths.iter().take(sealed_events).map(|bytes| bytes.len() as u64).sum();
        if sealed_bytes > 0 {
            let place = dir.path().join("sealed/type=t/date=2012-03-13");
            fs::create_dir_all(&place).unwrap();
            seal(&[SealSource::hot(&hot, sealed_bytes)], &place.join("t-20120313.parquet")).unwrap();
        }
        assert_alike(&live, &counted(&open(), &Need::default()), "partly sealed")?;
        assert_alike(&live, &counted(&open(), &need), "partly sealed, some columns")?;
    }
}

#[test]
fn what_is_not_needed_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("hot");
    let event = |number: u32| {
        Value::map([
            ("type", Value::from("t")),
            ("id", Value::from(format!("{:032x}", number / 3))),
            ("host", Value::from("h")),
            ("end", Value::F64(NOON + f64::from(number))),
            ("body", Value::map([("n", Value::from(number))])),
        ])
    };
    let bytes: Vec<u8> = (0..300).flat_map(|number| event(number).to_msgpack()).collect();
    fs::write(&path, &bytes).unwrap();
    let sealed = dir.path().join("t.parquet");
    seal(&[SealSource::hot(&path, bytes.len() as u64)], &sealed).unwrap();
    let file = SealedFile::open(&sealed).unwrap();
    let read = |need: &Need| {
        let mut rows = file.rows(need, file.groups_needed(need), Spans::default()).unwrap();
        let mut found = Vec::new();
        while let Some(next) = rows.next_event() {
            let (row, bytes) = next.unwrap();
            found.push((row, Value::from_msgpack(bytes).unwrap()));
        }
        found
    };
    let of_id = Need { id: Some(format!("{:032x}", 40).into_bytes()), ..Need::default() };
    assert_eq!(read(&of_id), [120, 121, 122].map(|number| (u64::from(number), event(number))));
    let nobody = Need { id: Some(b"nobody".to_vec()), ..Need::default() };
    assert!(read(&nobody).is_empty());
    let before = Need { until: Some(NOON - 1.0), ..Need::default() };
    let after = Need { since: Some(NOON + 300.0), ..Need::default() };
    assert!(file.groups_needed(&before).is_empty() && file.groups_needed(&after).is_empty());
    assert_eq!(read(&Need { since: Some(NOON + 299.0), ..Need::default() }).len(), 300);
    let part = read(&Need::of([FieldPath::parse("n").unwrap()]));
    let expected = Value::map([
        ("type", Value::from("t")),
        ("end", Value::F64(NOON)),
        ("body", Value::map([("n", Value::from(0))])),
    ]);
    assert_eq!(part[0].1, expected);
}
