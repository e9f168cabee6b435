//! `oxsql`: SQL over stored events.

use std::process::ExitCode;

fn main() -> ExitCode {
    oxsql::run()
}
