//! An event while it is open.
//!
//! Everything that is decided at the beginning (name, id, span, whether it is recorded) never changes and is read without a lock. What
//! is recorded, the body, is in the stack of the thread that is in the context as long as nobody else can reach it ([`crate::thread`]); from then on it stands behind
//! a lock of the context's own, which two threads meet at only if both write to the same context. No foreign code runs under it: values
//! are encoded before.
//!
//! Contexts hold the ones below them, so that names and levels are found without looking at any thread: that chain is what follows a future
//! or goes to another thread. Its length is bounded by [`NESTING`].
//!
//! A context that was opened before a fork belongs to the parent process: in the child it takes nothing and is never recorded there,
//! but gives its name and id to the contexts of the child.

use crate::body::Body;
use crate::clock::Moment;
use crate::event_layout::{EventHead, Outcome};
use crate::id::Id;
use crate::key::parts;
use crate::limits::NESTING;
use crate::name::{self, Place};
use crate::process::Incarnation;
use crate::recorder::{Recorder, Settings};
use crate::sampling::{Rate, Seed};
use crate::span_id::SpanId;
use crate::testing::Captured;
use crate::thread::Here;
use crate::value::Plain;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How a context is to be opened.
#[derive(Debug, Default)]
pub(crate) struct Opening<'a> {
    pub(crate) name: &'a str,
    pub(crate) id: Option<Id>,
    pub(crate) sample: Option<(&'a str, Rate)>,
    pub(crate) remote_parent: Option<SpanId>,
    /// Whether others than this thread's stack will hold it.
    pub(crate) is_shared: bool,
}

/// Where an event goes when it is done.
#[derive(Debug, Clone)]
pub(crate) enum Destination {
    Recorder,
    Capture(Arc<Captured>),
}

#[derive(Debug)]
pub(crate) struct Open {
    name: String,
    id: Id,
    span: SpanId,
    parent: Option<SpanId>,
    is_recorded: bool,
    rate: Rate,
    /// Whether it is nobody's child: then decisions for it are made from its id.
    is_first: bool,
    depth: u16,
    born_in: Incarnation,
    start: Moment,
    below: Option<Arc<Open>>,
    to: Destination,
    settings: &'static Settings,
    was_panicking: bool,
    is_done: AtomicBool,
    /// `None`: it is in a thread's stack, or gone.
    body: Mutex<Option<Box<Body>>>,
}

/// The open contexts from one of them outwards.
#[derive(Debug, Clone)]
pub(crate) struct Chain<'o>(pub(crate) Option<&'o Arc<Open>>);

impl<'o> Iterator for Chain<'o> {
    type Item = &'o Arc<Open>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let found = self.0?;
        self.0 = found.below.as_ref();
        Some(found)
    }
}

impl Open {
    /// Opens a context inside `current`. `None` when nothing is recorded anywhere.
    pub(crate) fn new(here: &Here, opening: Opening<'_>, current: Option<&Arc<Self>>) -> Option<Arc<Self>> {
        let recorder = Recorder::current();
        let to = match (here.capture(), current) {
            (Some(capture), _) => Destination::Capture(capture),
            (None, Some(current)) => current.to.clone(),
            (None, None) => Destination::Recorder,
        };
        if recorder.is_none() && matches!(to, Destination::Recorder) {
            return None;
        }
        let settings = recorder.map_or_else(Settings::defaults, Recorder::settings);
        let mut pooled = here.pooled().unwrap_or_else(|| Arc::new(Self::blank(settings)));
        let open = Arc::get_mut(&mut pooled).expect("BUG: a pooled context is nobody else's");
        open.begin(here, opening, current, to, settings);
        Some(pooled)
    }

    fn blank(settings: &'static Settings) -> Self {
        Self {
            name: String::new(),
            id: Id::NONE,
            span: SpanId::new(1),
            parent: None,
            is_recorded: false,
            rate: Rate::ALL,
            is_first: true,
            depth: 0,
            born_in: Incarnation::current(),
            start: Moment::default(),
            below: None,
            to: Destination::Recorder,
            settings,
            was_panicking: false,
            is_done: AtomicBool::new(true),
            body: Mutex::new(None),
        }
    }

