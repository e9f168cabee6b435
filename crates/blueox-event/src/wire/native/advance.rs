//! What one step of reading has done.

/// What one call of [`Sender::advance`](super::Sender::advance) or
/// [`Receiver::advance`](super::Receiver::advance) has done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Advance<I> {
    /// So many bytes at the beginning of the input are done with: the next call's input begins after them.
    pub consumed: usize,
    /// What was found, if anything. It borrows from the input.
    pub item: Option<I>,
    /// Without an item: so many bytes must at least come after the end of the input before there is something
    /// to do; it never exceeds what [`BUFFER_LIMIT`](super::BUFFER_LIMIT) leaves. With an item: 0.
    pub needed: usize,
}

impl<I> Advance<I> {
    #[inline]
    pub(super) fn item(consumed: usize, item: I) -> Self {
        Self { consumed, item: Some(item), needed: 0 }
    }

    #[inline]
    pub(super) fn starved(consumed: usize, needed: usize) -> Self {
        Self { consumed, item: None, needed }
    }
}
