//! What is sealed is read back.

use super::*;
use crate::need::Need;
use blueox_event::{EncodedEvent, Value};
use blueox_log::ranges::Spans;
use proptest::prelude::*;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::Bool),
        any::<u64>().prop_map(Value::UInt),
        (0u64..300).prop_map(Value::UInt),
        (i64::MIN..0).prop_map(Value::Int),
        any::<u32>().prop_map(|bits| Value::F32(f32::from_bits(bits))),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        Just(Value::F64(f64::NAN)),
        Just(Value::F64(-0.0)),
        "\\PC{0,20}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..10).prop_map(Value::Str),
        prop::collection::vec(any::<u8>(), 0..10).prop_map(Value::Bin),
        (any::<i8>(), prop::collection::vec(any::<u8>(), 0..9)).prop_map(|(c, b)| Value::Ext(c, b)),
    ];
    scalar.prop_recursive(5, 40, 6, |inner| {
        // Names that occur again and again, so that types change and names collide.
        let name = prop::sample::select(vec![
            "a", "A", "b", "c.d", "", "type", "id", "body", "date", "time", "_rest", "_x", "body.a", "ID",
            "é",
        ]);
        let key = prop_oneof![
            12 => name.prop_map(Value::from),
            1 => inner.clone(),
            1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Str),
            1 => Just(Value::Bin(b"a".to_vec())),
        ];
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            4 => prop::collection::vec((key, inner), 0..7).prop_map(Value::Map),
        ]
    })
}

/// An event that a day file may hold: enough of its own fields to be one beyond doubt, and then anything.
fn any_event() -> impl Strategy<Value = Value> {
    let own = prop::sample::select(vec!["pid", "start", "sample_rate", "body", "x", "b.c", "type"]);
    (prop::collection::vec((own, any_value()), 0..4), any_value(), any::<bool>(), 0.0..2e9f64).prop_map(
        |(extra, body, with_body, end)| {
            let mut map = vec![
                (Value::from("type"), Value::from("a.type")),
                (Value::from("id"), Value::from("an id")),
                (Value::from("host"), Value::from("web")),
                (Value::from("end"), Value::from(end)),
            ];
            if with_body {
                map.push((Value::from("body"), body));
            }
            map.extend(extra.into_iter().map(|(key, value)| (Value::from(key), value)));
            Value::Map(map)
        },
    )
}

struct Place {
    dir: TempDir,
}

impl Place {
    fn of(events: &[Value]) -> (Self, u64) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = events.iter().flat_map(Value::to_msgpack).collect();
        fs::write(dir.path().join("hot"), &bytes).unwrap();
        (Self { dir }, bytes.len() as u64)
    }

    fn hot(&self) -> PathBuf {
        self.dir.path().join("hot")
    }

    fn sealed(&self) -> PathBuf {
        self.dir.path().join("x.parquet")
    }
}

fn read(path: &Path) -> Vec<Value> {
    read_needed(path, &Need::default())
}

