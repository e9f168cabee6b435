//! The events of a day file, fast.
//!
//! Nearly all events are *ordinary*: whole, with names for keys, with more than a type, and nothing in them that looks like another
//! event. Over those [`HotReader`] walks in one pass, in a large buffer, without taking memory. Whatever else it meets is for
//! [`Scanner`] to judge, which is handed exactly what it would have known there; where it has come back to ordinary events
//! the fast walk goes on. So both give the same events and the same damage, and a test holds them to it.

mod screen;
mod stand_in;

#[cfg(test)]
mod tests;

use blueox_event::limits::MAX_EVENT_BYTES;
use blueox_event::msgpack::MsgpackError;
use blueox_event::{EncodedEvent, EventError};
use blueox_log::day_log::scan::{Damage, Scanner, Step};
use screen::{holds_another, is_ordinary};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// How much is read at once, in bytes: what a processor's caches hold.
const BUFFER_BYTES: usize = 256 << 10;
/// A buffer that fits a small file is not smaller.
const SMALLEST_BUFFER_BYTES: usize = 16;
/// The same for what is not ordinary.
const SCANNER_BYTES: usize = 64 << 10;
/// After so many bytes of events without damage the fast walk goes on.
const SOUND_BYTES: u64 = 64 << 10;

/// Who is told what a file holds.
pub(crate) trait Hears {
    /// Why it wants no more.
    type Stop;

    /// An event, and where it begins.
    fn event(&mut self, offset: u64, event: &EncodedEvent<'_>) -> Result<(), Self::Stop>;

    /// Bytes that are no event.
    fn damage(&mut self, damage: Damage);

    /// So much more has been passed, in bytes. `false`: that is enough.
    fn passed(&mut self, bytes: u64) -> bool;
}

/// How reading ended.
#[derive(Debug)]
pub(crate) enum Stopped<S> {
    /// Whoever was told wanted no more.
    Told(S),
    /// The file cannot be read, or not any further.
    Failed(io::Error),
}

/// Reads a part of a day file.
#[derive(Debug)]
pub(crate) struct HotReader {
    file: File,
    /// What the snapshot has of the file, in bytes.
    length: u64,
    /// `buffer[at..filled]` are the bytes from `position` on.
    buffer: Vec<u8>,
    at: usize,
    filled: usize,
    position: u64,
    reported: u64,
    /// Whether all up to `length` is in the buffer.
    ended: bool,
    /// Where the event before `position` begins.
    before: Option<u64>,
    /// The length of the shortest event so far; 0: there was none.
    shortest: usize,
    /// After so many bytes of events without damage the fast walk goes on.
    sound_bytes: u64,
}

/// What the bytes at hand are.
enum Next<'b> {
    Event(EncodedEvent<'b>),
    More,
    Odd,
}

impl HotReader {
    /// Opens a file of which `length` bytes are meant, to be read from `begin` on, where an event begins. `buffer` is that of
    /// the file before ([`HotReader::into_buffer`]): room that was used is there already.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(path: &Path, length: u64, begin: u64, mut buffer: Vec<u8>) -> io::Result<Self> {
        let wanted = usize::try_from(length.saturating_sub(begin)).unwrap_or(BUFFER_BYTES);
        if buffer.len() < wanted.clamp(SMALLEST_BUFFER_BYTES, BUFFER_BYTES) {
            buffer.resize(wanted.clamp(SMALLEST_BUFFER_BYTES, BUFFER_BYTES), 0);
        }
        Ok(Self {
            file: File::open(path)?,
            length,
            buffer,
            at: 0,
            filled: 0,
            position: begin,
            reported: begin,
            ended: false,
            before: None,
            shortest: 0,
            sound_bytes: SOUND_BYTES,
        })
    }

    /// Its buffer, for the next file.
    pub(crate) fn into_buffer(mut self) -> Vec<u8> {
        // One that an event has made large is not kept.
        self.buffer.truncate(BUFFER_BYTES);
        self.buffer.shrink_to(BUFFER_BYTES);
        self.buffer
    }

    /// Tells of all events that begin before `until`.
    ///
    /// # Errors
    /// When the file cannot be read, or no more is wanted.
    pub(crate) fn read<H: Hears>(&mut self, until: u64, hears: &mut H) -> Result<(), Stopped<H::Stop>> {
        while self.position < until {
            match Self::next(&self.buffer[self.at..self.filled], self.shortest) {
                Next::Event(event) => {
                    let length = event.bytes().len();
                    hears.event(self.position, &event).map_err(Stopped::Told)?;
                    self.given(self.position, length);
                    self.at += length;
                    self.position += length as u64;
                }
                Next::More if !self.ended => {
                    if !self.pass(hears) {
                        return Ok(());
                    }
                    self.fill().map_err(Stopped::Failed)?;
                }
                Next::More if self.at == self.filled => break,
                Next::More | Next::Odd => {
                    if !self.judge(until, hears)? {
                        break;
                    }
                }
            }
        }
        self.pass(hears);
        Ok(())
    }

