//! Why a native connection ends, and why a call must wait.

use super::{ByteCount, Seq};
use std::time::Duration;

/// The peer broke the protocol, or is none that speaks it. All of them are final for the connection: the
/// owner writes what is left of the output and closes. What was accepted before stays accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NativeError {
    /// The first bytes are not the preface. A first byte of 0xff is a ZMTP peer.
    #[error(
        "peer does not speak BlueOx's protocol (its first byte is {first:#04x}); is this the right port?"
    )]
    NotNative {
        /// The first byte.
        first: u8,
    },
    /// The peer speaks another major version.
    #[error("peer speaks version {major} of the native protocol; this one speaks {}", super::MAJOR_VERSION)]
    MajorVersion {
        /// The peer's.
        major: u8,
    },
    /// A frame announces more than is allowed.
    #[error("a frame of type {kind:#04x} announces {bytes} bytes of {part}; {limit} are allowed")]
    Length {
        /// The frame's type.
        kind: u8,
        /// Which part of it.
        part: &'static str,
        /// What it announces.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
    /// The bytes of a frame's head were changed on the way.
    #[error("a frame's head is damaged: checksum {found:#010x} instead of {expected:#010x}")]
    HeadDamaged {
        /// What the frame says.
        expected: u32,
        /// What its bytes give.
        found: u32,
    },
    /// The bytes of a payload were changed on the way.
    #[error("batch {seq} is damaged: checksum {found:#010x} instead of {expected:#010x}")]
    PayloadDamaged {
        /// The batch.
        seq: Seq,
        /// What the frame says.
        expected: u32,
        /// What its bytes give.
        found: u32,
    },
    /// A type that must not be passed over.
    #[error("a frame of the unknown type {kind:#04x} may not be ignored; a newer daemon is needed")]
    UnknownFrame {
        /// The type.
        kind: u8,
    },
    /// Fields that make no sense.
    #[error("{frame} is malformed: {what}")]
    Malformed {
        /// The frame's name.
        frame: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// A frame came at a moment at which it must not come.
    #[error("peer sent {frame} {when}")]
    OutOfTurn {
        /// The frame's name.
        frame: &'static str,
        /// When it came.
        when: &'static str,
    },
    /// The sender went beyond every window that it was granted.
    #[error("batch {seq} goes {beyond} bytes beyond the credit that was granted")]
    CreditExceeded {
        /// The batch.
        seq: Seq,
        /// By how much.
        beyond: ByteCount,
    },
    /// The receiver acknowledged what it never got on this connection.
    #[error("peer acknowledges batch {high_water}, but {sent} was the last one sent")]
    AckOfUnsent {
        /// Acknowledged.
        high_water: Seq,
        /// Sent.
        sent: Seq,
    },
    /// The receiver wants what another one has acknowledged, so that it is not kept any more.
    #[error("peer wants batch {expected} again, but all up to {floor} is acknowledged and not kept")]
    NackBelowFloor {
        /// Wanted.
        expected: Seq,
        /// Acknowledged.
        floor: Seq,
    },
    /// Nothing came for too long.
    #[error("peer was silent for {} ms", silence.as_millis())]
    Silent {
        /// For how long.
        silence: Duration,
    },
}

/// The owner's call does not fit the moment. The machine is as it was, and nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum NotNow {
    /// The handshake is not done, or the connection is ending or has ended.
    #[error("the connection takes no {what} now")]
    NotOpen {
        /// What was to be written.
        what: &'static str,
    },
    /// The credit does not suffice: wait for an ack.
    #[error("{cost} bytes exceed the credit: {under_way} of {credit} are under way")]
    NoCredit {
        /// What the frame costs.
        cost: ByteCount,
        /// What is not acknowledged.
        under_way: ByteCount,
        /// What may be.
        credit: ByteCount,
    },
    /// Another number is due.
    #[error("number {due} is due, not {given}")]
    WrongNumber {
        /// What was given.
        given: Seq,
        /// What is due.
        due: Seq,
    },
    /// The stream cannot end yet.
    #[error("batches up to {last} were written, but only those up to {acked} are acked")]
    NotAcked {
        /// Written.
        last: Seq,
        /// Acked.
        acked: Seq,
    },
    /// A part is too long, or is empty and must not be.
    #[error("{what} of {bytes} bytes; 1 to {limit} are allowed")]
    Size {
        /// What it is.
        what: &'static str,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// To acknowledge what was never accepted would lose it.
    #[error("{durable} was never accepted: {accepted} is the last number of this connection")]
    NeverAccepted {
        /// Said to be durable.
        durable: Seq,
        /// Accepted.
        accepted: Seq,
    },
}
