//! A context that can be written to, from anywhere.

use crate::body::Body;
use crate::event_layout::Outcome;
use crate::key::parts;
use crate::number::Number;
use crate::open::{Chain, Open};
use crate::propagation::TraceParent;
use crate::scrub::SCRUBBED;
use crate::span_id::SpanId;
use crate::thread::Here;
use crate::timer::Timer;
use crate::value::Record;
use crate::writer::{self, Writer};
use std::sync::Arc;

/// A share in a context: it can be cloned, sent to other threads, and written to until the context is done. It does not keep the context open.
///
/// Where nothing is recorded all its methods are no-ops.
///
/// ```
/// # let events = blueox::testing::capture();
/// let request = blueox::context("request");
/// let handle = request.handle();
/// std::thread::spawn(move || handle.set("found_by", "worker")).join().unwrap();
/// drop(request);
/// # assert_eq!(events.all()[0].json("body.found_by"), r#""worker""#);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Handle(pub(crate) Option<Arc<Open>>);

impl Handle {
    /// Puts `value` under `key`, in the place of what was there. Dots make maps: `response.status`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.set("response.status", 200);
    /// request.set("response.bytes", 5120);
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body"), r#"{"response":{"status":200,"bytes":5120}}"#);
    /// ```
    #[inline]
    pub fn set(&self, key: &str, value: impl Record) {
        if let Some(open) = &self.0 {
            if let Some(plain) = value.plain()
                && open.change(|body| open.put_plain(body, key, plain)) != Some(false)
            {
                return;
            }
            Here::with(|here| set(here, open, key, |to| value.record(to)));
        }
    }

    /// As [`Handle::set`]; `fill` writes the value. It is not called when nobody takes it.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.set_with("args", |to| to.list(|args| {
    ///     args.item(&1);
    ///     args.item("two");
    /// }));
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.args"), r#"[1,"two"]"#);
    /// ```
    pub fn set_with(&self, key: &str, fill: impl FnOnce(Writer<'_>)) {
        if let Some(open) = &self.0 {
            Here::with(|here| set(here, open, key, fill));
        }
    }

    /// As [`Handle::set_with`], under a key whose parts are given apart and may hold dots.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.set_at(&["hosts", "web-1.example.com"], |to| to.uint(3));
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body"), r#"{"hosts":{"web-1.example.com":3}}"#);
    /// ```
    pub fn set_at(&self, parts: &[&str], fill: impl FnOnce(Writer<'_>)) {
        let Some(open) = &self.0 else { return };
        let parts = || parts.iter().take(crate::limits::KEY_PARTS).map(|part| part.as_bytes());
        Here::with(|here| {
            encoded(here, open, parts(), fill, |value| open.set(parts(), value));
        });
    }

    /// Appends `value` to the list under `key`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.append("steps", "parsed");
    /// request.append("steps", "stored");
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.steps"), r#"["parsed","stored"]"#);
    /// ```
    #[inline]
    pub fn append(&self, key: &str, value: impl Record) {
        self.append_with(key, |to| value.record(to));
    }

    /// As [`Handle::append`]; `fill` writes the value.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.append_with("steps", |to| to.text("parsed"));
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.steps"), r#"["parsed"]"#);
    /// ```
    pub fn append_with(&self, key: &str, fill: impl FnOnce(Writer<'_>)) {
        if let Some(open) = &self.0 {
            Here::with(|here| append(here, open, key, fill));
        }
    }

    /// Adds `number` to the counter under `key`, which begins with 0.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.add("queries", 1);
    /// request.add("queries", 2);
    /// drop(request);
    /// # assert_eq!(events.all()[0].json("body.queries"), "3");
    /// ```
    #[inline]
    pub fn add(&self, key: &str, number: impl Into<Number>) {
        if let Some(open) = &self.0 {
            add(open, key, number.into());
        }
    }

    /// Puts the seconds until the timer is dropped under `key`.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// {
    ///     let _timer = request.timeit("parsing");
    ///     // parse
    /// }
    /// drop(request);
    /// # assert!(events.all()[0].json("body.parsing").parse::<f64>().unwrap() >= 0.0);
    /// ```
    #[must_use = "it measures until it is dropped"]
    pub fn timeit<'k>(&self, key: &'k str) -> Timer<'k> {
        Timer::new(self.clone(), key)
    }

    /// The full name; empty where nothing is recorded.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// assert_eq!(blueox::context(".sql").name(), "request.sql");
    /// ```
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.as_ref().map_or("", |open| open.name())
    }

