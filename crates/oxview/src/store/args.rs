//! The command line of `oxstore`.

use crate::args::ColorChoice;
use clap::{ArgAction, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps BlueOx events for long: day files as Parquet, for engines that read columns.
#[derive(Debug, Parser)]
#[command(name = "oxstore", version, disable_help_subcommand = true, max_term_width = 110)]
#[command(after_help = "\
Examples:
  oxstore seal -p /var/log/blueox                 what is over, below /var/log/blueox/sealed; oxview -l reads it there
  duckdb -c \"SELECT type, count(*) FROM read_parquet('logs/sealed/*/*/*.parquet') GROUP BY type\"
  oxstore verify -p /var/log/blueox
  oxstore cat logs/sealed/type=request/*/*.parquet | oxview -p")]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(super) color: ColorChoice,

    /// Write shell completions (bash, elvish, fish, powershell, zsh) or the manual page
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    pub(super) generate: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the day files that are over as Parquet, each read back and compared; a day file then goes, once its daemon is done
    /// with it
    Seal(Seal),
    /// Compare the sealed files with the day files that they were made of, event by event
    Verify(Which),
    /// Write events as MsgPack, from sealed files and from day files, compressed or not
    Cat {
        /// The files
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}

/// What to seal, and what becomes of it.
#[derive(Debug, clap::Args)]
pub(super) struct Seal {
    #[command(flatten)]
    pub(super) which: Which,

    /// Leave the day files where they are
    #[arg(long)]
    pub(super) keep: bool,

    /// Leave several small sealed files of a day as they are, instead of making one of them
    #[arg(long)]
    pub(super) no_compact: bool,
}

/// Which day files.
#[derive(Debug, clap::Args)]
pub(super) struct Which {
    /// The directory that an oxd writes its day files to
    #[arg(short = 'p', long, value_name = "DIR")]
    pub(super) log_path: PathBuf,

    /// Where sealed files stand [default: DIR/sealed]
    #[arg(long, value_name = "DIR")]
    pub(super) sealed: Option<PathBuf>,

    /// Only events of this type; * stands for anything; repeat for several
    #[arg(short = 'n', long, value_name = "TYPE", action = ArgAction::Append)]
    pub(super) type_name: Vec<String>,

    /// From this day on: 20120313, -7d, yesterday (UTC)
    #[arg(short = 's', long, visible_alias = "start-date", value_name = "DAY", allow_hyphen_values = true)]
    pub(super) start: Option<String>,

    /// Up to this day, which is included
    #[arg(short = 'e', long, visible_alias = "end-date", value_name = "DAY", allow_hyphen_values = true)]
    pub(super) end: Option<String>,
}
