//! What the log says at its end: marks, cursors, open files, counts. Writing and recovery apply the same frames
//! to it, so they cannot disagree.

use super::fields::{BadPayload, Fields};
use super::frame::{FrameType, Header};
use super::marks::{Mark, Marks};
use super::position::Place;
use super::record::{
    CursorName, FileId, OpenFile, file_name_bytes, put_cursor, put_file, take_cursor, take_file,
};
use super::stream::{Producer, Seq, Session, Source, StreamId, Timestamp};
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) own_stream: StreamId,
    /// The own numbers up to this one were all given in an earlier stream.
    pub(crate) own_base: Seq,
    pub(crate) marks: Marks,
    pub(crate) cursors: BTreeMap<CursorName, Place>,
    pub(crate) files: BTreeMap<FileId, OpenFile>,
    pub(crate) tail: Place,
    /// The receive time of the last frame; no later one is lower.
    pub(crate) received: Timestamp,
    /// How to take back what was applied since the last `settle`, newest last.
    undo: Vec<Undo>,
    settled: (Place, Timestamp),
}

#[derive(Debug, Clone)]
enum Undo {
    Mark(StreamId, Option<Mark>),
    Cursor(CursorName, Option<Place>),
    File(FileId, Option<OpenFile>),
}

impl State {
    pub(crate) fn new(own_stream: StreamId) -> Self {
        Self {
            own_stream,
            own_base: Seq::NONE,
            marks: Marks::new(),
            cursors: BTreeMap::new(),
            files: BTreeMap::new(),
            tail: Place::START,
            received: Timestamp(0),
            undo: Vec::new(),
            settled: (Place::START, Timestamp(0)),
        }
    }

    /// What was applied is durable.
    pub(crate) fn settle(&mut self) {
        self.undo.clear();
        self.settled = (self.tail, self.received);
    }

