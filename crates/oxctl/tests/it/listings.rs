//! `oxctl types` and `oxctl hosts`

use crate::{BUSY, IDLE, shown, with_status};

#[test]
fn types_by_count() {
    let expected = "\
type                          events    bytes  last
request                      400,000  1.2 GiB  just now
request.sql                   12,006   20 MiB  1m40s ago
job                               12    900 B  3d3h ago
evil\\u{1b}[2J\\u{202e}\\nname        1     12 B  10m ago
and 3 more types that the daemon does not list
";
    assert_eq!(shown(&with_status(BUSY), &["types"]), expected);
}

#[test]
fn hosts_by_count() {
    let expected = "\
host    events  last
web-2  412,012  2s ago
web-1        6  3d1h ago
";
    assert_eq!(shown(&with_status(BUSY), &["hosts"]), expected);
}

#[test]
fn nothing_yet() {
    assert_eq!(shown(&with_status(IDLE), &["types"]), "no events yet, so no types\n");
}

#[test]
fn raw() {
    let raw: serde_json::Value = serde_json::from_str(&shown(&with_status(BUSY), &["hosts", "-r"])).unwrap();
    assert_eq!(raw["web-2"]["count"], 412_012);
}
