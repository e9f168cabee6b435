//! One random schedule: senders, spool and day files on a disk that crashes.

use super::event::{event, numbers};
use super::files::{elsewhere, root};
use super::host::{CURSOR, Host};
use crate::day_log::spooled::{Next, SpooledDayLog, SpooledLimits, Vouched};
use crate::day_log::{DayLog, DayLogLimits, RotateHours};
use crate::disk::Disk;
use crate::disk::model::{ModelDisk, Omit, Random};
use crate::spool::{
    CursorName, FullPolicy, Item, Record, Spool, SpoolConfig, SpoolError, StreamId, Timestamp,
};
use blueox_event::wire::native::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const SEGMENT: u64 = 4096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Crashes,
    Faults,
    FullDisk,
    /// Files are renamed and removed from outside.
    Meddling,
    /// Files that nobody appends to any more are sealed.
    Sealing,
}

pub(super) type Checked = Result<(), String>;

/// What schedules have met, so that it shows if they are too tame.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    events: u64,
    crashes: u64,
    replayed: u64,
    failures: u64,
    refused: u64,
    pub(super) meddled: u64,
    pub(super) sealed: u64,
}

impl Seen {
    pub(super) fn add(&mut self, other: &Self) {
        self.events += other.events;
        self.crashes += other.crashes;
        self.replayed += other.replayed;
        self.failures += other.failures;
        self.refused += other.refused;
        self.meddled += other.meddled;
        self.sealed += other.sealed;
    }

    pub(super) fn is_wild(&self, kind: Kind) -> bool {
        let kinds_own = match kind {
            Kind::Crashes => 1,
            Kind::Sealing => self.sealed,
            Kind::Faults | Kind::FullDisk => self.failures,
            Kind::Meddling => self.meddled,
        };
        self.events > 1000 && self.crashes > 100 && self.replayed > 100 && kinds_own > 0
    }
}

/// A daemon that runs.
struct Running {
    log: SpooledDayLog<ModelDisk>,
    host: Host,
}

pub(super) struct Schedule {
    kind: Kind,
    pub(super) random: Random,
    pub(super) disk: ModelDisk,
    pub(super) rotate: Option<RotateHours>,
    /// Whether ranges are kept. Their folder is synced so often that it hides what is wrong with others.
    ranges: bool,
    limits: SpooledLimits,
    day_limits: DayLogLimits,
    running: Option<Running>,
    /// Of this daemon, since it was started.
    now: Duration,
    /// Microseconds since the epoch.
    wall: u64,
    next_number: u32,
    /// Numbers of events that are in the spool durably, and when they were received.
    pub(super) known: BTreeMap<u32, Timestamp>,
    /// When each event was sent to the spool.
    received: BTreeMap<u32, Timestamp>,
    /// The daemon's own number of each event's batch.
    pub(super) batches: BTreeMap<u32, u64>,
    /// Events that stood in files that were taken away.
    pub(super) excused: BTreeSet<u32>,
    /// Events that were sealed: nobody may write them again.
    pub(super) sealed: BTreeSet<u32>,
    /// How many files were.
    pub(super) taken: u32,
    /// Events that somebody else put in their place.
    pub(super) planted: Vec<u32>,
    dying: bool,
    pub(super) seen: Seen,
}

