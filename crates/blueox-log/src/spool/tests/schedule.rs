//! One random schedule: the spool on a disk that crashes, beside a plain model of what must be in it.

use super::expected::{ModelState, Numbered, Op};
use super::seen::Seen;
use crate::disk::FileIdentity;
use crate::disk::model::{ModelDisk, Omit, Random};
use crate::spool::{
    Chore, CursorName, FileId, FileLength, FullPolicy, Maintenance, OpenFile, Place, Producer, Reader,
    Record, Refusal, Seq, Session, Source, Spool, SpoolConfig, SpoolError, StreamId, Timestamp, Writer,
};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const SEGMENT: u64 = 4096;
const LIMIT: u64 = 8 * SEGMENT;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Crashes,
    Faults,
    FullDisk,
    DropOldest,
    BitRot,
    /// Every frame has one sector, and crashes are many: frames of different commits meet at the same places.
    Sectors,
}

pub(super) struct Schedule {
    pub(super) kind: Kind,
    pub(super) random: Random,
    pub(super) disk: ModelDisk,
    pub(super) config: SpoolConfig,
    pub(super) open: Option<(Spool<ModelDisk>, Writer<ModelDisk>)>,
    pub(super) readers: BTreeMap<CursorName, Reader<ModelDisk>>,
    /// What another thread does about the room, step by step while this one goes on.
    pub(super) chore: Option<Chore>,
    pub(super) now: u64,
    pub(super) next_id: u64,
    pub(super) next_file: u64,
    /// What is durable beyond doubt.
    pub(super) state: ModelState,
    pub(super) numbered: Vec<Numbered>,
    /// What was tried behind it, and may have survived as a prefix.
    pub(super) tried: Vec<Vec<Op>>,
    pub(super) group: Vec<Op>,
    /// Which places a cursor may have, the durable one first.
    pub(super) cursors: BTreeMap<CursorName, Vec<Place>>,
    pub(super) last_commit: u64,
    pub(super) flips: Vec<u64>,
    pub(super) highest: BTreeMap<StreamId, Seq>,
    /// The power is going.
    pub(super) dying: bool,
    /// While everything is read: the last receive time.
    pub(super) received: Cell<Option<Timestamp>>,
    pub(super) seen: Seen,
}

pub(super) type Checked = Result<(), String>;

pub(super) fn directory() -> &'static Path {
    Path::new("/state/oxd/spool")
}

impl Schedule {
    pub(super) fn new(kind: Kind, seed: u64, omit: Omit) -> Self {
        let mut random = Random(seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ kind as u64);
        let disk = ModelDisk::new(random.next(), u64::MAX);
        disk.omit(omit);
        let policy = if kind == Kind::DropOldest { FullPolicy::DropOldest } else { FullPolicy::Block };
        let config = SpoolConfig::new(1 << 20, policy, StreamId(9)).unwrap().tiny(SEGMENT, LIMIT);
        Self {
            kind,
            random,
            disk,
            config,
            open: None,
            readers: BTreeMap::new(),
            chore: None,
            now: 1_000_000,
            next_id: 1,
            next_file: 1,
            state: ModelState::default(),
            numbered: Vec::new(),
            tried: Vec::new(),
            group: Vec::new(),
            cursors: BTreeMap::new(),
            last_commit: 0,
            flips: Vec::new(),
            highest: BTreeMap::new(),
            dying: false,
            received: Cell::new(None),
            seen: Seen::default(),
        }
    }

    pub(super) fn run(mut self) -> Result<Seen, String> {
        self.reopen()?;
        for _ in 0..10 + self.random.below(60) {
            self.step()?;
        }
        self.disk.heal();
        if self.kind == Kind::FullDisk {
            self.fill_disk()?;
        }
        self.disk.crash();
        self.reopen()?;
        self.drain()?;
        Ok(self.seen)
    }

    /// Once there is a reserve, not a byte is free.
    fn fill_disk(&mut self) -> Checked {
        self.disk.set_capacity(u64::MAX);
        self.commit()?;
        self.maintain()?;
        self.disk.set_capacity(self.disk.used());
        for _ in 0..self.random.below(40) {
            match self.random.below(8) {
                0..4 => self.append()?,
                4 => self.read_some()?,
                5 => self.persist()?,
                6 if self.random.one_in(2) => self.do_chores()?,
                6 => self.maintain()?,
                _ => self.commit()?,
            }
        }
        Ok(())
    }

