use super::*;
use crate::day_log::NoJournal;
use crate::day_log::tiling::check_ranges;
use crate::disk::RealDisk;
use crate::ranges::Batch;
use crate::spool::StreamId;
use blueox_event::wire::native::{NodeId, Seq};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A disk in memory whose appends can be made to fail half way, as a full disk does.
#[derive(Debug, Clone, Default)]
struct MemoryDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    names: BTreeMap<PathBuf, u64>,
    contents: BTreeMap<u64, Vec<u8>>,
    /// How many more bytes fit.
    room: usize,
    truncate_fails: bool,
    open: usize,
    most_open: usize,
}

#[derive(Debug)]
struct MemoryFile {
    disk: MemoryDisk,
    inode: u64,
}

impl Drop for MemoryFile {
    fn drop(&mut self) {
        self.disk.state.lock().unwrap().open -= 1;
    }
}

fn identity(inode: u64) -> FileIdentity {
    FileIdentity::for_test(inode)
}

impl Disk for MemoryDisk {
    type File = MemoryFile;

    fn create_dir_all(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn open_append(&self, path: &Path) -> io::Result<MemoryFile> {
        let mut state = self.state.lock().unwrap();
        let next = state.contents.len() as u64;
        let inode = *state.names.entry(path.to_path_buf()).or_insert(next);
        state.contents.entry(inode).or_default();
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
        Ok(MemoryFile { disk: self.clone(), inode })
    }

    fn identity(&self, path: &Path) -> io::Result<Option<FileIdentity>> {
        Ok(self.state.lock().unwrap().names.get(path).map(|inode| identity(*inode)))
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn sync_file_system(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

impl DiskFile for MemoryFile {
    fn identity(&self) -> io::Result<FileIdentity> {
        Ok(identity(self.inode))
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.disk.state.lock().unwrap().contents[&self.inode].len() as u64)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        let fits = bytes.len().min(state.room);
        state.room -= fits;
        state.contents.get_mut(&self.inode).unwrap().extend_from_slice(&bytes[..fits]);
        if fits < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.disk.state.lock().unwrap();
        if state.truncate_fails {
            return Err(io::Error::other("injected"));
        }
        let content = state.contents.get_mut(&self.inode).unwrap();
        let freed = content.len() - usize::try_from(length).unwrap();
        content.truncate(usize::try_from(length).unwrap());
        state.room += freed;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, Clone)]
enum Step {
    Append { kind: u8, bytes: u8 },
    Flush,
    Room(u16),
    TruncateFails(bool),
    RemoveFiles,
    Hours(u8),
    CloseIdle,
    Sync,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0u8..12, 1u8..100).prop_map(|(kind, bytes)| Step::Append { kind, bytes }),
        4 => Just(Step::Flush),
        1 => (0u16..600).prop_map(Step::Room),
        1 => any::<bool>().prop_map(Step::TruncateFails),
        1 => Just(Step::RemoveFiles),
        1 => (1u8..30).prop_map(Step::Hours),
        1 => Just(Step::CloseIdle),
        1 => Just(Step::Sync),
    ]
}

proptest! {
    /// Whatever fails and whoever removes files: once the disk has room again, every event of a type stands
    /// exactly once in that type's files, in order within each (those removed from outside included), and the ranges say
    /// which batch it is of; never more files are open than allowed.
    #[test]
    fn every_event_lands_once_in_order(steps in prop::collection::vec(any_step(), 1..120)) {
        let disk = MemoryDisk::default();
        disk.state.lock().unwrap().room = usize::MAX / 2;
        let limits = DayLogLimits { max_open_files: 4, look_again: Duration::ZERO, ..Default::default() };
        let mut log = DayLog::new(disk.clone(), "/logs".into(), RotateHours::new(6), limits);
        log.keep_ranges(NodeId(9));
        let (mut time, mut number, mut files_removed) = (1_331_640_000i64, 0u32, false);
        let mut expected: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
        let now = |time: i64| Duration::from_secs(u64::try_from(time).unwrap());
        for step in steps {
            match step {
                Step::Append { kind, bytes } => {
                    let mut event = vec![kind, bytes];
                    event.extend_from_slice(&number.to_be_bytes());
                    event.resize(6 + usize::from(bytes), b'.');
                    if number % 3 == 0 {
                        let seq = Seq::new(1 + u64::from(number / 3));
                        log.begin_batch(Batch { stream: StreamId(5), seq, own: seq, events: 3, origin: None }, time);
                    }
                    log.append(TypeName::new(&[b'a' + kind]).unwrap(), time, &event, now(time));
                    expected.entry(kind).or_default().push(number);
                    number += 1;
                }
                Step::Flush => drop(log.flush(&mut NoJournal, now(time))),
                Step::Room(room) => disk.state.lock().unwrap().room = usize::from(room),
                // A file that nobody can reach any more is cut back only if that works the first time.
                Step::TruncateFails(fails) => {
                    disk.state.lock().unwrap().truncate_fails = fails && !files_removed;
                }
                Step::RemoveFiles => {
                    let mut state = disk.state.lock().unwrap();
                    state.names.clear();
                    state.truncate_fails = false;
                    files_removed = true;
                }
                Step::Hours(hours) => time += i64::from(hours) * 3600,
                Step::CloseIdle => log.close_idle(now(time)),
                Step::Sync => drop(log.sync_point().map(|point| point.job.run(&disk))),
            }
            prop_assert!(log.open_files() <= 5 + log.past.len());
        }
        {
            let mut state = disk.state.lock().unwrap();
            state.room = usize::MAX / 2;
            state.truncate_fails = false;
        }
        // Several times: the first may have to cut back every open file before another can be opened.
        for _ in 0..4 {
            log.flush(&mut NoJournal, now(time));
        }
        prop_assert_eq!((log.pending_bytes(), log.waiting_files()), (0, 0));
        let mut found: BTreeMap<u8, Vec<u32>> = BTreeMap::new();
        let contents = disk.state.lock().unwrap().contents.clone();
        check_ranges(&contents, |event| {
            let number = u32::from_be_bytes(event[2..6].try_into().unwrap());
            (6 + usize::from(event[1]), 1 + u64::from(number / 3))
        })
            .map_err(TestCaseError::fail)?;
        for content in contents.values().filter(|content| !content.starts_with(b"OXR")) {
            let mut rest = &content[..];
            let mut last = None;
            while let [kind, bytes, ..] = rest {
                let (event, after) = rest.split_at(6 + usize::from(*bytes));
                prop_assert!(event[6..].iter().all(|byte| *byte == b'.'));
                let number = u32::from_be_bytes(event[2..6].try_into().unwrap());
                prop_assert!(last < Some(number));
                last = Some(number);
                found.entry(*kind).or_default().push(number);
                rest = after;
            }
        }
        found.values_mut().for_each(|numbers| numbers.sort_unstable());
        prop_assert_eq!(found, expected);
    }
}

/// A torn file is cut back before others need its place among the few that may be open.
#[test]
fn a_torn_file_stands_in_nobodys_way() {
    let disk = MemoryDisk::default();
    let limits = DayLogLimits { max_open_files: 1, ..Default::default() };
    let mut log = DayLog::new(disk.clone(), "/logs".into(), None, limits);
    (disk.state.lock().unwrap().room, disk.state.lock().unwrap().truncate_fails) = (10, true);
    log.append(TypeName::new(b"b").unwrap(), 0, &[7; 40], Duration::ZERO);
    assert!(log.flush(&mut NoJournal, Duration::ZERO).error.is_some());

    (disk.state.lock().unwrap().room, disk.state.lock().unwrap().truncate_fails) = (1000, false);
    log.append(TypeName::new(b"a").unwrap(), 0, &[7; 40], Duration::ZERO);
    let report = log.flush(&mut NoJournal, Duration::ZERO);
    assert_eq!((report.events, report.error.map(|error| error.to_string())), (2, None));
}

#[test]
fn dropped_events_are_counted() {
    let disk = MemoryDisk::default();
    let mut log = DayLog::new(disk, "/logs".into(), None, DayLogLimits::default());
    for _ in 0..3 {
        log.append(TypeName::new(b"a").unwrap(), 0, b"\x80", Duration::ZERO);
    }
    assert!(
        log.flush(&mut NoJournal, Duration::ZERO)
            .error
            .unwrap()
            .to_string()
            .starts_with("cannot append to /logs/19700101/a")
    );
    assert_eq!(log.drop_pending(), (3, 3));
    assert_eq!(log.pending_bytes(), 0);
}

#[test]
fn a_real_directory_is_written_and_synced() {
    let root = tempfile::tempdir().unwrap();
    let mut log = DayLog::new(RealDisk, root.path().join("logs"), None, DayLogLimits::default());
    for number in 0..200u32 {
        let name = format!("type{number}");
        log.append(TypeName::new(name.as_bytes()).unwrap(), 0, b"\x80", Duration::ZERO);
    }
    let report = log.flush(&mut NoJournal, Duration::ZERO);
    assert_eq!((report.events, report.bytes), (200, 200));
    assert!(report.error.is_none());
    log.sync_point().unwrap().job.run(&RealDisk).unwrap();
    assert!(log.sync_point().is_none());
    assert_eq!(std::fs::read(root.path().join("logs/19700101/type7-19700101.log")).unwrap(), b"\x80");
}

mod crashing;
