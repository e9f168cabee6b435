//! Two hops beside rsyslog: RELP and a queue on disk.

use super::route::{Passage, Route, fresh, stats};
use super::section::Section;
use super::{CONNECTIONS, Setting, say};
use crate::block::{Block, Number};
use crate::clock::{self, Stopwatch};
use crate::load::Wire;
use crate::sample::{Dice, words};
use crate::stats::{Stats, mib, short, thousands};
use crate::usage;
use anyhow::{Context, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const PROGRAM: &str = "/usr/sbin/rsyslogd";
const BYTES: usize = 300;
const WRITE_BYTES: usize = 128 << 10;
const TIMES_LESS: f64 = 5.0;
const START_TIMEOUT: Duration = Duration::from_secs(10);
const QUIET: Duration = Duration::from_secs(10);
/// Before a line's number.
const NUMBER_KEY: &[u8] = b"\"seq\":";

/// How the agent queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Queue {
    /// In memory, on disk above 8,000 messages.
    DiskAssisted,
    /// On disk, each message.
    Disk,
}

/// One load through both daemons.
#[derive(Debug)]
struct Measured {
    agent_cpu: f64,
    collector_cpu: f64,
    rate: f64,
    peak: u64,
    lost: u64,
    surplus: u64,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let mut section = Section::new("Two hops beside rsyslog with RELP and a queue on disk, 300 B");
    if !Path::new(PROGRAM).exists() || !installed("omrelp.so") {
        section.say("Skipped: rsyslog is not installed (Debian: apt-get install rsyslog rsyslog-relp).");
        return Ok(section);
    }
    let mut ours = Vec::new();
    let mut theirs = [Queue::DiskAssisted, Queue::Disk].map(|queue| (queue, Vec::new()));
    for round in 1..=setting.rounds {
        say(&format!("rsyslog, round {round} of {}", setting.rounds));
        let route = Route::two_hops(setting, &[])?;
        ours.push(route.pass_all(Wire::Native, BYTES, setting.events)?);
        for (queue, measured) in &mut theirs {
            measured.push(pass(setting, *queue, queue.events(setting))?);
        }
    }
    section.say(&format!("rsyslog: {}.", version()?));
    section.say(
        "rsyslog's agent: imptcp, omrelp (windowSize 10000; with its default of 128 it forwards some hundred messages a second), and an \
         action queue. Disk-assisted: LinkedList with a file name, highWatermark 8000, checkpointInterval 1000, syncQueueFiles on, \
         batches of 1024. Disk: queue.type Disk, checkpointInterval 1, syncQueueFiles on. Both save at shutdown, block the sender when full, and retry for \
         ever. Its collector: imrelp, omfile with sync on, flushed after each transaction. What they do not promise: the agent \
         acknowledges nothing to the application; what a disk-assisted queue holds in memory (up to its watermark) is lost \
         when the agent dies; RELP's ack says that the collector has it in its memory, not on its disk; nothing is removed \
         that was sent twice. Ours acks what both daemons hold on disk, hop by hop, and stores it once.",
    );
    let mut rows = vec![our_row(setting, &ours)];
    let ours = stats(&ours, Passage::cpu_per_million).median();
    for (queue, measured) in &theirs {
        rows.push(their_row(*queue, queue.events(setting), measured, ours));
    }
    section.table(
        "daemons | rounds × events | in the file events/s | CPU s / million: both | agent | collector | RSS peak | lost | surplus \
         | times more CPU than ours",
        &rows,
    );
    for (queue, measured) in theirs {
        let cpu = Stats::of(measured.iter().map(|one| one.agent_cpu + one.collector_cpu)).median();
        section.promise(
            format!("two hops: 5 times less CPU than rsyslog, RELP and {}", queue.name()),
            format!("{} times", short(cpu / ours)),
            cpu >= TIMES_LESS * ours,
        );
    }
    Ok(section)
}

fn our_row(setting: &Setting, ours: &[Passage]) -> String {
    let peak = ours.iter().map(Passage::peak).max().unwrap_or_default();
    format!(
        "ours, native | {} × {} | {} | {} | {} | {} | {} | {} | {} | 1",
        ours.len(),
        thousands(setting.events.into()),
        stats(ours, |passage| passage.stored_rate),
        stats(ours, Passage::cpu_per_million),
        stats(ours, |passage| passage.agent.map_or(0.0, |agent| agent.cpu_per_million)),
        stats(ours, |passage| passage.collector.cpu_per_million),
        mib(peak as f64),
        ours.iter().map(|passage| passage.counted.lost).sum::<u64>(),
        ours.iter().map(|passage| passage.counted.surplus).sum::<u64>(),
    )
}

