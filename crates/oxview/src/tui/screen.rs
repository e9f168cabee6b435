//! What is on the screen, and what the keys do to it.

use super::kept::{self, Kept};
use super::list::{Entry, List};
use crate::args::OutputForm;
use crate::form::{self, Audience};
use crate::palette::Palette;
use crate::progress::Messages;
use crate::projection::Projection;
use crate::sink::Sink;
use crate::trace::Trace;
use blueox_event::Filter;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::sync::{Arc, Mutex};

/// The longest filter.
const MAX_FILTER: usize = 1000;

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Stay,
    Leave,
}

/// What takes the large part of the screen.
pub(super) enum Pane {
    List,
    /// One event, or the waterfall of its id, as lines of text, from this line on.
    Text {
        title: &'static str,
        lines: Vec<String>,
        from: usize,
    },
}

/// The filter as it is typed.
#[derive(Default)]
pub(super) struct Typing {
    pub(super) text: String,
    pub(super) is_on: bool,
    pub(super) error: Option<String>,
}

/// The state of the screen.
pub(super) struct Screen {
    shared: Arc<Mutex<Kept>>,
    pub(super) list: List,
    pub(super) pane: Pane,
    pub(super) typing: Typing,
    pub(super) messages: Messages,
    /// The number of the event under the cursor; none: the newest, whatever comes.
    cursor: Option<u64>,
    /// The first line of the list that is shown.
    pub(super) top: usize,
    /// So many lines of the list are shown; known when it was drawn.
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) is_paused: bool,
    pub(super) has_ended: bool,
    pub(super) palette: Palette,
    pub(super) colored: bool,
}

impl Screen {
    pub(super) fn new(shared: Arc<Mutex<Kept>>, palette: Palette) -> Self {
        Self {
            shared,
            list: List::new(),
            pane: Pane::List,
            typing: Typing::default(),
            messages: Messages::default(),
            cursor: None,
            top: 0,
            height: 1,
            width: 80,
            is_paused: false,
            has_ended: false,
            colored: palette.is_on(),
            palette: Palette::none(),
        }
    }

    pub(super) fn with_messages(self, messages: Messages) -> Self {
        Self { messages, ..self }
    }

    /// Takes what came; `true`: something is to be drawn anew.
    pub(super) fn refresh(&mut self) -> bool {
        let kept = kept::lock(&self.shared);
        let ended = std::mem::replace(&mut self.has_ended, kept.has_ended) != kept.has_ended;
        (!self.is_paused && self.list.refresh(&kept)) || ended || self.messages.are_new()
    }

    /// How many came since the screen was paused.
    pub(super) fn waiting(&self) -> u64 {
        let kept = kept::lock(&self.shared);
        kept.numbers().end.saturating_sub(self.list.entries().back().map_or(0, |entry| entry.number + 1))
    }

    /// Which line of the list the cursor is on.
    pub(super) fn place(&self) -> usize {
        let last = self.list.entries().len().saturating_sub(1);
        self.cursor.map_or(last, |number| self.list.place(number).min(last))
    }

    /// Whether the cursor goes with the newest event.
    pub(super) fn follows(&self) -> bool {
        self.cursor.is_none()
    }

    /// The events of the lines that are shown, with what is to be said of each.
    pub(super) fn shown<T>(
        &self,
        mut tell: impl FnMut(Entry, &blueox_event::EncodedEvent<'_>) -> T,
    ) -> Vec<T> {
        let kept = kept::lock(&self.shared);
        let lines = self.list.entries().iter().skip(self.top).take(self.height);
        lines.filter_map(|entry| Some(tell(*entry, &kept.get(entry.number)?))).collect()
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Flow::Leave;
        }
        if self.typing.is_on {
            self.type_filter(key.code);
            return Flow::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Flow::Leave,
            KeyCode::Char(' ') => self.is_paused = !self.is_paused,
            KeyCode::Char('/') => {
                self.pane = Pane::List;
                self.typing.is_on = true;
            }
            KeyCode::Char('t') => self.open_trace(),
            KeyCode::Enter => self.open_event(),
            KeyCode::Esc => self.go_out(),
            code => self.go(code),
        }
        Flow::Stay
    }

    fn go(&mut self, code: KeyCode) {
        let page = self.height.max(2) as isize - 1;
        let by = match code {
            KeyCode::Down | KeyCode::Char('j') => 1,
            KeyCode::Up | KeyCode::Char('k') => -1,
            KeyCode::PageDown => page,
            KeyCode::PageUp => -page,
            KeyCode::Home | KeyCode::Char('g') => isize::MIN / 2,
            KeyCode::End | KeyCode::Char('G') => isize::MAX / 2,
            _ => return,
        };
        match &mut self.pane {
            Pane::Text { lines, from, .. } => {
                *from = from.saturating_add_signed(by).min(lines.len().saturating_sub(1));
            }
            Pane::List => {
                let entries = self.list.entries();
                let to = self.place().saturating_add_signed(by);
                // beyond the last line it goes with what comes
                self.cursor =
                    if to + 1 >= entries.len() { None } else { entries.get(to).map(|entry| entry.number) };
            }
        }
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => return self.apply_filter(),
            KeyCode::Esc => {
                self.typing = Typing::default();
                return self.apply_filter();
            }
            KeyCode::Backspace => {
                self.typing.text.pop();
            }
            KeyCode::Char(letter) if self.typing.text.len() < MAX_FILTER => self.typing.text.push(letter),
            _ => {}
        }
        self.typing.error = None;
    }

    fn apply_filter(&mut self) {
        let text = self.typing.text.trim();
        let filter = match Filter::parse(text) {
            _ if text.is_empty() => None,
            Ok(filter) => Some(filter),
            Err(error) => {
                self.typing.error = Some(error.to_string());
                return;
            }
        };
        self.typing.is_on = false;
        self.list.set_filter(filter, &kept::lock(&self.shared));
    }

    fn go_out(&mut self) {
        if matches!(self.pane, Pane::Text { .. }) {
            self.pane = Pane::List;
        } else {
            self.typing = Typing::default();
            self.apply_filter();
        }
    }

    fn open_event(&mut self) {
        let audience = Audience { palette: self.palette, columns: Some(self.width) };
        let mut pretty = form::form(OutputForm::Pretty, Projection::default(), audience);
        let mut text = Vec::new();
        let Some(entry) = self.list.entries().get(self.place()).copied() else { return };
        self.cursor = Some(entry.number);
        if let Some(event) = kept::lock(&self.shared).get(entry.number) {
            pretty.event(&event, &mut text);
        }
        self.open_text("event", &String::from_utf8_lossy(&text));
    }

    /// The waterfall of all kept events with the id of the one under the cursor.
    fn open_trace(&mut self) {
        let Some(entry) = self.list.entries().get(self.place()).copied() else { return };
        self.cursor = Some(entry.number);
        let mut trace = Trace::new(false);
        {
            let kept = kept::lock(&self.shared);
            let Some(chosen) = kept.get(entry.number) else { return };
            let id = chosen.id_text();
            for event in kept.numbers().filter_map(|number| kept.get(number)) {
                if event.id_text() == id {
                    let _ = trace.event(&event);
                }
            }
        }
        let drawing = trace.drawing(self.palette, Some(self.width)).unwrap_or_default();
        self.open_text("trace", &drawing);
    }

    fn open_text(&mut self, title: &'static str, text: &str) {
        let lines = text.lines().map(str::to_owned).collect();
        self.pane = Pane::Text { title, lines, from: 0 };
    }
}
