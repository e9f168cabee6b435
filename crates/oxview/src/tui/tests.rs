use super::draw::draw;
use super::kept::{Keeper, Kept, lock};
use super::list::Entry;
use super::screen::{Flow, Screen};
use super::strip::{Bar, Strip};
use crate::palette::Palette;
use crate::sink::Sink;
use blueox_event::{EncodedEvent, Event, Value};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::sync::{Arc, Mutex};

const NOON: f64 = 1_331_640_000.0;

/// The nth request, 100 ms after the one before; each fifth fails.
fn request(n: u32) -> Vec<u8> {
    let status = if n % 5 == 4 { 500 } else { 200 };
    let end = NOON + f64::from(n) * 0.1;
    let body = [
        ("method", Value::from("GET")),
        ("path", Value::from("/cart")),
        ("status", Value::from(status)),
        ("n", Value::from(i64::from(n))),
    ];
    event("request", n, end - 0.02, end, Value::map(body))
}

/// A query of the nth request.
fn query(n: u32) -> Vec<u8> {
    let end = NOON + f64::from(n) * 0.1 - 0.005;
    event("request.sql", n, end - 0.01, end, Value::map([("query", Value::from("SELECT * FROM carts"))]))
}

fn event(type_name: &str, id: u32, start: f64, end: f64, body: Value) -> Vec<u8> {
    let id = Value::from(format!("4f5f36c0{id:024x}"));
    Event { type_name: type_name.into(), id, host: "web-2".into(), pid: 1, start, end, body }.to_msgpack()
}

struct Running {
    keeper: Keeper,
    screen: Screen,
}

impl Running {
    fn new(count: u32) -> Self {
        let shared = Arc::new(Mutex::new(Kept::default()));
        let screen = Screen::new(Arc::clone(&shared), Palette::none());
        let mut running = Self { keeper: Keeper::new(shared), screen };
        running.add(0..count);
        running
    }

    fn add(&mut self, numbers: std::ops::Range<u32>) {
        for bytes in numbers.flat_map(|n| [query(n), request(n)]) {
            let _ = self.keeper.event(&EncodedEvent::parse(&bytes).unwrap()).unwrap();
        }
        self.screen.refresh();
    }

    fn press(&mut self, keys: &str) {
        for key in keys.chars() {
            let code = match key {
                '⏎' => KeyCode::Enter,
                '⎋' => KeyCode::Esc,
                '⌫' => KeyCode::Backspace,
                letter => KeyCode::Char(letter),
            };
            let flow = self.screen.key(KeyEvent::new(code, KeyModifiers::NONE));
            assert_eq!(flow, Flow::Stay, "{key}");
        }
    }

    fn shown(&mut self, columns: u16, lines: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
        terminal.draw(|frame| draw(&mut self.screen, frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..lines).map(|y| row(y).trim_end().to_owned() + "\n").collect()
    }

    #[track_caller]
    fn assert_shown(&mut self, name: &str, golden: &str) {
        let text = self.shown(90, 16);
        if std::env::var_os("BLUEOX_BLESS").is_some() {
            let path = format!("{}/src/tui/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, text).unwrap();
        } else {
            assert!(text == golden, "shown:\n{text}\nexpected:\n{golden}");
        }
    }
}

#[test]
fn the_list_an_event_and_its_trace() {
    let mut running = Running::new(20);
    running.assert_shown("list", include_str!("golden/list.txt"));
    running.press("⏎");
    running.assert_shown("event", include_str!("golden/event.txt"));
    running.press("⎋kt");
    running.assert_shown("trace", include_str!("golden/trace.txt"));
    running.press("⎋/status >= 500⏎");
    running.assert_shown("filtered", include_str!("golden/filtered.txt"));
    running.press("/ and nonsense =⏎");
    let text = running.shown(120, 16);
    assert!(text.contains("the filter is wrong"), "{text}");
    running.press("⎋");
    assert_eq!(running.screen.list.entries().len(), 40);
}

#[test]
fn the_cursor_goes_with_the_newest_until_it_is_moved() {
    let mut running = Running::new(20);
    running.shown(90, 16);
    assert_eq!(running.screen.place(), 39);
    running.add(20..21);
    assert_eq!((running.screen.place(), running.screen.follows()), (41, true));
    running.press("kk");
    let before = running.shown(90, 16).lines().skip(5).take(9).map(str::to_owned).collect::<Vec<_>>();
    running.add(21..40);
    let after = running.shown(90, 16).lines().skip(5).take(9).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((running.screen.place(), before), (39, after));
    running.press("G");
    assert_eq!((running.screen.place(), running.screen.follows()), (79, true));
}

#[test]
fn a_paused_list_stands_still_and_says_how_much_came() {
    let mut running = Running::new(5);
    running.press(" ");
    running.add(5..8);
    let text = running.shown(90, 16);
    assert!(text.contains("10 events") && text.contains("paused, 6 new"), "{text}");
    running.press(" ");
    running.add(8..8);
    assert!(running.shown(90, 16).contains("16 events"));
}

#[test]
fn the_oldest_events_go_when_there_are_too_many() {
    let mut running = Running::new(3);
    running.press("g");
    running.add(3..60_000);
    assert_eq!(running.screen.list.entries().len(), 100_000);
    // the event under the cursor has gone: the next one is there
    assert_eq!(running.screen.place(), 0);
    assert!(running.shown(90, 16).contains("100000 events"));
}

#[test]
fn the_source_stops_when_nobody_looks_any_more() {
    let mut running = Running::new(1);
    assert!(running.keeper.idle().is_ok());
    let shared = Arc::new(Mutex::new(Kept::default()));
    let mut keeper = Keeper::new(Arc::clone(&shared));
    lock(&shared).is_wanted = false;
    assert!(keeper.idle().is_err());
    assert!(keeper.event(&EncodedEvent::parse(&request(1)).unwrap()).unwrap().is_break());
}

#[test]
fn any_size_and_any_event_are_harmless() {
    let mut running = Running::new(0);
    running.shown(1, 1);
    let evil = event("\u{1b}[2J\u{202e}", 1, f64::NAN, f64::INFINITY, Value::from("\u{1b}[31m"));
    let _ = running.keeper.event(&EncodedEvent::parse(&evil).unwrap()).unwrap();
    running.add(0..2);
    for (columns, lines) in [(1, 1), (5, 3), (20, 6), (300, 80)] {
        for key in ["⏎", "jjG", "⎋", "t", "⎋", "k", "/", "x⌫", "⎋"] {
            running.press(key);
            let text = running.shown(columns, lines);
            assert!(!text.contains('\u{1b}'));
        }
    }
}

#[test]
fn bars_hold_every_event_once() {
    let entry = |number, end, failed| Entry { number, end, failed };
    let entries = [entry(1, 0.0, false), entry(2, 1.0, true), entry(3, 9.9, false), entry(4, 10.0, false)];
    let strip = Strip::new(&entries, 10).unwrap();
    let bars: Vec<(usize, Bar)> =
        strip.bars.iter().copied().enumerate().filter(|(_, bar)| bar.events > 0).collect();
    let bar = |events, failed| Bar { events, failed };
    assert_eq!(bars, [(0, bar(1, 0)), (1, bar(1, 1)), (9, bar(2, 0))]);
    assert_eq!(strip.lines(2), ["         █", "██       █"]);
    assert_eq!(strip.failures(), " ✗        ");
    assert_eq!(Strip::new(&[entry(1, f64::NAN, false)], 10), None);
    assert_eq!(Strip::new(&[entry(1, 5.0, false)], 3).unwrap().bars[0], bar(1, 0));
}
