//! Following files that grow.

use crate::sample::{DAY, NOON, bytes, oxview, request};
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use tempfile::TempDir;

/// A viewer that follows; it is ended when the test ends.
struct Following {
    dir: TempDir,
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    said: Lines<BufReader<ChildStderr>>,
}

impl Following {
    fn start(dir: TempDir, arguments: &[&str]) -> Self {
        let mut child = oxview(dir.path())
            .args(arguments)
            .args(["-f", "-o", "csv", "--fields", "id"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stderr.take().unwrap()).lines();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut following = Self { dir, child, lines, said };
        following.expect(&["id"]);
        following
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Waits for lines; the test runner's limit is the only one.
    fn expect(&mut self, ids: &[&str]) {
        for id in ids {
            assert_eq!(self.lines.next().unwrap().unwrap(), *id);
        }
    }

    /// Waits until it has said something.
    fn wait_said(&mut self, what: &str) {
        while !self.said.next().unwrap().unwrap().contains(what) {}
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn append(path: &Path, content: &[u8]) -> File {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
    file.write_all(content).unwrap();
    file
}

fn event(end: f64, id: &str) -> Vec<u8> {
    bytes(&[request(end, id, 200)])
}

#[test]
fn a_log_path_across_midnight_and_new_types() {
    let dir = tempfile::tempdir().unwrap();
    let today = dir.path().join("logs/20120313/request-20120313.log");
    let many: Vec<u8> = (0..20).flat_map(|n| event(NOON + f64::from(n), &format!("old-{n}"))).collect();
    append(&today, &many);
    let mut following = Following::start(dir, &["-l", "logs", "--tail", "2"]);
    following.expect(&["old-18", "old-19"]);
    append(&today, &event(NOON + 30.0, "new"));
    following.expect(&["new"]);
    append(&following.path("logs/20120314/request-20120314.log"), &event(NOON + DAY, "tomorrow"));
    following.expect(&["tomorrow"]);
    append(&following.path("logs/20120314/worker-20120314.log"), &event(NOON + DAY, "another-type"));
    following.expect(&["another-type"]);
    // What was received before midnight may be written after.
    append(&today, &event(NOON + DAY, "late"));
    following.expect(&["late"]);
}

#[test]
fn a_file_that_is_renamed_removed_and_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let mut writer = append(&path, &event(NOON, "first"));
    let mut following = Following::start(dir, &["a.log"]);
    following.expect(&["first"]);
    fs::rename(&path, following.path("a.log.1")).unwrap();
    writer.write_all(&event(NOON, "to-the-old-file")).unwrap();
    following.expect(&["to-the-old-file"]);
    append(&path, &event(NOON, "to-the-new-file"));
    following.expect(&["to-the-new-file"]);
    fs::remove_file(&path).unwrap();
    append(&path, &event(NOON, "to-the-third-file"));
    following.expect(&["to-the-third-file"]);
}

#[test]
fn an_event_that_arrives_in_pieces_and_a_file_that_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.log");
    let (first, second) = (event(NOON, "first"), event(NOON + 1.0, "second"));
    let mut writer = append(&path, &first);
    let mut following = Following::start(dir, &["a.log", "--tail", "1"]);
    following.expect(&["first"]);
    writer.write_all(&second[..20]).unwrap();
    append(&following.path("b.log"), b"");
    writer.write_all(&second[20..]).unwrap();
    following.expect(&["second"]);
    // A daemon that recovers takes back what was not whole, and writes it again.
    writer.write_all(&second[..20]).unwrap();
    writer.set_len((first.len() + second.len()) as u64).unwrap();
    append(&path, &event(NOON + 2.0, "third"));
    following.expect(&["third"]);
}

#[test]
fn what_a_killed_daemon_writes_again_is_shown_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/20120313/request-20120313.log");
    let events: Vec<Vec<u8>> = (0..11).map(|n| event(NOON + f64::from(n), &format!("event-{n}"))).collect();
    let mut writer = append(&path, &events[..8].concat());
    let mut following = Following::start(dir, &["-l", "logs", "--tail", "3"]);
    following.expect(&["event-5", "event-6", "event-7"]);
    // It cuts back to what its spool vouches for, below what was shown and what was not, writes that again, and goes on.
    for (vouched, next) in [(6, 8), (2, 9), (0, 10)] {
        writer.set_len(events[..vouched].concat().len() as u64).unwrap();
        following.wait_said("became shorter");
        writer.write_all(&events[vouched..7].concat()).unwrap();
        writer.write_all(&events[7..=next].concat()).unwrap();
        following.expect(&[&format!("event-{next}")]);
    }
    // One that really begins anew is shown.
    writer.set_len(0).unwrap();
    following.wait_said("became shorter");
    writer.write_all(&event(NOON + 99.0, "anew")).unwrap();
    following.expect(&["anew"]);
}

#[test]
fn everything_from_a_time_on_in_the_order_of_the_day() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/20120313/request-20120313.log");
    let requests: Vec<u8> =
        (0..3).flat_map(|n| event(NOON + f64::from(n), &format!("request-{n}"))).collect();
    append(&path, &requests);
    append(&dir.path().join("logs/20120313/worker-20120313.log"), &event(NOON + 1.5, "worker"));
    append(&dir.path().join("logs/20120310/request-20120310.log"), &event(NOON - 3.0 * DAY, "long-ago"));
    let mut following = Following::start(dir, &["-l", "logs", "--since", "20120313 12:00:01"]);
    following.expect(&["request-1", "worker", "request-2"]);
    append(&path, &event(NOON + 9.0, "new"));
    following.expect(&["new"]);
}

#[test]
fn an_archive_of_what_was_shown_is_not_shown_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("logs/20120313/request-20120313.log");
    append(&path, &event(NOON, "first"));
    let mut following = Following::start(dir, &["-l", "logs"]);
    following.expect(&["first"]);
    fs::copy(&path, following.path("logs/20120313/request-20120313-web-2.log")).unwrap();
    append(&path, &event(NOON, "second"));
    following.expect(&["second"]);
}

#[test]
fn a_name_that_becomes_a_directory_is_no_end() {
    let dir = tempfile::tempdir().unwrap();
    let (path, other) = (dir.path().join("a.log"), dir.path().join("b.log"));
    append(&path, &event(NOON, "first"));
    append(&other, b"");
    let mut following = Following::start(dir, &["a.log", "b.log"]);
    following.expect(&["first"]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    for id in ["second", "third"] {
        // Names are looked at before files: at the latest the second event shows that it went on.
        append(&other, &event(NOON, id));
        following.expect(&[id]);
    }
    fs::remove_dir(&path).unwrap();
    append(&path, &event(NOON, "a-file-again"));
    following.expect(&["a-file-again"]);
}
