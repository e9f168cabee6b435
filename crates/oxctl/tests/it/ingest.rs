//! oxingest: the real binary against a collector of the native protocol.

use crate::Said;
use crate::collector::Collector;
use blueox_event::{Value, json, msgpack::RawValue};
use std::io::Write;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::Ordering;

fn oxingest(to: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxingest"));
    command.env_clear().env("BLUEOX_HOST", to).args(arguments).stdin(Stdio::piped());
    if !arguments.iter().any(|argument| matches!(*argument, "--drain" | "--generate")) {
        command.args(["--drain", "60s"]); // a machine with other load may take its time
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(child: Child) -> Said {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { out: text(stdout), err: text(stderr), code: status.code() }
}

/// Runs it over this standard input.
fn fed(mut command: Command, input: impl AsRef<[u8]>) -> Said {
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
    said(child)
}

/// Type and body of an event, as JSON.
fn shown(event: &Value) -> String {
    let Value::Map(pairs) = event else { panic!("no map: {event:?}") };
    let member = |key: &str| pairs.iter().find(|(name, _)| *name == Value::from(key)).map(|(_, value)| value);
    let mut text = String::new();
    for key in ["type", "body"] {
        let bytes = member(key).unwrap().to_msgpack();
        json::write(RawValue::parse(&bytes).unwrap().unwrap(), &mut text);
    }
    text
}

fn events(collector: &Collector) -> Vec<String> {
    collector.got().events.iter().map(shown).collect()
}

fn good() -> Said {
    Said { out: String::new(), err: String::new(), code: Some(0) }
}

/// A line of the input, a line of the events.
#[test]
fn lines_of_each_format() {
    for (arguments, input, expected) in [
        (
            &["backup"][..],
            "first\n\nlast, without an end",
            [r#""backup"{"data":"first"}"#, r#""backup"{"data":"last, without an end"}"#],
        ),
        (
            &["web", "--format", "json"],
            "{\"status\": 200, \"user\": {\"id\": 42}}\n{\"a.b\": null}\n",
            [r#""web"{"status":200,"user":{"id":42}}"#, r#""web"{"a.b":null}"#],
        ),
        (
            &["app", "--format", "logfmt"],
            "level=info msg=\"two words\"\nok user.id=42\n",
            [r#""app"{"level":"info","msg":"two words"}"#, r#""app"{"ok":true,"user":{"id":42}}"#],
        ),
        (
            &["job", "--regex", r"^(?<job>\w+) took (?<took.seconds>[0-9.]+)s"],
            "clean took 1.5s\r\nsweep took 3s\r\n",
            [
                r#""job"{"job":"clean","took":{"seconds":1.5}}"#,
                r#""job"{"job":"sweep","took":{"seconds":3}}"#,
            ],
        ),
    ] {
        let collector = Collector::start();
        assert_eq!(fed(oxingest(&collector.address, arguments), input), good());
        assert_eq!(events(&collector), expected, "{arguments:?}");
        assert_eq!(collector.got().farewells, 1);
    }
}

#[test]
fn what_is_not_of_the_format_is_sent_as_text_and_counted() {
    let collector = Collector::start();
    let said =
        fed(oxingest(&collector.address, &["web", "--format", "json", "-v"]), "{\"n\": 1}\nTraceback:\n");
    let note = "oxingest: 1 of 2 lines are not of the format; they were sent as text, under data\n";
    let summary = format!("oxingest: 2 events are on the disk of the oxd at {}\n", collector.address);
    assert_eq!(said, Said { err: format!("{note}{summary}"), ..good() });
    assert_eq!(events(&collector), [r#""web"{"n":1}"#, r#""web"{"data":"Traceback:"}"#]);
}

#[test]
fn nothing_at_all_needs_no_daemon() {
    assert_eq!(fed(oxingest("127.0.0.1:1", &["web"]), ""), good());
}

#[test]
fn without_a_daemon_it_says_so_and_ends_in_time() {
    let said = fed(oxingest("127.0.0.1:1", &["web", "--drain", "1s"]), "one\ntwo\n");
    let beginning = "error: 2 of 2 events did not reach the oxd at 127.0.0.1:1";
    let why = ": no oxd at 127.0.0.1:1 (Connection refused (os error 111)); is it running?";
    // The reason is known when the first attempt to connect was made within the second.
    assert!([format!("{beginning}{why}\n"), format!("{beginning}\n")].contains(&said.err), "{}", said.err);
    assert_eq!((said.out.as_str(), said.code), ("", Some(1)));
}

/// 40 MB, more than what may be on its way, while the daemon takes nothing: reading stops, and goes on.
#[test]
fn while_the_daemon_is_away_nothing_is_read_and_nothing_is_lost() {
    let collector = Collector::start();
    collector.script.cuts.store(true, Ordering::Relaxed);
    let line = "x".repeat(4000);
    let input: String = (0..10_000).map(|n| format!("{n} {line}\n")).collect();
    let mut child = oxingest(&collector.address, &["web"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    drop(collector.wait(|got| got.connections > 2));
    collector.script.cuts.store(false, Ordering::Relaxed);
    feeding.join().unwrap();
    assert_eq!(said(child), good());
    let got = collector.got();
    assert_eq!(got.events.len(), 10_000);
    for (n, event) in got.events.iter().enumerate() {
        assert!(shown(event).contains(&format!(r#"{{"data":"{n} xxx"#)), "{n}");
    }
}

#[test]
fn a_line_that_is_too_long_comes_in_parts() {
    let collector = Collector::start();
    let said = fed(oxingest(&collector.address, &["web"]), format!("{}\nshort\n", "x".repeat(600_000)));
    assert_eq!(said, good());
    let shapes: Vec<_> =
        events(&collector).iter().map(|event| (event[..15].to_owned(), event.len())).collect();
    let long = r#""web"{"part":1,"#;
    let expected =
        [(long.to_owned(), 262_169), (long.replace('1', "2"), 262_169), (long.replace('1', "3"), 75_737)];
    assert_eq!(shapes[..3], expected);
    assert_eq!(shapes[3].1, r#""web"{"data":"short"}"#.len());
}

#[test]
fn files_have_types_and_a_signal_ends_following_with_nothing_lost() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("access.log"), "old\n").unwrap();
    std::fs::write(path("other"), "one\n").unwrap();
    let collector = Collector::start();
    let named = format!("shop.web:{}", path("other"));
    let child =
        oxingest(&collector.address, &["--from-start", "-F", &path("access.log"), &named]).spawn().unwrap();
    drop(collector.wait(|got| got.events.len() == 2));
    std::fs::rename(path("other"), path("other.1")).unwrap();
    std::fs::write(path("other"), "two\nhalf").unwrap();
    drop(collector.wait(|got| got.events.len() == 3));
    let terminated = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(terminated.success());
    assert_eq!(said(child), good());
    assert_eq!(
        events(&collector),
        [
            r#""access"{"data":"old"}"#,
            r#""shop.web"{"data":"one"}"#,
            r#""shop.web"{"data":"two"}"#,
            r#""shop.web"{"data":"half"}"#
        ]
    );
}

/// Ended in order, with a daemon that takes nothing, and killed: what comes twice, and that nothing is lost.
#[test]
fn with_a_state_directory_it_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (log, state) = (path("web.log"), path("state"));
    let append = |text: &str| {
        let mut file = std::fs::File::options().create(true).append(true).open(&log).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    };
    let start = |to: &str, drain: &str| {
        let arguments = ["--from-start", "--state-dir", &state, "--drain", drain, "-F", &log];
        oxingest(to, &arguments).spawn().unwrap()
    };
    let end = |child: Child| {
        assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
        said(child)
    };
    append("one\ntw");
    let collector = Collector::start();
    let child = start(&collector.address, "60s");
    drop(collector.wait(|got| got.events.len() == 1));
    assert_eq!(end(child), good());
    append("o\nthree\n");
    let child = start(&collector.address, "60s");
    drop(collector.wait(|got| got.events.len() == 3));
    assert_eq!(end(child), good());
    // Nobody takes it: it is read, and not counted as sent.
    append("four\n");
    let child = start("127.0.0.1:1", "0s");
    let short = end(child);
    assert_ne!(
        (short.code, short.err.contains("1 of 1 events did not reach")),
        (Some(0), false),
        "{short:?}"
    );
    let child = start(&collector.address, "60s");
    drop(collector.wait(|got| got.events.len() == 4));
    assert_eq!(end(child), good());
    let lines = ["one", "two", "three", "four"].map(|line| format!(r#""web"{{"data":"{line}"}}"#));
    assert_eq!(events(&collector), lines);
    // Killed: at worst the last second comes again.
    append("five\n");
    let mut child = start(&collector.address, "60s");
    drop(collector.wait(|got| got.events.len() == 5));
    child.kill().unwrap();
    child.wait().unwrap();
    append("six\n");
    let child = start(&collector.address, "60s");
    drop(collector.wait(|got| got.events.iter().any(|event| shown(event).contains("six"))));
    assert_eq!(end(child), good());
    let after = events(&collector).split_off(5);
    let line = |line: &str| format!(r#""web"{{"data":"{line}"}}"#);
    assert!(after == [line("six")] || after == [line("five"), line("six")], "{after:?}");
}

#[test]
fn a_signal_ends_reading_of_an_input_that_does_not_end() {
    let collector = Collector::start();
    let mut child = oxingest(&collector.address, &["web"]).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"one\ntwo").unwrap();
    drop(collector.wait(|got| got.events.len() == 1));
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(said(child), good());
    assert_eq!(events(&collector), [r#""web"{"data":"one"}"#, r#""web"{"data":"two"}"#]);
    drop(stdin);
}

#[test]
fn wrong_usage() {
    for (arguments, problem) in [
        (&[][..], "error: name the events' TYPE, or files to follow with -F"),
        (&["web", "--format", "xml"], "error: invalid value 'xml'"),
        (&["web", "--format", "regex"], "error: --format regex needs --regex PATTERN"),
        (&["web", "--format", "json", "--regex", "(?<a>x)"], "error: --regex is for --format regex"),
        (&["web", "--regex", "("], "error: --regex: regex parse error"),
        (&["web", "-H", "web-1:http"], "error: invalid value 'web-1:http'"),
        (&["web", "--from-start"], "error: the following required arguments were not provided"),
        (&["web", "--state-dir", "x"], "error: the following required arguments were not provided"),
        (&["web", "--drain", "soon"], "error: invalid value 'soon'"),
    ] {
        let said = fed(oxingest("127.0.0.1:1", arguments), "");
        assert!(said.err.starts_with(problem), "{arguments:?} {}", said.err);
        assert_eq!((said.out.as_str(), said.code), ("", Some(2)));
    }
    let said = fed(oxingest("127.0.0.1:1", &["-F", "/proc/self/fd"]), "");
    assert_eq!(said.err, "error: cannot read /proc/self/fd: it is no file; try: oxingest TYPE < PATH\n");
    assert_eq!(said.code, Some(1));
}

#[test]
fn what_is_generated() {
    let man = fed(oxingest("", &["--generate", "man"]), "");
    assert!(man.out.contains(".TH oxingest 1") && man.code == Some(0), "{man:?}");
    let bash = fed(oxingest("", &["--generate", "completions", "bash"]), "");
    assert!(bash.out.contains("--from-start") && bash.code == Some(0));
}
