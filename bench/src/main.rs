//! `oxbench`: measures oxd and oxview beside the original BlueOx, in one run on one machine.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`load`], [`target`], [`block`], [`sample`] | the generator: the same events to any daemon |
//! | [`peer`], [`native`] | the wires that need more than a socket |
//! | [`daemon`], [`hop`], [`day_files`] | a daemon under measurement, and what it has written |
//! | [`throughput`], [`latency`], [`scan`], [`baseline`] | what is measured |
//! | [`compare`], [`report`], [`promise`] | all of it, in turns, as tables, and whether it is good enough |
//! | [`heart`] | the native wire, two hops, and what happens when something dies |
//! | [`corpus`], [`store`] | traffic that is like real one; scanning and sealing it, beside other tools |
//! | [`library`] | what the application's side costs, beside other libraries |
//! | [`clock`], [`usage`], [`machine`], [`stats`] | time, CPU, memory, and how they are printed |

mod block;
mod load;
mod native;
mod peer;
mod sample;
mod target;

mod daemon;
mod day_files;
mod hop;

mod library;

mod corpus;
mod store;

mod baseline;
mod latency;
mod scan;
mod throughput;

mod compare;
mod heart;
mod promise;
mod report;

mod clock;
mod machine;
mod stats;
mod usage;

use crate::compare::Compare;
use crate::heart::Heart;
use crate::library::Library;
use crate::load::{Load, Wire};
use crate::stats::{Stats, milliseconds, short};
use crate::store::{MakeCorpus, Store};
use crate::target::Target;
use anyhow::{Context, ensure};
use blueox_event::limits::MAX_EVENT_BYTES;
use clap::Parser;
use std::net::ToSocketAddrs;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Measures oxd and oxview beside the original BlueOx.
#[derive(Debug, Parser)]
#[command(name = "oxbench", version, max_term_width = 110)]
enum Cli {
    /// Send made-up events to a daemon as fast as it takes them
    Load {
        /// The daemon's collection port, host:port
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3514")]
        to: String,
        /// The daemon's Unix socket, instead of the port; only for the native wire
        #[arg(long, value_name = "PATH")]
        socket: Option<PathBuf>,
        /// How events travel
        #[arg(long, value_enum, default_value = "zmtp")]
        wire: Wire,
        /// The length of an event's MsgPack
        #[arg(long, default_value_t = 300)]
        bytes: usize,
        /// How many events
        #[arg(long, default_value_t = 1_000_000)]
        events: u32,
        /// How many connections send at once
        #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
        connections: u32,
        /// Events a second on all connections together [default: as fast as the daemon takes them]
        #[arg(long)]
        rate: Option<f64>,
        /// The size of a native batch
        #[arg(long, default_value_t = load::BATCH_BYTES)]
        batch_bytes: usize,
    },
    /// Measure everything, ours and the original's in turns, and print the results as Markdown
    Compare(Compare),
    /// Measure what "acked means on disk" costs and holds, and print the results as Markdown
    Heart(Heart),
    /// Measure what a context costs the application's thread, beside tracing and fastrace, and print Markdown
    Library(Library),
    /// Measure scanning and sealing a made-up corpus, beside jq, the original, bzip2 and DuckDB, and print Markdown
    Store(Store),
    /// Write a made-up corpus as day files
    Corpus(MakeCorpus),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse() {
        Cli::Load { to, socket, wire, bytes, events, connections, rate, batch_bytes } => {
            let sizes = sample::MIN_BYTES..=MAX_EVENT_BYTES;
            ensure!(sizes.contains(&bytes), "--bytes is from {} to {}", sizes.start(), sizes.end());
            ensure!(rate.is_none_or(|rate| rate > 0.0), "--rate is more than 0");
            let to = match socket {
                Some(path) => Target::Unix(path),
                None => {
                    let address = to.to_socket_addrs().ok().and_then(|mut found| found.next());
                    address.with_context(|| format!("{to:?} is no host:port"))?.into()
                }
            };
            let load = Load { rate, batch_bytes, ..Load::new(to, wire, bytes, events, connections) };
            let sent = load.run(&AtomicBool::new(false))?;
            let (events, wall, cpu) = (sent.events, sent.wall_seconds, sent.cpu_seconds);
            let waits = (!sent.acks.is_empty()).then(|| Stats::of(sent.acks.iter().map(|ack| ack.after)));
            sent.finish()?;
            let rate = events as f64 / wall;
            println!(
                "{events} events in {} s ({rate:.0}/s); the generator used {} CPU s",
                short(wall),
                short(cpu)
            );
            if let Some(waits) = waits {
                let [median, p99] = [waits.median(), waits.percentile(99.0)].map(milliseconds);
                println!("from a batch's first byte to its ack: median {median}, p99 {p99}");
            }
            Ok(())
        }
        Cli::Compare(compare) => compare.run(),
        Cli::Heart(heart) => heart.run(),
        Cli::Library(library) => library.run(),
        Cli::Store(store) => store.run(),
        Cli::Corpus(corpus) => corpus.run(),
    }
}
