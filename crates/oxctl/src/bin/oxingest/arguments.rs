//! The command line.

use crate::format::Format;
use blueox::Address;
use clap::error::ErrorKind;
use clap::{ArgAction, CommandFactory, Parser, ValueEnum};
use oxctl::generate::Generate;
use oxctl::patience::parse_patience;
use std::path::PathBuf;
use std::time::Duration;

/// Sends lines to an oxd, each as an event: those of standard input, or those that are appended to files
#[derive(Debug, Parser)]
#[command(name = "oxingest", version, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// The events' type
    #[arg(value_name = "TYPE")]
    type_name: Option<String>,

    #[arg(short = 'F', long = "follow", value_name = "[TYPE:]PATH", num_args = 1.., help = FOLLOW_HELP)]
    follow: Vec<String>,

    /// What a line is
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    format: FormatName,

    /// A regular expression for --format regex: named groups become values, such as (?<response.status>\d+)
    #[arg(long, value_name = "PATTERN")]
    regex: Option<String>,

    /// Send what the files hold already, too (those of which no position is kept)
    #[arg(long, requires = "follow")]
    from_start: bool,

    /// Keep in DIR how far files were read, and go on there when started again
    #[arg(long, value_name = "DIR", requires = "follow")]
    state_dir: Option<PathBuf>,

    /// The daemon's collection port: host, host:port, [::1]:port or unix:/path [default: $BLUEOX_HOST, else 127.0.0.1:3514]
    #[arg(short = 'H', long = "host", value_name = "ADDR")]
    host: Option<Address>,

    /// A file with the token that a daemon beyond loopback asks for
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// How long the end may wait for the daemon to take what was read
    #[arg(long, value_name = "TIME", value_parser = parse_patience, default_value = "10s")]
    drain: Duration,

    /// Say on standard error what is done
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,

    /// Print shell completions (completions bash|zsh|fish|elvish|powershell) or the manual page (man)
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    generate: Option<Vec<String>>,
}

/// The formats by their names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum FormatName {
    /// The line as it is, under data
    #[default]
    Text,
    /// A JSON object
    Json,
    /// key=value pairs
    Logfmt,
    /// The combined log format of nginx and Apache
    Nginx,
    /// What --regex says
    Regex,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Asked {
    Print(String),
    Run(Run),
}

/// How lines are to be taken.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) source: Source,
    pub(crate) format: Format,
    pub(crate) from_start: bool,
    pub(crate) state_directory: Option<PathBuf>,
    pub(crate) to: Option<Address>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) drain: Duration,
    pub(crate) is_verbose: bool,
}

/// Where they come from.
#[derive(Debug)]
pub(crate) enum Source {
    StandardInput { type_name: String },
    Files(Vec<NamedFile>),
}

/// A file to follow, and the type of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NamedFile {
    pub(crate) type_name: String,
    pub(crate) path: PathBuf,
}

const FOLLOW_HELP: &str = "\
Follow these files, as they grow, are rotated, truncated or made. Without a type before it a path has TYPE, else its own name: \
/var/log/nginx/access.log is access";

const AFTER_HELP: &str = "\
Examples:
  ./backup.sh 2>&1 | oxingest backup            each line an event of the type backup
  kubectl logs -f web | oxingest web --format json
  oxingest -F nginx:/var/log/nginx/access.log --format nginx
  oxingest -F /var/log/syslog app:/srv/app.log  the types syslog and app

A line that is not of the format is sent as text, and counted. While the daemon is away nothing more is read; SIGINT and SIGTERM
end it, when the daemon has what was read. With --state-dir it goes on there when it is started again: nothing is lost, and after an orderly
end nothing comes twice.

Exit codes: 0 fine, 1 failed, or not all events reached the daemon, 2 wrong usage.";

impl Arguments {
    /// What is asked for, checked.
    pub(crate) fn asked(self) -> Result<Asked, clap::Error> {
        let wrong = |kind, text: String| Self::command().error(kind, text);
        if let Some(words) = &self.generate {
            let what =
                Generate::parse(words).map_err(|problem| wrong(ErrorKind::InvalidValue, problem.into()))?;
            return Ok(Asked::Print(what.text(Self::command())?));
        }
        let format = match (self.format, self.regex) {
            (FormatName::Regex, None) => {
                return Err(wrong(
                    ErrorKind::MissingRequiredArgument,
                    "--format regex needs --regex PATTERN".into(),
                ));
            }
            (FormatName::Regex | FormatName::Text, Some(pattern)) => Format::regex(&pattern)
                .map_err(|problem| wrong(ErrorKind::InvalidValue, format!("--regex: {problem}")))?,
            (_, Some(_)) => {
                return Err(wrong(ErrorKind::ArgumentConflict, "--regex is for --format regex".into()));
            }
            (FormatName::Text, None) => Format::Text,
            (FormatName::Json, None) => Format::Json,
            (FormatName::Logfmt, None) => Format::Logfmt,
            (FormatName::Nginx, None) => Format::nginx(),
        };
        let type_name = self.type_name.filter(|name| !name.is_empty());
        let source = match (self.follow.is_empty(), type_name) {
            (true, Some(type_name)) => Source::StandardInput { type_name },
            (true, None) => {
                return Err(wrong(
                    ErrorKind::MissingRequiredArgument,
                    "name the events' TYPE, or files to follow with -F; such as: ./backup.sh | oxingest backup".into(),
                ));
            }
            (false, type_name) => {
                Source::Files(self.follow.iter().map(|word| named_file(word, type_name.as_deref())).collect())
            }
        };
        Ok(Asked::Run(Run {
            source,
            format,
            from_start: self.from_start,
            state_directory: self.state_dir,
            to: self.host,
            token_file: self.token_file,
            drain: self.drain,
            is_verbose: self.verbose > 0,
        }))
    }
}

/// `type:path`, or a path. What stands before the colon is a type unless it has a slash in it.
fn named_file(word: &str, default: Option<&str>) -> NamedFile {
    if let Some((type_name, path)) = word.split_once(':')
        && !type_name.is_empty()
        && !path.is_empty()
        && !type_name.contains('/')
    {
        return NamedFile { type_name: type_name.into(), path: path.into() };
    }
    let path = PathBuf::from(word);
    let own_name = || path.file_name()?.to_str()?.split('.').find(|part| !part.is_empty());
    let type_name = default.or_else(own_name).unwrap_or("unnamed").to_owned();
    NamedFile { type_name, path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn files_have_types() {
        for (word, default, type_name, path) in [
            ("nginx:/var/log/access.log", None, "nginx", "/var/log/access.log"),
            ("nginx:/var/log/access.log", Some("web"), "nginx", "/var/log/access.log"),
            ("/var/log/access.log", Some("web"), "web", "/var/log/access.log"),
            ("/var/log/access.log.1", None, "access", "/var/log/access.log.1"),
            ("syslog", None, "syslog", "syslog"),
            (".hidden", None, "hidden", ".hidden"),
            ("./a:b", None, "a:b", "./a:b"),
            (":b", None, ":b", ":b"),
            ("a.b:c", None, "a.b", "c"),
            ("/", None, "unnamed", "/"),
        ] {
            let expected = NamedFile { type_name: type_name.into(), path: path.into() };
            assert_eq!(named_file(word, default), expected, "{word}");
        }
    }
}
