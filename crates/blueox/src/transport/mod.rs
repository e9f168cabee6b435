//! From the threads' buffers to a daemon, in one thread.
//!
//! ```text
//! thread buffers ── collect, every 50 ms or when rung ──▶ outbox: waiting ── number ──▶ numbered ── send ──▶ daemon
//!                                                                                       ▲    ╰────── ack: forget
//!                                                                                       ╰── reconnect: send again
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `outbox` | batches: waiting for a number, and numbered until acked |
//! | `route` | which address to connect to, and how |
//! | `native` | a connection to a daemon that speaks BlueOx's own protocol |
//! | `original` | a connection to a daemon of 2012: ZMTP, nothing is acknowledged |
//! | `backoff` | when to connect again |
//!
//! Invariants:
//!
//! 1. A batch is forgotten when it is acked, and at no other time, but for [`UNACKED_PATIENCE`](crate::limits::UNACKED_PATIENCE) (then LOST goes in its place)
//!    and the end of the recorder. Whatever is forgotten is counted.
//! 2. A numbered batch never changes; a connection sends in order from where the daemon says it is.
//! 3. Memory is taken from the budget wherever it is held. Without room events stay in the threads' buffers, and there the newest are dropped.
//! 4. The thread waits in `poll` only, and while a connection is made (bounded by `CONNECT_PATIENCE`; name resolution by the system's resolver).
//! 5. Who waits for the transport (`flush`, `shutdown`, the end of the process) waits on a condition with a timeout of its own.

mod backoff;
mod native;
mod original;
mod outbox;
mod route;

use crate::clock::Moment;
use crate::limits::{DROP_REPORT_INTERVAL, FLUSH_INTERVAL};
use crate::recorder::{Recorder, Route};
use backoff::Backoff;
use native::Native;
use original::Original;
use outbox::Outbox;
use route::{Socket, Speech};
use rustix::event::{PollFd, PollFlags, poll};
use std::os::fd::AsFd;
use std::time::Duration;

/// Without events for so long the thread stops looking for them and waits to be rung.
const DROWSY_AFTER: Duration = Duration::from_secs(1);

/// The longest wait in one piece.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Runs until the recorder is ended.
pub(crate) fn run(recorder: &'static Recorder) {
    // A panic here is a bug; the application must not hang in flush for it.
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Transport::new(recorder).run()));
    if result.is_err() {
        recorder.registry().problem = Some("BUG: the sending thread panicked".into());
    }
    recorder.proceed(|progress| progress.has_ended = true);
}

struct Transport {
    recorder: &'static Recorder,
    outbox: Outbox,
    native: Native,
    link: Link,
    backoff: Backoff,
    /// The flush with this ticket is done when so many events are settled.
    flush: Option<(u64, u64)>,
    flushes_done: u64,
    /// Whether events had to stay in the threads' buffers for want of room.
    has_left_some: bool,
    /// Whether a daemon was ever reached.
    was_connected: bool,
    /// Whether the last attempt to reach one failed.
    has_failed: bool,
    last_event: Moment,
    last_report: Moment,
    reported_drops: u64,
}

/// The connection, if there is one.
enum Link {
    /// Not before this moment.
    Down {
        until: Moment,
    },
    Native(Socket),
    Original(Box<Original>),
}

/// Why a connection is no more.
#[derive(Debug)]
enum LinkEnd {
    /// With what to say to a person.
    Broken(String),
    /// Not again for so long, and what to say to a person.
    Later(Duration, String),
    /// The daemon is an original one.
    IsOriginal,
    /// All is acked and the stream has ended.
    Farewell,
}

impl From<std::io::Error> for LinkEnd {
    fn from(error: std::io::Error) -> Self {
        Self::Broken(error.to_string())
    }
}

