//! Whatever goes wrong, and at whichever request: nothing goes from here that is not there, and the next run ends with
//! everything there once.

use crate::archive::{Archive, Sent};
use crate::cache::Cache;
use crate::directory::Directory;
use crate::download::{Downloaded, download};
use crate::limits::{BLOCK_BYTES, PART_BYTES, SINGLE_BYTES};
use crate::local::{LocalFile, Place};
use crate::memory::{Fault, Memory};
use crate::objects::{Object, Objects};
use crate::prune::{Pruned, Why};
use crate::remote::RemoteObject;
use blueox_event::{Event, Value};
use blueox_query::catalog::{Catalog, Meant, StoredObject};
use blueox_query::need::Need;
use blueox_query::sealed::{Ranged, SealSource, SealedFile, seal};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

const NOON: f64 = 1_331_640_000.0;

fn event(number: u64) -> Event {
    Event {
        type_name: "request".into(),
        id: Value::from(format!("{:032x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15))),
        host: "web".into(),
        pid: 1,
        start: NOON,
        end: NOON + number as f64,
        body: Value::map([("n", Value::from(number))]),
    }
}

/// A log path with sealed files: of one part, of several, of a day each; and an archive.
struct Logs {
    dir: tempfile::TempDir,
    stop: AtomicBool,
}

impl Logs {
    fn new() -> Self {
        static SEALED: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
        let logs = Self { dir: tempfile::tempdir().unwrap(), stop: AtomicBool::new(false) };
        let sealed = SEALED.get_or_init(|| {
            let of = |stem, numbers| fs::read(logs.seal("2012-03-11", stem, numbers)).unwrap();
            let sealed = [of("request-20120312", 0..3), of("request-20120313", 3..903)];
            fs::remove_dir_all(logs.sealed()).unwrap();
            sealed
        });
        logs.put("sealed/type=request/date=2012-03-12/request-20120312.parquet", &sealed[0]);
        logs.put("sealed/type=request/date=2012-03-13/request-20120313.parquet", &sealed[1]);
        logs.put("20120313/other-20120313.log.bz2", b"BZh9 whatever was packed");
        logs
    }

    fn root(&self) -> PathBuf {
        self.dir.path().join("logs")
    }

    fn sealed(&self) -> PathBuf {
        self.root().join("sealed")
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Seals a day file that is gone then.
    fn seal(&self, date: &str, stem: &str, numbers: std::ops::Range<u64>) -> PathBuf {
        let hot = self.dir.path().join(format!("{stem}.log"));
        fs::write(&hot, numbers.flat_map(|number| event(number).to_msgpack()).collect::<Vec<u8>>()).unwrap();
        let dir = self.sealed().join(format!("type=request/date={date}"));
        fs::create_dir_all(&dir).unwrap();
        let path = dir.join(format!("{stem}.parquet"));
        let length = fs::metadata(&hot).unwrap().len();
        seal(&[SealSource::hot(&hot, length)], &path).unwrap();
        fs::remove_file(hot).unwrap();
        path
    }

    fn files(&self) -> Vec<LocalFile> {
        let (log_path, sealed) = (self.root(), self.sealed());
        Place { log_path: &log_path, sealed: &sealed, host: "web-1" }.files(&Meant::all()).unwrap()
    }

    /// Uploads and prunes everything, one file after another. `false`: something went wrong.
    fn archive(&self, objects: Arc<dyn Objects>, stop: &AtomicBool) -> bool {
        let (log_path, sealed) = (self.root(), self.sealed());
        let place = Place { log_path: &log_path, sealed: &sealed, host: "web-1" };
        let archive = Archive { at_once: 1, ..Archive::open(objects, place, stop).unwrap() };
        let mut fine = true;
        let began = archive.upload(&self.files(), |_, done| fine &= done.is_ok());
        // As the program does it, even where that goes wrong: pruning looks for itself.
        archive.prune(&self.files(), |_, done| fine &= matches!(done, Ok(Pruned::Gone)));
        fine && began.is_ok() && !stop.load(Ordering::Relaxed)
    }

    fn contents(&self) -> BTreeSet<Vec<u8>> {
        self.files().iter().map(|file| fs::read(&file.path).unwrap()).collect()
    }
}

fn there(memory: &Memory) -> Vec<Vec<u8>> {
    let mut found: Vec<Vec<u8>> = memory.state().objects.values().map(|(bytes, _)| bytes.to_vec()).collect();
    found.sort();
    found
}

#[test]
fn whatever_goes_wrong_nothing_is_lost_and_nothing_is_there_twice() {
    for etags_are_sums in [true, false] {
        for fault in [Fault::Lost, Fault::AnswerLost, Fault::Bent, Fault::Short, Fault::Stop] {
            let mut request = 0;
            loop {
                let when = format!("{fault:?} at request {request}, sums: {etags_are_sums}");
                let (logs, memory) = (Logs::new(), Memory::new(etags_are_sums));
                let all = logs.contents();
                assert_eq!(all.len(), 3);
                memory.state().fault = Some((request, fault));
                let fine = logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &memory.stop);
                let is_over = memory.state().fault.is_some();
                let mut kept = logs.contents();
                kept.extend(there(&memory));
                assert!(kept.is_superset(&all), "{when}: something is nowhere");
                // What goes on here goes on with what is there, in a new process.
                memory.state().fault = None;
                memory.stop.store(false, Ordering::Relaxed);
                let again = logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &logs.stop);
                assert!(again, "{when}: the next run has to end well");
                assert_eq!(there(&memory), all.iter().cloned().collect::<Vec<_>>(), "{when}");
                assert_eq!(logs.files().len(), 0, "{when}");
                // Of an upload that was begun without our hearing of it nobody knows the id.
                let unheard = usize::from(fault == Fault::AnswerLost);
                assert!(memory.state().uploads.len() <= unheard, "{when}: parts are left");
                if is_over {
                    assert!(fine, "{when}");
                    break;
                }
                request += 1;
            }
            assert!(request > 10, "so many requests there are: {request}");
        }
    }
}

#[test]
fn parts_that_a_killed_run_has_left_are_given_up() {
    let (logs, memory) = (Logs::new(), Memory::new(true));
    let (log_path, sealed) = (logs.root(), logs.sealed());
    let place = Place { log_path: &log_path, sealed: &sealed, host: "web-1" };
    let objects = Arc::clone(&memory) as Arc<dyn Objects>;
    let name = "type=request/date=2012-03-13/request-20120313.parquet";
    let id = objects.begin(name).unwrap();
    let killed = Archive::open(Arc::clone(&objects), place, &logs.stop).unwrap();
    killed.unfinished.add(&*objects, name, &id).unwrap();
    objects.send_part(name, &id, 0, "some".into()).unwrap();
    drop(killed);
    assert_eq!(memory.state().uploads.len(), 1);
    assert!(logs.archive(objects, &logs.stop));
    assert!(memory.state().uploads.is_empty());
    assert_eq!(fs::read(logs.sealed().join(".unfinished")).unwrap(), b"");
}

#[test]
fn what_is_there_is_not_sent_again() {
    for etags_are_sums in [true, false] {
        let (logs, memory) = (Logs::new(), Memory::new(etags_are_sums));
        let objects = Arc::clone(&memory) as Arc<dyn Objects>;
        let (log_path, sealed) = (logs.root(), logs.sealed());
        let place = Place { log_path: &log_path, sealed: &sealed, host: "web-1" };
        let mut told = Vec::new();
        for _ in 0..2 {
            let archive = Archive::open(Arc::clone(&objects), place, &logs.stop).unwrap();
            archive.upload(&logs.files(), |_, done| told.push(done.unwrap())).unwrap();
        }
        let (now, before) = told.split_at(3);
        assert_eq!(now, vec![Sent::Now(Vec::new()); 3]);
        assert_eq!(before, vec![Sent::Before(Vec::new()); 3]);
        // Nor is it read back again.
        let read = memory.state().read_bytes;
        assert_eq!(read > 0, !etags_are_sums);
        let archive = Archive::open(objects, place, &logs.stop).unwrap();
        archive.upload(&logs.files(), |_, done| told.push(done.unwrap())).unwrap();
        assert_eq!(memory.state().read_bytes, read);
        let names: Vec<String> = memory.state().objects.keys().cloned().collect();
        assert_eq!(
            names,
            [
                "20120313/other-20120313-web-1.log.bz2",
                "type=request/date=2012-03-12/request-20120312.parquet",
                "type=request/date=2012-03-13/request-20120313.parquet"
            ]
        );
    }
}

#[test]
fn a_name_that_another_file_has_is_left_to_it() {
    let (logs, memory) = (Logs::new(), Memory::new(true));
    assert!(logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &logs.stop));
    // Late events for a day that is gone from here, twice.
    for numbers in [5000..5001, 6000..6002] {
        logs.seal("2012-03-12", "request-20120312", numbers);
        assert!(logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &logs.stop));
    }
    let names: Vec<String> = memory.state().objects.keys().skip(1).take(3).cloned().collect();
    let name = |number: &str| format!("type=request/date=2012-03-12/request-20120312{number}.parquet");
    assert_eq!(names, [name(".2"), name(".3"), name("")]);
    assert_eq!(numbers_in(&(Arc::clone(&memory) as Arc<dyn Objects>)).len(), 906);
    // An archive has no other name.
    logs.put("20120313/other-20120313.log.bz2", b"BZh9 something else");
    assert!(!logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &logs.stop));
    assert_eq!(logs.files().len(), 1);
}

