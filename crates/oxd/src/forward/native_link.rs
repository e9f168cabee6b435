//! A connection to a collector that speaks the native protocol.
//!
//! One record of the spool is one batch, and its own number is the batch's number: nothing is kept in memory, what must be
//! sent again is read again. A payload goes from the reader's window to the socket; only short ones are copied, so that
//! many go in one write.

use super::flight::{Flight, Sent};
use super::link::Link;
use super::list::{Heed, List};
use super::list_state::{Collector, Phase};
use crate::codec;
use crate::disk_state::DiskOperation;
use crate::ledger::DropReason;
use crate::spool_disk::SpoolDisk;
use blueox_event::wire::native::{
    Batch, Codec, GoAwayReason, Introduction, Ledger, LossReason, Lost, NativeError, NotNow, Notice, Origin,
    PayloadCrc, RefusedReason, Sender, Seq, SeqRange, Welcome,
};
use blueox_log::spool::{Data, Gap, GapReason, Item, Reader, Timestamp};
use std::net::TcpStream;
use std::time::Duration;

/// Payloads of this length and above are written from where they are.
const LARGE_BYTES: usize = 32 << 10;
/// So much is gathered before it is written.
const WRITE_BYTES: usize = 64 << 10;
/// So much is sent before it listens again.
const TURN_BYTES: usize = 4 << 20;
/// What a record takes in the spool besides its events, about; in it the live rate is counted too.
const RECORD_BYTES: usize = 128;
/// How long acknowledgements are waited for when a connection is to be left.
const LEAVE_PATIENCE: Duration = Duration::from_secs(1);
/// When a spool that cannot be read is tried again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Why a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Failed(String),
    /// It greeted with 0xff: an original daemon.
    Original,
    Busy(Duration),
    Refused(RefusedReason, String),
    /// Another connection has this stream, with a higher session.
    TakenOver,
    GoingAway(String),
    /// The collector has more of the stream than was ever written here.
    RolledBack(Seq),
    /// It goes elsewhere, as it was told.
    Left,
    /// The daemon stops; all that could be forwarded is.
    Finished,
}

impl From<std::io::Error> for End {
    fn from(error: std::io::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<NativeError> for End {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::NotNative { first: 0xff } => Self::Original,
            error => Self::Failed(error.to_string()),
        }
    }
}

/// What the collector said.
enum Heard {
    Welcome(Welcome),
    Acked(Seq),
    Rewound(Seq),
    Leave(End),
    End(End),
}

/// One connection, from HELLO to its end.
pub(super) struct NativeLink<'a> {
    list: &'a mut List,
    link: Link,
    reader: Reader<SpoolDisk>,
    flight: Flight,
    /// The payload of the record that waits for credit; 0: not known.
    needed: usize,
    /// When that record was received.
    waits_since: Option<Timestamp>,
    /// The socket takes no more now.
    blocked: bool,
    /// There is nothing more to send.
    caught_up: bool,
    /// More can be sent at once.
    more: bool,
    read_again_at: Duration,
    leaving: Option<(Duration, End)>,
}

impl<'a> NativeLink<'a> {
    pub(super) fn new(list: &'a mut List, socket: TcpStream) -> Self {
        let reader = list.spool.reader(list.progress.place());
        Self {
            list,
            link: Link::new(socket),
            reader,
            flight: Flight::default(),
            needed: 0,
            waits_since: None,
            blocked: false,
            caught_up: false,
            more: false,
            read_again_at: Duration::ZERO,
            leaving: None,
        }
    }

    /// Forwards until the connection ends.
    pub(super) fn run(mut self, introduction: &Introduction<'_>) -> End {
        self.list.sender.connect(introduction, self.list.now());
        loop {
            let waited = self.turn().and_then(|patience| {
                let link: &dyn std::os::fd::AsFd = &self.link;
                Ok(self.list.state.waker.wait(Some((link, self.blocked)), patience)?)
            });
            if let Err(end) = waited {
                self.list.sender.disconnect();
                self.list.progress.report_now();
                return end;
            }
        }
    }

