//! `oxctl fsck`

use blueox_event::{Event, Value};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn fsck(directory: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_oxctl")).arg("fsck").arg(directory).args(arguments).output().unwrap()
}

#[test]
fn a_log_path_is_checked_without_a_daemon() {
    let root = tempfile::tempdir().unwrap();
    let nothing = fsck(root.path(), &[]);
    assert_eq!(nothing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&nothing.stderr).contains("give a spool or a log path"));

    let event = Event {
        type_name: "request".into(),
        id: Value::from("a1"),
        host: "h".into(),
        pid: 1,
        start: 0.0,
        end: 1.0,
        body: Value::Nil,
    };
    let path = root.path().join("20120313/request-20120313.log");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, event.to_msgpack().repeat(3)).unwrap();
    let sound = fsck(root.path(), &[]);
    assert_eq!(sound.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&sound.stdout).starts_with("ok    log path "));

    let whole = event.to_msgpack().repeat(3);
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let torn = fsck(root.path(), &["--raw"]);
    assert_eq!(torn.status.code(), Some(65));
    let answer: serde_json::Value = serde_json::from_slice(&torn.stdout).unwrap();
    assert_eq!(answer["ok"], false);
    assert_eq!(answer["checked"][0]["events"], 2);
    assert_eq!(answer["checked"][0]["findings"][0]["offset"], event.to_msgpack().len() * 2);
}

#[test]
fn repair_says_what_it_did() {
    let root = tempfile::tempdir().unwrap();
    let event = Event {
        type_name: "request".into(),
        id: Value::from("a1"),
        host: "h".into(),
        pid: 1,
        start: 0.0,
        end: 1.0,
        body: Value::Nil,
    };
    let one = event.to_msgpack();
    let path = root.path().join("20120313/request-20120313.log");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, &one.repeat(3)[..one.len() * 2 + 10]).unwrap();
    let said = |arguments: &[&str]| {
        let output = fsck(root.path(), arguments);
        let text = String::from_utf8(output.stdout).unwrap().replace(root.path().to_str().unwrap(), "LOGS");
        (output.status.code(), text)
    };
    let file = "LOGS/20120313/request-20120313.log";
    let offset = one.len() * 2;
    let found = format!(
        "FAIL  log path LOGS: 1 file, 0 numbered batches, 2 events\n      \
         {file} at {offset}, 10 B: torn: the file ends inside an event\n\
         nothing was changed; stop the daemon and use --repair for what can be mended\n"
    );
    assert_eq!(said(&[]), (Some(65), found));
    let repaired = format!(
        "ok    log path LOGS: 1 file, 0 numbered batches, 2 events\n      \
         repaired {file}: torn tail cut off, 10 B\n      \
         what was replaced or cut is in LOGS/.blueox/quarantine/1\n"
    );
    assert_eq!(said(&["--repair"]), (Some(0), repaired));
    // Damage inside a file stays.
    let mut content = one.repeat(3);
    content[one.len()] = 0xc1;
    fs::write(&path, content).unwrap();
    let (code, text) = said(&["--repair"]);
    assert_eq!(code, Some(65));
    assert!(text.contains(&format!("      left: {file} at {}, ", one.len())), "{text}");

    // Nothing is done while somebody holds the lock.
    let lock = fs::File::create(root.path().join(".blueox/lock")).unwrap();
    lock.lock().unwrap();
    let output = fsck(root.path(), &["--repair"]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains(".blueox/lock is held: an oxd is running with"), "{error}");
}
