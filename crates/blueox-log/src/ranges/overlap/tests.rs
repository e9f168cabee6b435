use super::*;
use crate::day_log::scan::{Item, Scanner};
use crate::day_log::{DayLog, DayLogLimits, NoJournal};
use crate::disk::RealDisk;
use crate::ranges::Batch;
use blueox_event::{Event, TypeName, Value};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

const DAY: i64 = 86_400;

/// One collector's part of a history.
#[derive(Debug, Clone)]
struct Has {
    /// Which batches, in the order in which they came.
    batches: Vec<u64>,
    /// It is flushed before every so many-th batch.
    flush_every: usize,
    /// Its days are so many ahead of the others'.
    late: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mischief {
    None,
    Copied,
    Renamed,
    Removed,
    Rewritten,
    DamagedRanges,
}

fn event(number: u64, type_name: &str) -> Vec<u8> {
    let event = Event {
        type_name: type_name.into(),
        id: Value::from(format!("id{number}")),
        host: "h".into(),
        pid: 1,
        start: 0.0,
        end: 1.0,
        body: Value::map([("n", Value::UInt(number))]),
    };
    event.to_msgpack()
}

/// Batch `seq` has events `seq * 8 ..`, of types that depend on the number.
fn numbers(seq: u64) -> impl Iterator<Item = (u64, String)> {
    (0..1 + seq % 5).map(move |index| (seq * 8 + index, format!("t{}", (seq + index) % 3)))
}

fn write(root: &Path, node: u128, has: &Has) {
    let mut log = DayLog::new(RealDisk, root.into(), None, DayLogLimits::default());
    log.keep_ranges(NodeId(node));
    for (index, seq) in has.batches.iter().enumerate() {
        if index % has.flush_every == 0 {
            assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
        }
        let received = (i64::try_from(index).unwrap() / 20 + has.late) * DAY;
        let stream = StreamId(u128::from(seq % 2));
        let events = u32::try_from(numbers(*seq).count()).unwrap();
        log.begin_batch(
            Batch { stream, seq: Seq::new(seq + 1), own: Seq::new(seq + 1), events, origin: None },
            received,
        );
        for (number, type_name) in numbers(*seq) {
            let name = TypeName::new(type_name.as_bytes()).unwrap();
            log.append(name, received, &event(number, &type_name), Duration::ZERO);
        }
    }
    assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_none());
}

fn day_files(root: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for day in fs::read_dir(root).into_iter().flatten().flatten() {
        if day.file_name() != super::super::OWN_FOLDER {
            files.extend(fs::read_dir(day.path()).unwrap().map(|file| file.unwrap().path()));
        }
    }
    files.sort();
    files
}

/// All that is shown.
fn shown(roots: &[PathBuf], overlap: &Overlap) -> Vec<u64> {
    let mut shown = Vec::new();
    for path in roots.iter().flat_map(|root| day_files(root)) {
        let mut scanner = Scanner::new(File::open(&path).unwrap());
        while let Some(item) = scanner.next_item().unwrap() {
            let Item::Event { offset, event } = item else { continue };
            if !overlap.dropped.get(&path).is_some_and(|dropped| dropped.holds(offset)) {
                let id = event.id_text().unwrap();
                shown.push(std::str::from_utf8(&id).unwrap()[2..].parse().unwrap());
            }
        }
    }
    shown.sort_unstable();
    shown
}

fn play(mischief: Mischief, root: &Path, pick: usize) -> PathBuf {
    let files = day_files(root);
    let Some(file) = files.get(pick % files.len().max(1)) else { return root.into() };
    match mischief {
        Mischief::None => {}
        Mischief::Copied => {
            let copy = root.with_extension("copy");
            for file in files
                .into_iter()
                .chain(fs::read_dir(root.join(".blueox")).unwrap().map(|f| f.unwrap().path()))
            {
                let to = copy.join(file.strip_prefix(root).unwrap());
                fs::create_dir_all(to.parent().unwrap()).unwrap();
                fs::copy(file, to).unwrap();
            }
            return copy;
        }
        Mischief::Renamed => {
            let name = file.file_name().unwrap().to_str().unwrap();
            fs::rename(file, file.with_file_name(name.replace(".log", "-web-2.log"))).unwrap();
        }
        Mischief::Removed => fs::remove_file(file).unwrap(),
        Mischief::Rewritten => {
            let mut content = fs::read(file).unwrap();
            content.splice(0..0, event(1_000_000 + pick as u64, "t0"));
            fs::write(file, content).unwrap();
        }
        Mischief::DamagedRanges => {
            let (_, ranges) = super::super::list(root).unwrap().remove(0);
            let mut content = fs::read(&ranges).unwrap();
            let at = pick % content.len();
            content[at] ^= 0x55;
            fs::write(&ranges, content).unwrap();
        }
    }
    root.into()
}