    /// Takes back what was applied since the last `settle`.
    pub(crate) fn roll_back(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Mark(key, Some(value)) => drop(self.marks.insert(key, value)),
                Undo::Mark(key, None) => drop(self.marks.remove(&key)),
                Undo::Cursor(key, Some(value)) => drop(self.cursors.insert(key, value)),
                Undo::Cursor(key, None) => drop(self.cursors.remove(&key)),
                Undo::File(key, Some(value)) => drop(self.files.insert(key, value)),
                Undo::File(key, None) => drop(self.files.remove(&key)),
            }
        }
        (self.tail, self.received) = self.settled;
    }

    pub(crate) fn apply(&mut self, header: &Header, payload: &[u8]) -> Result<(), BadPayload> {
        let mut fields = Fields(payload);
        match header.frame_type {
            FrameType::Checkpoint => self.take_checkpoint(&mut fields)?,
            FrameType::Data | FrameType::Gap => {
                if let Some(source) = header.source {
                    self.raise_mark(source, header.received);
                }
            }
            FrameType::Mark => {
                let gone = fields.flag()?;
                match header.source {
                    Some(source) if gone => self.set_mark(source.stream, None),
                    Some(source) => self.raise_mark(source, header.received),
                    None => return Err(BadPayload),
                }
            }
            FrameType::Cursor => {
                let gone = fields.flag()?;
                let (name, place) = take_cursor(&mut fields)?;
                self.set_cursor(name, (!gone).then_some(place));
            }
            FrameType::File => {
                let (file, open) = take_file(&mut fields)?;
                self.set_file(file, Some(open));
            }
            FrameType::Materialised => self.take_materialised(&mut fields)?,
            FrameType::Filler => {}
        }
        self.tail = header.next();
        self.received = self.received.max(header.received);
        Ok(())
    }

    fn raise_mark(&mut self, source: Source, seen: Timestamp) {
        let old = self.marks.get(&source.stream);
        let mark = Mark {
            high: old.map_or(source.seq, |mark| mark.high.max(source.seq)),
            session: old.map_or(source.session, |mark| mark.session.max(source.session)),
            seen,
            producer: source.producer,
        };
        self.set_mark(source.stream, Some(mark));
    }

    fn set_mark(&mut self, stream: StreamId, mark: Option<Mark>) {
        let old = match mark {
            Some(mark) => self.marks.insert(stream, mark),
            None => self.marks.remove(&stream),
        };
        self.undo.push(Undo::Mark(stream, old));
    }

    fn set_cursor(&mut self, name: CursorName, place: Option<Place>) {
        let old = match place {
            Some(place) => self.cursors.insert(name.clone(), place),
            None => self.cursors.remove(&name),
        };
        self.undo.push(Undo::Cursor(name, old));
    }

    fn set_file(&mut self, file: FileId, open: Option<OpenFile>) {
        let old = match open {
            Some(open) => self.files.insert(file, open),
            None => self.files.remove(&file),
        };
        self.undo.push(Undo::File(file, old));
    }

    fn take_materialised(&mut self, fields: &mut Fields<'_>) -> Result<(), BadPayload> {
        let (name, place) = take_cursor(fields)?;
        self.set_cursor(name, Some(place));
        for _ in 0..fields.u32()? {
            let (file, length, closed) = (FileId(fields.u64()?), fields.u64()?, fields.flag()?);
            // A file that damage made us forget cannot be restored to a length; its reader is told of the damage.
            if let Some(open) = self.files.get(&file).cloned() {
                self.set_file(file, (!closed).then_some(OpenFile { length, ..open }));
            }
        }
        Ok(())
    }

    /// How long the payload of a checkpoint is now.
    pub(crate) fn checkpoint_bytes(&self) -> usize {
        let cursors: usize = self.cursors.keys().map(|name| 24 + 2 + name.as_str().len()).sum();
        let files: usize = self.files.values().map(|open| file_name_bytes(&open.path)).sum();
        let base = if self.own_base > Seq::NONE { 8 } else { 0 };
        16 + 12 + 41 * self.marks.len() + cursors + files + base
    }

    pub(crate) fn put_checkpoint(&self, to: &mut Vec<u8>) {
        let count = |length: usize| u32::try_from(length).expect("BUG: tables are limited").to_le_bytes();
        to.extend_from_slice(&self.own_stream.0.to_le_bytes());
        to.extend_from_slice(&count(self.marks.len()));
        for (stream, mark) in &self.marks {
            to.extend_from_slice(&stream.0.to_le_bytes());
            for field in [mark.high.get(), mark.session.0, mark.seen.0] {
                to.extend_from_slice(&field.to_le_bytes());
            }
            to.push(u8::from(mark.producer == Producer::Daemon));
        }
        to.extend_from_slice(&count(self.cursors.len()));
        for (name, place) in &self.cursors {
            put_cursor(to, name, *place);
        }
        to.extend_from_slice(&count(self.files.len()));
        for (file, open) in &self.files {
            put_file(to, *file, open);
        }
        if self.own_base > Seq::NONE {
            to.extend_from_slice(&self.own_base.get().to_le_bytes());
        }
    }

    /// A checkpoint says all there is; only damage before it makes a difference.
    fn take_checkpoint(&mut self, fields: &mut Fields<'_>) -> Result<(), BadPayload> {
        let own_stream = StreamId(fields.u128()?);
        let (mut marks, mut cursors, mut files) = (Marks::new(), BTreeMap::new(), BTreeMap::new());
        for _ in 0..fields.u32()? {
            let stream = StreamId(fields.u128()?);
            let (high, session) = (Seq::new(fields.u64()?), Session(fields.u64()?));
            let seen = Timestamp(fields.u64()?);
            let producer = if fields.flag()? { Producer::Daemon } else { Producer::Application };
            marks.insert(stream, Mark { high, session, seen, producer });
        }
        for _ in 0..fields.u32()? {
            let (name, place) = take_cursor(fields)?;
            cursors.insert(name, place);
        }
        for _ in 0..fields.u32()? {
            let (file, open) = take_file(fields)?;
            files.insert(file, open);
        }
        let own_base = if fields.0.is_empty() { Seq::NONE } else { Seq::new(fields.u64()?) };
        (self.own_stream, self.own_base) = (own_stream, own_base);
        (self.marks, self.cursors, self.files) = (marks, cursors, files);
        Ok(())
    }
}
