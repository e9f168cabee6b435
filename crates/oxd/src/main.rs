//! `oxd`, the BlueOx daemon.
//!
//! The modules in the order of an event's way: [`acceptor`] tells protocols apart, [`zmtp_pull`] and [`http_events`]
//! receive, [`spooler`] is the seam to those who keep, [`log_writer`] writes the day files, [`live`] shows what was
//! written to [`http_live`] and [`zmtp_pub`]. [`control`] and [`zmtp_rep`] answer questions; [`ledger`], [`tally`] and
//! [`status`] know the answers.

mod cli;
mod config;
mod daemon;

mod clock;
mod disk_state;
mod host_port;
mod listen;
mod log_lock;
mod process_limits;
mod shutdown;
mod signals;
mod socket_file;

mod acceptor;
mod budget;
mod read_buffer;
mod socket;

mod http;
mod prefixed;
mod zmtp_io;

mod codec;
mod credit;
mod http_events;
mod json_event;
mod native_collect;
mod native_streams;
mod numbered;
mod zmtp_pull;

mod batch;
mod cursors;
mod forward;
mod keeper;
mod log_writer;
mod room_maker;
mod sibling_spools;
mod spool_disk;
mod spool_path;
mod spool_state;
mod spool_writer;
mod spooled_log;
mod spooler;

mod http_live;
mod live;
mod zmtp_pub;

mod audit;
mod control;
mod drop_report;
mod guard;
mod ledger;
mod metrics;
mod reply;
mod status;
mod tally;
mod zmtp_rep;

use crate::cli::Cli;
use crate::config::Config;
use crate::daemon::Daemon;
use crate::signals::Signals;
use clap::Parser;
use std::io::IsTerminal;
use std::process::ExitCode;

const FAILED: u8 = 1;
const BAD_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(what) = cli.generate {
        return what.print().map_or(ExitCode::from(FAILED), |()| ExitCode::SUCCESS);
    }
    let config = match Config::load(&cli) {
        Ok(config) => config,
        Err(error) => {
            eprintln!("oxd: {error:#}");
            return ExitCode::from(BAD_CONFIGURATION);
        }
    };
    if cli.check_config {
        println!("the configuration is fine");
        return ExitCode::SUCCESS;
    }
    log_to_stderr(&cli);
    match serve(config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("oxd: {error:#}");
            ExitCode::from(FAILED)
        }
    }
}

fn serve(config: Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let daemon = Daemon::open(config).await?;
        daemon.announce();
        daemon.run(signals).await
    });
    // Tasks that were cut short are not waited for.
    runtime.shutdown_background();
    result
}

fn log_to_stderr(cli: &Cli) {
    let level = match cli.verbose {
        0 => "info",
        1 => "oxd=debug,info",
        _ => "trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("OXD_LOG").unwrap_or_else(|_| level.into());
    let colour = match cli.color {
        clap::ColorChoice::Always => true,
        clap::ColorChoice::Never => false,
        clap::ColorChoice::Auto => std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none(),
    };
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(colour).with_writer(std::io::stderr).init();
}
