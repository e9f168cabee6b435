//! Messages that are encoded once and written again and again with other numbers.

use crate::clock::{self, Stopwatch};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// One message and where its number stands.
pub(crate) type Message = (Vec<u8>, usize);

/// What one write carries.
#[derive(Debug)]
pub(crate) struct Block {
    bytes: Vec<u8>,
    /// Where each message's number stands, and where the message ends.
    messages: Vec<(usize, usize)>,
    number: Number,
}

/// How a number stands in a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Number {
    /// The value of a MsgPack uint 32.
    Binary,
    /// Ten decimal digits.
    Decimal,
}

/// How fast one of several connections sends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Events a second, on this connection.
    pub(crate) rate: f64,
    /// The first write is so much of the time between two writes late: connections take turns.
    pub(crate) offset: f64,
}

impl Block {
    /// At most `size` bytes and `most` whole messages, at least one; `encode` gives the message with an index.
    pub(crate) fn new(
        size: usize,
        most: usize,
        number: Number,
        mut encode: impl FnMut(u64) -> anyhow::Result<Message>,
    ) -> anyhow::Result<Self> {
        let mut block = Self { bytes: Vec::new(), messages: Vec::new(), number };
        while block.messages.len() < most {
            let (message, number_at) = encode(block.messages.len() as u64)?;
            if !block.messages.is_empty() && block.bytes.len() + message.len() > size {
                break;
            }
            block.messages.push((block.bytes.len() + number_at, block.bytes.len() + message.len()));
            block.bytes.extend_from_slice(&message);
        }
        Ok(block)
    }

    /// Writes all numbers, or as many as there is time for until `stop` is set; `write` gets bytes, how many
    /// messages they are, and when they are due by the load's watch. Gives how many messages were written.
    pub(crate) fn write_all(
        &mut self,
        numbers: Range<u32>,
        pace: Option<Pace>,
        stop: &AtomicBool,
        mut write: impl FnMut(&[u8], u32, Option<Duration>) -> anyhow::Result<()>,
    ) -> anyhow::Result<u64> {
        let mut next = numbers.start;
        while next < numbers.end && !stop.load(Relaxed) {
            let begin = next;
            let mut end = 0;
            for ((number_at, message_end), number) in self.messages.iter().zip(next..numbers.end) {
                self.number.write(&mut self.bytes[*number_at..], number);
                end = *message_end;
                next = number + 1;
            }
            let sent_before = f64::from(begin - numbers.start);
            let due = pace.map(|pace| pace.due(sent_before, self.messages.len() as f64));
            write(&self.bytes[..end], next - begin, due)?;
        }
        Ok(u64::from(next - numbers.start))
    }
}

impl Number {
    fn write(self, at: &mut [u8], number: u32) {
        match self {
            Self::Binary => at[..4].copy_from_slice(&number.to_be_bytes()),
            Self::Decimal => {
                let mut rest = number;
                for digit in at[..10].iter_mut().rev() {
                    *digit = b'0' + (rest % 10) as u8;
                    rest /= 10;
                }
            }
        }
    }
}

impl Pace {
    fn due(self, sent: f64, in_a_write: f64) -> Duration {
        Duration::from_secs_f64((sent + self.offset * in_a_write) / self.rate)
    }
}

/// For connections that have nothing to do until then.
pub(crate) fn pause_until(due: Option<Duration>, watch: Stopwatch) {
    if let Some(left) = due.and_then(|due| due.checked_sub(watch.elapsed())) {
        clock::pause(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_written_once_and_in_order() {
        for number in [Number::Binary, Number::Decimal] {
            let mut block = Block::new(40, 100, number, |_| Ok((vec![0; 12], 2))).unwrap();
            let mut found = Vec::new();
            let written = block.write_all(5..12, None, &AtomicBool::new(false), |bytes, count, _| {
                assert_eq!(bytes.len(), 12 * count as usize);
                found.extend(bytes.chunks(12).map(|message| match number {
                    Number::Binary => u32::from_be_bytes(message[2..6].try_into().unwrap()),
                    Number::Decimal => std::str::from_utf8(&message[2..]).unwrap().parse().unwrap(),
                }));
                Ok(())
            });
            assert_eq!(written.unwrap(), 7);
            assert_eq!(found, [5, 6, 7, 8, 9, 10, 11]);
        }
    }

    #[test]
    fn connections_take_turns() {
        let pace = Pace { rate: 100.0, offset: 0.5 };
        assert_eq!(pace.due(0.0, 10.0), Duration::from_millis(50));
        assert_eq!(pace.due(10.0, 10.0), Duration::from_millis(150));
    }
}
