//! The daemon: opened, then run until it is told to stop, then drained.

use crate::acceptor::{Accepted, Acceptor, Protocol};
use crate::budget::Budget;
use crate::cli::SpoolFull;
use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Control};
use crate::disk_state::DiskState;
use crate::drop_report::{DropReporter, REPORT_EVERY};
use crate::forward::ProbePace;
use crate::guard::{self, Guard};
use crate::http::HttpServer;
use crate::http_events::{self, HttpEvents, UPLOADS_BYTES};
use crate::keeper::{Copies, Keeper, KeeperContext, SpoolSettings};
use crate::ledger::{Ledger, RefuseReason};
use crate::live::Live;
use crate::log_lock::LogLock;
use crate::native_collect::NativeCollect;
use crate::process_limits::ProcessLimits;
use crate::read_buffer::ReadBuffer;
use crate::reply::no_such_path;
use crate::shutdown::{DEFAULT_DRAIN, Shutdown};
use crate::sibling_spools::SiblingSpools;
use crate::signals::{Signal, Signals};
use crate::socket::Listener;
use crate::socket_file::SocketFile;
use crate::spool_disk::SpoolDisk;
use crate::spool_path::{ByteSize, SpoolChoice, default_directory};
use crate::spooler::Spooler;
use crate::status::{Observed, Ports, Samples};
use crate::tally::Tally;
use crate::zmtp_pull::PullConnection;
use crate::{zmtp_pub, zmtp_rep};
use anyhow::{Context, bail};
use axum::extract::DefaultBodyLimit;
use axum::routing::post;
use axum::{Router, middleware};
use blueox_log::day_log::{DayLog, DayLogLimits, RotateHours};
use blueox_log::spool::FullPolicy;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tracing::{info, warn};

const COLLECTION_PORT: u16 = 3514;
const CONTROL_PORT: u16 = 3513;
/// Where original clients look for the stream.
const STREAMING_PORTS: std::ops::Range<u16> = 35_000..36_000;
/// Forwarding ends so long before the daemon's time to drain is over.
const FORWARD_MARGIN: Duration = Duration::from_millis(500);
const DEFAULT_SPOOL_MAX: ByteSize = ByteSize(2 << 30);
/// With `--spool none`, and destinations.
const DEFAULT_MEMORY_MAX: ByteSize = ByteSize(64 << 20);
/// What all connections together may take to receive events that are longer than usual, or at full speed.
const READ_BUDGET_BYTES: usize = 16 << 20;

/// An open daemon: its ports are bound, nothing is accepted yet.
pub(crate) struct Daemon {
    listeners: [TcpListener; 3],
    socket: Option<(UnixListener, SocketFile)>,
    control: Arc<Control>,
    spooler: Spooler,
    slots: Arc<Semaphore>,
    http: HttpServer,
    keeper: Keeper,
    reopen: Arc<AtomicBool>,
    clock: Clock,
    _log_lock: Option<LogLock>,
}

