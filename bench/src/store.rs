//! The store: scanning day files and sealed files, beside other tools on the same events.

use crate::corpus::{self, Corpus};
use crate::machine;
use crate::scan::{Cost, run, warm};
use crate::stats::short;
use anyhow::{Context, ensure};
use clap::Args;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

const FILTER: &str = "type = request* and response.status >= 500";

/// What is measured, and how much of it.
#[derive(Debug, Args)]
pub(crate) struct Store {
    /// How long the day files are together
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    mib: u64,
    /// Over how many days
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// The same seed makes the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often each is measured; the fastest counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Where the files are made, and removed
    #[arg(long, value_name = "DIR", default_value = "target")]
    directory: PathBuf,
    /// Where tests/peers/setup.sh has put DuckDB and the originals
    #[arg(long, value_name = "DIR", env = "BLUEOX_VENVS", default_value = ".venvs")]
    venvs: PathBuf,
}

/// Writes a corpus and nothing else.
#[derive(Debug, Args)]
pub(crate) struct MakeCorpus {
    /// Where: a log path that is not there yet
    directory: PathBuf,
    /// How long the day files are together
    #[arg(long, value_name = "MIB", default_value_t = 1024)]
    mib: u64,
    /// Over how many days
    #[arg(long, default_value_t = 3)]
    days: u32,
    /// The same seed makes the same events
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl MakeCorpus {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        ensure!(!self.directory.exists(), "{} is there already", self.directory.display());
        let corpus = corpus::write(&self.directory, self.mib << 20, self.days, self.seed)?;
        println!("{} events of {} types, {} bytes", corpus.events, corpus.types.len(), corpus.bytes);
        if let Some((id, events)) = corpus.trace {
            println!("a trace of {events} events: {id}");
        }
        Ok(())
    }
}

struct Bench<'a> {
    options: &'a Store,
    corpus: Corpus,
    logs: PathBuf,
    oxview: PathBuf,
    oxstore: PathBuf,
    python: PathBuf,
}

impl Store {
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let directory = tempfile::Builder::new().prefix("oxbench-store-").tempdir_in(&self.directory)?;
        let logs = directory.path().join("logs");
        let corpus = corpus::write(&logs, self.mib << 20, self.days, self.seed)?;
        let beside = std::env::current_exe()?;
        let bench = Bench {
            options: self,
            corpus,
            logs,
            oxview: beside.with_file_name("oxview"),
            oxstore: beside.with_file_name("oxstore"),
            python: self.venvs.join("py3/bin/python"),
        };
        println!("# The store, measured\n");
        println!(
            "{}\nLoad average before: {}.\n",
            machine::describe(directory.path()),
            machine::load_average()
        );
        println!(
            "Corpus: {} events of {} types over {} days, {:.0} MiB, seed {}. Fastest of {} rounds; files are in memory. \
             GB/s: bytes of the day files by CPU seconds (user and system) of all processes, which is speed per core.\n",
            bench.corpus.events,
            bench.corpus.types.len(),
            self.days,
            bench.mib(),
            self.seed,
            self.rounds
        );
        println!("| what | by | wall s | CPU s | GB/s per core | beside ours |");
        println!("| --- | --- | --- | --- | --- | --- |");
        bench.hot(directory.path())?;
        bench.sealing(directory.path())?;
        bench.sealed(directory.path())
    }
}

