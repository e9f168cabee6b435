//! The output forms: events as bytes for people and programs.

pub(crate) mod csv;
mod json;
mod line;
mod logfmt;
mod msgpack;
mod pretty;

use crate::args::OutputForm;
use crate::palette::Palette;
use crate::projection::Projection;
use blueox_event::EncodedEvent;

/// Writes events in one form.
pub(crate) trait Form {
    /// Appends one event.
    fn event(&mut self, event: &EncodedEvent<'_>, out: &mut Vec<u8>);

    /// Appends the events of one id.
    fn group(&mut self, events: &[EncodedEvent<'_>], out: &mut Vec<u8>) {
        for event in events {
            self.event(event, out);
        }
    }

    /// Nothing may come for a while, or ever again: what was kept back is appended now.
    fn settle(&mut self, _out: &mut Vec<u8>) {}

    /// What there is to say about the whole output once it is complete.
    fn remark(&self) -> Option<String> {
        None
    }
}

/// For whom it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Audience {
    pub(crate) palette: Palette,
    /// The columns of the terminal; `None` when it is none.
    pub(crate) columns: Option<usize>,
}

/// The form called `form`.
pub(crate) fn form(form: OutputForm, projection: Projection, audience: Audience) -> Box<dyn Form> {
    match form {
        OutputForm::Auto if audience.columns.is_some() => Box::new(line::Line::new(projection, audience)),
        OutputForm::Line => Box::new(line::Line::new(projection, audience)),
        OutputForm::Pretty => Box::new(pretty::Pretty::new(projection, audience)),
        OutputForm::Auto | OutputForm::Json => Box::new(json::Json::new(projection, audience)),
        OutputForm::Csv => Box::new(csv::Csv::new(&projection)),
        OutputForm::Logfmt => Box::new(logfmt::Logfmt::new(projection)),
        OutputForm::Msgpack => Box::new(msgpack::Msgpack::new(projection)),
    }
}
