//! A log path to look at, and the binary.

use blueox_event::wire::native::{NodeId, Seq, StreamId};
use blueox_event::{Event, TypeName, Value};
use blueox_log::day_log::{DayLog, DayLogLimits, NoJournal};
use blueox_log::disk::RealDisk;
use blueox_log::ranges::Batch;
use blueox_log::spool::{FullPolicy, Record, Spool, SpoolConfig, Timestamp};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// 2012-03-13 12:00 UTC
pub(crate) const NOON: f64 = 1_331_640_000.0;
pub(crate) const DAY: f64 = 86_400.0;

/// A request that ended at `end`.
pub(crate) fn request(end: f64, id: &str, status: u32) -> Event {
    let mut body = vec![
        ("request", Value::map([("method", Value::from("GET")), ("path", Value::from("/cart"))])),
        ("response", Value::map([("status", Value::from(status))])),
        ("user", Value::map([("id", Value::from(42)), ("name", Value::from("Jürgen 李"))])),
    ];
    if status >= 500 {
        let traceback =
            "Traceback (most recent call last):\n  File \"shop.py\", line 3\nValueError: no price";
        body.push(("exception", Value::from(traceback)));
    }
    Event {
        type_name: "request".into(),
        id: Value::from(id),
        host: "web-2".into(),
        pid: 4121,
        start: end - 0.812,
        end,
        body: Value::map(body),
    }
}

pub(crate) fn query(end: f64, id: &str) -> Event {
    Event {
        type_name: "request.sql".into(),
        start: end - 0.79,
        body: Value::map([
            ("sql", Value::from("SELECT price FROM carts WHERE user = 42 ORDER BY added DESC")),
            ("rows", Value::from(3)),
        ]),
        ..request(end, id, 200)
    }
}

/// An event with all that a terminal or a parser could stumble upon.
pub(crate) fn awkward(end: f64) -> Event {
    Event {
        type_name: "odd".into(),
        id: Value::from(17),
        host: "h\u{1b}[2J".into(),
        pid: 1,
        start: end,
        end,
        body: Value::Map(vec![
            (Value::from("esc"), Value::from("a\u{1b}]0;title\u{7}b\u{9b}31m\u{202e}c")),
            (Value::from("bytes"), Value::Str(b"caf\xe9".to_vec())),
            (Value::from("lines"), Value::from("one\ntwo, \"three\"\r\n")),
            (Value::from(5), Value::from("a key that is no text")),
            (Value::from("nan"), Value::F64(f64::NAN)),
            (Value::from("big"), Value::UInt(u64::MAX)),
            (Value::from("list"), Value::Array(vec![1.into(), Value::Nil, Value::Map(vec![])])),
            (Value::from("empty"), Value::from("")),
            (Value::from("nothing"), Value::Nil),
            (Value::from("type"), Value::from("a field named as one of an event's own")),
        ]),
    }
}

/// 200 requests of which every fifth fails, nearly all of these with a version that hardly any other has.
pub(crate) fn compared() -> Vec<Event> {
    let event = |number: u32| {
        let failed = number.is_multiple_of(5);
        let version = if failed && !number.is_multiple_of(25) { "2.1" } else { "2.0" };
        let user = Value::map([("plan", Value::from(["free", "pro"][(number / 7) as usize % 2]))]);
        let status = if failed { 503 } else { 200 };
        let body = [
            ("version", Value::from(version)),
            ("user", user),
            ("response", Value::map([("status", Value::from(status))])),
            ("cached", Value::from(number.is_multiple_of(2))),
        ];
        let end = NOON + f64::from(number);
        Event { start: end - 0.3, body: Value::map(body), ..request(end, FIRST, status) }
    };
    (0..200).map(event).collect()
}

pub(crate) fn bytes(events: &[Event]) -> Vec<u8> {
    events.iter().flat_map(Event::to_msgpack).collect()
}

pub(crate) const FIRST: &str = "4f5f36c0a1b2c3d4e5f6a1b2c3d4e5f6";
pub(crate) const SECOND: &str = "4f5f36c0ffffffffffffffff00000001";

