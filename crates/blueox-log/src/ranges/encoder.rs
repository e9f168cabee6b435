//! Entries into frames.
//!
//! A frame may refer to streams and files that frames before it have named, so that a batch takes a dozen bytes. Every
//! [`RENEW_BYTES`], and whenever it is not certain that the file ends with the frame before, everything is named anew.

use super::entry::{Batch, Missing, MissingReason};
use super::varint::{put, put_difference};
use crate::disk::FileIdentity;
use crate::spool::StreamId;
use blueox_event::wire::native::{NodeId, Origin};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

pub(super) const MAGIC: [u8; 4] = *b"OXR\x01";
/// Magic, checksum, length.
pub(super) const HEADER_BYTES: usize = 12;
/// The longest payload of a frame. An entry has at most 1,000 parts, each with a name of at most some 200 bytes.
pub(super) const MAX_PAYLOAD_BYTES: usize = 1 << 20;
/// A frame that has so much takes no further entry.
pub(crate) const FRAME_BYTES: usize = 64 << 10;
/// After so much everything is named anew: damage spoils no more than that.
const RENEW_BYTES: usize = 256 << 10;

pub(super) const NODE: u8 = 1;
pub(super) const STREAM: u8 = 2;
pub(super) const FILE: u8 = 3;
pub(super) const STORED: u8 = 4;
pub(super) const STORED_WITH_ORIGIN: u8 = 5;
pub(super) const GAP: u8 = 6;
pub(super) const LOST: u8 = 7;
pub(super) const GAP_WITH_ORIGIN: u8 = 8;

/// Where an encoder puts the parts of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NamedPart<'a> {
    pub(crate) path: &'a Path,
    pub(crate) identity: FileIdentity,
    pub(crate) offset: u64,
    pub(crate) bytes: u64,
    pub(crate) events: u64,
}

#[derive(Debug)]
pub(crate) struct Encoder {
    node: NodeId,
    /// By stream: its index, and the number that is expected next.
    streams: HashMap<u128, (u64, u64)>,
    /// The daemon's own number that is expected next.
    own: u64,
    /// By identity: the name, its index, and the offset that is expected next.
    files: HashMap<FileIdentity, (Box<Path>, u64, u64)>,
    named_files: u64,
    /// How much was written since everything was named.
    since: Option<usize>,
    /// Definitions come before the entry that needs them.
    entry: Vec<u8>,
    frame_at: usize,
}

impl Encoder {
    pub(crate) fn new(node: NodeId) -> Self {
        Self {
            node,
            streams: HashMap::new(),
            own: 0,
            files: HashMap::new(),
            named_files: 0,
            since: None,
            entry: Vec::new(),
            frame_at: 0,
        }
    }

    /// The next frame names everything anew.
    pub(crate) fn renew(&mut self) {
        self.since = None;
    }

