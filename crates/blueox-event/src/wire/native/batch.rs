//! DATA: a numbered batch of events, on its way out and as it comes in.

use super::fields::Fields;
use super::frame::{self, Frame, Kind};
use super::{NativeError, NotNow, Seq, SeqRange, StreamId};
use crate::limits::{MAX_BATCH_BYTES, MAX_BATCH_EVENTS};
use std::fmt;

/// A flag of DATA and LOST.
pub(super) const HAS_ORIGIN: u8 = 1;

/// How a payload is compressed. The protocol passes it through; whoever decompresses allows `raw_bytes` and
/// no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// Not at all.
    None,
    /// One zstd frame.
    Zstd,
    /// One lz4 block.
    Lz4,
}

impl Codec {
    /// The number on the wire.
    #[must_use]
    pub fn id(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Zstd => 1,
            Self::Lz4 => 2,
        }
    }

    /// The codec with this number.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Self> {
        [Self::None, Self::Zstd, Self::Lz4].into_iter().find(|codec| codec.id() == id)
    }
}

/// A payload's CRC32C, which travels and is stored with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PayloadCrc(pub u32);

impl PayloadCrc {
    /// Computes it: once, where the batch is made.
    #[must_use]
    pub fn of(payload: &[u8]) -> Self {
        Self(crc32c::crc32c(payload))
    }
}

impl fmt::Debug for PayloadCrc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PayloadCrc({:#010x})", self.0)
    }
}

/// Where a daemon got a batch's events from. For the ledger; it decides nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The stream in which they were numbered first.
    pub stream: StreamId,
    /// Their numbers there.
    pub numbers: SeqRange,
    /// How many events.
    pub count: u32,
}

impl Origin {
    /// The length of its encoding, in bytes.
    pub const BYTES: usize = 36;

    /// As it stands in DATA and in the spool's records: stream, first, last, count; little endian.
    #[must_use]
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..16].copy_from_slice(&self.stream.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.numbers.first().get().to_le_bytes());
        bytes[24..32].copy_from_slice(&self.numbers.last().get().to_le_bytes());
        bytes[32..].copy_from_slice(&self.count.to_le_bytes());
        bytes
    }

    /// Reads what [`Origin::encode`] has written. `None` if its length is another one or its numbers are no range.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let (stream, rest) = bytes.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (last, count) = rest.split_first_chunk()?;
        let number = |bytes: &[u8; 8]| Seq::new(u64::from_le_bytes(*bytes));
        Some(Self {
            stream: StreamId(u128::from_le_bytes(*stream)),
            numbers: SeqRange::new(number(first), number(last))?,
            count: u32::from_le_bytes(count.try_into().ok()?),
        })
    }
}

/// A numbered batch. The same number means the same events, wherever and however often it is sent.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Batch<'b> {
    /// Its number.
    pub seq: Seq,
    /// How many events it holds, at least 1.
    pub count: u32,
    /// How many bytes the events have when they are not compressed: 1 to [`MAX_BATCH_BYTES`].
    pub raw_bytes: u32,
    /// How the payload is compressed.
    pub codec: Codec,
    /// The payload's checksum.
    pub crc: PayloadCrc,
    /// Where the events came from.
    pub origin: Option<Origin>,
    /// MsgPack maps one after another, compressed or not.
    pub payload: &'b [u8],
}

impl<'b> Batch<'b> {
    /// A batch that is not compressed, with its checksum computed.
    ///
    /// # Errors
    /// [`NotNow::Size`] unless the payload has 1 to [`MAX_BATCH_BYTES`] bytes.
    pub fn plain(seq: Seq, count: u32, payload: &'b [u8]) -> Result<Self, NotNow> {
        let raw_bytes = payload.len().min(u32::MAX as usize) as u32;
        let crc = PayloadCrc::of(payload);
        let batch = Self { seq, count, raw_bytes, codec: Codec::None, crc, origin: None, payload };
        batch.check().map(|()| batch)
    }

