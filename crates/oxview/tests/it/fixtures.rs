//! Files that the original's programs wrote read as their `.expect.jsonl` says.

use crate::sample::oxview;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn what_the_original_wrote_is_read() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/original");
    let mut files = Vec::new();
    collect(&root, &mut files);
    for file in files {
        let Ok(expected) = fs::read_to_string(format!("{}.expect.jsonl", file.display())) else { continue };
        let output = oxview(&root).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", file.display());
        let got = String::from_utf8(output.stdout).unwrap();
        assert_eq!(got.lines().count(), expected.lines().count(), "{}", file.display());
        for (got, expected) in got.lines().zip(expected.lines()) {
            assert_eq!(parse(got), parse(expected), "{}", file.display());
        }
    }
}

/// Values, with the order of keys as far as the parser keeps it; equal keys are left to the parser.
fn parse(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in {line}"))
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "log") {
            files.push(path);
        }
    }
}
