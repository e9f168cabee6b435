//! What goes to standard output, and with which exit code.

use std::io::{self, Write};
use std::process::ExitCode;

/// The answer to a command.
#[derive(Debug)]
pub(crate) struct Answer {
    text: String,
    code: u8,
}

impl Answer {
    /// Good news.
    pub(crate) fn good(text: String) -> Self {
        Self { text, code: 0 }
    }

    /// An answer that is bad news: the exit code says so too.
    pub(crate) fn bad(text: String) -> Self {
        Self { text, code: 1 }
    }

    /// What was looked at is damaged or incomplete; the answer says where.
    pub(crate) fn damaged(text: String) -> Self {
        Self { text, code: 65 }
    }
}

/// Prints an answer, or why there is none.
pub(crate) fn print(answer: anyhow::Result<Answer>) -> ExitCode {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return fail(&error),
    };
    let mut stdout = io::stdout().lock();
    match stdout.write_all(answer.text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::from(answer.code),
        // Who reads only the beginning (head) has had enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::from(answer.code),
        Err(error) => {
            eprintln!("error: cannot write to standard output: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Says why there is no answer. The texts of our errors are complete: their sources add nothing.
fn fail(error: &anyhow::Error) -> ExitCode {
    if let Some(usage) = error.downcast_ref::<clap::Error>() {
        // Without a standard error there is nobody to tell.
        let _ = usage.print();
        return ExitCode::from(2);
    }
    eprintln!("error: {error}");
    ExitCode::FAILURE
}
