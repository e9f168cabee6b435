//! `oxview demo`: an agent and a collector as real processes, a shop that does not exist with 15 minutes of past and an
//! incident in it, and the page over both.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `daemon` | an `oxd` that is started, killed, stopped |
//! | `house` | the two of them, and the collector that fails now and then |
//! | `visitors` | the shop's traffic on its way to the agent |

mod daemon;
mod house;
mod visitors;

use crate::failure::{Outcome, Usage};
use crate::web::{self, Interruption, Plan, Server, WebArgs};
use anyhow::Context;
use blueox_shop::incident::{Incident, VERSION};
use house::{Failing, House};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use visitors::Visitors;

/// How much past there is, and when in it the incident begins, in seconds.
const PAST_SECONDS: f64 = 900.0;
const INCIDENT_AT_SECONDS: f64 = 600.0;
/// How late an event may come to a day's file: the past that is made up may have been yesterday.
const SLACK_SECONDS: f64 = 86_400.0;

/// `oxview demo`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DemoArgs {
    /// Open the page in a browser
    #[arg(long)]
    open: bool,

    /// The same number makes the same traffic and the same incident
    #[arg(long, value_name = "N", default_value_t = 7)]
    seed: u64,

    /// Requests a second; each makes 1 to 6 events
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = rate)]
    rate: f64,

    /// Kill the collector every minute for ten seconds: the agent's queue fills and drains, and nothing is lost
    #[arg(long)]
    fail_collector: bool,

    /// How many seconds it works until it is killed, and for how many it is away, as `60,10`
    #[arg(long, value_name = "WORKS,AWAY", requires = "fail_collector", default_value = "60,10", value_parser = failing, hide = true)]
    fail_seconds: Failing,

    /// Where the page is [default: 127.0.0.1:3515, or any free port when that is taken]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,

    /// Keep the data in DIR; otherwise it goes when the demo ends
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Serve the page's files from DIR instead of those that are built in
    #[arg(long, value_name = "DIR", hide = true)]
    page: Option<PathBuf>,
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate <= 5_000.0 => Ok(rate),
        _ => Err(format!("{text:?} is no number above 0 and up to 5000")),
    }
}

fn failing(text: &str) -> Result<Failing, String> {
    let seconds = |text: &str| {
        text.parse().ok().filter(|seconds| (1..=3600).contains(seconds)).map(Duration::from_secs)
    };
    text.split_once(',')
        .and_then(|(works, away)| Some(Failing { works: seconds(works)?, away: seconds(away)? }))
        .ok_or_else(|| format!("{text:?} is no two numbers of seconds such as 60,10"))
}

/// Shows it until it is interrupted.
///
/// # Errors
/// When there is no `oxd` beside this program, or something cannot be started.
pub(crate) fn run(args: &DemoArgs) -> anyhow::Result<Outcome> {
    let oxd = beside("oxd")?;
    let data = Data::new(args.data.as_deref())?;
    let runtime = web::runtime()?;
    // A Ctrl-C while they start is heard when they have.
    let interruption = runtime.block_on(async { Interruption::listen() })?;
    let house = House::start(&oxd, data.path(), args.fail_collector.then_some(args.fail_seconds))?;
    let incident = Incident::new(args.seed, INCIDENT_AT_SECONDS);
    let result = runtime.block_on(serve(args, &house, incident, data.path(), interruption));
    runtime.shutdown_background();
    let stopped = house.stop();
    result?;
    stopped?;
    eprintln!(
        "the incident: {} {} on {} was slow since {VERSION} was deployed there{}",
        incident.endpoint.method,
        incident.endpoint.pattern,
        incident.host.name,
        data.epitaph(),
    );
    Ok(Outcome::Fine)
}

async fn serve(
    args: &DemoArgs,
    house: &House,
    incident: Incident,
    data: &Path,
    interruption: Interruption,
) -> anyhow::Result<()> {
    let server = open(args, house, data).await?;
    let (stop, stopping) = mpsc::channel();
    let visitors = Visitors::new(house.collection(), args.seed, args.rate, incident, PAST_SECONDS);
    let producing = thread::spawn(move || visitors.run(&stopping));
    println!("{}", server.url);
    eprintln!("\n  BlueOx demo: open {}\n", server.url);
    eprintln!(
        "Four hosts of a shop, the last 15 minutes and from now on. Since five minutes something is wrong: one page, one host, one\n\
         version. The page shows which. An agent and a collector are running (data: {}). Ctrl-C stops everything.",
        data.display()
    );
    if args.open {
        browse(&server.url);
    }
    server.run(interruption.asked()).await;
    drop(stop);
    // It ends within the time of one request to the agent.
    producing.join().map_err(|_| anyhow::anyhow!("the shop has failed"))
}

async fn open(args: &DemoArgs, house: &House, data: &Path) -> anyhow::Result<Server> {
    let plan = |listen: &str| Plan {
        web: WebArgs {
            listen: listen.to_owned(),
            token_file: None,
            allow_host: Vec::new(),
            page: args.page.clone(),
        },
        dirs: vec![data.join("logs")],
        daemons: vec![house.agent.clone(), house.collector.clone()],
        // What the agent forwards the collector shows.
        watched: vec![house.collector.clone()],
        slack: SLACK_SECONDS,
        is_demo: true,
    };
    match &args.listen {
        Some(listen) => Server::open(plan(listen)).await,
        None => match Server::open(plan("127.0.0.1:3515")).await {
            Ok(server) => Ok(server),
            Err(_) => Server::open(plan("127.0.0.1:0")).await,
        },
    }
}

/// The program of this name in the folder of this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot tell where this program is")?;
    let path = own.with_file_name(name);
    if !path.is_file() {
        let error =
            format!("there is no {} beside this program; build it: cargo build -p {name}", path.display());
        return Err(Usage(error).into());
    }
    Ok(path)
}

/// Where the demo keeps its data.
enum Data {
    Kept(PathBuf),
    Temporary(tempfile::TempDir),
}

impl Data {
    fn new(dir: Option<&Path>) -> anyhow::Result<Self> {
        let Some(dir) = dir else {
            let dir = tempfile::Builder::new().prefix("blueox-demo-").tempdir();
            return Ok(Self::Temporary(dir.context("cannot make a folder for the data")?));
        };
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        Ok(Self::Kept(dir.canonicalize().with_context(|| format!("cannot find {}", dir.display()))?))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(dir) => dir.path(),
        }
    }

    fn epitaph(&self) -> String {
        match self {
            Self::Kept(path) => format!("; the events are in {}", path.join("logs").display()),
            Self::Temporary(_) => String::new(),
        }
    }
}

/// Opens a browser, if there is one; the address is on the terminal anyway.
fn browse(url: &str) {
    for program in ["xdg-open", "open"] {
        let spawned = Command::new(program)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        if spawned.is_ok() {
            return;
        }
    }
    eprintln!("no browser could be opened (there is no xdg-open)");
}
