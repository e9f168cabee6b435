//! `oxctl fsck`

use crate::figures::{bytes, counted};
use crate::json;
use crate::output::Answer;
use crate::paint::Paint;
use anyhow::{anyhow, bail};
use blueox_control::printable;
use blueox_log::check::{self, Checked, Finding, Kind};
use blueox_log::repair::{self, Repaired};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// A directory after it was looked at, and repaired if that was asked for.
struct Looked<'a> {
    path: &'a Path,
    kind: Kind,
    repaired: Option<Repaired>,
    checked: Checked,
}

/// Checks spools and log paths; writes nothing to them unless they are to be repaired.
pub(crate) fn check(
    directories: &[PathBuf],
    repair: bool,
    raw: bool,
    paint: Paint,
) -> anyhow::Result<Answer> {
    let looked: Vec<Looked<'_>> =
        directories.iter().map(|directory| look(directory, repair)).collect::<anyhow::Result<_>>()?;
    let whole = looked.iter().all(|looked| looked.checked.findings.is_empty());
    let text = if raw {
        let entries: Vec<Value> = looked.iter().map(entry).collect();
        json::text(&json!({ "ok": whole, "checked": entries }))
    } else {
        let mut text: String = looked.iter().map(|looked| lines(looked, paint)).collect();
        if !whole && !repair {
            text.push_str("nothing was changed; stop the daemon and use --repair for what can be mended\n");
        }
        text
    };
    Ok(if whole { Answer::good(text) } else { Answer::damaged(text) })
}

fn look(path: &Path, repair: bool) -> anyhow::Result<Looked<'_>> {
    let name = path.display().to_string();
    let name = printable(&name);
    let cannot = |error: &dyn std::fmt::Display| anyhow!("cannot check {name}: {error}");
    let Some(kind) = check::kind(path).map_err(|error| cannot(&error))? else {
        bail!("{name} holds neither segments (*.oxw) nor days (20120313/): give a spool or a log path")
    };
    let repaired = repair.then(|| match kind {
        Kind::Spool => repair::spool(path),
        Kind::LogPath => repair::log_path(path),
    });
    let repaired = repaired.transpose().map_err(|error| anyhow!("cannot repair {name}: {error}"))?;
    let checked = match kind {
        Kind::Spool => check::spool(path).map_err(|error| cannot(&error))?,
        Kind::LogPath => check::log_path(path).map_err(|error| cannot(&error))?,
    };
    Ok(Looked { path, kind, repaired, checked })
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Spool => "spool",
        Kind::LogPath => "log path",
    }
}

fn lines(looked: &Looked<'_>, paint: Paint) -> String {
    let Looked { path, kind, repaired, checked } = looked;
    let mark = if checked.findings.is_empty() { paint.good("ok  ") } else { paint.bad("FAIL") };
    let mut text = format!(
        "{mark}  {} {}: {}, {}, {}\n",
        kind_name(*kind),
        printable(&path.display().to_string()),
        counted(checked.files, "file"),
        counted(checked.batches, "numbered batch").replace("batchs", "batches"),
        counted(checked.events, "event"),
    );
    if checked.parts_elsewhere > 0 {
        let parts = counted(checked.parts_elsewhere, "part");
        text.push_str(&format!("      {parts} of batches stand in files that were removed or archived\n"));
    }
    for mended in repaired.iter().flat_map(|repaired| &repaired.mended) {
        let path = mended.path.display().to_string();
        text.push_str(&format!(
            "      repaired {}: {}, {}\n",
            printable(&path),
            mended.what,
            bytes(mended.bytes)
        ));
    }
    if let Some(quarantine) = repaired.as_ref().and_then(|repaired| repaired.quarantine.as_ref()) {
        let quarantine = quarantine.display().to_string();
        text.push_str(&format!("      what was replaced or cut is in {}\n", printable(&quarantine)));
    }
    if !checked.torn.is_empty() {
        let places = counted(checked.torn.len() as u64, "place");
        text.push_str(&format!("      a torn commit ({places}): a daemon cuts it off when it starts\n"));
    }
    for finding in &checked.findings {
        text.push_str(&format!(
            "      {}{} at {}, {}: {}\n",
            if repaired.is_some() { "left: " } else { "" },
            printable(&finding.path.display().to_string()),
            finding.offset,
            bytes(finding.length),
            finding.what
        ));
    }
    text
}

fn entry(looked: &Looked<'_>) -> Value {
    let Looked { path, kind, repaired, checked } = looked;
    let mut entry = json!({
        "path": path.display().to_string(), "kind": kind_name(*kind), "files": checked.files,
        "batches": checked.batches, "events": checked.events, "parts_elsewhere": checked.parts_elsewhere,
        "findings": findings(&checked.findings), "torn": findings(&checked.torn),
    });
    if let Some(repaired) = repaired {
        let mended = repaired.mended.iter().map(|mended| {
            json!({ "path": mended.path.display().to_string(), "bytes": mended.bytes, "what": mended.what })
        });
        entry["repaired"] = mended.collect();
        entry["quarantine"] = json!(repaired.quarantine.as_ref().map(|path| path.display().to_string()));
    }
    entry
}

fn findings(findings: &[Finding]) -> Vec<Value> {
    let findings = findings.iter().map(|finding| {
        json!({
            "path": finding.path.display().to_string(), "offset": finding.offset,
            "length": finding.length, "what": finding.what,
        })
    });
    findings.collect()
}
