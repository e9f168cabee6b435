//! Numbers of what never ends. On a terminal a table is drawn again and again in its place; elsewhere each step of time
//! is written once, when it is over.

use super::counting::Counter;
use super::{Form, Manner};
use crate::clock::{self, Stopwatch};
use crate::output::Output;
use blueox_query::statistics::Statistics;
use std::time::Duration;

/// How often a table is drawn.
const INTERVAL: Duration = Duration::from_millis(500);
/// How many steps of time a table on a terminal goes back.
const STEPS: u64 = 60;
/// How long after its end events of a step of time may still come, in seconds.
const GRACE_SECONDS: f64 = 2.0;
/// How many events come before a busy stream is looked at.
const BUSY_EVENTS: u32 = 1024;

/// Shows numbers while they change.
pub(crate) struct LiveView {
    manner: Manner,
    output: Output,
    /// Since when the table has stood on the terminal.
    drawn: Option<Stopwatch>,
    /// How many lines it has.
    lines: usize,
    events: u32,
    header: bool,
}

impl LiveView {
    /// # Errors
    /// When standard output is closed.
    pub(crate) fn open(manner: Manner) -> anyhow::Result<Self> {
        Ok(Self { manner, output: Output::open(None)?, drawn: None, lines: 0, events: 0, header: true })
    }

    /// Another event has come, and others wait.
    ///
    /// # Errors
    /// Those of standard output.
    pub(crate) fn busy(&mut self, counter: &mut Counter) -> anyhow::Result<()> {
        self.events += 1;
        if self.events < BUSY_EVENTS {
            return Ok(());
        }
        self.events = 0;
        self.show(counter, false)
    }

    /// No event waits.
    ///
    /// # Errors
    /// Those of standard output; also when nobody reads any more.
    pub(crate) fn idle(&mut self, counter: &mut Counter) -> anyhow::Result<()> {
        self.show(counter, true)?;
        self.output.check()
    }

    /// Writes what is left, and gives what there is to say about it.
    ///
    /// # Errors
    /// Those of standard output.
    pub(crate) fn end(&mut self, counter: &Counter) -> anyhow::Result<Vec<String>> {
        self.erase();
        let remarks = super::write(counter, &self.manner(), &mut self.output.buffer);
        self.output.flush()?;
        Ok(remarks)
    }

    fn manner(&mut self) -> Manner {
        Manner { header: std::mem::replace(&mut self.header, false), ..self.manner.clone() }
    }

    /// `idle`: what was sent has come.
    fn show(&mut self, counter: &mut Counter, idle: bool) -> anyhow::Result<()> {
        if self.manner.columns.is_some() && self.manner.form == Form::Table {
            if self.drawn.is_none_or(|drawn| drawn.elapsed() >= INTERVAL) {
                self.draw(counter)?;
            }
            return Ok(());
        }
        if let Counter::Statistics(statistics) = counter {
            self.write_finished_steps(statistics, idle)?;
        }
        Ok(())
    }

    /// Draws the table over the one before.
    fn draw(&mut self, counter: &mut Counter) -> anyhow::Result<()> {
        self.drawn = Some(Stopwatch::start());
        if let Counter::Statistics(statistics) = counter
            && let (Some(latest), Some(now)) = (statistics.latest_step(), statistics.step_of(clock::now()))
        {
            // An event from the future does not make the present go away.
            statistics.forget_before(latest.min(now).saturating_sub(STEPS - 1));
        }
        self.erase();
        let before = self.output.buffer.len();
        let _ = super::write(counter, &self.manner, &mut self.output.buffer);
        self.lines = self.output.buffer[before..].iter().filter(|byte| **byte == b'\n').count();
        self.output.flush()
    }

    fn erase(&mut self) {
        if self.lines > 0 {
            // Up to the first line, and everything from there on away.
            let back = format!("\x1b[{}A\x1b[J", self.lines);
            self.output.buffer.extend_from_slice(back.as_bytes());
            self.lines = 0;
        }
    }

    fn write_finished_steps(&mut self, statistics: &mut Statistics, idle: bool) -> anyhow::Result<()> {
        let Some(latest) = statistics.latest_step() else { return Ok(()) };
        let over = statistics.step_of(clock::now() - GRACE_SECONDS).unwrap_or(0);
        // While events of the past still come, only they tell what is over; and what is yet to come is never over.
        let over = over.min(if idle { latest + 1 } else { latest.saturating_sub(1) });
        let finished = statistics.take_before(over);
        if finished.latest_step().is_some() {
            let table = finished.finish(self.manner.wanted);
            super::table_view::write(&table, &self.manner(), &mut self.output.buffer);
        }
        self.output.flush()
    }
}
