//! tracing's events as log lines.

use crate::fields::LineFields;
use blueox::Handle;
use tracing_core::{Event, Level};

/// Records a log line in `context`; `None`: in none.
pub(crate) fn record(event: &Event<'_>, context: Option<Handle>) {
    let metadata = event.metadata();
    let around = context.unwrap_or_default();
    let line = blueox::builder(".log").under(&around).open();
    if !line.is_recorded() {
        return;
    }
    line.set("name", metadata.target());
    line.set("level", metadata.level().as_str());
    let is_error = *metadata.level() == Level::ERROR;
    event.record(&mut LineFields::of(&line, is_error, Some(&around)));
    if let (Some(file), Some(number)) = (metadata.file(), metadata.line()) {
        line.set("at", format_args!("{file}:{number}"));
    }
}
