//! The numbers of the protocol, each a type of its own.

use std::fmt;

/// The number of a batch in its stream, counted from 1. [`Seq::NONE`] (0) stands before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(u64);

impl Seq {
    /// Before the first number.
    pub const NONE: Self = Self(0);
    /// The last number that a batch can have. [`Seq::next`] stays there.
    pub const LAST: Self = Self(u64::MAX - 1);

    /// The number `n`, at most [`Seq::LAST`].
    #[must_use]
    pub const fn new(n: u64) -> Self {
        if n < Self::LAST.0 { Self(n) } else { Self::LAST }
    }

    /// As an integer.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The number after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0.saturating_add(1))
    }

    /// The number before this one; before the first, [`Seq::NONE`].
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Numbers that follow each other, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeqRange {
    first: Seq,
    last: Seq,
}

impl SeqRange {
    /// From `first` to `last`, both included. `None` unless 1 <= first <= last.
    #[must_use]
    pub const fn new(first: Seq, last: Seq) -> Option<Self> {
        if first.0 == 0 || first.0 > last.0 { None } else { Some(Self { first, last }) }
    }

    /// The first number.
    #[must_use]
    pub const fn first(self) -> Seq {
        self.first
    }

    /// The last number.
    #[must_use]
    pub const fn last(self) -> Seq {
        self.last
    }
}

impl fmt::Display for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..={}", self.first, self.last)
    }
}

/// One producer's numbered sequence of batches: an application process or a daemon. Drawn at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u128);

/// A daemon. Drawn at random and kept.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u128);

/// How often a stream was connected. It rises durably before each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Session(pub u64);

/// A number of bytes on the wire: credit and what it is spent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ByteCount(pub u64);

impl ByteCount {
    /// No byte.
    pub const ZERO: Self = Self(0);

    pub(super) fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    pub(super) fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

macro_rules! hexadecimal {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:032x}", self.0)
            }
        }

        impl fmt::Debug for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($id))
            }
        }
    )*};
}

hexadecimal!(StreamId, NodeId);

macro_rules! decimal {
    ($($number:ident),*) => {$(
        impl fmt::Display for $number {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

decimal!(Session, ByteCount);