    fn begin(
        &mut self,
        here: &Here,
        opening: Opening<'_>,
        current: Option<&Arc<Self>>,
        to: Destination,
        settings: &'static Settings,
    ) {
        let chain = Chain(current);
        self.born_in = Incarnation::current();
        self.start = Moment::now();
        let place = name::resolve(opening.name, chain.clone().map(|open| open.name.as_str()), &mut self.name);
        let child_of = place.and_then(|place: Place| chain.clone().nth(place));
        let (span, random) = here.draw(self.born_in);
        self.span = SpanId::new(span);
        self.id = opening
            .id
            .or_else(|| child_of.map(|parent| parent.id.clone()))
            .unwrap_or_else(|| Id::made(self.start, random));
        self.is_first = child_of.is_none();
        let family = chain.clone().find(|open| open.is_recorded && open.id == self.id);
        self.parent = family.map(|open| open.span).or(opening.remote_parent);
        let (parent_is_recorded, parent_rate) =
            child_of.map_or((true, Rate::ALL), |parent| (parent.is_recorded, parent.rate));
        (self.is_recorded, self.rate) = (parent_is_recorded, parent_rate);
        if let Some((level, rate)) = opening.sample {
            self.is_recorded &= rate.keeps(self.seed_at(level, child_of, chain));
            self.rate = parent_rate.and(rate);
        }
        (self.depth, self.below) = place_above(current);
        self.to = to;
        self.settings = settings;
        self.was_panicking = std::thread::panicking();
        *self.is_done.get_mut() = false;
        *self.body.get_mut().unwrap_or_else(PoisonError::into_inner) =
            opening.is_shared.then(|| here.new_body(settings.event_bytes));
    }

    /// What the decision at `level` is made from.
    fn seed_at(&self, level: &str, child_of: Option<&Arc<Self>>, mut chain: Chain<'_>) -> Seed {
        let at = match level {
            "." => None,
            ".." => child_of,
            "^" => chain.last(),
            name if *name == *self.name => None,
            name => chain.find(|open| open.name == name),
        };
        at.map_or_else(|| self.seed(), |open| open.seed().below(&self.name))
    }