impl Schedule {
    pub(super) fn new(kind: Kind, seed: u64, omit: Omit) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9e6c_63d0_876a_9a47) ^ kind as u64);
        let disk = ModelDisk::new(random.next(), u64::MAX);
        disk.create_dir_durably(elsewhere()).expect("BUG: nothing fails yet");
        disk.omit(omit);
        let mut limits = SpooledLimits {
            flush_bytes: 100 + random.index(3000),
            sync_bytes: 3000 + random.below(9000),
            sync_files: 3 + random.index(12),
            ..SpooledLimits::default()
        };
        let day_limits = DayLogLimits {
            max_open_files: 1 + random.index(9),
            idle: Duration::from_secs(5),
            look_again: Duration::ZERO,
        };
        let rotate = if random.one_in(2) { RotateHours::new(6) } else { None };
        let ranges = random.one_in(2);
        if ranges {
            // Their file is one of them. A spool as tiny as this one fills with its own notes if each batch is synced
            // apart: three sectors for a few hundred bytes.
            limits.sync_files += 4;
        }
        Self {
            kind,
            disk,
            rotate,
            ranges,
            random,
            limits,
            day_limits,
            running: None,
            now: Duration::ZERO,
            wall: 1_790_000_000_000_000,
            next_number: 1,
            known: BTreeMap::new(),
            received: BTreeMap::new(),
            batches: BTreeMap::new(),
            excused: BTreeSet::new(),
            sealed: BTreeSet::new(),
            taken: 0,
            planted: Vec::new(),
            dying: false,
            seen: Seen::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Seen, String> {
        self.start()?;
        for _ in 0..8 + self.random.below(40) {
            self.step()?;
        }
        self.disk.heal();
        self.disk.set_capacity(u64::MAX);
        self.commit()?;
        self.finish()?;
        let vouched: Vec<u32> = self.known.keys().copied().collect();
        self.disk.crash();
        self.start()?;
        self.check_files(&vouched, "after the last power loss")?;
        // What was not acknowledged may have survived, and is written now.
        self.finish()?;
        Ok(self.seen)
    }

    fn step(&mut self) -> Checked {
        let dice = self.random.below(100);
        if crate::schedules::is_traced() {
            let log = &self.running.as_ref().expect("BUG: it was started").log;
            eprintln!("step {dice} at {:?}: {:?} {:?} {:?}", self.now, log.vouched, log.restoring, self.disk);
        }
        match dice {
            0..30 => self.send(),
            30..45 => self.commit(),
            45..80 => self.turn(),
            80..82 => {
                self.running().log.reopen_files();
                Ok(())
            }
            82..86 => {
                self.wall += 3_600_000_000 * self.random.below(8);
                Ok(())
            }
            86..94 => self.crash(),
            _ => self.trouble(),
        }
    }

    fn is_tolerant(&self) -> bool {
        self.kind == Kind::Faults || self.dying
    }

    fn running(&mut self) -> &mut Running {
        self.running.as_mut().expect("BUG: it was started")
    }

    /// One batch goes to the spool's group.
    fn send(&mut self) -> Checked {
        self.wall += self.random.below(1_000_000);
        let wall = Timestamp(self.wall);
        let count = 1 + u32::try_from(self.random.below(6)).expect("BUG: small");
        let numbers: Vec<u32> = (self.next_number..self.next_number + count).collect();
        self.next_number += count;
        let events: Vec<u8> = numbers.iter().flat_map(|number| event(*number)).collect();
        let host = &mut self.running().host;
        host.now = wall;
        let appended = host.append(&Record::Data { source: None, count, origin: b"", events: &events });
        match appended {
            Ok(appended) => {
                host.group.extend(&numbers);
                let own = appended.place.own_seq.get();
                self.batches.extend(numbers.iter().map(|number| (*number, own)));
                self.received.extend(numbers.iter().map(|number| (*number, wall)));
                Ok(())
            }
            Err(error) if error.is_full() => {
                self.seen.refused += 1;
                Ok(())
            }
            Err(SpoolError::Environment(_)) if self.is_tolerant() => Ok(()),
            Err(error) => Err(format!("append: {error}")),
        }
    }

    fn commit(&mut self) -> Checked {
        let wall = Timestamp(self.wall);
        let host = &mut self.running().host;
        host.now = wall;
        let committed = host.commit();
        self.note_acked()?;
        match committed {
            Ok(()) => Ok(()),
            Err(SpoolError::Environment(_)) if self.is_tolerant() => Ok(()),
            Err(error) => Err(format!("commit: {error}")),
        }
    }

    fn note_acked(&mut self) -> Checked {
        let host = &mut self.running().host;
        let acked = std::mem::take(&mut host.acked);
        let strange = host.strange.take();
        self.known.extend(acked.iter().map(|number| (*number, self.received[number])));
        ensure!(strange.is_none(), "the log says {}", strange.unwrap_or_default());
        Ok(())
    }

    fn turn(&mut self) -> Checked {
        self.now += Duration::from_millis(self.random.below(2500));
        self.turn_now(false).map(drop)
    }

    fn turn_now(&mut self, finish: bool) -> Result<Next, String> {
        let (now, wall) = (self.now, Timestamp(self.wall));
        let Running { log, host } = self.running();
        host.now = wall;
        let before = host.failures;
        let next = log.turn(now, finish, host);
        let failures = host.failures - before;
        self.seen.failures += failures;
        let allowed = self.is_tolerant() || self.kind == Kind::FullDisk;
        ensure!(failures == 0 || allowed, "the log fails although nothing does");
        self.note_acked()?;
        Ok(next)
    }

    /// Everything goes to the files, and is synced.
    fn finish(&mut self) -> Checked {
        for _ in 0..500 {
            match self.turn_now(true)? {
                Next::Finished => {
                    let Running { log, host } = self.running();
                    let (vouched, tail) = (log.vouched.place, log.spool.tail());
                    let (stored, lost) = (host.stored, host.lost);
                    ensure!(vouched.own_seq == tail.own_seq, "it ends at {vouched:?}, the spool at {tail:?}");
                    ensure!(lost == 0, "{lost} events are lost");
                    self.seen.events += stored;
                    let all: Vec<u32> = self.known.keys().copied().collect();
                    self.check_files(&all, "at the end")?;
                    // What somebody else took away is named, and not there.
                    let told = self.ranges && !matches!(self.kind, Kind::Meddling | Kind::Sealing);
                    return if told { self.check_ranges() } else { Ok(()) };
                }
                Next::Stuck => return Err("it is stuck although nothing fails".into()),
                Next::Again | Next::Wait { .. } => self.now += Duration::from_millis(300),
            }
        }
        Err("it does not finish".into())
    }

    fn trouble(&mut self) -> Checked {
        match self.kind {
            Kind::Crashes => {}
            Kind::Faults => {
                let (after, syncs_only) = (self.random.below(12), self.random.one_in(2));
                let failures = if self.random.one_in(2) { 1 } else { 1 + self.random.below(6) };
                self.disk.fail_some_after(after, failures, syncs_only);
            }
            Kind::FullDisk if self.random.one_in(3) => self.disk.set_capacity(u64::MAX),
            Kind::FullDisk => {
                let room = self.random.below(3) * self.random.below(3000);
                self.disk.set_capacity(self.disk.used() + room);
            }
            Kind::Meddling => self.meddle(),
            Kind::Sealing => self.seal()?,
        }
        Ok(())
    }

    fn crash(&mut self) -> Checked {
        if self.random.one_in(2) {
            // In the middle of something.
            (self.dying, _) = (true, self.disk.stop_after(self.random.below(20)));
            match self.random.below(6) {
                0 => self.commit()?,
                1 => {
                    self.send()?;
                    self.commit()?;
                }
                _ => self.turn()?,
            }
            self.dying = false;
        }
        self.die();
        self.start()
    }

    fn die(&mut self) {
        self.seen.crashes += 1;
        if self.random.one_in(3) {
            self.disk.kill();
        } else {
            self.disk.crash();
        }
        if self.random.one_in(2) {
            self.disk.evict();
        }
        self.running = None;
        if self.kind == Kind::Meddling && self.random.one_in(4) {
            // While no daemon runs.
            self.meddle();
        }
    }

    /// Starts a daemon, which may die while it starts.
    fn start(&mut self) -> Checked {
        self.running = None;
        if self.kind == Kind::Sealing && self.random.one_in(2) {
            self.seal()?;
        }
        let mut attempts = 0;
        loop {
            attempts += 1;
            if attempts < 3 && self.random.one_in(4) {
                let after = self.random.below(40);
                self.disk.stop_after(after);
            } else if self.kind == Kind::Faults && attempts < 3 && self.random.one_in(3) {
                let (after, syncs_only) = (self.random.below(40), self.random.one_in(2));
                self.disk.fail_after(after, syncs_only);
            } else {
                self.disk.heal();
            }
            let taken = self.taken_away();
            let started = self.try_start();
            if crate::schedules::is_traced() {
                let started = started.as_ref().map(|running| &running.log.vouched);
                eprintln!("start {attempts}: {started:?} {:?}", self.disk);
            }
            ensure!(taken == self.taken_away(), "somebody else's file was touched");
            match started {
                Ok(running) => {
                    self.disk.heal();
                    self.seen.replayed += running.log.unvouched_events();
                    self.running = Some(running);
                    self.check_spool()?;
                    return self.check_files(&[], "after a start");
                }
                Err(_) if attempts < 4 => self.die(),
                // What a full disk refuses, such as a cursor in a new spool, it takes when there is room.
                Err(_) if self.kind == Kind::FullDisk && attempts < 6 => self.disk.set_capacity(u64::MAX),
                Err(error) => return Err(format!("start: {error}")),
            }
        }
    }

    fn try_start(&mut self) -> Result<Running, String> {
        let config = SpoolConfig::new(1 << 20, FullPolicy::Block, StreamId(9)).expect("BUG: large enough");
        let config = config.tiny(SEGMENT, 8 * SEGMENT);
        let opened = Spool::open(self.disk.clone(), Path::new("/state/oxd/spool"), config);
        let opened = opened.map_err(|error| error.to_string())?;
        let (spool, mut writer) = (opened.spool, opened.writer);
        let (cursor, now) = (CursorName::new(CURSOR), Timestamp(self.wall));
        let place = writer.cursors().get(&cursor).copied().unwrap_or_else(|| spool.oldest());
        if !writer.cursors().contains_key(&cursor) {
            writer.move_cursor(&cursor, place).map_err(|error| error.to_string())?;
            writer.persist_cursors(now).map_err(|error| error.to_string())?;
        }
        let vouched = Vouched { place, files: writer.files().clone() };
        let mut log = DayLog::new(self.disk.clone(), root().to_path_buf(), self.rotate, self.day_limits);
        if self.ranges || self.kind == Kind::Sealing {
            log.keep_ranges(NodeId(9));
        }
        self.now = Duration::ZERO;
        let log = SpooledDayLog::recover(self.disk.clone(), log, spool, vouched, self.limits, self.now)
            .map_err(|error| error.to_string())?;
        Ok(Running { log, host: Host::new(writer, now) })
    }

    /// What was not acknowledged may have survived; it counts from now on.
    fn check_spool(&mut self) -> Checked {
        let spool = self.running().log.spool.clone();
        let mut reader = spool.reader(spool.oldest());
        while let Some(item) = reader.read().map_err(|error| error.to_string())? {
            let Item::Data(data) = item else { return Err(format!("the spool has {item:?}")) };
            let (found, rest) = numbers(data.events);
            ensure!(rest == 0, "a batch is torn");
            self.known.extend(found.iter().map(|number| (*number, data.received)));
        }
        Ok(())
    }
}
