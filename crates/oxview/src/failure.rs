//! Errors and exit codes.

use crate::args::ColorChoice;
use crate::palette::Palette;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

/// Something failed or cannot be reached.
const FAILED: u8 = 1;
/// The command line makes no sense.
pub(crate) const USAGE: u8 = 2;
/// The input is damaged; what could be read was printed.
const DAMAGED: u8 = 65;

/// The caller's fault: a flag, a filter, a combination.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// Whoever read standard output has gone.
#[derive(Debug, thiserror::Error)]
#[error("standard output was closed")]
pub(crate) struct ClosedPipe;

/// How a run without an error ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Fine,
    /// Some of what was asked for does not exist or cannot be read; that has been said.
    Failed,
    /// Some input was damaged; that has been said.
    Damaged,
}

/// Says on standard error what went wrong, and gives the exit code.
pub(crate) fn exit_code(result: anyhow::Result<Outcome>, color: ColorChoice) -> ExitCode {
    exit_code_of("oxview", result, color)
}

/// As [`exit_code`], for the program of this name.
pub(crate) fn exit_code_of(name: &str, result: anyhow::Result<Outcome>, color: ColorChoice) -> ExitCode {
    let error = match result {
        Ok(Outcome::Fine) => return ExitCode::SUCCESS,
        Ok(Outcome::Failed) => return ExitCode::from(FAILED),
        Ok(Outcome::Damaged) => return ExitCode::from(DAMAGED),
        Err(error) if error.is::<ClosedPipe>() => return ExitCode::SUCCESS,
        Err(error) => error,
    };
    let palette = Palette::choose(color, std::io::stderr().is_terminal());
    let red = palette.error();
    let _ = writeln!(std::io::stderr(), "{red}{name}:{red:#} {error:#}");
    ExitCode::from(if error.is::<Usage>() { USAGE } else { FAILED })
}
