//! Golden bytes, then any bytes, then rules one by one, then the model check.

mod bytes;
mod golden;
mod model;
mod rules;
mod speed;

use super::*;
use std::time::Duration;

pub(super) const NOW: Duration = Duration::ZERO;

pub(super) fn introduction(session: u64) -> Introduction<'static> {
    Introduction { session: Session(session), host: "web1", pid: 42, token: None }
}

pub(super) fn welcome(high_water: u64, credit: u64) -> Welcome {
    Welcome { node: NodeId(9), durable: true, high_water: Seq::new(high_water), credit: ByteCount(credit) }
}

/// A batch whose payload tells its number.
pub(super) fn payload(seq: u64) -> Vec<u8> {
    format!("batch {seq}").into_bytes()
}

pub(super) fn take(output: &mut Vec<u8>) -> Vec<u8> {
    std::mem::take(output)
}

/// All that a receiver finds in the bytes, which it must use up.
pub(super) fn arrivals<'b>(
    receiver: &mut Receiver,
    mut input: &'b [u8],
) -> Result<Vec<Arrival<'b>>, NativeError> {
    let mut seen = Vec::new();
    loop {
        let step = receiver.advance(input)?;
        input = &input[step.consumed..];
        match step.item {
            Some(item) => seen.push(item),
            None => {
                assert!(input.is_empty() && step.needed > 0);
                return Ok(seen);
            }
        }
    }
}

pub(super) fn notices<'b>(sender: &mut Sender, mut input: &'b [u8]) -> Result<Vec<Notice<'b>>, NativeError> {
    let mut seen = Vec::new();
    loop {
        let step = sender.advance(input, NOW)?;
        input = &input[step.consumed..];
        match step.item {
            Some(item) => seen.push(item),
            None => {
                assert!(input.is_empty() && step.needed > 0);
                return Ok(seen);
            }
        }
    }
}

/// A sender that has `acked` and `last` behind it, met by a receiver that has `high_water`.
pub(super) fn met(acked: u64, last: u64, high_water: u64, credit: u64) -> (Sender, Receiver) {
    let mut sender = Sender::resume(StreamId(7), Role::Daemon, Seq::new(acked), Seq::new(last));
    sender.connect(&introduction(1), NOW);
    let mut receiver = Receiver::accept();
    let hello = take(sender.output());
    assert!(matches!(arrivals(&mut receiver, &hello).unwrap()[..], [Arrival::Hello(_)]));
    receiver.welcome(&welcome(high_water, credit)).unwrap();
    let answer = take(receiver.output());
    assert!(matches!(notices(&mut sender, &answer).unwrap()[..], [Notice::Welcomed { .. }]));
    (sender, receiver)
}
