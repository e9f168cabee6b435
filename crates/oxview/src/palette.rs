//! Colours.

use crate::args::ColorChoice;
use anstyle::{AnsiColor, Style};
use std::env;

/// The colours of everything; none when there shall be none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    on: bool,
}

impl Palette {
    /// By the flag, else by NO_COLOR and TERM, else coloured on a terminal.
    pub(crate) fn choose(choice: ColorChoice, terminal: bool) -> Self {
        let on = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => {
                terminal
                    && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                    && env::var_os("TERM").is_none_or(|term| term != "dumb")
            }
        };
        Self { on }
    }

    /// No colours.
    pub(crate) fn none() -> Self {
        Self { on: false }
    }

    pub(crate) fn is_on(self) -> bool {
        self.on
    }

    pub(crate) fn error(self) -> Style {
        self.style(Style::new().fg_color(Some(AnsiColor::Red.into())).bold())
    }

    /// Time, host, id: what one looks at last.
    pub(crate) fn dim(self) -> Style {
        self.style(Style::new().dimmed())
    }

    pub(crate) fn type_name(self) -> Style {
        self.style(Style::new().fg_color(Some(AnsiColor::Cyan.into())).bold())
    }

    pub(crate) fn key(self) -> Style {
        self.style(Style::new().fg_color(Some(AnsiColor::Blue.into())))
    }

    pub(crate) fn text(self) -> Style {
        self.style(Style::new().fg_color(Some(AnsiColor::Green.into())))
    }

    pub(crate) fn number(self) -> Style {
        self.style(Style::new().fg_color(Some(AnsiColor::Yellow.into())))
    }

    fn style(self, style: Style) -> Style {
        if self.on { style } else { Style::new() }
    }
}
