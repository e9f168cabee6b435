//! Who takes finished events: at most one recorder at a time, for the whole process.
//!
//! A recorder is never freed: threads may hold it without a lock for as long as they live, and an application configures a handful of times. After
//! a fork the child makes its own from the same configuration, at its first use; it touches nothing of its parent's, whose locks may be held by
//! threads that do not exist in the child.

use crate::address::Address;
use crate::budget::Budget;
use crate::clock::Moment;
use crate::config::{Config, ConfigError, Function, Target};
use crate::doorbell::Doorbell;
use crate::process::{Incarnation, pid};
use crate::stats::Stats;
use crate::tally::Tally;
use crate::thread::Here;
use crate::thread_buffer::{Recorded, ThreadBuffer};
use crate::transport;
use crate::writer::ValueLimits;
use blueox_event::{EncodedEvent, Value};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static CURRENT: AtomicPtr<Recorder> = AtomicPtr::new(std::ptr::null_mut());

/// How many want events: the recorder, and captures. While it is 0 every call returns at once.
static TAKERS: AtomicUsize = AtomicUsize::new(0);

/// Whether anybody wants events.
#[inline]
pub(crate) fn is_wanted() -> bool {
    TAKERS.load(Ordering::Relaxed) != 0
}

pub(crate) fn add_taker() {
    TAKERS.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn remove_taker() {
    TAKERS.fetch_sub(1, Ordering::Relaxed);
}

/// What an event's encoding needs of the configuration.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) event_bytes: usize,
    pub(crate) values: ValueLimits,
    /// Two pairs of the event's map, encoded.
    host_and_pid: Vec<u8>,
}

/// Where events go.
pub(crate) enum Route {
    Function(Function),
    Daemon { address: Address, socket: Option<PathBuf> },
}

pub(crate) struct Recorder {
    born_in: Incarnation,
    pub(crate) config: Config,
    settings: Settings,
    pub(crate) route: Route,
    pub(crate) budget: Budget,
    pub(crate) doorbell: Doorbell,
    /// For threads that are ending and have no buffer any more.
    orphans: Arc<ThreadBuffer>,
    registry: Mutex<Registry>,
    is_started: AtomicBool,
    progress: Mutex<Progress>,
    has_progressed: Condvar,
}

/// The threads' buffers and what was collected from them. Its lock makes its holder the one collector.
#[derive(Debug)]
pub(crate) struct Registry {
    pub(crate) buffers: Vec<Arc<ThreadBuffer>>,
    pub(crate) tally: Tally,
    /// Events that a daemon has acked (an original daemon: that were written to its socket).
    pub(crate) accepted: u64,
    pub(crate) is_connected: bool,
    pub(crate) problem: Option<String>,
}

/// What others want from the transport, and how far it is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub(crate) flushes_wanted: u64,
    pub(crate) flushes_done: u64,
    /// Everything is to be given up at this moment.
    pub(crate) end_by: Option<Moment>,
    pub(crate) has_ended: bool,
}

/// A thread's buffer, and whose it is.
pub(crate) struct Attachment {
    recorder: &'static Recorder,
    buffer: Arc<ThreadBuffer>,
}

impl std::fmt::Debug for Attachment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attachment").finish_non_exhaustive()
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

impl Settings {
    fn new(config: &Config) -> Self {
        let host = config.host.clone().unwrap_or_else(machine_name);
        let host =
            host.get(..host.floor_char_boundary(blueox_event::limits::MAX_HOST_BYTES)).unwrap_or_default();
        let mut host_and_pid = Vec::new();
        for value in [Value::from("host"), Value::from(host), Value::from("pid"), Value::from(pid())] {
            value.write_msgpack(&mut host_and_pid);
        }
        Self { event_bytes: config.event_bytes, values: config.values.clone(), host_and_pid }
    }

    /// Those of captures: nothing was configured.
    pub(crate) fn defaults() -> &'static Self {
        static DEFAULTS: LazyLock<Settings> = LazyLock::new(|| Settings::new(&Config::none()));
        &DEFAULTS
    }

    pub(crate) fn host_and_pid(&self) -> &[u8] {
        &self.host_and_pid
    }
}

