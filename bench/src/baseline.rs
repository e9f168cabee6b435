//! What the machine allows: the same bytes received and thrown away, and the same bytes written to a file.

use crate::clock::{self, Stopwatch};
use crate::load::{Load, Wire};
use crate::machine;
use crate::peer::Peer;
use crate::throughput::Shape;
use crate::usage;
use anyhow::Context;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

const BLOCK_BYTES: usize = 256 << 10;
const PATIENCE: Duration = Duration::from_secs(30);
const SEGMENT_BYTES: usize = 64 << 20;
const DAY_FILES_EVERY: Duration = Duration::from_millis(50);
/// Day files are synced after so many writes.
const DAY_FILES_SYNC: u32 = 60;

/// CPU and wall seconds for a million events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    pub(crate) cpu_per_million: f64,
    pub(crate) wall_per_million: f64,
}

/// The generator's messages read over loopback in large pieces, one thread a connection, and nothing done with
/// them. The CPU time is that of the reading threads.
pub(crate) fn loopback(shape: Shape) -> anyhow::Result<Cost> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let load = Load::new(listener.local_addr()?, Wire::Zmtp, shape.bytes, shape.events, shape.connections);
    let watch = Stopwatch::start();
    let cpu = std::thread::scope(|scope| -> anyhow::Result<f64> {
        let sinks: Vec<_> = (0..shape.connections).map(|_| scope.spawn(|| sink(&listener))).collect();
        load.run(&AtomicBool::new(false)).context("loopback")?.finish()?;
        sinks.into_iter().map(|sink| sink.join().expect("BUG: a sink panicked")).sum()
    })?;
    let millions = f64::from(shape.events) / 1e6;
    Ok(Cost { cpu_per_million: cpu / millions, wall_per_million: watch.seconds() / millions })
}

/// Gives the CPU seconds of reading.
fn sink(listener: &TcpListener) -> anyhow::Result<f64> {
    let (stream, _) = listener.accept()?;
    let mut stream = Peer::accepted(stream, PATIENCE)?.stream;
    let mut block = vec![0; BLOCK_BYTES];
    let cpu = usage::thread_cpu();
    while stream.read(&mut block)? > 0 {}
    Ok(usage::thread_cpu() - cpu)
}

/// As many bytes as the events' maps have, appended to one file in large pieces and synced once.
pub(crate) fn write_loop(shape: Shape, directory: &Path) -> anyhow::Result<Cost> {
    machine::back_memory(directory, u64::from(shape.events) * shape.bytes as u64)?;
    let directory = tempfile::Builder::new().prefix("oxbench-").tempdir_in(directory)?;
    let mut file = File::create(directory.path().join("baseline"))?;
    let block = vec![0x5a; BLOCK_BYTES];
    let mut left = shape.events as usize * shape.bytes;
    let (watch, cpu) = (Stopwatch::start(), usage::thread_cpu());
    while left > 0 {
        let count = left.min(block.len());
        file.write_all(&block[..count])?;
        left -= count;
    }
    file.sync_data()?;
    let millions = f64::from(shape.events) / 1e6;
    Ok(Cost {
        cpu_per_million: (usage::thread_cpu() - cpu) / millions,
        wall_per_million: watch.seconds() / millions,
    })
}

/// Groups written to a file, each with fdatasync.
#[derive(Debug)]
pub(crate) struct Groups {
    pub(crate) bytes_per_second: f64,
    pub(crate) cpu_per_byte: f64,
    /// From a group's write to the end of its fdatasync, in seconds.
    pub(crate) waits: Vec<f64>,
}

/// So many bytes in groups: at full speed to a growing file, or one group every so often to a file of prepared blocks,
/// as a spool's segment is, while day files are written and synced.
pub(crate) fn groups(
    directory: &Path,
    group_bytes: usize,
    total_bytes: usize,
    every: Option<Duration>,
) -> anyhow::Result<Groups> {
    machine::back_memory(directory, total_bytes as u64)?;
    let directory = tempfile::Builder::new().prefix("oxbench-").tempdir_in(directory)?;
    let mut file = File::create(directory.path().join("groups"))?;
    let prepared = SEGMENT_BYTES / group_bytes * group_bytes;
    if every.is_some() {
        file.write_all(&vec![0; prepared])?;
        file.sync_all()?;
        file.rewind()?;
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        if let Some(every) = every {
            let pace = group_bytes as f64 / every.as_secs_f64();
            let (directory, over) = (directory.path(), &over);
            scope.spawn(move || day_files(directory, pace, over));
        }
        let result = write_groups(&mut file, group_bytes, total_bytes, every, prepared);
        over.store(true, Relaxed);
        result
    })
}

fn write_groups(
    file: &mut File,
    group_bytes: usize,
    total_bytes: usize,
    every: Option<Duration>,
    prepared: usize,
) -> anyhow::Result<Groups> {
    let block = vec![0x5a; group_bytes];
    let (watch, cpu) = (Stopwatch::start(), usage::thread_cpu());
    let mut waits = Vec::new();
    for index in 0..total_bytes.div_ceil(group_bytes) {
        if let Some(every) = every {
            if (index * group_bytes).is_multiple_of(prepared) {
                file.rewind()?;
            }
            let due = every * u32::try_from(index)?;
            clock::pause(due.saturating_sub(watch.elapsed()));
        }
        let group = Stopwatch::start();
        file.write_all(&block)?;
        file.sync_data()?;
        waits.push(group.seconds());
    }
    let bytes = (waits.len() * group_bytes) as f64;
    Ok(Groups {
        bytes_per_second: bytes / watch.seconds(),
        cpu_per_byte: (usage::thread_cpu() - cpu) / bytes,
        waits,
    })
}

/// What our log writer does beside the spool: the same bytes to a few files, written every 50 ms, synced every 3 s.
fn day_files(directory: &Path, bytes_per_second: f64, over: &AtomicBool) -> anyhow::Result<()> {
    let create = |name: u32| File::create(directory.join(format!("day-{name}")));
    let mut files = (0..4).map(create).collect::<std::io::Result<Vec<_>>>()?;
    let block = vec![0x5a; (bytes_per_second * DAY_FILES_EVERY.as_secs_f64()) as usize / files.len()];
    let (watch, mut written) = (Stopwatch::start(), 0u32);
    while !over.load(Relaxed) {
        for file in &mut files {
            file.write_all(&block)?;
        }
        written += 1;
        if written.is_multiple_of(DAY_FILES_SYNC) {
            files.iter().try_for_each(File::sync_data)?;
        }
        clock::pause((DAY_FILES_EVERY * written).saturating_sub(watch.elapsed()));
    }
    Ok(())
}
