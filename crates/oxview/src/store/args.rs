//! The command line of `oxstore`.

use crate::args::ColorChoice;
use clap::{ArgAction, Parser, Subcommand};
use std::path::PathBuf;

/// Keeps BlueOx events for long: day files as Parquet, for engines that read columns.
#[derive(Debug, Parser)]
#[command(name = "oxstore", version, disable_help_subcommand = true, max_term_width = 110)]
#[command(after_help = "\
Examples:
  oxstore archive -b s3://logs/shop -d 14         what a timer runs: seal, upload, and remove here what is there and old
  oxstore seal -p /var/log/blueox                 what is over, below /var/log/blueox/sealed; oxview -l reads it there
  oxview -l s3://logs/shop -n request --by path   questions read only what they need from there
  oxstore download -b s3://logs/shop request -s 20120313 -e 20120313 -p ./back
  oxstore cat -b s3://logs/shop request -s yesterday | oxview -p
  oxstore cat logs/sealed/type=request/*/*.parquet | oxview -p
  duckdb -c \"SELECT type, count(*) FROM read_parquet('logs/sealed/*/*/*.parquet') GROUP BY type\"

Buckets: s3://BUCKET[/PREFIX], a bucket's name, file:///DIRECTORY. For S3 and what speaks like it: AWS_ACCESS_KEY_ID,
AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL, AWS_VIRTUAL_HOSTED_STYLE_REQUEST=true (else the
bucket stands in the path), AWS_ALLOW_HTTP=true (else http:// reaches this machine only).
oxstore view ... is oxview, with object stores as -l and FILE.")]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,

    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", global = true)]
    pub(super) color: ColorChoice,

    /// Of the original; runs of one log path never collide anyway
    #[arg(long, value_name = "FILE", global = true, hide = true)]
    pub(super) lock_file: Option<PathBuf>,

    /// Write shell completions (bash, elvish, fish, powershell, zsh) or the manual page
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    pub(super) generate: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Write the day files that are over as Parquet, each read back and compared; a day file then goes, once its daemon is done
    /// with it
    #[command(alias = "zip")]
    Seal(Seal),
    /// Bring sealed files and compressed day files to a bucket, each compared there
    Upload(Upload),
    /// Remove sealed files and compressed day files that are old, if the bucket is found to have them
    Prune(Prune),
    /// Seal, upload, prune
    Archive(Prune),
    /// Bring them back
    Download(Download),
    /// Write events as MsgPack: of files, or of types in a log path or a bucket
    Cat(Cat),
    /// Compare the sealed files with the day files that they were made of, event by event, and with a bucket
    Verify(Verify),
}

/// What to seal, and what becomes of it.
#[derive(Debug, clap::Args)]
pub(super) struct Seal {
    #[command(flatten)]
    pub(super) which: Which,

    #[command(flatten)]
    pub(super) changes: Changes,

    /// Leave the day files where they are
    #[arg(long)]
    pub(super) keep: bool,

    /// Leave several small sealed files of a day as they are, instead of making one of them
    #[arg(long)]
    pub(super) no_compact: bool,

    /// Compressed day files are somebody else's then, and nothing to be done is no news
    #[arg(skip)]
    pub(super) is_archive: bool,
}

/// What goes where.
#[derive(Debug, clap::Args)]
pub(super) struct Upload {
    #[command(flatten)]
    pub(super) which: Which,

    #[command(flatten)]
    pub(super) bucket: Bucket,

    #[command(flatten)]
    pub(super) changes: Changes,

    /// Of the original; plain day files are never uploaded, they are sealed
    #[arg(long, hide = true)]
    pub(super) zipped_only: bool,
}

/// What goes from here.
#[derive(Debug, clap::Args)]
pub(super) struct Prune {
    #[command(flatten)]
    pub(super) which: Which,

    #[command(flatten)]
    pub(super) bucket: Bucket,

    #[command(flatten)]
    pub(super) changes: Changes,

    /// So many days before today stay here
    #[arg(short = 'd', long, value_name = "DAYS", default_value_t = 7)]
    pub(super) retain_days: u32,
}

/// What comes back.
#[derive(Debug, clap::Args)]
pub(super) struct Download {
    /// Only events of these types; * stands for anything
    #[arg(value_name = "TYPE")]
    pub(super) types: Vec<String>,

    #[command(flatten)]
    pub(super) which: Which,

    #[command(flatten)]
    pub(super) bucket: Bucket,

    #[command(flatten)]
    pub(super) changes: Changes,
}

/// What to write.
#[derive(Debug, clap::Args)]
pub(super) struct Cat {
    /// Files and URLs; with -b, -p or --local, and where there is no such file, types
    #[arg(value_name = "WHAT")]
    pub(super) what: Vec<PathBuf>,

    /// The bucket: s3://BUCKET[/PREFIX], a bucket's name, file:///DIRECTORY
    #[arg(short = 'b', long, value_name = "URL")]
    pub(super) bucket: Option<String>,

    /// The log path [default for --local: BLUEOX_LOG_PATH, or /var/log/blueox]
    #[arg(short = 'p', long, value_name = "DIR")]
    pub(super) log_path: Option<PathBuf>,

    /// From the log path of this machine
    #[arg(long)]
    pub(super) local: bool,

    /// Only events of this type; * stands for anything; repeat for several
    #[arg(short = 'n', long, value_name = "TYPE", action = ArgAction::Append)]
    pub(super) type_name: Vec<String>,

    /// Only events that ended then or later: 20120313, "20120313 12:00", -2h, yesterday (UTC)
    #[arg(short = 's', long, visible_alias = "start-date", value_name = "TIME", allow_hyphen_values = true)]
    pub(super) start: Option<String>,

    /// Only events that ended then or before; a date includes that day
    #[arg(short = 'e', long, visible_alias = "end-date", value_name = "TIME", allow_hyphen_values = true)]
    pub(super) end: Option<String>,
}

/// What to compare.
#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    pub(super) which: Which,

    /// Compare with this bucket too
    #[arg(short = 'b', long, value_name = "URL")]
    pub(super) bucket: Option<String>,
}

/// Where objects are.
#[derive(Debug, clap::Args)]
pub(super) struct Bucket {
    /// The bucket: s3://BUCKET[/PREFIX], a bucket's name, file:///DIRECTORY
    #[arg(short = 'b', long, value_name = "URL", env = "BLUEOX_BUCKET")]
    pub(super) bucket: String,

    /// How many files are sent, fetched or compared at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(super) jobs: u8,
}

/// Whether anything is changed.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(super) struct Changes {
    /// Only say what would be done
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// Which day files.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Which {
    /// The directory that an oxd writes its day files to
    #[arg(short = 'p', long, value_name = "DIR", env = "BLUEOX_LOG_PATH", default_value = "/var/log/blueox")]
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
