//! The collection port's own protocol: one task per connection.
//!
//! Batches are admitted as they come and acknowledged when the keeper says that they are durable ([`Progress`]): an ack is
//! written by [`Conversation::acknowledge`] and nowhere else. While there is no room for a batch the connection reads
//! nothing more, but still acknowledges, and says that it lives; so it does while a batch comes in slowly, as the sender's
//! PINGs stand behind it.

use crate::batch::Batch;
use crate::budget::Held;
use crate::clock::Clock;
use crate::codec;
use crate::credit::Credit;
use crate::ledger::{DropReason, Ledger, RefuseReason};
use crate::native_streams::{Entrance, NativeStreams};
use crate::numbered::{Content, Numbered, Progress};
use crate::read_buffer::ReadBuffer;
use crate::shutdown::Stop;
use crate::socket::Socket;
use crate::spool_state::SpoolState;
use crate::spooler::Spooler;
use crate::zmtp_io::{self, HANDSHAKE_TIMEOUT, within};
use blueox_event::limits::PING_INTERVAL;
use blueox_event::wire::native::{
    Arrival, Batch as Frame, GoAwayReason, Hello, LossReason, Lost, NotNow, Receiver, RefusedReason, Role,
    Seq, SeqRange, Session, StreamId, Welcome,
};
use blueox_log::spool::{Producer, Source};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::MissedTickBehavior;

/// How often a connection looks at its credit and at its peer's silence.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// A sender that says nothing for so long is gone: it would ping every 500 ms.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a sender whom nothing can be answered now is to try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// How long a connection that is over may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// What all connections work with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NativeCollect<'a> {
    pub(crate) spooler: &'a Spooler,
    pub(crate) streams: &'a NativeStreams,
    pub(crate) spool_state: Option<&'a SpoolState>,
    pub(crate) ledger: &'a Ledger,
    pub(crate) clock: Clock,
}

impl NativeCollect<'_> {
    /// Takes numbered batches until the sender closes or says goodbye, a higher session takes over, or the shutdown
    /// drains it.
    pub(crate) async fn serve(
        self,
        stream: &Socket,
        mut buffer: ReadBuffer,
        stop: Stop,
    ) -> Result<(), RefuseReason> {
        let _connected = self.streams.connect();
        let mut conversation = Conversation {
            collect: self,
            stream,
            receiver: Receiver::accept(),
            sender: None,
            phase: Phase::Listening,
            said: self.clock.elapsed(),
            owes_a_word: false,
        };
        let end = conversation.converse(&mut buffer, stop).await;
        conversation.leave();
        let told = conversation.write_output().await;
        if told.is_ok() && !matches!(end, Ok(End::Closed)) {
            linger(stream, &mut buffer).await;
        }
        end.and(told)
    }
}

/// One connection.
struct Conversation<'a> {
    collect: NativeCollect<'a>,
    stream: &'a Socket,
    receiver: Receiver,
    /// From HELLO on.
    sender: Option<Sender>,
    phase: Phase,
    /// When something was said last.
    said: Duration,
    /// Something came since then.
    owes_a_word: bool,
}

/// Who is at the other end.
struct Sender {
    stream: StreamId,
    session: Session,
    producer: Producer,
    progress: Arc<Progress>,
    credit: Credit,
}

/// How far the connection is.
enum Phase {
    /// HELLO has not come.
    Listening,
    /// The stream's high-water mark is asked for.
    Opening(oneshot::Receiver<Seq>),
    /// Numbers are taken.
    Open,
    /// No more are taken; those that were are acknowledged when they are durable.
    Draining,
}

/// How a connection ends that is nobody's fault.
enum End {
    /// The sender has closed it.
    Closed,
    /// All is said.
    Said,
}

/// What woke a connection.
enum Wake {
    Read(std::io::Result<usize>),
    /// There may be something to acknowledge, or to grant.
    News,
    HighWater(Option<Seq>),
    Stop,
    Silence,
}

