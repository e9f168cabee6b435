//! The one thread that writes the spool.
//!
//! It takes all that is queued, appends it to a group, commits (one write, one fdatasync), and only then acknowledges
//! and shows it: an ack leaves [`SpoolWriter::settle`] and nowhere else. What does not fit waits here, in order; the
//! log writer's requests go on meanwhile, and make room.

use crate::audit::SpoolSurvey;
use crate::batch::Batch;
use crate::clock::Clock;
use crate::disk_state::{DiskOperation, DiskState};
use crate::ledger::{DropReason, Ledger};
use crate::live::Live;
use crate::native_streams::{EXPIRE_EVERY, MARK_AGE, NativeStreams};
use crate::numbered::{Content, Opening};
use crate::room_maker::RoomMaker;
use crate::spool_state::SpoolState;
use crate::spooler::{Admitted, Durability, SpoolRequest};
use crate::tally::Tally;
use blueox_event::limits::MAX_BATCH_EVENTS;
use blueox_event::wire::native::{LossReason, Seq};
use blueox_log::disk::PositionalDisk;
use blueox_log::spool::{CursorName, Maintenance, Producer, Record, Refusal, SpoolError, Timestamp, Writer};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::thread::JoinHandle;
use std::time::Duration;

/// A group that has reached this size is committed before more is taken.
const GROUP_BYTES: u64 = 4 << 20;
/// One record holds so many events at most, and so no more types: the log writer must be able to vouch for all files
/// that a record touches at once.
pub(crate) const RECORD_EVENTS: usize = MAX_BATCH_EVENTS as usize;
/// How often what waits for room is usually tried again.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(200);
/// Cursors that moved are made durable with one of the next commits; where none comes, after so long.
const PERSIST_AFTER: Duration = Duration::from_secs(1);
/// How often the thread looks whether a chore is done, when nothing comes.
const CHORE_LOOK: Duration = Duration::from_millis(20);
/// How often the thread looks around when nothing comes.
const IDLE: Duration = Duration::from_secs(60);

/// What the thread works with.
#[derive(Debug)]
pub(crate) struct SpoolWriter<D: PositionalDisk> {
    pub(crate) writer: Writer<D>,
    /// The longest record that the spool takes, in bytes.
    pub(crate) max_record_bytes: usize,
    pub(crate) log_cursor: CursorName,
    pub(crate) state: Arc<SpoolState>,
    pub(crate) live: Arc<Live>,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) tally: Arc<Tally>,
    pub(crate) disk_state: Arc<DiskState>,
    pub(crate) clock: Clock,
    pub(crate) streams: Arc<NativeStreams>,
    /// By when cursors that moved are to be durable.
    pub(crate) persist_by: Option<Duration>,
    /// How often what waits for room is tried again.
    pub(crate) retry_after: Duration,
    /// Who looks after the room; without one this thread does it between commits.
    pub(crate) room: Option<RoomMaker>,
}

/// A batch that is not durable yet.
#[derive(Debug)]
struct Waiting {
    admitted: Admitted,
    /// So many of its events are durable; of a numbered batch, so many of its records.
    durable: usize,
    /// So many are durable or in the group.
    appended: usize,
}

/// What the next commit decides.
#[derive(Debug, Default)]
struct Group {
    /// Batches that are in it whole.
    batches: Vec<Waiting>,
    replies: Vec<SyncSender<Result<(), String>>>,
    /// Who wants to know where a stream stands.
    openings: Vec<Opening>,
}

/// Whether a batch went into the group.
enum Appending {
    Done,
    /// The group must be committed first.
    CommitFirst,
    /// Its connection does not count any more: its sender brings it again.
    Discard,
    /// There is no room, or the disk fails: try again later.
    Later,
}

impl Waiting {
    fn is_fenced(&self) -> bool {
        self.admitted.numbered.as_ref().is_some_and(|numbered| numbered.progress.is_fenced())
    }
}