    pub(crate) fn begin_frame(&mut self, out: &mut Vec<u8>) {
        self.frame_at = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[0; HEADER_BYTES - 4]);
        if self.since.is_none_or(|bytes| bytes >= RENEW_BYTES) {
            (self.since, self.named_files, self.own) = (Some(0), 0, 0);
            self.streams.clear();
            self.files.clear();
            out.push(NODE);
            out.extend_from_slice(&self.node.0.to_le_bytes());
        }
    }

    /// How long the frame is so far.
    pub(crate) fn frame_bytes(&self, out: &[u8]) -> usize {
        out.len() - self.frame_at
    }

    pub(crate) fn end_frame(&mut self, out: &mut [u8]) {
        let frame = &mut out[self.frame_at..];
        let length = u32::try_from(frame.len() - HEADER_BYTES).expect("BUG: frames are bounded");
        frame[8..12].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32c::crc32c(&frame[8..]);
        frame[4..8].copy_from_slice(&checksum.to_le_bytes());
        self.since = self.since.map(|bytes| bytes + frame.len());
    }

    pub(crate) fn stored<'a>(
        &mut self,
        out: &mut Vec<u8>,
        batch: &Batch,
        parts: impl ExactSizeIterator<Item = NamedPart<'a>>,
    ) {
        let mut entry = std::mem::take(&mut self.entry);
        entry.clear();
        entry.push(if batch.origin.is_some() { STORED_WITH_ORIGIN } else { STORED });
        self.put_numbers(out, &mut entry, batch.stream, batch.seq.get(), batch.seq.get());
        self.put_own(&mut entry, batch.own.get());
        put(&mut entry, u64::from(batch.events));
        if let Some(origin) = &batch.origin {
            self.put_origin(out, &mut entry, origin);
        }
        put(&mut entry, parts.len() as u64);
        for part in parts {
            let (index, expected) = self.file(out, &part);
            put(&mut entry, index);
            put_difference(&mut entry, part.offset, expected);
            put(&mut entry, part.bytes);
            put(&mut entry, part.events);
        }
        out.extend_from_slice(&entry);
        self.entry = entry;
    }

    pub(crate) fn missing(&mut self, out: &mut Vec<u8>, missing: &Missing) {
        let mut entry = std::mem::take(&mut self.entry);
        entry.clear();
        let (first, last) = (missing.numbers.first().get(), missing.numbers.last().get());
        let (op, why) = match missing.reason {
            MissingReason::Gap(reason) if missing.origin.is_some() => (GAP_WITH_ORIGIN, reason.0),
            MissingReason::Gap(reason) => (GAP, reason.0),
            MissingReason::Damaged => (LOST, 1),
            MissingReason::Deleted => (LOST, 0),
        };
        entry.push(op);
        self.put_numbers(out, &mut entry, missing.stream, first, last);
        for number in [last - first, missing.events, u64::from(why)] {
            put(&mut entry, number);
        }
        if op == LOST {
            self.own = last.wrapping_add(1);
        } else {
            self.put_own(&mut entry, missing.own.last().get());
        }
        if let Some(origin) = missing.origin.as_ref().filter(|_| op == GAP_WITH_ORIGIN) {
            self.put_origin(out, &mut entry, origin);
        }
        out.extend_from_slice(&entry);
        self.entry = entry;
    }

    fn put_own(&mut self, entry: &mut Vec<u8>, own: u64) {
        put_difference(entry, own, self.own);
        self.own = own.wrapping_add(1);
    }

    fn put_origin(&mut self, out: &mut Vec<u8>, entry: &mut Vec<u8>, origin: &Origin) {
        let (first, last) = (origin.numbers.first().get(), origin.numbers.last().get());
        self.put_numbers(out, entry, origin.stream, first, last);
        put(entry, last - first);
        put(entry, u64::from(origin.count));
    }

    /// The stream, and the first of some numbers of it.
    fn put_numbers(
        &mut self,
        out: &mut Vec<u8>,
        entry: &mut Vec<u8>,
        stream: StreamId,
        first: u64,
        last: u64,
    ) {
        let next = self.streams.len() as u64;
        let (index, expected) = self.streams.entry(stream.0).or_insert_with(|| {
            out.push(STREAM);
            out.extend_from_slice(&stream.0.to_le_bytes());
            (next, 0)
        });
        put(entry, *index);
        put_difference(entry, first, *expected);
        *expected = last.wrapping_add(1);
    }

    /// The file's index and the offset that was expected.
    fn file(&mut self, out: &mut Vec<u8>, part: &NamedPart<'_>) -> (u64, u64) {
        let mut name = || {
            let (device, inode) = part.identity.parts();
            let path = part.path.as_os_str().as_bytes();
            out.push(FILE);
            for number in [device, inode, path.len() as u64] {
                put(out, number);
            }
            out.extend_from_slice(path);
            self.named_files += 1;
            (Box::from(part.path), self.named_files - 1, 0)
        };
        let file = match self.files.entry(part.identity) {
            Entry::Occupied(mut known) => {
                // An inode that was given back and used again.
                if *known.get().0 != *part.path {
                    known.insert(name());
                }
                known.into_mut()
            }
            Entry::Vacant(vacant) => vacant.insert(name()),
        };
        let expected = std::mem::replace(&mut file.2, part.offset + part.bytes);
        (file.1, expected)
    }
}
