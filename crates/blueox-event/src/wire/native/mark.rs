//! ACK, NACK, PONG, BYE and BUSY: frames of one or two numbers.

use super::fields::Fields;
use super::frame::{self, Kind};
use super::{ByteCount, NativeError, Seq};
use crate::limits::MAX_CREDIT;
use std::time::Duration;

pub(super) fn write_ack(output: &mut Vec<u8>, high_water: Seq, credit: ByteCount) {
    frame::write(output, Kind::Ack, |head| {
        head.extend_from_slice(&high_water.get().to_le_bytes());
        head.extend_from_slice(&credit.0.to_le_bytes());
    });
}

#[inline]
pub(super) fn parse_ack(fields: &[u8]) -> Result<(Seq, ByteCount), NativeError> {
    let mut fields = Fields::new(Kind::Ack, fields);
    Ok((fields.seq()?, ByteCount(fields.u64()?.min(MAX_CREDIT))))
}

/// NACK's expected number and BYE's last one.
pub(super) fn write_seq(output: &mut Vec<u8>, kind: Kind, seq: Seq) {
    frame::write(output, kind, |head| head.extend_from_slice(&seq.get().to_le_bytes()));
}

pub(super) fn parse_seq(kind: Kind, fields: &[u8]) -> Result<Seq, NativeError> {
    Fields::new(kind, fields).seq()
}

pub(super) fn write_pong(output: &mut Vec<u8>, nonce: u64) {
    frame::write(output, Kind::Pong, |head| head.extend_from_slice(&nonce.to_le_bytes()));
}

pub(super) fn parse_pong(fields: &[u8]) -> Result<u64, NativeError> {
    Fields::new(Kind::Pong, fields).u64()
}

/// BUSY: `retry` is cut to 49 days.
pub(super) fn write_busy(output: &mut Vec<u8>, retry: Duration) {
    let retry_ms = u32::try_from(retry.as_millis()).unwrap_or(u32::MAX);
    frame::write(output, Kind::Busy, |head| head.extend_from_slice(&retry_ms.to_le_bytes()));
}

pub(super) fn parse_busy(fields: &[u8]) -> Result<Duration, NativeError> {
    let retry_ms = Fields::new(Kind::Busy, fields).u32()?;
    Ok(Duration::from_millis(u64::from(retry_ms)))
}