impl<D: PositionalDisk> SpoolWriter<D> {
    /// Writes until every sender of requests is gone; the thread gives how many events it had to give up then.
    pub(crate) fn spawn(mut self, requests: Receiver<SpoolRequest>) -> std::io::Result<JoinHandle<u64>> {
        self.room = Some(RoomMaker::spawn(self.writer.disk(), self.retry_after)?);
        std::thread::Builder::new().name("spool-writer".into()).spawn(move || self.run(&requests))
    }

    fn run(mut self, requests: &Receiver<SpoolRequest>) -> u64 {
        let mut waiting = VecDeque::new();
        let mut expire_at = Duration::ZERO;
        loop {
            if expire_at <= self.clock.elapsed() {
                self.expire_streams();
                expire_at = self.clock.elapsed() + EXPIRE_EVERY;
            }
            let patience = if waiting.is_empty() { IDLE } else { self.retry_after };
            let patience =
                self.persist_by.map_or(patience, |by| by.saturating_sub(self.clock.elapsed()).min(patience));
            let patience = if self.writer.has_chore_out() { patience.min(CHORE_LOOK) } else { patience };
            let mut next = match requests.recv_timeout(patience) {
                Ok(request) => Some(request),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            let mut group = Group::default();
            // What has waited goes first.
            self.append_waiting(&mut waiting, &mut group);
            if waiting.is_empty() {
                self.state.note_full(false);
            }
            while let Some(request) = next {
                self.take(request, &mut waiting, &mut group);
                if self.writer.group_bytes() >= GROUP_BYTES {
                    break;
                }
                next = requests.try_recv().ok();
            }
            self.commit(&mut group, &mut waiting);
            // Who waits for room gets it from segments that all have read.
            if self.persist_by.is_some_and(|by| !waiting.is_empty() || by <= self.clock.elapsed()) {
                self.persist_cursors();
            }
        }
        // The ports are closed and the log writer is done: what still waits for room cannot be kept.
        let mut group = Group::default();
        self.append_waiting(&mut waiting, &mut group);
        self.commit(&mut group, &mut waiting);
        // What was numbered is with its sender, who has no ack for it.
        let unnumbered = waiting.iter().filter(|batch| batch.admitted.numbered.is_none());
        let given_up: usize = unnumbered.map(|batch| batch.admitted.batch.len() - batch.durable).sum();
        if given_up > 0 {
            tracing::error!(
                events = given_up,
                "the spool took no more; events that were never acknowledged are dropped"
            );
            self.ledger.give_up(DropReason::SpoolFull, given_up as u64);
        }
        let now = self.now();
        if let Err(error) = self.with_room(|writer| writer.persist_cursors(now)) {
            tracing::warn!(%error, "how far the log had got is not in the spool; it is found out again");
        }
        // Before the writer, which holds the directory.
        self.room = None;
        given_up as u64
    }

    /// No group waits here.
    fn expire_streams(&mut self) {
        let before = Timestamp(self.now().0.saturating_sub(MARK_AGE.as_micros() as u64));
        let writer = &mut self.writer;
        self.streams.expire(|is_connected| {
            writer.expire_marks(before, is_connected);
            writer.marks().keys().copied().collect()
        });
    }

    fn persist_cursors(&mut self) {
        self.persist_by = None;
        let now = self.now();
        match self.with_room(|writer| writer.persist_cursors(now)) {
            Ok(_) => self.settle(Group::default()),
            Err(error) => tracing::debug!(%error, "how far readers have got is not in the spool yet"),
        }
    }

    /// Does something that may need a segment; while one is being made it waits for that.
    fn with_room<T>(
        &mut self,
        mut work: impl FnMut(&mut Writer<D>) -> Result<T, SpoolError>,
    ) -> Result<T, SpoolError> {
        loop {
            match work(&mut self.writer) {
                Err(SpoolError::Refused(Refusal::RoomIsMade)) if self.wait_for_room() => {}
                done => return done,
            }
        }
    }

    /// True when the chore that was out is done.
    fn wait_for_room(&mut self) -> bool {
        let now = self.clock.elapsed();
        let maintenance = self.room.as_mut().and_then(|room| room.wait(&mut self.writer, now));
        maintenance.as_ref().map(Self::note_maintenance).is_some()
    }

    fn look_after_room(&mut self) {
        let now = self.clock.elapsed();
        let maintenance = match &mut self.room {
            Some(room) => room.look(&mut self.writer, now),
            None => self.writer.maintain(),
        };
        Self::note_maintenance(&maintenance);
        let dropped: u64 =
            maintenance.dropped.iter().chain(&self.writer.take_dropped()).map(|dropped| dropped.events).sum();
        if dropped > 0 {
            tracing::warn!(events = dropped, "the spool is full: its oldest events are dropped");
        }
        self.state.note_used(self.writer.used_bytes());
    }

    fn note_maintenance(maintenance: &Maintenance) {
        if let Some(error) = &maintenance.error {
            tracing::debug!(%error, "the spool's room is not as it should be yet");
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp((self.clock.now() * 1e6) as u64)
    }

    fn take(&mut self, request: SpoolRequest, waiting: &mut VecDeque<Waiting>, group: &mut Group) {
        match request {
            SpoolRequest::Batch(admitted) => {
                waiting.push_back(Waiting { admitted, durable: 0, appended: 0 });
                self.append_waiting(waiting, group);
            }
            SpoolRequest::Open(opening) => {
                if let Some(previous) = &opening.previous {
                    previous.fence();
                    waiting.retain(|batch| !batch.is_fenced());
                }
                group.openings.push(opening);
            }
            SpoolRequest::FilesOpened { files, done } => {
                let now = self.now();
                let appended = files.iter().try_for_each(|(file, open)| {
                    self.append(&Record::File { file: *file, open }, now, group, waiting)
                });
                self.reply_with_commit(appended, done, group);
            }
            SpoolRequest::Materialised { place, files, done } => {
                let now = self.now();
                let cursor = self.log_cursor.clone();
                let record = Record::Materialised { cursor: &cursor, place, files: &files };
                let appended = self.append(&record, now, group, waiting);
                self.reply_with_commit(appended, done, group);
            }
            SpoolRequest::MoveCursor { cursor, place } => match self.writer.move_cursor(&cursor, place) {
                Ok(()) => {
                    let by = self.clock.elapsed() + PERSIST_AFTER;
                    self.persist_by.get_or_insert(by);
                }
                Err(refusal) => tracing::error!(%refusal, "BUG: a cursor was moved back"),
            },
            SpoolRequest::Survey { done } => {
                // Of what no group holds.
                self.commit(group, waiting);
                let survey = SpoolSurvey {
                    stream: self.writer.own_stream(),
                    base: self.writer.own_base(),
                    marks: self.writer.marks().clone(),
                    cursors: self
                        .writer
                        .cursors()
                        .iter()
                        .map(|(name, place)| (name.clone(), *place))
                        .collect(),
                };
                // Whoever asked may be gone.
                let _ = done.send(survey);
            }
            SpoolRequest::RenewStream { stream, done } => {
                self.commit(group, waiting);
                let now = self.now();
                // What every list has forwarded went under the old stream.
                let lists = self.writer.cursors().keys().filter(|name| **name != self.log_cursor);
                let places = lists.filter_map(|name| self.writer.cursor(name));
                let base = places.map(|place| place.own_seq.previous()).min().unwrap_or_default();
                let renewed = self.with_room(|writer| writer.renew_stream(stream, base, now));
                // Whoever asked may be gone.
                let _ = done.send(renewed.map(|()| base).map_err(|error| error.to_string()));
            }
        }
    }

    fn reply_with_commit(
        &self,
        appended: Result<(), SpoolError>,
        done: SyncSender<Result<(), String>>,
        group: &mut Group,
    ) {
        match appended {
            Ok(()) => group.replies.push(done),
            Err(error) => {
                // Whoever asked may be gone.
                let _ = done.send(Err(error.to_string()));
            }
        }
    }

    /// Appends one record, committing first if the group is full.
    fn append(
        &mut self,
        record: &Record<'_>,
        now: Timestamp,
        group: &mut Group,
        waiting: &mut VecDeque<Waiting>,
    ) -> Result<(), SpoolError> {
        match self.with_room(|writer| writer.append(record, now)) {
            Err(SpoolError::Refused(Refusal::CommitFirst)) => {
                self.commit(group, waiting);
                self.with_room(|writer| writer.append(record, now)).map(drop)
            }
            result => result.map(drop),
        }
    }

    fn append_waiting(&mut self, waiting: &mut VecDeque<Waiting>, group: &mut Group) {
        while let Some(mut batch) = waiting.pop_front() {
            let appending = match &batch.admitted.numbered {
                None => self.append_batch(&mut batch),
                Some(_) => self.append_numbered(&mut batch),
            };
            match appending {
                Appending::Done => group.batches.push(batch),
                Appending::Discard => {}
                Appending::Later => {
                    waiting.push_front(batch);
                    return;
                }
                Appending::CommitFirst => {
                    // What of it is in the group becomes durable with it, or is appended again.
                    waiting.push_front(batch);
                    if !self.commit(group, waiting) {
                        return;
                    }
                }
            }
        }
    }

    /// Appends a batch as one record, or as several where the spool is too small for it.
    fn append_batch(&mut self, batch: &mut Waiting) -> Appending {
        let now = Timestamp((batch.admitted.batch.received * 1e6) as u64);
        while batch.appended < batch.admitted.batch.len() {
            let (count, events) =
                batch.admitted.batch.run(batch.appended, self.max_record_bytes, RECORD_EVENTS);
            let record = Record::Data {
                source: None,
                count: u32::try_from(count).expect("BUG: a batch has fewer events than bytes"),
                origin: b"",
                events,
            };
            match self.writer.append(&record, now) {
                Ok(_) => batch.appended += count,
                Err(SpoolError::Refused(refusal @ Refusal::TooLong { .. })) => {
                    // An event that this spool can never take.
                    tracing::warn!(%refusal, "an event is dropped");
                    self.ledger.give_up(DropReason::TooLarge, count as u64);
                    batch.appended += count;
                }
                Err(error) => return self.put_off(&error),
            }
        }
        Appending::Done
    }

    /// Appends what stands for a numbered batch: exactly one record takes its numbers, whatever is in it.
    fn append_numbered(&mut self, waiting: &mut Waiting) -> Appending {
        if waiting.is_fenced() {
            return Appending::Discard;
        }
        let now = Timestamp((waiting.admitted.batch.received * 1e6) as u64);
        loop {
            let Admitted { batch, numbered: Some(numbered), .. } = &mut waiting.admitted else {
                return Appending::Done;
            };
            let Some(record) = numbered.record(waiting.appended, batch.len(), batch.bytes()) else {
                return Appending::Done;
            };
            if let Record::Mark { source, .. } = &record
                && (self.state.is_full()
                    || source.producer == Producer::Daemon
                    || self.writer.mark(source.stream).is_none())
            {
                // There is no mark, or a daemon's, which stays; or the little room is for draining, and it goes by its age.
                waiting.appended += 1;
                continue;
            }
            match self.writer.append(&record, now) {
                Ok(_) => waiting.appended += 1,
                Err(SpoolError::Refused(refusal @ Refusal::TooLong { .. })) => {
                    let (events, bytes) = (batch.len() as u64, batch.byte_len() as u64);
                    tracing::warn!(%refusal, events, "a batch is dropped");
                    self.ledger.accept(events, bytes);
                    self.ledger.give_up(DropReason::TooLarge, events);
                    let first = numbered.source.seq;
                    let origin = numbered.content.origin();
                    numbered.content = Content::Lost { first, events, reason: LossReason::TooLarge, origin };
                    *batch = Batch::new(batch.received);
                }
                Err(SpoolError::Refused(
                    refusal @ (Refusal::OutOfOrder { .. } | Refusal::TooMany { .. }),
                )) => {
                    // Nothing is lost: it was not acked, and the next connection begins at the mark.
                    tracing::error!(%refusal, stream = %numbered.source.stream, "a connection is closed; its sender goes on with a new one");
                    numbered.progress.fence();
                    return Appending::Discard;
                }
                Err(error) => return self.put_off(&error),
            }
        }
    }

    /// What an error means for a batch that can be taken another time.
    fn put_off(&mut self, error: &SpoolError) -> Appending {
        if matches!(error, SpoolError::Refused(Refusal::CommitFirst)) {
            return Appending::CommitFirst;
        }
        if matches!(error, SpoolError::Refused(Refusal::RoomIsMade)) && self.wait_for_room() {
            // The group is empty, or it would have to go first; so this only means once more.
            return Appending::CommitFirst;
        }
        if error.is_full() {
            self.state.note_full(true);
        } else {
            self.disk_state.note(DiskOperation::Spool, Some(error.to_string()));
        }
        Appending::Later
    }

    /// Makes the group durable, then acknowledges. If that fails its batches wait again, in their old order, and
    /// false is given.
    fn commit(&mut self, group: &mut Group, waiting: &mut VecDeque<Waiting>) -> bool {
        let committed = self.writer.has_group().then(|| self.writer.commit(self.now()));
        let group = std::mem::take(group);
        match committed {
            Some(Err(error)) => {
                let error = error.to_string();
                self.disk_state.note(DiskOperation::Spool, Some(error.clone()));
                // A batch that is only half in the group stands first in the queue, behind those that are in it whole.
                for batch in group.batches.into_iter().rev() {
                    waiting.push_front(batch);
                }
                waiting.iter_mut().for_each(|batch| batch.appended = batch.durable);
                waiting.retain(|batch| !batch.is_fenced());
                self.answer(group.openings);
                for done in group.replies {
                    let _ = done.send(Err(error.clone()));
                }
                false
            }
            Some(Ok(_)) => {
                self.disk_state.note(DiskOperation::Spool, None);
                waiting.iter_mut().for_each(|batch| batch.durable = batch.appended);
                self.settle(group);
                true
            }
            None => {
                self.settle(group);
                true
            }
        }
    }

    /// Tells where streams stand. No group waits, so that is durable; what an older connection brought and is not durable
    /// was discarded.
    fn answer(&self, openings: Vec<Opening>) {
        for opening in openings {
            let high = self.writer.mark(opening.stream).map_or(Seq::NONE, |mark| mark.high);
            // The connection may be gone.
            let _ = opening.answer.send(high);
        }
    }

    /// Everything in the group is durable: tells those who wait, and shows it.
    fn settle(&mut self, group: Group) {
        for done in group.replies {
            let _ = done.send(Ok(()));
        }
        self.answer(group.openings);
        for Waiting { admitted, .. } in group.batches {
            let Admitted { batch, numbered, durable, memory } = admitted;
            if let Some(numbered) = numbered {
                self.ledger.accept(batch.len() as u64, batch.byte_len() as u64);
                self.tally.add(&batch);
                numbered.settle();
            }
            if let Some(durable) = durable {
                // A sender that hung up does not wait any more.
                let promise = if self.streams.durable { Durability::Durable } else { Durability::Received };
                let _ = durable.send(Ok(promise));
            }
            self.live.publish(batch);
            drop(memory);
        }
        self.look_after_room();
        self.state.advance();
    }
}

#[cfg(test)]
mod tests;
