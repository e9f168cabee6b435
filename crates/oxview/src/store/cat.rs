//! `oxstore cat`.

use crate::failure::{Outcome, Usage};
use crate::input::Input;
use crate::output::{self, Output};
use crate::read::{self, Reading};
use crate::sink::Sink;
use blueox_event::EncodedEvent;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Writes the events of all files as MsgPack.
///
/// # Errors
/// Those of standard output.
pub(super) fn cat(files: &[PathBuf], reading: &mut Reading<'_>) -> anyhow::Result<Outcome> {
    if output::columns().is_some() {
        return Err(Usage(
            "MsgPack is not for a terminal; write it to a file or pipe: oxstore cat ... | oxview".into(),
        )
        .into());
    }
    let mut bytes = Bytes { output: Output::open(None)?, count: 0 };
    for path in files {
        let Some(input) = reading.readable(Input::open(path)) else { continue };
        let _ = read::read(input, reading, &mut bytes)?;
    }
    bytes.output.flush()?;
    Ok(Outcome::Fine)
}

/// Events as they are.
struct Bytes {
    output: Output,
    count: u64,
}

impl Sink for Bytes {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        self.output.buffer.extend_from_slice(event.bytes());
        self.output.write_some()?;
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.output.flush()
    }

    fn count(&self) -> u64 {
        self.count
    }
}