    /// The id as text, shared by a context and those below it; empty where nothing is recorded.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// assert_eq!(blueox::context(".sql").id(), request.id());
    /// ```
    #[must_use]
    pub fn id(&self) -> String {
        self.0.as_ref().map_or_else(String::new, |open| open.id().to_string())
    }

    /// The span: this context's alone. `None` where nothing is recorded.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let (request, other) = (blueox::context("request"), blueox::context("request.sql"));
    /// assert_ne!(request.span(), other.span());
    /// assert_eq!(blueox::Handle::default().span(), None);
    /// ```
    #[must_use]
    pub fn span(&self) -> Option<SpanId> {
        self.0.as_ref().map(|open| open.span())
    }

    /// Whether the context's event will be recorded: something takes events, and it was not sampled away.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// assert!(blueox::context("request").is_recorded());
    /// assert!(!blueox::builder("request").sample(".", 0.0).enter().is_recorded());
    /// ```
    #[must_use]
    #[inline]
    pub fn is_recorded(&self) -> bool {
        self.0.as_ref().is_some_and(|open| open.takes_values())
    }

    /// An open context from here outwards: `.` is this one, `..` the one around it, `^` the outermost, else one by its full name.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// let sql = blueox::context(".sql");
    /// assert_eq!(sql.find("..").unwrap().name(), "request");
    /// assert_eq!(sql.find("request.sql").unwrap().name(), "request.sql");
    /// assert!(sql.find("job").is_none());
    /// ```
    #[must_use]
    pub fn find(&self, level: &str) -> Option<Self> {
        let mut chain = Chain(self.0.as_ref());
        let found = match level {
            "." => chain.next(),
            ".." => chain.nth(1),
            "^" => chain.last(),
            name => chain.find(|open| open.name() == name),
        };
        found.map(|open| Self(Some(Arc::clone(open))))
    }

    /// The W3C `traceparent` by which another process goes on with this id; `None` for an id of another form.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// let header = request.trace_parent().unwrap().to_string();
    /// assert!(header.contains(&request.id()));
    /// ```
    #[must_use]
    pub fn trace_parent(&self) -> Option<TraceParent> {
        let open = self.0.as_ref()?;
        let crate::id::Id::Made(id) = open.id() else { return None };
        Some(TraceParent { id: *id, span: open.span(), is_sampled: open.is_recorded() })
    }

    /// Records the event now, once; what is set later is lost. Usually the drop of a [`Context`](crate::Context) does that.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.done();
    /// request.set("late", true); // lost
    /// drop(request); // is recorded already
    /// assert_eq!(events.all().len(), 1);
    /// ```
    pub fn done(&self) {
        self.done_as(Outcome::Finished);
    }

    /// As [`Handle::done`], with how it ended.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// blueox::context("job").done_as(blueox::Outcome::Cancelled);
    /// # assert_eq!(events.all()[0].json("outcome"), r#""cancelled""#);
    /// ```
    pub fn done_as(&self, outcome: Outcome) {
        if let Some(open) = &self.0 {
            Here::with(|here| open.finish(here, outcome));
        }
    }

    /// Ends the context without an event: it was opened, and then not needed.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let job = blueox::builder("job").open();
    /// job.discard();
    /// drop(job);
    /// assert!(events.all().is_empty());
    /// ```
    pub fn discard(&self) {
        if let Some(open) = &self.0 {
            open.discard();
        }
    }

