//! What the frames of a log say, applied in order as recovery does it; and where they contradict each other.

use super::frame::{FrameType, Header};
use super::position::Place;
use super::record::OpenFile;
use super::state::State;
use super::stream::StreamId;

/// The state that the frames so far make, and what is wrong with them.
#[derive(Debug)]
pub(crate) struct Contents {
    state: State,
    /// A checkpoint was met, and nothing is missing since.
    whole: bool,
    any_checkpoint: bool,
}

/// Why a sound frame is wrong all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Contradiction {
    /// Opening refuses it.
    #[error("a sound frame whose payload makes no sense")]
    Payload,
    /// Opening believes it.
    #[error("a checkpoint with other {0} than the frames before it make")]
    Checkpoint(&'static str),
}

impl Contents {
    pub(crate) fn new() -> Self {
        Self { state: State::new(StreamId(0)), whole: false, any_checkpoint: false }
    }

    /// Whether any checkpoint was met.
    pub(crate) fn any_checkpoint(&self) -> bool {
        self.any_checkpoint
    }

    /// Behind the last frame.
    pub(crate) fn tail(&self) -> Place {
        self.state.tail
    }

    /// How far the readers have got.
    pub(crate) fn cursors(&self) -> impl Iterator<Item = &Place> {
        self.state.cursors.values()
    }

    /// Files that are being written, and how far they are vouched for.
    pub(crate) fn files(&self) -> impl Iterator<Item = &OpenFile> {
        self.state.files.values()
    }

    /// Something before the next frame cannot be read.
    pub(crate) fn damaged(&mut self) {
        self.whole = false;
    }

    /// The next frame, at byte `offset` of its segment.
    pub(crate) fn apply(
        &mut self,
        offset: u64,
        header: &Header,
        payload: &[u8],
    ) -> Result<(), Contradiction> {
        let is_checkpoint = header.frame_type == FrameType::Checkpoint;
        let before = (is_checkpoint && self.whole).then(|| self.state.clone());
        self.whole &= !header.is_mend();
        if self.state.apply(header, payload).is_err() {
            self.state.roll_back();
            self.whole = false;
            return Err(Contradiction::Payload);
        }
        self.state.settle();
        if is_checkpoint {
            (self.whole, self.any_checkpoint) = (true, true);
        }
        let Some(before) = before else { return Ok(()) };
        let after = &self.state;
        // Inside a segment a checkpoint may give the daemon another stream.
        let what = match () {
            () if offset == 0
                && (before.own_stream, before.own_base) != (after.own_stream, after.own_base) =>
            {
                "own stream"
            }
            () if before.marks != after.marks => "marks",
            () if before.cursors != after.cursors => "cursors",
            () if before.files != after.files => "files",
            () => return Ok(()),
        };
        Err(Contradiction::Checkpoint(what))
    }
}
