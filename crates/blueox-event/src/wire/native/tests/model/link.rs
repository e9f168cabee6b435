//! A connection: frames under way in both directions, and its receiver.

use super::super::super::frame::HEADER_BYTES;
use super::super::super::inlet::PREFACE;
use super::super::super::{Receiver, Session, StreamId};
use std::collections::VecDeque;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) agent: usize,
    pub(super) collector: usize,
    /// The agent has let go; what is under way may still arrive.
    pub(super) hangs: bool,
    pub(super) to_collector: VecDeque<Vec<u8>>,
    pub(super) to_agent: VecDeque<Vec<u8>>,
    pub(super) receiver: Receiver,
    /// From HELLO.
    pub(super) who: Option<(StreamId, Session)>,
    /// HELLO was admitted and waits for its WELCOME.
    pub(super) waits: bool,
    /// Frames were lost, doubled or swapped: protocol errors are no wonder.
    pub(super) is_confused: bool,
}

impl Link {
    pub(super) fn new(agent: usize, collector: usize, forgets_the_floor: bool) -> Self {
        let mut receiver = Receiver::accept();
        receiver.forgets_the_floor = forgets_the_floor;
        let (to_collector, to_agent) = (VecDeque::new(), VecDeque::new());
        let (hangs, waits, is_confused) = (false, false, false);
        Self { agent, collector, hangs, to_collector, to_agent, receiver, who: None, waits, is_confused }
    }
}

/// Cuts what a side has written into the preface and frames.
pub(super) fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = if bytes[0] == 0 {
            PREFACE.len()
        } else {
            let head = usize::from(u16::from_le_bytes([bytes[2], bytes[3]]));
            let payload = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]) as usize;
            HEADER_BYTES + head + payload
        };
        let (frame, rest) = bytes.split_at(length);
        frames.push(frame.to_vec());
        bytes = rest;
    }
    frames
}
