//! The log writer dies at any point, on a disk that forgets what was not synced; the spool does not forget.

use super::*;
use crate::disk::model::{ModelDisk, Random};
use crate::disk::{PositionalDisk, PositionalFile};
use crate::ranges;

/// What a spool keeps for the log writer.
#[derive(Default)]
struct Journal {
    files: BTreeMap<FileId, spool::OpenFile>,
    read: usize,
}

impl FileJournal for Journal {
    fn files_opened(&mut self, files: &[(FileId, spool::OpenFile)]) -> Result<(), WriteError> {
        self.files.extend(files.iter().cloned());
        Ok(())
    }
}

struct World {
    random: Random,
    disk: ModelDisk,
    log: DayLog<ModelDisk>,
    journal: Journal,
    /// Batches: when received, and the kinds of their events.
    batches: Vec<(i64, Vec<u8>)>,
    read: usize,
    now: Duration,
}

fn new_log(disk: &ModelDisk) -> DayLog<ModelDisk> {
    let limits = DayLogLimits { max_open_files: 3, look_again: Duration::ZERO, ..Default::default() };
    let mut log = DayLog::new(disk.clone(), "/logs".into(), None, limits);
    log.keep_ranges(NodeId(9));
    log
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = ModelDisk::new(seed, u64::MAX);
        let (log, journal, now) = (new_log(&disk), Journal::default(), Duration::ZERO);
        let mut random = Random(seed);
        let mut received = 1_331_640_000;
        let mut batches = Vec::new();
        for _ in 0..random.below(60) {
            received += i64::try_from(random.below(20_000)).unwrap();
            let kinds = (0..1 + random.below(6)).map(|_| u8::try_from(random.below(4)).unwrap());
            batches.push((received, kinds.collect()));
        }
        Self { random, disk, log, journal, batches, read: 0, now }
    }

    fn step(&mut self) {
        match self.random.below(10) {
            0..4 => self.read_some(),
            4..6 => drop(self.log.flush(&mut self.journal, self.now)),
            6 => {
                let (after, syncs) = (self.random.below(6), self.random.one_in(2));
                self.disk.fail_after(after, syncs);
            }
            7 => self.materialise(),
            8 => {
                self.now += Duration::from_secs(40);
                self.log.close_idle(self.now);
            }
            _ => self.crash(),
        }
    }

    fn read_some(&mut self) {
        for _ in 0..self.random.below(5) {
            let Some((received, kinds)) = self.batches.get(self.read) else { return };
            let seq = Seq::new(1 + self.read as u64);
            let events = u32::try_from(kinds.len()).unwrap();
            self.log
                .begin_batch(Batch { stream: StreamId(5), seq, own: seq, events, origin: None }, *received);
            for (index, kind) in kinds.iter().enumerate() {
                let number = u32::try_from(self.read * 16 + index).unwrap();
                let mut event = vec![*kind, kind * 60];
                event.extend_from_slice(&number.to_be_bytes());
                event.resize(6 + usize::from(kind * 60), b'.');
                self.log.append(TypeName::new(&[b'a' + kind]).unwrap(), *received, &event, self.now);
            }
            self.read += 1;
        }
    }

    fn materialise(&mut self) {
        if self.log.pending_bytes() > 0 {
            return;
        }
        let Some(point) = self.log.sync_point() else { return };
        if point.job.run(&self.disk).is_ok() {
            self.journal.read = self.read;
            for file in point.files {
                if file.closed {
                    self.journal.files.remove(&file.file);
                } else if let Some(known) = self.journal.files.get_mut(&file.file) {
                    known.length = file.length;
                }
            }
            return;
        }
        let failures = self.log.recover(&self.journal.files);
        self.read = self.journal.read;
        if !failures.is_empty() {
            self.crash();
        }
    }

    fn crash(&mut self) {
        if self.random.one_in(2) {
            self.disk.stop_after(self.random.below(12));
            self.log.flush(&mut self.journal, self.now);
        }
        if self.random.one_in(3) {
            self.disk.kill();
        } else {
            self.disk.crash();
            if self.random.one_in(2) {
                self.disk.evict();
            }
        }
        self.disk.heal();
        self.log = new_log(&self.disk);
        self.read = self.journal.read;
        let failures = self.log.recover(&self.journal.files);
        assert!(failures.is_empty(), "{failures:?}");
    }

    fn finish(&mut self) -> Result<(), String> {
        self.disk.heal();
        while self.read < self.batches.len() {
            self.read_some();
        }
        for _ in 0..4 {
            self.log.flush(&mut self.journal, self.now);
        }
        if self.log.pending_bytes() > 0 {
            return Err(format!("{} bytes are left", self.log.pending_bytes()));
        }
        self.check()
    }

    fn check(&self) -> Result<(), String> {
        let mut contents = BTreeMap::new();
        let mut days: Vec<PathBuf> = vec![Path::new("/logs").join(ranges::OWN_FOLDER)];
        days.extend(
            self.batches
                .iter()
                .map(|(received, _)| Path::new("/logs").join(Window::of(*received, None).to_string())),
        );
        for day in days {
            for name in self.disk.list(&day).unwrap_or_default() {
                let file = self.disk.open_read_only(&day.join(name)).unwrap();
                let mut content = vec![0; usize::try_from(file.length().unwrap()).unwrap()];
                file.read_from(0, &mut content).unwrap();
                contents.insert(file.identity().unwrap().parts().1, content);
            }
        }
        check_ranges(&contents, |event| {
            let number = u32::from_be_bytes(event[2..6].try_into().unwrap());
            (6 + usize::from(event[1]), 1 + u64::from(number / 16))
        })?;
        let found: u64 = contents
            .values()
            .filter(|content| !content.starts_with(b"OXR"))
            .map(|content| {
                let (mut rest, mut events) = (&content[..], 0);
                while let [_, length, ..] = rest {
                    (rest, events) = (&rest[6 + usize::from(*length)..], events + 1);
                }
                events
            })
            .sum();
        let expected: usize = self.batches.iter().map(|(_, kinds)| kinds.len()).sum();
        if found == expected as u64 { Ok(()) } else { Err(format!("{found} events instead of {expected}")) }
    }
}

/// After any crash and any failure of the disk, the day files hold every event once, and the ranges say exactly where.
#[test]
fn ranges_say_what_the_files_hold_whatever_crashes() {
    for seed in 0..4_000 {
        let mut world = World::new(seed);
        for _ in 0..world.random.below(60) {
            world.step();
        }
        world.finish().unwrap_or_else(|error| panic!("seed {seed}: {error}\n{:?}", world.disk));
    }
}
