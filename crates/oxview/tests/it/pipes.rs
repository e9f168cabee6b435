//! Pipes that stay open, and pipes that close.

use crate::sample::{self, FIRST, NOON, SECOND, oxview, request};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

#[test]
fn an_event_is_shown_while_the_pipe_stays_open() {
    let dir = sample::directory();
    let mut child = oxview(dir.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in [FIRST, SECOND] {
        stdin.write_all(&request(NOON, id, 200).to_msgpack()).unwrap();
        // Without a flush this would wait for ever.
        assert!(lines.next().unwrap().unwrap().contains(id));
    }
    drop(stdin);
    assert!(lines.next().is_none());
    assert!(child.wait().unwrap().success());
}

/// A source that never ends shows that nobody reads on for nothing.
#[test]
fn a_closed_pipe_ends_it_quietly_even_when_nothing_more_is_written() {
    let dir = sample::directory();
    for arguments in [&["-o", "json"][..], &["-n", "nothing-more"], &["-o", "csv"], &["--group"]] {
        let mut child = oxview(dir.path())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        drop(child.stdout.take());
        let event = request(NOON, FIRST, 200).to_msgpack().repeat(1000);
        let mut written = 0;
        while stdin.write_all(&event).is_ok() {
            written += event.len();
            assert!(written < 1 << 30, "{arguments:?} reads on for nobody");
        }
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        assert!(child.wait().unwrap().success());
    }
}
