//! A connection to an original daemon: ZeroMQ's PUSH, as its own clients speak it.
//!
//! It acknowledges nothing. An event counts as forwarded when its bytes were handed to the kernel, so what is under way when
//! a connection ends may be lost: at most once. What was gathered or written then is not sent again, so that no event
//! arrives twice; events of which the peer's kernel has not acknowledged every byte are counted as unsure. What it did
//! acknowledge and the peer never read, nobody can know.

use super::flight::Sent;
use super::link::Link;
use super::list::{Heed, List};
use super::list_state::Collector;
use super::native_link::End;
use crate::disk_state::DiskOperation;
use crate::ledger::DropReason;
use crate::spool_disk::SpoolDisk;
use blueox_event::EncodedEvent;
use blueox_event::wire::original::Header;
use blueox_event::wire::zmtp::{Connection, Item as ZmtpItem, SocketType};
use blueox_log::spool::{Data, Item, Reader};
use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::Duration;

/// What the peer may say at once; a PULL says nothing but commands.
const MESSAGE_BYTES: usize = 4 << 10;
/// How long the handshake may take.
const HANDSHAKE_PATIENCE: Duration = Duration::from_millis(1500);
/// So much is gathered before it is written.
const WRITE_BYTES: usize = 64 << 10;
/// A destination that takes nothing for so long is given up, if there is another.
const STALL_PATIENCE: Duration = Duration::from_secs(5);
/// How often it looks whether all has arrived, when the connection is to be left.
const ARRIVAL_LOOK: Duration = Duration::from_millis(10);
/// When a spool that cannot be read is tried again.
const READ_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One connection, from the greeting to its end.
pub(super) struct OriginalLink<'a> {
    list: &'a mut List,
    link: Link,
    zmtp: Connection,
    reader: Reader<SpoolDisk>,
    /// The records whose bytes are in the output; they are passed when it is written.
    gathered: Vec<Sent>,
    /// The records that the peer's kernel may not have: where each ends among the connection's bytes, and its events.
    on_the_wire: VecDeque<(u64, u64)>,
    caught_up: bool,
    blocked_since: Option<Duration>,
    read_again_at: Duration,
    begun: Duration,
    leaving_since: Option<Duration>,
}

impl<'a> OriginalLink<'a> {
    pub(super) fn new(list: &'a mut List, socket: TcpStream) -> Self {
        let reader = list.spool.reader(list.progress.place());
        let begun = list.now();
        Self {
            list,
            link: Link::new(socket),
            zmtp: Connection::connect(SocketType::Push, MESSAGE_BYTES),
            reader,
            gathered: Vec::new(),
            on_the_wire: VecDeque::new(),
            caught_up: false,
            blocked_since: None,
            read_again_at: Duration::ZERO,
            begun,
            leaving_since: None,
        }
    }

    /// Forwards until the connection ends.
    pub(super) fn run(mut self) -> End {
        loop {
            let waited = self.turn().and_then(|patience| {
                let link: &dyn std::os::fd::AsFd = &self.link;
                let blocked = self.blocked_since.is_some();
                Ok(self.list.state.waker.wait(Some((link, blocked)), patience)?)
            });
            if let Err(end) = waited {
                self.note_arrived();
                self.list.state.counts.doubt(self.on_the_wire.iter().map(|(_, events)| events).sum());
                self.pass_gathered();
                self.list.progress.report_now();
                return end;
            }
        }
    }

    fn turn(&mut self) -> Result<Duration, End> {
        let is_open = self.link.fill()?;
        self.hear()?;
        if !is_open {
            return Err(End::Failed("the collector closed the connection".into()));
        }
        let now = self.list.now();
        self.flush(now)?;
        let heed = self.list.heed();
        let is_leaving = heed != Heed::GoOn;
        self.note_arrived();
        if heed == Heed::Leave && self.gathered.is_empty() && self.has_arrived(now) {
            return Err(End::Left);
        }
        if heed == Heed::Finish && now >= self.list.finish_by() {
            return Err(End::Finished);
        }
        let is_ready = self.zmtp.peer().is_some();
        if !is_ready && now >= self.begun + HANDSHAKE_PATIENCE {
            return Err(End::Failed("the original daemon does not finish its handshake".into()));
        }
        if let Some(since) = self.blocked_since
            && now >= since + STALL_PATIENCE
            && self.list.has_backup()
        {
            return Err(End::Failed("the collector takes nothing".into()));
        }
        self.list.keep_pace(now, self.reader.place());
        while is_ready
            && self.blocked_since.is_none()
            && now >= self.read_again_at
            && heed != Heed::Leave
            && self.list.pace.may_send()
        {
            if !self.send_some(now)? {
                break;
            }
            self.list.pace.sent(self.zmtp.output().len() as u64);
            self.flush(now)?;
        }
        if heed == Heed::Finish
            && is_ready
            && self.caught_up
            && self.gathered.is_empty()
            && self.has_arrived(now)
        {
            return Err(End::Finished);
        }
        self.list.progress.report(now);
        let (caught_up, bytes) = (self.caught_up, self.zmtp.output().len() as u64);
        let held_to = self.list.pace.held_to();
        self.list.state.update(|view| {
            (view.in_flight_bytes, view.held_to) = (bytes, held_to);
            if caught_up && bytes == 0 {
                view.oldest = None;
            }
        });
        let patience = if is_leaving { ARRIVAL_LOOK } else { HANDSHAKE_PATIENCE };
        let due = [self.list.progress.due(), self.list.pace.resumes(), Some(now + patience)];
        Ok(due.into_iter().flatten().min().map_or(patience, |due| due.saturating_sub(now)))
    }