impl Conversation<'_> {
    async fn converse(&mut self, buffer: &mut ReadBuffer, mut stop: Stop) -> Result<End, RefuseReason> {
        let clock = self.collect.clock;
        let started = clock.elapsed();
        let mut heard = started;
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let has_more = !buffer.unread().is_empty();
            let needed = self.take_all(buffer).await?;
            if has_more {
                // Waiting for room was no silence.
                heard = clock.elapsed();
            }
            let is_over = self.acknowledge();
            if self.owes_a_word && self.is_silent() {
                said(self.receiver.affirm());
            }
            self.write_output().await?;
            if is_over {
                return Ok(End::Said);
            }
            let give_up_at =
                if self.sender.is_none() { started + HANDSHAKE_TIMEOUT } else { heard + PATIENCE };
            match self.wait(buffer, needed, &mut stop, &mut looks, give_up_at).await {
                Wake::Read(Ok(0) | Err(_)) => return Ok(End::Closed),
                Wake::Read(Ok(_)) => {
                    heard = clock.elapsed();
                    self.owes_a_word = true;
                }
                Wake::News => {}
                Wake::HighWater(high_water) => self.welcome(high_water),
                Wake::Stop => self.go_away(GoAwayReason::Shutdown, "this daemon stops; go on with another"),
                Wake::Silence => {
                    self.go_away(GoAwayReason::Idle, "nothing came for too long");
                    return Err(RefuseReason::Silent);
                }
            }
        }
    }

    async fn wait(
        &mut self,
        buffer: &mut ReadBuffer,
        needed: usize,
        stop: &mut Stop,
        looks: &mut tokio::time::Interval,
        give_up_at: Duration,
    ) -> Wake {
        let collect = self.collect;
        let was_full = collect.is_full();
        let stream = self.stream;
        let progress = async {
            match &self.sender {
                Some(sender) => sender.progress.changed().await,
                None => std::future::pending().await,
            }
        };
        let is_draining = matches!(self.phase, Phase::Draining);
        let high_water = async {
            match &mut self.phase {
                Phase::Opening(answer) => answer.await.ok(),
                _ => std::future::pending().await,
            }
        };
        // Not begun anew at every look: who waits for room in the read buffers keeps his place.
        let (mut read, mut progress) = (pin!(buffer.fill(stream, needed)), pin!(progress));
        let mut high_water = pin!(high_water);
        loop {
            tokio::select! {
                biased;
                _ = stop.asked(), if !is_draining => return Wake::Stop,
                read = &mut read => return Wake::Read(read),
                () = &mut progress => return Wake::News,
                high_water = &mut high_water => return Wake::HighWater(high_water),
                _ = looks.tick() => {
                    if collect.clock.elapsed() >= give_up_at {
                        return Wake::Silence;
                    }
                    if collect.is_full() != was_full {
                        return Wake::News;
                    }
                    let now = collect.clock.elapsed();
                    // What is there and is not read waits for room in the read buffers.
                    if now >= self.said + PING_INTERVAL && (self.owes_a_word || stream.has_unread()) {
                        said(self.receiver.affirm());
                        if zmtp_io::write_all_of(stream, self.receiver.output()).await.is_err() {
                            return Wake::Read(Ok(0));
                        }
                        (self.said, self.owes_a_word) = (now, false);
                    }
                }
            }
        }
    }

    /// Takes what was received; gives how many bytes the next step needs.
    async fn take_all(&mut self, buffer: &mut ReadBuffer) -> Result<usize, RefuseReason> {
        loop {
            let step = self.receiver.advance(buffer.unread()).map_err(|error| {
                tracing::debug!(%error, "a native connection ends");
                RefuseReason::Broken
            })?;
            let (consumed, needed) = (step.consumed, step.needed);
            let is_done = step.item.is_none();
            match step.item {
                Some(Arrival::Hello(hello)) => self.enter(&hello)?,
                Some(Arrival::Data { batch, gap }) => self.take_batch(&batch, gap).await?,
                Some(Arrival::Lost { lost, gap }) => self.take_lost(&lost, gap).await?,
                Some(Arrival::Bye { last_seq, gap }) => self.take_end(last_seq, gap).await?,
                Some(Arrival::Ping(report)) => {
                    if let Some(Sender { stream, session, .. }) = self.sender {
                        self.collect.streams.report(stream, session, report);
                    }
                }
                None => {}
            }
            buffer.consume(consumed);
            if is_done {
                return Ok(needed);
            }
        }
    }

    /// Answers HELLO, or asks what to answer.
    fn enter(&mut self, hello: &Hello<'_>) -> Result<(), RefuseReason> {
        let sender = &hello.sender;
        match self.collect.streams.enter(hello, self.collect.spooler) {
            Entrance::Enters { progress, high_water } => {
                tracing::debug!(stream = %hello.stream, session = sender.session.0, host = sender.host, pid = sender.pid, "a stream is connected");
                let producer = match hello.role {
                    Role::Application => Producer::Application,
                    Role::Daemon => Producer::Daemon,
                };
                let (stream, session) = (hello.stream, sender.session);
                self.sender = Some(Sender { stream, session, producer, progress, credit: Credit::NEW });
                self.phase = Phase::Opening(high_water);
                Ok(())
            }
            Entrance::Refused { current } => {
                let text = format!(
                    "session {} of this stream is not above {current}: is this machine a copy of another?",
                    sender.session
                );
                tracing::warn!(stream = %hello.stream, session = sender.session.0, current = current.0, host = sender.host, pid = sender.pid, "a native session was refused");
                said(self.receiver.refuse(RefusedReason::Session, &text));
                Err(RefuseReason::Session)
            }
            Entrance::Full => {
                let text = "as many streams as can be are known here; those of ended applications are forgotten after a day";
                said(self.receiver.refuse(RefusedReason::TooManyStreams, text));
                Err(RefuseReason::TooManyStreams)
            }
            Entrance::Closed => {
                said(self.receiver.busy(RETRY_AFTER));
                self.phase = Phase::Draining;
                Ok(())
            }
        }
    }

    /// The stream's mark is sure: the sender may go on behind it.
    fn welcome(&mut self, high_water: Option<Seq>) {
        let (Some(sender), Some(high_water)) = (&mut self.sender, high_water) else {
            said(self.receiver.busy(RETRY_AFTER));
            self.phase = Phase::Draining;
            return;
        };
        sender.progress.reach(high_water);
        let streams = self.collect.streams;
        let credit = sender.credit.grant(streams.connections(), self.collect.is_full());
        sender.progress.note_credit(credit.0);
        let welcome = Welcome { node: streams.node, durable: streams.durable, high_water, credit };
        said(self.receiver.welcome(&welcome));
        self.phase = Phase::Open;
    }

    async fn take_batch(&mut self, frame: &Frame<'_>, gap: Option<SeqRange>) -> Result<(), RefuseReason> {
        let raw_bytes = frame.raw_bytes as usize;
        let memory = self.reserve(Batch::memory_of_payload(raw_bytes, frame.count)).await?;
        let received = self.collect.clock.now();
        let payload = match codec::decompress(frame.codec, frame.payload, raw_bytes) {
            Ok(payload) => payload,
            Err(error) => {
                tracing::warn!(seq = %frame.seq, %error, "a batch holds no events");
                Vec::new()
            }
        };
        let (batch, not_events) = Batch::of_payload(payload, frame.count, received);
        self.collect.ledger.reject_all(DropReason::NotAnEvent, not_events.into());
        let origin = frame.origin.map(|origin| origin.encode());
        let content = if batch.is_empty() {
            let (first, events) = (frame.seq, frame.count.into());
            Content::Lost { first, events, reason: LossReason::NotAnEvent, origin }
        } else {
            Content::Events { origin }
        };
        self.admit(batch, frame.seq, gap, content, memory)
    }

    async fn take_lost(&mut self, lost: &Lost, gap: Option<SeqRange>) -> Result<(), RefuseReason> {
        let (first, events) = (lost.numbers.first(), lost.count.unwrap_or(0));
        let origin = lost.origin.map(|origin| origin.encode());
        let content = Content::Lost { first, events, reason: lost.reason, origin };
        self.admit_nothing(lost.numbers.last(), gap, content).await
    }

    async fn take_end(&mut self, last_seq: Seq, gap: Option<SeqRange>) -> Result<(), RefuseReason> {
        self.admit_nothing(last_seq, gap, Content::End).await
    }

    async fn admit_nothing(
        &mut self,
        last: Seq,
        gap: Option<SeqRange>,
        content: Content,
    ) -> Result<(), RefuseReason> {
        let memory = self.reserve(0).await?;
        let batch = Batch::new(self.collect.clock.now());
        self.admit(batch, last, gap, content, memory)
    }

    fn admit(
        &mut self,
        batch: Batch,
        seq: Seq,
        gap: Option<SeqRange>,
        content: Content,
        memory: Held,
    ) -> Result<(), RefuseReason> {
        let sender = self.sender.as_mut().expect("BUG: numbers come after HELLO");
        let Sender { stream, session, producer, .. } = *sender;
        let source = Source { stream, seq, session, producer };
        let numbered = Numbered { source, gap, content, progress: Arc::clone(&sender.progress) };
        sender.credit.note(self.receiver.under_way());
        if self.collect.spooler.admit_numbered(batch, numbered, memory) {
            return Ok(());
        }
        // The daemon stops, and this connection was not drained in time.
        self.go_away(GoAwayReason::Shutdown, "this daemon stops; go on with another");
        Err(RefuseReason::Stalled)
    }

    /// Waits for room. What becomes durable meanwhile is acknowledged, and the sender, whose PINGs are not read, is told
    /// that somebody is here.
    async fn reserve(&mut self, bytes: usize) -> Result<Held, RefuseReason> {
        let sender = self.sender.as_ref().expect("BUG: numbers come after HELLO");
        let progress = Arc::clone(&sender.progress);
        let mut room = pin!(self.collect.spooler.reserve(bytes));
        loop {
            tokio::select! {
                biased;
                held = &mut room => return Ok(held),
                () = progress.changed() => {}
                () = tokio::time::sleep(PING_INTERVAL) => said(self.receiver.affirm()),
            }
            if progress.is_taken_over() || progress.is_fenced() {
                self.acknowledge();
                return Err(RefuseReason::Stalled);
            }
            // What waits for room was accepted and is not admitted: it is not in `progress`, so it is not acked.
            self.acknowledge();
            self.write_output().await?;
        }
    }

    /// Says what is durable, and grants credit; true when the connection is over. **The only place that acknowledges.**
    fn acknowledge(&mut self) -> bool {
        let Some(sender) = &mut self.sender else { return matches!(self.phase, Phase::Draining) };
        let progress = &sender.progress;
        if matches!(self.phase, Phase::Open | Phase::Draining) && self.receiver.high_water().is_some() {
            // Read before the number: the end is durable behind all numbers.
            let has_ended = progress.has_ended();
            said(self.receiver.durable(progress.durable()));
            if has_ended {
                said(self.receiver.farewell());
                return true;
            }
        }
        if progress.is_taken_over() {
            said(
                self.receiver
                    .go_away(GoAwayReason::TakenOver, "a higher session of this stream is connected"),
            );
            return true;
        }
        if progress.is_fenced() {
            said(self.receiver.busy(RETRY_AFTER));
            return true;
        }
        match self.phase {
            Phase::Open => {
                let collect = self.collect;
                let credit = sender.credit.grant(collect.streams.connections(), collect.is_full());
                sender.progress.note_credit(credit.0);
                said(self.receiver.grant(credit));
                false
            }
            Phase::Draining => self.receiver.under_way().0 == 0,
            Phase::Listening | Phase::Opening(_) => false,
        }
    }

    /// Takes no more numbers.
    fn go_away(&mut self, reason: GoAwayReason, text: &str) {
        if self.sender.is_some() {
            said(self.receiver.go_away(reason, text));
        }
        self.phase = Phase::Draining;
    }

    /// The connection does not count any more. A stream that never brought anything leaves no trace.
    fn leave(&self) {
        let Some(sender) = &self.sender else { return };
        let brought = self.receiver.high_water().is_some_and(|high| high > Seq::NONE);
        let forget = sender.progress.has_ended() || (self.receiver.high_water().is_some() && !brought);
        self.collect.streams.leave(sender.stream, sender.session, forget);
    }

    fn is_silent(&self) -> bool {
        self.collect.clock.elapsed() >= self.said + PING_INTERVAL
    }

    async fn write_output(&mut self) -> Result<(), RefuseReason> {
        if !self.receiver.output().is_empty() {
            (self.said, self.owes_a_word) = (self.collect.clock.elapsed(), false);
        }
        zmtp_io::write_all_of(self.stream, self.receiver.output()).await
    }
}

impl NativeCollect<'_> {
    fn is_full(&self) -> bool {
        self.spool_state.is_some_and(SpoolState::is_full)
    }
}

/// What the receiver does not take now needs not be said: it has said why the connection ends.
fn said(result: Result<(), NotNow>) {
    if let Err(error) = result {
        tracing::trace!(%error, "nothing is said on a connection that ends");
    }
}

/// Lets the sender read what was said last: to close while bytes of it are unread would take that back.
async fn linger(stream: &Socket, buffer: &mut ReadBuffer) {
    if stream.end_writing().is_err() {
        return;
    }
    let read_on = async {
        loop {
            let unread = buffer.unread().len();
            buffer.consume(unread);
            if !matches!(buffer.fill(stream, 1).await, Ok(count) if count > 0) {
                return;
            }
        }
    };
    let _ = within(LINGER, read_on).await;
}
