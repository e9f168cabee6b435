//! Colour, where it is seen and wanted.

use clap::ValueEnum;
use std::env;
use std::io::{self, IsTerminal};

/// When to use colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    #[default]
    Auto,
    Always,
    Never,
}

/// Colours text, or leaves it as it is. Text is to be padded before it is coloured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    is_on: bool,
}

impl Paint {
    /// Decides for standard output.
    pub(crate) fn new(choice: ColorChoice) -> Self {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let is_on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb,
        };
        Self { is_on }
    }

    /// Whether colours are shown.
    pub(crate) fn is_on(self) -> bool {
        self.is_on
    }

    /// What the eye is to find first.
    pub(crate) fn bold(self, text: impl AsRef<str>) -> String {
        self.with("1", text.as_ref())
    }

    /// What names other text.
    pub(crate) fn faint(self, text: impl AsRef<str>) -> String {
        self.with("2", text.as_ref())
    }

    /// What is as it should be.
    pub(crate) fn good(self, text: impl AsRef<str>) -> String {
        self.with("32", text.as_ref())
    }

    /// What should be looked at.
    pub(crate) fn warning(self, text: impl AsRef<str>) -> String {
        self.with("33", text.as_ref())
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: impl AsRef<str>) -> String {
        self.with("1;31", text.as_ref())
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}