/// The numbers of all events of a bucket, as questions read it; each once.
fn numbers_in(objects: &Arc<dyn Objects>) -> BTreeSet<String> {
    let stored = objects.list().unwrap().into_iter().map(|object| StoredObject {
        path: PathBuf::from(objects.url().at(&object.name)),
        bytes: Arc::new(RemoteObject::new(Arc::clone(objects), object, None)),
    });
    let catalog = Catalog::open_with(&[], stored.collect(), &Meant::all()).unwrap();
    assert_eq!(catalog.unreadable(), []);
    let mut found = BTreeSet::new();
    for file in catalog.files().filter(|file| file.path.extension().unwrap() == "parquet") {
        let sealed = file.open_sealed().unwrap();
        let groups = (0..sealed.groups()).collect();
        let mut rows = sealed.rows(&Need::default(), groups, file.dropped.clone()).unwrap();
        while let Some(next) = rows.next_event() {
            let (_, bytes) = next.unwrap();
            assert!(found.insert(format!("{:?}", Value::from_msgpack(bytes).unwrap())), "twice");
        }
    }
    found
}

#[test]
fn what_became_one_file_goes_there_too_and_what_only_has_its_name_does_not() {
    let (logs, memory) = (Logs::new(), Memory::new(true));
    let objects = Arc::clone(&memory) as Arc<dyn Objects>;
    let (log_path, sealed) = (logs.root(), logs.sealed());
    let place = Place { log_path: &log_path, sealed: &sealed, host: "" };
    let upload = || {
        let archive = Archive::open(Arc::clone(&objects), place, &logs.stop).unwrap();
        let mut told = Vec::new();
        archive.upload(&logs.files(), |_, done| told.push(done.unwrap())).unwrap();
        told
    };
    upload();
    let day = logs.sealed().join("type=request/date=2012-03-12");
    let (first, second) = (day.join("request-20120312.parquet"), day.join("request-20120312.2.parquet"));
    let other = logs.seal("2012-03-11", "request-20120311", 8000..8005);
    fs::rename(other, &second).unwrap();
    upload();
    let whole = day.join("request-20120312.3.parquet");
    seal(&[SealSource::Sealed(first.clone()), SealSource::Sealed(second.clone())], &whole).unwrap();
    // All three are there and the numbers still say each once: an interrupted run.
    fs::remove_file(first).unwrap();
    fs::remove_file(second).unwrap();
    // Somebody else's file has one of the names.
    let name = "type=request/date=2012-03-12/request-20120312.2.parquet";
    let elsewhere = Logs::new();
    let stranger = elsewhere.seal("2012-03-10", "request-20120310", 9000..9002);
    memory.state().objects.get_mut(name).unwrap().0 = fs::read(stranger).unwrap().into();
    let told = upload();
    assert!(told.contains(&Sent::Now(vec!["type=request/date=2012-03-12/request-20120312.parquet".into()])));
    assert!(memory.state().objects.contains_key(name));
    assert_eq!(numbers_in(&objects).len(), 3 + 5 + 2 + 900);
}

