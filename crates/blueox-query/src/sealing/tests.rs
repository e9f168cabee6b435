//! Interrupted at any step, nothing is lost and nothing is there twice.

use super::*;
use crate::catalog::{Catalog, Meant};
use crate::need::Need;
use crate::scan::{Report, scan_store};
use blueox_event::wire::native::{NodeId, Seq};
use blueox_event::{EncodedEvent, Event, Value};
use blueox_log::day_log::{DayLog, DayLogLimits, NoJournal};
use blueox_log::disk::RealDisk;
use blueox_log::ranges::Batch;
use blueox_log::spool::StreamId;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const NOON: i64 = 1_331_640_000;

fn event(number: u64) -> Event {
    Event {
        type_name: "request.x".into(),
        id: Value::from(format!("{number:032x}")),
        host: "web".into(),
        pid: 1,
        start: NOON as f64,
        end: NOON as f64 + number as f64,
        body: Value::map([("n", Value::from(number)), ("odd", Value::Array(vec![Value::from(number)]))]),
    }
}

fn name() -> LogFileName {
    LogFileName::parse("request.x-20120313.log", None).unwrap()
}

struct Store {
    dir: tempfile::TempDir,
}

impl Store {
    fn new() -> Self {
        let store = Self { dir: tempfile::tempdir().unwrap() };
        fs::create_dir(store.root()).unwrap();
        store
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn hot(&self, name: &str) -> PathBuf {
        self.root().join("20120313").join(name)
    }

    fn append(&self, name: &str, numbers: std::ops::Range<u64>) {
        fs::create_dir_all(self.root().join("20120313")).unwrap();
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.hot(name)).unwrap();
        for number in numbers {
            file.write_all(&event(number).to_msgpack()).unwrap();
        }
    }

    /// Ends at the step of this number, if there are so many. `true`: it came to its end.
    fn seal(&self, steps: usize) -> bool {
        let catalog = Catalog::day_files(&[self.root()], &Meant::all()).unwrap();
        let hot = catalog.into_files();
        let newest =
            hot.iter().filter_map(|file| fs::metadata(&file.path).ok()).map(|file| file.mtime()).max();
        let finality = Finality::of(&self.root(), newest.unwrap_or(NOON) as f64 + 2.0 * 86_400.0).unwrap();
        let sealed = self.root().join("sealed");
        let sealing = Sealing {
            log_path: &self.root(),
            sealed: &sealed,
            finality: &finality,
            keep: false,
            compact: true,
        };
        let mut left = steps;
        let mut step = |_| {
            left = left
                .checked_sub(1)
                .ok_or_else(|| SealError::io("go on with", &sealed)(io::Error::other("killed")))?;
            Ok(())
        };
        match sealing.seal_day(&name(), &hot, &mut step, &mut |_| {}) {
            Ok(()) => true,
            Err(SealError::Io { source, .. }) if source.to_string() == "killed" => false,
            Err(error) => panic!("{error}"),
        }
    }

    /// How often each event is read.
    fn read(&self, dirs: &[PathBuf]) -> BTreeMap<u64, u32> {
        let mut catalog = Catalog::open(dirs, &Meant::all()).unwrap();
        assert!(catalog.drop_overlap(dirs).unwrap().is_empty());
        let files = catalog.into_files();
        let each = |part: &mut BTreeMap<u64, u32>, event: &EncodedEvent<'_>| -> Result<(), ()> {
            let text = String::from_utf8(event.id_text().unwrap().into_owned()).unwrap();
            *part.entry(u64::from_str_radix(&text, 16).unwrap()).or_default() += 1;
            Ok(())
        };
        let parts = vec![BTreeMap::new(), BTreeMap::new()];
        let stop = AtomicBool::new(false);
        let report = |report: Report| assert!(matches!(report, Report::Read(_)), "{report:?}");
        let (parts, _) = scan_store(&files, &Need::default(), parts, &stop, each, report).unwrap();
        let mut all = BTreeMap::new();
        for (number, count) in parts.into_iter().flatten() {
            *all.entry(number).or_default() += count;
        }
        all
    }

    fn assert_once(&self, events: std::ops::Range<u64>, when: &str) {
        let once: BTreeMap<u64, u32> = events.map(|number| (number, 1)).collect();
        assert_eq!(self.read(&[self.root()]), once, "{when}");
    }

    fn sealed_names(&self) -> Vec<String> {
        let dir = self.root().join("sealed/type=request.x/date=2012-03-13");
        names(&dir).unwrap().into_iter().collect()
    }
}