fn any_has() -> impl Strategy<Value = Has> {
    let batches =
        prop::collection::btree_set(0u64..60, 0..50).prop_map(|batches| batches.into_iter().collect());
    (batches, 1usize..9, 0i64..3).prop_map(|(batches, flush_every, late)| Has { batches, flush_every, late })
}

fn any_mischief() -> impl Strategy<Value = Mischief> {
    prop_oneof![
        4 => Just(Mischief::None),
        1 => Just(Mischief::Copied),
        1 => Just(Mischief::Renamed),
        1 => Just(Mischief::Removed),
        1 => Just(Mischief::Rewritten),
        1 => Just(Mischief::DamagedRanges),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Whatever collectors have in common and whatever was done to their files: what is there is shown; and once, unless
    /// somebody changed files or ranges.
    #[test]
    fn every_event_is_shown_once(
        collectors in prop::collection::vec((any_has(), any_mischief(), any::<usize>()), 2..4),
    ) {
        let directory = tempfile::tempdir().unwrap();
        let mut roots = Vec::new();
        for (index, (has, mischief, pick)) in collectors.iter().enumerate() {
            let root = directory.path().join(format!("c{index}"));
            // Neither the order of the directories nor that of the nodes is that of the batches.
            write(&root, 10 - index as u128, has);
            roots.push(play(*mischief, &root, *pick));
        }
        let overlap = Overlap::find(&roots, &|_, _| true, &NoOtherCopies).unwrap();
        let shown = shown(&roots, &overlap);
        let there: BTreeSet<u64> = self::shown(&roots, &Overlap::default()).into_iter().collect();
        prop_assert_eq!(&shown.iter().copied().collect::<BTreeSet<u64>>(), &there);
        let harmless = [Mischief::None, Mischief::Copied, Mischief::Renamed, Mischief::Removed];
        if collectors.iter().all(|(_, mischief, _)| harmless.contains(mischief)) {
            prop_assert_eq!(shown.len(), there.len());
            let unexpected = overlap.remarks.iter().find(|remark| !matches!(remark, Remark::None { .. }));
            prop_assert_eq!(unexpected, None);
        }
    }
}

/// What the smallest node has is shown from there, in whatever order the directories are named.
#[test]
fn the_smallest_node_wins() {
    let directory = tempfile::tempdir().unwrap();
    let (a, b) = (directory.path().join("a"), directory.path().join("b"));
    let has = |batches: std::ops::Range<u64>| Has { batches: batches.collect(), flush_every: 3, late: 0 };
    write(&a, 7, &has(0..40));
    write(&b, 3, &has(30..60));
    for roots in [[a.clone(), b.clone()], [b, a.clone()]] {
        let overlap = Overlap::find(&roots, &|_, _| true, &NoOtherCopies).unwrap();
        assert_eq!(overlap.events, (30..40).map(|seq| numbers(seq).count() as u64).sum::<u64>());
        assert!(!overlap.dropped.is_empty() && overlap.dropped.keys().all(|path| path.starts_with(&a)));
    }
}

/// A copy that is not read does not stand in for one that is.
#[test]
fn what_is_not_read_does_not_win() {
    let directory = tempfile::tempdir().unwrap();
    let roots = [directory.path().join("a"), directory.path().join("b")];
    for (root, node) in roots.iter().zip([1, 2]) {
        write(root, node, &Has { batches: (0..20).collect(), flush_every: 3, late: 0 });
    }
    let overlap = Overlap::find(&roots, &|path, _| path.starts_with(&roots[1]), &NoOtherCopies).unwrap();
    assert_eq!(overlap.events, 0);
}

/// A file that somebody rewrote with events of the same lengths is no copy, whoever would win.
#[test]
fn other_events_under_the_same_number_are_shown() {
    let directory = tempfile::tempdir().unwrap();
    let roots = [directory.path().join("a"), directory.path().join("b")];
    for (root, node) in roots.iter().zip([1, 2]) {
        write(root, node, &Has { batches: (0..20).collect(), flush_every: 3, late: 0 });
    }
    let all = Overlap::find(&roots, &|_, _| true, &NoOtherCopies).unwrap();
    let path = day_files(&roots[0]).remove(0);
    let mut content = fs::read(&path).unwrap();
    let is_id = |bytes: &[u8]| bytes.starts_with(b"id") && bytes[2].is_ascii_digit();
    let at = content.windows(3).position(is_id).unwrap() + 2;
    content[at] = if content[at] == b'7' { b'8' } else { b'7' };
    fs::write(&path, content).unwrap();
    let overlap = Overlap::find(&roots, &|_, _| true, &NoOtherCopies).unwrap();
    assert!(overlap.events < all.events && overlap.events > 0);
    let [Remark::Unfit { path: differing }] = &overlap.remarks[..] else { panic!("{:?}", overlap.remarks) };
    assert!(differing.starts_with(&roots[1]));
}
