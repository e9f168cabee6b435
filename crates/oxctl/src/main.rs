//! oxctl: looks at a running oxd and stops it.
//!
//! [`arguments`] → [`command`] (one file for each sub-command: [`status`], [`seen`], [`health`], [`forward`], [`queue`], [`fsck`], [`top`], [`shutdown`]) →
//! text made of [`figures`] and [`paint`] → standard output.

mod arguments;
mod audit;
mod clock;
mod command;
mod figures;
mod forward;
mod fsck;
mod health;
mod json;
mod output;
mod paint;
mod queue;
mod seen;
mod shutdown;
mod status;
mod top;

use arguments::Arguments;
use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    output::print(command::run(&arguments))
}
