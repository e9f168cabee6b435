//! Events on their way to text: grouped, cut to fields, formed, written.

use crate::form::Form;
use crate::group::Grouper;
use crate::output::Output;
use crate::projection::Projection;
use crate::sink::Sink;
use blueox_event::EncodedEvent;
use std::ops::ControlFlow;

/// Shows events.
pub(crate) struct View {
    form: Box<dyn Form>,
    projection: Projection,
    grouper: Option<Grouper>,
    output: Output,
    count: u64,
}

impl View {
    pub(crate) fn new(form: Box<dyn Form>, projection: Projection, group: bool, output: Output) -> Self {
        Self { form, projection, grouper: group.then(Grouper::default), output, count: 0 }
    }

    /// Shows what is left. Gives what there is to say about the whole.
    ///
    /// # Errors
    /// Those of standard output.
    pub(crate) fn finish(mut self) -> anyhow::Result<Option<String>> {
        if let Some(mut grouper) = self.grouper.take() {
            while let Some(group) = grouper.oldest() {
                self.group(&group)?;
            }
        }
        self.form.settle(&mut self.output.buffer);
        self.output.flush()?;
        Ok(self.form.remark())
    }

    fn group(&mut self, events: &[Vec<u8>]) -> anyhow::Result<()> {
        let cut: Vec<Option<Vec<u8>>> =
            events.iter().map(|bytes| self.projection.without_hidden(&parse(bytes))).collect();
        let events: Vec<EncodedEvent<'_>> =
            events.iter().zip(&cut).map(|(bytes, cut)| parse(cut.as_ref().unwrap_or(bytes))).collect();
        self.form.group(&events, &mut self.output.buffer);
        self.output.write_some()
    }
}

impl Sink for View {
    fn event(&mut self, event: &EncodedEvent<'_>) -> anyhow::Result<ControlFlow<()>> {
        self.count += 1;
        if let Some(grouper) = &mut self.grouper {
            for group in grouper.add(event) {
                self.group(&group)?;
            }
            return Ok(ControlFlow::Continue(()));
        }
        match self.projection.without_hidden(event) {
            Some(cut) => self.form.event(&parse(&cut), &mut self.output.buffer),
            None => self.form.event(event, &mut self.output.buffer),
        }
        self.output.write_some()?;
        Ok(ControlFlow::Continue(()))
    }

    fn idle(&mut self) -> anyhow::Result<()> {
        self.form.settle(&mut self.output.buffer);
        self.output.flush()?;
        self.output.check()
    }

    fn pause(&mut self) -> anyhow::Result<()> {
        self.output.flush()?;
        self.output.check()
    }

    fn count(&self) -> u64 {
        self.count
    }
}

fn parse(bytes: &[u8]) -> EncodedEvent<'_> {
    EncodedEvent::parse(bytes).expect("BUG: an event that was just one")
}
