//! One run.

use crate::args::Args;
use crate::clock::Stopwatch;
use crate::engine::Engine;
use crate::failure::{Outcome, Usage};
use crate::form::{Answer, Manner};
use crate::heard::Heard;
use crate::interrupt::Interrupt;
use crate::output::Output;
use crate::palette::Palette;
use crate::statement::Query;
use crate::store::{self, Store};
use crate::when::Span;
use crate::{clock, duration, generate};
use anyhow::Context;
use clap::CommandFactory;
use futures_util::StreamExt;
use std::cell::Cell;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// How often is looked for Ctrl-C, a closed pipe, and progress to be shown.
const TICK: Duration = Duration::from_millis(100);
/// What takes less needs no progress.
const QUIET: Duration = Duration::from_secs(1);
/// The longest query.
const MAX_QUERY_BYTES: u64 = 1 << 20;

/// Does what the command line says.
///
/// # Errors
/// Everything that [`crate::failure::exit_code_of`] tells apart.
pub(crate) fn run(args: &Args) -> anyhow::Result<Outcome> {
    if !args.generate.is_empty() {
        let mut output = Output::open(None)?;
        output.buffer = generate::generate(Args::command(), &args.generate)?;
        output.flush()?;
        return Ok(Outcome::Fine);
    }
    let query = Query::parse(&text(args)?).map_err(|mistake| Usage(mistake.to_string()))?;
    let manner = Manner::choose(args.output, |terminal| Palette::choose(args.color, terminal))?;
    let span = Span::parse(args.since.as_deref(), args.until.as_deref(), clock::now())?;
    let slack = duration::parse(&args.slack)
        .ok_or_else(|| Usage(format!("--slack {:?} is no duration; write 30m, 2h, 1d or 7d", args.slack)))?;
    let dirs = store::directories(&args.log_path)?;
    let interrupt = Interrupt::listen()?;
    let threads = args.threads.map_or_else(processors, usize::from);
    let heard = Arc::new(Heard::default());
    let store = Arc::new(Store::open(dirs, span, slack, threads, Arc::clone(&heard))?);
    if args.verbose > 0 {
        say(&format!("tables: {}", store.main_names().collect::<Vec<_>>().join(", ")));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_time()
        .build()
        .context("cannot start threads")?;
    let engine = Engine::new(store, &query, args.memory)?;
    let progress = Progress::new(manner.is_on_terminal());
    let answer = answer(&engine, query, manner, &progress);
    let answered = runtime.block_on(watched(answer, &heard, &interrupt, &progress));
    // What still reads has nobody to read for.
    heard.stop();
    drop(runtime);
    heard.take_lines().iter().for_each(|line| say(line));
    if answered?.is_none() {
        say("interrupted: the answer is not complete");
        return Ok(Outcome::Failed);
    }
    Ok(match (heard.is_unreadable(), heard.is_damaged()) {
        (true, _) => Outcome::Failed,
        (false, true) => Outcome::Damaged,
        (false, false) => Outcome::Fine,
    })
}

/// The query: of the command line, or of standard input.
fn text(args: &Args) -> anyhow::Result<String> {
    let text = match args.query.as_deref() {
        Some(query) if query != "-" => query.to_owned(),
        None if io::stdin().is_terminal() => {
            return Err(Usage(
                "there is no query; write oxsql -l DIR 'SELECT ...' (oxsql --help)".to_owned(),
            )
            .into());
        }
        _ => {
            let mut text = String::new();
            io::stdin()
                .take(MAX_QUERY_BYTES)
                .read_to_string(&mut text)
                .context("cannot read standard input")?;
            text
        }
    };
    if text.trim().is_empty() {
        return Err(Usage("the query is empty; write oxsql -l DIR 'SELECT ...'".to_owned()).into());
    }
    Ok(text)
}

/// Plans, reads and writes.
async fn answer(
    engine: &Engine,
    mut query: Query,
    manner: Manner,
    progress: &Progress,
) -> anyhow::Result<()> {
    let plan = engine.plan(&mut query).await?;
    let mut batches = engine.run(&query, plan).await?;
    let schema = batches.schema();
    let mut answer = Answer::new(manner, &schema)?;
    while let Some(batch) = batches.next().await {
        progress.output_begins();
        match batch {
            Ok(batch) => {
                answer.write(&batch)?;
                // Rows that are always ready leave no room for Ctrl-C otherwise.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                answer.give_up()?;
                return Err(engine.failure_of_run(&error));
            }
        }
    }
    answer.finish(&schema)
}

/// Waits for an answer, for whoever wants none any more, and shows how far it has got. `None`: it was interrupted.
async fn watched(
    answer: impl Future<Output = anyhow::Result<()>>,
    heard: &Heard,
    interrupt: &Interrupt,
    progress: &Progress,
) -> anyhow::Result<Option<()>> {
    let mut answer = std::pin::pin!(answer);
    let mut ticks = tokio::time::interval(TICK);
    let output = Output::open(None)?;
    loop {
        tokio::select! {
            biased;
            answered = &mut answer => {
                progress.clear();
                return answered.map(Some);
            }
            _ = ticks.tick() => {
                if interrupt.is_asked() {
                    heard.stop();
                    progress.clear();
                    return Ok(None);
                }
                output.check()?;
                progress.show(heard.bytes());
            }
        }
    }
}

/// How far reading has got: one line on standard error, after a second, on a terminal; once an answer is written to the same
/// terminal that is progress enough.
struct Progress {
    begun: Stopwatch,
    shares_terminal: bool,
    on: Cell<bool>,
    shown: Cell<bool>,
}

impl Progress {
    fn new(shares_terminal: bool) -> Self {
        let on = Cell::new(io::stderr().is_terminal());
        Self { begun: Stopwatch::start(), shares_terminal, on, shown: Cell::new(false) }
    }

    fn show(&self, bytes: u64) {
        let seconds = self.begun.elapsed();
        if self.on.get() && seconds >= QUIET {
            let gib = bytes as f64 / (1u64 << 30) as f64;
            let rate = gib / seconds.as_secs_f64();
            let _ = write!(io::stderr(), "\r\x1b[Kscanned {gib:.1} GiB · {rate:.1} GiB/s");
            self.shown.set(true);
        }
    }

    fn output_begins(&self) {
        if self.shares_terminal {
            self.clear();
            self.on.set(false);
        }
    }

    fn clear(&self) {
        if self.shown.take() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn say(line: &str) {
    let _ = writeln!(io::stderr(), "oxsql: {line}");
}
