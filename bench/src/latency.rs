//! How long one waits: for STATUS while events pour in, and for a lone event to be in the file.

use crate::clock::{self, Stopwatch};
use crate::daemon::{Contender, Daemon, status_over_zmtp};
use crate::load::{Load, Wire, read_answer};
use crate::peer::Peer;
use crate::sample::Sample;
use crate::stats::Stats;
use anyhow::{Context, ensure};
use blueox_event::wire::zmtp::SocketType;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const REQUESTS: usize = 100;
const BETWEEN_REQUESTS: Duration = Duration::from_millis(20);
const WARM_UP: Duration = Duration::from_secs(1);
/// How long one answer is waited for, and all of them together.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
const ALL_ANSWERS_TIMEOUT: Duration = Duration::from_secs(30);
/// More than any daemon takes while 100 questions are asked.
const ENDLESS: u32 = 20_000_000;

const TRICKLE_EVENTS: usize = 50;
const TRICKLE_EVERY: Duration = Duration::from_millis(100);
const TRICKLE_BYTES: usize = 300;
const SEEN_TIMEOUT: Duration = Duration::from_secs(5);

/// How a daemon is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// `{"cmd": "STATUS"}` over ZeroMQ.
    Zmtp,
    /// `GET /v1/status`.
    Http,
}

/// What became of questions or events that something should have followed.
#[derive(Debug, Clone)]
pub(crate) struct Waits {
    /// In seconds.
    pub(crate) times: Vec<f64>,
    /// How many had no answer in time.
    pub(crate) missing: usize,
    /// How many were not asked, because the others had taken all the time that there was.
    pub(crate) not_asked: usize,
}

impl Waits {
    /// None when nothing was answered.
    pub(crate) fn stats(&self) -> Option<Stats> {
        (!self.times.is_empty()).then(|| Stats::of(self.times.iter().copied()))
    }
}

/// Asks 100 times for STATUS, each time on a new connection, while 4 connections send as fast as they can. After
/// 30 s no more is asked.
pub(crate) fn status_under_load(
    contender: &Contender,
    question: Question,
    directory: &Path,
) -> anyhow::Result<Waits> {
    let daemon = contender.start(directory)?;
    let stop = AtomicBool::new(false);
    let load = Load::new(daemon.collection, Wire::Zmtp, 300, ENDLESS, 4);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| load.run(&stop));
        clock::pause(WARM_UP);
        let waits = ask(&daemon, question);
        stop.store(true, Relaxed);
        let sent = sending.join().expect("BUG: the generator panicked")?;
        ensure!(sent.events < u64::from(ENDLESS), "all events were sent before all questions were asked");
        Ok(waits)
    })
}

fn ask(daemon: &Daemon, question: Question) -> Waits {
    let all = Stopwatch::start();
    let mut waits = Waits { times: Vec::new(), missing: 0, not_asked: 0 };
    for _ in 0..REQUESTS {
        if all.elapsed() > ALL_ANSWERS_TIMEOUT {
            waits.not_asked += 1;
            continue;
        }
        let one = Stopwatch::start();
        let answered = match question {
            Question::Zmtp => status_over_zmtp(daemon.control, ANSWER_TIMEOUT),
            Question::Http => status_over_http(daemon.control),
        };
        match answered {
            Ok(()) => waits.times.push(one.seconds()),
            Err(_) => waits.missing += 1,
        }
        clock::pause(BETWEEN_REQUESTS);
    }
    waits
}

fn status_over_http(control: SocketAddr) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect(control)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.write_all(format!("GET /v1/status HTTP/1.1\r\nHost: {control}\r\n\r\n").as_bytes())?;
    let (status, _) = read_answer(&mut BufReader::new(stream))?;
    ensure!(status == 200, "the daemon answered {status}");
    Ok(())
}

/// Sends 10 events a second and looks every millisecond how many stand in the file.
pub(crate) fn trickle(contender: &Contender, directory: &Path) -> anyhow::Result<Waits> {
    let daemon = contender.start(directory)?;
    let mut peer = Peer::connect(daemon.collection, SocketType::Push, ANSWER_TIMEOUT)?;
    let sample = Sample::new("request", TRICKLE_BYTES, clock::now(), 0);
    let message = peer.encode(&[&sample.header, &sample.map])?;
    let watch = Stopwatch::start();
    let (mut sent, mut seen) = (Vec::new(), Vec::new());
    loop {
        let due = TRICKLE_EVERY * u32::try_from(sent.len())?;
        if sent.len() < TRICKLE_EVENTS && watch.elapsed() >= due {
            sent.push(watch.seconds());
            peer.stream.write_all(&message).context("a trickle")?;
        }
        let arrived = (daemon.files.size() / TRICKLE_BYTES as u64) as usize;
        while seen.len() < arrived.min(sent.len()) {
            seen.push(watch.seconds());
        }
        let over = watch.elapsed() > TRICKLE_EVERY * TRICKLE_EVENTS as u32 + SEEN_TIMEOUT;
        if seen.len() == TRICKLE_EVENTS || over {
            break;
        }
        clock::pause(Duration::from_millis(1));
    }
    let times: Vec<f64> = seen.iter().zip(&sent).map(|(seen, sent)| seen - sent).collect();
    Ok(Waits { missing: TRICKLE_EVENTS - times.len(), not_asked: 0, times })
}
