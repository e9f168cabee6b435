//! Everything that is measured, ours and the original's in turns.

use crate::baseline;
use crate::daemon::{Contender, Kind};
use crate::latency::{self, Question};
use crate::load::Wire;
use crate::machine;
use crate::report::{Report, Scan, Scans};
use crate::scan::{self, LargeFile};
use crate::throughput::{self, Shape};
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};

const ORIGINALS: [&str; 2] = ["0.11.3", "0.4.2"];
const SIZES: [usize; 2] = [300, 3_000];
const CONNECTIONS: u32 = 4;

#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// How often each load is repeated
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// How many 300-byte events our daemon gets a round (a third as many of 3,000 bytes)
    #[arg(long, default_value_t = 1_500_000)]
    events: u32,
    /// How many events an original gets a round
    #[arg(long, default_value_t = 200_000)]
    original_events: u32,
    /// The size of the day file that is looked at; an original gets 1/16 of it
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    file_mib: u64,
    /// Measure only these
    #[arg(long, value_enum, value_delimiter = ',', default_values = ["throughput", "status", "trickle", "scan"])]
    parts: Vec<Part>,
    /// Where our programs are [default: where this one is]
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Where tests/peers/setup.sh has put the originals
    #[arg(long, value_name = "DIR", env = "BLUEOX_VENVS", default_value = ".venvs")]
    venvs: PathBuf,
    /// Where files are written, and removed again [default: where this program is]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// CPU and wall time, memory and losses at full speed
    Throughput,
    /// STATUS while events pour in
    Status,
    /// How long a lone event takes to its file
    Trickle,
    /// A large day file
    Scan,
}

impl Compare {
    /// Measures and prints.
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let own = std::env::current_exe()?.parent().context("this program has no directory")?.to_path_buf();
        let programs = self.programs.clone().unwrap_or_else(|| own.clone());
        let directory = self.dir.clone().unwrap_or(own);
        ensure!(
            programs.join("oxd").exists(),
            "no oxd in {}; try: cargo build --release",
            programs.display()
        );
        let mut contenders = vec![Contender { name: "ours".into(), kind: Kind::Ours, programs }];
        let mut skipped = Vec::new();
        for version in ORIGINALS {
            let home = self.venvs.join(format!("orig-{version}"));
            let name = format!("original {version}");
            if home.join("made-from").exists() {
                contenders.push(Contender { name, kind: Kind::Original, programs: home.join("bin") });
            } else {
                skipped
                    .push(format!("{name}: not in {} (made by tests/peers/setup.sh)", self.venvs.display()));
            }
        }
        let load_before = machine::load_average();
        let mut report = Report::new(machine::describe(&directory), skipped);
        let begins = |part| self.parts.contains(&part);
        if begins(Part::Throughput) {
            self.throughput(&contenders, &directory, &mut report)?;
        }
        if begins(Part::Status) {
            for contender in &contenders {
                for question in questions(contender.kind) {
                    say(&format!("STATUS while events pour in: {}", contender.name));
                    let waits = latency::status_under_load(contender, *question, &directory)?;
                    report.status.push((contender.name.clone(), *question, waits));
                }
            }
        }
        if begins(Part::Trickle) {
            for contender in &contenders {
                say(&format!("a trickle: {}", contender.name));
                report.trickle.push((contender.name.clone(), latency::trickle(contender, &directory)?));
            }
        }
        if begins(Part::Scan) {
            self.scan(&contenders, &directory, &mut report)?;
        }
        report.load_averages = (load_before, machine::load_average());
        report.print();
        Ok(())
    }

    fn throughput(
        &self,
        contenders: &[Contender],
        directory: &Path,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        for round in 1..=self.rounds {
            for bytes in SIZES {
                for contender in contenders {
                    for wire in wires(contender.kind) {
                        let shape = self.shape(contender.kind, *wire, bytes);
                        say(&format!("round {round} of {}: {bytes} bytes, {}", self.rounds, contender.name));
                        let measured = throughput::measure(contender, shape, directory)
                            .with_context(|| contender.name.clone())?;
                        report.add_round(&contender.name, shape, measured);
                    }
                }
                let shape = self.shape(Kind::Ours, Wire::Zmtp, bytes);
                let write = baseline::write_loop(shape, directory)?;
                report.add_baseline(bytes, baseline::loopback(shape)?, write);
            }
        }
        Ok(())
    }

    fn shape(&self, kind: Kind, wire: Wire, bytes: usize) -> Shape {
        let events = match kind {
            Kind::Ours if bytes > SIZES[0] => self.events / 3,
            Kind::Ours => self.events,
            Kind::Original => self.original_events,
        };
        Shape { wire, bytes, events, connections: CONNECTIONS }
    }

    fn scan(&self, contenders: &[Contender], directory: &Path, report: &mut Report) -> anyhow::Result<()> {
        say(&format!("a day file of {} MiB is written", self.file_mib));
        let file = LargeFile::write(directory, self.file_mib << 20, self.file_mib << 16)?;
        let mut scans = Scans::new(&file);
        for round in 0..self.rounds {
            for contender in contenders {
                let program = contender.programs.join("oxview");
                if !program.exists() {
                    scans.skip(&contender.name, "no oxview");
                    continue;
                }
                say(&format!("oxview: {}", contender.name));
                let measured = match contender.kind {
                    Kind::Ours => look(&mut scans, &program, &file, round == 0),
                    // It can neither filter nor read a file by name.
                    Kind::Original => {
                        scan::warm(&file.piece)?;
                        scan::run(&program, &[], Some(&file.piece)).map(|cost| {
                            let all = Scan::Original(contender.name.clone());
                            scans.add(all, file.piece_bytes, cost);
                        })
                    }
                };
                if let Err(error) = measured {
                    scans.skip(&contender.name, &format!("{error:#}"));
                }
            }
        }
        report.scans = Some(scans);
        Ok(())
    }
}

/// What our oxview does with the whole file.
fn look(scans: &mut Scans, program: &Path, file: &LargeFile, check: bool) -> anyhow::Result<()> {
    let whole = file.whole.to_str().context("the directory's name is not UTF-8")?;
    scan::warm(&file.whole)?;
    scans.heads.push(scan::head(program, &[whole])?);
    let filtered = [whole, "-q", scan::FILTER, "-o", "json"];
    scans.add(Scan::Filtered, file.whole_bytes, scan::run(program, &filtered, None)?);
    if check {
        let found = scan::lines(program, &filtered)?;
        ensure!(found == file.matching, "oxview found {found} of {} events", file.matching);
    }
    scans.add(Scan::All, file.whole_bytes, scan::run(program, &[whole, "-o", "json"], None)?);
    Ok(())
}

fn wires(kind: Kind) -> &'static [Wire] {
    match kind {
        Kind::Ours => &[Wire::Zmtp, Wire::Http],
        Kind::Original => &[Wire::Zmtp],
    }
}

fn questions(kind: Kind) -> &'static [Question] {
    match kind {
        Kind::Ours => &[Question::Http, Question::Zmtp],
        Kind::Original => &[Question::Zmtp],
    }
}

fn say(what: &str) {
    eprintln!("oxbench: {what}");
}