fn read_needed(path: &Path, need: &Need) -> Vec<Value> {
    let file = SealedFile::open(path).unwrap();
    let mut rows = file.rows(need, file.groups_needed(need), Spans::default()).unwrap();
    let mut events = Vec::new();
    while let Some(event) = rows.next_event() {
        events.push(Value::from_msgpack(event.unwrap().1).unwrap());
    }
    events
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Types that change, names that collide, keys that are no names, numbers that no column holds: all comes back.
    #[test]
    fn what_is_sealed_is_read_back(events in prop::collection::vec(any_event(), 1..30)) {
        let (place, bytes) = Place::of(&events);
        let sealed = match seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()) {
            Ok(sealed) => sealed,
            // Maps like events within events may be taken for damage; that is refused, and nothing is written.
            Err(SealError::Damaged { .. }) => {
                prop_assert!(!place.sealed().exists());
                return Ok(());
            }
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(sealed.events, events.len() as u64);
        let back = read(&place.sealed());
        prop_assert_eq!(back.len(), events.len());
        for (back, event) in back.iter().zip(&events) {
            prop_assert!(split::same(back, event), "{:?}\n{:?}", back, event);
        }
    }

    /// Reading a few fields finds there what reading all finds.
    #[test]
    fn a_part_of_an_event_answers_as_the_whole(
        events in prop::collection::vec(any_event(), 1..30),
        paths in prop::collection::vec(prop::collection::vec(prop::sample::select(vec![
            "a", "A", "b", "c", "d", "c.d", "type", "id", "body", "time", "_rest", "ID", "span", "0", "duration",
            "start", "host", "sample_rate",
        ]), 1..4), 1..4),
    ) {
        let (place, bytes) = Place::of(&events);
        if seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).is_err() {
            return Ok(());
        }
        let quoted = |names: Vec<&str>| {
            let names: Vec<String> = names
                .into_iter()
                .map(|name| if name.contains('.') { format!("`{name}`") } else { name.to_owned() })
                .collect();
            blueox_event::Path::parse(&names.join(".")).unwrap()
        };
        let paths: Vec<_> = paths.into_iter().map(quoted).collect();
        let whole = read(&place.sealed());
        let parts = read_needed(&place.sealed(), &Need::of(paths.clone()));
        prop_assert_eq!(whole.len(), parts.len());
        for (whole, part) in whole.iter().zip(&parts) {
            let (whole, part) = (whole.to_msgpack(), part.to_msgpack());
            let whole = EncodedEvent::parse(&whole).unwrap();
            let part = EncodedEvent::parse(&part).unwrap();
            prop_assert_eq!(whole.type_bytes(), part.type_bytes());
            prop_assert_eq!(whole.end().map(f64::to_bits), part.end().map(f64::to_bits));
            prop_assert_eq!(whole.weight(), part.weight());
            for path in &paths {
                let value = |event: &EncodedEvent<'_>| event.lookup(path).map(|found| match found {
                    blueox_event::event::Found::Value(value) => Value::from_raw(value),
                    blueox_event::event::Found::Duration(seconds) => Value::F64(seconds),
                });
                let (whole, part) = (value(&whole), value(&part));
                let same = match (&whole, &part) {
                    (Some(whole), Some(part)) => split::same(whole, part),
                    (whole, part) => whole == part,
                };
                prop_assert!(same, "{}: {:?} {:?}", path, whole, part);
            }
        }
    }
}

fn request(number: u64, status: Value) -> Value {
    Value::map([
        ("type", Value::from("request")),
        ("id", Value::from(format!("id-{number}"))),
        ("host", Value::from("web-1")),
        ("pid", Value::from(7)),
        ("start", Value::from(1_331_640_000.25)),
        ("end", Value::from(1_331_640_000.5 + number as f64)),
        ("body", Value::map([("response", Value::map([("status", status)]))])),
    ])
}

#[test]
fn frequent_values_are_in_columns_and_others_in_the_rest() {
    let mut events: Vec<Value> = (0..20).map(|number| request(number, Value::from(200 + number))).collect();
    events.push(request(20, Value::from("500 oh no")));
    let (place, bytes) = Place::of(&events);
    seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).unwrap();
    assert_eq!(
        fields(&place.sealed()),
        [
            "time Timestamp(µs, \"UTC\")",
            "id Utf8",
            "host Utf8",
            "pid Int64",
            "start Float64",
            "end Float64",
            "sample_rate Float64",
            "span Utf8",
            "parent Utf8",
            "outcome Utf8",
            "response.status Int64",
            "_rest Binary",
            "_node Utf8",
            "_stream Utf8",
            "_seq Int64"
        ]
    );
    let file = fs::File::open(place.sealed()).unwrap();
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    let nulls = |name: &str| arrow_array::Array::null_count(batch.column_by_name(name).unwrap());
    assert_eq!((nulls("response.status"), nulls("_rest")), (1, 20));
}

fn fields(sealed: &Path) -> Vec<String> {
    let file = fs::File::open(sealed).unwrap();
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let fields = builder.schema().fields().iter();
    fields.map(|field| format!("{} {}", field.name(), field.data_type())).collect()
}

