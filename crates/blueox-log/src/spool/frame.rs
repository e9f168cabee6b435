//! One frame: a header with a checksum of its own, a payload, padding. FORMAT.md draws it.

use super::limits::MAX_PAYLOAD_BYTES;
use super::position::{Place, Position};
use super::segment::SegmentNumber;
use super::stream::{Producer, Seq, Session, Source, StreamId, Timestamp};

/// The length of a header, in bytes.
pub(crate) const HEADER_BYTES: usize = 104;

/// Frames begin at multiples of this.
pub(crate) const FRAME_ALIGN: usize = 8;

/// Commits begin at multiples of this, so that none writes into a sector that holds durable bytes.
pub(crate) const COMMIT_ALIGN: u64 = 512;

const MAGIC: [u8; 4] = *b"OXW\x01";
const VERSION: u8 = 1;
const HAS_SOURCE: u16 = 1;
const FROM_DAEMON: u16 = 2;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameType {
    /// All marks, cursors and open files.
    Checkpoint = 1,
    /// A batch of events.
    Data = 2,
    /// Numbers of a stream whose events are lost.
    Gap = 3,
    /// How far a reader has durably got.
    Cursor = 4,
    /// A file that a reader is about to append to.
    File = 5,
    /// How far a reader's files have durably got.
    Materialised = 6,
    /// A mark without data.
    Mark = 7,
    /// Nothing; it fills a sector, or with a payload a place that was damaged.
    Filler = 8,
}

impl FrameType {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Checkpoint,
            2 => Self::Data,
            3 => Self::Gap,
            4 => Self::Cursor,
            5 => Self::File,
            6 => Self::Materialised,
            7 => Self::Mark,
            8 => Self::Filler,
            _ => return None,
        })
    }

    /// Whether it takes a number of the daemon's own stream.
    #[must_use]
    pub fn is_numbered(self) -> bool {
        matches!(self, Self::Data | Self::Gap)
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// What the frame holds.
    pub frame_type: FrameType,
    /// Header, payload and padding, in bytes.
    pub frame_length: u32,
    /// The payload, in bytes.
    pub payload_length: u32,
    /// CRC32C of the payload.
    pub payload_crc: u32,
    /// Where it stands, its own number (or the next one), and the events before it.
    pub place: Place,
    /// Everything below was durable when it was written.
    pub durable: Position,
    /// When its content was received; never lower than in an earlier frame.
    pub received: Timestamp,
    /// The producer's stream and number.
    pub source: Option<Source>,
    /// How many events it holds.
    pub count: u32,
    /// How many bytes at the payload's beginning are origin.
    pub origin_length: u32,
}

/// Why bytes are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderFault {
    /// Not even the first bytes fit.
    #[error("no frame")]
    Magic,
    /// The checksum does not fit: damaged, torn, or of another segment.
    #[error("header checksum {found:08x} instead of {expected:08x}")]
    Checksum {
        /// What the bytes have.
        expected: u32,
        /// What they claim.
        found: u32,
    },
    /// A sound header of a version or type that this program does not know.
    #[error("version {version}, type {frame_type}")]
    Unknown {
        /// Its version.
        version: u8,
        /// Its type.
        frame_type: u8,
    },
    /// A sound header with impossible lengths or at another place than it says.
    #[error("a header that does not fit its place")]
    Misplaced,
}

impl Header {
    /// The place behind the frame.
    pub(crate) fn next(&self) -> Place {
        Place {
            position: self.place.position.after(u64::from(self.frame_length)),
            own_seq: if self.frame_type.is_numbered() {
                self.place.own_seq.next()
            } else {
                self.place.own_seq
            },
            events: self.place.events + self.events(),
        }
    }

    /// A FILLER with a payload: repair put it where damage was.
    pub(crate) fn is_mend(&self) -> bool {
        self.frame_type == FrameType::Filler && self.payload_length > 0
    }

    /// How many events it adds to the log.
    pub(crate) fn events(&self) -> u64 {
        if self.frame_type == FrameType::Data { u64::from(self.count) } else { 0 }
    }

