//! The numbers are those of `oxview --by`, and of a plain reference.

use crate::sample::{self, NOON, bytes, put, sealed};
use blueox_event::Value;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

const DAY: f64 = 86_400.0;
const DAYS: [&str; 3] = ["20120312", "20120313", "20120314"];
/// How far a quantile may be from the value of its rank.
const QUANTILE_ERROR: f64 = 0.0101;

/// Numbers that look random and always are the same.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

#[derive(Debug, Clone)]
struct Request {
    end: f64,
    path: String,
    duration: f64,
    size: Value,
    rate: Option<f64>,
}

impl Request {
    fn roll(dice: &mut Dice, day: usize) -> Self {
        let size = match dice.below(20) {
            0 => Value::Nil,
            1 => Value::F64(dice.below(1_000) as f64 + 0.5),
            2 => Value::from("none"),
            _ => Value::from(dice.below(100_000)),
        };
        Self {
            end: NOON + (day as f64 - 1.0) * DAY + dice.below(40_000) as f64,
            path: format!("/{}", dice.below(5)),
            duration: (1 << dice.below(12)) as f64 * 0.001 + dice.below(1_000) as f64 * 1e-6,
            size,
            rate: (dice.below(8) == 0).then_some(0.25),
        }
    }

    fn to_bytes(&self, number: usize) -> Vec<u8> {
        let body = Value::map([
            ("request", Value::map([("path", Value::from(self.path.as_str()))])),
            ("response", Value::map([("size", self.size.clone())])),
        ]);
        let mut map = vec![
            (Value::from("type"), Value::from("request")),
            (Value::from("id"), Value::from(format!("id-{number}"))),
            (Value::from("host"), Value::from("h")),
            (Value::from("start"), Value::F64(self.end - self.duration)),
            (Value::from("end"), Value::F64(self.end)),
            (Value::from("body"), body),
        ];
        map.extend(self.rate.map(|rate| (Value::from("sample_rate"), Value::F64(rate))));
        Value::Map(map).to_msgpack()
    }

    fn weight(&self) -> f64 {
        self.rate.map_or(1.0, |rate| 1.0 / rate)
    }

    fn size(&self) -> Option<f64> {
        match self.size {
            Value::UInt(size) => Some(size as f64),
            Value::F64(size) => Some(size),
            _ => None,
        }
    }
}

/// A store of three days: sealed, sealed and still there with more behind it, hot.
fn store(root: &Path) -> Vec<Request> {
    let mut dice = Dice(20_120_313);
    let mut all = Vec::new();
    for (number, day) in DAYS.into_iter().enumerate() {
        let requests: Vec<Request> = (0..1_500).map(|_| Request::roll(&mut dice, number)).collect();
        let encoded: Vec<Vec<u8>> =
            requests.iter().enumerate().map(|(at, one)| one.to_bytes(all.len() + at)).collect();
        let path = root.join(format!("{day}/request-{day}.log"));
        let part = if number == 1 { 700 } else { encoded.len() };
        put(&path, &encoded[..part].concat());
        if number < 2 {
            sealed(root, day, "request", number == 1);
        }
        if part < encoded.len() {
            put(&path, &encoded.concat());
        }
        all.extend(requests);
    }
    let other = sample::event(
        "job",
        NOON,
        "job-1",
        Value::map([("request", Value::map([("path", Value::from("/0"))]))]),
    );
    put(&root.join("20120313/job-20120313.log"), &bytes(&[other]));
    all
}

fn lines(output: &std::process::Output) -> Vec<Json> {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone())
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn asked(dir: &Path, query: &str) -> Vec<Json> {
    let output =
        sample::program(dir).args(["-l", "store", "-o", "json", "--threads", "3", query]).output().unwrap();
    lines(&output)
}

/// The viewer that `make test-sql` builds beside this program.
fn oxview() -> PathBuf {
    let beside = || Path::new(env!("CARGO_BIN_EXE_oxsql")).with_file_name("oxview");
    let path = std::env::var_os("OXVIEW").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is not there: run make test-sql, which builds it", path.display());
    path
}

fn number(line: &Json, name: &str) -> f64 {
    line[name].as_f64().unwrap_or_else(|| panic!("{name} in {line}"))
}

fn assert_near(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 2e-9 + b.abs() * 1e-9, "{what}: {a} {b}");
}