fn their_row(queue: Queue, events: u32, measured: &[Measured], ours: f64) -> String {
    let of = |number: fn(&Measured) -> f64| Stats::of(measured.iter().map(number));
    let both = of(|one| one.agent_cpu + one.collector_cpu);
    format!(
        "rsyslog, {} | {} × {} | {} | {both} | {} | {} | {} | {} | {} | {}",
        queue.name(),
        measured.len(),
        thousands(events.into()),
        of(|one| one.rate),
        of(|one| one.agent_cpu),
        of(|one| one.collector_cpu),
        mib(measured.iter().map(|one| one.peak).max().unwrap_or_default() as f64),
        measured.iter().map(|one| one.lost).sum::<u64>(),
        measured.iter().map(|one| one.surplus).sum::<u64>(),
        short(both.median() / ours),
    )
}

impl Queue {
    fn name(self) -> &'static str {
        match self {
            Self::DiskAssisted => "disk-assisted queue",
            Self::Disk => "disk queue",
        }
    }

    /// With a sync for each message some thousand a second get through.
    fn events(self, setting: &Setting) -> u32 {
        match self {
            Self::DiskAssisted => setting.events / 10,
            Self::Disk => setting.events / 100,
        }
    }

    fn settings(self) -> &'static str {
        match self {
            Self::DiskAssisted => {
                "queue.type=\"LinkedList\" queue.highWatermark=\"8000\" queue.lowWatermark=\"2000\" \
                 queue.checkpointInterval=\"1000\""
            }
            Self::Disk => "queue.type=\"Disk\" queue.checkpointInterval=\"1\"",
        }
    }
}

/// An rsyslogd in the foreground; killed when dropped.
#[derive(Debug)]
struct Rsyslog {
    child: Child,
    to: SocketAddr,
}

impl Rsyslog {
    fn start(directory: &Path, name: &str, to: SocketAddr, configuration: &str) -> anyhow::Result<Self> {
        let file = directory.join(format!("{name}.conf"));
        std::fs::write(&file, configuration)?;
        let child = Command::new(PROGRAM)
            .args(["-n", "-i", "NONE", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(directory.join(format!("{name}.err")))?)
            .spawn()?;
        let mut daemon = Self { child, to };
        let watch = Stopwatch::start();
        // It has no way to say that it listens.
        while TcpStream::connect(to).is_err() {
            if watch.elapsed() > START_TIMEOUT || daemon.child.try_wait()?.is_some() {
                let said = std::fs::read_to_string(directory.join(format!("{name}.err")))?;
                bail!("rsyslogd ({name}) does not start: {}", said.trim_end());
            }
            clock::pause(Duration::from_millis(20));
        }
        Ok(daemon)
    }

    fn cpu(&self) -> anyhow::Result<f64> {
        usage::process_cpu(self.child.id())
    }
}

impl Drop for Rsyslog {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn pass(setting: &Setting, queue: Queue, events: u32) -> anyhow::Result<Measured> {
    let directory = fresh(setting)?;
    let collected = directory.path().join("collected.log");
    let [in_at, relp_at] = [free_address()?, free_address()?];
    let work = directory.path().join("queue");
    std::fs::create_dir(&work)?;
    let collector = Rsyslog::start(
        directory.path(),
        "collector",
        relp_at,
        &collector_configuration(relp_at, &work, &collected),
    )?;
    let agent =
        Rsyslog::start(directory.path(), "agent", in_at, &agent_configuration(in_at, relp_at, &work, queue))?;
    let (agent_cpu, collector_cpu) = (agent.cpu()?, collector.cpu()?);
    let watch = Stopwatch::start();
    send(agent.to, events)?;
    let ended = wait_for(&collected, u64::from(events) * BYTES as u64, watch)?;
    let millions = f64::from(events) / 1e6;
    let peak = usage::memory(agent.child.id())?.peak.max(usage::memory(collector.child.id())?.peak);
    let (lost, surplus) = count(&collected, events)?;
    Ok(Measured {
        agent_cpu: (agent.cpu()? - agent_cpu) / millions,
        collector_cpu: (collector.cpu()? - collector_cpu) / millions,
        rate: f64::from(events) / ended,
        peak,
        lost,
        surplus,
    })
}

fn agent_configuration(at: SocketAddr, to: SocketAddr, work: &Path, queue: Queue) -> String {
    format!(
        r#"global(workDirectory="{work}" maxMessageSize="16k")
module(load="imptcp")
module(load="omrelp")
template(name="raw" type="string" string="%rawmsg%")
input(type="imptcp" address="127.0.0.1" port="{port}" ruleset="forward")
ruleset(name="forward" queue.type="Direct") {{
  action(type="omrelp" target="127.0.0.1" port="{to}" windowSize="10000" template="raw"
    queue.filename="forward" {queue} queue.syncQueueFiles="on" queue.saveOnShutdown="on" queue.size="1000000"
    queue.maxDiskSpace="4g" queue.dequeueBatchSize="1024" queue.timeoutEnqueue="600000" action.resumeRetryCount="-1")
}}
"#,
        work = work.display(),
        port = at.port(),
        to = to.port(),
        queue = queue.settings(),
    )
}

fn collector_configuration(at: SocketAddr, work: &Path, file: &Path) -> String {
    format!(
        r#"global(workDirectory="{work}" maxMessageSize="16k")
module(load="imrelp")
template(name="raw" type="string" string="%rawmsg%\n")
input(type="imrelp" address="127.0.0.1" port="{port}" ruleset="keep" maxDataSize="16k")
ruleset(name="keep" queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024" queue.timeoutEnqueue="600000") {{
  action(type="omfile" file="{file}" template="raw" sync="on" flushOnTXEnd="on" ioBufferSize="64k")
}}
"#,
        work = work.display(),
        port = at.port(),
        file = file.display(),
    )
}

/// Lines of syslog over plain TCP, on as many connections as ours get.
fn send(to: SocketAddr, events: u32) -> anyhow::Result<()> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|index| {
                let share =
                    |index: u32| (u64::from(events) * u64::from(index) / u64::from(CONNECTIONS)) as u32;
                let (numbers, stop) = (share(index)..share(index + 1), &stop);
                scope.spawn(move || -> anyhow::Result<()> {
                    let mut stream = TcpStream::connect(to)?;
                    let mut block =
                        Block::new(WRITE_BYTES, usize::MAX, Number::Decimal, |seed| Ok(line(seed)))?;
                    block.write_all(numbers, None, stop, |bytes, _, _| Ok(stream.write_all(bytes)?))?;
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().expect("BUG: a sender panicked"))
    })
}

