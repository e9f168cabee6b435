//! A daemon that starts on a large spool: how long until it accepts again.

use super::route::fresh;
use super::section::Section;
use super::{CONNECTIONS, Setting, say};
use crate::clock::Stopwatch;
use crate::hop::{Hop, Orders};
use crate::load::{Load, Wire};
use crate::native::NativeStream;
use crate::sample::Sample;
use crate::stats::{Stats, mib, short, thousands};
use anyhow::{Context, ensure};
use rustix::fs::{Advice, fadvise, statvfs};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};

const BYTES: usize = 3_000;
/// What stays free on the disk.
const LEFT_FREE: u64 = 20 << 30;
const AT_MOST: f64 = 2.0;

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let disk = statvfs(&setting.directory)?;
    let free = (disk.f_bavail * disk.f_frsize).saturating_sub(LEFT_FREE);
    let spool_bytes = (setting.spool_gib << 30).min(free);
    ensure!(spool_bytes >= 1 << 30, "the disk has no room for a spool of 1 GiB and 20 GiB besides");
    let directory = fresh(setting)?;
    let flags = vec!["--spool-max".to_owned(), (spool_bytes + (1 << 30)).to_string()];
    let orders = Orders { forward: Some(nobody()?.to_string()), flags, ..Orders::default() };
    let mut agent = Hop::start(&setting.oxd, directory.path(), "agent", orders)?;
    let events = u32::try_from(spool_bytes / BYTES as u64)?;
    say(&format!("restart: {} events are spooled", thousands(events.into())));
    Load::new(agent.collection(), Wire::Native, BYTES, events, CONNECTIONS).run(&AtomicBool::new(false))?;
    let on_disk = size(&agent.spool())?;
    let mut rows = Vec::new();
    let mut firsts = Vec::new();
    for cached in [true, false] {
        let (mut accepting, mut acked, mut resident) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=setting.rounds {
            say(&format!("restart, round {round} of {}", setting.rounds));
            agent.kill();
            if !cached {
                forget(&agent.spool())?;
            }
            let watch = Stopwatch::start();
            agent.start_again()?;
            accepting.push(watch.seconds());
            one_batch(agent.collection(), watch)?;
            acked.push(watch.seconds());
            resident.push(agent.memory()?.peak as f64 / f64::from(1 << 20));
        }
        rows.push(format!(
            "{} | {} | {} | {} | {}",
            if cached { "in the page cache" } else { "not in the page cache" },
            setting.rounds,
            Stats::of(accepting),
            Stats::of(acked.iter().copied()),
            Stats::of(resident),
        ));
        firsts.extend(acked);
    }
    section(on_disk, events, &rows, &Stats::of(firsts))
}

fn section(on_disk: u64, events: u32, rows: &[String], first_acks: &Stats) -> anyhow::Result<Section> {
    let mut section = Section::new("Restart on a large spool");
    section.say(&format!(
        "{} of spool with {} events of 3,000 B, collector down; the agent is killed (SIGKILL) and started again. From \
         the start of the process until its ports are announced, and until a new stream's first batch is acked.",
        mib(on_disk as f64),
        thousands(events.into()),
    ));
    section.table("spool | rounds | ports after s | first ack after s | RSS MiB", rows);
    section.promise(
        format!("accepting again within 2 s on a spool of {}", mib(on_disk as f64)),
        format!("{} s at most", short(first_acks.max())),
        first_acks.max() <= AT_MOST,
    );
    Ok(section)
}

/// An address at which nobody listens.
pub(super) fn nobody() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// A new stream sends one event and waits for its ack.
fn one_batch(to: SocketAddr, watch: Stopwatch) -> anyhow::Result<()> {
    let acked = AtomicU64::new(0);
    let sample = Sample::new("request", BYTES, crate::clock::now(), 1);
    let mut stream = NativeStream::connect(&to.into(), watch, &acked)?;
    stream.send(&sample.map, 1)?;
    stream.finish().map(drop)
}

fn files(spool: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let entries = std::fs::read_dir(spool).with_context(|| spool.display().to_string())?;
    Ok(entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?)
}

fn size(spool: &Path) -> anyhow::Result<u64> {
    Ok(files(spool)?.iter().filter_map(|path| path.metadata().ok()).map(|found| found.len()).sum())
}

/// Has the system drop what it holds of the files in memory, as after a restart of the machine.
fn forget(spool: &Path) -> anyhow::Result<()> {
    for path in files(spool)?.iter().filter(|path| path.is_file()) {
        let file = File::open(path)?;
        file.sync_data()?;
        fadvise(&file, 0, None, Advice::DontNeed)?;
    }
    Ok(())
}
