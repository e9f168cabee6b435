//! The screen as cells of a terminal.

use super::fleet::{Daemon, History};
use super::screen::Screen;
use super::tables::{Column, Row, Tone, View, trouble};
use crate::figures::{bytes, count, counted, rate};
use blueox_control::printable;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Paragraph, Row as TableRow, Table};

const KEYS: &str =
    "1-5 view   ↑↓ row   Enter into   Esc out   s sort   r reverse   / filter   Space pause   q quit";

/// Draws all of it.
pub(super) fn draw(screen: &mut Screen, frame: &mut Frame<'_>) {
    let [head, tabs, _, table, wrong, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Min(3),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(totals(screen)), head);
    frame.render_widget(Paragraph::new(views(screen)), tabs);
    draw_table(screen, frame, table);
    frame.render_widget(Paragraph::new(first_trouble(screen)), wrong);
    frame.render_widget(Paragraph::new(Line::styled(KEYS, style(screen, Tone::Faint))), keys);
}

/// `in 1,204/s  out 1,204/s  queue 0 (0 B)  dropped 0  2 daemons`
fn totals(screen: &Screen) -> Line<'static> {
    let daemons: Vec<&Daemon> = screen.fleet().daemons.iter().collect();
    let events = || daemons.iter().filter_map(|daemon| daemon.status.as_ref()?.events.as_ref());
    let sum = |figure: fn(&blueox_control::status::EventCounters) -> u64| {
        events().map(figure).fold(0, u64::saturating_add)
    };
    let mut taken = History::default();
    for daemon in &daemons {
        taken.add(&daemon.taken);
    }
    let dropped = sum(blueox_control::status::EventCounters::dropped_total);
    let gone = daemons.iter().filter(|daemon| daemon.failure.is_some()).count();
    let faint = style(screen, Tone::Faint);
    let mut spans = vec![Span::styled("oxctl top  ", Style::new().add_modifier(Modifier::BOLD))];
    let mut word = |name: &'static str, figure: String, tone: Tone| {
        spans.push(Span::styled(name, faint));
        spans.push(Span::styled(format!(" {figure}  "), style(screen, tone)));
    };
    word("in", rate(taken.last()), Tone::Plain);
    word("queue", format!("{} ({})", count(sum(|e| e.queued)), bytes(sum(|e| e.queued_bytes))), Tone::Plain);
    word("dropped", count(dropped), if dropped > 0 { Tone::Bad } else { Tone::Plain });
    word("of", counted(daemons.len() as u64, "daemon"), Tone::Plain);
    if gone > 0 {
        word("gone", count(gone as u64), Tone::Bad);
    }
    if screen.is_paused() {
        word("paused", "(Space goes on)".into(), Tone::Warning);
    }
    Line::from(spans)
}

/// The names of the views, and what narrows them.
fn views(screen: &Screen) -> Line<'static> {
    let mut spans = Vec::new();
    for (index, view) in View::ALL.into_iter().enumerate() {
        let chosen = view == screen.view;
        let look =
            if chosen { Style::new().add_modifier(Modifier::REVERSED) } else { style(screen, Tone::Faint) };
        spans.push(Span::styled(format!(" {} {} ", index + 1, view.title()), look));
    }
    if let Some(daemon) = screen.only.and_then(|index| screen.fleet().daemons.get(index)) {
        spans.push(Span::raw(format!("  of {}", printable(&daemon.address))));
    }
    if screen.is_typing || !screen.filter.is_empty() {
        let cursor = if screen.is_typing { "▏" } else { "" };
        spans.push(Span::styled(format!("  /{}{cursor}", screen.filter), style(screen, Tone::Warning)));
    }
    Line::from(spans)
}

fn draw_table(screen: &mut Screen, frame: &mut Frame<'_>, area: Rect) {
    let rows = screen.rows();
    if rows.is_empty() {
        let text = Line::styled(format!("  {}", nothing(screen)), style(screen, Tone::Faint));
        frame.render_widget(Paragraph::new(text), area);
        return;
    }
    let last = rows.len() - 1;
    screen.cursor.select(Some(screen.cursor.selected().unwrap_or(0).min(last)));
    let columns = screen.view.columns();
    let sorted = screen.sorted_by();
    let title = |(index, column): (usize, &Column)| {
        let mark = match sorted {
            Some((by, ascending)) if by == index => {
                if ascending {
                    "▴"
                } else {
                    "▾"
                }
            }
            _ => "",
        };
        aligned(format!("{}{mark}", column.title), column, style(screen, Tone::Faint))
    };
    let header = TableRow::new(columns.iter().enumerate().map(title));
    let body = rows.into_iter().map(|row| table_row(screen, row, columns));
    let widths = columns.iter().map(|column| match column.width {
        0 => Constraint::Fill(1),
        width => Constraint::Length(width),
    });
    let table = Table::new(body, widths)
        .header(header)
        .column_spacing(2)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
    frame.render_stateful_widget(table, area, &mut screen.cursor);
}

fn table_row(screen: &Screen, row: Row, columns: &[Column]) -> TableRow<'static> {
    let cells = row.cells.into_iter().zip(columns);
    TableRow::new(cells.map(|(cell, column)| aligned(cell.text, column, style(screen, cell.tone))))
}

fn aligned(text: String, column: &Column, style: Style) -> Cell<'static> {
    let side = if column.right { Alignment::Right } else { Alignment::Left };
    Cell::new(Line::styled(text, style).alignment(side))
}

/// Why there is nothing to show.
fn nothing(screen: &Screen) -> &'static str {
    let known = screen.fleet().daemons.iter().any(|daemon| daemon.status.is_some());
    match screen.view {
        _ if !screen.filter.is_empty() => "nothing has this in it; Esc shows all again",
        _ if !known => "no daemon has answered yet",
        View::Destinations => "no daemon forwards; see oxctl forward --help",
        View::Queue => "no daemon has a spool",
        _ => "no events yet; send one: curl -d '{\"type\":\"hello\"}' 127.0.0.1:3514/v1/events",
    }
}

/// What is wrong at the first daemon where something is.
fn first_trouble(screen: &Screen) -> Line<'static> {
    let daemons = screen.fleet().daemons.iter();
    let wrong =
        daemons.filter_map(|daemon| Some((printable(&daemon.address).into_owned(), trouble(daemon)?)));
    let mut wrong = wrong.peekable();
    match wrong.next() {
        None => Line::default(),
        Some((address, trouble)) => {
            let more = wrong.count();
            let more = if more > 0 { format!("  (and {more} more)") } else { String::new() };
            Line::styled(format!("{address}: {trouble}{more}"), style(screen, Tone::Bad))
        }
    }
}

fn style(screen: &Screen, tone: Tone) -> Style {
    match tone {
        Tone::Plain => Style::new(),
        Tone::Faint => Style::new().add_modifier(Modifier::DIM),
        Tone::Good if screen.paint.is_on() => Style::new().fg(Color::Green),
        Tone::Warning if screen.paint.is_on() => Style::new().fg(Color::Yellow),
        Tone::Bad if screen.paint.is_on() => Style::new().fg(Color::Red).add_modifier(Modifier::BOLD),
        Tone::Bad => Style::new().add_modifier(Modifier::BOLD),
        Tone::Good | Tone::Warning => Style::new(),
    }
}
