//! The command line.

use crate::forward::FailoverList;
use crate::listen::ListenAddress;
use crate::spool_path::{ByteSize, SpoolChoice};
use blueox_event::wire::native::Codec;
use clap::Parser;
use clap_complete::Shell;
use std::path::PathBuf;

/// The BlueOx daemon: takes events from applications, keeps them, and shows them to who watches.
///
/// An ADDR is host, host:port, [::1]:port, :port, or *:port for all interfaces. Flags win over the environment, the
/// environment over the configuration file.
#[derive(Debug, Parser)]
#[command(name = "oxd", version, max_term_width = 100, args_override_self = true)]
pub(crate) struct Cli {
    /// Where applications send events (ZeroMQ and HTTP) [default: 127.0.0.1:3514]
    #[arg(short, long, value_name = "ADDR", env = "OXD_COLLECT")]
    pub(crate) collect: Option<ListenAddress>,

    /// A Unix socket for applications on this host, beside the collection port and speaking the same protocols; its mode
    /// is 0660
    #[arg(long, value_name = "PATH", env = "OXD_SOCKET")]
    pub(crate) socket: Option<PathBuf>,

    /// Where oxctl and oxview ask (HTTP and ZeroMQ) [default: 127.0.0.1:3513]
    #[arg(short = 't', long, value_name = "ADDR", env = "OXD_CONTROL")]
    pub(crate) control: Option<ListenAddress>,

    /// Forward events to these daemons: the first that works gets them, the others are its backups. Repeat it for an
    /// independent copy (in the environment: lists with spaces between them)
    #[arg(short = 'r', long, value_name = "ADDR[,BACKUP...]", env = "OXD_FORWARD", value_delimiter = ' ')]
    pub(crate) forward: Vec<FailoverList>,

    /// Compress what is forwarded to other daemons, where that makes it smaller [default: none]
    #[arg(long, value_name = "CODEC", env = "OXD_COMPRESS")]
    pub(crate) compress: Option<Compress>,

    /// Write events to day files below this directory
    #[arg(short, long, value_name = "DIR", env = "OXD_LOG_PATH")]
    pub(crate) log_path: Option<PathBuf>,

    /// Begin a new file every so many hours instead of every day (UTC)
    #[arg(long, value_name = "1..12", env = "OXD_ROTATE_HOURS", value_parser = clap::value_parser!(u8).range(1..=12))]
    pub(crate) rotate_hours: Option<u8>,

    /// Where events are safe from the moment they are acknowledged until they are in their files; none: in memory only
    /// [default: $STATE_DIRECTORY or $XDG_STATE_HOME/blueox, and the collection port]
    #[arg(long, value_name = "DIR|none", env = "OXD_SPOOL")]
    pub(crate) spool: Option<SpoolChoice>,

    /// How large the spool may become [default: 2GiB; 64MiB in memory]
    #[arg(long, value_name = "SIZE", env = "OXD_SPOOL_MAX")]
    pub(crate) spool_max: Option<ByteSize>,

    /// What happens when the spool is full: senders wait, or the oldest events are dropped [default: block]
    #[arg(long, value_name = "POLICY", env = "OXD_SPOOL_FULL")]
    pub(crate) spool_full: Option<SpoolFull>,

    /// A file with the token that shutdown from another host needs
    #[arg(long, value_name = "FILE", env = "OXD_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// Another name by which HTTP clients may call this host (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) allow_host: Vec<String>,

    /// The configuration file [default: /etc/blueox/oxd.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "OXD_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// Check flags and configuration file, and end
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Say more (-v: connections, -vv: everything)
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Colour the daemon's own log lines
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: clap::ColorChoice,

    /// Print shell completions (bash, zsh, fish...) or the man page, and end
    #[arg(long, value_name = "WHAT")]
    pub(crate) generate: Option<Generate>,
}

/// `--spool-full`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SpoolFull {
    /// Senders wait.
    Block,
    /// The oldest events are dropped, and counted.
    DropOldest,
}

/// `--compress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Compress {
    Zstd,
    Lz4,
    None,
}

impl From<Compress> for Codec {
    fn from(compress: Compress) -> Self {
        match compress {
            Compress::Zstd => Self::Zstd,
            Compress::Lz4 => Self::Lz4,
            Compress::None => Self::None,
        }
    }
}

/// What `--generate` prints.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Generate {
    Completions(Shell),
    Man,
}

impl std::str::FromStr for Generate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "man" => Ok(Self::Man),
            shell => shell
                .parse()
                .map(Self::Completions)
                .map_err(|_| "bash, elvish, fish, powershell, zsh, or man".to_owned()),
        }
    }
}

impl Generate {
    /// Prints to standard output.
    pub(crate) fn print(self) -> std::io::Result<()> {
        let mut command = <Cli as clap::CommandFactory>::command();
        let mut text = Vec::new();
        match self {
            Self::Completions(shell) => clap_complete::generate(shell, &mut command, "oxd", &mut text),
            Self::Man => clap_mangen::Man::new(command).render(&mut text)?,
        }
        std::io::Write::write_all(&mut std::io::stdout(), &text)
    }
}
