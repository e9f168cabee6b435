//! Segments: the files of the log, and which positions each of them covers.

use super::position::{Place, Position};
use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};

/// A segment's number. Numbers rise; a number is not used again while its file may exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SegmentNumber(u64);

impl SegmentNumber {
    /// The first segment of a new log.
    pub const FIRST: Self = Self(1);

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The number in a segment's file name, if it is one.
    #[must_use]
    pub fn of_file_name(name: &str) -> Option<Self> {
        let digits = name.strip_suffix(".oxw").filter(|digits| digits.len() == 16)?;
        let lower = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        lower.then(|| u64::from_str_radix(digits, 16).ok().map(Self))?
    }

    /// Its file in a spool's directory.
    #[must_use]
    pub fn path(self, directory: &Path) -> PathBuf {
        directory.join(self.to_string())
    }
}

impl fmt::Display for SegmentNumber {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}.oxw", self.0)
    }
}

/// A segment that readers may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) number: SegmentNumber,
    /// The file's length.
    pub(crate) length: u64,
    /// The place at its byte 0. (If its first frame is damaged: the counts of the first sound frame.)
    pub(crate) start: Place,
}

/// The segments that hold the log, in order, and where it durably ends.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) segments: VecDeque<Segment>,
    pub(crate) tail: Place,
}

impl Table {
    /// The segment that holds a position below the tail, and where it ends in the log. A position below the
    /// oldest segment gets the oldest.
    pub(crate) fn holding(&self, position: Position) -> Option<(Segment, Position)> {
        let after = self.segments.partition_point(|segment| segment.start.position <= position);
        let index = after.saturating_sub(1);
        let segment = *self.segments.get(index)?;
        Some((segment, self.end(index)))
    }

    pub(crate) fn end(&self, index: usize) -> Position {
        self.segments.get(index + 1).map_or(self.tail.position, |next| next.start.position)
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.length).sum()
    }
}
