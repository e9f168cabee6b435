//! The results as Markdown.

use crate::baseline;
use crate::latency::{Question, Waits};
use crate::load::Wire;
use crate::promise::{self, Promise};
use crate::scan::{Cost, FILTER, LargeFile};
use crate::stats::{Stats, mib, milliseconds, short, thousands};
use crate::throughput::{Round, Rounds, Shape};

/// All results, as far as they were measured.
#[derive(Debug)]
pub(crate) struct Report {
    machine: String,
    /// During the minute before, and during the last one.
    pub(crate) load_averages: (String, String),
    skipped: Vec<String>,
    pub(crate) throughput: Vec<Rounds>,
    baselines: Vec<Baselines>,
    pub(crate) status: Vec<(String, Question, Waits)>,
    pub(crate) trickle: Vec<(String, Waits)>,
    pub(crate) scans: Option<Scans>,
}

/// What the machine allows for events of one size.
#[derive(Debug)]
struct Baselines {
    bytes: usize,
    loopback: Vec<baseline::Cost>,
    write: Vec<baseline::Cost>,
}

/// What an oxview was asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scan {
    /// Ours: the events that match [`FILTER`], as JSON.
    Filtered,
    /// Ours: all events, as JSON.
    All,
    /// An original of this name: all events, through a pipe.
    Original(String),
}

/// How long oxviews took for a day file.
#[derive(Debug)]
pub(crate) struct Scans {
    what: String,
    /// Time to the first line and to the end, in seconds.
    pub(crate) heads: Vec<(f64, f64)>,
    /// What was done, how many bytes of file that was, what each time cost.
    costs: Vec<(Scan, u64, Vec<Cost>)>,
    skipped: Vec<String>,
}

impl Scans {
    pub(crate) fn new(file: &LargeFile) -> Self {
        let what = format!(
            "{} events in {}, {} of them match `{FILTER}`; the file is in memory. \
             The original reads the first {} of it through a pipe (`cat FILE | oxview`), and its times are scaled \
             to the whole.",
            thousands(file.events),
            mib(file.whole_bytes as f64),
            thousands(file.matching),
            mib(file.piece_bytes as f64)
        );
        Self { what, heads: Vec::new(), costs: Vec::new(), skipped: Vec::new() }
    }

    pub(crate) fn add(&mut self, scan: Scan, bytes: u64, cost: Cost) {
        match self.costs.iter_mut().find(|(known, ..)| *known == scan) {
            Some((.., costs)) => costs.push(cost),
            None => self.costs.push((scan, bytes, vec![cost])),
        }
    }

    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        let line = format!("oxview, {name}: {why}");
        if !self.skipped.contains(&line) {
            self.skipped.push(line);
        }
    }

    /// The originals by name, with their CPU and wall seconds for a GiB.
    pub(crate) fn originals(&self) -> impl Iterator<Item = (&str, (Stats, Stats))> {
        self.costs.iter().filter_map(|(scan, ..)| match scan {
            Scan::Original(name) => Some((name.as_str(), self.per_gib(scan)?)),
            _ => None,
        })
    }

    /// CPU and wall seconds for a GiB.
    pub(crate) fn per_gib(&self, wanted: &Scan) -> Option<(Stats, Stats)> {
        let (_, bytes, costs) = self.costs.iter().find(|(scan, ..)| scan == wanted)?;
        let gib = *bytes as f64 / f64::from(1 << 30);
        let cpu = Stats::of(costs.iter().map(|cost| cost.cpu_seconds / gib));
        let wall = Stats::of(costs.iter().map(|cost| cost.wall_seconds / gib));
        Some((cpu, wall))
    }
}

impl Report {
    pub(crate) fn new(machine: String, skipped: Vec<String>) -> Self {
        Self {
            machine,
            load_averages: (String::new(), String::new()),
            skipped,
            throughput: Vec::new(),
            baselines: Vec::new(),
            status: Vec::new(),
            trickle: Vec::new(),
            scans: None,
        }
    }

