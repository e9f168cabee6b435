//! `oxview`: looks at events, in files and live.

use std::process::ExitCode;

fn main() -> ExitCode {
    oxview::run()
}
