//! The frames that the next commit will write.

use super::frame::{COMMIT_ALIGN, FrameType, HEADER_BYTES, Header, frame_bytes};
use super::position::{Place, Position};
use super::segment::SegmentNumber;
use super::stream::{Source, Timestamp};

/// Frames that stand one behind the other, not yet written.
#[derive(Debug, Default)]
pub(crate) struct Group {
    bytes: Vec<u8>,
    last: Option<(usize, Header)>,
}

/// What a new frame holds.
pub(crate) struct NewFrame<'a> {
    pub(crate) frame_type: FrameType,
    pub(crate) place: Place,
    pub(crate) durable: Position,
    pub(crate) received: Timestamp,
    pub(crate) source: Option<Source>,
    pub(crate) count: u32,
    pub(crate) origin_length: u32,
    pub(crate) put_payload: &'a dyn Fn(&mut Vec<u8>),
}

impl Group {
    pub(crate) fn is_empty(&self) -> bool {
        self.last.is_none()
    }

    pub(crate) fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Adds a frame; gives its header and its payload.
    pub(crate) fn push(&mut self, segment: SegmentNumber, new: &NewFrame<'_>) -> (Header, &[u8]) {
        let start = self.bytes.len();
        self.bytes.resize(start + HEADER_BYTES, 0);
        (new.put_payload)(&mut self.bytes);
        let payload = self.bytes.len() - start - HEADER_BYTES;
        let frame_length = frame_bytes(payload);
        let header = Header {
            frame_type: new.frame_type,
            frame_length: u32::try_from(frame_length).expect("BUG: payloads are limited"),
            payload_length: u32::try_from(payload).expect("BUG: payloads are limited"),
            payload_crc: crc32c::crc32c(&self.bytes[start + HEADER_BYTES..]),
            place: new.place,
            durable: new.durable,
            received: new.received,
            source: new.source,
            count: new.count,
            origin_length: new.origin_length,
        };
        self.bytes.resize(start + frame_length, 0);
        self.bytes[start..start + HEADER_BYTES].copy_from_slice(&header.encode(segment));
        self.last = Some((start, header));
        (header, &self.bytes[start + HEADER_BYTES..][..payload])
    }

    /// Lengthens the last frame to the end of a sector; gives how many bytes of frames there are now. Zeros
    /// follow to the end of the page, or of the file, so that the kernel need not read the rest of a page first.
    pub(crate) fn close(
        &mut self,
        segment: SegmentNumber,
        offset: u64,
        file_length: u64,
        page_bytes: u64,
    ) -> u64 {
        let (start, mut header) = self.last.expect("BUG: an empty group is not closed");
        let end =
            (offset + self.len()).next_multiple_of(COMMIT_ALIGN).min(file_length.max(offset + self.len()));
        let frames = usize::try_from(end - offset).expect("BUG: a group is limited");
        header.frame_length = u32::try_from(frames - start).expect("BUG: a frame is limited");
        self.bytes[start..start + HEADER_BYTES].copy_from_slice(&header.encode(segment));
        self.last = Some((start, header));
        let page_end = end.next_multiple_of(page_bytes).min(file_length).max(end);
        self.bytes.resize(usize::try_from(page_end - offset).expect("BUG: a group is limited"), 0);
        frames as u64
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        // A burst's memory is given back; what a usual commit needs is kept.
        if self.bytes.capacity() > 8 << 20 {
            self.bytes = Vec::new();
        }
        self.bytes.clear();
        self.last = None;
    }
}
