//! `oxview --tui`: events as a list on the whole terminal, with their details, their waterfalls, and a strip that shows
//! when they were and which failed.
//!
//! The source runs on the caller's thread and fills [`kept`] → [`list`] filters it → [`screen`] follows the keys → [`draw`].

mod draw;
mod kept;
mod list;
mod screen;
mod strip;
#[cfg(test)]
mod tests;

use crate::args::Args;
use crate::failure::{ClosedPipe, Outcome, Usage};
use crate::palette::Palette;
use crate::read::Reading;
use crate::source::{Extent, Source};
use kept::{Keeper, Kept};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event;
use screen::{Flow, Screen};
use std::io::IsTerminal;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// How long a key or an event waits at most until it is seen.
const TURN: Duration = Duration::from_millis(100);
/// How many of the last events are shown unless `--tail` says otherwise.
const TAIL: usize = 10_000;

/// Shows the events of `source` until the user has seen enough.
///
/// # Errors
/// Without a terminal; those of the source.
pub(crate) fn run(args: &Args, source: &Source, reading: &mut Reading<'_>) -> anyhow::Result<Outcome> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        return Err(Usage("--tui needs a terminal; without it: oxview -o json".to_owned()).into());
    }
    let shared = Arc::new(Mutex::new(Kept::default()));
    let screen = Screen::new(Arc::clone(&shared), Palette::choose(args.color, true));
    let messages = reading.progress.hold_back();
    let terminal = ratatui::try_init()?;
    let outcome = thread::scope(|scope| {
        let shown = scope.spawn(|| {
            let shown = show(terminal, screen.with_messages(messages));
            kept::lock(&shared).is_wanted = false;
            shown
        });
        let mut keeper = Keeper::new(Arc::clone(&shared));
        // what is followed shows its own last events first, what ends is shown from its last events backwards
        let tail = args.tail.or((!args.follow && source.is_finite()).then_some(TAIL));
        let outcome = source.run(Extent { follow: args.follow, tail }, reading, &mut keeper);
        if let Err(error) = &outcome
            && !error.is::<ClosedPipe>()
        {
            reading.progress.say(&format!("{error:#}"));
        }
        kept::lock(&shared).has_ended = true;
        let shown = shown.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        shown.and(match outcome {
            Err(error) if error.is::<ClosedPipe>() => Ok(Outcome::Fine),
            outcome => outcome,
        })
    });
    ratatui::try_restore()?;
    reading.progress.let_go();
    outcome
}

fn show(mut terminal: DefaultTerminal, mut screen: Screen) -> anyhow::Result<()> {
    let mut stale = true;
    loop {
        if screen.refresh() || stale {
            terminal.draw(|frame| draw::draw(&mut screen, frame))?;
        }
        stale = event::poll(TURN)?;
        if stale {
            let key = event::read()?.as_key_press_event();
            if key.is_some_and(|key| screen.key(key) == Flow::Leave) {
                return Ok(());
            }
        }
    }
}
