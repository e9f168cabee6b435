//! `--sql`: the question goes to `oxsql`, a program of its own, where it is installed.

use crate::args::{Args, ColorChoice, OutputForm};
use crate::failure::Usage;
use anyhow::Context;
use std::convert::Infallible;
use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAM: &str = "oxsql";

/// Becomes `oxsql`.
///
/// # Errors
/// [`Usage`] when the question is not for it; when it is not installed.
pub(crate) fn hand_over(args: &Args, query: &str) -> anyhow::Result<Infallible> {
    let arguments = arguments(args, query)?;
    let beside = env::current_exe().ok().and_then(|path| Some(path.parent()?.to_owned()));
    let program = find(beside.as_deref(), env::var_os("PATH").as_deref()).with_context(|| {
        format!(
            "--sql needs {PROGRAM}, which is not beside oxview, nor on PATH; it is a program of its own, as building it takes \
             long: make sql (in BlueOx's sources), then put target/release/{PROGRAM} beside oxview. \
             Without it: oxview --by FIELD --stats count,p99"
        )
    })?;
    let error = Command::new(&program).args(arguments).exec();
    Err(error).with_context(|| format!("cannot run {}", program.display()))
}

/// The first that is there: beside this program, then on PATH.
fn find(beside: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let on_path = path.into_iter().flat_map(env::split_paths);
    let dirs = beside.map(Path::to_owned).into_iter().chain(on_path);
    dirs.map(|dir| dir.join(PROGRAM)).find(|program| program.is_file())
}

/// What `oxsql` is to be asked.
fn arguments(args: &Args, query: &str) -> Result<Vec<OsString>, Usage> {
    if args.command.is_some() {
        return Err(Usage("--sql asks by itself; leave the command out".to_owned()));
    }
    if args.log_path.is_empty() {
        return Err(Usage(
            "--sql asks what is stored; say where: oxview -l /var/log/blueox --sql 'SELECT ...'".to_owned(),
        ));
    }
    let form = match args.output {
        OutputForm::Auto => "auto",
        OutputForm::Line => "table",
        OutputForm::Json => "json",
        OutputForm::Csv => "csv",
        OutputForm::Pretty | OutputForm::Logfmt | OutputForm::Msgpack => {
            return Err(Usage(
                "--sql answers with -o line (a table), json or csv; with Parquet and Arrow: oxsql -o parquet"
                    .to_owned(),
            ));
        }
    };
    let color = match args.color {
        ColorChoice::Auto => "auto",
        ColorChoice::Always => "always",
        ColorChoice::Never => "never",
    };
    let mut all: Vec<OsString> = Vec::new();
    for dir in &args.log_path {
        all.extend(["--log-path".into(), dir.into()]);
    }
    for (flag, value) in [("--since", &args.since), ("--until", &args.until)] {
        if let Some(value) = value {
            all.push(format!("{flag}={value}").into());
        }
    }
    all.extend(
        [format!("--slack={}", args.slack), format!("--output={form}"), format!("--color={color}")]
            .map(Into::into),
    );
    if args.verbose > 0 {
        all.push("-v".into());
    }
    // A query may begin like a flag.
    all.extend(["--".into(), query.into()]);
    Ok(all)
}