#[test]
fn a_file_stays_while_its_day_file_does() {
    let (logs, memory) = (Logs::new(), Memory::new(true));
    logs.put("20120313/request-20120313.log", b"");
    assert!(!logs.archive(Arc::clone(&memory) as Arc<dyn Objects>, &logs.stop));
    let (log_path, sealed) = (logs.root(), logs.sealed());
    let place = Place { log_path: &log_path, sealed: &sealed, host: "web-1" };
    let archive = Archive::open(memory, place, &logs.stop).unwrap();
    let mut told = Vec::new();
    archive.prune(&logs.files(), |_, done| told.push(done.unwrap()));
    assert_eq!(told, [Pruned::Stays(Why::DayFileHere)]);
}

#[test]
fn a_directory_is_a_store_and_gives_everything_back() {
    let logs = Logs::new();
    let all = logs.contents();
    let there = tempfile::tempdir().unwrap();
    let objects: Arc<dyn Objects> = Arc::new(Directory::new(&there.path().join("a/b")));
    assert_eq!(objects.list().unwrap(), []);
    assert!(logs.archive(Arc::clone(&objects), &logs.stop));
    assert_eq!(logs.files().len(), 0);
    assert_eq!(numbers_in(&objects).len(), 903);
    let back = Logs { dir: tempfile::tempdir().unwrap(), stop: AtomicBool::new(false) };
    let (log_path, sealed) = (back.root(), back.sealed());
    let place = Place { log_path: &log_path, sealed: &sealed, host: "" };
    for round in [Downloaded::Fetched, Downloaded::Here] {
        let stored = objects.list().unwrap().into_iter().map(|object| StoredObject {
            path: PathBuf::from(objects.url().at(&object.name)),
            bytes: Arc::new(RemoteObject::new(Arc::clone(&objects), object, None)),
        });
        for file in Catalog::open_with(&[], stored.collect(), &Meant::all()).unwrap().into_files() {
            let name = file.path.to_str().unwrap().strip_prefix(&format!("{}/", objects.url())).unwrap();
            let object = objects.look_at(name).unwrap().unwrap();
            let path = place.path_of(&file).unwrap();
            assert_eq!(download(&*objects, &object, file.kind, &path, &back.stop).unwrap(), round);
        }
    }
    assert_eq!(back.contents(), all);
    // Nothing is overwritten.
    let file = back.files().remove(0);
    fs::write(&file.path, b"mine").unwrap();
    let object = objects.look_at(&back.files()[0].name).unwrap().or(objects.list().unwrap().pop()).unwrap();
    assert!(download(&*objects, &object, file.kind, &file.path, &back.stop).is_err());
    assert_eq!(fs::read(&file.path).unwrap(), b"mine");
}

