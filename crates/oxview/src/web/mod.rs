//! `oxview web`: the page and its API (docs/api/openapi.json), over log paths and daemons. It only reads.
//!
//! The modules in the order of a question's way:
//!
//! | module | what it holds |
//! | --- | --- |
//! | `limits` | every limit |
//! | `serve` | connections, and what is answered on which path |
//! | `guard` | who may ask |
//! | `page` | what all requests share |
//! | `assets` | the page's files |
//! | `parameters`, `range` | what a request says: which events, which box |
//! | `question` | a question, from its parameters to its answer |
//! | `work`, `cache` | who works on it, for how long, and what need not be worked out again |
//! | `store` | the events on disk, given to what counts them |
//! | `overview`, `heatmap`, `compare`, `breakdown`, `fields`, `events`, `trace` | the questions |
//! | `axis`, `event_row`, `filter_text`, `command` | parts of answers |
//! | `live` | events as they arrive |
//! | `health`, `about` | how the daemons are; what is served |
//! | `refusal` | answers that are no success |

mod limits;

mod serve;

mod guard;
mod page;

mod assets;

mod parameters;
mod range;

mod question;

mod cache;
mod work;

mod store;

mod breakdown;
mod compare;
mod events;
mod fields;
mod heatmap;
mod overview;
mod trace;

mod axis;
mod command;
mod event_row;
mod filter_text;

mod live;

mod about;
mod health;

mod refusal;

use crate::args::Args;
use crate::failure::{Outcome, Usage};
use crate::log_path;
use anyhow::Context;
use blueox_control::{Client, ControlAddress, Status, Timeouts, Token};
use guard::Guard;
use page::{Page, Stop};
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// `oxview web`
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct WebArgs {
    /// Where to listen; beyond loopback a token is needed, which is made up and shown unless --token-file gives one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3515")]
    pub(crate) listen: String,

    /// A file with the token that every request must show
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// A name by which browsers may call this host, besides its addresses and localhost; repeat for several
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,

    /// Serve the page's files from DIR instead of those that are built in
    #[arg(long, value_name = "DIR", hide = true)]
    pub(crate) page: Option<PathBuf>,
}

/// A server that is going to listen.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) web: WebArgs,
    pub(crate) dirs: Vec<PathBuf>,
    /// Whose health is shown.
    pub(crate) daemons: Vec<ControlAddress>,
    /// Whose events are shown as they arrive.
    pub(crate) watched: Vec<ControlAddress>,
    /// In seconds.
    pub(crate) slack: f64,
    pub(crate) is_demo: bool,
}

/// A server that listens.
pub(crate) struct Server {
    listener: TcpListener,
    page: Arc<Page>,
    stop: watch::Sender<bool>,
    /// With the token, if one is needed.
    pub(crate) url: String,
}

/// Serves until it is interrupted.
///
/// # Errors
/// When it cannot listen, or there is nothing to serve.
pub(crate) fn run(args: &Args, web: &WebArgs) -> anyhow::Result<Outcome> {
    let plan = Plan {
        web: web.clone(),
        dirs: args.log_path.clone(),
        daemons: daemons(&args.host)?,
        watched: Vec::new(),
        slack: log_path::parse_slack(&args.slack)?,
        is_demo: false,
    };
    let plan = plan.look_around()?;
    let runtime = runtime()?;
    runtime.block_on(async {
        let interruption = Interruption::listen()?;
        let server = Server::open(plan).await?;
        println!("{}", server.url);
        server.run(interruption.asked()).await;
        Ok::<_, anyhow::Error>(())
    })?;
    runtime.shutdown_timeout(limits::STOP_TIME);
    Ok(Outcome::Fine)
}

/// What the server runs on.
///
/// # Errors
/// When the system has no threads left.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().context("cannot start threads")
}

/// Ctrl-C and SIGTERM, which from now on are only noted.
pub(crate) struct Interruption {
    interrupt: Signal,
    terminate: Signal,
}