    /// One round of hearing and saying; gives how long there is nothing to do.
    fn turn(&mut self) -> Result<Duration, End> {
        let is_open = self.link.fill()?;
        self.hear()?;
        if !is_open {
            return Err(self
                .leaving
                .take()
                .map_or(End::Failed("the collector closed the connection".into()), |l| l.1));
        }
        let now = self.list.now();
        let finishing = self.heed(now)?;
        self.blocked = !self.link.flush(self.list.sender.output(), &[])?;
        self.more = false;
        self.list.keep_pace(now, self.reader.place());
        if self.leaving.is_none() && !self.blocked && now >= self.read_again_at {
            self.send(now)?;
        }
        if finishing && self.caught_up && self.flight.is_empty() && self.list.sender.is_open() {
            return Err(End::Finished);
        }
        let produced = Ledger::new(self.list.spool.tail().events);
        self.list.sender.beat(now, &produced)?;
        self.blocked = !self.link.flush(self.list.sender.output(), &[])?;
        self.list.progress.report(now);
        self.show();
        Ok(self.patience(now, finishing))
    }

    fn patience(&self, now: Duration, finishing: bool) -> Duration {
        if self.more && !self.blocked {
            return Duration::ZERO;
        }
        let list = &self.list;
        let due = [
            list.sender.due(),
            list.progress.due(),
            self.leaving.as_ref().map(|(until, _)| *until),
            finishing.then(|| list.finish_by()),
            (self.read_again_at > now).then_some(self.read_again_at),
            list.pace.resumes(),
        ];
        due.into_iter().flatten().min().map_or(Duration::from_secs(1), |due| due.saturating_sub(now))
    }

    /// What others want of this list; whether the daemon stops.
    fn heed(&mut self, now: Duration) -> Result<bool, End> {
        if let Some((until, end)) = &self.leaving
            && (self.flight.is_empty() || now >= *until)
        {
            return Err(end.clone());
        }
        match self.list.heed() {
            Heed::GoOn => Ok(false),
            Heed::Leave => {
                self.leave(End::Left);
                Ok(false)
            }
            Heed::Finish if now >= self.list.finish_by() => Err(End::Finished),
            Heed::Finish => Ok(true),
        }
    }

    /// Sends nothing more, and waits for what is under way.
    fn leave(&mut self, end: End) {
        if self.leaving.is_none() {
            self.leaving = Some((self.list.now() + LEAVE_PATIENCE, end));
            self.list.state.update(|view| view.phase = Phase::Leaving);
        }
    }

    fn hear(&mut self) -> Result<(), End> {
        loop {
            let now = self.list.now();
            let step = self.list.sender.advance(self.link.unread(), now)?;
            let heard = step.item.map(heard);
            let consumed = step.consumed;
            self.link.consume(consumed);
            match heard {
                None if consumed == 0 || self.link.unread().is_empty() => return Ok(()),
                None => {}
                Some(Heard::Welcome(welcome)) => {
                    let Welcome { node, durable, .. } = welcome;
                    self.list.welcomed(Collector::Native { node, durable });
                }
                Some(Heard::Acked(high_water)) => {
                    while let Some(sent) = self.flight.pop_acked(high_water) {
                        self.list.progress.pass(&sent);
                    }
                    self.list.works();
                }
                Some(Heard::Rewound(to)) => {
                    let place = self.flight.rewind(to).unwrap_or(self.list.progress.place());
                    self.reader.seek(place);
                    (self.needed, self.caught_up) = (0, false);
                }
                Some(Heard::Leave(end)) => self.leave(end),
                Some(Heard::End(end)) => return Err(end),
            }
        }
    }

    /// Sends as far as credit, socket, pace and spool go.
    fn send(&mut self, now: Duration) -> Result<(), End> {
        let mut left = TURN_BYTES;
        while let Some(next) = self.list.sender.next_to_send()
            && self.list.sender.may_send(self.needed)
            && !self.blocked
            && self.list.pace.may_send()
        {
            if left == 0 {
                self.more = true;
                return Ok(());
            }
            let Some(bytes) = self.send_one(next, now)? else { return Ok(()) };
            self.list.pace.sent((bytes + RECORD_BYTES) as u64);
            left = left.saturating_sub(bytes.max(1));
            if self.list.sender.output().len() >= WRITE_BYTES {
                self.blocked = !self.link.flush(self.list.sender.output(), &[])?;
            }
        }
        Ok(())
    }