impl Daemon {
    /// Binds the ports, locks the log path and starts the threads that write.
    pub(crate) async fn open(config: Config) -> anyhow::Result<Self> {
        let clock = Clock::start();
        let limits = ProcessLimits::take();
        let log_lock = config.log_path.as_deref().map(LogLock::take).transpose()?;
        let collection = config.collect.listen(COLLECTION_PORT).await.context("the collection port")?;
        let socket = config.socket.as_deref().map(SocketFile::listen).transpose()?;
        let control_listener = config.control.listen(CONTROL_PORT).await.context("the control port")?;
        let streaming = listen_for_streaming(&config).await?;
        let ports = Ports {
            collection: collection.local_addr()?,
            control: control_listener.local_addr()?,
            streaming: streaming.local_addr()?,
        };

        let ledger = Arc::new(Ledger::default());
        let tally = Arc::new(Tally::default());
        let live = Arc::new(Live::new(Arc::clone(&ledger)));
        let disk_state = Arc::new(DiskState::new(clock));
        let reopen = Arc::new(AtomicBool::new(false));
        let (spooler, batches) = Spooler::new(Arc::clone(&ledger), Arc::clone(&tally));
        let day_limits = DayLogLimits { max_open_files: limits.open_files, ..DayLogLimits::default() };
        let log = config
            .log_path
            .clone()
            .map(|root| DayLog::new(SpoolDisk::Real, root, config.rotate_hours, day_limits));
        let keepers = KeeperContext {
            live: Arc::clone(&live),
            ledger: Arc::clone(&ledger),
            tally: Arc::clone(&tally),
            disk_state: Arc::clone(&disk_state),
            clock,
            reopen: Arc::clone(&reopen),
        };
        let spool = spool_settings(&config, ports.collection.port())?;
        let siblings = siblings(&config, spool.as_ref());
        let host = host_name();
        let (keeper, streams) = match spool {
            Some(settings) => {
                let copies = Copies {
                    log,
                    forward: config.forward,
                    compress: config.compress,
                    host: host.clone(),
                    probe_pace: ProbePace::default(),
                };
                Keeper::spooled(keepers, &settings, copies, &spooler, batches)?
            }
            // Where nothing is kept there is nothing to make safe.
            None => Keeper::in_memory(keepers, log, batches)?,
        };

        let shutdown = Shutdown::new();
        let observed = Arc::new(Observed {
            host: host.clone(),
            ports,
            socket: socket.as_ref().map(|(_, file)| file.path.clone()),
            log_path: config.log_path.as_deref().map(|path| path.canonicalize().unwrap_or(path.into())),
            rotate_hours: config.rotate_hours.map(RotateHours::get),
            clock,
            started: clock.now(),
            ledger,
            tally,
            disk_state,
            live,
            spooler: spooler.clone(),
            spool: keeper.spool(),
            spool_state: keeper.spool_state(),
            streams,
            forwarding: keeper.forwarding(),
            siblings,
            connections: shutdown.connections.clone(),
            samples: Samples::default(),
        });
        let mut hosts = config.allow_hosts;
        hosts.push(host);
        let guard = Arc::new(Guard { hosts, token: config.token });
        Ok(Self {
            listeners: [collection, control_listener, streaming],
            socket,
            control: Arc::new(Control { observed, shutdown, guard, auditing: Semaphore::new(1) }),
            spooler,
            slots: Arc::new(Semaphore::new(limits.connections)),
            http: HttpServer::default(),
            keeper,
            reopen,
            clock,
            _log_lock: log_lock,
        })
    }

    /// Says where the daemon can be reached, in lines that scripts may read.
    pub(crate) fn announce(&self) {
        let observed = &self.control.observed;
        info!("listening port=collection address={}", observed.ports.collection);
        if let Some(path) = &observed.socket {
            info!("listening socket={}", path.display());
        }
        info!("listening port=control address={}", observed.ports.control);
        info!("listening port=streaming address={}", observed.ports.streaming);
        let spool = observed.spool_state.as_ref();
        let spool = spool.and_then(|spool| spool.directory.as_ref()).map(|path| path.display().to_string());
        let spool = spool.as_deref().unwrap_or("none");
        let lists = observed.lists();
        for list in lists {
            info!(list = list.index, destinations = %list.list(), spool, "forwarding events");
        }
        if !lists.is_empty() && !observed.streams.durable {
            warn!(
                "events wait in memory only: acks mean received, and what is not forwarded is lost with this process"
            );
        }
        observed.siblings.warn();
        match &observed.log_path {
            Some(path) => info!(log_path = %path.display(), spool, "keeping events"),
            None if !lists.is_empty() => {}
            None => warn!("events are only shown to who watches and then dropped; keep them with --log-path"),
        }
    }

