//! Looking at events: in files, in a log path, on standard input, live from a daemon.
//!
//! The modules in the order of an event's way through the viewer:
//!
//! | module | what it holds |
//! | --- | --- |
//! | `args` | the command line |
//! | `when` | `--since` and `--until` |
//! | `selection` | which events are asked for |
//! | `source` | where events come from, and running them through a sink |
//! | `input`, `unsealed` | one file, decompressed when it is compressed, turned back when it is sealed |
//! | `spool_input` | a daemon's spool |
//! | `log_path` | which files `-l` means |
//! | `read` | one file after another, and damage |
//! | `merge` | the files of a day as one log |
//! | `follow` | files that grow |
//! | `recent` | what was read last of such a file, to be recognised when a daemon writes it again |
//! | `live` | the stream of a daemon |
//! | `sink` | what takes events, and the last N of them |
//! | `view` | events on their way to text: grouped, cut to fields, formed |
//! | `group`, `projection` | events of one id together; some fields of an event |
//! | `form` | the output forms |
//! | `trace` | the waterfall of one id |
//! | `statistics` | numbers instead of events: groups, steps of time, heatmaps |
//! | `sql` | a question that `oxsql` answers |
//! | `tui` | events on the whole terminal |
//! | `web` | the page and its API |
//! | `demo` | the page over daemons and traffic of its own |
//! | `output` | standard output, a pager, a closed pipe |
//! | `progress` | how far a long scan has got |
//! | `session` | one run: what is shared by all of the above |
//! | `store` | `oxstore`: day files as Parquet and back, into object stores and out of them |
//! | `stores` | object stores as a source |
//! | `failure` | errors and exit codes |

mod args;
mod when;

mod selection;
mod source;

mod damage;
mod input;
mod log_path;
mod read;
mod recent;
mod spool_input;
mod unsealed;

mod follow;
mod live;
mod merge;

mod sink;
mod view;

mod group;
mod projection;

mod duration;
mod fields;
mod form;
mod summary;
mod text;
mod trace;

mod interrupt;
mod sql;
mod statistics;

mod web;

mod demo;

mod output;
mod palette;
mod progress;

mod clock;
mod failure;
mod generate;
mod session;

mod store;
mod stores;
mod tui;

pub use stores::Connect;

use clap::Parser;
use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the viewer on this process's arguments and standard streams.
#[must_use]
pub fn run() -> ExitCode {
    run_on(std::env::args_os())
}

fn run_on(arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let args = match args::Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => {
            // A closed pipe is no reason to complain about it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    failure::exit_code(session::run(&args), args.color)
}

/// Runs `oxstore` on this process's arguments and standard streams; `oxstore view ...` is the viewer, which then reads object
/// stores too.
#[must_use]
pub fn run_store(connect: Connect) -> ExitCode {
    stores::connect_by(connect);
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    if arguments.next().is_some_and(|command| command == "view") {
        return run_on(std::iter::once(program).chain(arguments));
    }
    store::run()
}
