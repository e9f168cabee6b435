//! Damaged and odd input: everything readable is printed, and the exit code tells.

use crate::sample::{self, NOON, bytes, oxview, request};
use std::fs;

#[test]
fn hundreds_of_holes_are_counted_and_some_are_named() {
    let dir = sample::directory();
    let event = request(NOON, "x", 200).to_msgpack();
    let file: Vec<u8> =
        (0..300).flat_map(|_| [&event[..], b"\xc1\xc1\xc1"].concat()).chain(event.clone()).collect();
    fs::write(dir.path().join("holes.log"), file).unwrap();
    let output = oxview(dir.path()).arg("holes.log").output().unwrap();
    assert_eq!(output.status.code(), Some(65));
    assert_eq!(output.stdout.split(|byte| *byte == b'\n').count(), 302);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 21, "{said}");
    assert!(said.ends_with("300 damaged places in all, 900 bytes\n"), "{said}");
}

#[test]
fn msgpack_comes_out_as_it_went_in() {
    let dir = sample::directory();
    let file = bytes(&[request(NOON, "x", 200), sample::awkward(NOON)]);
    fs::write(dir.path().join("in.log"), &file).unwrap();
    let output = oxview(dir.path()).args(["in.log", "-o", "msgpack"]).output().unwrap();
    assert_eq!(output.stdout, file);
}

#[test]
fn no_form_prints_a_control_character() {
    let dir = sample::directory();
    for form in ["line", "pretty", "csv", "logfmt", "json"] {
        let output = oxview(dir.path()).args(["odd.log", "-o", form]).output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        // JSON in a pipe is data: it keeps what JSON may hold.
        let obeyed =
            |c: char| c.is_ascii_control() && c != '\n' || form != "json" && c.is_control() && c != '\n';
        assert!(!text.contains(obeyed), "{form}: {text:?}");
    }
}

#[test]
fn more_types_than_files_that_may_be_open() {
    let dir = tempfile::tempdir().unwrap();
    let day = dir.path().join("logs/20120313");
    fs::create_dir_all(&day).unwrap();
    for number in 0..100 {
        // Longer than a buffer.
        let events = bytes(&[request(NOON + f64::from(number), &format!("id-{number:06}"), 200)]).repeat(100);
        fs::write(day.join(format!("type-{number}-20120313.log")), events).unwrap();
    }
    let view = format!("ulimit -n 40; exec {} -l logs -o csv --fields id", env!("CARGO_BIN_EXE_oxview"));
    let output =
        std::process::Command::new("sh").args(["-c", &view]).current_dir(dir.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let expected: String = (0..100).map(|number| format!("id-{number:06}\n").repeat(100)).collect();
    assert!(String::from_utf8(output.stdout).unwrap() == format!("id\n{expected}"));
}
