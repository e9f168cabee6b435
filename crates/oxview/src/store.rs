//! `oxstore`: day files as Parquet, for oxview and for other engines, and back; into object stores and out of them.

mod args;
mod cat;
mod download;
mod files;
mod lock;
mod seal;
mod transfer;
mod verify;

use crate::failure::{self, Outcome, Usage};
use crate::generate;
use crate::output::Output;
use crate::progress::Progress;
use args::{Args, Changes, Command, Which};
use clap::{CommandFactory, Parser};
use std::fs::File;
use std::process::ExitCode;

/// Runs the tool on this process's arguments and standard streams.
pub(crate) fn run() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // A closed pipe is no reason to complain about it.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { failure::USAGE } else { 0 });
        }
    };
    failure::exit_code_of("oxstore", command(&args), args.color)
}

fn command(args: &Args) -> anyhow::Result<Outcome> {
    let mut progress = Progress::named("oxstore");
    if !args.generate.is_empty() {
        let mut output = Output::open(None)?;
        output.buffer = generate::generate(Args::command(), &args.generate)?;
        output.flush()?;
        return Ok(Outcome::Fine);
    }
    let Some(command) = &args.command else {
        return Err(Usage(
            "say what to do: oxstore archive, seal, upload, prune, download, cat or verify (oxstore --help)"
                .to_owned(),
        )
        .into());
    };
    match command {
        Command::Seal(which) => {
            let _lock = lock_for(&which.which, which.changes)?;
            seal::seal(which, || false, &mut progress)
        }
        Command::Upload(upload) => {
            let _lock = lock_for(&upload.which, upload.changes)?;
            transfer::upload(upload, &mut progress)
        }
        Command::Prune(prune) => {
            let _lock = lock_for(&prune.which, prune.changes)?;
            transfer::prune(prune, &mut progress)
        }
        Command::Archive(archive) => {
            let _lock = lock_for(&archive.which, archive.changes)?;
            transfer::archive(archive, &mut progress)
        }
        Command::Download(download) => download::download(download, &mut progress),
        Command::Cat(cat) => cat::cat(cat, &mut progress),
        Command::Verify(verify) => verify::verify(verify, &mut progress),
    }
}

/// What changes nothing needs no lock, nor does what finds nothing.
fn lock_for(which: &Which, changes: Changes) -> anyhow::Result<Option<File>> {
    if changes.dry_run || !which.log_path.is_dir() {
        return Ok(None);
    }
    lock::lock(&files::sealed_root(which)).map(Some)
}
