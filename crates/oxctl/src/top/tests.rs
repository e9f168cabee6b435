use super::draw::draw;
use super::fleet::Fleet;
use super::poll::Sample;
use super::screen::{Flow, Screen};
use crate::paint::{ColorChoice, Paint};
use blueox_control::Status;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::json;

const AGENT: &str = include_str!("../../tests/it/agent.json");
const BUSY: &str = include_str!("../../tests/it/busy.json");

/// Two daemons with a past, and one that nobody reaches.
fn screen() -> Screen {
    let names = ["web-1:3513", "127.0.0.1:3513", "db-1:3513"].map(str::to_owned);
    let mut screen = Screen::new(Fleet::new(names.to_vec()), Paint::new(ColorChoice::Never));
    for (daemon, text) in [(0, AGENT), (1, BUSY)] {
        for second in 0..9 {
            screen.take(Sample { daemon, outcome: Ok(Box::new(later(text, second))) });
        }
    }
    let failure = "no oxd at db-1:3513 (connection refused); is it running? try: oxd --log-path ./logs";
    screen.take(Sample { daemon: 2, outcome: Err(failure.into()) });
    screen
}

/// The status some seconds later: 30 requests came in each second, and ever more of everything.
fn later(text: &str, second: u64) -> Status {
    let mut value: serde_json::Value = serde_json::from_str(text).unwrap();
    let at = value["started"].as_f64().unwrap() + value["uptime_seconds"].as_f64().unwrap() + second as f64;
    value["now"] = json!(at);
    value["events"]["rate_in"] = json!(100 * second);
    for types in ["types", "hosts"] {
        for (_, seen) in value.get_mut(types).and_then(|seen| seen.as_object_mut()).into_iter().flatten() {
            seen["count"] = json!(seen["count"].as_u64().unwrap() + second * 30);
        }
    }
    serde_json::from_value(value).unwrap()
}

fn press(screen: &mut Screen, keys: &str) {
    for key in keys.chars() {
        let code = match key {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⇥' => KeyCode::Tab,
            '⌫' => KeyCode::Backspace,
            letter => KeyCode::Char(letter),
        };
        assert_eq!(screen.key(KeyEvent::new(code, KeyModifiers::NONE)), Flow::Stay, "{key}");
    }
}

/// The screen as text.
fn shown(screen: &mut Screen, columns: u16, lines: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, lines)).unwrap();
    terminal.draw(|frame| draw(screen, frame)).unwrap();
    let buffer = terminal.backend().buffer();
    let row = |y| (0..columns).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..lines).map(|y| row(y).trim_end().to_owned() + "\n").collect()
}

#[track_caller]
fn assert_shown(screen: &mut Screen, golden: &str) {
    let text = shown(screen, 130, 12);
    assert!(text == golden, "shown:\n{text}\nexpected:\n{golden}");
}

#[test]
fn all_views() {
    let mut screen = screen();
    for (key, golden) in [
        ('1', include_str!("golden/daemons.txt")),
        ('2', include_str!("golden/types.txt")),
        ('3', include_str!("golden/hosts.txt")),
        ('4', include_str!("golden/destinations.txt")),
        ('5', include_str!("golden/queue.txt")),
    ] {
        press(&mut screen, &key.to_string());
        if std::env::var_os("BLUEOX_BLESS").is_some() {
            let name = screen.view.title().to_lowercase();
            let path = format!("{}/src/top/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
            std::fs::write(path, shown(&mut screen, 130, 12)).unwrap();
        } else {
            assert_shown(&mut screen, golden);
        }
    }
}

fn first_column(screen: &Screen) -> Vec<String> {
    screen.rows().into_iter().map(|mut row| row.cells.swap_remove(0).text).collect()
}

#[test]
fn rows_are_sorted_by_any_column_and_filtered_by_any_text() {
    let mut screen = screen();
    press(&mut screen, "2");
    // the fastest first; all were as fast: as they are named
    assert_eq!(screen.sorted_by(), Some((1, false)));
    press(&mut screen, "s");
    let by_count = first_column(&screen);
    assert_eq!(by_count[0], "request");
    press(&mut screen, "r");
    assert_eq!(first_column(&screen), by_count.into_iter().rev().collect::<Vec<_>>());
    press(&mut screen, "/SQL⏎");
    assert_eq!(first_column(&screen), ["request.sql"]);
    press(&mut screen, "/⌫⌫⌫q⎋");
    assert!(first_column(&screen).len() > 1);
    press(&mut screen, "/no such name⏎");
    assert!(shown(&mut screen, 80, 10).contains("nothing has this in it"));
}

#[test]
fn into_a_daemon_and_out_again() {
    let mut screen = screen();
    press(&mut screen, "j⏎");
    assert_eq!((screen.only, screen.view.title()), (Some(1), "Types"));
    assert!(first_column(&screen).iter().any(|name| name == "job"));
    press(&mut screen, "⎋");
    assert_eq!((screen.only, screen.view.title()), (None, "Daemons"));
    // types have nothing to go into
    press(&mut screen, "2⏎");
    assert_eq!((screen.only, screen.view.title()), (None, "Types"));
}

#[test]
fn a_paused_screen_stands_still_and_goes_on_with_what_came() {
    let mut screen = screen();
    press(&mut screen, "2 ");
    let before = shown(&mut screen, 130, 12);
    assert!(before.contains("paused"));
    screen.take(Sample { daemon: 1, outcome: Ok(Box::new(later(BUSY, 100))) });
    assert_eq!(shown(&mut screen, 130, 12), before);
    press(&mut screen, " ");
    assert!(shown(&mut screen, 130, 12).contains("403,000"));
}

#[test]
fn a_daemon_that_is_started_again_counts_from_zero() {
    let mut screen = screen();
    let mut status = later(BUSY, 10);
    status.started = status.started.map(|started| started + 5.0);
    status.types.get_mut("request").unwrap().count = Some(1);
    screen.take(Sample { daemon: 1, outcome: Ok(Box::new(status)) });
    let daemon = &screen.fleet().daemons[1];
    assert_eq!((daemon.types["request"].seen.count, daemon.types["request"].rates.last()), (Some(1), 30.0));
}

#[test]
fn any_size_and_any_key_are_harmless() {
    let mut screen = screen();
    for (columns, lines) in [(1, 1), (3, 2), (20, 5), (300, 80)] {
        for key in ["1", "2", "4", "G", "kkkk", "s", "r", "/", "x", "⎋", "⇥", "\u{0}"] {
            press(&mut screen, key);
            let _ = shown(&mut screen, columns, lines);
        }
    }
    let leave = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(screen.key(leave), Flow::Leave);
}
