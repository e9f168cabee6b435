//! Looking at a spool without touching it: for the person who must rescue one, and for checks. No lock is taken;
//! beside a running daemon the newest frames may be missed. Sectors that cannot be read are read around.

use super::damage::{Damage, DamageFault};
use super::error::{Corruption, EnvironmentError, SpoolError};
use super::frame::{FRAME_ALIGN, HEADER_BYTES, Header, HeaderFault};
use super::limits::WINDOW_BYTES;
use super::position::Position;
use super::recovery::segment_numbers;
use super::scan::{Found, Scan};
use super::segment::SegmentNumber;
use crate::disk::{DiskFile, PositionalDisk};
use std::collections::VecDeque;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// What stands in a spool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inspected<'a> {
    /// A sound frame.
    Frame {
        /// The segment's file.
        path: &'a Path,
        /// Where in it.
        offset: u64,
        /// Its header.
        header: Header,
        /// Its payload; of DATA, the first `origin_length` bytes are the origin, the others events.
        payload: &'a [u8],
        /// The log went on elsewhere before this frame was durable: it does not count.
        void: bool,
    },
    /// Bytes that are no sound frame, with sound ones behind them.
    Damage(Damage),
    /// A segment's frames end here. In the last segment, remains of a torn commit may follow.
    End {
        /// The segment's file.
        path: &'a Path,
        /// Where.
        offset: u64,
    },
}

/// Goes through all frames of a directory or of single files, in the order of the log.
#[derive(Debug)]
pub struct Inspector<D: PositionalDisk> {
    segments: VecDeque<Part<D::File>>,
    current: Option<Part<D::File>>,
    done: Option<PathBuf>,
    durable: Position,
    header: Option<Header>,
    unreadable: Vec<Unreadable>,
}

/// Bytes of a segment that the medium does not give back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The segment's file.
    pub path: PathBuf,
    /// Where in it.
    pub bytes: Range<u64>,
}

#[derive(Debug)]
struct Part<F> {
    scan: Scan<F>,
    path: PathBuf,
    offset: u64,
    length: u64,
    /// The lowest base of the segments behind it.
    limit: Option<Position>,
}

impl<D: PositionalDisk> Inspector<D> {
    /// All segments of a directory.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn directory(disk: &D, directory: &Path) -> Result<Self, SpoolError> {
        let numbers = segment_numbers(disk, directory)?;
        let paths = numbers.into_iter().map(|number| (number, number.path(directory)));
        Self::parts(disk, paths.collect())
    }

    /// One segment's file. Its name must be as the spool gave it: the checksums need the number.
    ///
    /// # Errors
    /// Those of the file system; [`Corruption`] for another name.
    pub fn file(disk: &D, path: &Path) -> Result<Self, SpoolError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let number = SegmentNumber::of_file_name(name).ok_or_else(|| Corruption {
            path: path.to_path_buf(),
            offset: 0,
            expected: "a name of 16 hexadecimal digits and .oxw, as the spool gave it".into(),
            found: name.into(),
        })?;
        Self::parts(disk, vec![(number, path.to_path_buf())])
    }

    fn parts(disk: &D, paths: Vec<(SegmentNumber, PathBuf)>) -> Result<Self, SpoolError> {
        let mut segments = VecDeque::new();
        let mut limit: Option<Position> = None;
        for (number, path) in paths.into_iter().rev() {
            let failed = |operation| EnvironmentError::at(operation, &path);
            let file = disk.open_read_only(&path).map_err(failed("open"))?;
            let length = file.length().map_err(failed("look at"))?;
            let mut scan = Scan::new(file, number, None, WINDOW_BYTES);
            scan.read_around();
            if let Some(first) = scan.search(0, length).map_err(failed("read"))? {
                scan.at(first, length).map_err(failed("read"))?;
            }
            let base = scan.base;
            segments.push_front(Part { scan, path, offset: 0, length, limit });
            limit = base.map_or(limit, |base| Some(limit.map_or(base, |limit| limit.min(base))));
        }
        let (durable, header, unreadable) = (Position::START, None, Vec::new());
        Ok(Self { segments, current: None, done: None, durable, header, unreadable })
    }

    /// The highest position that a header met so far says was durable. Behind the last segment: what is damaged above
    /// it is a torn commit, which opening cuts off.
    #[must_use]
    pub fn durable(&self) -> Position {
        self.durable
    }

    /// What could not be read, of the segments that have been gone through.
    #[must_use]
    pub fn unreadable(&self) -> &[Unreadable] {
        &self.unreadable
    }

    /// The position of byte 0 of the segment that is being read, if a header in it is sound.
    #[must_use]
    pub fn base(&self) -> Option<Position> {
        self.current.as_ref()?.scan.base
    }

    /// The lowest base of the segments behind the one that is being read: frames from there on are void.
    pub(crate) fn limit(&self) -> Option<Position> {
        self.current.as_ref()?.limit
    }

    /// The header of what was read last, whatever became of its payload.
    pub(crate) fn header(&self) -> Option<Header> {
        self.header
    }

    /// The next thing; `None` behind the last segment.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn read(&mut self) -> Result<Option<Inspected<'_>>, EnvironmentError> {
        if self.current.is_none() {
            self.current = self.segments.pop_front();
        }
        let Some(part) = &mut self.current else { return Ok(None) };
        let (offset, length) = (part.offset, part.length);
        let found = part.scan.at(offset, length).map_err(EnvironmentError::at("read", &part.path))?;
        self.header = match found {
            Found::Frame(header) | Found::BadPayload(header) => Some(header),
            Found::Nothing(_) => None,
        };
        self.durable = self.header.map_or(self.durable, |header| self.durable.max(header.durable));
        match found {
            Found::Frame(header) => {
                part.offset += u64::from(header.frame_length);
                let part = self.current.as_ref().expect("BUG: it was there");
                let void = part.limit.is_some_and(|limit| header.place.position >= limit);
                let payload = part.scan.payload(offset, &header);
                Ok(Some(Inspected::Frame { path: &part.path, offset, header, payload, void }))
            }
            Found::BadPayload(header) => {
                part.offset += u64::from(header.frame_length);
                Ok(Some(Inspected::Damage(Damage::payload(part.path.clone(), offset, &header))))
            }
            Found::Nothing(fault) => self.nothing(fault),
        }
    }

    fn nothing(&mut self, fault: HeaderFault) -> Result<Option<Inspected<'_>>, EnvironmentError> {
        let part = self.current.as_mut().expect("BUG: something is being read");
        let (offset, length) = (part.offset, part.length);
        // The search stops at unknown frames too.
        let unknown = matches!(fault, HeaderFault::Unknown { .. });
        let from = if unknown { offset + HEADER_BYTES as u64 } else { offset + FRAME_ALIGN as u64 };
        let next = part.scan.search(from, length).map_err(EnvironmentError::at("read", &part.path))?;
        if let Some(next) = next.or_else(|| unknown.then_some(from)) {
            part.offset = next;
            let fault = DamageFault::Header(fault);
            let damage = Damage::new(part.path.clone(), offset, next - offset, fault);
            return Ok(Some(Inspected::Damage(damage)));
        }
        let part = self.current.take().expect("BUG: it was there");
        let bytes = part.scan.unreadable().iter().cloned();
        self.unreadable.extend(bytes.map(|bytes| Unreadable { path: part.path.clone(), bytes }));
        Ok(Some(Inspected::End { path: self.done.insert(part.path), offset }))
    }
}
