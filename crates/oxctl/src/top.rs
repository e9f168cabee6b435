//! `oxctl top`: one or several daemons, as they are now.
//!
//! One thread for each daemon asks it every second ([`poll`]) → [`fleet`] keeps the last answer and a minute of rates →
//! [`tables`] makes rows of it → [`screen`] sorts, filters and follows the keys → [`draw`] shows it.

mod draw;
mod fleet;
mod poll;
mod screen;
mod tables;
#[cfg(test)]
mod tests;

use crate::output::Answer;
use crate::paint::Paint;
use blueox_control::{Client, ClientError, ControlAddress};
use fleet::Fleet;
use ratatui::crossterm::event;
use screen::{Flow, Screen};
use std::io::{self, IsTerminal};
use std::time::Duration;

/// How often a daemon is asked.
const EVERY: Duration = Duration::from_secs(1);
/// How long a key or an answer waits at most until it is seen.
const TURN: Duration = Duration::from_millis(50);

/// Shows the daemons until the user has seen enough.
///
/// # Errors
/// Without a terminal, or when it fails.
pub(crate) fn show(
    addresses: &[ControlAddress],
    connect: impl Fn(&ControlAddress) -> Result<Client, ClientError> + Send + Sync,
    paint: Paint,
) -> anyhow::Result<Answer> {
    if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
        anyhow::bail!("oxctl top needs a terminal; for a script: oxctl --raw status");
    }
    let mut terminal = ratatui::try_init()?;
    let shown = std::thread::scope(|scope| {
        let (answers, _stop) = poll::start(scope, addresses, &connect, EVERY);
        let fleet = Fleet::new(addresses.iter().map(ToString::to_string).collect());
        let mut screen = Screen::new(fleet, paint);
        let mut stale = true;
        loop {
            if stale {
                terminal.draw(|frame| draw::draw(&mut screen, frame))?;
            }
            stale = false;
            while let Ok(answer) = answers.try_recv() {
                screen.take(answer);
                stale = true;
            }
            if event::poll(TURN)? {
                stale = true;
                let key = event::read()?.as_key_press_event();
                if key.is_some_and(|key| screen.key(key) == Flow::Leave) {
                    return Ok(());
                }
            }
        }
    });
    ratatui::try_restore()?;
    shown.map(|()| Answer::good(String::new()))
}
