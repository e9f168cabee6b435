//! Reading files event by event: what is asked for, damage, progress.

use crate::damage::DamageReport;
use crate::input::{Input, Packing};
use crate::progress::Progress;
use crate::selection::Selection;
use crate::sink::Sink;
use crate::text;
use anyhow::Context;
use blueox_event::EncodedEvent;
use blueox_log::day_log::scan::{Scanner, Step};
use blueox_log::ranges::{Remark, Spans};
use blueox_query::catalog::Catalog;
use blueox_query::sealed::SealError;
use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::Path;
use std::rc::Rc;

/// What reading needs beside a file.
pub(crate) struct Reading<'a> {
    pub(crate) selection: &'a Selection,
    pub(crate) damage: &'a mut DamageReport,
    pub(crate) progress: &'a mut Progress,
    /// How many files could not be opened.
    pub(crate) unreadable: u64,
}

/// How many files that could not be opened are named.
const NAMED: u64 = 5;

impl Reading<'_> {
    /// The input, if it can be opened. If not, that is said, and the others are read.
    pub(crate) fn readable(&mut self, input: anyhow::Result<Input>) -> Option<Input> {
        input
            .map_err(|error| {
                if let Some(SealError::Corrupt { .. }) = error.downcast_ref() {
                    self.damage.add_sealed(&error.to_string());
                    return;
                }
                self.unreadable += 1;
                if self.unreadable <= NAMED {
                    self.progress.say(&format!("{error:#}"));
                }
            })
            .ok()
    }

    /// Says why events that several log paths have are shown more than once.
    pub(crate) fn say_of_ranges(&mut self, remark: &Remark) {
        let name = |path: &Path| text::printable_text(path.as_os_str().as_encoded_bytes());
        match remark {
            Remark::None { root } => self.progress.say(&format!(
                "{} does not say which batches it holds (an original daemon, or --spool none): events that another \
                 log path has too are shown twice",
                name(root)
            )),
            Remark::Damaged { path, damage } => self.damage.add_ranges(&name(path), damage),
            Remark::Unfit { path } => self.progress.say(&format!(
                "{} is not as it was written: events of it that another log path has too are shown twice",
                name(path)
            )),
        }
    }

    /// Says which sealed files are damaged. Where their day files are there nothing is missing.
    pub(crate) fn say_of_unreadable(&mut self, catalog: &Catalog) {
        for (_, why) in catalog.unreadable() {
            self.damage.add_sealed(why);
        }
    }

    /// Says how many files could not be opened, when not all were named.
    pub(crate) fn sum_up_unreadable(&self) {
        if self.unreadable > NAMED {
            self.progress.say(&format!("... {} files in all could not be opened", self.unreadable));
        }
    }
}

/// A file that is being read.
pub(crate) struct Log {
    name: String,
    compressed: bool,
    sealed: bool,
    waits: bool,
    scanner: Scanner<Box<dyn Read>>,
    dropped: Spans,
    consumed: Rc<Cell<u64>>,
    reported: u64,
}

impl Log {
    pub(crate) fn new(input: Input, buffer_bytes: usize) -> Self {
        Self {
            compressed: input.is_compressed(),
            sealed: input.packing == Packing::Parquet,
            waits: input.waits,
            scanner: Scanner::with_buffer(input.reader, buffer_bytes),
            name: input.name,
            consumed: input.consumed,
            dropped: Spans::default(),
            reported: 0,
        }
    }

    /// Leaves out the events that begin within these bytes.
    pub(crate) fn without(self, dropped: Spans) -> Self {
        Self { dropped, ..self }
    }

    /// Goes to the next event that is asked for. `false`: there is none.
    ///
    /// # Errors
    /// When the file cannot be read; those of `sink`, which is told when reading may take a while.
    pub(crate) fn advance(&mut self, reading: &mut Reading<'_>, sink: &mut dyn Sink) -> anyhow::Result<bool> {
        let selection = reading.selection;
        loop {
            match self.scanner.step_to(|event| selection.matches(event)) {
                Step::Event { offset } if self.dropped.holds(offset) => {}
                Step::Event { .. } => {
                    if sink.count() == 0 {
                        reading.progress.output_begins();
                    }
                    return Ok(true);
                }
                Step::Damage(damage) => reading.damage.add(&self.name, &damage, self.compressed),
                Step::End => return Ok(false),
                Step::More => {
                    // A file's bytes are there: nobody has to wait for them.
                    if self.waits {
                        sink.idle()?;
                    } else {
                        sink.pause()?;
                    }
                    self.fill(reading)?;
                    let consumed = self.consumed.get();
                    reading.progress.advance(consumed - self.reported, sink.count());
                    self.reported = consumed;
                }
            }
        }
    }

    fn fill(&mut self, reading: &mut Reading<'_>) -> anyhow::Result<()> {
        match self.scanner.fill() {
            Ok(0) => self.scanner.finish(),
            Ok(_) => {}
            Err(error) if self.sealed && error.raw_os_error().is_none() => {
                reading.damage.add_sealed(&error.to_string());
                self.scanner.finish();
                *self.scanner.source_mut() = Box::new(io::empty());
            }
            Err(error) if self.compressed && error.raw_os_error().is_none() => {
                reading.damage.add_compressed(&self.name, self.scanner.offset(), &error);
                // The end of what could be decompressed is cut off, and that has been said.
                self.scanner.finish();
                *self.scanner.source_mut() = Box::new(io::empty());
            }
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", self.name)),
        }
        Ok(())
    }

    /// The event gone to.
    pub(crate) fn event(&self) -> EncodedEvent<'_> {
        self.scanner.event()
    }
}

/// Gives the events of `input` that are asked for to `sink`.
///
/// # Errors
/// As [`Log::advance`].
pub(crate) fn read(
    input: Input,
    reading: &mut Reading<'_>,
    sink: &mut dyn Sink,
) -> anyhow::Result<ControlFlow<()>> {
    let mut log = Log::new(input, blueox_log::day_log::scan::SCAN_BUFFER_BYTES);
    while log.advance(reading, sink)? {
        if sink.event(&log.event())?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
