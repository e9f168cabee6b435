//! A sealed file as the MsgPack of its events, one after another.

use blueox_log::ranges::Spans;
use blueox_query::need::Need;
use blueox_query::sealed::{SealError, SealedFile, SealedRows};
use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

/// So many bytes of events are made at once.
const CHUNK_BYTES: usize = 64 << 10;

/// What a sealed file gives back.
pub(crate) struct Unsealed {
    rows: SealedRows,
    events: Vec<u8>,
    given: usize,
    /// How many bytes of the file count as read, when so many more events have been.
    consumed: Rc<Cell<u64>>,
    bytes: u64,
    left: u64,
    /// What could be read is given before it is told that no more can.
    broken: Option<SealError>,
}

impl Unsealed {
    pub(crate) fn of(
        file: &SealedFile,
        need: &Need,
        dropped: Spans,
        consumed: Rc<Cell<u64>>,
    ) -> anyhow::Result<Self> {
        let bytes = file.length();
        let rows = file.rows(need, file.groups_needed(need), dropped)?;
        Ok(Self { rows, events: Vec::new(), given: 0, consumed, bytes, left: file.events(), broken: None })
    }

    fn fill(&mut self) -> io::Result<()> {
        self.events.clear();
        self.given = 0;
        if let Some(error) = self.broken.take() {
            return Err(io::Error::other(error));
        }
        while self.events.len() < CHUNK_BYTES {
            match self.rows.next_event() {
                Some(Err(error)) => {
                    self.broken = Some(error);
                    break;
                }
                Some(Ok((_, event))) => {
                    self.events.extend_from_slice(event);
                    let share = self.bytes.saturating_sub(self.consumed.get()) / self.left.max(1);
                    self.consumed.set(self.consumed.get() + share);
                    self.left = self.left.saturating_sub(1);
                }
                None => {
                    self.consumed.set(self.bytes);
                    return Ok(());
                }
            }
        }
        if self.events.is_empty()
            && let Some(error) = self.broken.take()
        {
            return Err(io::Error::other(error));
        }
        Ok(())
    }
}

impl Read for Unsealed {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.events.len() {
            self.fill()?;
        }
        let count = out.len().min(self.events.len() - self.given);
        out[..count].copy_from_slice(&self.events[self.given..self.given + count]);
        self.given += count;
        Ok(count)
    }
}