/// A directory with `logs/`, three days of two types, and some single files.
pub(crate) fn directory() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    };
    let noon = [request(NOON + 3.412, FIRST, 500), request(NOON + 9.0, SECOND, 200)];
    put("logs/20120312/request-20120312.log", &bytes(&[request(NOON - DAY, "yesterday-0001", 200)]));
    put("logs/20120313/request-20120313.log", &bytes(&noon));
    put(
        "logs/20120313/request.sql-20120313.log",
        &bytes(&[query(NOON + 3.4, FIRST), query(NOON + 8.9, SECOND)]),
    );
    put(
        "logs/20120314/request-2012031400.log",
        &bytes(&[request(NOON + DAY / 2.0 + 60.0, "night-00000001", 404)]),
    );
    put("logs/20120314/request-2012031412.log", &bytes(&[request(NOON + DAY, "midday-0000001", 200)]));
    put("logs/20120314/.hidden", b"no day file");
    put("logs/readme.txt", b"no day file");
    put("noon.log", &bytes(&noon));
    put("odd.log", &bytes(&[awkward(NOON)]));
    let long = Event {
        type_name: "a.type.with.a.name.that.is.longer.than.its.column".into(),
        host: "a-host-with-a-name-that-is-longer-than-its-column".into(),
        body: Value::map([("path", Value::from("/a".repeat(40))), ("status", Value::from(200))]),
        ..request(NOON, FIRST, 200)
    };
    put("long.log", &bytes(&[long, request(NOON, SECOND, 200)]));
    put("absurd.log", &bytes(&[Event { end: 1e300, ..request(NOON, FIRST, 200) }]));
    put("trace", &bytes(&noon[1..]));
    put("compared.log", &bytes(&compared()));
    put("empty.log", b"");
    put("text.log", b"this is no log of events\n");

    let noon = bytes(&noon);
    put("torn.log", &noon[..noon.len() - 7]);
    let first = request(NOON + 3.412, FIRST, 500).to_msgpack();
    put("holed.log", &[&first[..], b"\xc1\xc1garbage", &first, &noon].concat());
    let half = noon.len() / 2;
    let gzip = |content: &[u8]| {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let bzip2 = |content: &[u8]| {
        use std::io::Write;
        let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |content: &[u8]| zstd::stream::encode_all(content, 1).unwrap();
    // Several streams in one file, cut in the middle of an event, under names that do not tell.
    put("packed/gzip", &[gzip(&noon[..half]), gzip(&noon[half..])].concat());
    put("packed/bzip2.log", &[bzip2(&noon[..half]), bzip2(&noon[half..])].concat());
    put("packed/zstd.gz", &[zstd(&noon[..half]), zstd(&noon[half..])].concat());
    let cut = gzip(&noon);
    put("packed/cut.gz", &cut[..cut.len() - 9]);
    collectors(dir.path());
    spools(dir.path());
    dir
}

/// `spool`, three batches; `holed-spool`, the same with the second one's payload damaged.
fn spools(dir: &Path) {
    let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(9)).unwrap();
    let opened = Spool::open(RealDisk, &dir.join("spool"), config).unwrap();
    let mut writer = opened.writer;
    for batch in 1..=3 {
        let end = NOON + f64::from(batch);
        let first = format!("batch-{batch}-first");
        let events = bytes(&[request(end, &first, 200), query(end + 0.5, &format!("batch-{batch}-last"))]);
        let record = Record::Data { source: None, count: 2, origin: b"opaque", events: &events };
        writer.append(&record, Timestamp(NOON as u64 * 1_000_000)).unwrap();
        writer.commit(Timestamp(NOON as u64 * 1_000_000)).unwrap();
    }
    let name = "0000000000000001.oxw";
    let mut content = fs::read(dir.join("spool").join(name)).unwrap();
    let second = content.windows(13).position(|window| window == b"batch-2-first").unwrap();
    content[second] = b'B';
    fs::create_dir_all(dir.join("holed-spool")).unwrap();
    fs::write(dir.join("holed-spool").join(name), content).unwrap();
}

/// `two/a` and `two/b`: a sender went from one collector to the other, and both have batch 2. `two/odd` is `two/b` with
/// damaged ranges.
fn collectors(dir: &Path) {
    for (name, node, batches) in [("a", 7, [1u32, 2]), ("b", 3, [2, 3]), ("odd", 3, [2, 3])] {
        let root = dir.join("two").join(name);
        let mut log = DayLog::new(RealDisk, root.clone(), None, DayLogLimits::default());
        log.keep_ranges(NodeId(node));
        for batch in batches {
            let end = NOON + f64::from(batch);
            let events = [
                request(end, &format!("batch-{batch}-first"), 200),
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
        if name == "odd" {
            let path = root.join(".blueox/ranges-20120313");
            let mut content = fs::read(&path).unwrap();
            content[40] ^= 1;
            fs::write(&path, content).unwrap();
        }
    }
}

/// The binary, in `dir`, without the environment's colours, pager and daemon.
pub(crate) fn oxview(dir: &Path) -> Command {
    let mut command = match (option_env!("CARGO_BIN_EXE_oxview"), option_env!("CARGO_BIN_EXE_oxstore")) {
        (Some(oxview), _) => Command::new(oxview),
        // The same viewer, in another program.
        (None, Some(oxstore)) => {
            let mut command = Command::new(oxstore);
            command.arg("view");
            command
        }
        (None, None) => panic!("BUG: a crate that has neither program"),
    };
    command.current_dir(dir).stdin(Stdio::null());
    // Nothing listens on port 1.
    command.env("BLUEOX_CLIENT_HOST", "127.0.0.1:1");
    for name in ["NO_COLOR", "PAGER", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

/// What golden cases run.
pub(crate) const PROGRAM: &str = "oxview";

pub(crate) fn program(dir: &Path) -> Command {
    oxview(dir)
}

pub(crate) fn golden_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden")
}
