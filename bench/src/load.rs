//! The generator: the same events to any daemon, as fast as it takes them.
//!
//! Messages are encoded once; before each write only their numbers are changed. Writes are blocking, so that a
//! daemon's back-pressure is what sets the pace.

use crate::block::{Block, Number, Pace, pause_until};
use crate::clock::{self, Stopwatch};
use crate::native::{Ack, NativeStream};
use crate::peer::Peer;
use crate::sample::{Sample, TYPES};
use crate::target::Target;
use crate::usage;
use anyhow::{Context, bail, ensure};
use blueox_event::limits::MAX_BATCH_EVENTS;
use blueox_event::wire::zmtp::SocketType;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);
/// One write to a ZeroMQ connection.
const WRITE_BYTES: usize = 128 << 10;
/// One request's body. A large one, because each request waits for the disk.
const HTTP_BODY_BYTES: usize = 1 << 20;
/// One batch of the native protocol, unless a load says another size.
pub(crate) const BATCH_BYTES: usize = 256 << 10;

/// How events travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wire {
    /// The original's: ZeroMQ PUSH, two parts a message.
    Zmtp,
    /// POST /v1/events with MsgPack maps, answered when durable.
    Http,
    /// BlueOx's own: numbered batches, acked when durable; each connection is a stream.
    Native,
}

/// What is to be sent.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    pub(crate) to: Target,
    pub(crate) wire: Wire,
    /// The length of an event's map.
    pub(crate) bytes: usize,
    /// The first event's number.
    pub(crate) first: u32,
    /// Numbers stand in 32 bits.
    pub(crate) events: u32,
    pub(crate) connections: u32,
    /// Events a second on all connections together; none: as fast as the daemon takes them.
    pub(crate) rate: Option<f64>,
    /// The size of a native batch.
    pub(crate) batch_bytes: usize,
}

/// A load that was written. The connections stay open until this is dropped: a daemon may still be reading. Native ones
/// have ended: all is acked, and BYE was answered.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) events: u64,
    /// The numbers of those that were sent; each connection has a range of its own.
    pub(crate) numbers: Vec<Range<u32>>,
    /// Until the last byte was written, on the native wire until the last ack.
    pub(crate) wall_seconds: f64,
    pub(crate) cpu_seconds: f64,
    /// Of each batch, on the native wire.
    pub(crate) acks: Vec<Ack>,
    connections: Vec<TcpStream>,
}

/// What one connection has done.
#[derive(Debug, Default)]
struct Done {
    first: u32,
    events: u64,
    acks: Vec<Ack>,
    connection: Option<TcpStream>,
}

/// What the threads of a load have in common.
#[derive(Debug, Clone, Copy)]
struct Run<'a> {
    watch: Stopwatch,
    stop: &'a AtomicBool,
    passed: &'a AtomicU64,
    pace: Option<Pace>,
}

impl Load {
    /// At full speed, in batches of the usual size.
    pub(crate) fn new(
        to: impl Into<Target>,
        wire: Wire,
        bytes: usize,
        events: u32,
        connections: u32,
    ) -> Self {
        let (first, rate, batch_bytes) = (0, None, BATCH_BYTES);
        Self { to: to.into(), wire, bytes, first, events, connections, rate, batch_bytes }
    }

    /// Sends all, numbered without a gap, or as many as there is time for until `stop` is set.
    pub(crate) fn run(&self, stop: &AtomicBool) -> anyhow::Result<Sent> {
        self.run_counting(stop, &AtomicU64::new(0))
    }