    /// Serves until a signal or a request ends it, then drains; `Ok` when all that was accepted is on disk.
    pub(crate) async fn run(self, mut signals: Signals) -> anyhow::Result<()> {
        let shutdown = self.control.shutdown.clone();
        let [collection, control, streaming] = self.listeners;
        let (ledger, slots, asked) =
            (Arc::clone(&self.control.observed.ledger), self.slots, shutdown.clone());
        let acceptor = move |listener| Acceptor {
            listener,
            ledger: Arc::clone(&ledger),
            slots: Arc::clone(&slots),
            shutdown: asked.clone(),
        };
        let read_budget = Budget::new(READ_BUDGET_BYTES);
        let (unix, socket_file) = self.socket.unzip();
        let uploads = Budget::new(UPLOADS_BYTES);
        let collect = |listener| {
            tokio::spawn(serve_collection(
                acceptor(listener),
                Arc::clone(&self.control),
                self.spooler.clone(),
                read_budget.clone(),
                uploads.clone(),
                self.http.clone(),
            ))
        };
        let mut ports = vec![
            collect(Listener::Tcp(collection)),
            tokio::spawn(on_its_own_thread(control, shutdown.clone(), {
                let (acceptor, control) = (acceptor.clone(), Arc::clone(&self.control));
                let (read_budget, http) = (read_budget.clone(), self.http.clone());
                move |listener| serve_control(acceptor(Listener::Tcp(listener)), control, read_budget, http)
            })),
            tokio::spawn(serve_streaming(
                acceptor(Listener::Tcp(streaming)),
                Arc::clone(&self.control),
                read_budget.clone(),
            )),
        ];
        ports.extend(unix.map(|unix| collect(Listener::Unix(unix))));
        let sampler = tokio::spawn(sample_rates(Arc::clone(&self.control)));
        let drops = tokio::spawn(report_drops(Arc::clone(&self.control)));

        let mut stop = shutdown.listener();
        let drain = loop {
            tokio::select! {
                drain = stop.asked() => break drain,
                signal = signals.next() => match signal {
                    Signal::Terminate => shutdown.begin(DEFAULT_DRAIN),
                    Signal::HangUp => {
                        info!("files are synced and opened anew");
                        self.reopen.store(true, Relaxed);
                    }
                },
            }
        };
        info!(seconds = drain.as_secs_f64(), "draining");
        let begun = self.clock.elapsed();
        let deadline = begun + drain;
        for port in ports {
            port.await.context("BUG: a port's task panicked")?;
        }
        drop(socket_file);
        sampler.abort();
        drops.abort();
        shutdown.connections.close();
        let cut_short = tokio::select! {
            () = shutdown.connections.wait() => false,
            () = tokio::time::sleep(drain) => true,
            () = signals.insisted(self.clock, begun) => bail!("a second signal: stopped at once"),
        };
        if cut_short {
            warn!(
                open = shutdown.connections.len(),
                "connections are still open; what they send now is not taken"
            );
        }
        let queued = self.control.observed.ledger.queued();
        if queued > 0 {
            info!(events = queued, "writing what is left");
        }
        let (keeper, spooler) = (self.keeper, self.spooler);
        // Behind it cursors are still written.
        let forward_by = deadline.saturating_sub(FORWARD_MARGIN);
        let writer = tokio::task::spawn_blocking(move || keeper.finish(&spooler, forward_by));
        let left = deadline.saturating_sub(self.clock.elapsed()).max(Duration::from_secs(1));
        tokio::select! {
            finished = writer => finished.context("BUG: finishing panicked")??,
            () = tokio::time::sleep(left) => bail!("the log path did not take what was left in time; with a spool it is written at the next start"),
            () = signals.insisted(self.clock, begun) => bail!("a second signal: stopped at once"),
        }
        let ledger = &self.control.observed.ledger;
        info!(accepted = ledger.accepted(), stored = ledger.stored(), "stopped");
        Ok(())
    }
}

/// Where the spool lies; `None` without one.
fn spool_settings(config: &Config, port: u16) -> anyhow::Result<Option<SpoolSettings>> {
    let keeps = config.log_path.is_some() || !config.forward.is_empty();
    let directory = match &config.spool {
        _ if !keeps => return Ok(None),
        // The log writer itself takes the spool's place.
        Some(SpoolChoice::None) if config.forward.is_empty() => return Ok(None),
        Some(SpoolChoice::None) if config.log_path.is_some() => {
            bail!("--log-path and --forward together need a spool; leave out --spool none, or one of them")
        }
        Some(SpoolChoice::None) => None,
        Some(SpoolChoice::Directory(directory)) => Some(directory.clone()),
        None => Some(default_directory(config.log_path.as_deref(), port, !config.collect.any_port())?),
    };
    let default_max = if directory.is_some() { DEFAULT_SPOOL_MAX } else { DEFAULT_MEMORY_MAX };
    let policy = match config.spool_full {
        SpoolFull::Block => FullPolicy::Block,
        SpoolFull::DropOldest => FullPolicy::DropOldest,
    };
    Ok(Some(SpoolSettings { directory, max_bytes: config.spool_max.unwrap_or(default_max).0, policy }))
}

/// What waits beside a spool that lies where it does by default, named by its port. What another was called by hand, or
/// stands below a log path, belongs to nobody else.
fn siblings(config: &Config, spool: Option<&SpoolSettings>) -> Arc<SiblingSpools> {
    let directory = spool.and_then(|settings| settings.directory.as_deref());
    let by_port = config.spool.is_none() && !config.collect.any_port();
    let looked = directory.filter(|_| by_port).map(|directory| SiblingSpools::beside(directory, config));
    Arc::new(looked.unwrap_or_default())
}

/// A streaming port on the control port's host; any free one where the usual ones are taken.
async fn listen_for_streaming(config: &Config) -> anyhow::Result<TcpListener> {
    for port in STREAMING_PORTS {
        if let Ok(listener) = config.control.with_port(port).listen(port).await {
            return Ok(listener);
        }
    }
    config.control.with_port(0).listen(0).await.context("the streaming port")
}