/// A line of 300 bytes with the same values as an event of ours, and where its number stands.
fn line(seed: u64) -> (Vec<u8>, usize) {
    let mut dice = Dice(seed);
    let mut line = format!(
        "<134>1 2026-01-01T00:00:00.000000Z web-1 shop 4121 request - {{\"seq\":0000000000,\"id\":\"{:024x}\",\"endpoint\":\
         \"/cart\",\"request\":{{\"method\":\"GET\",\"path\":\"/cart\"}},\"response\":{{\"status\":200}},\"query\":\"",
        dice.next()
    );
    let text = BYTES - line.len() - 3;
    line.push_str(&words(&mut dice, text));
    line.push_str("\"}\n");
    let key = line.as_bytes().windows(NUMBER_KEY.len()).position(|window| window == NUMBER_KEY);
    (line.into_bytes(), key.expect("BUG: the number is in the line") + NUMBER_KEY.len())
}

/// Waits until the file has so many bytes or stands still; gives when that was.
fn wait_for(file: &Path, bytes: u64, watch: Stopwatch) -> anyhow::Result<f64> {
    let size = || file.metadata().map_or(0, |metadata| metadata.len());
    let (mut seen, mut changed) = (size(), watch.elapsed());
    while seen < bytes && watch.elapsed() - changed < QUIET {
        clock::pause(Duration::from_millis(5));
        let now = size();
        if now != seen {
            (seen, changed) = (now, watch.elapsed());
        }
    }
    ensure!(seen > 0, "rsyslog forwards nothing");
    Ok(changed.as_secs_f64())
}

/// How many of the numbers are missing, and how many lines stand there besides.
fn count(file: &Path, events: u32) -> anyhow::Result<(u64, u64)> {
    let mut seen = vec![false; events as usize];
    let mut surplus = 0;
    let mut lines = BufReader::new(File::open(file)?);
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line)? > 0 {
        let key = line.windows(NUMBER_KEY.len()).position(|window| window == NUMBER_KEY);
        let digits = key.and_then(|at| line.get(at + NUMBER_KEY.len()..at + NUMBER_KEY.len() + 10));
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        match number.and_then(|number| seen.get_mut(number)) {
            Some(seen @ false) => *seen = true,
            _ => surplus += 1,
        }
        line.clear();
    }
    let lost = seen.iter().filter(|seen| !**seen).count();
    Ok((lost as u64, surplus))
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

fn installed(module: &str) -> bool {
    let directories =
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/aarch64-linux-gnu/rsyslog", "/usr/lib64/rsyslog"];
    directories.iter().any(|directory| PathBuf::from(directory).join(module).exists())
}

fn version() -> anyhow::Result<String> {
    let output = Command::new(PROGRAM).arg("-v").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().nth(1).map(|word| word.trim().to_owned()).context("rsyslogd has no version")
}
