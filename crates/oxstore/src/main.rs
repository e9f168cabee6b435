//! `oxstore`: keeps events for long. All it does is `oxview`'s library's; here is how object stores are reached.

mod s3;

use std::process::ExitCode;

fn main() -> ExitCode {
    oxview::run_store(s3::connect)
}