    /// A stream that a machine which was set back goes on in begins with numbers that are none of it.
    fn pass_never_given(&mut self, next: Seq, last: Seq) -> Result<Option<usize>, End> {
        let list = &mut self.list;
        send_lost(&mut list.sender, next, last, 0, LossReason::SetBack, None)?;
        self.flight.push(Sent { last, after: list.progress.place(), received: None, lost: None });
        Ok(Some(0))
    }

    /// Sends the next record; `None` if there is none now, or no credit for it.
    fn send_one(&mut self, next: Seq, now: Duration) -> Result<Option<usize>, End> {
        if let Some(last) = self.list.never_given().filter(|last| next <= *last) {
            return self.pass_never_given(next, last);
        }
        let Self { list, link, reader, .. } = self;
        let before = reader.place();
        let item = match reader.read() {
            Ok(item) => item,
            Err(error) => {
                list.disk_state.note(DiskOperation::Spool, Some(error.to_string()));
                self.read_again_at = now + READ_AGAIN_AFTER;
                return Ok(None);
            }
        };
        self.caught_up = item.is_none();
        let (last, received, lost, bytes) = match item {
            None => return Ok(None),
            Some(Item::Damage(damage)) => {
                tracing::error!(?damage, "the spool is damaged; forwarding goes on behind it");
                return Ok(Some(0));
            }
            Some(Item::Data(data)) => {
                let (own, received, bytes) = (data.place.own_seq, Some(data.received), data.events.len());
                let mut lost = None;
                if own >= next {
                    if !list.sender.may_send(bytes) {
                        (self.needed, self.waits_since) = (bytes, received);
                        reader.seek(before);
                        return Ok(None);
                    }
                    let compressed = codec::compress(list.compress, data.events);
                    let batch = batch(&data, list.compress, compressed.as_deref());
                    match send_batch(&mut list.sender, link, &batch)? {
                        Some(written) => self.blocked = !written,
                        None => {
                            send_lost(
                                &mut list.sender,
                                own,
                                own,
                                u64::from(data.count),
                                LossReason::NotAnEvent,
                                origin(&data),
                            )?;
                            lost = Some((DropReason::Malformed, u64::from(data.count)));
                        }
                    }
                    list.count_sent(u64::from(data.count), bytes as u64);
                }
                (own, received, lost, bytes)
            }
            Some(Item::Gap(gap)) => {
                let own = gap.place.own_seq;
                if own >= next {
                    let origin = origin_of_gap(&gap);
                    send_lost(&mut list.sender, own, own, gap.events, gap_reason(gap.reason), origin)?;
                }
                (own, Some(gap.received), None, 0)
            }
            Some(Item::Lost(lost)) => {
                let (reason, dropped) = match lost.damaged {
                    true => (LossReason::SpoolDamaged, DropReason::SpoolDamaged),
                    false => (LossReason::SpoolFull, DropReason::SpoolFull),
                };
                let own = lost.own;
                tracing::warn!(
                    events = lost.events,
                    reason = reason.name(),
                    "events of the spool cannot be forwarded"
                );
                if own.last >= next {
                    // Of a part of them nobody knows how many events it held.
                    let events = if own.first >= next { lost.events } else { 0 };
                    send_lost(&mut list.sender, own.first.max(next), own.last, events, reason, None)?;
                }
                (own.last, None, Some((dropped, lost.events)), 0)
            }
        };
        self.needed = 0;
        let sent = Sent { last, after: reader.place(), received, lost };
        if last < next {
            // The collector has it already: an ack got lost.
            self.list.progress.pass(&sent);
        } else {
            self.flight.push(sent);
        }
        Ok(Some(bytes))
    }

