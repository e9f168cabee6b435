//! What a receiver gives to its owner.

use super::{Batch, Hello, Lost, Report, Seq, SeqRange};

/// Something that the receiver's owner must know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Arrival<'b> {
    /// Who connects. Comes once and first. The owner looks the stream up and answers with
    /// [`welcome`](super::Receiver::welcome), [`refuse`](super::Receiver::refuse) or
    /// [`busy`](super::Receiver::busy).
    Hello(Hello<'b>),
    /// A batch was accepted: it is to be committed. A number comes at most once on a connection.
    Data {
        /// The batch. Its payload is undamaged as far as its checksum tells.
        batch: Batch<'b>,
        /// Numbers before it that another receiver has acked: a gap record becomes durable before it or with it.
        gap: Option<SeqRange>,
    },
    /// Numbers that will never come were accepted: a record of them is to be committed.
    Lost {
        /// What was lost.
        lost: Lost,
        /// As with [`Arrival::Data`].
        gap: Option<SeqRange>,
    },
    /// The producer's account. It was answered.
    Ping(Report<'b>),
    /// The stream ends: when all up to `last_seq` and this are durable, the owner calls
    /// [`farewell`](super::Receiver::farewell).
    Bye {
        /// The stream's last number.
        last_seq: Seq,
        /// As with [`Arrival::Data`].
        gap: Option<SeqRange>,
    },
}
