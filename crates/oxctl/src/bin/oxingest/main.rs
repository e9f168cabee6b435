//! oxingest: lines become events.
//!
//! [`arguments`] → where lines come from ([`standard_input`], or [`follow`] and its [`followed_file`]s, cut into [`lines`]) → [`format`](crate::format) →
//! [`ingest`], the library, the daemon. [`interrupt`] ends it; [`position`] is where it goes on when it is started again.

mod arguments;
mod follow;
mod followed_file;
mod format;
mod ingest;
mod interrupt;
mod lines;
mod position;
mod standard_input;

use arguments::{Arguments, Asked, Source};
use clap::Parser;
use follow::Following;
use ingest::Ingest;
use interrupt::Interrupt;
use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = Arguments::parse().asked().map_err(anyhow::Error::from).and_then(|asked| match asked {
        Asked::Print(text) => Ok(print(&text)),
        Asked::Run(run) => {
            let interrupt = Interrupt::listen()?;
            let mut ingest = Ingest::begin(&run, &interrupt)?;
            match &run.source {
                Source::StandardInput { type_name } => {
                    standard_input::read(type_name, &mut ingest, &interrupt)?;
                    Ok(ingest.end(run.drain).code())
                }
                Source::Files(files) => {
                    let mut following = Following::begin(files, &run)?;
                    following.run(&mut ingest, &interrupt)?;
                    let ended = ingest.end(run.drain);
                    following.end(ended)?;
                    Ok(ended.code())
                }
            }
        }
    });
    result.unwrap_or_else(|error| fail(&error))
}

fn print(text: &str) -> ExitCode {
    // Who reads only the beginning has had enough.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        // Without a standard error there is nobody to tell.
        let _ = usage.print();
        return ExitCode::from(2);
    }
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}
