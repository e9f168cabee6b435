//! What is on the screen, and what the keys do to it.

use super::fleet::Fleet;
use super::poll::Sample;
use super::tables::{Row, View};
use crate::paint::Paint;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::widgets::TableState;
use std::cmp::Ordering;

/// How far PageUp and PageDown go.
const PAGE: isize = 10;
/// The longest filter.
const MAX_FILTER: usize = 100;

/// Whether to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Stay,
    Leave,
}

/// The state of the screen.
pub(super) struct Screen {
    /// As it is now.
    fleet: Fleet,
    /// As it was when the user stopped it.
    frozen: Option<Fleet>,
    pub(super) view: View,
    /// Only this daemon.
    pub(super) only: Option<usize>,
    /// Only rows that have this in their text.
    pub(super) filter: String,
    pub(super) is_typing: bool,
    /// The column to sort by, and whether the smallest comes first; none: as the daemons were named.
    pub(super) sort: Option<(usize, bool)>,
    pub(super) cursor: TableState,
    pub(super) paint: Paint,
}

impl Screen {
    pub(super) fn new(fleet: Fleet, paint: Paint) -> Self {
        Self {
            fleet,
            frozen: None,
            view: View::Daemons,
            only: None,
            filter: String::new(),
            is_typing: false,
            sort: None,
            cursor: TableState::new().with_selected(0),
            paint,
        }
    }

    /// Takes what a daemon answered.
    pub(super) fn take(&mut self, sample: Sample) {
        self.fleet.take(sample);
    }

    /// What is to be shown.
    pub(super) fn fleet(&self) -> &Fleet {
        self.frozen.as_ref().unwrap_or(&self.fleet)
    }

    pub(super) fn is_paused(&self) -> bool {
        self.frozen.is_some()
    }

    /// The rows to show, in order.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = self.view.rows(self.fleet(), self.only);
        let wanted = self.filter.to_lowercase();
        rows.retain(|row| row.cells.iter().any(|cell| cell.text.to_lowercase().contains(&wanted)));
        if let Some((column, ascending)) = self.sorted_by() {
            rows.sort_by(|a, b| {
                let order = compare(a, b, column);
                if ascending { order } else { order.reverse() }
            });
        }
        rows
    }

    /// The column in force: types and hosts show the fastest first unless told otherwise.
    pub(super) fn sorted_by(&self) -> Option<(usize, bool)> {
        self.sort.or(matches!(self.view, View::Types | View::Hosts).then_some((1, false)))
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: KeyEvent) -> Flow {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Flow::Leave;
        }
        if self.is_typing {
            self.type_filter(key.code);
            return Flow::Stay;
        }
        match key.code {
            KeyCode::Char('q') => return Flow::Leave,
            KeyCode::Char(digit @ '1'..='5') => self.go_to(View::ALL[digit as usize - '1' as usize]),
            KeyCode::Tab | KeyCode::Right => self.turn(1),
            KeyCode::BackTab | KeyCode::Left => self.turn(View::ALL.len() - 1),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown => self.step(PAGE),
            KeyCode::PageUp => self.step(-PAGE),
            KeyCode::Home | KeyCode::Char('g') => self.cursor.select(Some(0)),
            KeyCode::End | KeyCode::Char('G') => self.step(isize::MAX),
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => {
                self.sort = self.sorted_by().map(|(column, ascending)| (column, !ascending));
            }
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Char(' ') => {
                self.frozen = if self.frozen.is_some() { None } else { Some(self.fleet.clone()) };
            }
            KeyCode::Enter => self.go_in(),
            KeyCode::Esc => self.go_out(),
            _ => {}
        }
        Flow::Stay
    }

    fn type_filter(&mut self, key: KeyCode) {
        match key {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => {
                self.is_typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(letter) if self.filter.len() < MAX_FILTER => self.filter.push(letter),
            _ => {}
        }
        self.cursor.select(Some(0));
    }

    fn go_to(&mut self, view: View) {
        self.view = view;
        self.sort = None;
        self.cursor = TableState::new().with_selected(0);
    }

    fn turn(&mut self, by: usize) {
        let at = View::ALL.iter().position(|view| *view == self.view).unwrap_or(0);
        self.go_to(View::ALL[(at + by) % View::ALL.len()]);
    }

    fn step(&mut self, by: isize) {
        let last = self.rows().len().saturating_sub(1);
        let at = self.cursor.selected().unwrap_or(0);
        self.cursor.select(Some(at.saturating_add_signed(by).min(last)));
    }

    /// The columns one after another: numbers from the largest on, names from A on.
    fn sort_by_next(&mut self) {
        let columns = self.view.columns();
        let next = self.sorted_by().map_or(0, |(column, _)| (column + 1) % columns.len());
        let is_number = columns[next].right || columns[next].title == "last minute";
        self.sort = Some((next, !is_number));
    }

    /// The types of the daemon under the cursor.
    fn go_in(&mut self) {
        let rows = self.rows();
        let chosen = self.cursor.selected().and_then(|at| rows.get(at)?.daemon);
        if let Some(daemon) = chosen {
            self.only = Some(daemon);
            self.filter.clear();
            self.go_to(View::Types);
        }
    }

    fn go_out(&mut self) {
        if !self.filter.is_empty() {
            self.filter.clear();
        } else if self.only.take().is_some() {
            self.go_to(View::Daemons);
        }
    }
}

fn compare(a: &Row, b: &Row, column: usize) -> Ordering {
    let (Some(a), Some(b)) = (a.cells.get(column), b.cells.get(column)) else { return Ordering::Equal };
    match (a.number, b.number) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.text.cmp(&b.text),
    }
}
