//! Bytes of the log that are not what was written.

use super::frame::{Header, HeaderFault};
use super::stream::{Seq, Source};
use std::path::PathBuf;

/// A place in a segment that cannot be read back. Its bytes stay where they are until the segment is deleted;
/// readers skip it and are told what it held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The segment's file.
    pub path: PathBuf,
    /// Where in the file.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// The producer's batch that it was, if the frame's header is sound.
    pub source: Option<Source>,
    /// The own number that it had, if the header is sound and it was a numbered record.
    pub own_seq: Option<Seq>,
    /// How many events it held, if the header is sound.
    pub events: Option<u64>,
    /// What was wrong.
    pub fault: DamageFault,
}

/// What was wrong with damaged bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DamageFault {
    /// No frame begins where one should.
    #[error(transparent)]
    Header(HeaderFault),
    /// The payload's checksum does not fit.
    #[error("payload checksum does not fit")]
    Payload,
    /// The file ends where frames should follow.
    #[error("frames are missing")]
    Missing,
}

impl Damage {
    pub(crate) fn new(path: PathBuf, offset: u64, length: u64, fault: DamageFault) -> Self {
        Self { path, offset, length, source: None, own_seq: None, events: None, fault }
    }

    pub(crate) fn payload(path: PathBuf, offset: u64, header: &Header) -> Self {
        Self {
            path,
            offset,
            length: u64::from(header.frame_length),
            source: header.source,
            own_seq: header.frame_type.is_numbered().then_some(header.place.own_seq),
            events: Some(header.events()),
            fault: DamageFault::Payload,
        }
    }
}
