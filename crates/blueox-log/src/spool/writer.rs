//! The one writer: records into a group, the group into the log with one write and one fdatasync.
//!
//! Invariants:
//! - What [`Writer::commit`] has not returned is not durable, and nobody is told that it is.
//! - The state (marks, cursors, counts) is that of the durable log plus the group; a failed commit takes the
//!   group's part back.
//! - A segment in which a write or a sync failed is not written again; the log goes on in a new one whose base is
//!   the durable end.

use super::Spool;
use super::chore::Spare;
use super::config::SpoolConfig;
use super::error::{EnvironmentError, Refusal, SpoolError};
use super::frame::{COMMIT_ALIGN, FrameType, frame_bytes};
use super::group::{Group, NewFrame};
use super::limits::{
    HEADROOM_BYTES, MAX_BATCH_BYTES, MAX_CURSOR_NAME_BYTES, MAX_CURSORS, MAX_FILE_PATH_BYTES, MAX_FILES,
    MAX_GROUP_BYTES, MAX_ORIGIN_BYTES,
};
use super::marks::{Mark, Marks};
use super::position::Place;
use super::record::{CursorName, FileId, OpenFile, Record, file_name_bytes, path_bytes};
use super::recovery::{Active, Prepared, Recovered};
use super::segment::{Segment, SegmentNumber};
use super::state::State;
use super::stream::{Producer, Seq, StreamId, Timestamp};
use crate::disk::{DiskFile, PositionalDisk, PositionalFile};
use crate::mutation::{Mutation, is};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;

mod chores;
mod space;
pub use space::{Dropped, Maintenance};

/// Where a record will stand once its group is committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its position, and its number in the daemon's own stream if it is a batch or a gap.
    pub place: Place,
    /// When it counts as received: now, or later if the clock was set back.
    pub received: Timestamp,
}

/// The one writer of a spool. It has no thread and no clock of its own.
#[derive(Debug)]
pub struct Writer<D: PositionalDisk> {
    spool: Spool<D>,
    config: SpoolConfig,
    state: State,
    group: Group,
    active: Option<Active<D::File>>,
    /// Made ahead, in the order of their numbers.
    prepared: VecDeque<Prepared<D::File>>,
    /// Room of segments that are no longer needed.
    spares: BTreeSet<Spare>,
    /// A chore was given away and has not come back.
    chore_out: bool,
    /// How many bytes the segments have that it retires, and what it makes.
    retiring: u64,
    making: u64,
    /// The directory could not be synced after a name changed.
    unsynced_names: bool,
    /// Segments that never held anything, and are to be removed.
    stale: Vec<SegmentNumber>,
    /// Cursors that moved and are not in the log yet.
    moved: BTreeMap<CursorName, Place>,
    dead: Vec<SegmentNumber>,
    next_number: SegmentNumber,
    reserve: u64,
    dropped: Vec<Dropped>,
}

impl<D: PositionalDisk> Writer<D> {
    pub(crate) fn new(spool: Spool<D>, config: SpoolConfig, recovered: Recovered<D::File>) -> Self {
        Self {
            spool,
            config,
            state: recovered.state,
            group: Group::default(),
            active: recovered.active,
            prepared: recovered.prepared.into_iter().collect(),
            spares: recovered.spares,
            chore_out: false,
            retiring: 0,
            making: 0,
            unsynced_names: false,
            stale: Vec::new(),
            moved: BTreeMap::new(),
            dead: recovered.dead,
            next_number: recovered.next_number,
            reserve: recovered.reserve,
            dropped: Vec::new(),
        }
    }

    /// The disk on which it writes, for those who do its chores.
    #[must_use]
    pub fn disk(&self) -> D {
        self.spool.shared.disk.clone()
    }

    /// The daemon's own stream, in which every batch and gap gets a number.
    #[must_use]
    pub fn own_stream(&self) -> StreamId {
        self.state.own_stream
    }

    /// Up to this number, which is 0 unless the stream was renewed, all were given in an earlier stream only.
    #[must_use]
    pub fn own_base(&self) -> Seq {
        self.state.own_base
    }

    /// Gives the daemon's own stream another id, durably: what its collectors know of the old one is not what stands
    /// here. Numbers go on, and those up to `base` are none of the new stream. What waits in the group is committed first.
    ///
    /// # Errors
    /// Those of [`Writer::append`] and [`Writer::commit`]; the stream is as before then.
    pub fn renew_stream(&mut self, stream: StreamId, base: Seq, now: Timestamp) -> Result<(), SpoolError> {
        self.commit(now)?;
        let old = (self.state.own_stream, self.state.own_base);
        (self.state.own_stream, self.state.own_base) = (stream, base);
        let renewed = self.commit_checkpoint(now);
        if renewed.is_err() {
            (self.state.own_stream, self.state.own_base) = old;
        }
        renewed
    }