    #[inline]
    fn next(bytes: &[u8], shortest: usize) -> Next<'_> {
        let event = match EncodedEvent::read(bytes) {
            Ok(event) => event,
            Err(EventError::Msgpack(MsgpackError::Incomplete)) => return Next::More,
            Err(_) => return Next::Odd,
        };
        // As a scanner does, which looks through events that are longer than the shortest by more than a quarter.
        let is_looked_through = event.bytes().len() > shortest + shortest / 4;
        if !is_ordinary(&event) || (is_looked_through && holds_another(bytes, event.bytes().len())) {
            return Next::Odd;
        }
        Next::Event(event)
    }

    fn given(&mut self, offset: u64, length: usize) {
        self.before = Some(offset);
        if self.shortest == 0 || length < self.shortest {
            self.shortest = length;
        }
    }

    fn pass<H: Hears>(&mut self, hears: &mut H) -> bool {
        let bytes = self.position.saturating_sub(self.reported);
        self.reported = self.reported.max(self.position);
        hears.passed(bytes)
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.at..self.filled, 0);
        self.filled -= self.at;
        self.at = 0;
        if self.filled > self.buffer.len() / 2 {
            // One event fills half of it. None is so long that this goes on.
            self.buffer.resize((self.buffer.len() * 2).min(4 * MAX_EVENT_BYTES), 0);
        }
        let from = self.position + self.filled as u64;
        let left = usize::try_from(self.length.saturating_sub(from)).unwrap_or(usize::MAX);
        let room = (self.buffer.len() - self.filled).min(left);
        let count = read_at(&self.file, &mut self.buffer[self.filled..self.filled + room], from)?;
        self.filled += count;
        // A file that was cut back has no more either.
        self.ended = count == 0;
        Ok(())
    }

    /// Lets a scanner judge what comes, until all is ordinary again. `false`: nothing comes any more.
    #[cold]
    fn judge<H: Hears>(&mut self, until: u64, hears: &mut H) -> Result<bool, Stopped<H::Stop>> {
        let from = self.before.unwrap_or(self.position);
        let known = if self.before.is_some() { stand_in::of(self.shortest) } else { Vec::new() };
        let ahead = known.len() as u64;
        let file = self.file.try_clone().map_err(Stopped::Failed)?;
        let rest = From { file, position: from, end: self.length };
        let mut scanner = Scanner::with_buffer(Cursor::new(known).chain(rest), SCANNER_BYTES);
        let mut begin = self.position;
        let mut sound = 0;
        loop {
            match scanner.step() {
                Step::Event { offset } if offset < ahead || from + offset - ahead < begin => {}
                Step::Event { offset } => {
                    let offset = from + offset - ahead;
                    if offset >= until {
                        return Ok(false);
                    }
                    let event = scanner.event();
                    let length = event.bytes().len();
                    hears.event(offset, &event).map_err(Stopped::Told)?;
                    self.given(offset, length);
                    self.position = offset + length as u64;
                    sound += length as u64;
                    if sound >= self.sound_bytes
                        && is_ordinary(&event)
                        && !holds_another(event.bytes(), length)
                    {
                        (self.at, self.filled, self.ended) = (0, 0, false);
                        return Ok(true);
                    }
                }
                Step::Damage(damage) => {
                    sound = 0;
                    // It may reach back to the event before, and an event that the latter had swallowed begin within.
                    begin = 0;
                    hears.damage(Damage { offset: from + damage.offset - ahead, ..damage });
                }
                Step::End => {
                    self.position = self.length.max(self.position);
                    return Ok(false);
                }
                Step::More => {
                    if !self.pass(hears) {
                        return Ok(false);
                    }
                    if scanner.fill().map_err(Stopped::Failed)? == 0 {
                        scanner.finish();
                    }
                }
            }
        }
    }
}

/// A file from a place on.
struct From {
    file: File,
    position: u64,
    end: u64,
}

impl Read for From {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let room = out.len().min(left);
        let count = self.file.read_at(&mut out[..room], self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

fn read_at(file: &File, out: &mut [u8], at: u64) -> io::Result<usize> {
    loop {
        match file.read_at(out, at) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
