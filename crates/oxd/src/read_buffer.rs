//! What was received on a connection and not yet understood. An idle connection holds no memory; more than a
//! little is taken from a budget that all connections share.

use crate::budget::{Budget, Held};
use crate::socket::Socket;
use bytes::{Buf, BytesMut};
use std::io;

/// What every connection may take unasked.
const FREE_BYTES: usize = 8 << 10;
/// What a connection's first read asks for.
const FIRST_READ_BYTES: usize = 1 << 10;
/// What one read asks for at full speed.
const FULL_SPEED_BYTES: usize = 256 << 10;

/// Bytes between a socket and a decoder.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    bytes: BytesMut,
    budget: Budget,
    held: Option<Held>,
    /// How much the next read asks for: doubles while reads fill it, halves while they do not.
    chunk: usize,
}

impl ReadBuffer {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { bytes: BytesMut::new(), budget, held: None, chunk: FIRST_READ_BYTES }
    }

    pub(crate) fn unread(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn consume(&mut self, count: usize) {
        self.bytes.advance(count);
    }

    /// Waits until something can be read and appends it; `needed` is how many bytes must come before the
    /// decoder can go on. Gives the number of bytes, 0 at the end of the stream. Cancel safe.
    pub(crate) async fn fill(&mut self, stream: &Socket, needed: usize) -> io::Result<usize> {
        loop {
            if self.bytes.capacity() == 0 {
                stream.readable().await?;
            }
            self.make_room(needed).await;
            match stream.try_read_buf(&mut self.bytes) {
                Ok(count) => {
                    let full = self.bytes.len() == self.bytes.capacity();
                    self.chunk = if full { self.chunk * 2 } else { self.chunk / 2 };
                    self.chunk = self.chunk.clamp(FIRST_READ_BYTES, FULL_SPEED_BYTES);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // At full speed the memory is used again; who has nothing to say holds none.
                    if self.bytes.is_empty() {
                        self.bytes = BytesMut::new();
                        self.held = None;
                    }
                    stream.readable().await?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn make_room(&mut self, needed: usize) {
        let room = self.bytes.capacity() - self.bytes.len();
        if room > 0 && room >= needed {
            return;
        }
        let wanted = self.bytes.len() + self.chunk.max(needed);
        let required = self.bytes.len() + needed.max(1);
        let held = self.held.as_ref().map_or(0, Held::bytes) + FREE_BYTES;
        let target = if wanted <= held {
            wanted
        } else if let Some(more) = self.budget.try_take(wanted - held) {
            self.hold(more);
            wanted
        } else if required <= held {
            held
        } else {
            // As long as it takes: the sender feels it as back-pressure.
            let more = self.budget.take(required - held).await;
            self.hold(more);
            required
        };
        self.bytes.reserve(target - self.bytes.len());
    }

    fn hold(&mut self, more: Held) {
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
    }
}