impl Interruption {
    /// # Errors
    /// When the system refuses.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Waits for one of them.
    pub(crate) async fn asked(mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Addresses, some of which may be joined by commas; each once.
fn daemons(texts: &[String]) -> Result<Vec<ControlAddress>, Usage> {
    let mut found = Vec::new();
    for text in texts.iter().flat_map(|text| text.split(',')) {
        let address = text.parse().map_err(|error| Usage(format!("--host: {error}")))?;
        if !found.contains(&address) {
            found.push(address);
        }
    }
    Ok(found)
}

/// Whose live events are shown: those of daemons whose events are not all shown by another one of them, to which they forward.
/// `known` has what each says of itself, where it answered. An agent that has not reached its destination yet may forward to any.
fn watched(known: &[(ControlAddress, Option<Status>)]) -> Vec<ControlAddress> {
    let nodes: Vec<&str> = known
        .iter()
        .filter_map(|(_, status)| Some(status.as_ref()?.native.as_ref()?.node.as_str()))
        .collect();
    let collectors =
        known.iter().any(|(_, status)| status.as_ref().is_some_and(|status| status.role != "agent"));
    let shown_elsewhere = |status: &Status| {
        let shown = |node: Option<&str>| node.map_or(collectors, |node| nodes.contains(&node));
        status.forward.iter().any(|list| shown(list.node.as_deref()))
    };
    let wanted = |(address, status): &(ControlAddress, Option<Status>)| {
        (!status.as_ref().is_some_and(shown_elsewhere)).then(|| address.clone())
    };
    known.iter().filter_map(wanted).collect()
}

impl Plan {
    /// Asks the daemons what they are, and so whom to watch.
    /// Without a log path that of a daemon on this machine is taken.
    fn look_around(mut self) -> anyhow::Result<Self> {
        if self.daemons.is_empty() && self.dirs.is_empty() {
            self.daemons.push(ControlAddress::from_environment().map_err(|error| Usage(error.to_string()))?);
        }
        let needs_log_path = self.dirs.is_empty();
        let mut known = Vec::new();
        for address in &self.daemons {
            let status = Client::connect(address, Timeouts::default()).and_then(|client| client.status());
            let status = match status {
                Err(error) if needs_log_path => return Err(anyhow::anyhow!("{error}")),
                // It may come later.
                status => status.ok(),
            };
            if let Some(own) = status.as_ref().and_then(|status| status.log_path.as_ref()).map(PathBuf::from)
                && needs_log_path
                && address.is_loopback()
                && own.is_dir()
            {
                self.dirs.push(own);
            }
            known.push((address.clone(), status));
        }
        self.watched = watched(&known);
        if self.dirs.is_empty() {
            let error =
                "no log path: none of the daemons keeps day files on this machine; give -l DIR beside -H";
            return Err(Usage(error.to_owned()).into());
        }
        Ok(self)
    }
}

impl Server {
    /// Listens.
    ///
    /// # Errors
    /// When it cannot, or has no token and needs one.
    pub(crate) async fn open(plan: Plan) -> anyhow::Result<Self> {
        let listen = &plan.web.listen;
        let usage = || {
            Usage(format!(
                "--listen {listen:?} is no address; write 127.0.0.1:3515, 0.0.0.0:3515 or [::1]:3515"
            ))
        };
        let addresses: Vec<SocketAddr> = listen.to_socket_addrs().map_err(|_| usage())?.collect();
        let address = addresses.first().ok_or_else(usage)?;
        let token = match &plan.web.token_file {
            Some(path) => Some(Token::read(path).map_err(|error| Usage(error.to_string()))?),
            None if address.ip().is_loopback() => None,
            None => Some(Token::new(&random_hex()?).context("BUG: hex digits are a token")?),
        };
        let listener = TcpListener::bind(address).await.with_context(|| {
            format!("cannot listen on {address}; is another one running? try --listen {}:0", address.ip())
        })?;
        let bound = listener.local_addr().context("cannot tell the address")?;
        let shown = token.as_ref().filter(|_| plan.web.token_file.is_none());
        let fragment = shown.map_or_else(String::new, |token| format!("#token={}", token.reveal()));
        let (stop, stopping) = Stop::new();
        let page = Page {
            store: Store { dirs: plan.dirs, slack: plan.slack },
            hub: live::Hub::new(plan.watched),
            daemons: plan.daemons,
            guard: Guard { hosts: plan.web.allow_host, token, session: random_hex()? },
            health: health::Health::default(),
            work: work::Work::new(),
            cache: cache::Cache::default(),
            stop: stopping,
            is_demo: plan.is_demo,
            files: plan.web.page,
        };
        let url = format!("http://{}/{fragment}", reachable(bound));
        Ok(Self { listener, page: Arc::new(page), stop, url })
    }

    /// Answers until `until` is done.
    pub(crate) async fn run(self, until: impl Future<Output = ()>) {
        let serving = serve::serve(self.listener, self.page);
        let stopping = async {
            until.await;
            let _ = self.stop.send(true);
        };
        tokio::join!(serving, stopping);
    }
}

/// What a browser on this machine calls.
fn reachable(bound: SocketAddr) -> SocketAddr {
    let ip = match bound.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, bound.port())
}

/// 32 hex digits that nobody can guess.
fn random_hex() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("the system has no random numbers: {error}"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_control::forward::ForwardList;
    use blueox_control::status::Native;

    fn daemon(port: u16, node: &str, to: Option<Option<&str>>) -> (ControlAddress, Option<Status>) {
        let list =
            |node: Option<&str>| ForwardList { node: node.map(str::to_owned), ..ForwardList::default() };
        let status = Status {
            role: if to.is_some() { "agent" } else { "collector" }.to_owned(),
            native: Some(Native { node: node.to_owned(), ..Native::default() }),
            forward: to.map(list).into_iter().collect(),
            ..Status::default()
        };
        (format!("127.0.0.1:{port}").parse().unwrap(), Some(status))
    }

    fn ports(known: &[(ControlAddress, Option<Status>)]) -> Vec<String> {
        watched(known).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_agent_is_watched_unless_its_collector_is() {
        let collector = daemon(1, "c", None);
        let [to_it, elsewhere, nowhere_yet] =
            [Some("c"), Some("d"), None].map(|node| daemon(2, "a", Some(node)));
        assert_eq!(ports(&[collector.clone(), to_it.clone()]), ["127.0.0.1:1"]);
        assert_eq!(ports(&[elsewhere, collector.clone()]), ["127.0.0.1:2", "127.0.0.1:1"]);
        assert_eq!(ports(&[nowhere_yet.clone(), collector]), ["127.0.0.1:1"]);
        assert_eq!(ports(&[nowhere_yet]), ["127.0.0.1:2"]);
        let silent = ("127.0.0.1:1".parse().unwrap(), None);
        assert_eq!(ports(&[silent, to_it]), ["127.0.0.1:1", "127.0.0.1:2"]);
    }

    #[test]
    fn daemons_are_given_once_more_or_with_commas() {
        let given = ["127.0.0.1:1,127.0.0.1:2", "127.0.0.1:2"].map(str::to_owned);
        assert_eq!(daemons(&given).unwrap().len(), 2);
        assert!(daemons(&["127.0.0.1:1,,".to_owned()]).is_err());
    }
}
