//! `producer`: numbered events from threads, tasks and forked children, to count what arrives. The tests drive it.
//!
//! Every process prints one line of JSON when it ends: what it produced and what became of that.

use blueox::{Config, InContext, Stats};
use std::io::Write;
use std::pin::pin;
use std::process::ExitCode;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const USAGE: &str = "usage: producer --to ADDR [--socket PATH] [--threads N] [--events N] [--forks N] \
                     [--memory BYTES] [--patience SECONDS] [--end shutdown|return|exit]";

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// By `blueox::shutdown`; its account is printed.
    Shutdown,
    /// By returning from main: the library sends what is left.
    Return,
}

#[derive(Debug, Clone)]
struct Arguments {
    to: String,
    socket: Option<String>,
    threads: u64,
    events: u64,
    forks: u64,
    memory: Option<usize>,
    patience: Duration,
    end: End,
}

fn main() -> ExitCode {
    let Some(arguments) = parse(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let mut config = Config::to(&arguments.to).exit_patience(arguments.patience);
    if let Some(path) = &arguments.socket {
        config = config.socket(path);
    }
    if let Some(bytes) = arguments.memory {
        config = config.memory(bytes);
    }
    if let Err(error) = blueox::configure(config) {
        eprintln!("producer: {error}");
        return ExitCode::FAILURE;
    }
    // The parent has events of its own on the way when it forks.
    let before = arguments.events / 2;
    produce(&arguments, 0..before);
    let mut children = Vec::new();
    for _ in 0..arguments.forks {
        match fork() {
            0 => {
                produce(&arguments, 0..arguments.events);
                return end(&arguments);
            }
            child => children.push(child),
        }
    }
    produce(&arguments, before..arguments.events);
    let code = end(&arguments);
    children.into_iter().for_each(wait);
    code
}

fn parse(mut words: impl Iterator<Item = String>) -> Option<Arguments> {
    let mut arguments = Arguments {
        to: String::new(),
        socket: None,
        threads: 1,
        events: 1000,
        forks: 0,
        memory: None,
        patience: Duration::from_secs(20),
        end: End::Shutdown,
    };
    while let Some(word) = words.next() {
        let value = words.next()?;
        match word.as_str() {
            "--to" => arguments.to = value,
            "--socket" => arguments.socket = Some(value),
            "--threads" => arguments.threads = value.parse().ok()?,
            "--events" => arguments.events = value.parse().ok()?,
            "--forks" => arguments.forks = value.parse().ok()?,
            "--memory" => arguments.memory = Some(value.parse().ok()?),
            "--patience" => arguments.patience = Duration::from_secs_f64(value.parse().ok()?),
            "--end" => {
                arguments.end = match value.as_str() {
                    "shutdown" => End::Shutdown,
                    "return" => End::Return,
                    _ => return None,
                };
            }
            _ => return None,
        }
    }
    (!arguments.to.is_empty()).then_some(arguments)
}

/// Every thread makes the events of the range: half of them as they are, half in futures that are polled in turns.
fn produce(arguments: &Arguments, range: std::ops::Range<u64>) {
    std::thread::scope(|scope| {
        for thread in 0..arguments.threads {
            let range = range.clone();
            scope.spawn(move || {
                for n in range {
                    if n % 2 == 0 {
                        one(thread, n);
                    } else {
                        in_task(thread, n);
                    }
                }
            });
        }
    });
}

fn one(thread: u64, n: u64) {
    let _numbered = blueox::context("numbered");
    number(thread, n);
}

fn number(thread: u64, n: u64) {
    blueox::set("seq", format!("{}-{thread}-{n}", std::process::id()));
    blueox::set("filler", "x".repeat((n % 300) as usize));
}

fn in_task(thread: u64, n: u64) {
    let mut is_second = false;
    let pause = std::future::poll_fn(move |_| {
        if std::mem::replace(&mut is_second, true) { Poll::Ready(()) } else { Poll::Pending }
    });
    let task = async {
        pause.await;
        number(thread, n);
    };
    let mut task = pin!(task.in_context(blueox::builder("numbered").open()));
    while task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {}
}

fn end(arguments: &Arguments) -> ExitCode {
    if arguments.end == End::Return {
        report(&blueox::stats());
    } else {
        report(&blueox::shutdown(arguments.patience));
    }
    ExitCode::SUCCESS
}

fn report(stats: &Stats) {
    let Stats { produced, accepted, dropped, queued, memory, .. } = stats;
    let pid = std::process::id();
    let line = format!(
        "{{\"pid\":{pid},\"produced\":{produced},\"accepted\":{accepted},\"dropped\":{dropped},\"queued\":{queued},\"memory\":{memory}}}\n"
    );
    // One write: children print at the same time.
    let _ = std::io::stdout().write_all(line.as_bytes());
}

#[expect(unsafe_code, reason = "the standard library does not fork")]
fn fork() -> i32 {
    // SAFETY: no other thread of ours runs here but the library's own, and the child does nothing that needs it.
    unsafe { libc::fork() }
}

#[expect(unsafe_code, reason = "the standard library does not wait for forked children")]
fn wait(child: i32) {
    // SAFETY: no pointer is given.
    unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) };
}