async fn serve_collection(
    acceptor: Acceptor,
    control: Arc<Control>,
    spooler: Spooler,
    read_budget: Budget,
    upload_budget: Budget,
    http: HttpServer,
) {
    let observed = &control.observed;
    let events = Arc::new(HttpEvents {
        spooler: spooler.clone(),
        ledger: Arc::clone(&observed.ledger),
        clock: observed.clock,
        upload_budget,
        host: observed.host.clone(),
        shutdown: control.shutdown.clone(),
    });
    let router = Router::new()
        .route("/v1/events", post(http_events::post))
        .fallback(no_such_path)
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(Arc::clone(&control.guard), guard::refuse_browsers))
        .with_state(events);
    acceptor
        .run(move |Accepted { stream, peer, protocol, stop }| {
            let (control, spooler, read_budget, http, router) =
                (Arc::clone(&control), spooler.clone(), read_budget.clone(), http.clone(), router.clone());
            async move {
                match protocol {
                    Protocol::Http => http.serve(stream, peer, router, stop).await,
                    Protocol::Zmtp => {
                        let observed = &control.observed;
                        let connection = PullConnection {
                            spooler: &spooler,
                            ledger: &observed.ledger,
                            clock: observed.clock,
                        };
                        connection.serve(&stream, ReadBuffer::new(read_budget), stop).await
                    }
                    Protocol::Native => {
                        let observed = &control.observed;
                        let collect = NativeCollect {
                            spooler: &spooler,
                            streams: &observed.streams,
                            spool_state: observed.spool_state.as_deref(),
                            ledger: &observed.ledger,
                            clock: observed.clock,
                        };
                        collect.serve(&stream, ReadBuffer::new(read_budget), stop).await
                    }
                }
            }
        })
        .await;
}

/// Serves a port on a thread and a runtime of its own, so that however busy the others are, questions are answered. Ends
/// when the port is closed; its connections are driven to their end.
async fn on_its_own_thread<S, F>(listener: TcpListener, shutdown: Shutdown, serve: S)
where
    S: FnOnce(TcpListener) -> F + Send + 'static,
    F: Future<Output = ()>,
{
    let (closed, when_closed) = tokio::sync::oneshot::channel();
    let run = move || -> std::io::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            serve(TcpListener::from_std(listener.into_std()?)?).await;
            // Nobody may wait for it any more.
            let _ = closed.send(());
            shutdown.connections.wait().await;
            Ok(())
        })
    };
    let thread = std::thread::Builder::new().name("control".into()).spawn(move || {
        if let Err(error) = run() {
            tracing::error!(%error, "the control port is not served");
        }
    });
    if let Err(error) = thread {
        tracing::error!(%error, "cannot start the thread of the control port");
    }
    // An error is the thread's end.
    let _ = when_closed.await;
}

async fn serve_control(acceptor: Acceptor, control: Arc<Control>, read_budget: Budget, http: HttpServer) {
    let router = control::router(Arc::clone(&control));
    acceptor
        .run(move |Accepted { stream, peer, protocol, stop }| {
            let (control, http, router, buffer) =
                (Arc::clone(&control), http.clone(), router.clone(), ReadBuffer::new(read_budget.clone()));
            async move {
                match protocol {
                    Protocol::Http => http.serve(stream, peer, router, stop).await,
                    Protocol::Native => Err(RefuseReason::Protocol),
                    Protocol::Zmtp => zmtp_rep::serve(&stream, peer, &control, buffer, stop).await,
                }
            }
        })
        .await;
}

async fn serve_streaming(acceptor: Acceptor, control: Arc<Control>, read_budget: Budget) {
    acceptor
        .run(move |Accepted { stream, peer, protocol, stop }| {
            let (control, buffer) = (Arc::clone(&control), ReadBuffer::new(read_budget.clone()));
            async move {
                match protocol {
                    Protocol::Http | Protocol::Native => Err(RefuseReason::Protocol),
                    Protocol::Zmtp => {
                        zmtp_pub::serve(&stream, peer, &control.observed.live, buffer, stop).await
                    }
                }
            }
        })
        .await;
}

async fn sample_rates(control: Arc<Control>) {
    let observed = &control.observed;
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        observed.samples.take(observed.clock.elapsed(), &observed.ledger);
    }
}

async fn report_drops(control: Arc<Control>) {
    let mut reporter = DropReporter::default();
    let mut ticks = tokio::time::interval(REPORT_EVERY);
    loop {
        ticks.tick().await;
        reporter.report(&control.observed).await;
        if !control.observed.siblings.is_empty() {
            let siblings = Arc::clone(&control.observed.siblings);
            // It reads files. A panic there is told, and ends nothing here.
            let _ = tokio::task::spawn_blocking(move || siblings.look_again()).await;
        }
    }
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}
