//! The configuration: flags, environment and file, merged and checked.

use crate::cli::{Cli, Compress, SpoolFull};
use crate::forward::{FailoverList, shared_by_two};
use crate::listen::ListenAddress;
use crate::spool_path::{ByteSize, SpoolChoice};
use anyhow::{Context, bail};
use blueox_event::wire::native::Codec;
use blueox_log::day_log::RotateHours;
use serde::Deserialize;
use std::path::{Path, PathBuf};

const DEFAULT_FILE: &str = "/etc/blueox/oxd.toml";

/// All that the daemon needs to know.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) collect: ListenAddress,
    pub(crate) socket: Option<PathBuf>,
    pub(crate) control: ListenAddress,
    /// Each gets a copy of its own.
    pub(crate) forward: Vec<FailoverList>,
    pub(crate) compress: Codec,
    pub(crate) log_path: Option<PathBuf>,
    pub(crate) rotate_hours: Option<RotateHours>,
    /// None: the default place.
    pub(crate) spool: Option<SpoolChoice>,
    /// None: the default, which depends on where the spool is.
    pub(crate) spool_max: Option<ByteSize>,
    pub(crate) spool_full: SpoolFull,
    pub(crate) token: Option<String>,
    pub(crate) allow_hosts: Vec<String>,
}

/// The configuration file; its keys are the long flags.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct File {
    collect: Option<String>,
    socket: Option<PathBuf>,
    control: Option<String>,
    forward: Vec<String>,
    compress: Option<Compress>,
    log_path: Option<PathBuf>,
    rotate_hours: Option<u8>,
    spool: Option<String>,
    spool_max: Option<String>,
    spool_full: Option<SpoolFull>,
    token_file: Option<PathBuf>,
    allow_host: Vec<String>,
}

const KEYS: [&str; 12] = [
    "collect",
    "socket",
    "control",
    "forward",
    "compress",
    "log-path",
    "rotate-hours",
    "spool",
    "spool-max",
    "spool-full",
    "token-file",
    "allow-host",
];

/// So many independent copies are made at most.
const MAX_LISTS: usize = 16;

impl Config {
    /// Merges the command line (which holds the environment already) and the file.
    pub(crate) fn load(cli: &Cli) -> anyhow::Result<Self> {
        let file = match &cli.config {
            Some(path) => File::read(path)?,
            None if Path::new(DEFAULT_FILE).exists() => File::read(Path::new(DEFAULT_FILE))?,
            None => File::default(),
        };
        let address = |flag: &Option<ListenAddress>, key: &str, value: Option<&str>| {
            let local = || "127.0.0.1".parse().expect("BUG: a plain host is an address");
            anyhow::Ok(from_flag_or_file(flag, key, value)?.unwrap_or_else(local))
        };
        let hours = cli.rotate_hours.or(file.rotate_hours);
        let rotate_hours = match hours.map(RotateHours::new) {
            Some(None) => bail!("rotate-hours in the configuration file must be 1 to 12"),
            Some(hours) => hours,
            None => None,
        };
        let token =
            cli.token_file.as_ref().or(file.token_file.as_ref()).map(|path| read_token(path)).transpose()?;
        Ok(Self {
            collect: address(&cli.collect, "collect", file.collect.as_deref())?,
            socket: cli.socket.clone().or(file.socket),
            control: address(&cli.control, "control", file.control.as_deref())?,
            forward: lists(&cli.forward, &file.forward)?,
            compress: cli.compress.or(file.compress).map_or(Codec::None, Codec::from),
            log_path: cli.log_path.clone().or(file.log_path),
            rotate_hours,
            spool: from_flag_or_file(&cli.spool, "spool", file.spool.as_deref())?,
            spool_max: from_flag_or_file(&cli.spool_max, "spool-max", file.spool_max.as_deref())?,
            spool_full: cli.spool_full.or(file.spool_full).unwrap_or(SpoolFull::Block),
            token,
            allow_hosts: cli.allow_host.iter().cloned().chain(file.allow_host).collect(),
        })
    }
}

fn lists(flags: &[FailoverList], file: &[String]) -> anyhow::Result<Vec<FailoverList>> {
    let lists = if flags.is_empty() {
        let in_file = |error| anyhow::anyhow!("forward in the configuration file: {error}");
        file.iter().map(|text| text.parse().map_err(in_file)).collect::<anyhow::Result<_>>()?
    } else {
        flags.to_vec()
    };
    if let Some(destination) = shared_by_two(&lists) {
        bail!("{destination} stands in two lists of --forward; one collector takes one copy only");
    }
    if lists.len() > MAX_LISTS {
        bail!("there are {} lists of --forward; {MAX_LISTS} are allowed", lists.len());
    }
    Ok(lists)
}

fn from_flag_or_file<T>(flag: &Option<T>, key: &str, value: Option<&str>) -> anyhow::Result<Option<T>>
where
    T: Clone + std::str::FromStr<Err = String>,
{
    match (flag, value) {
        (Some(flag), _) => Ok(Some(flag.clone())),
        (None, Some(text)) => {
            let parsed =
                text.parse().map_err(|error| anyhow::anyhow!("{key} in the configuration file: {error}"));
            parsed.map(Some)
        }
        (None, None) => Ok(None),
    }
}

impl File {
    fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        toml::from_str(&text).map_err(|error| {
            let suggestion = unknown_key(error.message()).and_then(nearest_key);
            let suggestion = suggestion.map_or(String::new(), |key| format!("did you mean {key}?"));
            // The error names line and column and shows the place.
            anyhow::anyhow!("{}: {error}{suggestion}", path.display())
        })
    }
}

/// The key that a deserialisation error complains about.
fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split('`').next()
}

fn nearest_key(key: &str) -> Option<&'static str> {
    let distance = |known: &str| strsim::damerau_levenshtein(known, &key.replace('_', "-"));
    KEYS.into_iter().min_by_key(|known| distance(known)).filter(|known| distance(known) <= 3)
}

fn read_token(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the token file {}", path.display()))?;
    let token = text.trim();
    if token.len() < 16 || token.contains(char::is_whitespace) {
        bail!("the token in {} must be one word of at least 16 characters", path.display());
    }
    Ok(token.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn load(file: &str, flags: &[&str]) -> Result<Config, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("oxd.toml");
        std::fs::write(&path, file).unwrap();
        let mut arguments = vec!["oxd", "--config", path.to_str().unwrap()];
        arguments.extend(flags);
        Config::load(&Cli::try_parse_from(arguments).unwrap()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn flags_win_over_the_file() {
        let config = load("log-path = '/a'\nrotate-hours = 6\ncollect = '*:1'", &["-l", "/b"]).unwrap();
        assert_eq!(config.log_path.unwrap(), Path::new("/b"));
        assert_eq!(config.rotate_hours.unwrap().get(), 6);
        assert_eq!(config.collect, "*:1".parse().unwrap());
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        let error = load("collect = '*:1'\nlog_path = '/a'", &[]).unwrap_err();
        assert!(error.contains("line 2, column 1"), "{error}");
        assert!(error.contains("did you mean log-path?"), "{error}");
        assert!(load("rotate-hours = 13", &[]).unwrap_err().contains("1 to 12"));
        assert!(load("collect = 'a:b'", &[]).unwrap_err().contains("collect in the configuration file"));
    }
}
