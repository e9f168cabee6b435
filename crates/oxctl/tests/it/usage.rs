//! The command line and what is wrong with it.

use crate::{IDLE, Said, oxctl, run, with_status};

fn says(arguments: &[&str]) -> Said {
    run(oxctl(arguments))
}

#[test]
fn nobody_is_there() {
    let said = says(&["-H", "127.0.0.1:1"]);
    assert_eq!(
        (said.out.as_str(), said.err.as_str(), said.code),
        (
            "",
            "error: no oxd at 127.0.0.1:1 (connection refused); is it running? try: oxd --log-path ./logs --control 127.0.0.1:1\n",
            Some(1)
        )
    );
}

#[test]
fn the_environment_names_the_daemon_and_a_flag_wins() {
    let peer = with_status(IDLE);
    let address = peer.address().to_string();
    let mut command = oxctl(&[]);
    command.env("BLUEOX_CLIENT_HOST", &address);
    assert_eq!(run(command).code, Some(0));
    let mut command = oxctl(&["-H", &address]);
    command.env("BLUEOX_CLIENT_HOST", "127.0.0.1:1");
    assert_eq!(run(command).code, Some(0));
    let mut command = oxctl(&[]);
    command.env("BLUEOX_CLIENT_HOST", "http://web-2");
    let said = run(command);
    assert!(
        said.err.contains("\"http://web-2\" in BLUEOX_CLIENT_HOST is no address: it is a URL"),
        "{}",
        said.err
    );
    assert_eq!(said.code, Some(2));
}

#[test]
fn wrong_usage_has_its_own_code() {
    for arguments in [
        &["-H", "web-2:x"][..],
        &["--no-such-flag"],
        &["no-such-command"],
        &["shutdown", "--drain", "soon"],
        &["--generate", "poems"],
        &["--generate", "completions"],
        &["--generate", "completions", "tcsh"],
    ] {
        let said = says(arguments);
        assert_eq!((said.out.as_str(), said.code), ("", Some(2)), "{arguments:?} {}", said.err);
        assert!(said.err.starts_with("error: "), "{}", said.err);
    }
}

#[test]
fn a_token_file_that_is_missing_is_named() {
    let said = says(&["--token-file", "/nowhere/token"]);
    assert!(said.err.starts_with("error: cannot read the token file /nowhere/token: "), "{}", said.err);
    assert_eq!(said.code, Some(1));
}

#[test]
fn what_is_generated() {
    assert_eq!(says(&["--version"]).out, format!("oxctl {}\n", env!("CARGO_PKG_VERSION")));
    let bash = says(&["--generate", "completions", "bash"]);
    assert!(bash.out.contains("shutdown") && bash.code == Some(0));
    let man = says(&["--generate", "man"]);
    assert!(man.out.contains(".TH oxctl 1") && man.out.contains("oxctl shutdown") && man.code == Some(0));
}