#[test]
fn a_name_from_a_list_leads_nowhere_else() {
    let there = tempfile::tempdir().unwrap();
    let objects = Directory::new(&there.path().join("below"));
    for name in ["../x", "a/../../x", "/etc/x", "a//b", "."] {
        assert!(objects.create(name, "x".into()).is_err(), "{name}");
        assert!(objects.look_at(name).is_err(), "{name}");
    }
}

#[test]
fn sums_in_parts_are_those_of_what_is_sent() {
    let logs = Logs::new();
    let large = logs.files().into_iter().map(|file| file.bytes).max().unwrap();
    assert!(large > SINGLE_BYTES.max(2 * PART_BYTES), "one of the files goes in parts: {large}");
}

/// An object of so many bytes, each of which says where it is.
fn numbered(memory: &Memory, length: u64) -> (Object, Vec<u8>) {
    let bytes: Vec<u8> = (0..length).map(|at| (at / 7 % 251) as u8 ^ (at >> 16) as u8).collect();
    memory.create("object", bytes.clone().into()).unwrap();
    (memory.look_at("object").unwrap().unwrap(), bytes)
}

#[test]
fn only_what_is_read_is_fetched_and_only_once() {
    let memory = Memory::new(true);
    let length = 40 * BLOCK_BYTES + 17;
    let (object, bytes) = numbered(&memory, length);
    let kept = tempfile::tempdir().unwrap();
    let open = |limit| {
        let cache = Some(Cache::open(kept.path(), limit).unwrap());
        RemoteObject::new(Arc::clone(&memory) as Arc<dyn Objects>, object.clone(), cache)
    };
    let fetched = || memory.state().read_bytes;
    let remote = open(1 << 30);
    let read = |remote: &RemoteObject, start: u64, length: usize| {
        assert_eq!(remote.read(start, length).unwrap(), bytes[start as usize..][..length]);
    };
    read(&remote, length - 8, 8);
    assert_eq!(fetched(), 17);
    read(&remote, 3 * BLOCK_BYTES - 1, 2);
    assert_eq!(fetched(), 17 + 2 * BLOCK_BYTES);
    remote.expect(&[BLOCK_BYTES..4 * BLOCK_BYTES, 30 * BLOCK_BYTES + 5..30 * BLOCK_BYTES + 6]).unwrap();
    let expected = 17 + (2 + 1 + 1) * BLOCK_BYTES;
    assert_eq!(fetched(), expected);
    read(&remote, BLOCK_BYTES, 3 * BLOCK_BYTES as usize);
    read(&remote, 30 * BLOCK_BYTES, 100);
    assert_eq!(fetched(), expected);
    drop(remote);
    // The next process has it too.
    let remote = open(1 << 30);
    read(&remote, BLOCK_BYTES, 3 * BLOCK_BYTES as usize);
    assert_eq!(fetched(), expected);
    // All of it, over what is there and what is not.
    read(&remote, 0, length as usize);
    assert!(remote.read(length, 1).is_err() && remote.read(u64::MAX, 2).is_err());
    let all = fetched();
    read(&remote, 0, length as usize);
    assert_eq!(fetched(), all);
    // A block that is spoiled is fetched again.
    let blocks = fs::read_dir(kept.path()).unwrap().map(|entry| entry.unwrap().path());
    let blocks = blocks.into_iter().find(|path| path.extension().unwrap() == "blocks").unwrap();
    let mut spoiled = fs::read(&blocks).unwrap();
    spoiled[5 * BLOCK_BYTES as usize] ^= 1;
    fs::write(&blocks, spoiled).unwrap();
    read(&open(1 << 30), 0, length as usize);
    assert_eq!(fetched(), all + BLOCK_BYTES);
}