    pub(crate) fn add_round(&mut self, contender: &str, shape: Shape, round: Round) {
        let same = |known: &&mut Rounds| {
            let wire_and_size = (known.shape.wire, known.shape.bytes);
            known.contender == contender && wire_and_size == (shape.wire, shape.bytes)
        };
        match self.throughput.iter_mut().find(same) {
            Some(rounds) => rounds.rounds.push(round),
            None => {
                self.throughput.push(Rounds { contender: contender.into(), shape, rounds: vec![round] });
            }
        }
    }

    pub(crate) fn add_baseline(&mut self, bytes: usize, loopback: baseline::Cost, write: baseline::Cost) {
        match self.baselines.iter_mut().find(|known| known.bytes == bytes) {
            Some(known) => {
                known.loopback.push(loopback);
                known.write.push(write);
            }
            None => {
                self.baselines.push(Baselines { bytes, loopback: vec![loopback], write: vec![write] });
            }
        }
    }

    /// Prints to standard output.
    pub(crate) fn print(&self) {
        let (before, after) = &self.load_averages;
        println!("Machine: {}.", self.machine);
        println!(
            "Load average before {before}, at the end {after} (1 minute; the benchmark itself included)."
        );
        println!(
            "Median (smallest–largest) of all rounds; CPU seconds are user and system of the daemon alone."
        );
        for skipped in &self.skipped {
            println!("Skipped: {skipped}.");
        }
        if !self.throughput.is_empty() {
            self.print_throughput();
            self.print_ratios();
            self.print_baselines();
        }
        if !self.status.is_empty() {
            self.print_status();
        }
        if !self.trickle.is_empty() {
            self.print_trickle();
        }
        if let Some(scans) = &self.scans {
            print_scans(scans);
        }
        Promise::print_all(&promise::all(self));
    }

    fn print_throughput(&self) {
        println!("\n## Events at full speed, 4 connections, one hop to files on disk\n");
        println!(
            "| daemon | wire | event | rounds × events | CPU s / million | wall s / million | RSS idle | RSS peak \
             | lost | surplus |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for rounds in &self.throughput {
            println!(
                "| {} | {} | {} B | {} × {} | {} | {} | {} | {} | {} | {} |",
                rounds.contender,
                wire(rounds.shape.wire),
                thousands(rounds.shape.bytes as u64),
                rounds.rounds.len(),
                thousands(rounds.shape.events.into()),
                rounds.cpu(),
                rounds.wall(),
                mib(rounds.idle() as f64),
                mib(rounds.peak() as f64),
                thousands(rounds.lost()),
                thousands(rounds.surplus()),
            );
        }
    }

    fn print_ratios(&self) {
        let mut lines = Vec::new();
        for (original, ours) in self.pairs() {
            lines.push(format!(
                "| {} | {} B | {} | {} |",
                original.contender,
                thousands(original.shape.bytes as u64),
                short(original.cpu().median() / ours.cpu().median()),
                short(original.wall().median() / ours.wall().median()),
            ));
        }
        if !lines.is_empty() {
            println!("\nHow many times more an original needs for an event, on the same wire:\n");
            println!("| original | event | CPU | wall |\n| --- | --- | --- | --- |\n{}", lines.join("\n"));
        }
    }

