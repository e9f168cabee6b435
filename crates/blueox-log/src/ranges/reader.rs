//! Frames into entries.

use super::encoder::{
    FILE, GAP, GAP_WITH_ORIGIN, HEADER_BYTES, LOST, MAGIC, MAX_PAYLOAD_BYTES, NODE, STORED,
    STORED_WITH_ORIGIN, STREAM,
};
use super::entry::{Batch, Entry, FileNumber, Missing, MissingReason, Part, RangedFile, Stored};
use super::varint::{take, take_difference};
use crate::disk::FileIdentity;
use crate::spool::{GapReason, StreamId};
use blueox_event::wire::native::{NodeId, Origin, Seq, SeqRange};
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

const READ_BYTES: usize = 256 << 10;
/// The longest path that is believed.
const MAX_PATH_BYTES: usize = 4096;

/// What a reader meets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangesItem {
    /// An entry.
    Entry(Entry),
    /// Bytes that cannot be read, with frames behind them.
    Damage(RangesDamage),
}

/// Bytes that cannot be read: nobody knows which batches they were about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RangesDamage {
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
}

/// What is left when a reader has come to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// Nothing.
    Nothing,
    /// A frame that was torn, or is being written.
    Torn(RangesDamage),
    /// Bytes that are no frame.
    Damaged(RangesDamage),
}

/// Reads a file of ranges, one that grows too: behind the end it may be asked again.
#[derive(Debug)]
pub struct RangesReader<R> {
    source: R,
    buffer: Vec<u8>,
    start: usize,
    /// Of `buffer[start]` in the source.
    offset: u64,
    /// From here on nothing could be read.
    bad_since: Option<u64>,
    /// What refers to names from before cannot be read: those names were lost.
    nameless: bool,
    tables: Tables,
    files: Vec<RangedFile>,
    ready: VecDeque<Entry>,
}

/// What the frames since the last NODE have named.
#[derive(Debug, Default)]
struct Tables {
    node: Option<NodeId>,
    /// The daemon's own number that is expected next.
    own: u64,
    /// With the number that is expected next.
    streams: Vec<(StreamId, u64)>,
    /// With the offset that is expected next.
    files: Vec<(FileNumber, u64)>,
}

enum Look {
    /// A whole frame of so many bytes.
    Frame(usize),
    NoFrame,
    /// More bytes are needed to know.
    More,
}

impl<R: Read> RangesReader<R> {
    /// A reader at the first byte of `source`.
    pub fn new(source: R) -> Self {
        Self {
            source,
            buffer: Vec::new(),
            start: 0,
            offset: 0,
            bad_since: None,
            nameless: true,
            tables: Tables::default(),
            files: Vec::new(),
            ready: VecDeque::new(),
        }
    }

    /// The files of all parts so far, by their numbers.
    #[must_use]
    pub fn files(&self) -> &[RangedFile] {
        &self.files
    }

    /// One of the files.
    ///
    /// # Panics
    /// When the number is another reader's.
    #[must_use]
    pub fn file(&self, number: FileNumber) -> &RangedFile {
        &self.files[number.0 as usize]
    }

    /// How far it has got.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What is behind the last entry, when [`RangesReader::read`] has given `None`.
    #[must_use]
    pub fn unread(&self) -> Unread {
        let end = self.offset + (self.buffer.len() - self.start) as u64;
        let at = |offset| RangesDamage { offset, length: end - offset };
        match self.bad_since {
            Some(offset) => Unread::Damaged(at(offset)),
            None if end == self.offset => Unread::Nothing,
            None => Unread::Torn(at(self.offset)),
        }
    }