    pub(crate) fn encode(&self, segment: SegmentNumber) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let (mut flags, mut stream, mut seq, mut session) = (0, 0, 0, 0);
        if let Some(source) = &self.source {
            flags = HAS_SOURCE | if source.producer == Producer::Daemon { FROM_DAEMON } else { 0 };
            (stream, seq, session) = (source.stream.0, source.seq.get(), source.session.0);
        }
        bytes[0..4].copy_from_slice(&MAGIC);
        bytes[8] = VERSION;
        bytes[9] = self.frame_type as u8;
        bytes[10..12].copy_from_slice(&u16::to_le_bytes(flags));
        bytes[12..16].copy_from_slice(&self.frame_length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.payload_length.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.payload_crc.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.place.position.get().to_le_bytes());
        bytes[32..40].copy_from_slice(&self.durable.get().to_le_bytes());
        bytes[40..48].copy_from_slice(&self.received.0.to_le_bytes());
        bytes[48..56].copy_from_slice(&self.place.own_seq.get().to_le_bytes());
        bytes[56..64].copy_from_slice(&self.place.events.to_le_bytes());
        bytes[64..80].copy_from_slice(&u128::to_le_bytes(stream));
        bytes[80..88].copy_from_slice(&u64::to_le_bytes(seq));
        bytes[88..96].copy_from_slice(&u64::to_le_bytes(session));
        bytes[96..100].copy_from_slice(&self.count.to_le_bytes());
        bytes[100..104].copy_from_slice(&self.origin_length.to_le_bytes());
        let checksum = header_checksum(segment, &bytes);
        bytes[4..8].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the header that stands at byte `offset` of a segment whose base, if known, is `base`.
    pub(crate) fn decode(
        bytes: &[u8; HEADER_BYTES],
        segment: SegmentNumber,
        base: Option<Position>,
        offset: u64,
    ) -> Result<Self, HeaderFault> {
        if bytes[0..4] != MAGIC {
            return Err(HeaderFault::Magic);
        }
        let (expected, found) = (header_checksum(segment, bytes), u32_at(bytes, 4));
        if expected != found {
            return Err(HeaderFault::Checksum { expected, found });
        }
        let unknown = HeaderFault::Unknown { version: bytes[8], frame_type: bytes[9] };
        let frame_type = FrameType::of(bytes[9]).filter(|_| bytes[8] == VERSION).ok_or(unknown)?;
        let flags = u16::from_le_bytes([bytes[10], bytes[11]]);
        let source = (flags & HAS_SOURCE != 0).then(|| Source {
            stream: StreamId(u128::from_le_bytes(bytes[64..80].try_into().expect("BUG: 16 bytes"))),
            seq: Seq::new(u64_at(bytes, 80)),
            session: Session(u64_at(bytes, 88)),
            producer: if flags & FROM_DAEMON != 0 { Producer::Daemon } else { Producer::Application },
        });
        let header = Self {
            frame_type,
            frame_length: u32_at(bytes, 12),
            payload_length: u32_at(bytes, 16),
            payload_crc: u32_at(bytes, 20),
            place: Place {
                position: Position::new(u64_at(bytes, 24)),
                own_seq: Seq::new(u64_at(bytes, 48)),
                events: u64_at(bytes, 56),
            },
            durable: Position::new(u64_at(bytes, 32)),
            received: Timestamp(u64_at(bytes, 40)),
            source,
            count: u32_at(bytes, 96),
            origin_length: u32_at(bytes, 100),
        };
        if header.fits(base, offset) { Ok(header) } else { Err(HeaderFault::Misplaced) }
    }

    fn fits(&self, base: Option<Position>, offset: u64) -> bool {
        let position = self.place.position;
        self.payload_length as usize <= MAX_PAYLOAD_BYTES
            && self.origin_length <= self.payload_length
            && self.frame_length as usize >= HEADER_BYTES + self.payload_length as usize
            && (self.frame_length as usize).is_multiple_of(FRAME_ALIGN)
            && self.frame_length as usize <= HEADER_BYTES + self.payload_length as usize + 1024
            && position.get() >= offset
            && base.is_none_or(|base| position.since(base) == offset && position >= base)
            && self.durable <= position
    }
}

/// Header and payload, rounded up to where the next frame may begin.
pub(crate) fn frame_bytes(payload: usize) -> usize {
    (HEADER_BYTES + payload).next_multiple_of(FRAME_ALIGN)
}

fn header_checksum(segment: SegmentNumber, bytes: &[u8; HEADER_BYTES]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&segment.get().to_le_bytes()), &bytes[8..])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("BUG: 4 bytes"))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("BUG: 8 bytes"))
}