    /// The same; `passed` rises as events are acked, or on the other wires written.
    pub(crate) fn run_counting(&self, stop: &AtomicBool, passed: &AtomicU64) -> anyhow::Result<Sent> {
        let watch = Stopwatch::start();
        let cpu = usage::own_cpu();
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..self.connections)
                .map(|index| {
                    let share = |index: u32| {
                        let events = u64::from(self.events) * u64::from(index) / u64::from(self.connections);
                        self.first + events as u32
                    };
                    let numbers = share(index)..share(index + 1);
                    let connections = f64::from(self.connections);
                    let pace = self.rate.map(|rate| Pace {
                        rate: rate / connections,
                        offset: f64::from(index) / connections,
                    });
                    let run = Run { watch, stop, passed, pace };
                    scope.spawn(move || self.send(numbers, run))
                })
                .collect();
            let join =
                |thread: std::thread::ScopedJoinHandle<'_, _>| thread.join().expect("BUG: a sender panicked");
            threads.into_iter().map(join).collect::<anyhow::Result<Vec<Done>>>()
        })?;
        let mut sent =
            Sent { wall_seconds: watch.seconds(), cpu_seconds: usage::own_cpu() - cpu, ..Sent::default() };
        for done in results {
            sent.events += done.events;
            sent.numbers.push(done.first..done.first + done.events as u32);
            sent.acks.extend(done.acks);
            sent.connections.extend(done.connection);
        }
        Ok(sent)
    }

    fn send(&self, numbers: Range<u32>, run: Run<'_>) -> anyhow::Result<Done> {
        let first = numbers.start;
        let done = match self.wire {
            Wire::Zmtp => self.send_zmtp(numbers, run),
            Wire::Http => self.send_http(numbers, run),
            Wire::Native => self.send_native(numbers, run),
        };
        Ok(Done { first, ..done? })
    }

    /// The message with an index, of `seed`'s kind.
    fn sample(&self, index: u64, seed: u64) -> Sample {
        let type_name = TYPES[(index % TYPES.len() as u64) as usize];
        Sample::new(type_name, self.bytes, clock::now(), seed << 32 | index)
    }

    fn send_native(&self, numbers: Range<u32>, run: Run<'_>) -> anyhow::Result<Done> {
        let seed = u64::from(numbers.start);
        let mut block = Block::new(self.batch_bytes, MAX_BATCH_EVENTS as usize, Number::Binary, |index| {
            let sample = self.sample(index, seed);
            let number_at = sample.number_at();
            Ok((sample.map, number_at))
        })?;
        let mut stream = NativeStream::connect(&self.to, run.watch, run.passed)?;
        let events = block.write_all(numbers, run.pace, run.stop, |bytes, count, due| {
            due.map_or(Ok(()), |due| stream.listen_until(due))?;
            stream.send(bytes, count)
        })?;
        Ok(Done { events, acks: stream.finish()?, ..Done::default() })
    }

    fn send_zmtp(&self, numbers: Range<u32>, run: Run<'_>) -> anyhow::Result<Done> {
        let mut peer = Peer::connect(self.address()?, SocketType::Push, PATIENCE)?;
        let seed = u64::from(numbers.start);
        let mut block = Block::new(WRITE_BYTES, usize::MAX, Number::Binary, |index| {
            let sample = self.sample(index, seed);
            let message = peer.encode(&[&sample.header, &sample.map])?;
            let number_at = message.len() - sample.map.len() + sample.number_at();
            Ok((message, number_at))
        })?;
        let mut stream = peer.stream;
        let events = block.write_all(numbers, run.pace, run.stop, |bytes, count, due| {
            pause_until(due, run.watch);
            stream.write_all(bytes)?;
            run.passed.fetch_add(count.into(), Relaxed);
            Ok(())
        })?;
        Ok(Done { events, connection: Some(stream), ..Done::default() })
    }

    fn send_http(&self, numbers: Range<u32>, run: Run<'_>) -> anyhow::Result<Done> {
        let to = self.address()?;
        let stream = TcpStream::connect(to).with_context(|| format!("no daemon at {to}"))?;
        stream.set_nodelay(true)?;
        let seed = u64::from(numbers.start);
        let mut block = Block::new(HTTP_BODY_BYTES, usize::MAX, Number::Binary, |index| {
            let sample = self.sample(index, seed);
            let number_at = sample.number_at();
            Ok((sample.map, number_at))
        })?;
        let mut poster = Poster { answers: BufReader::new(stream.try_clone()?), stream, to };
        let events = block.write_all(numbers, run.pace, run.stop, |bytes, count, due| {
            pause_until(due, run.watch);
            poster.post(bytes)?;
            run.passed.fetch_add(count.into(), Relaxed);
            Ok(())
        })?;
        Ok(Done { events, connection: Some(poster.stream), ..Done::default() })
    }

    fn address(&self) -> anyhow::Result<SocketAddr> {
        match &self.to {
            Target::Tcp(address) => Ok(*address),
            Target::Unix(_) => bail!("only the native wire goes over a Unix socket; try: --wire native"),
        }
    }
}

impl Sent {
    /// Closes our side and waits until the daemon has closed its own: it has then read all.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        for mut connection in self.connections {
            connection.shutdown(Shutdown::Write)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            let mut rest = [0; 4096];
            while connection.read(&mut rest).context("the daemon does not close the connection")? > 0 {}
        }
        Ok(())
    }
}

struct Poster {
    stream: TcpStream,
    answers: BufReader<TcpStream>,
    to: SocketAddr,
}

impl Poster {
    fn post(&mut self, body: &[u8]) -> anyhow::Result<()> {
        let head = format!(
            "POST /v1/events HTTP/1.1\r\nHost: {}\r\nContent-Type: application/msgpack\r\nContent-Length: {}\r\n\r\n",
            self.to,
            body.len()
        );
        self.stream.write_all(head.as_bytes())?;
        self.stream.write_all(body)?;
        let (status, answer) = read_answer(&mut self.answers)?;
        ensure!(status == 200, "the daemon answered {status}: {}", answer.trim_end());
        Ok(())
    }
}

/// Reads one HTTP answer with a Content-Length; gives its status and body.
pub(crate) fn read_answer(stream: &mut impl BufRead) -> anyhow::Result<(u16, String)> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).context("no HTTP answer")?;
    let mut length = 0;
    loop {
        line.clear();
        if stream.read_line(&mut line)? == 0 {
            bail!("the daemon closed the connection inside an answer");
        }
        match line.trim_end().split_once(':') {
            None => break,
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                length = value.trim().parse()?;
            }
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
