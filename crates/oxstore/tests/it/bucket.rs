//! Buckets, here directories: what goes there, what comes back, what goes from here.

use crate::sample;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn oxstore(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxstore"));
    for name in ["BLUEOX_BUCKET", "BLUEOX_LOG_PATH"] {
        command.env_remove(name);
    }
    said(&command.current_dir(dir).args(arguments).stdin(Stdio::null()).output().unwrap())
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// The names of all files below a directory that are not hidden.
fn names(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![dir.to_owned()];
    while let Some(at) = left.pop() {
        for entry in fs::read_dir(at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                found.push(path.strip_prefix(dir).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// Day files whose days have been over for long.
fn make_old(logs: &Path) {
    for name in names(logs) {
        let long_ago = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_400_000_000);
        fs::File::options().append(true).open(logs.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
}

fn view(dir: &Path, arguments: &[&str]) -> (i32, String, String) {
    said(&sample::oxview(dir).args(arguments).output().unwrap())
}

const SEALED: [&str; 4] = [
    "type=request.sql/date=2012-03-13/request.sql-20120313.parquet",
    "type=request/date=2012-03-12/request-20120312.parquet",
    "type=request/date=2012-03-13/request-20120313.parquet",
    "type=request/date=2012-03-14/request-20120314.parquet",
];

#[test]
fn everything_goes_there_is_read_there_and_comes_back() {
    let dir = sample::directory();
    let (logs, there) = (dir.path().join("logs"), dir.path().join("there"));
    make_old(&logs);
    let bucket = format!("file://{}", there.display());
    let bzip2 = fs::read(dir.path().join("packed/bzip2.log")).unwrap();
    fs::write(logs.join("20120313/packed-20120313.log.bz2"), bzip2).unwrap();
    let questions: [&[&str]; 5] = [
        &["-o", "json"],
        &["-n", "request", "-q", "response.status >= 500", "-o", "json"],
        &["-s", "20120313", "--until", "20120313", "-o", "csv", "--fields", "time,id,response.status"],
        &["--by", "type,host", "--stats", "count,err,p99,sum(response.status)", "-o", "json"],
        &["--id", "a1b2c3d4e5f6", "-o", "json"],
    ];
    let ask = |place: &str| -> Vec<_> {
        let since =
            |argument: &&str| if *argument == "-s" { "--since".to_owned() } else { (*argument).to_owned() };
        let ask = |question: &&[&str]| {
            let question: Vec<String> = question.iter().map(since).collect();
            let arguments: Vec<&str> =
                ["-l", place].into_iter().chain(question.iter().map(String::as_str)).collect();
            view(dir.path(), &arguments)
        };
        questions.iter().map(ask).collect()
    };
    let hot = ask("logs");
    assert!(
        hot.iter().all(|(code, text, errors)| *code == 0 && !text.is_empty() && errors.is_empty()),
        "{hot:?}"
    );

    let dry = oxstore(dir.path(), &["archive", "-p", "logs", "-b", &bucket, "--dry-run"]);
    assert_eq!((dry.0, names(&there).len(), names(&logs).len()), (0, 0, 7), "{dry:?}");
    assert!(
        dry.1.contains("logs/20120312/request-20120312.log  ") && dry.1.contains(" bytes are over"),
        "{dry:?}"
    );

    let (code, lines, errors) = oxstore(dir.path(), &["archive", "-p", "logs", "-b", &bucket, "-d", "2"]);
    assert_eq!((code, errors.as_str()), (0, ""), "{lines}");
    let mut expected: Vec<String> = SEALED.iter().map(|name| (*name).to_owned()).collect();
    let packed = names(&there).into_iter().find(|name| name.contains("packed")).unwrap();
    assert!(packed.starts_with("20120313/packed-20120313-") && packed.ends_with(".log.bz2"), "{packed}");
    expected.insert(0, packed);
    assert_eq!(names(&there), expected);
    assert_eq!(names(&logs), ["readme.txt"]);
    for name in &expected {
        assert!(lines.contains(&format!("{bucket}/{name}  ")), "{lines}");
    }
    assert!(
        lines.contains("logs/sealed/type=request/date=2012-03-12/request-20120312.parquet  removed"),
        "{lines}"
    );

    assert_eq!(ask(&bucket), hot);
    let again = oxstore(dir.path(), &["archive", "-p", "logs", "-b", &bucket]);
    assert_eq!((again.0, again.1.as_str()), (0, ""), "{again:?}");

    let range = ["download", "-b", &bucket, "-p", "back", "-s", "20120313", "-e", "20120313"];
    let (code, lines, errors) = oxstore(dir.path(), &[&range[..], &["--dry-run"]].concat());
    assert_eq!(
        (code, lines.lines().count(), errors.as_str(), names(&dir.path().join("back")).len()),
        (0, 3, "", 0)
    );
    assert_eq!(oxstore(dir.path(), &[&range[..], &["request*"]].concat()).0, 0);
    assert_eq!(names(&dir.path().join("back/sealed")), [SEALED[0], SEALED[2]]);
    assert_eq!(oxstore(dir.path(), &["download", "-b", &bucket, "-p", "back"]).0, 0);
    assert_eq!(ask("back"), hot);
    // Both at once are still each event once.
    let both = view(dir.path(), &["-l", "back", "-l", &bucket, "-o", "json", "-n", "request"]);
    assert_eq!(both.1, view(dir.path(), &["-l", "logs", "-l", "back", "-o", "json", "-n", "request"]).1);

    let verified = oxstore(dir.path(), &["verify", "-p", "back", "-b", &bucket]);
    assert!(verified.0 == 0 && verified.1.contains("5 files are the same in file://"), "{verified:?}");
    let spoiled = there.join(SEALED[1]);
    let mut bytes = fs::read(&spoiled).unwrap();
    bytes[20] ^= 1;
    fs::write(&spoiled, bytes).unwrap();
    let verified = oxstore(dir.path(), &["verify", "-p", "back", "-b", &bucket]);
    assert!(verified.0 == 65 && verified.1.contains("4 files are the same"), "{verified:?}");
    let pruned = oxstore(dir.path(), &["prune", "-p", "back", "-b", &bucket, "-d", "0"]);
    assert!(pruned.0 == 1 && pruned.2.contains("1 files stay: other files have their names"), "{pruned:?}");
    assert_eq!(names(&dir.path().join("back")), [format!("sealed/{}", SEALED[1])]);
}

#[test]
fn nothing_goes_that_is_not_there() {
    let dir = sample::directory();
    make_old(&dir.path().join("logs"));
    let bucket = format!("file://{}", dir.path().join("there").display());
    assert_eq!(oxstore(dir.path(), &["seal", "-p", "logs"]).0, 0);
    let before = names(&dir.path().join("logs"));
    let (code, lines, errors) = oxstore(dir.path(), &["prune", "-p", "logs", "-b", &bucket, "-d", "0"]);
    assert_eq!((code, lines.as_str()), (1, ""));
    assert!(
        errors.contains("4 files stay: they are not in the bucket; oxstore upload brings them"),
        "{errors}"
    );
    assert_eq!(names(&dir.path().join("logs")), before);
    // Only what was asked for goes.
    let one = ["-p", "logs", "-b", &bucket, "-n", "request", "-s", "20120312", "-e", "20120312"];
    assert_eq!(oxstore(dir.path(), &[&["upload"], &one[..]].concat()).0, 0);
    assert_eq!(names(&dir.path().join("there")), [SEALED[1]]);
    assert_eq!(oxstore(dir.path(), &[&["prune"], &one[..]].concat()).1.lines().count(), 1);
    assert_eq!(names(&dir.path().join("logs/sealed")), [SEALED[0], SEALED[2], SEALED[3]]);
}

#[test]
fn cat_writes_messagepack_of_whatever_form() {
    let dir = sample::directory();
    let logs = dir.path().join("logs");
    let bucket = format!("file://{}", dir.path().join("there").display());
    let cat = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxstore"));
        command.env_remove("BLUEOX_BUCKET").current_dir(dir.path()).arg("cat").args(arguments);
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        fs::write(dir.path().join("out"), output.stdout).unwrap();
        view(dir.path(), &["out", "-o", "json"]).1
    };
    let hot = cat(&["-p", "logs", "request"]);
    assert_eq!(hot.lines().count(), 5);
    assert_eq!(hot, view(dir.path(), &["-l", "logs", "-n", "request", "-o", "json"]).1);
    make_old(&logs);
    assert_eq!(oxstore(dir.path(), &["archive", "-p", "logs", "-b", &bucket, "-d", "0"]).0, 0);
    assert_eq!(cat(&["-b", &bucket, "request"]), hot);
    let noon: Vec<&str> =
        hot.lines().filter(|line| line.contains("2012-03-13T12") || line.contains("13316400")).collect();
    let day = cat(&["-b", &bucket, "-n", "request", "-s", "20120313", "-e", "20120313"]);
    assert!(day.lines().count() >= 2 && noon.len() >= 2, "{day}");
    assert_eq!(cat(&[&format!("{bucket}/{}", SEALED[2])]).lines().count(), 2);
    let (code, _, errors) = oxstore(dir.path(), &["cat"]);
    assert!(code == 2 && errors.contains("say what"), "{errors}");
}

#[test]
fn what_makes_no_sense_is_said() {
    let dir = sample::directory();
    for (arguments, code, expected) in [
        (&["upload", "-p", "logs"][..], 2, "--bucket"),
        (&["upload", "-p", "logs", "-b", "ftp://x"], 2, "names no bucket"),
        (&["upload", "-p", "nowhere", "-b", "file:///nowhere"], 1, "cannot read the log path nowhere"),
        (&["download", "-p", "logs", "-b", "file:///nowhere"], 1, "nothing of that is in file:///nowhere"),
        (&["cat", "file:///nowhere/x.parquet"], 1, "file:///nowhere/x.parquet is not there"),
        (&["view", "-l", "file:///nowhere"], 1, "no day files below file:///nowhere"),
        (&["view", "-f", "-l", "file:///nowhere"], 2, "leave out -f"),
    ] {
        let (found, _, errors) = oxstore(dir.path(), arguments);
        assert!(found == code && errors.contains(expected), "{arguments:?} {found} {errors}");
    }
}
