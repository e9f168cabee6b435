//! `oxstore`: keeps events for long.

use std::process::ExitCode;

fn main() -> ExitCode {
    oxview::run_store()
}