    fn show(&self) {
        let (credit, in_flight) = self.list.sender.credit();
        let mut oldest = self.flight.oldest().or(self.waits_since.filter(|_| self.needed > 0));
        if oldest.is_none() && !self.caught_up {
            oldest = self.list.peek();
        }
        let held_to = self.list.pace.held_to();
        self.list.state.update(|view| {
            (view.credit_bytes, view.in_flight_bytes) = (credit.0, in_flight.0);
            (view.oldest, view.held_to) = (oldest, held_to);
        });
    }
}

/// True when all is written, `None` when the batch is none that can be sent.
fn send_batch(sender: &mut Sender, link: &mut Link, batch: &Batch<'_>) -> Result<Option<bool>, End> {
    let large = batch.payload.len() >= LARGE_BYTES;
    match if large { sender.send_head(batch) } else { sender.send(batch) } {
        Ok(()) if large => Ok(Some(link.flush(sender.output(), batch.payload)?)),
        Ok(()) => Ok(Some(true)),
        Err(NotNow::Size { .. }) => Ok(None),
        Err(error) => Err(End::Failed(format!("BUG: {error}"))),
    }
}

fn send_lost(
    sender: &mut Sender,
    first: Seq,
    last: Seq,
    events: u64,
    reason: LossReason,
    origin: Option<Origin>,
) -> Result<(), End> {
    let numbers = SeqRange::new(first, last).expect("BUG: own numbers begin at 1 and rise");
    let lost = Lost { numbers, count: Some(events).filter(|events| *events > 0), reason, origin };
    sender.lost(&lost).map_err(|error| End::Failed(format!("BUG: {error}")))
}

/// The record as a batch; compressed, if that made it smaller.
fn batch<'a>(data: &Data<'a>, compress: Codec, compressed: Option<&'a [u8]>) -> Batch<'a> {
    let (codec, crc, payload) = match compressed {
        Some(payload) => (compress, PayloadCrc::of(payload), payload),
        None => (Codec::None, PayloadCrc(data.crc), data.events),
    };
    let raw_bytes = u32::try_from(data.events.len()).unwrap_or(u32::MAX);
    Batch { seq: data.place.own_seq, count: data.count, raw_bytes, codec, crc, origin: origin(data), payload }
}

/// Where the events were numbered first.
fn origin(data: &Data<'_>) -> Option<Origin> {
    if !data.origin.is_empty() {
        return Origin::decode(data.origin);
    }
    let source = data.source?;
    let numbers = SeqRange::new(source.seq, source.seq)?;
    Some(Origin { stream: source.stream, numbers, count: data.count })
}

/// Which numbers a gap is about first.
fn origin_of_gap(gap: &Gap<'_>) -> Option<Origin> {
    if !gap.origin.is_empty() {
        return Origin::decode(gap.origin);
    }
    let source = gap.source?;
    let numbers = SeqRange::new(gap.first, source.seq)?;
    Some(Origin { stream: source.stream, numbers, count: u32::try_from(gap.events).unwrap_or(u32::MAX) })
}

fn gap_reason(reason: GapReason) -> LossReason {
    LossReason::from_id(u8::try_from(reason.0).unwrap_or(u8::MAX))
}

fn heard(notice: Notice<'_>) -> Heard {
    match notice {
        Notice::Welcomed { welcome, .. } => Heard::Welcome(welcome),
        Notice::Acked { high_water } => Heard::Acked(high_water),
        Notice::Rewound { to } => Heard::Rewound(to),
        Notice::RolledBack { high_water, .. } => Heard::End(End::RolledBack(high_water)),
        Notice::Busy { retry } => Heard::Leave(End::Busy(retry)),
        Notice::Refused { reason, text } => Heard::End(End::Refused(reason, text.to_owned())),
        Notice::GoingAway { reason: GoAwayReason::TakenOver, .. } => Heard::End(End::TakenOver),
        Notice::GoingAway { text, .. } => Heard::Leave(End::GoingAway(text.to_owned())),
        Notice::Farewell => Heard::End(End::Failed("BUG: a daemon's stream does not end".into())),
    }
}
