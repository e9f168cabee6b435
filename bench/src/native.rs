//! One stream of BlueOx's own protocol, as an application's library sends it.
//!
//! Writes are blocking. Acks are read before each batch, while it waits for its time, and while there is no credit;
//! so an ack's time is true to what one batch takes to encode and write.

use crate::clock::Stopwatch;
use crate::target::Target;
use anyhow::{Context, bail, ensure};
use blueox_event::wire::native::{Batch, Introduction, Ledger, Notice, Role, Sender, Seq, Session, StreamId};
use rustix::event::{PollFd, PollFlags, poll};
use std::collections::VecDeque;
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{IoSlice, Read, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A daemon that acks nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);
const READ_BYTES: usize = 16 << 10;

/// What became of a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ack {
    /// When its ack was read, in seconds of the load's watch.
    pub(crate) at: f64,
    /// How long after its first byte was written, in seconds.
    pub(crate) after: f64,
}

/// A stream and its only connection.
#[derive(Debug)]
pub(crate) struct NativeStream<'a> {
    socket: File,
    machine: Sender,
    unread: Vec<u8>,
    watch: Stopwatch,
    /// Events in batches so far.
    produced: u64,
    /// Number, time of writing and events of each batch without an ack.
    under_way: VecDeque<(Seq, Duration, u64)>,
    acks: Vec<Ack>,
    /// Counts acked events, of all streams of a load.
    acked_events: &'a AtomicU64,
    has_left: bool,
}

impl<'a> NativeStream<'a> {
    /// Connects as a new stream and waits for WELCOME.
    pub(crate) fn connect(
        target: &Target,
        watch: Stopwatch,
        acked_events: &'a AtomicU64,
    ) -> anyhow::Result<Self> {
        let mut stream = Self {
            socket: target.connect()?,
            machine: Sender::new(StreamId(random_id()), Role::Application),
            unread: Vec::new(),
            watch,
            produced: 0,
            under_way: VecDeque::new(),
            acks: Vec::new(),
            acked_events,
            has_left: false,
        };
        let introduction =
            Introduction { session: Session(1), host: "web-1", pid: std::process::id(), token: None };
        stream.machine.connect(&introduction, watch.elapsed());
        stream.flush()?;
        while !stream.machine.is_open() {
            stream.listen(PATIENCE)?;
        }
        Ok(stream)
    }

    /// Sends one batch as soon as there is credit.
    pub(crate) fn send(&mut self, payload: &[u8], count: u32) -> anyhow::Result<()> {
        self.listen(Duration::ZERO)?;
        let waiting = Stopwatch::start();
        while !self.machine.may_send(payload.len()) {
            ensure!(waiting.elapsed() < PATIENCE, "the daemon has given no credit for {PATIENCE:?}");
            self.listen(PATIENCE)?;
        }
        let batch = Batch::plain(self.machine.number(), count, payload)?;
        self.produced += u64::from(count);
        self.under_way.push_back((batch.seq, self.watch.elapsed(), u64::from(count)));
        self.machine.send_head(&batch)?;
        write_both(&mut self.socket, self.machine.output(), payload)?;
        self.machine.output().clear();
        Ok(())
    }

    /// Reads acks until then.
    pub(crate) fn listen_until(&mut self, due: Duration) -> anyhow::Result<()> {
        while let Some(left) = due.checked_sub(self.watch.elapsed()).filter(|left| !left.is_zero()) {
            self.listen(left)?;
        }
        Ok(())
    }

    /// Waits until all is acked, says BYE, and waits for the answer; gives all acks.
    pub(crate) fn finish(mut self) -> anyhow::Result<Vec<Ack>> {
        let waiting = Stopwatch::start();
        while !self.under_way.is_empty() {
            ensure!(
                waiting.elapsed() < PATIENCE,
                "{} batches were not acked within {PATIENCE:?}",
                self.under_way.len()
            );
            self.listen(PATIENCE)?;
        }
        self.machine.bye()?;
        self.flush()?;
        while !self.has_left {
            ensure!(waiting.elapsed() < 2 * PATIENCE, "the daemon does not answer BYE");
            self.listen(PATIENCE)?;
        }
        Ok(self.acks)
    }

    /// Waits for something to read, at most so long and no longer than until the next sign of life is due.
    fn listen(&mut self, patience: Duration) -> anyhow::Result<()> {
        let now = self.watch.elapsed();
        let due = self.machine.due().map_or(patience, |due| due.saturating_sub(now));
        if is_readable(&self.socket, patience.min(due))? {
            let kept = self.unread.len();
            self.unread.resize(kept + READ_BYTES, 0);
            let count = self.socket.read(&mut self.unread[kept..]).context("cannot read an ack")?;
            self.unread.truncate(kept + count);
            ensure!(count > 0, "the daemon has closed the connection");
            self.digest()?;
        }
        self.machine.beat(self.watch.elapsed(), &Ledger::new(self.produced))?;
        self.flush()
    }

