//! The command line.

const DEFAULT_PORT: u16 = 3514;
const DEFAULT_RATE: f64 = 20.0;
const MAX_RATE: f64 = 100_000.0;
const MAX_BACKFILL_SECONDS: f64 = 7.0 * 86_400.0;

const HELP: &str = "\
Sends the events of a web shop that does not exist to an oxd: requests with their SQL and cache children, a cron
job, errors now and then, and every five minutes a minute in which web-3 is in trouble.

Usage: shop [OPTIONS]

  -H, --host ADDR      the daemon's collection port: host, host:port, [::1]:port [BLUEOX_HOST or 127.0.0.1:3514]
      --rate N         requests a second [20]; each makes 1 to 6 events
      --seed N         the same seed makes the same events [1]
      --seconds N      stop after so long [never]
      --backfill TIME  begin so long ago (90s, 15m, 2h) and catch up at full speed first
      --help, --version

A visit's events are sent when it ends. While the daemon is away they are dropped, and counted; a backfill waits for
it.";

/// What was asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arguments {
    /// host:port
    pub(crate) daemon: String,
    pub(crate) rate: f64,
    pub(crate) seed: u64,
    pub(crate) seconds: Option<f64>,
    pub(crate) backfill_seconds: f64,
}

/// What is to be done.
#[derive(Debug, PartialEq)]
pub(crate) enum Parsed {
    Run(Arguments),
    Print(String),
}

impl Arguments {
    /// Reads flags; `environment` is the daemon's address if no flag names one.
    pub(crate) fn parse(
        flags: impl Iterator<Item = String>,
        environment: Option<&str>,
    ) -> Result<Parsed, String> {
        let mut arguments = Self {
            daemon: with_port(environment.filter(|host| !host.is_empty()).unwrap_or("127.0.0.1")),
            rate: DEFAULT_RATE,
            seed: 1,
            seconds: None,
            backfill_seconds: 0.0,
        };
        let mut flags = flags;
        while let Some(flag) = flags.next() {
            let (name, inline) = match flag.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (flag.as_str(), None),
            };
            if matches!(name, "--help" | "-h") {
                return Ok(Parsed::Print(HELP.into()));
            }
            if name == "--version" {
                return Ok(Parsed::Print(format!("shop {}", env!("CARGO_PKG_VERSION"))));
            }
            let mut value = || inline.clone().or_else(|| flags.next()).ok_or(format!("{name} needs a value"));
            match name {
                "-H" | "--host" => arguments.daemon = with_port(&value()?),
                "--rate" => arguments.rate = positive(name, &value()?, MAX_RATE)?,
                "--seconds" => arguments.seconds = Some(positive(name, &value()?, f64::from(u32::MAX))?),
                "--backfill" => arguments.backfill_seconds = span(&value()?)?,
                "--seed" => {
                    let text = value()?;
                    arguments.seed =
                        text.parse().map_err(|_| format!("--seed: {text:?} is no whole number"))?;
                }
                _ => return Err(format!("unknown argument {flag:?}")),
            }
        }
        Ok(Parsed::Run(arguments))
    }
}

fn with_port(address: &str) -> String {
    let address = address.strip_prefix("tcp://").unwrap_or(address);
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, port.to_owned()),
        _ => (address, DEFAULT_PORT.to_string()),
    };
    let host = if matches!(host, "" | "*") { "127.0.0.1" } else { host };
    if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    }
}

fn positive(name: &str, text: &str, most: f64) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if number > 0.0 && number <= most => Ok(number),
        _ => Err(format!("{name}: {text:?} is no number above 0 and up to {most}")),
    }
}

fn span(text: &str) -> Result<f64, String> {
    let (number, unit) = match text.char_indices().next_back() {
        Some((at, 's')) => (&text[..at], 1.0),
        Some((at, 'm')) => (&text[..at], 60.0),
        Some((at, 'h')) => (&text[..at], 3600.0),
        _ => (text, 1.0),
    };
    positive("--backfill", number, MAX_BACKFILL_SECONDS / unit).map(|number| number * unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(flags: &[&str], environment: Option<&str>) -> Result<Parsed, String> {
        Arguments::parse(flags.iter().map(ToString::to_string), environment)
    }

    fn run(flags: &[&str], environment: Option<&str>) -> Arguments {
        match parse(flags, environment) {
            Ok(Parsed::Run(arguments)) => arguments,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn flags_win_over_the_environment() {
        assert_eq!(run(&[], None).daemon, "127.0.0.1:3514");
        assert_eq!(run(&[], Some("logs")).daemon, "logs:3514");
        assert_eq!(run(&["-H", "[::1]:9"], Some("logs")).daemon, "[::1]:9");
        assert_eq!(run(&["--host=::1"], None).daemon, "[::1]:3514");
        assert_eq!(run(&["-H", "*:9"], None).daemon, "127.0.0.1:9");
    }

    #[test]
    fn times_have_units() {
        assert_eq!(run(&["--backfill", "15m", "--seconds", "2"], None).backfill_seconds, 900.0);
        assert_eq!(run(&["--backfill=90s"], None).backfill_seconds, 90.0);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (flags, named) in [
            (&["--rate", "0"][..], "--rate"),
            (&["--rate"], "needs a value"),
            (&["--seed", "x"], "--seed"),
            (&["--backfill", "8d"], "--backfill"),
            (&["--sped", "1"], "--sped"),
        ] {
            let error = parse(flags, None).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
