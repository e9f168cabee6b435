//! tracing's fields as values.

use blueox::Handle;
use std::error::Error;
use std::fmt::Debug;
use tracing_core::Field;
use tracing_core::field::Visit;

/// Takes the fields of a span.
pub(crate) struct SpanFields<'c> {
    context: &'c Handle,
}

impl<'c> SpanFields<'c> {
    pub(crate) fn of(context: &'c Handle) -> Self {
        Self { context }
    }
}

/// Those of a log line: its message is called `msg`, and what would hide the line's own fields stands in `fields`.
pub(crate) struct LineFields<'c> {
    context: &'c Handle,
    /// Whether the line tells of an error.
    pub(crate) is_error: bool,
    /// The context that the error counts for, too.
    blamed: Option<&'c Handle>,
}

impl<'c> LineFields<'c> {
    pub(crate) fn of(context: &'c Handle, is_error: bool, blamed: Option<&'c Handle>) -> Self {
        Self { context, is_error, blamed }
    }

    fn put(&self, field: &Field, value: impl blueox::Record + Copy) {
        match field.name() {
            "message" => self.context.set("msg", value),
            name @ ("name" | "level" | "msg" | "at") => {
                self.context.set_at(&["fields", name], |to| value.record(to));
            }
            name => self.context.set(name, value),
        }
    }

    /// Notes what went wrong here and, for an error, in the context that the line is in.
    fn blame(&self, write: impl Fn(blueox::Writer<'_>)) {
        self.context.set_with("exception", &write);
        if let (true, Some(blamed)) = (self.is_error, self.blamed) {
            blamed.set_with("exception", &write);
        }
    }
}

/// Whether a field of this name holds what went wrong, though only as text.
fn tells_of_error(name: &str) -> bool {
    matches!(name, "error" | "err" | "exception")
}

impl Visit for SpanFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.context.set(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.context.set(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.context.set(field.name(), value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.context.set(field.name(), value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.context.set(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.context.set(field.name(), value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.context.set(field.name(), value);
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.context.set_with(field.name(), |to| to.bytes(value));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.context.set(field.name(), blueox::error(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.context.set(field.name(), blueox::debug(value));
    }
}

impl Visit for LineFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_bytes(&mut self, field: &Field, value: &[u8]) {
        self.context.set_with(field.name(), |to| to.bytes(value));
    }

    fn record_error(&mut self, _: &Field, value: &(dyn Error + 'static)) {
        self.blame(|to| blueox::Record::record(&blueox::error(value), to));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if tells_of_error(field.name()) {
            self.blame(|to| {
                to.map(|exception| {
                    exception.entry_with(b"message", |to| to.debug(value));
                });
            });
        } else {
            self.put(field, Shown(value));
        }
    }
}

/// A `Debug` as text.
#[derive(Clone, Copy)]
struct Shown<'v>(&'v dyn Debug);

impl blueox::Record for Shown<'_> {
    fn record(&self, to: blueox::Writer<'_>) {
        to.debug(self.0);
    }
}