    fn seed(&self) -> Seed {
        if self.is_first { self.id.seed() } else { Seed::of_span(self.span) }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn id(&self) -> &Id {
        &self.id
    }

    pub(crate) fn span(&self) -> SpanId {
        self.span
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    pub(crate) fn settings(&self) -> &'static Settings {
        self.settings
    }

    /// Whether a value that is set now would stand in an event.
    #[inline]
    pub(crate) fn takes_values(&self) -> bool {
        self.is_recorded && !self.is_done.load(Ordering::Relaxed) && self.born_in == Incarnation::current()
    }

    /// Lets `change` change the body, unless the context takes no values (any more).
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Body) -> R) -> Option<R> {
        if !self.takes_values() {
            return None;
        }
        let mut body = self.body();
        if self.is_done.load(Ordering::Relaxed) {
            return None;
        }
        body.as_deref_mut().map(change)
    }

    fn body(&self) -> MutexGuard<'_, Option<Box<Body>>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the body over from the thread that was alone with the context.
    #[cold]
    pub(crate) fn keep(&self, body: Box<Body>) {
        *self.body() = Some(body);
    }

    pub(crate) fn set<'k>(&self, key: impl Iterator<Item = &'k [u8]>, value: &[u8]) {
        self.change(|body| body.set(key, value));
    }

    /// Whether a part of the key is a secret's name.
    #[inline]
    pub(crate) fn is_secret(&self, key: &str) -> bool {
        parts(key).any(|part| self.settings.values.scrubber.is_secret(part))
    }

    /// Puts a value that needs no code of its own into `body`, this context's. `false`: it has to be cut or scrubbed, and is not set.
    #[inline]
    pub(crate) fn put_plain(&self, body: &mut Body, key: &str, value: Plain<'_>) -> bool {
        let settings = self.settings;
        if let Plain::Text(text) = value
            && text.len() > settings.values.text_bytes.min(settings.event_bytes)
        {
            return false;
        }
        body.set_plain(key, value, &settings.values.scrubber)
    }

    /// Records the event, once.
    pub(crate) fn finish(&self, here: Option<&Here>, outcome: Outcome) {
        if self.is_done.load(Ordering::Relaxed) || self.born_in != Incarnation::current() {
            return; // in a child the lock may have been held by a thread that does not exist here
        }
        let body = self.body();
        // The lock is held: nobody else says so at the same time.
        let was_done = self.is_done.load(Ordering::Relaxed);
        self.is_done.store(true, Ordering::Relaxed);
        if let Some(body) = &*body
            && !was_done
        {
            self.record(here, body, outcome);
        }
    }

    /// As [`Open::finish`], for the thread that was alone with the context and has its body.
    #[inline]
    pub(crate) fn finish_alone(&self, here: Option<&Here>, body: &Body, outcome: Outcome) {
        if self.born_in == Incarnation::current() {
            self.is_done.store(true, Ordering::Relaxed); // contexts inside of it may still name it
            self.record(here, body, outcome);
        }
    }

    fn record(&self, here: Option<&Here>, body: &Body, outcome: Outcome) {
        if !self.is_recorded {
            return;
        }
        let head = self.head(outcome);
        match &self.to {
            Destination::Capture(capture) => {
                capture.record(|out| head.encode(Settings::defaults(), body, out));
            }
            Destination::Recorder => {
                if let Some(recorder) = Recorder::current() {
                    let bound = head.bound() + body.encoded_bound();
                    recorder.record(here, bound, |out| head.encode(recorder.settings(), body, out));
                }
            }
        }
    }

    /// Ends it without an event.
    pub(crate) fn discard(&self) {
        if self.born_in == Incarnation::current() {
            self.is_done.store(true, Ordering::Relaxed);
        }
    }

    /// The event as it would be recorded now. `None` when its memory was given back, and in a child of the process that opened it.
    pub(crate) fn snapshot(&self) -> Option<Vec<u8>> {
        if self.born_in != Incarnation::current() {
            return None; // as in `finish`
        }
        let body = self.body();
        let mut out = Vec::new();
        self.head(Outcome::Finished).encode(self.settings, body.as_ref()?, &mut out);
        Some(out)
    }

    fn head(&self, outcome: Outcome) -> EventHead<'_> {
        let start = self.start.seconds();
        EventHead {
            name: &self.name,
            id: &self.id,
            span: self.span,
            parent: self.parent,
            rate: self.rate,
            outcome,
            start,
            end: start + Moment::now().since(self.start).as_secs_f64(),
        }
    }

    /// Whether the stack has begun to unwind since the context was opened.
    pub(crate) fn is_unwinding(&self) -> bool {
        std::thread::panicking() && !self.was_panicking
    }

    /// Gives the context back to the thread, if nobody else has it, or at least its memory. `body`: if that was the thread's.
    pub(crate) fn recycle(mut self: Arc<Self>, here: Option<&Here>, body: Option<Box<Body>>) {
        let forgets_nothing = self.below.is_none() && matches!(self.to, Destination::Recorder);
        // There are no weak ones: one that is alone stays alone.
        if body.is_some() && forgets_nothing && Arc::strong_count(&self) == 1 {
            if let (Some(here), Some(body)) = (here, body) {
                here.pool_body(body);
                here.pool(self);
            }
            return;
        }
        let mut body = body;
        if let Some(open) = Arc::get_mut(&mut self) {
            open.below = None;
            open.to = Destination::Recorder;
            body = body.or_else(|| open.body.get_mut().unwrap_or_else(PoisonError::into_inner).take());
            if let Some(here) = here {
                here.pool(self);
            }
        } else if body.is_none() && self.born_in == Incarnation::current() {
            body = self.body().take();
        }
        if let (Some(here), Some(body)) = (here, body) {
            here.pool_body(body);
        }
    }
}

/// The depth of a context that is opened inside `current`, and which one it holds. At the limit the chain begins again at the outermost.
fn place_above(current: Option<&Arc<Open>>) -> (u16, Option<Arc<Open>>) {
    match current {
        None => (0, None),
        Some(current) if current.depth < NESTING => (current.depth + 1, Some(Arc::clone(current))),
        Some(current) => (1, Chain(Some(current)).last().map(Arc::clone)),
    }
}
