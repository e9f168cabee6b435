//! A daemon in a thread: the receiving side of the native protocol, as scripted as a test wants it.

use blueox_event::wire::native::{
    Arrival, ByteCount, Hello, Lost, NodeId, Receiver, RefusedReason, Seq, Welcome,
};
use blueox_event::{EncodedEvent, Value};
use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What a collector got.
#[derive(Debug, Default)]
pub(crate) struct Got {
    /// Events in the order of their acks, decoded.
    pub(crate) events: Vec<Value>,
    /// The high-water mark of each stream.
    pub(crate) marks: HashMap<u128, Seq>,
    pub(crate) connections: usize,
    pub(crate) farewells: usize,
    /// The last ledger: produced, and dropped in sum.
    pub(crate) ledger: (u64, u64),
    /// What senders gave up.
    pub(crate) lost: Vec<Lost>,
    /// How often a mark was claimed that no sender reached.
    pub(crate) boasts: usize,
    /// The token of the last HELLO.
    pub(crate) token: Option<Vec<u8>>,
}

/// What a collector shall do.
#[derive(Debug, Default)]
pub(crate) struct Script {
    /// Batches are taken and not acked.
    pub(crate) keeps_silent: AtomicBool,
    /// Each connection is cut after its next batch, before the ack.
    pub(crate) cuts: AtomicBool,
    /// Each connection is cut at its first batch, which is not taken.
    pub(crate) drops: AtomicBool,
    /// Each HELLO is answered with BUSY.
    pub(crate) is_busy: AtomicBool,
    /// Each HELLO is refused.
    pub(crate) refuses: AtomicBool,
    /// The next WELCOME claims a mark that this sender never reached, as if the sender's machine had been set back.
    pub(crate) boasts: AtomicBool,
}

/// What a refusal says.
pub(crate) const REFUSAL: &str = "no such token; see --token-file";

#[derive(Clone)]
pub(crate) struct Collector {
    shared: Arc<(Mutex<Got>, Condvar)>,
    pub(crate) script: Arc<Script>,
    pub(crate) address: String,
}

impl Collector {
    /// Listens on a free port.
    pub(crate) fn start() -> Self {
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// Listens on a socket that was bound before.
    pub(crate) fn listen(listener: TcpListener) -> Self {
        let address = listener.local_addr().unwrap().to_string();
        let collector = Self { shared: Arc::default(), script: Arc::default(), address };
        let accepting = collector.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let serving = accepting.clone();
                std::thread::spawn(move || serving.serve(stream));
            }
        });
        collector
    }

    pub(crate) fn got(&self) -> MutexGuard<'_, Got> {
        self.shared.0.lock().unwrap()
    }

    /// Waits until what was got is as `is_enough` wants it.
    pub(crate) fn wait(&self, is_enough: impl Fn(&Got) -> bool) -> MutexGuard<'_, Got> {
        let (got, timeout) =
            self.shared.1.wait_timeout_while(self.got(), PATIENCE, |got| !is_enough(got)).unwrap();
        assert!(!timeout.timed_out(), "waited in vain; got {} events", got.events.len());
        got
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut receiver = Receiver::accept();
        let (mut input, mut piece) = (Vec::new(), vec![0; 64 << 10]);
        let mut stream_id = 0;
        self.got().connections += 1;
        loop {
            let length = stream.read(&mut piece).unwrap_or(0);
            if length == 0 {
                return;
            }
            input.extend_from_slice(&piece[..length]);
            let mut consumed = 0;
            loop {
                let step = receiver.advance(&input[consumed..]).unwrap();
                consumed += step.consumed;
                let Some(arrival) = step.item else {
                    if step.consumed == 0 {
                        break;
                    }
                    continue;
                };
                let mut got = self.got();
                match arrival {
                    Arrival::Hello(hello) => {
                        stream_id = hello.stream.0;
                        self.answer(&hello, &mut got, &mut receiver);
                    }
                    Arrival::Data { batch, .. } => {
                        if self.script.drops.load(Ordering::Relaxed) {
                            return;
                        }
                        if self.script.keeps_silent.load(Ordering::Relaxed) {
                            continue;
                        }
                        let mut rest = batch.payload;
                        for _ in 0..batch.count {
                            let event = EncodedEvent::read(rest).unwrap();
                            got.events.push(Value::from_raw(event.raw()));
                            rest = &rest[event.bytes().len()..];
                        }
                        assert!(rest.is_empty());
                        got.marks.insert(stream_id, batch.seq);
                        if self.script.cuts.load(Ordering::Relaxed) {
                            self.shared.1.notify_all();
                            return;
                        }
                        receiver.durable(batch.seq).unwrap();
                    }
                    Arrival::Lost { lost, .. } => {
                        got.lost.push(lost);
                        got.marks.insert(stream_id, lost.numbers.last());
                        receiver.durable(lost.numbers.last()).unwrap();
                    }
                    Arrival::Ping(report) => {
                        got.ledger = (report.produced, report.dropped().map(|(_, count)| count).sum());
                    }
                    Arrival::Bye { .. } => {
                        got.farewells += 1;
                        receiver.farewell().unwrap();
                    }
                }
                drop(got);
                self.shared.1.notify_all();
            }
            input.drain(..consumed);
            let output = receiver.output();
            if stream.write_all(output).is_err() {
                return;
            }
            output.clear();
        }
    }

    fn answer(&self, hello: &Hello<'_>, got: &mut Got, receiver: &mut Receiver) {
        got.token = hello.sender.token.map(|token| token.secret().to_vec());
        if self.script.is_busy.load(Ordering::Relaxed) {
            return receiver.busy(Duration::from_millis(1)).unwrap();
        }
        if self.script.refuses.load(Ordering::Relaxed) {
            return receiver.refuse(RefusedReason::Token, REFUSAL).unwrap();
        }
        let mark = got.marks.get(&hello.stream.0).copied().unwrap_or(Seq::NONE);
        let boast = self.script.boasts.swap(false, Ordering::Relaxed);
        got.boasts += usize::from(boast);
        let high_water = if boast { Seq::new(mark.get() + 1_000_000) } else { mark };
        let welcome = Welcome { node: NodeId(1), durable: true, high_water, credit: ByteCount(1 << 20) };
        receiver.welcome(&welcome).unwrap();
    }
}
