//! WELCOME: the receiver's answer, which tells where to go on.

use super::fields::Fields;
use super::frame::{self, Kind};
use super::{ByteCount, NativeError, NodeId, Seq};
use crate::limits::MAX_CREDIT;

/// What the receiver answers to a HELLO that it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Welcome {
    /// The daemon.
    pub node: NodeId,
    /// Whether its acks mean "on disk". Otherwise they mean "received".
    pub durable: bool,
    /// The last number of the stream whose commit is durable here.
    pub high_water: Seq,
    /// How many bytes may be under way.
    pub credit: ByteCount,
}

impl Welcome {
    pub(super) fn parse(fields: &[u8]) -> Result<(u16, Self), NativeError> {
        let mut fields = Fields::new(Kind::Welcome, fields);
        let minor = fields.u16()?;
        let durable = fields.u8()? != 0;
        fields.bytes(5)?;
        let node = NodeId(fields.u128()?);
        let high_water = fields.seq()?;
        let credit = ByteCount(fields.u64()?.min(MAX_CREDIT));
        Ok((minor, Self { node, durable, high_water, credit }))
    }

    pub(super) fn write(&self, minor: u16, output: &mut Vec<u8>) {
        frame::write(output, Kind::Welcome, |head| {
            head.extend_from_slice(&minor.to_le_bytes());
            head.push(u8::from(self.durable));
            head.extend_from_slice(&[0; 5]);
            head.extend_from_slice(&self.node.0.to_le_bytes());
            head.extend_from_slice(&self.high_water.get().to_le_bytes());
            head.extend_from_slice(&self.credit.0.to_le_bytes());
        });
    }
}
