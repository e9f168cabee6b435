//! Sealing.

use crate::sample;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn oxstore(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxstore"));
    command.current_dir(dir).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn sealed_files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(dir) = left.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                found.push(path);
            }
        }
    }
    let mut names: Vec<String> =
        found.iter().map(|path| path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

const SEALED: [&str; 4] = [
    "type=request.sql/date=2012-03-13/request.sql-20120313.parquet",
    "type=request/date=2012-03-12/request-20120312.parquet",
    "type=request/date=2012-03-13/request-20120313.parquet",
    "type=request/date=2012-03-14/request-20120314.parquet",
];

/// The events of files as `oxview` shows them.
fn shown(dir: &Path, files: &[PathBuf]) -> String {
    let output = sample::oxview(dir).args(files).args(["-o", "json"]).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn day_files_are_sealed_once_and_come_back() {
    let dir = sample::directory();
    let (code, lines, errors) = said(&oxstore(dir.path(), &["seal", "-p", "logs"]));
    // They were written just now.
    let stay = "oxstore: 5 day files are sealed and stay: no daemon says that it is done with it, and it was over or \
                written less than a day ago\n";
    assert_eq!((code, errors.as_str()), (Some(0), stay));
    // One for each day file, and one for the two that become one.
    assert_eq!(lines.lines().count(), 6, "{lines}");
    assert!(
        lines.contains("logs/sealed/type=request/date=2012-03-13/request-20120313.parquet  2 events, "),
        "{lines}"
    );
    let root = dir.path().join("logs/sealed");
    assert_eq!(sealed_files(&root), SEALED);

    // Nothing is left to do; the day files are as they were, and none is shown twice.
    let again = oxstore(dir.path(), &["seal", "-p", "logs", "--keep"]);
    assert_eq!(said(&again), (Some(0), String::new(), String::new()));
    let (_, verified, _) = said(&oxstore(dir.path(), &["verify", "-p", "logs"]));
    assert_eq!(
        verified,
        "4 sealed files hold what their day files do, 7 events; 0 do not; 0 day files are not sealed\n"
    );
    let all = sample::oxview(dir.path()).args(["-l", "logs", "--stats", "count"]).output().unwrap();
    assert_eq!(all.stdout, b"{\"count\":7}\n");

    let back = dir.path().join("back.log");
    let arguments = ["cat", &format!("logs/sealed/{}", SEALED[2]), "packed/gzip"];
    fs::write(&back, oxstore(dir.path(), &arguments).stdout).unwrap();
    let noon = dir.path().join("noon.log");
    assert_eq!(shown(dir.path(), &[back]), shown(dir.path(), &[noon.clone(), noon]));
}

#[test]
fn fields_are_counted_alike_hot_and_sealed() {
    let dir = sample::directory();
    let questions: [&[&str]; 3] = [
        &["-l", "logs", "--facets"],
        &["-l", "logs", "--facets=response,host,duration"],
        &["-l", "logs", "--compare", "response.status exists"],
    ];
    let answers = || questions.map(|words| sample::oxview(dir.path()).args(words).output().unwrap().stdout);
    let hot = answers();
    assert!(hot[1].starts_with(b"{\"field\":\"duration\""), "{}", String::from_utf8_lossy(&hot[1]));
    assert_eq!(oxstore(dir.path(), &["seal", "-p", "logs"]).status.code(), Some(0));
    for file in ["20120312/request-20120312.log", "20120313/request-20120313.log"] {
        fs::remove_file(dir.path().join("logs").join(file)).unwrap();
    }
    assert_eq!(answers(), hot);
}

#[test]
fn a_day_file_that_has_grown_is_sealed_anew() {
    let dir = sample::directory();
    let arguments = ["seal", "-p", "logs", "-n", "request", "-s", "20120313", "-e", "20120313"];
    assert_eq!(said(&oxstore(dir.path(), &arguments)).1.lines().count(), 1);
    // What was sealed is read there, and what came late here.
    let shown =
        |dir: &Path| sample::oxview(dir).args(["-l", "logs", "--stats", "count"]).output().unwrap().stdout;
    assert_eq!(shown(dir.path()), b"{\"count\":7}\n");
    let late = sample::bytes(&[sample::request(sample::NOON + 70_000.0, "late-0000001", 200)]);
    let path = dir.path().join("logs/20120313/request-20120313.log");
    OpenOptions::new().append(true).open(path).unwrap().write_all(&late).unwrap();
    // What was not sealed yet is no difference.
    assert!(
        said(&oxstore(dir.path(), &["verify", "-p", "logs"])).1.contains("2 events; 0 do not; 4 day files")
    );
    assert_eq!(shown(dir.path()), b"{\"count\":8}\n");
    assert!(said(&oxstore(dir.path(), &arguments)).1.contains("3 events of 2 files"));
    assert_eq!(shown(dir.path()), b"{\"count\":8}\n");
}

#[test]
fn what_is_damaged_is_left_alone_and_said() {
    let dir = sample::directory();
    let damaged = dir.path().join("logs/20120313/request-20120313.log");
    let bytes = fs::read(&damaged).unwrap();
    fs::write(&damaged, &bytes[..bytes.len() - 5]).unwrap();
    let (code, lines, errors) = said(&oxstore(dir.path(), &["seal", "-p", "logs"]));
    assert_eq!((code, lines.lines().count()), (Some(65), 5));
    assert!(errors.starts_with("oxstore: logs/20120313/request-20120313.log: "), "{errors}");
    assert!(errors.contains("are no event; it is left as it is"), "{errors}");

    // A sealed file that was not made of the day file beside it is not taken for it.
    fs::write(&damaged, &bytes).unwrap();
    let root = dir.path().join("logs/sealed");
    fs::create_dir_all(root.join(SEALED[2]).parent().unwrap()).unwrap();
    fs::copy(root.join(SEALED[1]), root.join(SEALED[2])).unwrap();
    let (code, verified, errors) = said(&oxstore(dir.path(), &["verify", "-p", "logs"]));
    assert_eq!(code, Some(0), "{errors}");
    assert!(verified.contains("1 day files are not sealed; 1 sealed files stand alone"), "{verified}");

    // Sealed files that are cut.
    let sealed = root.join(SEALED[0]);
    let bytes = fs::read(&sealed).unwrap();
    fs::write(&sealed, &bytes[..bytes.len() / 2]).unwrap();
    let (code, _, errors) = said(&oxstore(dir.path(), &["cat", sealed.to_str().unwrap()]));
    assert_eq!(code, Some(65));
    assert!(errors.contains("is no sealed file of BlueOx, or is damaged"), "{errors}");
}

#[test]
fn two_runs_do_not_collide() {
    let dir = sample::directory();
    fs::create_dir_all(dir.path().join("logs/sealed")).unwrap();
    let lock = File::create(dir.path().join("logs/sealed/.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let (code, _, errors) = said(&oxstore(dir.path(), &["seal", "-p", "logs"]));
    assert_eq!(code, Some(1));
    assert_eq!(errors, "oxstore: another oxstore works on logs/sealed; wait until it is done\n");
    assert_eq!(sealed_files(&dir.path().join("logs/sealed")), Vec::<String>::new());
}

#[test]
fn what_makes_no_sense_is_said() {
    let dir = sample::directory();
    for (arguments, code, expected) in [
        (&["seal", "-p", "nowhere"][..], 1, "cannot read the log path nowhere"),
        (&["seal", "-p", "logs", "-s", "someday"], 2, "--since \"someday\" is no time"),
        (&["cat", "nowhere.parquet"], 1, "cannot open nowhere.parquet"),
        (&[], 2, "say what to do: oxstore archive, seal"),
    ] {
        let (found, _, errors) = said(&oxstore(dir.path(), arguments));
        assert!(found == Some(code) && errors.contains(expected), "{found:?} {errors}");
    }
    assert!(said(&oxstore(dir.path(), &["--generate", "man"])).1.contains("oxstore"));
}

/// All forms read sealed files as they read day files.
#[test]
fn oxview_reads_what_is_sealed_as_if_it_were_not() {
    let dir = sample::directory();
    let questions: [&[&str]; 9] = [
        &["-o", "json"],
        &["-o", "line", "--tail", "3"],
        &["-n", "request", "-q", "response.status >= 500", "-o", "json"],
        &["--since", "20120313", "--until", "20120313", "-o", "csv", "--fields", "time,id,response.status"],
        &["--id", "a1b2c3d4e5f6", "-o", "json"],
        &["--by", "type,host", "--stats", "count,err,p99,sum(response.status)", "-o", "json"],
        &["--stats", "count", "--every", "1h", "-o", "csv"],
        &["--heatmap", "duration", "-o", "json"],
        &["trace", "a1b2c3d4e5f6"],
    ];
    let ask = |question: &[&str]| {
        let (log_path, question): (Vec<&str>, &[&str]) = match question {
            ["trace", id] => (vec!["trace", id, "-l", "logs"], &[]),
            question => (vec!["-l", "logs"], question),
        };
        let output = sample::oxview(dir.path()).args(log_path).args(question).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let hot: Vec<_> = questions.iter().map(|question| ask(question)).collect();
    assert_eq!(said(&oxstore(dir.path(), &["seal", "-p", "logs"])).0, Some(0));
    for entry in fs::read_dir(dir.path().join("logs")).unwrap() {
        let path = entry.unwrap().path();
        // As sealing does it when a daemon is done with them.
        if path.file_name().unwrap() != "sealed" && path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        }
    }
    for (question, (code, hot)) in questions.iter().zip(hot) {
        assert!(!hot.is_empty(), "{question:?}");
        assert_eq!(ask(question), (code, hot), "{question:?}");
    }
}
