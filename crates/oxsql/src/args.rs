//! The command line.

use clap::{ArgAction, Parser, ValueEnum};
use std::path::PathBuf;

/// Asks stored events in SQL: each type is a table, dotted paths of the body are columns, `events` is all types together.
#[derive(Debug, Parser)]
#[command(name = "oxsql", version, max_term_width = 110)]
#[command(after_help = "\
Examples:
  oxsql -l /var/log/blueox 'SHOW TABLES'
  oxsql -l logs 'DESCRIBE request'
  oxsql -l logs 'SELECT request.path, count(*), p(99, duration) FROM request GROUP BY 1 ORDER BY 3 DESC'
  oxsql -l logs --since -2h 'SELECT date_bin(INTERVAL 1 MINUTE, time) t, count(*) FROM events GROUP BY t ORDER BY t'
  oxsql -l logs 'SELECT q.* FROM \"request.sql\" q JOIN request r USING (id) WHERE r.duration > 1'
  oxsql -l collector-1/logs -l collector-2/logs 'SELECT count(*) FROM events'       each event once
  oxsql -l logs -o parquet 'SELECT * FROM request' > request.parquet
  oxsql -l logs < query.sql")]
pub(crate) struct Args {
    /// The query; - or none: standard input
    #[arg(value_name = "SQL")]
    pub(crate) query: Option<String>,

    /// The log path of an oxd, or a directory of sealed files; repeat for several: what collectors both have counts once
    #[arg(short = 'l', long, value_name = "DIR", action = ArgAction::Append)]
    pub(crate) log_path: Vec<PathBuf>,

    /// Only events that ended then or later: 20120313, "20120313 12:00", RFC 3339, -2h, today, yesterday (UTC)
    #[arg(long, visible_alias = "start-date", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) since: Option<String>,

    /// Only events that ended then or before; a date includes that day
    #[arg(long, visible_alias = "end-date", value_name = "TIME", allow_hyphen_values = true)]
    pub(crate) until: Option<String>,

    /// Files hold what was received on a day; files this long before --since and after --until are searched too, for events
    /// that were late or came from a clock that was wrong
    #[arg(long, value_name = "DURATION", default_value = "1d")]
    pub(crate) slack: String,

    /// How the answer is written: auto is a table on a terminal and json elsewhere
    #[arg(short = 'o', long, value_name = "FORM", default_value = "auto")]
    pub(crate) output: OutputForm,

    /// The memory that sorting, grouping and joining may take together; what is more goes to temporary files ($TMPDIR)
    #[arg(long, value_name = "SIZE", default_value = "512MiB", value_parser = parse_size)]
    pub(crate) memory: usize,

    /// How many threads work [default: one for each processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,

    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorChoice,

    /// Say on standard error what is read
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// Write shell completions (bash, elvish, fish, powershell, zsh) or the manual page
    #[arg(long, value_names = ["WHAT", "SHELL"], num_args = 1..=2, exclusive = true)]
    pub(crate) generate: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputForm {
    Auto,
    Table,
    Json,
    Csv,
    Parquet,
    Arrow,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

/// The least memory with which anything can be sorted.
const LEAST_MEMORY: usize = 16 << 20;

/// `512MiB`, `2GiB`, `800MB`, bytes without a unit.
fn parse_size(text: &str) -> Result<usize, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let scale = match unit.trim() {
        "" | "B" => 1u64,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        other => return Err(format!("there is no unit {other:?}; write 512MiB or 2GiB")),
    };
    let number: f64 = number.parse().map_err(|_| "write 512MiB or 2GiB".to_owned())?;
    let bytes = number * scale as f64;
    if bytes < LEAST_MEMORY as f64 {
        return Err(format!("at least {}MiB are needed", LEAST_MEMORY >> 20));
    }
    Ok(bytes.min(isize::MAX as f64) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_makes_sense() {
        Args::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_as_they_are_written() {
        for (text, bytes) in
            [("512MiB", 512 << 20), ("1.5GiB", 3 << 29), ("20000000", 20_000_000), ("64MB", 64_000_000)]
        {
            assert_eq!(parse_size(text), Ok(bytes));
        }
        for text in ["", "MiB", "512mib", "1MiB", "-3GiB", "1.2.3GiB"] {
            parse_size(text).unwrap_err();
        }
    }
}