#[test]
fn what_is_kept_is_bounded() {
    use std::os::unix::fs::MetadataExt;
    let memory = Memory::new(true);
    let (object, bytes) = numbered(&memory, 64 * BLOCK_BYTES);
    let kept = tempfile::tempdir().unwrap();
    let on_disk = || -> u64 {
        fs::read_dir(kept.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().blocks() * 512)
            .sum()
    };
    let limit = 16 * BLOCK_BYTES;
    for _ in 0..3 {
        let cache = Some(Cache::open(kept.path(), limit).unwrap());
        let remote = RemoteObject::new(Arc::clone(&memory) as Arc<dyn Objects>, object.clone(), cache);
        for block in 0..64 {
            let start = block * BLOCK_BYTES;
            assert_eq!(remote.read(start, 100).unwrap(), bytes[start as usize..][..100]);
        }
        assert!(on_disk() <= limit + 64 * 1024, "{} bytes", on_disk());
    }
}

#[test]
fn an_object_that_changes_is_no_answer() {
    let memory = Memory::new(true);
    let (object, _) = numbered(&memory, 3 * BLOCK_BYTES);
    let kept = tempfile::tempdir().unwrap();
    let cache = Some(Cache::open(kept.path(), 1 << 30).unwrap());
    let remote = RemoteObject::new(Arc::clone(&memory) as Arc<dyn Objects>, object, cache);
    assert!(remote.read(0, 5).is_ok());
    memory.remove("object").unwrap();
    memory.create("object", vec![1; 3 * BLOCK_BYTES as usize].into()).unwrap();
    let error = remote.read(2 * BLOCK_BYTES, 5).unwrap_err().to_string();
    assert!(error.contains("s3://memory/logs/object has changed"), "{error}");
}

#[test]
fn a_question_reads_few_bytes_of_a_sealed_file() {
    let logs = Logs::new();
    let path = logs.seal("2012-03-14", "request-20120314", 0..20_000);
    let memory = Memory::new(true);
    let bytes = fs::read(path).unwrap();
    let length = bytes.len() as u64;
    memory.create("x.parquet", bytes.into()).unwrap();
    let object = memory.look_at("x.parquet").unwrap().unwrap();
    let kept = tempfile::tempdir().unwrap();
    let cache = Some(Cache::open(kept.path(), 1 << 30).unwrap());
    let remote = RemoteObject::new(Arc::clone(&memory) as Arc<dyn Objects>, object, cache);
    let sealed = SealedFile::open_ranged(Path::new("x.parquet"), Arc::new(remote)).unwrap();
    let need = Need::of([blueox_event::Path::parse("n").unwrap()]);
    let groups = sealed.groups_needed(&need);
    let mut rows = sealed.rows(&need, groups, Default::default()).unwrap();
    let mut count = 0;
    while let Some(next) = rows.next_event() {
        next.unwrap();
        count += 1;
    }
    assert_eq!(count, 20_000);
    let state = memory.state();
    assert!(state.read_bytes < length * 2 / 3, "{} of {length}", state.read_bytes);
    assert!(state.requests < 10, "{}", state.requests);
}
