//! Golden cases: files of commands and of what they print. oxsql's tests read them by this too.
//!
//! `$ oxview ARGS`, `$ oxview ARGS < FILE` or `$ cat FILE | oxview ARGS`; then standard output, then standard error
//! with `! ` before each line, then `= CODE` when it is not 0. With BLESS=1 the files are written anew; read the diff.

use crate::sample;
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

#[test]
fn every_case_prints_what_its_file_says() {
    let bless = std::env::var_os("BLESS").is_some();
    let dir = sample::directory();
    let mut files: Vec<_> =
        fs::read_dir(sample::golden_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    let mut wrong = Vec::new();
    for file in files {
        let expected = fs::read_to_string(&file).unwrap();
        let commands = expected.lines().filter(|line| line.starts_with("$ "));
        let got: String = commands.map(|line| format!("{line}\n{}\n", run(line, dir.path()))).collect();
        let got = format!("{}\n", got.trim_end());
        if got != expected {
            if bless {
                fs::write(&file, &got).unwrap();
            }
            wrong.push(format!("--- {}\n{}", file.display(), difference(&expected, &got)));
        }
    }
    assert!(bless || wrong.is_empty(), "{}", wrong.join("\n"));
}

fn run(line: &str, dir: &Path) -> String {
    let line = line.strip_prefix("$ ").unwrap();
    let (line, stdin) = match line.strip_prefix("cat ").and_then(|rest| rest.split_once(" | ")) {
        Some((file, line)) => (line, Some((file, true))),
        None => match line.split_once(" < ") {
            Some((line, file)) => (line, Some((file, false))),
            None => (line, None),
        },
    };
    let words = words(line);
    assert_eq!(words[0], sample::PROGRAM, "{line}");
    let mut command = sample::program(dir);
    command.args(&words[1..]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut feed = None;
    match stdin {
        Some((file, true)) => {
            command.stdin(Stdio::piped());
            feed = Some(fs::read(dir.join(file)).unwrap());
        }
        Some((file, false)) => drop(command.stdin(File::open(dir.join(file)).unwrap())),
        None => {}
    }
    let mut child = command.spawn().unwrap();
    if let Some(content) = feed {
        use std::io::Write;
        child.stdin.take().unwrap().write_all(&content).unwrap();
    }
    let output = child.wait_with_output().unwrap();
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str("(no line feed)\n");
    }
    for line in String::from_utf8_lossy(&output.stderr).lines() {
        text.push_str(&format!("! {line}\n"));
    }
    match output.status.code() {
        Some(0) => {}
        code => text.push_str(&format!("= {}\n", code.unwrap())),
    }
    text
}

/// Splits at spaces, but not within single quotes; two of them within are one of the word.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' if quoted && chars.next_if_eq(&'\'').is_some() => words.last_mut().unwrap().push(c),
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

fn difference(expected: &str, got: &str) -> String {
    let (mut old, mut new) = (expected.lines(), got.lines());
    let mut text = String::new();
    loop {
        match (old.next(), new.next()) {
            (None, None) => return text,
            (a, b) if a == b => {}
            (a, b) => {
                for (sign, line) in [("-", a), ("+", b)] {
                    if let Some(line) = line {
                        text.push_str(&format!("{sign}{line}\n"));
                    }
                }
            }
        }
    }
}
