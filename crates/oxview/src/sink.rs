//! What takes events.

use blueox_event::EncodedEvent;
use std::collections::VecDeque;
use std::ops::ControlFlow;

/// The end of an event's way: a view, a trace, or something that keeps the last few for one of them.
pub(crate) trait Sink {
    /// Takes an event. `Break`: no further one is wanted.
    ///
    /// # Errors
    /// Those of standard output.
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>>;

    /// It may take a while until the next event: what is there is shown.
    ///
    /// # Errors
    /// Those of standard output; [`crate::failure::ClosedPipe`] also when there is nothing to show.
    fn idle(&mut self) -> anyhow::Result<()>;

    /// It goes on at once, but this is a moment to look whether anyone still reads.
    ///
    /// # Errors
    /// As [`Sink::idle`].
    fn pause(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// How many events it has taken.
    fn count(&self) -> u64;
}

/// Keeps the last events.
#[derive(Debug)]
pub(crate) struct Tail {
    room: usize,
    kept: VecDeque<Vec<u8>>,
    count: u64,
}

impl Tail {
    pub(crate) fn new(room: usize) -> Self {
        Self { room, kept: VecDeque::new(), count: 0 }
    }

    pub(crate) fn into_events(self) -> VecDeque<Vec<u8>> {
        self.kept
    }
}

impl Sink for Tail {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        if self.room == 0 {
            return Ok(ControlFlow::Break(()));
        }
        // The oldest event's memory is used again.
        let mut bytes =
            if self.kept.len() == self.room { self.kept.pop_front().unwrap_or_default() } else { Vec::new() };
        bytes.clear();
        bytes.extend_from_slice(event.bytes());
        self.kept.push_back(bytes);
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn count(&self) -> u64 {
        self.count
    }
}

/// Hands events that were kept to `sink`.
///
/// # Errors
/// Those of `sink`.
pub(crate) fn replay<'a>(
    events: impl IntoIterator<Item = &'a Vec<u8>>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    for bytes in events {
        let event = EncodedEvent::parse(bytes).expect("BUG: it was an event when it was kept");
        if sink.event(&event)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