/// Engines that take the columns of one file for those of all find them in the others, with the same types.
#[test]
fn a_column_stays_one_of_its_type_in_later_files() {
    let body = |n: u64, body: Value| {
        let Value::Map(mut pairs) = request(n, Value::from(200)) else { unreachable!("a request is a map") };
        pairs.last_mut().unwrap().1 = body;
        Value::Map(pairs)
    };
    let days: [Vec<Value>; 3] = [
        (0..30)
            .map(|n| body(n, Value::map([("user", Value::from(n)), ("gone", Value::from("x"))])))
            .collect(),
        (0..30)
            .map(|n| body(n, Value::map([("user", Value::from("nobody")), ("new", Value::from(true))])))
            .collect(),
        (0..30).map(|n| body(n, Value::map([("user", Value::map([("id", Value::from(n))]))]))).collect(),
    ];
    let mut earlier: Option<PathBuf> = None;
    let mut before: Vec<String> = Vec::new();
    let places: Vec<(Place, u64)> = days.iter().map(|events| Place::of(events)).collect();
    for ((place, bytes), events) in places.iter().zip(&days) {
        let hot = [SealSource::hot(&place.hot(), *bytes)];
        seal_in_steps(&hot, earlier.as_deref(), &place.sealed(), &mut |_| Ok(())).unwrap();
        assert_eq!(read(&place.sealed()), *events);
        let fields = fields(&place.sealed());
        assert!(before.iter().all(|field| fields.contains(field)), "{before:?} {fields:?}");
        assert!(fields.contains(&"user Int64".to_owned()), "{fields:?}");
        (before, earlier) = (fields, Some(place.sealed()));
    }
    assert!(
        before.contains(&"new Boolean".to_owned()) && before.contains(&"user.id Int64".to_owned()),
        "{before:?}"
    );
    // A file that cannot be read is no reason not to seal.
    fs::write(places[0].0.sealed(), b"no parquet").unwrap();
    let (place, bytes) = &places[1];
    let hot = [SealSource::hot(&place.hot(), *bytes)];
    seal_in_steps(&hot, Some(&places[0].0.sealed()), &place.sealed(), &mut |_| Ok(())).unwrap();
    assert!(fields(&place.sealed()).contains(&"user Utf8".to_owned()));
}

#[test]
fn a_damaged_file_is_left_alone() {
    let (place, bytes) = Place::of(&[request(1, Value::Nil), request(2, Value::Nil)]);
    let refused = seal(&[SealSource::hot(&place.hot(), bytes - 3)], &place.sealed()).unwrap_err();
    assert!(matches!(refused, SealError::Damaged { .. }), "{refused}");
    assert_eq!(fs::read_dir(place.dir.path()).unwrap().count(), 1);
}

#[test]
fn what_differs_is_seen() {
    let (place, bytes) = Place::of(&[request(1, Value::from(200)), request(2, Value::from(200))]);
    seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).unwrap();
    assert_eq!(verify(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).unwrap(), 2);
    let file = SealedFile::open(&place.sealed()).unwrap();
    assert_eq!((file.sources()[0].bytes, file.events()), (bytes, 2));
    assert_eq!(held_spans(&place.hot(), &[&file]).unwrap(), [(0, bytes)]);
    let others = [
        vec![request(1, Value::from(200)), request(2, Value::from(201))],
        vec![request(1, Value::from(200))],
        vec![request(1, Value::from(200)), request(2, Value::from(200)), request(3, Value::from(200))],
    ];
    for other in others {
        let (other, bytes) = Place::of(&other);
        let differs = verify(&[SealSource::hot(&other.hot(), bytes)], &place.sealed()).unwrap_err();
        assert!(matches!(differs, SealError::Differs { .. }), "{differs}");
    }
}

/// A file that was cut or changed anywhere is an error or is seen to differ, never a panic.
#[test]
fn a_damaged_sealed_file_is_never_taken_for_a_good_one() {
    let events: Vec<Value> = (0..50).map(|number| request(number, Value::from(200 + number % 3))).collect();
    let (place, bytes) = Place::of(&events);
    seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).unwrap();
    let good = fs::read(place.sealed()).unwrap();
    let broken = place.dir.path().join("broken.parquet");
    for at in (0..good.len()).step_by(97) {
        fs::write(&broken, &good[..at]).unwrap();
        assert!(verify(&[SealSource::hot(&place.hot(), bytes)], &broken).is_err(), "cut at {at}");
    }
    for other in [&b"no parquet"[..], b"", b"PAR1PAR1"] {
        fs::write(&broken, other).unwrap();
        assert!(matches!(SealedFile::open(&broken), Err(SealError::Corrupt { .. })));
    }
}

#[test]
fn what_was_interrupted_is_overwritten() {
    let (place, bytes) = Place::of(&[request(1, Value::from(200))]);
    let aside = place::aside(&place.sealed());
    fs::write(&aside, b"half a file").unwrap();
    assert!(is_aside(&aside) && !is_aside(&place.sealed()));
    seal(&[SealSource::hot(&place.hot(), bytes)], &place.sealed()).unwrap();
    assert!(!aside.exists());
    assert_eq!(read(&place.sealed()), [request(1, Value::from(200))]);
}