    /// The event's MsgPack as it would be if the context ended now. `None` where nothing is recorded.
    ///
    /// ```
    /// # let events = blueox::testing::capture();
    /// let request = blueox::context("request");
    /// request.set("path", "/cart");
    /// assert!(request.snapshot().is_some_and(|event| event.ends_with(b"\xa4path\xa5/cart")));
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Option<Vec<u8>> {
        self.0.as_ref()?.snapshot()
    }
}

/// Encodes a value outside of the context's lock, as the value's own code may do anything, and hands it to `put`.
#[inline]
pub(crate) fn encoded<'k>(
    here: Option<&Here>,
    open: &Open,
    mut key: impl Iterator<Item = &'k [u8]>,
    fill: impl FnOnce(Writer<'_>),
    put: impl FnOnce(&[u8]),
) {
    if !open.takes_values() {
        return;
    }
    let limits = &open.settings().values;
    let is_secret = key.any(|part| limits.scrubber.is_secret(part));
    let write = |bytes: &mut Vec<u8>| {
        if is_secret {
            writer::write(bytes, SCRUBBED, limits, SCRUBBED.len());
        } else {
            writer::write_with(bytes, limits, open.settings().event_bytes, fill);
        }
        put(bytes);
    };
    match here {
        Some(here) => here.with_scratch(write),
        None => write(&mut Vec::new()),
    }
}

#[inline]
pub(crate) fn set(here: Option<&Here>, open: &Open, key: &str, fill: impl FnOnce(Writer<'_>)) {
    encoded(here, open, parts(key), fill, |value| open.set(parts(key), value));
}

/// As [`set`], in the context that the thread is in, if it is in one.
#[inline]
pub(crate) fn set_current(here: &Here, key: &str, value: &impl Record) {
    if let Some(plain) = value.plain()
        && here.change_current(|open, body| open.put_plain(body, key, plain)) != Some(false)
    {
        return;
    }
    write_current(here, key, |to| value.record(to), |body, value| body.set(parts(key), value));
}

/// As [`append`], in the context that the thread is in, if it is in one.
pub(crate) fn append_current(here: &Here, key: &str, value: &impl Record) {
    write_current(here, key, |to| value.record(to), |body, value| body.append(parts(key), value));
}

/// As [`add`], in the context that the thread is in, if it is in one.
#[inline]
pub(crate) fn add_current(here: &Here, key: &str, number: Number) {
    here.change_current(|open, body| {
        if !open.is_secret(key) {
            body.add(parts(key), number);
        }
    });
}

/// The value's own code runs while nothing is borrowed: it may open contexts.
fn write_current(here: &Here, key: &str, fill: impl FnOnce(Writer<'_>), put: impl FnOnce(&mut Body, &[u8])) {
    let found = here.with_current(|open| {
        let open = open.filter(|open| open.takes_values())?;
        Some((open.settings(), open.is_secret(key)))
    });
    let Some((settings, is_secret)) = found else { return };
    here.with_scratch(|bytes| {
        if is_secret {
            writer::write(bytes, SCRUBBED, &settings.values, SCRUBBED.len());
        } else {
            writer::write_with(bytes, &settings.values, settings.event_bytes, fill);
        }
        here.change_current(|_, body| put(body, bytes));
    });
}

#[inline]
pub(crate) fn append(here: Option<&Here>, open: &Open, key: &str, fill: impl FnOnce(Writer<'_>)) {
    encoded(here, open, parts(key), fill, |value| {
        open.change(|body| body.append(parts(key), value));
    });
}

/// Counters are numbers: nobody's secret, but what is under a secret's name stays so.
#[inline]
pub(crate) fn add(open: &Open, key: &str, number: Number) {
    if !open.is_secret(key) {
        open.change(|body| body.add(parts(key), number));
    }
}