    fn step(&mut self) -> Checked {
        // The clock is set back now and then.
        self.now = (self.now + self.random.below(1000)).saturating_sub(self.random.below(400));
        let dice = self.random.below(100);
        if crate::schedules::is_traced() {
            let (spool, writer) = self.open.as_ref().unwrap();
            eprintln!("step {dice}: {:?} used {} {:?}", spool.tail(), writer.used_bytes(), self.disk);
        }
        if self.kind == Kind::Sectors {
            return match dice {
                0..50 => self.append_data(None).map(drop),
                50..70 => self.commit(),
                _ => self.crash(),
            };
        }
        match dice {
            0..45 => self.append(),
            45..65 => self.commit(),
            65..72 => self.read_some(),
            72..76 => self.persist(),
            76..80 => self.control_record(),
            80..82 => self.maintain(),
            82..85 => self.do_chores(),
            85..86 => {
                self.writer().discard();
                self.group.clear();
                self.check_state("after discarding")
            }
            86..94 => self.crash(),
            _ => self.trouble(),
        }
    }

    /// Whether the disk may fail now.
    pub(super) fn is_tolerant(&self) -> bool {
        self.kind == Kind::Faults || self.dying
    }

    pub(super) fn writer(&mut self) -> &mut Writer<ModelDisk> {
        &mut self.open.as_mut().unwrap().1
    }

    pub(super) fn spool(&self) -> &Spool<ModelDisk> {
        &self.open.as_ref().unwrap().0
    }

    fn trouble(&mut self) -> Checked {
        match self.kind {
            Kind::Crashes | Kind::DropOldest | Kind::Sectors => {}
            Kind::Faults => {
                let (after, syncs_only) = (self.random.below(6), self.random.one_in(2));
                let failures = if self.random.one_in(2) { 1 } else { 1 + self.random.below(4) };
                self.disk.fail_some_after(after, failures, syncs_only);
            }
            Kind::FullDisk if self.random.one_in(3) => self.disk.set_capacity(u64::MAX),
            Kind::FullDisk => {
                let room = self.random.below(3) * self.random.below(20_000);
                self.disk.set_capacity(self.disk.used() + room);
            }
            Kind::BitRot => self.flip(),
        }
        Ok(())
    }

    /// Turns a bit over of something that a later frame proves to have been durable.
    fn flip(&mut self) {
        let oldest = self.spool().oldest().position.get();
        if oldest >= self.last_commit {
            return;
        }
        let position = oldest + self.random.below(self.last_commit - oldest);
        let held = self.spool().shared.table().holding(crate::spool::Position::new(position));
        let Some((segment, _)) = held else { return };
        let at = position - segment.start.position.get();
        let bit = u8::try_from(self.random.below(8)).unwrap();
        self.disk.flip(&segment.number.path(directory()), usize::try_from(at).unwrap(), bit);
        self.flips.push(position);
    }

    pub(super) fn source(&mut self, stream: StreamId, seq: Seq) -> Source {
        let session = Session(self.random.below(5));
        let producer = if stream.0 == 1 { Producer::Daemon } else { Producer::Application };
        Source { stream, seq, session, producer }
    }

    pub(super) fn commit(&mut self) -> Checked {
        self.try_commit().map(drop)
    }

    /// False if it failed and the group is gone.
    pub(super) fn try_commit(&mut self) -> Result<bool, String> {
        let now = Timestamp(self.now);
        let start = self.spool().tail().position.get();
        let had_group = self.writer().has_group();
        match self.writer().commit(now) {
            Ok(place) => {
                for op in std::mem::take(&mut self.group) {
                    self.state.apply(&op);
                    if let Op::Numbered(numbered) = op {
                        self.numbered.push(numbered);
                    }
                }
                if had_group {
                    self.seen.commits += 1;
                    self.tried.clear();
                    self.last_commit = start;
                }
                ensure!(place == self.spool().tail(), "commit gives {place:?}");
                self.check_state("after a commit")?;
                Ok(true)
            }
            Err(error) => {
                let allowed = self.is_tolerant();
                ensure!(allowed && matches!(error, SpoolError::Environment(_)), "commit: {error}");
                self.seen.failed_commits += 1;
                let group = std::mem::take(&mut self.group);
                self.tried.push(group);
                self.check_state("after a failed commit")?;
                Ok(false)
            }
        }
    }

    pub(super) fn check_state(&self, when: &str) -> Checked {
        let (spool, writer) = self.open.as_ref().unwrap();
        let state = ModelState::of(writer, spool.tail());
        ensure!(state == self.state, "{when}: {state:?} instead of {:?}", self.state);
        Ok(())
    }

