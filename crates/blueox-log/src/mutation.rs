//! Deliberate mistakes, each of which the property tests must find. Outside test builds none is ever made.

/// A mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutation {
    /// Recovery of the spool takes marks from checkpoints only, as if they were not in the data's commit.
    MarksApart,
    /// Recovery of the spool leaves remains of a commit behind the end.
    LeaveRemains,
    /// Recovery of the spool believes the page cache.
    BelieveTail,
    /// Recovery of the spool begins at a segment that was abandoned.
    TrustAbandoned,
    /// A failed fdatasync of the spool is tried again.
    RetrySync,
    /// Segments that all have read go without a sync between one and the next.
    RetireTogether,
    /// The spool hears of a file after its first bytes.
    FileLate,
    /// Recovery leaves what a file has behind its vouched length.
    LeaveFileTail,
    /// A failed fsync of a file is tried again.
    RetryFileSync,
    /// How far the log has got is vouched for before how long the files are.
    LengthsApart,
    /// Files are cut back although what failed to vouch for them may surface.
    CutBeforeVouch,
    /// A file that could not be cut back is written.
    ForgetUncut,
    /// An inode that is known is the file that had it.
    TrustInode,
    /// The directory of a day that is there is durable.
    TrustDirectory,
    /// A file that is short enough was cut durably.
    TrustCut,
    /// A window is said to be settled before its files are vouched for.
    SettleEarly,
    /// Recovery cuts whatever file has the name.
    CutAnyFile,
}

#[cfg(test)]
thread_local! {
    static CURRENT: std::cell::Cell<Option<Mutation>> = const { std::cell::Cell::new(None) };
}

#[cfg(test)]
pub(crate) fn set(mutation: Option<Mutation>) {
    CURRENT.set(mutation);
}

#[cfg(test)]
pub(crate) fn is(mutation: Mutation) -> bool {
    CURRENT.get() == Some(mutation)
}

#[cfg(not(test))]
pub(crate) const fn is(_: Mutation) -> bool {
    false
}