impl Transport {
    fn new(recorder: &'static Recorder) -> Self {
        let now = Moment::now();
        Self {
            recorder,
            outbox: Outbox::new(&recorder.budget),
            native: Native::new(recorder),
            link: Link::Down { until: now },
            backoff: Backoff::new(),
            flush: None,
            flushes_done: 0,
            has_left_some: false,
            was_connected: false,
            has_failed: false,
            last_event: now,
            last_report: now,
            reported_drops: 0,
        }
    }

    fn run(&mut self) {
        loop {
            self.recorder.doorbell.hear();
            let (flushes_wanted, end_by) = {
                let progress = self.recorder.progress();
                (progress.flushes_wanted, progress.end_by)
            };
            let now = Moment::now();
            self.collect(now);
            self.exchange(now, end_by.is_some());
            self.answer_flushes(flushes_wanted);
            if end_by.is_some_and(|end_by| self.may_end(now, end_by)) {
                return;
            }
            self.wait(now, end_by);
        }
    }

    /// Takes what the threads have recorded.
    fn collect(&mut self, now: Moment) {
        let mut registry = self.recorder.registry();
        let before = self.outbox.added();
        self.has_left_some = false;
        registry.buffers.retain(|buffer| {
            let is_closed = buffer.is_closed();
            let is_empty = buffer.collect(&mut self.outbox, &self.recorder.budget);
            let is_done = is_closed && is_empty;
            if is_done {
                buffer.release(&self.recorder.budget);
            }
            self.has_left_some |= !is_empty;
            !is_done
        });
        self.outbox.settle(&mut registry);
        if self.outbox.added() > before {
            self.last_event = now;
        }
        // Drops without number; those after numbering are told as LOST.
        let drops = registry.tally.queue_full + registry.tally.too_large;
        let is_time = now.since(self.last_report) >= DROP_REPORT_INTERVAL;
        if drops > self.reported_drops && is_time {
            let head = self.recorder.settings().host_and_pid();
            if self.outbox.report_drops(drops - self.reported_drops, &registry.tally, head, now) {
                registry.tally.produced += 1;
                (self.reported_drops, self.last_report) = (drops, now);
            }
        }
    }

    /// Reads and writes what can be read and written, and makes a connection where one is needed.
    fn exchange(&mut self, now: Moment, is_ending: bool) {
        let patience = self.recorder.config.unacked_patience;
        self.outbox.give_up_older_than(now, patience);
        if let Link::Down { until } = self.link
            && until <= now
            && !self.outbox.is_empty()
        {
            self.connect(now, Speech::Native);
        }
        let ledger = self.recorder.registry().tally.ledger();
        let ended = match &mut self.link {
            Link::Down { .. } => None,
            Link::Native(socket) => {
                self.native.exchange(socket, &mut self.outbox, now, &ledger, is_ending).err()
            }
            Link::Original(original) => original.exchange(&mut self.outbox).err(),
        };
        if let Some(ended) = ended {
            self.disconnect(ended, now);
        }
        let is_connected = match &self.link {
            Link::Down { .. } => false,
            Link::Native(_) => self.native.is_welcome(),
            Link::Original(original) => original.is_ready(),
        };
        if is_connected {
            self.backoff.reset();
        }
        let mut registry = self.recorder.registry();
        registry.is_connected = is_connected;
        if is_connected {
            registry.problem = None;
        }
        self.outbox.settle(&mut registry);
    }

    fn connect(&mut self, now: Moment, speech: Speech) {
        let Route::Daemon { address, socket } = &self.recorder.route else { return };
        match route::connect(address, socket.as_deref()) {
            Ok(socket) => {
                (self.was_connected, self.has_failed) = (true, false);
                self.link = match speech {
                    Speech::Native => {
                        self.native.connected(now);
                        Link::Native(socket)
                    }
                    Speech::Original => Link::Original(Box::new(Original::new(socket))),
                };
            }
            Err(problem) => {
                self.has_failed = true;
                self.disconnect(LinkEnd::Broken(problem), now);
            }
        }
    }

