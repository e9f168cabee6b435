//! What can be appended, and how it is encoded.

use super::fields::{BadPayload, Fields, put_text};
use super::frame::FrameType;
use super::position::{Place, Position};
use super::stream::{Seq, Source};
use crate::disk::FileIdentity;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A reader's name, such as `log` or `forward:0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CursorName(Arc<str>);

impl CursorName {
    /// A name; empty and overlong ones are refused when they are used.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CursorName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A file that a reader appends to, by a number that the reader chooses and never uses again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// A file that a reader has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    /// Its path, as the reader wrote it.
    pub path: PathBuf,
    /// Which file that was.
    pub identity: FileIdentity,
    /// How many bytes of it are durable and belong to what the reader's cursor has passed.
    pub length: u64,
}

/// How far a file has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileLength {
    /// Which file.
    pub file: FileId,
    /// Its durable length, in bytes.
    pub length: u64,
    /// It is closed and need not be remembered.
    pub closed: bool,
}

/// Why numbers of a stream have no events. The spool stores it and does not look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapReason(pub u32);

/// Something to append.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// A batch of events.
    Data {
        /// Its number in its producer's stream; none for producers that do not number.
        source: Option<Source>,
        /// How many events it holds.
        count: u32,
        /// Where its events come from at first, for the ledger; opaque here.
        origin: &'a [u8],
        /// MsgPack maps one after another; opaque here.
        events: &'a [u8],
    },
    /// Numbers of a stream whose events will not come. Takes one own number.
    Gap {
        /// The stream, and the last of the lost numbers.
        source: Source,
        /// The first of them.
        first: Seq,
        /// How many events were in them, as far as the producer knows.
        events: u64,
        /// Why.
        reason: GapReason,
        /// As a batch's: where a daemon had the lost numbers from; opaque here.
        origin: &'a [u8],
    },
    /// A mark without data: a new session (with the mark's own number), or a stream that is over.
    Mark {
        /// The stream, its high-water mark and its session.
        source: Source,
        /// The mark is to be forgotten.
        gone: bool,
    },
    /// A file is about to be appended to by a reader.
    File {
        /// Its number.
        file: FileId,
        /// What it is.
        open: &'a OpenFile,
    },
    /// A reader's files are durable up to here; moves its cursor and the lengths as one.
    Materialised {
        /// The reader.
        cursor: &'a CursorName,
        /// How far it has got.
        place: Place,
        /// The files that changed.
        files: &'a [FileLength],
    },
    /// A reader has durably got here. [`Writer::move_cursor`](super::Writer::move_cursor) is the cheap way.
    Cursor {
        /// The reader.
        cursor: &'a CursorName,
        /// How far it has got.
        place: Place,
        /// There is no such reader any more.
        gone: bool,
    },
}

impl Record<'_> {
    pub(crate) fn frame_type(&self) -> FrameType {
        match self {
            Self::Data { .. } => FrameType::Data,
            Self::Gap { .. } => FrameType::Gap,
            Self::Mark { .. } => FrameType::Mark,
            Self::File { .. } => FrameType::File,
            Self::Materialised { .. } => FrameType::Materialised,
            Self::Cursor { .. } => FrameType::Cursor,
        }
    }

    pub(crate) fn source(&self) -> Option<Source> {
        match self {
            Self::Data { source, .. } => *source,
            Self::Gap { source, .. } | Self::Mark { source, .. } => Some(*source),
            _ => None,
        }
    }

    pub(crate) fn payload_bytes(&self) -> usize {
        match self {
            Self::Data { origin, events, .. } => origin.len() + events.len(),
            Self::Gap { origin, .. } => 32 + origin.len(),
            Self::Mark { .. } => 1,
            Self::File { open, .. } => file_name_bytes(&open.path),
            Self::Materialised { cursor, files, .. } => 24 + 2 + cursor.0.len() + 4 + 17 * files.len(),
            Self::Cursor { cursor, .. } => 1 + 24 + 2 + cursor.0.len(),
        }
    }

    pub(crate) fn put_payload(&self, to: &mut Vec<u8>) {
        match self {
            Self::Data { origin, events, .. } => {
                to.extend_from_slice(origin);
                to.extend_from_slice(events);
            }
            Self::Gap { source, first, events, reason, origin } => {
                for field in [first.get(), source.seq.get(), *events, u64::from(reason.0)] {
                    to.extend_from_slice(&field.to_le_bytes());
                }
                to.extend_from_slice(origin);
            }
            Self::Mark { gone, .. } => to.push(u8::from(*gone)),
            Self::File { file, open } => put_file(to, *file, open),
            Self::Materialised { cursor, place, files } => {
                put_cursor(to, cursor, *place);
                let count = u32::try_from(files.len()).expect("BUG: checked against its limit");
                to.extend_from_slice(&count.to_le_bytes());
                for file in *files {
                    to.extend_from_slice(&file.file.0.to_le_bytes());
                    to.extend_from_slice(&file.length.to_le_bytes());
                    to.push(u8::from(file.closed));
                }
            }
            Self::Cursor { cursor, place, gone } => {
                to.push(u8::from(*gone));
                put_cursor(to, cursor, *place);
            }
        }
    }
}

pub(crate) fn put_cursor(to: &mut Vec<u8>, name: &CursorName, place: Place) {
    for field in [place.position.get(), place.own_seq.get(), place.events] {
        to.extend_from_slice(&field.to_le_bytes());
    }
    put_text(to, name.0.as_bytes());
}

pub(crate) fn take_cursor(fields: &mut Fields<'_>) -> Result<(CursorName, Place), BadPayload> {
    let position = Position::new(fields.u64()?);
    let place = Place { position, own_seq: Seq::new(fields.u64()?), events: fields.u64()? };
    let name = std::str::from_utf8(fields.text()?).map_err(|_| BadPayload)?;
    Ok((CursorName::new(name), place))
}

pub(crate) fn put_file(to: &mut Vec<u8>, file: FileId, open: &OpenFile) {
    let (device, inode) = open.identity.parts();
    for field in [file.0, device, inode, open.length] {
        to.extend_from_slice(&field.to_le_bytes());
    }
    put_text(to, path_bytes(&open.path));
}

pub(crate) fn take_file(fields: &mut Fields<'_>) -> Result<(FileId, OpenFile), BadPayload> {
    let file = FileId(fields.u64()?);
    let identity = FileIdentity::from_parts(fields.u64()?, fields.u64()?);
    let length = fields.u64()?;
    let path = PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(fields.text()?));
    Ok((file, OpenFile { path, identity, length }))
}

/// What an open file takes in a record and in checkpoints.
pub(crate) fn file_name_bytes(path: &Path) -> usize {
    34 + path_bytes(path).len()
}

pub(crate) fn path_bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}