#[test]
fn whatever_step_is_the_last_every_event_is_there_once() {
    let mut steps = 0;
    loop {
        let store = Store::new();
        store.append("request.x-2012031300.log", 0..20);
        store.append("request.x-2012031312.log", 20..30);
        let done = store.seal(steps);
        store.assert_once(0..30, &format!("ended at step {steps}"));
        // What comes late, before anybody has tidied up.
        store.append("request.x-2012031312.log", 30..35);
        store.assert_once(0..35, &format!("late after step {steps}"));
        store.seal(steps / 2);
        store.assert_once(0..35, &format!("ended again at step {}", steps / 2));
        assert!(store.seal(usize::MAX));
        store.assert_once(0..35, &format!("at last, after step {steps}"));
        let left = Catalog::day_files(&[store.root()], &Meant::all()).unwrap().into_files();
        assert!(left.is_empty(), "{left:?} are left after step {steps}");
        assert_eq!(store.sealed_names().len(), 1, "{:?}", store.sealed_names());
        if done {
            break;
        }
        steps += 1;
    }
    // Two files are sealed and removed, and two become one.
    assert!(steps > 20, "{steps}");
}

#[test]
fn what_is_sealed_already_is_not_sealed_again_and_what_must_stay_stays() {
    let store = Store::new();
    store.append("request.x-20120313.log", 0..20);
    let catalog = Catalog::day_files(&[store.root()], &Meant::all()).unwrap();
    let hot = catalog.into_files();
    // It was written just now.
    let written = fs::metadata(&hot[0].path).unwrap().mtime() as f64;
    let finality = Finality::of(&store.root(), written + 60.0).unwrap();
    let sealed = store.root().join("sealed");
    let sealing =
        Sealing { log_path: &store.root(), sealed: &sealed, finality: &finality, keep: false, compact: true };
    let mut done = Vec::new();
    for _ in 0..2 {
        sealing.seal_day(&name(), &hot, &mut |_| Ok(()), &mut |what| done.push(what)).unwrap();
    }
    let kinds: Vec<&str> = done
        .iter()
        .map(|done| match done {
            Done::Sealed(..) => "sealed",
            Done::Kept(_, Kept::Fresh) => "kept",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["sealed", "kept", "kept"]);
    store.assert_once(0..20, "while both are there");
    // A daemon has written there that may come back.
    fs::create_dir_all(store.root().join(".blueox")).unwrap();
    fs::write(store.root().join(".blueox/ranges-20120313"), b"").unwrap();
    let finality = Finality::of(&store.root(), written + 1e9).unwrap();
    assert_eq!(finality.keeps(&hot[0]), Some(Kept::Unsaid));
}

/// One daemon's log path: batches of this stream, each of two events.
fn collect(root: &Path, node: u128, batches: std::ops::Range<u64>) {
    let mut log = DayLog::new(RealDisk, root.into(), None, DayLogLimits::default());
    log.keep_ranges(NodeId(node));
    for seq in batches {
        let numbered = Seq::new(seq + 1);
        log.begin_batch(
            Batch { stream: StreamId(7), seq: numbered, own: numbered, events: 2, origin: None },
            NOON,
        );
        for number in [2 * seq, 2 * seq + 1] {
            log.append(
                TypeName::new(b"request.x").unwrap(),
                NOON,
                &event(number).to_msgpack(),
                Duration::ZERO,
            );
        }
    }
    assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
}

/// Hot in one and sealed in the other, sealed in both, hot in both: each event once.
#[test]
fn what_two_collectors_have_is_there_once_sealed_or_not() {
    for (seal_first, seal_second, keep) in [
        (false, false, false),
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, false, true),
        (true, true, true),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let roots = [dir.path().join("one"), dir.path().join("two")];
        collect(&roots[0], 1, 0..30);
        collect(&roots[1], 2, 20..50);
        for (root, seal) in roots.iter().zip([seal_first, seal_second]) {
            if !seal {
                continue;
            }
            let hot = Catalog::day_files(std::slice::from_ref(root), &Meant::all()).unwrap().into_files();
            let finality = Finality { now: 1e10, known: finality::Known::Untracked };
            let sealed = root.join("sealed");
            let sealing =
                Sealing { log_path: root, sealed: &sealed, finality: &finality, keep, compact: true };
            sealing.seal_day(&name(), &hot, &mut |_| Ok(()), &mut |_| {}).unwrap();
            assert_eq!(hot[0].path.exists(), keep);
        }
        let store = Store::new();
        let expected: BTreeMap<u64, u32> = (0..100).map(|number| (number, 1)).collect();
        let read = store.read(&roots);
        assert_eq!(read, expected, "first sealed: {seal_first}, second: {seal_second}, kept: {keep}");
    }
}