impl Bench<'_> {
    fn mib(&self) -> f64 {
        self.corpus.bytes as f64 / f64::from(1 << 20)
    }

    /// The fastest of the rounds, by CPU time.
    fn best(&self, program: &Path, arguments: &[&str], input: Option<&Path>) -> anyhow::Result<Cost> {
        let mut best: Option<Cost> = None;
        for _ in 0..self.options.rounds.max(1) {
            let cost = run(program, arguments, input)?;
            if best.is_none_or(|best| cost.cpu_seconds < best.cpu_seconds) {
                best = Some(cost);
            }
        }
        best.context("nothing was measured")
    }

    fn row(&self, what: &str, by: &str, bytes: u64, cost: Cost, ours: Option<f64>) -> f64 {
        let speed = bytes as f64 / 1e9 / cost.cpu_seconds.max(1e-9);
        let ratio = ours.map_or("1".to_owned(), |ours| format!("1/{:.1}", ours / speed));
        println!(
            "| {what} | {by} | {} | {} | {speed:.3} | {ratio} |",
            short(cost.wall_seconds),
            short(cost.cpu_seconds)
        );
        speed
    }

    fn log_path(&self) -> &str {
        self.logs.to_str().expect("BUG: made of text")
    }

    /// Day files as they were written.
    fn hot(&self, directory: &Path) -> anyhow::Result<()> {
        warm_all(&self.logs)?;
        let all = self.corpus.bytes;
        // Files of other types are not opened, and so do not count as read.
        let requests = bytes_named(&self.logs, "request")?;
        let arguments = ["-l", self.log_path(), "-q", FILTER, "--by", "endpoint", "--stats", "count"];
        let speed = self.row(
            "hot scan, filter, two paths",
            "oxview",
            requests,
            self.best(&self.oxview, &arguments, None)?,
            None,
        );
        // The others get a piece: they take long enough.
        let piece = directory.join("piece.log");
        let bytes = self.piece(&piece, 64 << 20)?;
        let lines = directory.join("piece.jsonl");
        let json = Command::new(&self.oxview).arg(&piece).args(["-o", "json"]).output()?;
        fs::write(&lines, &json.stdout)?;
        let program = r#"select(.type|startswith("request"))|select(.body.response.status? // 0 >= 500)|.body.endpoint"#;
        if let Some(jq) = which("jq") {
            let arguments = ["-r", program, lines.to_str().context("a path")?];
            self.row("", "jq on JSON lines", bytes, self.best(&jq, &arguments, None)?, Some(speed));
        }
        let original = self.options.venvs.join("orig-0.11.3/bin/oxview");
        if original.exists() {
            let script = directory.join("count.sh");
            let python = "import sys,json\nn={}\nfor l in sys.stdin:\n e=json.loads(l)\n b=e['body']\n \
                          if e['type'].startswith('request') and b.get('response',{}).get('status',0)>=500:\n  \
                          n[b.get('endpoint')]=n.get(b.get('endpoint'),0)+1\nprint(n)";
            let command = format!("{} < {} | python3 -c \"{python}\"\n", original.display(), piece.display());
            fs::write(&script, command)?;
            let shell = PathBuf::from("/bin/sh");
            let arguments = [script.to_str().context("a path")?];
            let cost = self.best(&shell, &arguments, None)?;
            self.row("", "original oxview | Python", bytes, cost, Some(speed));
        }
        let hot =
            ["-l", self.log_path(), "-n", "request", "--by", "endpoint", "--every", "1m", "--stats", "p99"];
        let cost = self.best(&self.oxview, &hot, None)?;
        self.row(
            "hot p99 by endpoint per minute",
            "oxview",
            bytes_named(&self.logs, "request-")?,
            cost,
            None,
        );
        if let Some((id, events)) = &self.corpus.trace {
            let arguments = ["-l", self.log_path(), "--id", id, "-o", "json"];
            let cost = self.best(&self.oxview, &arguments, None)?;
            self.row(&format!("hot trace by id, {events} events"), "oxview", all, cost, None);
        }
        Ok(())
    }

    fn sealing(&self, directory: &Path) -> anyhow::Result<()> {
        let all = self.corpus.bytes;
        let cost = run(&self.oxstore, &["seal", "-p", self.log_path(), "--keep"], None)?;
        let speed = self.row("seal, compared event by event", "oxstore", all, cost, None);
        let sealed = bytes_below(&self.logs.join("sealed"))?;
        let piece = directory.join("piece.log");
        let bytes = piece.metadata()?.len();
        if let Some(bzip2) = which("bzip2") {
            let packed = directory.join("piece.bz2");
            let script = directory.join("bzip2.sh");
            fs::write(
                &script,
                format!("{} -9 -c {} > {}\n", bzip2.display(), piece.display(), packed.display()),
            )?;
            let cost = run(Path::new("/bin/sh"), &[script.to_str().context("a path")?], None)?;
            self.row("", "bzip2 -9", bytes, cost, Some(speed));
            println!(
                "\nSize of the day files: sealed 1/{:.2}, bzip2 -9 1/{:.2}.\n",
                all as f64 / sealed as f64,
                bytes as f64 / packed.metadata()?.len() as f64
            );
        }
        println!("| what | by | wall s | CPU s | GB/s per core | beside ours |");
        println!("| --- | --- | --- | --- | --- | --- |");
        Ok(())
    }

    /// The day files are out of the way.
    fn sealed(&self, directory: &Path) -> anyhow::Result<()> {
        let sealed = self.logs.join("sealed");
        let root = sealed.to_str().context("a path")?;
        warm_all(&sealed)?;
        let all = self.corpus.bytes;
        let requests = bytes_named(&self.logs, "request-")?;
        let columns = ["-l", root, "--by", "endpoint", "--stats", "count,sum(response.size)"];
        self.row(
            "sealed scan of three columns",
            "oxview",
            all,
            self.best(&self.oxview, &columns, None)?,
            None,
        );
        let p99 = ["-l", root, "-n", "request", "--by", "endpoint", "--every", "1m", "--stats", "p99"];
        let ours = self.row(
            "sealed p99 by endpoint per minute",
            "oxview",
            requests,
            self.best(&self.oxview, &p99, None)?,
            None,
        );
        if self.python.exists() {
            let from = format!("read_parquet('{root}/type=request/*/*.parquet')");
            let cost = self.duckdb(directory, &from)?;
            self.row("", "DuckDB on the same Parquet", requests, cost, Some(ours));
        }
        if let Some((id, events)) = &self.corpus.trace {
            let arguments = ["-l", root, "--id", id, "-o", "json"];
            let cost = self.best(&self.oxview, &arguments, None)?;
            self.row(&format!("sealed trace by id, {events} events"), "oxview", all, cost, None);
        }
        println!("\nLoad average at the end: {}.", machine::load_average());
        Ok(())
    }

    fn duckdb(&self, directory: &Path, from: &str) -> anyhow::Result<Cost> {
        let script = directory.join("duckdb.py");
        let sql = format!(
            "SELECT endpoint, time_bucket(INTERVAL 1 minute, time) m, quantile_disc(\"end\" - start, 0.99) FROM {from} \
             GROUP BY ALL"
        );
        fs::write(&script, format!("import duckdb\nprint(len(duckdb.sql({sql:?}).fetchall()))\n"))?;
        self.best(&self.python, &[script.to_str().context("a path")?], None)
    }

    /// The first bytes of the largest day file and of those below requests, as whole events.
    fn piece(&self, path: &Path, bytes: u64) -> anyhow::Result<u64> {
        let mut out = File::create(path)?;
        let mut files = Vec::new();
        files_below(&self.logs, &mut files)?;
        files.sort();
        let mut written = 0;
        for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "log")) {
            let length = file.metadata()?.len();
            if written + length <= bytes || written == 0 {
                std::io::copy(&mut File::open(file)?, &mut out)?;
                written += length;
            }
        }
        out.flush()?;
        Ok(written)
    }
}

fn which(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|dir| dir.join(name)).find(|path| path.is_file())
}

fn files_below(dir: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            files_below(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn bytes_below(dir: &Path) -> anyhow::Result<u64> {
    let mut files = Vec::new();
    files_below(dir, &mut files)?;
    files.iter().map(|file| Ok(file.metadata()?.len())).sum()
}

/// How long the day files are whose names begin so.
fn bytes_named(dir: &Path, prefix: &str) -> anyhow::Result<u64> {
    let mut files = Vec::new();
    files_below(dir, &mut files)?;
    let is_meant = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(prefix) && name.ends_with(".log")
    };
    files.iter().filter(|path| is_meant(path)).map(|path| Ok(path.metadata()?.len())).sum()
}

fn warm_all(dir: &Path) -> anyhow::Result<()> {
    let mut files = Vec::new();
    files_below(dir, &mut files)?;
    files.iter().try_for_each(|file| {
        let mut bytes = Vec::new();
        File::open(file)?.read_to_end(&mut bytes)?;
        anyhow::Ok(())
    })?;
    files.first().map_or(Ok(()), |file| warm(file))
}
