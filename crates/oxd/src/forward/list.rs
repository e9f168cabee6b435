//! One failover list: a thread that keeps one destination supplied, and goes to the next when it must.

use super::destination::Destination;
use super::dial::Dialer;
use super::failover::{Failover, Next};
use super::identity::{Identity, Numbering};
use super::list_state::{Collector, Failure, ListState, Phase};
use super::native_link::{End, NativeLink};
use super::original_link::OriginalLink;
use super::pace::Pace;
use super::probe::{ProbePace, Prober};
use super::progress::Progress;
use crate::clock::Clock;
use crate::disk_state::DiskState;
use crate::spool_disk::SpoolDisk;
use crate::spool_state::SpoolState;
use crate::spooler::SpoolRequest;
use blueox_event::wire::native::{Codec, Introduction, RefusedReason, Role, Sender, Seq, Session};
use blueox_log::spool::{Item, Place, Spool};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// When a destination that wants none of this is asked again.
const REFUSED_REST: Duration = Duration::from_secs(10);
/// How long the thread looks at nothing while all destinations rest.
const IDLE: Duration = Duration::from_secs(1);

/// What the thread works with.
#[derive(Debug)]
pub(super) struct List {
    pub(super) state: Arc<ListState>,
    pub(super) spool: Spool<SpoolDisk>,
    pub(super) growth: Arc<SpoolState>,
    pub(super) progress: Progress,
    pub(super) sender: Sender,
    pub(super) disk_state: Arc<DiskState>,
    pub(super) requests: mpsc::Sender<SpoolRequest>,
    pub(super) identity: Arc<Identity>,
    pub(super) clock: Clock,
    pub(super) compress: Codec,
    pub(super) failover: Failover,
    pub(super) dialer: Dialer,
    /// The destination that is being supplied or tried.
    pub(super) current: Option<Destination>,
    /// The one that was active last.
    pub(super) last_active: Option<Destination>,
    /// The wishes that were heeded.
    pub(super) changes: u64,
    /// Refused as not above the last one: it is not raised while another machine may have this stream, or the two would
    /// take the stream from each other for ever.
    pub(super) refused_session: Option<Session>,
    pub(super) pace: Pace,
    pub(super) probe_pace: ProbePace,
    /// While a backup is active, and was not chosen by hand.
    pub(super) prober: Option<Prober>,
}

/// What a connection is to do about the wishes of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heed {
    GoOn,
    /// Another destination is wanted.
    Leave,
    /// The daemon stops: forward what there is, until [`List::finish_by`].
    Finish,
}

impl List {
    /// The sender of the daemon's stream as the spool knows it. Nobody has acked numbers that are not of this stream.
    pub(super) fn sender(identity: &Identity, spool: &Spool<SpoolDisk>, progress: &Progress) -> Sender {
        let (Numbering { stream, base }, acked) = (identity.numbering(), progress.place().own_seq.previous());
        let acked = if acked <= base { Seq::NONE } else { acked };
        Sender::resume(stream, Role::Daemon, acked, spool.tail().own_seq.previous())
    }

    /// Up to which number a collector has to hear that they are of no use: nothing of the stream was acked yet.
    pub(super) fn never_given(&self) -> Option<Seq> {
        let acked = self.progress.place().own_seq.previous();
        (acked > Seq::NONE && acked <= self.identity.numbering().base).then_some(acked)
    }

