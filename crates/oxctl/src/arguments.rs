//! The command line.

use crate::paint::ColorChoice;
use blueox_control::ControlAddress;
use blueox_control::forward::{ForwardChange, ForwardCommand};
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use oxctl::generate::Generate;
use oxctl::patience::parse_patience;
use std::path::PathBuf;
use std::time::Duration;

/// Looks at a running oxd and stops it; without a command it shows the daemon's status
#[derive(Debug, Parser)]
#[command(name = "oxctl", version, after_help = AFTER_HELP, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[arg(short = 'H', long = "host", value_name = "ADDR", help = HOST_HELP, global = true)]
    host: Vec<ControlAddress>,

    /// Print JSON, the daemon's own where it answers with JSON
    #[arg(short, long, global = true)]
    pub(crate) raw: bool,

    /// A file with the token that a daemon beyond loopback asks for
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) token_file: Option<PathBuf>,

    /// When to use colour: auto (on a terminal, unless NO_COLOR is set), always or never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = true,
        global = true
    )]
    pub(crate) color: ColorChoice,

    /// Say on standard error who is asked, and how
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(crate) verbose: u8,

    /// Print shell completions (completions bash|zsh|fish|elvish|powershell) or the manual page (man)
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    generate: Option<Vec<String>>,

    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Clone, Default, Subcommand)]
pub(crate) enum Command {
    /// Show how the daemon is doing (the default)
    #[default]
    Status,
    /// Show the types of events that came, most frequent first
    Types,
    /// Show the hosts that events came from, most frequent first
    Hosts,
    /// Show what waits in the daemon's spool
    Queue,
    /// Show or change where the daemon forwards events to; a change is kept when it is started again
    Forward {
        /// Which list, where --forward was given several times
        #[arg(long, value_name = "K", default_value_t = 0, global = true)]
        list: usize,
        #[command(subcommand)]
        command: ForwardWish,
    },
    /// Check the daemon, one line a check; the exit code is 1 if one fails
    Health,
    /// Check spools and log paths on this machine, or repair them. The exit code is 65 if something is damaged, or left so
    Fsck {
        /// Mend what a daemon would refuse or cannot read, and cut torn tails; what is replaced or cut is kept in a
        /// quarantine folder. No daemon may be running there. Without it nothing is changed
        #[arg(long)]
        repair: bool,
        /// A spool, or a log path
        #[arg(required = true, value_name = "DIR")]
        directories: Vec<PathBuf>,
    },
    /// Prove that every numbered event is stored, queued or dropped with a reason, or name what is missing; -H may be repeated
    Audit {
        /// A log path to read, that of a collector; those of daemons on this machine are read without [may be repeated]
        #[arg(short = 'l', long = "log-path", value_name = "DIR")]
        log_path: Vec<PathBuf>,
    },
    /// Watch one or several daemons (-H may be repeated): what comes, what waits, what is dropped
    Top,
    /// Stop the daemon and wait until it has stopped
    Shutdown {
        /// How long the daemon may take to get rid of what it holds, such as 30s or 2m [default: as it thinks right]
        #[arg(long, value_name = "TIME", value_parser = parse_patience)]
        drain: Option<Duration>,
    },
}

/// What to do about forwarding.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ForwardWish {
    /// Show all lists of destinations
    Show,
    /// Forward to these destinations instead, the first that works
    Set {
        #[arg(value_name = "ADDR[,BACKUP...]")]
        addresses: String,
    },
    /// Add a backup at the end of the list
    Add {
        #[arg(value_name = "ADDR")]
        address: String,
    },
    /// Take a destination out of the list
    Remove {
        #[arg(value_name = "ADDR")]
        address: String,
    },
    /// Forward to this destination of the list now, until it fails or another is chosen
    Switch {
        #[arg(value_name = "ADDR")]
        address: String,
    },
}

impl ForwardWish {
    /// The change that it asks for, if it does.
    pub(crate) fn change(self, list: usize) -> Option<ForwardChange> {
        let (command, addresses) = match self {
            Self::Show => return None,
            Self::Set { addresses } => (ForwardCommand::Set, addresses),
            Self::Add { address } => (ForwardCommand::Add, address),
            Self::Remove { address } => (ForwardCommand::Remove, address),
            Self::Switch { address } => (ForwardCommand::Switch, address),
        };
        Some(ForwardChange { command, addresses, list })
    }
}

const HOST_HELP: &str = "\
The daemon's control port: host, host:port, [::1]:port or :port [default: $BLUEOX_CLIENT_HOST, else 127.0.0.1:3513]";

const AFTER_HELP: &str = "\
Examples:
  oxctl                        how is the daemon of this machine doing?
  oxctl -H web-2 types         what has come to the daemon of web-2?
  oxctl top -H web-1 -H web-2  watch both
  oxctl shutdown --drain 10s   stop it, and give it 10 seconds for what it holds
  oxctl -r | jq .events        numbers for a script
  oxctl audit -H web-2 -H db-1 -l /var/log/blueox
                               is every event accounted for?

Exit codes: 0 fine, 1 failed or not reached, 2 wrong usage, 65 damage found, or events that are missing.";

impl Arguments {
    /// The sub-command.
    pub(crate) fn command(&self) -> Command {
        self.command.clone().unwrap_or_default()
    }

    /// Where the daemon is.
    pub(crate) fn address(&self) -> Result<ControlAddress, clap::Error> {
        match &self.host[..] {
            [address] => Ok(address.clone()),
            [] => ControlAddress::from_environment()
                .map_err(|error| Self::command_line().error(ErrorKind::InvalidValue, error)),
            _ => Err(Self::command_line()
                .error(ErrorKind::ArgumentConflict, "only audit and top ask several daemons: name one -H")),
        }
    }

    /// The daemons to ask: those that were named; the usual one where there are no log paths either.
    pub(crate) fn addresses(&self, log_paths: &[PathBuf]) -> Result<Vec<ControlAddress>, clap::Error> {
        match &self.host[..] {
            [] if log_paths.is_empty() => Ok(vec![self.address()?]),
            hosts => Ok(hosts.to_vec()),
        }
    }

    /// What to generate, if that is what was asked for.
    pub(crate) fn generate(&self) -> Result<Option<Generate>, clap::Error> {
        let generate = self.generate.as_deref().map(Generate::parse).transpose();
        generate.map_err(|problem| Self::command_line().error(ErrorKind::InvalidValue, problem))
    }

    /// The description of the command line.
    pub(crate) fn command_line() -> clap::Command {
        <Self as CommandFactory>::command()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command_line().debug_assert();
    }
}