    fn hear(&mut self) -> Result<(), End> {
        loop {
            let step =
                self.zmtp.advance(self.link.unread()).map_err(|error| End::Failed(error.to_string()))?;
            let (consumed, item) = (step.consumed, step.item.map(|item| matches!(item, ZmtpItem::Ready)));
            self.link.consume(consumed);
            match item {
                Some(true) => {
                    self.list.welcomed(Collector::Original);
                    self.list.works();
                }
                Some(false) => {}
                None => return Ok(()),
            }
        }
    }

    /// Hands what is gathered to the kernel; with its last byte the records count as forwarded.
    fn flush(&mut self, now: Duration) -> Result<(), End> {
        if !self.link.flush(self.zmtp.output(), &[])? {
            self.blocked_since.get_or_insert(now);
            return Ok(());
        }
        self.blocked_since = None;
        self.pass_gathered();
        Ok(())
    }

    /// One by one, so that each record's losses are its own.
    fn pass_gathered(&mut self) {
        for sent in self.gathered.drain(..) {
            self.list.progress.pass(&sent);
        }
    }

    /// Forgets the records that the peer's kernel has.
    fn note_arrived(&mut self) {
        if self.on_the_wire.is_empty() {
            return;
        }
        let arrived = self.link.arrived();
        let count = self.on_the_wire.partition_point(|(end, _)| *end <= arrived);
        self.on_the_wire.drain(..count);
    }

    /// Whether a connection that is to be left has nothing under way, or was waited for long enough.
    fn has_arrived(&mut self, now: Duration) -> bool {
        let since = *self.leaving_since.get_or_insert(now);
        self.on_the_wire.is_empty() || now >= since + HANDSHAKE_PATIENCE
    }

    /// Gathers the next records; false when there are none.
    fn send_some(&mut self, now: Duration) -> Result<bool, End> {
        let mut read = false;
        while self.zmtp.output().len() < WRITE_BYTES {
            let item = match self.reader.read() {
                Ok(item) => item,
                Err(error) => {
                    self.list.disk_state.note(DiskOperation::Spool, Some(error.to_string()));
                    self.read_again_at = now + READ_AGAIN_AFTER;
                    break;
                }
            };
            self.caught_up = item.is_none();
            let (events, lost) = match item {
                None => break,
                Some(Item::Data(data)) => {
                    let bytes = data.events.len() as u64;
                    self.list.state.update(|view| view.oldest = Some(data.received));
                    let strange = gather(&mut self.zmtp, &data)?;
                    self.list.count_sent(u64::from(data.count), bytes);
                    (
                        u64::from(data.count) - strange,
                        (strange > 0).then_some((DropReason::Malformed, strange)),
                    )
                }
                Some(Item::Lost(lost)) => {
                    let reason = if lost.damaged { DropReason::SpoolDamaged } else { DropReason::SpoolFull };
                    tracing::warn!(
                        events = lost.events,
                        reason = reason.name(),
                        "events of the spool cannot be forwarded"
                    );
                    (0, Some((reason, lost.events)))
                }
                Some(Item::Gap(_)) => (0, None),
                Some(Item::Damage(damage)) => {
                    tracing::error!(?damage, "the spool is damaged; forwarding goes on behind it");
                    continue;
                }
            };
            read = true;
            let after = self.reader.place();
            let sent = Sent { last: after.own_seq.previous(), after, received: None, lost };
            self.gathered.push(sent);
            if events > 0 {
                let end = self.link.position_behind(self.zmtp.output().len());
                self.on_the_wire.push_back((end, events));
            }
        }
        Ok(read)
    }
}

/// Appends the events as messages; gives how many were none.
fn gather(zmtp: &mut Connection, data: &Data<'_>) -> Result<u64, End> {
    let mut rest = data.events;
    let mut sent = 0;
    while !rest.is_empty() {
        let Ok(event) = EncodedEvent::read(rest) else { break };
        rest = &rest[event.bytes().len()..];
        let end = event.end().unwrap_or(data.received.0 as f64 / 1e6);
        let Ok(type_name) = event.type_name() else { continue };
        let header = Header::encode(end, event.host().unwrap_or_default(), type_name.bytes());
        zmtp.send(&[&header, event.bytes()]).map_err(|error| End::Failed(error.to_string()))?;
        sent += 1;
    }
    Ok(u64::from(data.count).saturating_sub(sent))
}
