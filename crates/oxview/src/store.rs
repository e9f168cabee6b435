//! `oxstore`: day files as Parquet, for oxview and for other engines, and back.

mod args;
mod cat;
mod files;
mod seal;
mod verify;

use crate::damage::DamageReport;
use crate::failure::{self, Outcome, Usage};
use crate::generate;
use crate::output::Output;
use crate::progress::Progress;
use crate::read::Reading;
use crate::selection::Selection;
use args::{Args, Command};
use clap::{CommandFactory, Parser};
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
        return Err(Usage("say what to do: oxstore seal, verify or cat (oxstore --help)".to_owned()).into());
    };
    match command {
        Command::Seal(which) => seal::seal(which, &mut progress),
        Command::Verify(which) => verify::verify(which, &mut progress),
        Command::Cat { files } => {
            let selection = Selection::default();
            let mut damage = DamageReport::default();
            let mut reading = Reading {
                selection: &selection,
                damage: &mut damage,
                progress: &mut progress,
                unreadable: 0,
            };
            let outcome = cat::cat(files, &mut reading);
            reading.progress.clear();
            reading.sum_up_unreadable();
            let unreadable = reading.unreadable > 0;
            for line in damage.take_lines() {
                progress.say(&line);
            }
            match outcome? {
                Outcome::Fine if unreadable => Ok(Outcome::Failed),
                Outcome::Fine if !damage.is_empty() => Ok(Outcome::Damaged),
                outcome => Ok(outcome),
            }
        }
    }
}