    fn digest(&mut self) -> anyhow::Result<()> {
        let now = self.watch.elapsed();
        let mut consumed = 0;
        loop {
            let step = self.machine.advance(&self.unread[consumed..], now)?;
            consumed += step.consumed;
            match step.item {
                None if step.consumed == 0 => break,
                None | Some(Notice::Welcomed { .. }) => {}
                Some(Notice::Acked { high_water }) => {
                    while let Some((_, sent, events)) =
                        self.under_way.front().copied().filter(|(seq, ..)| *seq <= high_water)
                    {
                        self.under_way.pop_front();
                        self.acked_events.fetch_add(events, Relaxed);
                        self.acks.push(Ack { at: now.as_secs_f64(), after: (now - sent).as_secs_f64() });
                    }
                }
                Some(Notice::Farewell) => self.has_left = true,
                // Batches are not kept here: what a daemon cannot take now it will never get.
                Some(notice) => bail!("the daemon does not take this stream any more: {notice:?}"),
            }
        }
        self.unread.drain(..consumed);
        Ok(())
    }

    fn flush(&mut self) -> anyhow::Result<()> {
        self.socket.write_all(self.machine.output())?;
        self.machine.output().clear();
        Ok(())
    }
}

fn is_readable(socket: &File, patience: Duration) -> anyhow::Result<bool> {
    let mut wanted = [PollFd::new(socket, PollFlags::IN)];
    let patience = patience.try_into().context("BUG: no patience is so long")?;
    Ok(poll(&mut wanted, Some(&patience))? > 0)
}

/// In one call to the system where it takes all.
fn write_both(socket: &mut File, head: &[u8], payload: &[u8]) -> anyhow::Result<()> {
    let written = socket.write_vectored(&[IoSlice::new(head), IoSlice::new(payload)])?;
    socket.write_all(head.get(written..).unwrap_or_default())?;
    socket.write_all(&payload[written.saturating_sub(head.len())..])?;
    Ok(())
}

/// Two runs never have a stream in common. The standard library's hasher has the system's random numbers.
fn random_id() -> u128 {
    let half = || u128::from(RandomState::new().build_hasher().finish());
    half() << 64 | half()
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::wire::native::{Arrival, ByteCount, NodeId, Receiver, Welcome};
    use std::net::{Ipv4Addr, TcpListener};

    /// A receiver with little credit that acks each batch; gives how many events came.
    fn receive(listener: &TcpListener) -> u32 {
        let (mut socket, _) = listener.accept().unwrap();
        let (mut receiver, mut unread, mut events) = (Receiver::accept(), Vec::new(), 0);
        loop {
            let step = receiver.advance(&unread).unwrap();
            let (consumed, starved) = (step.consumed, step.item.is_none() && step.consumed == 0);
            let mut has_ended = false;
            match step.item {
                Some(Arrival::Hello(_)) => {
                    let (node, high_water, credit) = (NodeId(1), Seq::NONE, ByteCount(1_000));
                    receiver.welcome(&Welcome { node, durable: true, high_water, credit }).unwrap();
                }
                Some(Arrival::Data { batch, .. }) => {
                    events += batch.count;
                    receiver.durable(batch.seq).unwrap();
                }
                Some(Arrival::Bye { .. }) => {
                    receiver.farewell().unwrap();
                    has_ended = true;
                }
                _ => {}
            }
            unread.drain(..consumed);
            socket.write_all(receiver.output()).unwrap();
            receiver.output().clear();
            if has_ended {
                return events;
            }
            if starved {
                let kept = unread.len();
                unread.resize(kept + 4096, 0);
                let count = socket.read(&mut unread[kept..]).unwrap();
                assert!(count > 0, "closed without BYE");
                unread.truncate(kept + count);
            }
        }
    }

    #[test]
    fn all_is_acked_before_the_farewell() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let target = Target::from(listener.local_addr().unwrap());
        let receiving = std::thread::spawn(move || receive(&listener));
        let acked = AtomicU64::new(0);
        let mut stream = NativeStream::connect(&target, Stopwatch::start(), &acked).unwrap();
        for _ in 0..50 {
            stream.send(&[b'\x80'; 300], 3).unwrap();
        }
        let acks = stream.finish().unwrap();
        assert_eq!((acks.len(), acked.load(Relaxed), receiving.join().unwrap()), (50, 150, 150));
    }
}
