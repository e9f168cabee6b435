//! Where the spool lies, and how large it may be.

use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// `--spool`: a directory, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SpoolChoice {
    /// Keep events in memory only until they are in their files.
    None,
    /// The spool's own directory.
    Directory(PathBuf),
}

impl FromStr for SpoolChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "" => Err("a directory, or none".into()),
            "none" => Ok(Self::None),
            path => Ok(Self::Directory(path.into())),
        }
    }
}

/// The spool's directory unless `--spool` says another: below the state directory, named by the collection port, so that
/// an agent and a collector on one host do not meet. A port that the system chose names nothing that lasts; then it lies
/// below the log path; without one it must be said.
pub(crate) fn default_directory(
    log_path: Option<&Path>,
    port: u16,
    port_was_chosen: bool,
) -> anyhow::Result<PathBuf> {
    if !port_was_chosen {
        let Some(log_path) = log_path else {
            bail!(
                "the collection port was chosen by the system and names no spool that lasts; say --spool DIR"
            );
        };
        return Ok(log_path.join(".blueox/spool"));
    }
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = if let Some(directory) = variable("STATE_DIRECTORY") {
        directory
    } else if let Some(directory) = variable("XDG_STATE_HOME") {
        directory.join("blueox")
    } else if let Some(home) = variable("HOME") {
        home.join(".local/state/blueox")
    } else {
        bail!(
            "there is no place for the spool; say --spool DIR, or --spool none to keep events in memory only"
        );
    };
    Ok(state.join(port.to_string()))
}

/// A number of bytes, such as `2GiB`, `500MB` or `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no size; write 2GiB, 500MB or a number of bytes");
        let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "k" | "kib" => 1 << 10,
            "m" | "mib" => 1 << 20,
            "g" | "gib" => 1 << 30,
            "t" | "tib" => 1 << 40,
            "kb" => 1_000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "tb" => 1_000_000_000_000,
            _ => return Err(wrong()),
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(Self).ok_or_else(wrong)
    }
}

/// The number that tells this daemon's own stream from all others: random, made once, kept in the spool.
pub(crate) fn new_stream() -> anyhow::Result<u128> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| anyhow::anyhow!("{error}"))
        .context("no random numbers can be had")?;
    Ok(u128::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in
            [("2GiB", 2 << 30), ("500MB", 500_000_000), ("7", 7), ("1 MiB", 1 << 20), ("3k", 3072)]
        {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for wrong in ["", "GiB", "1.5GiB", "-1", "99999999999TiB", "2 apples"] {
            assert!(wrong.parse::<ByteSize>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_chosen_port_names_the_directory() {
        assert_eq!(
            default_directory(Some(Path::new("/l")), 5, false).unwrap(),
            Path::new("/l/.blueox/spool")
        );
        assert!(default_directory(None, 3514, true).unwrap().ends_with("3514"));
    }
}
