//! Reading frames from a segment's file through a bounded window of memory.

use super::frame::{FRAME_ALIGN, HEADER_BYTES, Header, HeaderFault};
use super::position::Position;
use super::segment::SegmentNumber;
use crate::disk::{PositionalFile, is_unreadable};
use std::io;
use std::ops::Range;

/// What a medium cannot give back it cannot give back in pieces of this size.
const SECTOR: u64 = 512;

/// What stands at a place of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// A sound frame; its payload is in the window.
    Frame(Header),
    /// A sound header whose payload is not: the next frame can be found all the same.
    BadPayload(Header),
    /// Nothing that could be a frame.
    Nothing(HeaderFault),
}

/// One segment's file, read in order.
#[derive(Debug)]
pub(crate) struct Scan<F> {
    pub(crate) file: F,
    pub(crate) number: SegmentNumber,
    /// Known from the outside, or from the first sound header.
    pub(crate) base: Option<Position>,
    window: Window,
}

impl<F: PositionalFile> Scan<F> {
    pub(crate) fn new(file: F, number: SegmentNumber, base: Option<Position>, window_bytes: usize) -> Self {
        let window = Window { bytes: Vec::new(), start: 0, least: window_bytes, around: None };
        Self { file, number, base, window }
    }

    /// From now on sectors that cannot be read are zeros, and are noted.
    pub(crate) fn read_around(&mut self) {
        self.window.around = Some(Vec::new());
    }

    /// Sectors that could not be read so far, in the order in which they were met.
    pub(crate) fn unreadable(&self) -> &[Range<u64>] {
        self.window.around.as_deref().unwrap_or_default()
    }

    /// As much as there is at `offset`.
    pub(crate) fn bytes(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let bytes = self.window.get(&self.file, offset, length, offset + length as u64)?;
        Ok(&bytes[..bytes.len().min(length)])
    }

    /// What stands at `offset`; nothing at or above `until` is looked at.
    pub(crate) fn at(&mut self, offset: u64, until: u64) -> io::Result<Found> {
        let header = match self.header(offset, until)? {
            Ok(header) => header,
            Err(fault) => return Ok(Found::Nothing(fault)),
        };
        let length = header.frame_length as usize;
        let bytes = self.window.get(&self.file, offset, length, until)?;
        let end = HEADER_BYTES + header.payload_length as usize;
        // The padding must be there too, or the file was cut.
        let sound = bytes.len() >= length && crc32c::crc32c(&bytes[HEADER_BYTES..end]) == header.payload_crc;
        self.base = Some(Position::new(header.place.position.get() - offset));
        Ok(if sound { Found::Frame(header) } else { Found::BadPayload(header) })
    }

    fn header(&mut self, offset: u64, until: u64) -> io::Result<Result<Header, HeaderFault>> {
        let bytes = self.window.get(&self.file, offset, HEADER_BYTES, until)?;
        let Some(bytes) = bytes.first_chunk::<HEADER_BYTES>() else { return Ok(Err(HeaderFault::Magic)) };
        Ok(Header::decode(bytes, self.number, self.base, offset))
    }

    /// The payload of the frame that `at` has just found.
    pub(crate) fn payload(&self, offset: u64, header: &Header) -> &[u8] {
        let start = usize::try_from(offset - self.window.start).expect("BUG: the frame is in the window");
        &self.window.bytes[start + HEADER_BYTES..][..header.payload_length as usize]
    }

    /// The first sound header at or behind `from`, wherever a frame may begin.
    pub(crate) fn search(&mut self, from: u64, until: u64) -> io::Result<Option<u64>> {
        let mut offset = from.next_multiple_of(FRAME_ALIGN as u64);
        loop {
            let bytes = self.window.get(&self.file, offset, HEADER_BYTES, until)?;
            if bytes.len() < HEADER_BYTES {
                return Ok(None);
            }
            let candidates = (0..=bytes.len() - HEADER_BYTES).step_by(FRAME_ALIGN);
            let mut next = offset;
            for at in candidates {
                next = offset + at as u64;
                let header = bytes[at..].first_chunk().expect("BUG: candidates leave room for a header");
                match Header::decode(header, self.number, self.base, next) {
                    Ok(_) | Err(HeaderFault::Unknown { .. }) => return Ok(Some(next)),
                    Err(_) => {}
                }
            }
            offset = next + FRAME_ALIGN as u64;
        }
    }

    /// Forgets what was read: the file has changed.
    pub(crate) fn forget(&mut self) {
        self.window.bytes.clear();
    }
}

/// A part of a file in memory.
#[derive(Debug)]
struct Window {
    bytes: Vec<u8>,
    start: u64,
    least: usize,
    /// Where sectors could not be read, if they are read around.
    around: Option<Vec<Range<u64>>>,
}

impl Window {
    /// All that is in memory from `offset` on, at least `length` bytes unless `until` or the file's end is
    /// before that.
    fn get<F: PositionalFile>(
        &mut self,
        file: &F,
        offset: u64,
        length: usize,
        until: u64,
    ) -> io::Result<&[u8]> {
        let end = self.start + self.bytes.len() as u64;
        let wanted = until.saturating_sub(offset).min(length as u64);
        if offset < self.start || offset + wanted > end {
            let room = until.saturating_sub(offset).min(length.max(self.least) as u64);
            let room = usize::try_from(room).expect("BUG: bounded by the window");
            // One long frame does not keep its memory for ever.
            if self.bytes.capacity() > 4 * room.max(self.least) {
                self.bytes = Vec::new();
            }
            self.bytes.resize(room, 0);
            self.start = offset;
            let mut read = file.read_from(offset, &mut self.bytes);
            if let (Err(error), Some(unreadable)) = (&read, &mut self.around)
                && is_unreadable(error)
            {
                read = read_around(file, offset, &mut self.bytes, unreadable);
            }
            self.bytes.truncate(*read.as_ref().unwrap_or(&0));
            read?;
        }
        let visible = usize::try_from(until.saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = &self.bytes[usize::try_from(offset - self.start).expect("BUG: within the window")..];
        Ok(&bytes[..bytes.len().min(visible)])
    }
}

/// Reads sector by sector; those that cannot be read are zeros.
fn read_around<F: PositionalFile>(
    file: &F,
    offset: u64,
    buffer: &mut [u8],
    unreadable: &mut Vec<Range<u64>>,
) -> io::Result<usize> {
    let length = file.length()?.saturating_sub(offset).min(buffer.len() as u64);
    let end = offset + length;
    let mut at = offset;
    while at < end {
        let next = (at + 1).next_multiple_of(SECTOR).min(end);
        let within = |at: u64| usize::try_from(at - offset).expect("BUG: within the buffer");
        let sector = &mut buffer[within(at)..within(next)];
        match file.read_from(at, sector) {
            Ok(_) => {}
            Err(error) if is_unreadable(&error) => {
                sector.fill(0);
                match unreadable.last_mut() {
                    Some(last) if last.contains(&at) => {}
                    Some(last) if last.end == at => last.end = next,
                    _ => unreadable.push(at..next),
                }
            }
            Err(error) => return Err(error),
        }
        at = next;
    }
    Ok(usize::try_from(length).expect("BUG: at most the buffer"))
}
