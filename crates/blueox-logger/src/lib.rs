//! BlueOx for [log](https://docs.rs/log): a log line is the event `.log`, below the context that it is written in.
//!
//! ```
//! # let events = blueox::testing::capture();
//! blueox_logger::Logger::new(log::LevelFilter::Info).install()?;
//! let _request = blueox::context("request");
//! log::warn!(items = 3; "the cart is {}", "stale");
//! # let line = &events.all()[0];
//! # assert_eq!((line.type_name().as_str(), line.json("body.level").as_str()), ("request.log", r#""WARN""#));
//! # assert_eq!((line.json("body.msg").as_str(), line.json("body.items").as_str()), (r#""the cart is stale""#, "3"));
//! # Ok::<(), log::SetLoggerError>(())
//! ```
//!
//! An event has `name` (the target), `level`, `msg`, `at` (file and line) and the line's own keys and values; those of them that would hide the
//! first four stand in `fields`. A value that is called `error`, `err` or `exception` is the `exception` of the line, and at the level ERROR of the
//! context that it is in too.

use blueox::{Handle, OpenContext, Writer};
use log::kv::{Key, Value, VisitSource, VisitValue};
use log::{Level, LevelFilter, Log, Metadata, Record, SetLoggerError};
use std::fmt;

/// Makes events of log lines.
///
/// ```
/// let logger = blueox_logger::Logger::new(log::LevelFilter::Debug);
/// assert!(log::Log::enabled(&logger, &log::Metadata::builder().level(log::Level::Debug).build()));
/// ```
#[must_use = "nothing is recorded until it is installed"]
pub struct Logger {
    level: LevelFilter,
    beside: Option<Box<dyn Log>>,
}

impl Logger {
    /// Takes lines up to `level`.
    ///
    /// ```
    /// let logger = blueox_logger::Logger::new(log::LevelFilter::Info);
    /// # drop(logger);
    /// ```
    pub fn new(level: LevelFilter) -> Self {
        Self { level, beside: None }
    }

    /// Hands every line to `other` too, one that prints for example, whatever its level is.
    ///
    /// ```
    /// # use blueox_logger::Logger;
    /// let quiet = Logger::new(log::LevelFilter::Error);
    /// let logger = Logger::new(log::LevelFilter::Info).beside(quiet);
    /// # drop(logger);
    /// ```
    pub fn beside(mut self, other: impl Log + 'static) -> Self {
        self.beside = Some(Box::new(other));
        self
    }

    /// Makes it the logger of this process, which takes one once. Lines above its level are not even formatted, unless there is one beside it.
    ///
    /// # Errors
    /// When there is a logger already.
    ///
    /// ```
    /// blueox_logger::Logger::new(log::LevelFilter::Info).install()?;
    /// log::info!("as an event, if somebody wants it");
    /// # Ok::<(), log::SetLoggerError>(())
    /// ```
    pub fn install(self) -> Result<(), SetLoggerError> {
        let level = if self.beside.is_some() { LevelFilter::Trace } else { self.level };
        log::set_boxed_logger(Box::new(self))?;
        log::set_max_level(level);
        Ok(())
    }
}

impl fmt::Debug for Logger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logger").field("level", &self.level).finish_non_exhaustive()
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= self.level || self.beside.as_ref().is_some_and(|other| other.enabled(metadata))
    }

    fn log(&self, record: &Record<'_>) {
        if record.level() <= self.level {
            write(record);
        }
        if let Some(other) = &self.beside {
            other.log(record);
        }
    }

    fn flush(&self) {
        if let Some(other) = &self.beside {
            other.flush();
        }
    }
}

fn write(record: &Record<'_>) {
    let line = blueox::builder(".log").open();
    if !line.is_recorded() {
        return;
    }
    line.set("name", record.target());
    line.set("level", record.level().as_str());
    line.set("msg", record.args());
    let blamed = (record.level() == Level::Error).then(blueox::current).flatten();
    // Our own visitor fails at nothing.
    let _ = record.key_values().visit(&mut Fields { line: &line, blamed });
    if let (Some(file), Some(number)) = (record.file(), record.line()) {
        line.set("at", format_args!("{file}:{number}"));
    }
}

/// Takes a line's keys and values.
struct Fields<'l> {
    line: &'l OpenContext,
    blamed: Option<Handle>,
}

impl<'kvs> VisitSource<'kvs> for Fields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), log::kv::Error> {
        let key = key.as_str();
        if matches!(key, "error" | "err" | "exception") {
            for context in std::iter::once(&**self.line).chain(&self.blamed) {
                context.set_with("exception", |to| write_error(to, &value));
            }
        } else if matches!(key, "name" | "level" | "msg" | "at") {
            self.line.set_at(&["fields", key], |to| write_value(to, &value));
        } else {
            self.line.set_with(key, |to| write_value(to, &value));
        }
        Ok(())
    }
}

fn write_error(to: Writer<'_>, value: &Value<'_>) {
    to.map(|exception| {
        exception.entry_with(b"message", |to| to.display(value));
    });
}

fn write_value(to: Writer<'_>, value: &Value<'_>) {
    let mut place = Place(Some(to));
    // Our own visitor fails at nothing.
    let _ = value.visit(&mut place);
}

/// The place for one value, until it is taken.
struct Place<'w>(Option<Writer<'w>>);

impl Place<'_> {
    fn put(&mut self, value: impl blueox::Record) -> Result<(), log::kv::Error> {
        if let Some(to) = self.0.take() {
            value.record(to);
        }
        Ok(())
    }
}

impl<'v> VisitValue<'v> for Place<'_> {
    fn visit_any(&mut self, value: Value<'_>) -> Result<(), log::kv::Error> {
        self.put(blueox::display(value))
    }

    fn visit_null(&mut self) -> Result<(), log::kv::Error> {
        self.put(())
    }

    fn visit_u64(&mut self, value: u64) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_i64(&mut self, value: i64) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_u128(&mut self, value: u128) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_i128(&mut self, value: i128) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_f64(&mut self, value: f64) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_bool(&mut self, value: bool) -> Result<(), log::kv::Error> {
        self.put(value)
    }

    fn visit_str(&mut self, value: &str) -> Result<(), log::kv::Error> {
        self.put(value)
    }
}

#[cfg(test)]
mod tests;
