//! What "acked means on disk" costs, and what it holds: one hop, two hops, beside rsyslog, and when things die.

mod acks;
mod collector;
mod compression;
mod drain;
mod durability;
mod hops;
mod relay;
mod restart;
mod route;
mod rsyslog;
mod section;
mod switch;

use crate::machine;
use crate::promise::Promise;
use anyhow::{Context, ensure};
use section::Section;
use std::path::PathBuf;

/// As many streams as an application server has processes.
const CONNECTIONS: u32 = 4;

#[derive(Debug, clap::Args)]
pub(crate) struct Heart {
    /// How often each measurement is repeated
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many 300-byte events a round has (a quarter as many of 3,000 bytes)
    #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(100_000..=50_000_000))]
    events: u32,
    /// How large the spool is that a daemon is started on; less where the disk has no room
    #[arg(long, value_name = "GIB", default_value_t = 10)]
    spool_gib: u64,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',', default_values = [
        "collector", "durability", "hops", "rsyslog", "acks", "restart", "drain", "switch", "compression",
    ])]
    parts: Vec<Part>,
    /// Where our programs are [default: where this one is]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Where files are written, and removed again [default: where this program is]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// One hop over the native wire, beside what disk and loopback allow
    Collector,
    /// The same daemon with acks before the sync
    Durability,
    /// Agent and collector
    Hops,
    /// Agent and collector beside rsyslog with RELP and a disk-assisted queue
    Rsyslog,
    /// From a batch to its ack at half load, beside a bare write and fdatasync
    Acks,
    /// Starting on a large spool
    Restart,
    /// A backlog beside live events
    Drain,
    /// From the death of a collector to its backup
    Switch,
    /// CPU against network
    Compression,
}

/// What all parts need to know.
#[derive(Debug)]
struct Setting {
    oxd: PathBuf,
    directory: PathBuf,
    rounds: u32,
    events: u32,
    spool_gib: u64,
}

impl Heart {
    /// Measures, and prints each part when it is done. A part that fails is named, and the others go on.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe()?.parent().context("this program has no directory")?.to_path_buf();
        let oxd = self.programs.unwrap_or_else(|| own.clone()).join("oxd");
        ensure!(oxd.exists(), "there is no {}; try: cargo build --release", oxd.display());
        let (rounds, events, spool_gib) = (self.rounds, self.events, self.spool_gib);
        let setting = Setting { oxd, directory: self.dir.unwrap_or(own), rounds, events, spool_gib };
        println!("Machine: {}.", machine::describe(&setting.directory));
        println!(
            "Median (smallest–largest) of all rounds; CPU seconds are user and system of the daemons alone."
        );
        let mut promises = Vec::new();
        let mut failed = Vec::new();
        for part in self.parts {
            let before = machine::load_average();
            match part.measure(&setting) {
                Ok(section) => {
                    section.print(&before, &machine::load_average());
                    promises.extend(section.promises);
                }
                Err(error) => {
                    println!("\n## {part:?}\n\nNot measured: {error:#}.");
                    failed.push(format!("{part:?}"));
                }
            }
        }
        Promise::print_all(&promises);
        ensure!(failed.is_empty(), "not measured: {}", failed.join(", "));
        Ok(())
    }
}

impl Part {
    fn measure(self, setting: &Setting) -> anyhow::Result<Section> {
        match self {
            Self::Collector => collector::measure(setting),
            Self::Durability => durability::measure(setting),
            Self::Hops => hops::measure(setting),
            Self::Rsyslog => rsyslog::measure(setting),
            Self::Acks => acks::measure(setting),
            Self::Restart => restart::measure(setting),
            Self::Drain => drain::measure(setting),
            Self::Switch => switch::measure(setting),
            Self::Compression => compression::measure(setting),
        }
    }
}

fn say(what: &str) {
    eprintln!("oxbench: {what}");
}
