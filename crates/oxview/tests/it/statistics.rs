//! Numbers of what never ends.

use crate::sample::{NOON, bytes, oxview, request};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

#[test]
fn a_growing_file_is_counted_step_by_step_until_ctrl_c() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("request.log");
    let append = |events: &[f64]| {
        let events: Vec<_> = events.iter().map(|after| request(NOON + after, "an-id-0001", 200)).collect();
        let mut file = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        file.write_all(&bytes(&events)).unwrap();
    };
    append(&[0.0]);
    let mut child = oxview(dir.path())
        .args(["request.log", "-f", "--by", "type", "--stats", "count", "--every", "10s", "-o", "csv"])
        .args(["--since", "20120313"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut expect = |line: &str| assert_eq!(lines.next().unwrap().unwrap(), line);
    expect("time,type,count");
    expect("2012-03-13T12:00:00.000Z,request,1");
    // One comes too late for its step of time, and is not taken for a second one.
    append(&[1.0, 11.0, 12.0]);
    expect("2012-03-13T12:00:10.000Z,request,2");
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(lines.next().is_none());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("1 events came after their step of time was written"), "{said}");
}

#[test]
fn what_is_counted_in_a_stream_is_shown_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = oxview(dir.path())
        .args(["--by", "response.status", "--stats", "count"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let events: Vec<_> = (0..3u32).map(|n| request(NOON, "an-id-0001", 200 + n % 2)).collect();
    child.stdin.take().unwrap().write_all(&bytes(&events)).unwrap();
    let output = child.wait_with_output().unwrap();
    let expected = "{\"response.status\":200,\"count\":2}\n{\"response.status\":201,\"count\":1}\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