    /// Forwards until the daemon stops.
    pub(super) fn run(mut self) {
        // How often it failed while the daemon stops: each destination gets one chance.
        let mut failed = 0;
        loop {
            let now = self.now();
            let finishing = self.heed() == Heed::Finish;
            if finishing && (self.is_done() || now >= self.finish_by()) {
                break;
            }
            match self.failover.next(now) {
                Next::Try(destination) => {
                    let end = self.serve(&destination);
                    self.ended(&destination, end);
                    failed += usize::from(finishing);
                }
                // Nobody is there to take what is left.
                Next::Rest(_) if finishing && failed >= self.failover.len() => break,
                Next::Rest(until) => self.rest(until),
            }
        }
        self.progress.report_now();
        self.state
            .update(|view| (view.phase, view.destination, view.collector) = (Phase::Stopped, None, None));
        let left = self.state.backlog();
        let (list, events) = (self.state.index, left.events);
        match &self.growth.directory {
            _ if events == 0 => {}
            Some(_) => tracing::info!(list, events, "not forwarded yet; they stay in the spool"),
            None => tracing::error!(list, events, "not forwarded, and lost: the spool is in memory"),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.clock.elapsed()
    }

    /// When a daemon that stops no longer waits for this list.
    pub(super) fn finish_by(&self) -> Duration {
        self.growth.finish_by()
    }

    fn is_done(&self) -> bool {
        self.progress.place().own_seq >= self.spool.tail().own_seq
    }

    /// Takes over what is wished; says whether the connection may stay.
    pub(super) fn heed(&mut self) -> Heed {
        if self.growth.is_finishing() {
            return Heed::Finish;
        }
        if let Some(well) = self.prober.as_ref().and_then(Prober::well) {
            tracing::info!(destination = %well, "it is well again");
            self.prober = None;
            self.failover.works(&well);
            return Heed::Leave;
        }
        let wishes = self.state.wishes();
        if wishes.changes != self.changes {
            self.changes = wishes.changes;
            self.failover.change(wishes.list.as_slice());
            if let Some(chosen) = &wishes.choose {
                self.failover.choose(chosen);
            }
            let elsewhere = self.current.as_ref().is_some_and(|current| {
                !self.failover.contains(current) || wishes.choose.is_some_and(|chosen| chosen != *current)
            });
            if elsewhere {
                return Heed::Leave;
            }
            self.watch_preferred();
        }
        Heed::GoOn
    }

    /// While a backup is active, those before it are probed.
    fn watch_preferred(&mut self) {
        let active = self.current.as_ref().filter(|_| self.state.view().phase == Phase::Active);
        let preferred = active.map_or_else(Vec::new, |active| self.failover.preferred_to(active));
        self.prober = None;
        if !preferred.is_empty() {
            let prober = Prober::start(preferred, self.probe_pace, Arc::clone(&self.state.waker));
            self.prober =
                prober.inspect_err(|error| tracing::error!(%error, "cannot start a thread that probes")).ok();
        }
    }

    /// Looks how fast it may go on, having sent all before `sent`.
    pub(super) fn keep_pace(&mut self, now: Duration, sent: Place) {
        let tail = self.spool.tail();
        // When the daemon stops no live events come any more; while the spool is full they wait for what goes out.
        let hurries = self.growth.is_finishing() || self.growth.is_full();
        let unsent = if hurries { 0 } else { tail.position.since(sent.position) };
        self.pace.look(now, tail, unsent);
    }

    /// Whether events could go elsewhere.
    pub(super) fn has_backup(&self) -> bool {
        self.failover.len() > 1
    }

    fn serve(&mut self, destination: &Destination) -> End {
        self.current = Some(destination.clone());
        self.state.update(|view| {
            (view.phase, view.destination, view.collector) =
                (Phase::Connecting, Some(destination.clone()), None);
        });
        tracing::debug!(%destination, "connecting");
        if self.sender.stream() != self.identity.numbering().stream || self.never_given().is_some() {
            self.sender = Self::sender(&self.identity, &self.spool, &self.progress);
        }
        let socket = match self.dialer.dial(destination) {
            Ok(socket) => socket,
            Err(error) => return error.into(),
        };
        let session = match self.refused_session.map_or_else(|| self.identity.sessions.raise(), Ok) {
            Ok(session) => session,
            Err(error) => {
                return End::Failed(format!(
                    "cannot write {}: {error}",
                    self.identity.sessions.path().display()
                ));
            }
        };
        let identity = Arc::clone(&self.identity);
        let introduction =
            Introduction { session, host: &identity.host, pid: std::process::id(), token: None };
        let mut end = NativeLink::new(self, socket).run(&introduction);
        if end == End::Original {
            end = match self.dialer.dial(destination) {
                Ok(socket) => OriginalLink::new(self, socket).run(),
                Err(error) => error.into(),
            };
        }
        if let End::Refused(RefusedReason::Session, _) | End::TakenOver = end {
            self.refused_session = Some(session);
        }
        end
    }

    /// The destination takes events.
    pub(super) fn welcomed(&mut self, collector: Collector) {
        let Some(destination) = self.current.clone() else { return };
        self.refused_session = None;
        let switched = self.last_active.as_ref().is_some_and(|last| *last != destination);
        self.last_active = Some(destination.clone());
        self.state.update(|view| {
            (view.phase, view.collector) = (Phase::Active, Some(collector));
            view.switches += u64::from(switched);
            view.note_works(&destination);
        });
        self.watch_preferred();
        match collector {
            Collector::Native { durable, .. } => tracing::info!(%destination, durable, "forwarding"),
            Collector::Original => {
                tracing::warn!(%destination, "forwarding to an original daemon, which acknowledges nothing: at most once");
            }
        }
    }

    /// The destination has taken events.
    pub(super) fn works(&mut self) {
        if let Some(current) = &self.current {
            self.failover.works(current);
        }
    }

    pub(super) fn count_sent(&self, events: u64, bytes: u64) {
        self.state.update(|view| {
            view.sent_events += events;
            view.sent_bytes += bytes;
        });
    }

    fn ended(&mut self, destination: &Destination, end: End) {
        (self.current, self.prober) = (None, None);
        self.state.update(|view| (view.credit_bytes, view.in_flight_bytes, view.held_to) = (0, 0, None));
        let (error, refused, rest) = match end {
            End::Left | End::Finished => return,
            End::Failed(error) => (error, false, Duration::ZERO),
            End::Original => ("an original daemon".into(), false, Duration::ZERO),
            End::Busy(retry) => ("it is busy".into(), false, retry),
            End::GoingAway(text) => (format!("it goes away: {text}"), false, Duration::ZERO),
            End::TakenOver => (self.clone_hint(), true, REFUSED_REST),
            End::Refused(RefusedReason::Session, _) => (self.clone_hint(), true, REFUSED_REST),
            End::Refused(_, text) => (format!("it refuses: {text}"), true, REFUSED_REST),
            End::RolledBack(high_water) => {
                let error = self.start_anew(high_water);
                (error, false, Duration::ZERO)
            }
        };
        let known = self.state.view().failure_of(destination).is_some_and(|failure| failure.error == error);
        if known {
            tracing::debug!(%destination, %error, "cannot forward");
        } else {
            tracing::warn!(%destination, %error, "cannot forward");
        }
        self.failover.failed(destination, self.now(), rest);
        let failure = Failure { destination: destination.clone(), error, refused, at: self.clock.now() };
        self.state.update(|view| view.note_failure(failure));
    }

    fn clone_hint(&self) -> String {
        let Some(directory) = &self.growth.directory else {
            return "another process forwards under this daemon's stream; start again".into();
        };
        format!(
            "another machine forwards under this daemon's stream; on the one that is a copy stop oxd and remove its spool {}; \
             if there is no copy, remove {} and start again",
            directory.display(),
            self.identity.sessions.path().display()
        )
    }

    /// The collector has numbers that were never written here: this machine was set back. What it has under them and what
    /// stands here now cannot be told apart, so all that is not acknowledged goes under a new stream.
    fn start_anew(&mut self, high_water: Seq) -> String {
        let (old, last) = (self.sender.stream(), self.spool.tail().own_seq.previous());
        let events = self.state.backlog().events;
        tracing::error!(
            stream = %old, collector_has = %high_water, written_here = %last, events,
            "this machine was set back to an older state: it goes on with a new stream, and events that were forwarded after that state was saved may be stored twice"
        );
        match self.identity.renew(old, &self.requests) {
            Ok(()) => "this machine was set back; it goes on with a new stream".into(),
            Err(error) => format!("this machine was set back, and no new stream could be begun: {error}"),
        }
    }

    fn rest(&mut self, until: Duration) {
        let oldest = if self.is_done() { None } else { self.peek() };
        self.keep_pace(self.now(), self.progress.place());
        self.state.update(|view| {
            (view.phase, view.destination, view.collector) = (Phase::Resting, None, None);
            view.oldest = oldest;
        });
        self.progress.report(self.now());
        let wake_at = self.progress.due().map_or(until, |due| due.min(until));
        let mut patience = wake_at.saturating_sub(self.now()).min(IDLE);
        if self.growth.is_finishing() {
            patience = patience.min(self.finish_by().saturating_sub(self.now()));
        }
        if let Err(error) = self.state.waker.wait(None, patience) {
            tracing::error!(%error, "BUG: cannot wait");
        }
    }

    /// When the oldest event that waits was received.
    pub(super) fn peek(&self) -> Option<blueox_log::spool::Timestamp> {
        if let Some(known) = self.state.view().oldest {
            return Some(known);
        }
        match self.spool.reader(self.progress.place()).read() {
            Ok(Some(Item::Data(data))) => Some(data.received),
            Ok(Some(Item::Gap(gap))) => Some(gap.received),
            _ => None,
        }
    }
}
