//! The screen as cells of a terminal.

use super::screen::{Pane, Screen};
use super::strip::Strip;
use crate::summary::Summarizer;
use crate::{duration, fields, text};
use blueox_event::EncodedEvent;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

/// Lines of the strip's bars.
const STRIP: usize = 2;
const HOST: usize = 12;
const TYPE: usize = 18;
const DURATION: usize = 6;
const KEYS: &str = "↑↓ move   Enter event   t trace   Esc back   / filter   G newest   Space pause   q quit";

/// Draws all of it.
pub(super) fn draw(screen: &mut Screen, frame: &mut Frame<'_>) {
    let [head, strip, pane, status, keys] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(STRIP as u16 + 2),
        Constraint::Min(1),
        Constraint::Length(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    (screen.height, screen.width) = (pane.height.into(), pane.width.into());
    frame.render_widget(Paragraph::new(heading(screen)), head);
    frame.render_widget(Paragraph::new(strip_lines(screen, strip.width.into())), strip);
    match &screen.pane {
        Pane::List => draw_list(screen, frame, pane),
        Pane::Text { lines, from, .. } => {
            let shown = lines.iter().skip(*from).take(pane.height.into());
            let shown = shown.map(|line| {
                let failed = line.contains('✗');
                Line::styled(line.clone(), if failed { bad(screen) } else { Style::new() })
            });
            frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), pane);
        }
    }
    frame.render_widget(Paragraph::new(status_line(screen)), status);
    frame.render_widget(Paragraph::new(Line::styled(KEYS, faint())), keys);
}

/// `oxview  412 events, 3 failed  event 17   /type = request`
fn heading(screen: &Screen) -> Line<'static> {
    let entries = screen.list.entries();
    let failed = entries.iter().filter(|entry| entry.failed).count();
    let mut spans = vec![Span::styled("oxview  ", Style::new().add_modifier(Modifier::BOLD))];
    spans.push(Span::raw(format!("{} events", entries.len())));
    if failed > 0 {
        spans.push(Span::styled(format!(", ✗ {failed} failed"), bad(screen)));
    }
    if let Pane::Text { title, lines, from } = &screen.pane {
        spans.push(Span::raw(format!("   {title}, line {} of {}", from + 1, lines.len())));
    } else if !entries.is_empty() {
        spans.push(Span::raw(format!("   at {}", screen.place() + 1)));
    }
    if screen.is_paused {
        spans.push(Span::styled(format!("   paused, {} new (Space)", screen.waiting()), warning(screen)));
    } else if screen.has_ended {
        spans.push(Span::styled("   complete", faint()));
    } else if screen.follows() {
        spans.push(Span::styled("   ● live", good(screen)));
    }
    if screen.typing.is_on || !screen.typing.text.is_empty() {
        let cursor = if screen.typing.is_on { "▏" } else { "" };
        spans.push(Span::styled(format!("   /{}{cursor}", screen.typing.text), warning(screen)));
    }
    Line::from(spans)
}

fn strip_lines(screen: &Screen, columns: usize) -> Vec<Line<'static>> {
    let Some(strip) = Strip::new(screen.list.entries(), columns) else { return Vec::new() };
    let mut lines: Vec<Line<'static>> = strip.lines(STRIP).into_iter().map(Line::raw).collect();
    lines.push(Line::styled(strip.failures(), bad(screen)));
    let clock = |time: f64| fields::timestamp(time).get(11..19).unwrap_or_default().to_owned();
    let (begin, end) = (clock(strip.begin), format!("{} UTC", clock(strip.end)));
    let gap = columns.saturating_sub(begin.len() + end.len());
    lines.push(Line::styled(format!("{begin}{:gap$}{end}", ""), faint()));
    lines
}

fn draw_list(screen: &mut Screen, frame: &mut Frame<'_>, area: Rect) {
    let place = screen.place();
    // the cursor stays in sight, and the list stands still otherwise
    let last_top = place.saturating_sub(screen.height.saturating_sub(1));
    let full = screen.list.entries().len().saturating_sub(screen.height);
    screen.top = screen.top.clamp(last_top, place).min(full);
    if screen.list.entries().is_empty() {
        let text = match (screen.typing.text.is_empty(), screen.has_ended) {
            (false, _) => "no event matches the filter; Esc shows all again",
            (true, true) => "there are no events; with other --since, -n or -q there may be",
            (true, false) => "no event yet",
        };
        frame.render_widget(Paragraph::new(Line::styled(format!("  {text}"), faint())), area);
        return;
    }
    let summarizer = Summarizer::new();
    let top = screen.top;
    let mut rows = screen.shown(|entry, event| row(screen, &summarizer, event, entry.failed));
    if let Some(row) = rows.get_mut(place.saturating_sub(top)) {
        *row = std::mem::take(row).patch_style(Style::new().add_modifier(Modifier::REVERSED));
    }
    frame.render_widget(Paragraph::new(rows), area);
}

/// `12:00:03.412 web-2 request  812ms GET /cart 500`
fn row(screen: &Screen, summarizer: &Summarizer, event: &EncodedEvent<'_>, failed: bool) -> Line<'static> {
    let stamp = event.end().map(fields::timestamp).unwrap_or_default();
    let time = stamp.get(11..23).unwrap_or("--:--:--.---").to_owned();
    let cell = |bytes: &[u8], width| text::pad(&text::cut(&text::printable_text(bytes), width), width);
    let took = event.duration().map(duration::short).unwrap_or_default();
    let mark = if failed { "✗ " } else { "" };
    let look = if failed { bad(screen) } else { Style::new() };
    let kind = if failed { bad(screen) } else { name(screen) };
    let about = text::cut(&format!("{mark}{}", summarizer.of(event).text), screen.width);
    Line::from(vec![
        Span::styled(format!("{time} {} ", cell(event.host().unwrap_or(b"-"), HOST)), faint()),
        Span::styled(format!("{} ", cell(event.type_bytes(), TYPE)), kind),
        Span::styled(format!("{took:>DURATION$} "), look),
        Span::styled(about, look),
    ])
}

/// What is wrong with the filter, else what the source had to say.
fn status_line(screen: &Screen) -> Line<'static> {
    match (&screen.typing.error, screen.messages.last()) {
        (Some(error), _) => Line::styled(format!("the filter is wrong: {error}"), bad(screen)),
        (None, Some(message)) => Line::styled(message, warning(screen)),
        (None, None) => Line::default(),
    }
}

fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn colored(screen: &Screen, color: Color) -> Style {
    if screen.colored { Style::new().fg(color) } else { Style::new() }
}

fn bad(screen: &Screen) -> Style {
    colored(screen, Color::Red).add_modifier(Modifier::BOLD)
}

fn warning(screen: &Screen) -> Style {
    colored(screen, Color::Yellow)
}

fn good(screen: &Screen) -> Style {
    colored(screen, Color::Green)
}

fn name(screen: &Screen) -> Style {
    colored(screen, Color::Cyan)
}