#[test]
fn numbers_are_those_of_a_plain_reference() {
    let dir = tempfile::tempdir().unwrap();
    let all = store(&dir.path().join("store"));
    let mut by_path: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in &all {
        by_path.entry(&request.path).or_default().push(request);
    }
    let found = asked(
        dir.path(),
        "SELECT request.path AS path, count(*) AS n, sum(response.size) AS sum, count(response.size) AS sized, \
         min(duration) AS min, max(duration) AS max, p(50, duration) AS p50, p(99, duration) AS p99, p(100, duration) AS p100, \
         count(DISTINCT id) AS ids FROM request GROUP BY request.path ORDER BY path",
    );
    assert_eq!(found.len(), by_path.len());
    for (line, (path, requests)) in found.iter().zip(by_path) {
        assert_eq!(line["path"], path);
        assert_eq!((number(line, "n"), number(line, "ids")), (requests.len() as f64, requests.len() as f64));
        assert_near(number(line, "sum"), requests.iter().filter_map(|one| one.size()).sum(), "sum");
        let sized = requests.iter().filter(|one| one.size != Value::Nil).count();
        assert_eq!(number(line, "sized"), sized as f64, "text counts too");
        let mut durations: Vec<f64> = requests.iter().map(|one| one.end - (one.end - one.duration)).collect();
        durations.sort_by(f64::total_cmp);
        assert_eq!((number(line, "min"), number(line, "max")), (durations[0], *durations.last().unwrap()));
        assert_eq!(number(line, "p100"), *durations.last().unwrap());
        for (name, share) in [("p50", 0.5), ("p99", 0.99)] {
            let exact = durations[(share * (durations.len() - 1) as f64) as usize];
            let near = (number(line, name) - exact).abs() <= QUANTILE_ERROR * exact;
            assert!(near, "{name} of {path}: {} {exact}", line[name]);
        }
    }
    let types = asked(dir.path(), "SELECT type, count(*) AS n FROM events GROUP BY type ORDER BY n");
    assert_eq!((&types[0]["type"], number(&types[0], "n")), (&Json::from("job"), 1.0));
    assert_eq!((&types[1]["type"], number(&types[1], "n")), (&Json::from("request"), all.len() as f64));
}

#[test]
fn numbers_are_those_of_oxview() {
    let dir = tempfile::tempdir().unwrap();
    store(&dir.path().join("store"));
    let measures =
        "count,sum(response.size),avg(response.size),min(duration),max(duration),p50,p99,p999(response.size)";
    let output = Command::new(oxview())
        .current_dir(dir.path())
        .args(["-l", "store", "-n", "request", "--by", "request.path", "--stats", measures, "-o", "json"])
        .output()
        .unwrap();
    let mut counted = lines(&output);
    counted.sort_by_key(|line| line["request.path"].as_str().unwrap().to_owned());
    let found = asked(
        dir.path(),
        "SELECT request.path, sum(_weight) AS count, sum(response.size * _weight) AS sum, \
         sum(response.size * _weight) / sum(_weight) FILTER (WHERE number(response.size) IS NOT NULL) AS avg, \
         min(duration) AS min, max(duration) AS max, p(50, duration, _weight) AS p50, p(99, duration, _weight) AS p99, \
         p(99.9, response.size, _weight) AS p999 FROM request GROUP BY request.path ORDER BY request.path",
    );
    assert_eq!(found.len(), counted.len());
    for (line, counted) in found.iter().zip(&counted) {
        assert_eq!(line["request.path"], counted["request.path"]);
        for (ours, theirs) in [
            ("count", "count"),
            ("sum", "sum(response.size)"),
            ("avg", "avg(response.size)"),
            ("min", "min(duration)"),
            ("max", "max(duration)"),
            ("p50", "p50"),
            ("p99", "p99"),
            ("p999", "p999(response.size)"),
        ] {
            assert_near(number(line, ours), number(counted, theirs), ours);
        }
    }
}

#[test]
fn what_is_pushed_down_changes_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    store(&dir.path().join("store"));
    let noon = NOON as u64;
    for (pushed, tested) in [
        (format!("\"end\" >= {noon}"), format!("\"end\" + 0 >= {noon}")),
        (format!("{noon} > \"end\""), format!("{noon} > \"end\" + 0")),
        (
            "time BETWEEN '2012-03-13 12:00:00' AND '2012-03-13 15:00:00'".to_owned(),
            format!("\"end\" + 0 BETWEEN {noon} AND {}", noon + 10_800),
        ),
        ("id = 'id-2000'".to_owned(), "concat(id, '') = 'id-2000'".to_owned()),
        ("type = 'job'".to_owned(), "concat(type, '') = 'job'".to_owned()),
        ("type IN ('job', 'nothing')".to_owned(), "concat(type, '') LIKE 'jo%'".to_owned()),
    ] {
        let count = |filter: &str| {
            let lines = asked(
                dir.path(),
                &format!("SELECT count(*) AS n, sum(duration) AS s FROM events WHERE {filter}"),
            );
            (lines[0]["n"].as_u64().unwrap(), lines[0]["s"].as_f64())
        };
        let (a, b) = (count(&pushed), count(&tested));
        assert_eq!(a.0, b.0, "{pushed}");
        assert!(a.0 > 0, "{pushed}");
        assert_near(a.1.unwrap(), b.1.unwrap(), &pushed);
    }
}

#[test]
fn oxview_hands_over() {
    let dir = tempfile::tempdir().unwrap();
    let all = store(&dir.path().join("store"));
    let here = Path::new(env!("CARGO_BIN_EXE_oxsql")).parent().unwrap();
    let output = Command::new(oxview())
        .current_dir(dir.path())
        .env("PATH", here)
        .args([
            "-l",
            "store",
            "-o",
            "csv",
            "--sql",
            "-- how many\nSELECT count(*) AS n, sum(_weight) AS w FROM request",
        ])
        .output()
        .unwrap();
    let weight: f64 = all.iter().map(Request::weight).sum();
    let expected = format!("n,w\n{},{weight:.1}\n", all.len());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        expected,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