    pub(super) fn control_record(&mut self) -> Checked {
        match self.random.below(3) {
            0 => {
                let stream = StreamId(1 + u128::from(self.random.below(3)));
                let high = self.writer().mark(stream).map_or(Seq::NONE, |mark| mark.high);
                let source = self.source(stream, high);
                let gone = self.random.one_in(4);
                if self.append_record_control(&Record::Mark { source, gone })? {
                    self.group.push(Op::Mark(source, gone));
                }
            }
            1 => {
                let (file, length) = (FileId(self.next_file), self.random.below(1000));
                self.next_file += 1;
                let open = OpenFile {
                    path: PathBuf::from("day/type.log"),
                    identity: FileIdentity::for_test(4),
                    length,
                };
                if self.writer().files().len() < 6
                    && self.append_record_control(&Record::File { file, open: &open })?
                {
                    self.group.push(Op::File(file, length));
                }
            }
            _ => {
                let cursor = CursorName::new("0");
                let Some(place) = self.readers.get(&cursor).map(Reader::place) else { return Ok(()) };
                let known: Vec<FileId> = self.writer().files().keys().copied().collect();
                let mut files = Vec::new();
                for file in known {
                    let (length, closed) = (self.random.below(9999), self.random.one_in(2));
                    files.push(FileLength { file, length, closed });
                }
                let record = Record::Materialised { cursor: &cursor, place, files: &files };
                self.cursors.entry(cursor.clone()).or_default().push(place);
                if self.append_record_control(&record)? {
                    self.group.push(Op::Lengths(files));
                }
            }
        }
        Ok(())
    }

    pub(super) fn append_record_control(&mut self, record: &Record<'_>) -> Result<bool, String> {
        let now = Timestamp(self.now);
        match self.writer().append(record, now) {
            Ok(_) => Ok(true),
            Err(SpoolError::Refused(Refusal::CommitFirst)) => self.commit().map(|()| false),
            Err(error) if error.is_full() => Ok(false),
            Err(SpoolError::Environment(_)) if self.is_tolerant() => Ok(false),
            Err(error) => Err(format!("append: {error}")),
        }
    }

    pub(super) fn read_some(&mut self) -> Checked {
        let name = CursorName::new(&self.random.below(2).to_string());
        if !self.readers.contains_key(&name) {
            // A new reader is there as soon as its cursor is.
            let reader = self.spool().reader(self.spool().oldest());
            self.readers.insert(name.clone(), reader);
        }
        let mut reader = self.readers.remove(&name).unwrap();
        for _ in 0..self.random.below(30) {
            if !self.check_next(&mut reader)? {
                break;
            }
        }
        let place = reader.place();
        self.readers.insert(name.clone(), reader);
        self.cursors.entry(name.clone()).or_default().push(place);
        let moved = self.writer().move_cursor(&name, place);
        // Cursors that bit rot has put back or forward cannot be moved back.
        ensure!(moved.is_ok() || self.kind == Kind::BitRot, "cursor: {moved:?}");
        Ok(())
    }

    pub(super) fn persist(&mut self) -> Checked {
        if !self.try_commit()? {
            return Ok(());
        }
        let (now, start) = (Timestamp(self.now), self.spool().tail().position.get());
        match self.writer().persist_cursors(now) {
            Ok(place) => {
                if place.position.get() > start {
                    self.last_commit = start;
                    self.tried.clear();
                }
                Ok(())
            }
            Err(error) if error.is_full() => Ok(()),
            Err(SpoolError::Environment(_)) if self.is_tolerant() => Ok(()),
            Err(error) => Err(format!("persist: {error}")),
        }
    }

    /// Another thread does some steps; whatever the writer does until the next ones comes in between.
    pub(super) fn do_chores(&mut self) -> Checked {
        for _ in 0..1 + self.random.below(3) {
            if self.chore.is_none() {
                self.chore = self.writer().begin_chore();
            }
            let Some(chore) = &mut self.chore else { return Ok(()) };
            if !chore.step(&self.disk) {
                self.end_chore()?;
            }
        }
        Ok(())
    }

    pub(super) fn end_chore(&mut self) -> Checked {
        let Some(mut chore) = self.chore.take() else { return Ok(()) };
        chore.run(&self.disk);
        let ended = self.writer().end_chore(chore);
        self.seen.chores += 1;
        self.check_maintenance(ended)
    }

    pub(super) fn maintain(&mut self) -> Checked {
        self.end_chore()?;
        let maintenance = self.writer().maintain();
        self.check_maintenance(maintenance)
    }

    fn check_maintenance(&mut self, maintenance: Maintenance) -> Checked {
        self.seen.deleted += maintenance.deleted as u64;
        let table = self.spool().shared.table();
        let (last, short) = (
            table.segments.back().map(|last| last.number.get()),
            table.segments.back().map(|last| last.length < SEGMENT),
        );
        drop(table);
        self.seen.segments = self.seen.segments.max(last.unwrap_or(0));
        self.seen.reserves += u64::from(short == Some(true));
        if let Some(error) = maintenance.error {
            let allowed = self.is_tolerant() || self.kind == Kind::FullDisk && error.is_no_space();
            ensure!(allowed, "maintain: {error}");
        }
        let used = self.writer().used_bytes();
        ensure!(used <= LIMIT + SEGMENT, "{used} bytes are used");
        self.note_cursors()
    }
}
