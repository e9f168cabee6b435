//! What a sender gives to its owner.

use super::{GoAwayReason, RefusedReason, Seq, Welcome};
use std::time::Duration;

/// Something that the sender's owner must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice<'b> {
    /// The receiver is ready. All before `resume` is acked and may be forgotten; `resume` is the number to
    /// send next.
    Welcomed {
        /// What it said.
        welcome: Welcome,
        /// The minor version in force.
        minor: u16,
        /// The number to send next.
        resume: Seq,
    },
    /// All up to this number is acked: it may be forgotten, durably. Comes only when the number has risen.
    Acked {
        /// The last acked number.
        high_water: Seq,
    },
    /// The receiver misses numbers: go on with `to`, again.
    Rewound {
        /// The number to send next.
        to: Seq,
    },
    /// The receiver has more of this stream than was ever written here: this machine was set back to an older
    /// state. Nothing more can be sent; start a new stream, and report it.
    RolledBack {
        /// What the receiver has.
        high_water: Seq,
        /// The last number that is known here.
        last: Seq,
    },
    /// The receiver takes nothing now. Nothing more can be sent on this connection.
    Busy {
        /// When to try again.
        retry: Duration,
    },
    /// The receiver does not want this connection.
    Refused {
        /// Why.
        reason: RefusedReason,
        /// The same for a person. It can be shown as it is.
        text: &'b str,
    },
    /// The receiver takes no more on this connection. Acks for what was sent may still come.
    GoingAway {
        /// Why.
        reason: GoAwayReason,
        /// The same for a person. It can be shown as it is.
        text: &'b str,
    },
    /// The receiver knows durably that the stream has ended. All of it is acked.
    Farewell,
}