    /// The next entry or damage; `None` at the end, for now.
    ///
    /// # Errors
    /// Those of the source.
    pub fn read(&mut self) -> io::Result<Option<RangesItem>> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(RangesItem::Entry(entry)));
            }
            match look(&self.buffer[self.start..]) {
                Look::Frame(length) => {
                    if let Some(damage) = self.take_frame(length) {
                        return Ok(Some(RangesItem::Damage(damage)));
                    }
                }
                Look::NoFrame => {
                    self.bad_since.get_or_insert(self.offset);
                    self.nameless = true;
                    self.skip();
                }
                Look::More => {
                    if self.fill()? == 0 {
                        let rest = self.buffer.len() - self.start;
                        // A frame that is said to go beyond the end: torn, unless others stand behind its header.
                        if rest > HEADER_BYTES && holds_frame(&self.buffer[self.start + 1..]) {
                            self.bad_since.get_or_insert(self.offset);
                            self.nameless = true;
                            self.skip();
                            continue;
                        }
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// To the next place where a frame may begin.
    fn skip(&mut self) {
        let rest = &self.buffer[self.start + 1..];
        let next =
            (0..rest.len()).find(|at| MAGIC.starts_with(&rest[*at..rest.len().min(*at + MAGIC.len())]));
        self.advance(1 + next.unwrap_or(rest.len()));
    }

    fn advance(&mut self, count: usize) {
        self.start += count;
        self.offset += count as u64;
    }

    fn fill(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let end = self.buffer.len();
        self.buffer.resize(end + READ_BYTES, 0);
        let read = loop {
            match self.source.read(&mut self.buffer[end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.buffer.truncate(end + *read.as_ref().unwrap_or(&0));
        read
    }

    /// Takes a sound frame; gives the damage before it, when that is known to end here.
    fn take_frame(&mut self, length: usize) -> Option<RangesDamage> {
        let frame = self.buffer[self.start + HEADER_BYTES..self.start + length].to_vec();
        let names_all = frame.first() == Some(&NODE);
        if self.nameless && !names_all {
            self.bad_since.get_or_insert(self.offset);
            self.advance(length);
            return None;
        }
        if let Some(offset) = self.bad_since.take() {
            return Some(RangesDamage { offset, length: self.offset - offset });
        }
        self.nameless = false;
        let mut entries = VecDeque::new();
        let mut rest = &frame[..];
        while !rest.is_empty() {
            if self.tables.take_op(&mut rest, &mut self.files, &mut entries).is_none() {
                // Its checksum is right: a newer BlueOx wrote it. What it names is not known.
                (self.nameless, self.bad_since) = (true, Some(self.offset));
                break;
            }
        }
        self.ready = entries;
        self.advance(length);
        None
    }
}

fn look(bytes: &[u8]) -> Look {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        return if MAGIC.starts_with(&bytes[..bytes.len().min(4)]) { Look::More } else { Look::NoFrame };
    };
    let number = |at: usize| u32::from_le_bytes(header[at..at + 4].try_into().expect("BUG: 4 bytes"));
    let length = number(8) as usize;
    if header[..4] != MAGIC || length > MAX_PAYLOAD_BYTES {
        return Look::NoFrame;
    }
    match bytes.get(8..HEADER_BYTES + length) {
        None => Look::More,
        Some(checked) if crc32c::crc32c(checked) == number(4) => Look::Frame(HEADER_BYTES + length),
        Some(_) => Look::NoFrame,
    }
}

fn holds_frame(bytes: &[u8]) -> bool {
    (0..bytes.len().saturating_sub(HEADER_BYTES))
        .any(|at| bytes[at..].starts_with(&MAGIC) && matches!(look(&bytes[at..]), Look::Frame(_)))
}

impl Tables {
    /// Takes one definition or entry; `None` if it is none.
    fn take_op(
        &mut self,
        bytes: &mut &[u8],
        known: &mut Vec<RangedFile>,
        entries: &mut VecDeque<Entry>,
    ) -> Option<()> {
        let (op, rest) = bytes.split_first()?;
        *bytes = rest;
        match *op {
            NODE => *self = Self { node: Some(NodeId(take_id(bytes)?)), ..Self::default() },
            STREAM => self.streams.push((StreamId(take_id(bytes)?), 0)),
            FILE => {
                let identity = FileIdentity::from_parts(take(bytes)?, take(bytes)?);
                let length = usize::try_from(take(bytes)?).ok().filter(|length| *length <= MAX_PATH_BYTES)?;
                let (path, rest) = bytes.split_at_checked(length)?;
                *bytes = rest;
                self.files.push((intern(known, Path::new(OsStr::from_bytes(path)), identity), 0));
            }
            STORED | STORED_WITH_ORIGIN => {
                let entry = self.take_stored(bytes, *op == STORED_WITH_ORIGIN)?;
                entries.push_back(entry);
            }
            GAP | GAP_WITH_ORIGIN | LOST => {
                let missing = self.take_missing(bytes, *op)?;
                entries.push_back(Entry::Missing(self.node?, missing));
            }
            _ => return None,
        }
        Some(())
    }

    fn take_stored(&mut self, bytes: &mut &[u8], has_origin: bool) -> Option<Entry> {
        let (stream, numbers) = self.take_numbers(bytes, |_| Some(0))?;
        let own = self.take_own(bytes)?;
        let events = u32::try_from(take(bytes)?).ok()?;
        let origin = if has_origin { Some(self.take_origin(bytes)?) } else { None };
        let count = take(bytes)?;
        let mut parts = Vec::new();
        for _ in 0..count {
            let index = usize::try_from(take(bytes)?).ok()?;
            let (file, expected) = self.files.get_mut(index)?;
            let offset = take_difference(bytes, *expected)?;
            let (length, events) = (take(bytes)?, take(bytes)?);
            *expected = offset.checked_add(length)?;
            parts.push(Part { file: *file, offset, bytes: length, events });
        }
        let batch = Batch { stream, seq: numbers.first(), own, events, origin };
        Some(Entry::Stored(Stored { node: self.node?, batch, parts }))
    }

    fn take_missing(&mut self, bytes: &mut &[u8], op: u8) -> Option<Missing> {
        let (stream, numbers) = self.take_numbers(bytes, take)?;
        let (events, why) = (take(bytes)?, take(bytes)?);
        let (mut own, mut origin) = (numbers, None);
        let reason = match (op, why) {
            (LOST, why) => {
                self.own = numbers.last().get().wrapping_add(1);
                if why == 1 { MissingReason::Damaged } else { MissingReason::Deleted }
            }
            (_, why) => {
                let number = self.take_own(bytes)?;
                own = SeqRange::new(number, number)?;
                MissingReason::Gap(GapReason(u32::try_from(why).ok()?))
            }
        };
        if op == GAP_WITH_ORIGIN {
            origin = Some(self.take_origin(bytes)?);
        }
        Some(Missing { stream, numbers, events, reason, own, origin })
    }

    fn take_own(&mut self, bytes: &mut &[u8]) -> Option<Seq> {
        let own = take_difference(bytes, self.own)?;
        self.own = own.wrapping_add(1);
        Some(Seq::new(own))
    }

    fn take_origin(&mut self, bytes: &mut &[u8]) -> Option<Origin> {
        let (stream, numbers) = self.take_numbers(bytes, take)?;
        Some(Origin { stream, numbers, count: u32::try_from(take(bytes)?).ok()? })
    }

    /// A stream, the first of some numbers, and how many more there are.
    fn take_numbers(
        &mut self,
        bytes: &mut &[u8],
        more: impl FnOnce(&mut &[u8]) -> Option<u64>,
    ) -> Option<(StreamId, SeqRange)> {
        let index = usize::try_from(take(bytes)?).ok()?;
        let (stream, expected) = self.streams.get_mut(index)?;
        let first = take_difference(bytes, *expected)?;
        let last = first.checked_add(more(bytes)?)?;
        *expected = last.wrapping_add(1);
        Some((*stream, SeqRange::new(Seq::new(first), Seq::new(last))?))
    }
}

fn take_id(bytes: &mut &[u8]) -> Option<u128> {
    let (id, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u128::from_le_bytes(*id))
}

fn intern(known: &mut Vec<RangedFile>, path: &Path, identity: FileIdentity) -> FileNumber {
    let at = known.iter().rposition(|file| file.identity == identity && file.path == path);
    let at = at.unwrap_or_else(|| {
        known.push(RangedFile { path: PathBuf::from(path), identity });
        known.len() - 1
    });
    FileNumber(u32::try_from(at).expect("BUG: a day has fewer files"))
}