    /// Each original's rounds, and ours on the same wire with events of the same size.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (&Rounds, &Rounds)> {
        let originals = self.throughput.iter().filter(|rounds| rounds.contender != "ours");
        originals.filter_map(|original| {
            let same = |rounds: &&Rounds| {
                let shape = (rounds.shape.wire, rounds.shape.bytes);
                rounds.contender == "ours" && shape == (original.shape.wire, original.shape.bytes)
            };
            Some((original, self.throughput.iter().find(same)?))
        })
    }

    fn print_baselines(&self) {
        println!(
            "\nWhat the machine allows: the generator's bytes received over loopback and thrown away, and the"
        );
        println!(
            "events' bytes appended to one file in pieces of 256 KiB and synced once, for a million events:\n"
        );
        println!("| event | receive: CPU s | wall s | write: CPU s | wall s | ours / both: CPU |");
        println!("| --- | --- | --- | --- | --- | --- |");
        for Baselines { bytes, loopback, write } in &self.baselines {
            let cpu = |costs: &[baseline::Cost]| Stats::of(costs.iter().map(|cost| cost.cpu_per_million));
            let wall = |costs: &[baseline::Cost]| Stats::of(costs.iter().map(|cost| cost.wall_per_million));
            let ours = self.throughput.iter().find(|rounds| {
                rounds.contender == "ours" && (rounds.shape.wire, rounds.shape.bytes) == (Wire::Zmtp, *bytes)
            });
            let least = cpu(loopback).median() + cpu(write).median();
            let times = ours.map_or("–".into(), |ours| short(ours.cpu().median() / least));
            println!(
                "| {} B | {} | {} | {} | {} | {times} |",
                thousands(*bytes as u64),
                cpu(loopback),
                wall(loopback),
                cpu(write),
                wall(write)
            );
        }
    }

    fn print_status(&self) {
        println!("\n## STATUS while events pour in, 100 requests on new connections\n");
        println!(
            "| daemon | over | answered within 5 s, of those asked in 30 s | median | p99 | longest |\n| --- | --- | --- | --- | --- | --- |"
        );
        for (name, question, waits) in &self.status {
            let over = match question {
                Question::Zmtp => "ZeroMQ",
                Question::Http => "HTTP",
            };
            println!("| {name} | {over} | {} |", times(waits));
        }
    }

    fn print_trickle(&self) {
        println!(
            "\n## A trickle of 10 events a second: from the application's write until it stands in the file\n"
        );
        println!("| daemon | seen within 5 s | median | p99 | longest |\n| --- | --- | --- | --- | --- |");
        for (name, waits) in &self.trickle {
            println!("| {name} | {} |", times(waits));
        }
    }
}

fn print_scans(scans: &Scans) {
    println!("\n## A large day file\n\n{}\n", scans.what);
    for skipped in &scans.skipped {
        println!("Skipped: {skipped}.");
    }
    if !scans.heads.is_empty() {
        let first = Stats::of(scans.heads.iter().map(|(first, _)| first * 1e3));
        let ended = Stats::of(scans.heads.iter().map(|(_, ended)| ended * 1e3));
        println!("`oxview FILE | head -1`: the line after {first} ms, the end after {ended} ms.\n");
    }
    let original = scans.originals().next();
    let name = original.as_ref().map_or("original", |(name, _)| *name);
    println!("| command | CPU s / GiB | wall s / GiB | {name} / this: CPU | wall |");
    println!("| --- | --- | --- | --- | --- |");
    for (scan, ..) in &scans.costs {
        let Some((cpu, wall)) = scans.per_gib(scan) else { continue };
        let command = match scan {
            Scan::Filtered => "ours: `oxview FILE -q FILTER -o json`".into(),
            Scan::All => "ours: `oxview FILE -o json`".into(),
            Scan::Original(name) => format!("{name}: `cat FILE \\| oxview`"),
        };
        let ratios = original.as_ref().map_or("– | –".into(), |(_, (their_cpu, their_wall))| {
            format!(
                "{} | {}",
                short(their_cpu.median() / cpu.median()),
                short(their_wall.median() / wall.median())
            )
        });
        println!("| {command} | {cpu} | {wall} | {ratios} |");
    }
}

fn wire(wire: Wire) -> &'static str {
    match wire {
        Wire::Zmtp => "ZeroMQ",
        Wire::Http => "HTTP, durable",
        Wire::Native => "native, durable",
    }
}

/// How many, and how long.
fn times(waits: &Waits) -> String {
    let answered = format!("{} of {}", waits.times.len(), waits.times.len() + waits.missing);
    match waits.stats() {
        None => format!("{answered} | – | – | –"),
        Some(stats) => {
            let [median, p99, longest] =
                [stats.median(), stats.percentile(99.0), stats.max()].map(milliseconds);
            format!("{answered} | {median} | {p99} | {longest}")
        }
    }
}
