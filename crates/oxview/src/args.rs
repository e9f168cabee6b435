//! The command line.

use crate::demo::DemoArgs;
use crate::statistics::StatisticsArgs;
use crate::web::WebArgs;
use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Looks at BlueOx events: in files, in a log path, on standard input, or live from a daemon.
///
/// Where events come from: FILE..., else -l DIR, else -H ADDR, else standard input when it is a pipe or a file, else
/// the live stream of the oxd on this machine (BLUEOX_CLIENT_HOST or 127.0.0.1:3513). Compressed files (bzip2, gzip,
/// zstd) are recognised by their content.
#[derive(Debug, Parser)]
#[command(name = "oxview", version, disable_help_subcommand = true, max_term_width = 110)]
#[command(after_help = "\
Examples:
  oxview                                        what happens on this machine, live
  oxview -l /var/log/blueox -n 'request*' --since -2h
  oxview -l logs -q 'response.status >= 500 and duration > 250ms' --until today
  oxview -l logs --tui                          go through them on the whole terminal
  oxview -l logs -f                             the last events, and then what comes
  oxview -l logs -n request --by request.path   how many, how many failed, how long they took
  cat request-20120313.log | oxview -p
  oxview - -p                                   standard input that is a socket (ssh without a terminal)
  oxview -l logs trace 4f5f36c0070707070707070707070707
  oxview web -l /var/log/blueox -H 127.0.0.1    the page: http://127.0.0.1:3515
  oxview ./trace                                a file that is named like a command")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// Log files to read, one after another; - is standard input. A daemon's spool, or a segment of one (*.oxw), too
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Read the day files below DIR, or the bucket s3://BUCKET/PREFIX; repeat for several: what collectors both have is
    /// shown once
    #[arg(short = 'l', long, value_name = "DIR", global = true, action = ArgAction::Append)]
    pub(crate) log_path: Vec<PathBuf>,

    /// Watch the oxd whose control port is at ADDR (host, host:port, [::1]:port); for `web` repeat for several, or put commas between
    #[arg(short = 'H', long, value_name = "ADDR", global = true, action = ArgAction::Append)]
    pub(crate) host: Vec<String>,

    /// Only events of this type; * stands for anything; repeat for several
    #[arg(short = 'n', long, value_name = "TYPE", global = true, action = ArgAction::Append,
          num_args = 0..=1, default_missing_value = "*")]
    pub(crate) type_name: Vec<String>,

    /// Only events that this filter matches, such as 'response.status >= 500 and duration > 250ms'
    #[arg(short = 'q', long = "filter", value_name = "FILTER", global = true)]
    pub(crate) filter: Option<String>,

    /// Only events with this id: the whole, or at least 6 characters of its beginning or end
    #[arg(long, value_name = "ID")]
    pub(crate) id: Option<String>,

    /// Only events that ended then or later: 20120313, "20120313 12:00", RFC 3339, -2h, today, yesterday (UTC)
    #[arg(
        long,
        visible_alias = "start-date",
        value_name = "TIME",
        global = true,
        allow_hyphen_values = true
    )]
    pub(crate) since: Option<String>,

    /// Only events that ended then or before; a date includes that day
    #[arg(long, visible_alias = "end-date", value_name = "TIME", global = true, allow_hyphen_values = true)]
    pub(crate) until: Option<String>,

    /// Day files hold what was received on a day; with -l, files this long before --since and after --until are
    /// searched too, for events that were late or came from a clock that was wrong
    #[arg(long, value_name = "DURATION", default_value = "1d", global = true)]
    pub(crate) slack: String,

    /// Show the last events, then what is added: new files, new days and rotated files too
    #[arg(short = 'f', long)]
    pub(crate) follow: bool,

    /// Only the last N events (with -f 10, or all from --since on)
    #[arg(long, value_name = "N")]
    pub(crate) tail: Option<usize>,

    /// How events are written: auto is line on a terminal and json elsewhere
    #[arg(short = 'o', long, value_name = "FORM", default_value = "auto")]
    pub(crate) output: OutputForm,

    /// Short for -o pretty
    #[arg(short = 'p', long, conflicts_with = "output")]
    pub(crate) pretty: bool,

    /// Show them on the whole terminal: a list to go through, events, traces, and when they were
    #[arg(long, conflicts_with_all = ["output", "pretty", "group"])]
    pub(crate) tui: bool,

    /// Keep the events of one id together: sub-events first, then their parent (json: one list per id)
    #[arg(long)]
    pub(crate) group: bool,

    /// Only these fields, such as time,type,duration_ms,response.status
    #[arg(long, value_name = "FIELD", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) fields: Vec<String>,

    /// Leave out these fields
    #[arg(long, value_name = "FIELD", value_delimiter = ',', action = ArgAction::Append)]
    pub(crate) hide: Vec<String>,

    #[command(flatten)]
    pub(crate) statistics: StatisticsArgs,

    /// Ask what -l stores in SQL, by oxsql where it is installed: a table a type, such as 'SELECT count(*) FROM request'
    #[arg(long, value_name = "QUERY", allow_hyphen_values = true, conflicts_with_all =
          ["files", "host", "type_name", "filter", "id", "follow", "tail", "pretty", "tui", "group", "fields", "hide",
           "by", "stats", "every", "top", "heatmap"])]
    pub(crate) sql: Option<String>,

    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(crate) color: ColorChoice,

    /// Never start a pager
    #[arg(long)]
    pub(crate) no_pager: bool,

    /// Say on standard error what is read; -vv says more
    #[arg(short = 'v', long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// Write shell completions (bash, elvish, fish, powershell, zsh) or the manual page
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    pub(crate) generate: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Draw when the events of one id began and how long they took
    Trace {
        /// The id: the whole, or at least 6 characters of its beginning or end
        id: String,
        /// Log files to read
        #[arg(value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Serve the page and its API: http://127.0.0.1:3515, from -l DIR... and -H ADDR[,ADDR...]
    Web(WebArgs),
    /// Start an agent, a collector and a shop that does not exist, and serve the page over them
    Demo(DemoArgs),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    Auto,
    Line,
    Pretty,
    Json,
    Csv,
    Logfmt,
    Msgpack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}