    fn disconnect(&mut self, ended: LinkEnd, now: Moment) {
        if let Link::Original(original) = &mut self.link {
            original.abandon(&mut self.outbox);
        }
        self.native.disconnected();
        let until = match ended {
            LinkEnd::IsOriginal => {
                self.link = Link::Down { until: now };
                return self.connect(now, Speech::Original);
            }
            LinkEnd::Farewell => now,
            LinkEnd::Later(wait, problem) => {
                self.recorder.registry().problem = Some(problem);
                now.after(self.backoff.at_least(wait))
            }
            LinkEnd::Broken(problem) => {
                self.recorder.registry().problem = Some(problem);
                now.after(self.backoff.next())
            }
        };
        self.link = Link::Down { until };
    }

    /// Tells those who wait that their events are settled.
    fn answer_flushes(&mut self, wanted: u64) {
        if self.flush.is_none() && wanted > self.flushes_done && !self.has_left_some {
            self.flush = Some((wanted, self.outbox.added()));
        }
        if let Some((ticket, mark)) = self.flush
            && self.outbox.settled() >= mark
        {
            self.flush = None;
            self.flushes_done = ticket;
            self.recorder.proceed(|progress| progress.flushes_done = ticket);
        }
    }

    /// Whether the recorder has ended: all is settled and the daemon knows it, or it cannot be reached, or the time is over.
    fn may_end(&mut self, now: Moment, end_by: Moment) -> bool {
        let is_sent = self.outbox.is_empty() && !self.has_left_some;
        let has_ended = match &self.link {
            Link::Down { .. } => is_sent || (!self.was_connected && self.has_failed),
            Link::Native(_) => is_sent && !self.native.is_welcome(),
            Link::Original(_) => is_sent,
        };
        if !has_ended && now < end_by {
            return false;
        }
        // What had no room in the outbox has it once that is given up.
        self.outbox.give_up();
        loop {
            self.collect(now);
            self.outbox.give_up();
            if !self.has_left_some {
                break;
            }
        }
        let mut registry = self.recorder.registry();
        self.outbox.settle(&mut registry);
        registry.buffers.iter().for_each(|buffer| buffer.release(&self.recorder.budget));
        registry.is_connected = false;
        true
    }

    fn wait(&mut self, now: Moment, end_by: Option<Moment>) {
        let recorder = self.recorder;
        let is_busy = now.since(self.last_event) < DROWSY_AFTER || self.flush.is_some();
        let mut until = if is_busy || !recorder.doorbell.is_there() {
            now.after(FLUSH_INTERVAL)
        } else {
            self.outbox.rest();
            recorder.doorbell.set_asleep(true);
            now.after(LONGEST_WAIT)
        };
        if !is_busy && !self.nothing_waits() {
            recorder.doorbell.set_asleep(false);
            return;
        }
        let mut watched = Vec::with_capacity(2);
        if let Some(bell) = recorder.doorbell.fd() {
            watched.push(PollFd::from_borrowed_fd(bell, PollFlags::IN));
        }
        match &self.link {
            Link::Down { until: next } if !self.outbox.is_empty() => until = until.min(*next),
            Link::Down { .. } => {}
            Link::Native(socket) => {
                watched.push(PollFd::from_borrowed_fd(socket.as_fd(), interest(self.native.has_output())));
                until = self.native.due().map_or(until, |due| until.min(due));
            }
            Link::Original(original) => {
                watched.push(PollFd::from_borrowed_fd(original.fd(), interest(original.has_output())));
            }
        }
        until = end_by.map_or(until, |end_by| until.min(end_by));
        let timeout = until.since(Moment::now());
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        // EINTR and the like: the next turn looks at everything anyway.
        let _ = poll(&mut watched, Some(&timeout));
        drop(watched);
        recorder.doorbell.set_asleep(false);
    }

    /// The last look before sleeping.
    fn nothing_waits(&self) -> bool {
        self.recorder.registry().buffers.iter().all(|buffer| buffer.is_empty())
    }
}

fn interest(has_output: bool) -> PollFlags {
    if has_output { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN }
}