    /// Whether the lengths are within the limits and go together.
    pub(super) fn check(&self) -> Result<(), NotNow> {
        let limit = MAX_BATCH_BYTES as u64;
        let size = |what, bytes: u64, limit| {
            if (1..=limit).contains(&bytes) { Ok(()) } else { Err(NotNow::Size { what, bytes, limit }) }
        };
        size("a payload", self.payload.len() as u64, limit)?;
        size("a batch", u64::from(self.raw_bytes), limit)?;
        let most_events = self.raw_bytes.min(MAX_BATCH_EVENTS);
        size("a count of events", u64::from(self.count), u64::from(most_events))?;
        if self.codec == Codec::None {
            size("a payload that is not compressed", self.payload.len() as u64, u64::from(self.raw_bytes))?;
            size("a batch that is not compressed", u64::from(self.raw_bytes), self.payload.len() as u64)?;
        }
        Ok(())
    }

    /// Appends all of the frame but the payload.
    pub(super) fn write_head(&self, output: &mut Vec<u8>) {
        let flags = if self.origin.is_some() { HAS_ORIGIN } else { 0 };
        frame::write_head(output, Kind::Data, flags, self.payload.len(), |head| {
            head.extend_from_slice(&self.seq.get().to_le_bytes());
            head.extend_from_slice(&self.count.to_le_bytes());
            head.extend_from_slice(&self.raw_bytes.to_le_bytes());
            head.extend_from_slice(&self.crc.0.to_le_bytes());
            head.extend_from_slice(&[self.codec.id(), 0, 0, 0]);
            if let Some(origin) = self.origin {
                head.extend_from_slice(&origin.encode());
            }
        });
    }

    /// Takes a frame apart, its payload still missing.
    #[inline]
    pub(super) fn parse(frame: &Frame<'_>) -> Result<Batch<'static>, NativeError> {
        let mut fields = Fields::new(Kind::Data, frame.fields);
        let seq = fields.seq()?;
        let count = fields.u32()?;
        let raw_bytes = fields.u32()?;
        let crc = PayloadCrc(fields.u32()?);
        let codec = Codec::from_id(fields.u8()?).ok_or(fields.malformed("its codec is unknown"))?;
        fields.bytes(3)?;
        let origin = fields.origin(frame.flags & HAS_ORIGIN != 0)?;
        let is_sound = seq > Seq::NONE
            && frame.payload_bytes > 0
            && (1..=MAX_BATCH_BYTES as u32).contains(&raw_bytes)
            && (1..=raw_bytes.min(MAX_BATCH_EVENTS)).contains(&count)
            && (codec != Codec::None || frame.payload_bytes == raw_bytes as usize);
        if !is_sound {
            return Err(fields.malformed("its number, count and lengths do not go together"));
        }
        Ok(Batch { seq, count, raw_bytes, codec, crc, origin, payload: &[] })
    }
}

impl fmt::Debug for Batch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seq, count, raw_bytes, codec, crc, origin, payload } = self;
        write!(f, "Batch({seq}: {count} events, {raw_bytes} bytes as {} {codec:?}, {crc:?}", payload.len())?;
        origin.map_or(Ok(()), |origin| write!(f, ", {origin:?}"))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_comes_back_as_it_was() {
        let numbers = SeqRange::new(Seq::new(3), Seq::new(9)).unwrap();
        let origin = Origin { stream: StreamId(0x0102_0304), numbers, count: 77 };
        let bytes = origin.encode();
        assert_eq!(bytes[..5], [4, 3, 2, 1, 0]);
        assert_eq!((bytes[16], bytes[24], bytes[32]), (3, 9, 77));
        assert_eq!(Origin::decode(&bytes), Some(origin));
        assert_eq!(Origin::decode(&bytes[1..]), None);
        let mut backwards = bytes;
        backwards[16] = 10;
        assert_eq!(Origin::decode(&backwards), None);
        assert_eq!(Origin::decode(b""), None);
    }
}