    fn commit_checkpoint(&mut self, now: Timestamp) -> Result<(), SpoolError> {
        let length = self.state.checkpoint_bytes();
        self.make_room(frame_bytes(length) as u64, false, now)?;
        let mut checkpoint = Vec::with_capacity(length);
        self.state.put_checkpoint(&mut checkpoint);
        self.push_frame(FrameType::Checkpoint, None, (0, 0), now, &|to| to.extend_from_slice(&checkpoint));
        self.commit(now)?;
        Ok(())
    }

    /// A stream's mark, the group included: what [`judge`](super::judge) needs. What is durable is
    /// known when no group waits.
    #[must_use]
    pub fn mark(&self, stream: StreamId) -> Option<&Mark> {
        self.state.marks.get(&stream)
    }

    /// All marks, the group included.
    #[must_use]
    pub fn marks(&self) -> &Marks {
        &self.state.marks
    }

    /// All cursors that are in the log or in the group.
    #[must_use]
    pub fn cursors(&self) -> &BTreeMap<CursorName, Place> {
        &self.state.cursors
    }

    /// Where a cursor stands, be it in the log or not.
    #[must_use]
    pub fn cursor(&self, cursor: &CursorName) -> Option<Place> {
        let moved = self.moved.get(cursor).copied();
        let known = self.state.cursors.get(cursor).copied();
        moved.into_iter().chain(known).max_by_key(|place| place.position)
    }

