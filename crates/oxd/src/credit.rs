//! How much each native connection may have under way.
//!
//! A connection begins with 64 KiB. While it uses what it has, it gets twice as much, up to its share of the budget: that is
//! divided by the number of connections. The queue's own budget bounds the memory whatever is granted here.

use blueox_event::limits::NEW_CONNECTION_CREDIT;
use blueox_event::wire::native::ByteCount;

/// What all connections together are granted, in bytes, as long as everyone's share is larger than the smallest.
const CREDIT_BYTES: u64 = 12 << 20;
/// The largest share, in bytes.
const LARGEST: u64 = 4 << 20;

/// One connection's credit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Credit {
    bytes: u64,
    /// The most that was under way since it was last looked at.
    used: u64,
}

impl Credit {
    /// A new connection's.
    pub(crate) const NEW: Self = Self { bytes: NEW_CONNECTION_CREDIT, used: 0 };

    /// So much is under way.
    pub(crate) fn note(&mut self, under_way: ByteCount) {
        self.used = self.used.max(under_way.0);
    }

    /// What to grant now, with so many connections open: nothing while the spool takes nothing.
    pub(crate) fn grant(&mut self, connections: usize, is_full: bool) -> ByteCount {
        if is_full {
            return ByteCount::ZERO;
        }
        let share = (CREDIT_BYTES / connections.max(1) as u64).clamp(NEW_CONNECTION_CREDIT, LARGEST);
        if self.used > self.bytes / 2 {
            self.bytes *= 2;
        }
        self.used = 0;
        self.bytes = self.bytes.min(share);
        ByteCount(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_with_use_up_to_the_share_and_shrinks_with_the_share() {
        let mut credit = Credit::NEW;
        assert_eq!(credit.grant(1, false), ByteCount(NEW_CONNECTION_CREDIT));
        for _ in 0..20 {
            credit.note(ByteCount(u64::MAX));
            credit.note(ByteCount::ZERO);
            credit.grant(1, false);
        }
        assert_eq!(credit.grant(1, false), ByteCount(LARGEST));
        assert_eq!(credit.grant(12, false), ByteCount(1 << 20));
        assert_eq!(credit.grant(100_000, false), ByteCount(NEW_CONNECTION_CREDIT));
        assert_eq!(credit.grant(1, false), ByteCount(NEW_CONNECTION_CREDIT));
    }

    #[test]
    fn a_full_spool_grants_nothing_and_forgets_nothing() {
        let mut credit = Credit::NEW;
        credit.note(ByteCount(NEW_CONNECTION_CREDIT));
        assert_eq!(credit.grant(1, true), ByteCount::ZERO);
        assert_eq!(credit.grant(1, false), ByteCount(2 * NEW_CONNECTION_CREDIT));
    }
}