/// The machine's name, as events carry it.
pub(crate) fn machine_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl Recorder {
    /// Makes `config` the one in force. The recorder before, if there is one, is given back: it is still to be ended.
    pub(crate) fn install(config: Config) -> Result<Option<&'static Self>, ConfigError> {
        let route = match &config.target {
            Target::None => None,
            Target::Function(function) => Some(Route::Function(Arc::clone(function))),
            Target::Daemon(_) => config.address()?.map(|(address, socket)| Route::Daemon { address, socket }),
        };
        let next = route.map(|route| &*Box::leak(Box::new(Self::new(config, route))));
        Ok(Self::replace(next))
    }

    /// Takes the recorder away.
    pub(crate) fn uninstall() -> Option<&'static Self> {
        Self::replace(None)
    }

    fn replace(next: Option<&'static Self>) -> Option<&'static Self> {
        if next.is_some() {
            add_taker();
        }
        let next = next.map_or(std::ptr::null_mut(), |next| std::ptr::from_ref(next).cast_mut());
        let before = Self::leaked(CURRENT.swap(next, Ordering::AcqRel));
        if before.is_some() {
            remove_taker();
        }
        before.filter(|before| before.is_of_this_process())
    }

    #[expect(unsafe_code, reason = "what is in CURRENT was leaked")]
    #[inline]
    fn leaked(pointer: *mut Self) -> Option<&'static Self> {
        // SAFETY: only null and pointers from `&'static Recorder` are ever stored in CURRENT, and nobody makes a `&mut` of them.
        unsafe { pointer.as_ref() }
    }

    /// The one in force, of this process.
    #[inline]
    pub(crate) fn current() -> Option<&'static Self> {
        let current = Self::leaked(CURRENT.load(Ordering::Acquire))?;
        if current.is_of_this_process() { Some(current) } else { current.succeeded() }
    }

    /// The one in force, unless it is a parent's.
    pub(crate) fn current_if_used() -> Option<&'static Self> {
        Self::leaked(CURRENT.load(Ordering::Acquire)).filter(|current| current.is_of_this_process())
    }

    #[inline]
    fn is_of_this_process(&self) -> bool {
        self.born_in == Incarnation::current()
    }

    /// This process is a child: it gets a recorder of its own.
    #[cold]
    fn succeeded(&'static self) -> Option<&'static Self> {
        let route = match &self.route {
            Route::Function(function) => Route::Function(Arc::clone(function)),
            Route::Daemon { address, socket } => {
                Route::Daemon { address: address.clone(), socket: socket.clone() }
            }
        };
        let next: &'static Self = Box::leak(Box::new(Self::new(self.config.clone(), route)));
        let (old, new) = (std::ptr::from_ref(self).cast_mut(), std::ptr::from_ref(next).cast_mut());
        match CURRENT.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(next),
            Err(other_thread) => Self::leaked(other_thread),
        }
    }

    fn new(config: Config, route: Route) -> Self {
        let orphans = Arc::new(ThreadBuffer::default());
        let registry = Registry {
            buffers: vec![Arc::clone(&orphans)],
            tally: Tally::default(),
            accepted: 0,
            is_connected: false,
            problem: None,
        };
        Self {
            born_in: Incarnation::current(),
            settings: Settings::new(&config),
            budget: Budget::new(config.memory),
            config,
            route,
            doorbell: Doorbell::new(),
            orphans,
            registry: Mutex::new(registry),
            is_started: AtomicBool::new(false),
            progress: Mutex::new(Progress::default()),
            has_progressed: Condvar::new(),
        }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes an event of at most `bound` bytes, which `encode` writes.
    #[inline]
    pub(crate) fn record(
        &'static self,
        here: Option<&Here>,
        bound: usize,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        if let Route::Function(function) = &self.route {
            return self.hand_over(here, function, encode);
        }
        let recorded = match here {
            Some(here) => {
                let mut attachment = here.attachment.borrow_mut();
                let attachment = match &mut *attachment {
                    Some(attachment) if std::ptr::eq(attachment.recorder, self) => attachment,
                    other => other.insert(self.attach()),
                };
                attachment.buffer.record(bound, &self.budget, encode)
            }
            None => self.orphans.record(bound, &self.budget, encode),
        };
        if recorded == Recorded::Urgently {
            self.doorbell.ring();
        } else {
            self.doorbell.ring_if_asleep();
        }
        if !self.is_started.load(Ordering::Relaxed) {
            self.start();
        }
    }

    #[cold]
    fn attach(&'static self) -> Attachment {
        let buffer = Arc::new(ThreadBuffer::default());
        self.registry().buffers.push(Arc::clone(&buffer));
        Attachment { recorder: self, buffer }
    }

    /// Calls the application's function.
    fn hand_over(&self, here: Option<&Here>, function: &Function, encode: impl FnOnce(&mut Vec<u8>)) {
        let is_inside = here.is_some_and(|here| here.is_handing_over.replace(true));
        self.registry().tally.produced += 1;
        if is_inside {
            self.registry().tally.exit += 1;
            return;
        }
        let mut bytes = Vec::new();
        encode(&mut bytes);
        let call = || EncodedEvent::parse(&bytes).map(|event| function(&event));
        let called = std::panic::catch_unwind(std::panic::AssertUnwindSafe(call));
        if let Some(here) = here {
            here.is_handing_over.set(false);
        }
        let mut registry = self.registry();
        match called {
            Ok(_) => registry.accepted += 1,
            Err(_) => {
                registry.tally.unacked += 1;
                registry.problem = Some("the recorder function panicked".into());
            }
        }
    }

    #[cold]
    fn start(&'static self) {
        if self.is_started.swap(true, Ordering::AcqRel) {
            return;
        }
        crate::exit::flush_at_exit();
        let thread = std::thread::Builder::new().name("blueox".into()).spawn(move || transport::run(self));
        if let Err(error) = thread {
            self.registry().problem = Some(format!("no thread for sending could be started: {error}"));
            self.is_started.store(false, Ordering::Release);
        }
    }

    pub(crate) fn registry(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the progress and tells those who wait for it.
    pub(crate) fn proceed(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress());
        self.has_progressed.notify_all();
    }

    /// Waits until all that was recorded before is acked or dropped, at most for `timeout`. Gives whether it is.
    pub(crate) fn flush(&'static self, timeout: Duration) -> bool {
        if !self.is_started.load(Ordering::Acquire) {
            if self.is_idle() {
                return true;
            }
            self.start();
        }
        let mut progress = self.progress();
        progress.flushes_wanted += 1;
        let ticket = progress.flushes_wanted;
        drop(progress);
        self.doorbell.ring();
        self.wait(timeout, |progress| progress.flushes_done >= ticket || progress.has_ended)
    }

    /// Sends what can be sent within `timeout`, ends the stream and the thread. What is then left counts as dropped.
    pub(crate) fn end(&'static self, timeout: Duration) -> Stats {
        if self.is_started.load(Ordering::Acquire) {
            self.ask_to_end(timeout);
            // The transport keeps the time; it is given a little more to say so.
            self.wait(timeout + Duration::from_millis(100), |progress| progress.has_ended);
        }
        self.stats()
    }

    /// As [`Recorder::end`], without waiting for it.
    pub(crate) fn ask_to_end(&'static self, timeout: Duration) {
        let end_by = Moment::now().after(timeout);
        let mut progress = self.progress();
        progress.end_by = Some(progress.end_by.map_or(end_by, |before| before.min(end_by)));
        drop(progress);
        self.doorbell.ring();
    }

    fn wait(&self, timeout: Duration, is_reached: impl Fn(&Progress) -> bool) -> bool {
        let progress = self.progress();
        let result =
            self.has_progressed.wait_timeout_while(progress, timeout, |progress| !is_reached(progress));
        let (progress, _) = result.unwrap_or_else(PoisonError::into_inner);
        is_reached(&progress)
    }

    fn is_idle(&self) -> bool {
        self.registry().buffers.iter().all(|buffer| buffer.is_empty())
    }

    pub(crate) fn stats(&self) -> Stats {
        let registry = self.registry();
        let mut tally = registry.tally;
        for buffer in &registry.buffers {
            buffer.peek(&mut tally);
        }
        Stats::new(&tally, &registry, self.budget.taken())
    }
}
