//! Stores to ask, and the binary.

use blueox_event::wire::native::{NodeId, Seq, StreamId};
use blueox_event::{Event, TypeName, Value};
use blueox_log::day_log::{DayLog, DayLogLimits, NoJournal};
use blueox_log::disk::RealDisk;
use blueox_log::ranges::Batch;
use blueox_query::sealed::{SealSource, seal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// 2012-03-13 12:00 UTC
pub(crate) const NOON: f64 = 1_331_640_000.0;
const DAY: f64 = 86_400.0;

/// An event that took a quarter of a second.
pub(crate) fn event(type_name: &str, end: f64, id: &str, body: Value) -> Event {
    Event {
        type_name: type_name.into(),
        id: Value::from(id),
        host: "web-2".into(),
        pid: 4121,
        start: end - 0.25,
        end,
        body,
    }
}

pub(crate) fn request(end: f64, id: &str, path: &str, status: u32) -> Event {
    let body = Value::map([
        ("request", Value::map([("path", Value::from(path))])),
        ("response", Value::map([("status", Value::from(status))])),
        ("userId", Value::from(42)),
    ]);
    event("request", end, id, body)
}

fn query(end: f64, id: &str) -> Event {
    event("request.sql", end, id, Value::map([("sql", Value::from("SELECT 1")), ("rows", Value::from(3))]))
}

pub(crate) fn bytes(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(Event::to_msgpack).collect()
}

/// Writes a day file.
pub(crate) fn put(path: &Path, content: &[u8]) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Seals a day file of a log path; `keep`: it stays beside.
pub(crate) fn sealed(root: &Path, day: &str, type_name: &str, keep: bool) {
    let hot = root.join(day).join(format!("{type_name}-{day}.log"));
    let date = format!("date={}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let place = root.join("sealed").join(format!("type={type_name}")).join(date);
    fs::create_dir_all(&place).unwrap();
    let length = hot.metadata().unwrap().len();
    seal(&[SealSource::hot(&hot, length)], &place.join(format!("{type_name}-{day}.parquet"))).unwrap();
    if !keep {
        fs::remove_file(hot).unwrap();
    }
}

/// A directory with the stores of the golden cases.
pub(crate) fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    logs(&dir.path().join("logs"));
    drift(&dir.path().join("drift"));
    odd(&dir.path().join("odd"));
    collectors(dir.path());
    fs::create_dir(dir.path().join("empty")).unwrap();
    let torn = bytes(&[request(NOON, "torn-1", "/", 200), request(NOON, "torn-2", "/", 200)]);
    put(&dir.path().join("torn/20120313/request-20120313.log"), &torn[..torn.len() - 7]);
    put(&dir.path().join("query.sql"), b"SELECT count(*)\nFROM events;\n");
    dir
}

/// Three days: the first is sealed, the second is sealed in part, the third is not.
fn logs(root: &Path) {
    let day = |number: f64| NOON + (number - 2.0) * DAY;
    let first = [
        request(day(1.0), "first-1", "/", 200),
        request(day(1.0) + 60.0, "first-2", "/cart", 503),
        request(day(1.0) + 61.0, "first-3", "/cart", 200),
    ];
    put(&root.join("20120312/request-20120312.log"), &bytes(&first));
    put(&root.join("20120312/request.sql-20120312.log"), &bytes(&[query(day(1.0), "first-1")]));
    sealed(root, "20120312", "request", false);
    sealed(root, "20120312", "request.sql", false);

    let second = [request(day(2.0), "second-1", "/cart", 200), request(day(2.0) + 1.0, "second-2", "/", 404)];
    put(&root.join("20120313/request-20120313.log"), &bytes(&second[..1]));
    sealed(root, "20120313", "request", true);
    put(&root.join("20120313/request-20120313.log"), &bytes(&second));
    put(&root.join("20120313/request.sql-20120313.log"), &bytes(&[query(day(2.0), "second-1")]));

    put(&root.join("20120314/request-20120314.log"), &bytes(&[request(day(3.0), "third-1", "/", 200)]));
    let job = event("job", day(3.0), "job-1", Value::map([("exception", Value::from("no price"))]));
    put(&root.join("20120314/job-20120314.log"), &bytes(&[job]));
}

/// One field that is a number, then text, then a map, then a list; sealed but for the last two days.
fn drift(root: &Path) {
    let values = [
        ("20120311", vec![Value::from(7), Value::from(8), Value::Nil]),
        ("20120312", vec![Value::F64(2.5), Value::from(3)]),
        ("20120313", vec![Value::from("12"), Value::from("slow"), Value::from(5), Value::from(6)]),
        ("20120314", vec![Value::map([("ms", Value::from(9))])]),
        ("20120315", vec![Value::Array(vec![Value::from(1), Value::from("b")]), Value::Bool(true)]),
    ];
    for (number, (day, values)) in values.into_iter().enumerate() {
        let end = NOON + (number as f64 - 2.0) * DAY;
        let events = values.into_iter().enumerate().map(|(at, value)| {
            event(
                "job",
                end + at as f64,
                &format!("{day}-{at}"),
                Value::map([("took", value), ("ok", Value::from(1))]),
            )
        });
        let events: Vec<Event> = events.collect();
        put(&root.join(format!("{day}/job-{day}.log")), &bytes(&events));
        if number < 3 {
            sealed(root, day, "job", false);
        }
    }
}

/// What a terminal, a parser or a column could stumble upon.
fn odd(root: &Path) {
    let body = Value::Map(vec![
        (Value::from("esc"), Value::from("a\u{1b}]0;title\u{7}b\u{202e}c")),
        (Value::from("bytes"), Value::Str(b"caf\xe9".to_vec())),
        (Value::from("lines"), Value::from("one\ntwo, \"three\"")),
        (Value::from("nan"), Value::F64(f64::NAN)),
        (Value::from("big"), Value::UInt(u64::MAX)),
        (Value::from("nothing"), Value::Nil),
        (Value::from("type"), Value::from("named as an event's own")),
        (Value::from("duration"), Value::from("that too")),
        (Value::from("empty"), Value::Map(vec![])),
        (Value::from("dotted"), Value::map([("a.b", Value::from(1))])),
    ]);
    let odd = event("odd", NOON, "odd-1", body);
    put(&root.join("20120313/odd-20120313.log"), &bytes(std::slice::from_ref(&odd)));
    put(
        &root.join("20120312/odd-20120312.log"),
        &bytes(&[Event { end: NOON - DAY, id: Value::from(17), ..odd }]),
    );
    sealed(root, "20120312", "odd", false);
}

/// `two/a` and `two/b`: a sender went from one collector to the other, and both have batch 2; what `a` has is sealed.
fn collectors(dir: &Path) {
    for (name, node, batches) in [("a", 7, [1u32, 2]), ("b", 3, [2, 3])] {
        let root = dir.join("two").join(name);
        let mut log = DayLog::new(RealDisk, root.clone(), None, DayLogLimits::default());
        log.keep_ranges(NodeId(node));
        for batch in batches {
            let end = NOON + f64::from(batch);
            let events = [
                request(end, &format!("batch-{batch}-first"), "/", 200),
                query(end + 0.5, &format!("batch-{batch}-last")),
            ];
            let seq = Seq::new(u64::from(batch));
            let noon = NOON as i64;
            log.begin_batch(Batch { stream: StreamId(1), seq, own: seq, events: 2, origin: None }, noon);
            for event in events {
                let name = TypeName::new(event.type_name.as_bytes()).unwrap();
                log.append(name, noon, &event.to_msgpack(), Duration::ZERO);
            }
        }
        assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
    }
}

/// What golden cases run.
pub(crate) const PROGRAM: &str = "oxsql";

/// The binary, in `dir`, without the environment's colours.
pub(crate) fn program(dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxsql"));
    command.current_dir(dir).stdin(Stdio::null());
    for name in ["NO_COLOR", "PAGER", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

pub(crate) fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}