    /// All open files that are in the log or in the group.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<FileId, OpenFile> {
        &self.state.files
    }

    /// Whether records wait for a commit.
    #[must_use]
    pub fn has_group(&self) -> bool {
        !self.group.is_empty()
    }

    /// How many bytes the group has.
    #[must_use]
    pub fn group_bytes(&self) -> u64 {
        self.group.len()
    }

    /// Adds a record to the group. It costs no I/O, but for the start of a segment that was not made ahead.
    ///
    /// # Errors
    /// [`Refusal::CommitFirst`]: commit and append it again. [`SpoolError::is_full`]: there is no room now.
    /// Other refusals are final. On every error the group is as before.
    pub fn append(&mut self, record: &Record<'_>, now: Timestamp) -> Result<Appended, SpoolError> {
        self.check(record)?;
        let numbered = record.frame_type().is_numbered();
        self.make_room(frame_bytes(record.payload_bytes()) as u64, numbered, now)?;
        Ok(self.push(record, now))
    }

    fn check(&self, record: &Record<'_>) -> Result<(), Refusal> {
        let too_long = |bytes: usize, limit: usize| {
            if bytes > limit { Err(Refusal::TooLong { bytes, limit }) } else { Ok(()) }
        };
        let too_many =
            |what, is: usize, limit| if is >= limit { Err(Refusal::TooMany { what, limit }) } else { Ok(()) };
        if let Some(source) = record.source() {
            let expected = self.mark(source.stream).map_or(Seq::NONE, |mark| mark.high);
            let (expected, found) = match record {
                Record::Mark { .. } => (expected, source.seq),
                Record::Gap { first, .. } => (expected.next(), *first),
                _ => (expected.next(), source.seq),
            };
            if expected != found || source.seq < found {
                return Err(Refusal::OutOfOrder { expected, found });
            }
            if self.mark(source.stream).is_none() {
                too_many("streams", self.state.marks.len(), self.config.max_streams)?;
            }
        }
        match record {
            Record::Data { origin, events, .. } => {
                too_long(origin.len(), MAX_ORIGIN_BYTES)?;
                too_long(events.len(), MAX_BATCH_BYTES)?;
                too_long(origin.len() + events.len(), self.config.max_batch_bytes)
            }
            Record::File { file, open } => {
                too_long(path_bytes(&open.path).len(), MAX_FILE_PATH_BYTES)?;
                let known = self.state.files.contains_key(file);
                too_many("files", if known { 0 } else { self.state.files.len() }, MAX_FILES)?;
                let paths: usize = self.state.files.values().map(|open| file_name_bytes(&open.path)).sum();
                let room = self.config.file_name_room();
                too_many("bytes of file names", paths + path_bytes(&open.path).len(), room)
            }
            Record::Materialised { cursor, place, files } => {
                too_many("files in one record", files.len().saturating_sub(1), MAX_FILES)?;
                self.check_cursor(cursor, *place)
            }
            Record::Cursor { cursor, place, gone: false } => self.check_cursor(cursor, *place),
            Record::Gap { .. } | Record::Mark { .. } | Record::Cursor { .. } => Ok(()),
        }
    }

    fn check_cursor(&self, cursor: &CursorName, place: Place) -> Result<(), Refusal> {
        let known = self.state.cursors.get(cursor);
        let name = cursor.as_str();
        let bad_name = name.is_empty() || name.len() > MAX_CURSOR_NAME_BYTES;
        let back = known.is_some_and(|known| known.position > place.position);
        if bad_name || back || place.position > self.spool.tail().position {
            return Err(Refusal::Cursor { name: name.into(), position: place.position });
        }
        if known.is_none() && self.state.cursors.len() >= MAX_CURSORS {
            return Err(Refusal::TooMany { what: "cursors", limit: MAX_CURSORS });
        }
        Ok(())
    }

    /// After this the active segment has room for `needed` more bytes of frames.
    fn make_room(&mut self, needed: u64, numbered: bool, now: Timestamp) -> Result<(), SpoolError> {
        if !self.group.is_empty() && self.group.len() + needed > MAX_GROUP_BYTES as u64 {
            return Err(Refusal::CommitFirst.into());
        }
        if self.fits(needed, numbered) {
            return Ok(());
        }
        if !self.group.is_empty() {
            return Err(Refusal::CommitFirst.into());
        }
        let total = frame_bytes(self.state.checkpoint_bytes()) as u64 + needed;
        let total = total.next_multiple_of(COMMIT_ALIGN) + if numbered { HEADROOM_BYTES } else { 0 };
        let Prepared { file, number, length } = self.next_segment(total, numbered, now)?;
        let base = self.state.tail.position;
        let last = self.spool.shared.table().segments.back().map(|last| last.number);
        assert!(last.is_none_or(|last| last < number), "BUG: segment numbers rise in the order of use");
        self.active = Some(Active { file, number, base, end: 0, length, listed: false });
        // Only now: finding room may have committed cursors.
        let mut checkpoint = Vec::new();
        self.state.put_checkpoint(&mut checkpoint);
        self.push_frame(FrameType::Checkpoint, None, (0, 0), now, &|to| to.extend_from_slice(&checkpoint));
        Ok(())
    }

    fn fits(&self, needed: u64, numbered: bool) -> bool {
        let Some(active) = &self.active else { return false };
        let end = (active.end + self.group.len() + needed).next_multiple_of(COMMIT_ALIGN);
        if numbered {
            !self.is_scarce() && end + HEADROOM_BYTES <= active.length
        } else {
            end <= active.length
        }
    }

    /// A segment that is shorter than others was started on a full disk: it is for draining.
    fn is_scarce(&self) -> bool {
        self.active.as_ref().is_some_and(|active| active.length < self.config.segment_bytes)
    }

    fn push(&mut self, record: &Record<'_>, now: Timestamp) -> Appended {
        let counts = match record {
            Record::Data { count, origin, .. } => {
                (*count, u32::try_from(origin.len()).expect("BUG: checked against its limit"))
            }
            _ => (0, 0),
        };
        self.push_frame(record.frame_type(), record.source(), counts, now, &|to| record.put_payload(to))
    }

    fn push_frame(
        &mut self,
        frame_type: FrameType,
        source: Option<super::Source>,
        (count, origin_length): (u32, u32),
        now: Timestamp,
        put_payload: &dyn Fn(&mut Vec<u8>),
    ) -> Appended {
        let active = self.active.as_ref().expect("BUG: room was made in a segment");
        let (place, received) = (self.state.tail, self.state.received.max(now));
        let durable = active.base.after(active.end);
        let new =
            NewFrame { frame_type, place, durable, received, source, count, origin_length, put_payload };
        let (header, payload) = self.group.push(active.number, &new);
        if frame_type == FrameType::Checkpoint {
            // It says what the state is; only the end moves.
            (self.state.tail, self.state.received) = (header.next(), received);
        } else {
            self.state.apply(&header, payload).expect("BUG: a record that was just encoded");
        }
        Appended { place, received }
    }

    /// Makes the group durable; gives the place up to which everything now is. With an empty group it does
    /// nothing. Cursors that have moved ride along if there is room.
    ///
    /// # Errors
    /// Nothing of the group is in the log, the state is as before it, and its segment will not be written again.
    /// The caller may append the same records once more.
    pub fn commit(&mut self, now: Timestamp) -> Result<Place, SpoolError> {
        if self.group.is_empty() {
            return Ok(self.state.tail);
        }
        let moved: Vec<_> = self.moved.iter().map(|(cursor, place)| (cursor.clone(), *place)).collect();
        for (cursor, place) in &moved {
            let record = Record::Cursor { cursor, place: *place, gone: false };
            let stands = self.state.cursors.get(cursor).is_some_and(|known| known.position >= place.position);
            if !stands && self.fits(frame_bytes(record.payload_bytes()) as u64, false) {
                self.push(&record, now);
            }
        }
        if let Err(error) = self.write_group() {
            self.abandon();
            return Err(error.into());
        }
        let cursors = &self.state.cursors;
        self.moved.retain(|cursor, place| {
            cursors.get(cursor).is_none_or(|durable| durable.position < place.position)
        });
        Ok(self.state.tail)
    }

    fn write_group(&mut self) -> Result<(), EnvironmentError> {
        let active = self.active.as_mut().expect("BUG: a group has a segment");
        let path = || active.number.path(&self.spool.shared.directory);
        let frames = self.group.close(active.number, active.end, active.length, self.config.page_bytes);
        let failed = |operation| move |source| EnvironmentError { operation, path: path(), source };
        active.file.write_to(active.end, self.group.bytes()).map_err(failed("write to"))?;
        let synced = active.file.sync_data();
        let synced = match synced {
            Err(_) if is(Mutation::RetrySync) => active.file.sync_data(),
            synced => synced,
        };
        synced.map_err(failed("sync"))?;
        active.end += frames;
        self.state.tail.position = active.base.after(active.end);
        self.group.clear();
        self.state.settle();
        let start = Place { position: active.base, ..self.spool.tail() };
        let new = (!active.listed).then_some(Segment { number: active.number, length: active.length, start });
        active.listed = true;
        self.spool.publish(new, self.state.tail);
        Ok(())
    }

    /// The group is given up and its segment with it.
    fn abandon(&mut self) {
        self.group.clear();
        self.state.roll_back();
        if let Some(active) = self.active.take().filter(|active| !active.listed) {
            // Nothing in it counts; should it stay, its base says so.
            let _ = self.spool.shared.disk.remove(&active.number.path(&self.spool.shared.directory));
        }
    }

    /// Gives up the group without writing it, for instance because its senders have gone.
    pub fn discard(&mut self) {
        self.group.clear();
        self.state.roll_back();
        if let Some(Active { file, number, length, .. }) = self.active.take_if(|active| !active.listed) {
            // Its checkpoint was in the group.
            self.prepared.push_front(Prepared { file, number, length });
        }
    }

    /// Notes how far a reader has durably got. It is in the log with one of the next commits, or when
    /// [`Writer::persist_cursors`] asks for it; until then a crash puts the reader back.
    ///
    /// # Errors
    /// [`Refusal::Cursor`] if that is back, or beyond what is durable.
    pub fn move_cursor(&mut self, cursor: &CursorName, place: Place) -> Result<(), Refusal> {
        self.check_cursor(cursor, place)?;
        self.moved.insert(cursor.clone(), place);
        Ok(())
    }

    /// Forgets a reader, with the next commit; what only it has not read may then be deleted.
    ///
    /// # Errors
    /// Those of [`Writer::append`].
    pub fn remove_cursor(&mut self, cursor: &CursorName, now: Timestamp) -> Result<(), SpoolError> {
        self.moved.remove(cursor);
        let place = self.state.cursors.get(cursor).copied().unwrap_or_default();
        self.append(&Record::Cursor { cursor, place, gone: true }, now)?;
        Ok(())
    }

    /// Commits all cursors that have moved, and the group with them. In a segment that was started on a full
    /// disk it waits until a segment can be deleted by it, so that the little room lasts.
    ///
    /// # Errors
    /// Those of [`Writer::append`] and [`Writer::commit`].
    pub fn persist_cursors(&mut self, now: Timestamp) -> Result<Place, SpoolError> {
        if self.is_scarce() && self.group.is_empty() && !self.would_free() {
            return Ok(self.state.tail);
        }
        let cursors = &self.state.cursors;
        self.moved
            .retain(|cursor, place| cursors.get(cursor).is_none_or(|known| known.position < place.position));
        while let Some((cursor, place)) = self.moved.iter().next().map(|(name, place)| (name.clone(), *place))
        {
            if self.group.is_empty() {
                self.append(&Record::Cursor { cursor: &cursor, place, gone: false }, now)?;
            }
            self.commit(now)?;
        }
        self.commit(now)
    }

    /// Forgets the marks of applications that were last seen before a time; gives how many. The next checkpoint
    /// makes it durable. Those of connected streams stay. It waits for the group to be committed.
    pub fn expire_marks(&mut self, before: Timestamp, is_connected: &dyn Fn(StreamId) -> bool) -> usize {
        if self.has_group() {
            return 0;
        }
        let count = self.state.marks.len();
        self.state.marks.retain(|stream, mark| {
            mark.producer == Producer::Daemon || mark.seen >= before || is_connected(*stream)
        });
        count - self.state.marks.len()
    }

    fn path(&self, number: SegmentNumber) -> PathBuf {
        number.path(&self.spool.shared.directory)
    }
}
