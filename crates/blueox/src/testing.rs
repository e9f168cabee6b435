//! Help for tests of applications: what would have been sent.

use crate::recorder::{add_taker, remove_taker};
use crate::thread::Here;
use blueox_event::{EncodedEvent, Event, Path, Value, json};
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

/// Collects the events of contexts that this thread opens, and of those below them in other threads, until it is dropped. Nothing of them is sent.
///
/// ```
/// let events = blueox::testing::capture();
/// {
///     let _request = blueox::context("request");
///     blueox::set("user.id", 42);
/// }
/// let all = events.all();
/// assert_eq!(all[0].type_name(), "request");
/// assert_eq!(all[0].json("body"), r#"{"user":{"id":42}}"#);
/// assert_eq!(all[0].get("user.id"), Some(42u64.into()));
/// ```
#[must_use = "it collects until it is dropped"]
pub fn capture() -> Capture {
    let captured = Arc::new(Captured::default());
    let before = Here::with(|here| here.and_then(|here| here.set_capture(Some(Arc::clone(&captured)))));
    add_taker();
    Capture { captured, before, is_bound_to_thread: PhantomData }
}

/// Events that are collected. Made by [`capture`].
///
/// ```
/// let events: blueox::testing::Capture = blueox::testing::capture();
/// drop(blueox::context("request"));
/// assert_eq!(events.all().len(), 1);
/// ```
#[derive(Debug)]
pub struct Capture {
    captured: Arc<Captured>,
    before: Option<Arc<Captured>>,
    is_bound_to_thread: PhantomData<*const ()>,
}

/// One event that was captured.
///
/// ```
/// let events = blueox::testing::capture();
/// drop(blueox::context("request"));
/// let event: blueox::testing::CapturedEvent = events.all().remove(0);
/// assert_eq!(event.type_name(), "request");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedEvent {
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub(crate) struct Captured {
    events: Mutex<Vec<CapturedEvent>>,
}

impl Captured {
    pub(crate) fn record(&self, encode: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = Vec::new();
        encode(&mut bytes);
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(CapturedEvent { bytes });
    }
}

impl Capture {
    /// All events so far, in the order in which they ended.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// drop(blueox::context("first"));
    /// drop(blueox::context("second"));
    /// assert_eq!(events.all()[1].type_name(), "second");
    /// ```
    #[must_use]
    pub fn all(&self) -> Vec<CapturedEvent> {
        self.captured.events.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of one type.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// drop(blueox::context("request"));
    /// drop(blueox::context("job"));
    /// assert_eq!(events.of("job").len(), 1);
    /// ```
    #[must_use]
    pub fn of(&self, type_name: &str) -> Vec<CapturedEvent> {
        self.all().into_iter().filter(|event| event.type_name() == type_name).collect()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        let before = self.before.take();
        Here::with(|here| here.and_then(|here| here.set_capture(before)));
        remove_taker();
    }
}

impl CapturedEvent {
    /// The event as it would travel.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// drop(blueox::context("request"));
    /// assert_eq!(events.all()[0].encoded().type_bytes(), b"request");
    /// ```
    #[must_use]
    pub fn encoded(&self) -> EncodedEvent<'_> {
        EncodedEvent::parse(&self.bytes).expect("BUG: an event is one whole map")
    }

    /// Its type.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// drop(blueox::context("request"));
    /// assert_eq!(events.all()[0].type_name(), "request");
    /// ```
    #[must_use]
    pub fn type_name(&self) -> String {
        String::from_utf8_lossy(self.encoded().type_bytes()).into_owned()
    }

    /// The value under a dotted path; `body.` may be left out, as in filters.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// blueox::context("request").set("status", 200);
    /// assert_eq!(events.all()[0].get("status"), Some(200u64.into()));
    /// assert_eq!(events.all()[0].get("nothing"), None);
    /// ```
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Value> {
        match self.encoded().lookup(&Path::parse(path).ok()?)? {
            blueox_event::event::Found::Value(raw) => Some(Value::from_raw(raw)),
            blueox_event::event::Found::Duration(seconds) => Some(seconds.into()),
        }
    }

    /// The value under a dotted path as JSON; empty if there is none.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// blueox::context("request").set("user.id", 42);
    /// assert_eq!(events.all()[0].json("body"), r#"{"user":{"id":42}}"#);
    /// ```
    #[must_use]
    pub fn json(&self, path: &str) -> String {
        let mut text = String::new();
        let path = Path::parse(path).ok();
        match path.and_then(|path| self.encoded().lookup(&path)) {
            Some(blueox_event::event::Found::Value(raw)) => json::write(raw, &mut text),
            Some(blueox_event::event::Found::Duration(seconds)) => text = seconds.to_string(),
            None => {}
        }
        text
    }

    /// All of it, decoded. `None` if its own fields are not as an application makes them.
    ///
    /// ```
    /// let events = blueox::testing::capture();
    /// drop(blueox::context("request"));
    /// let event = events.all()[0].decoded().unwrap();
    /// assert_eq!(event.pid, std::process::id());
    /// ```
    #[must_use]
    pub fn decoded(&self) -> Option<Event> {
        let text = |path| match self.get(path) {
            Some(Value::Str(text)) => String::from_utf8(text).ok(),
            _ => None,
        };
        let encoded = self.encoded();
        Some(Event {
            type_name: text("type")?,
            id: self.get("id")?,
            host: text("host")?,
            pid: encoded.pid()?.as_f64()? as u32,
            start: encoded.start()?,
            end: encoded.end()?,
            body: encoded.body().map_or(Value::Nil, Value::from_raw),
        })
    }
}
