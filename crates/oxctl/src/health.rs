//! `oxctl health`

use crate::command::describe;
use crate::figures::{counted, span};
use crate::json;
use crate::output::Answer;
use crate::paint::Paint;
use crate::status::{by_reason, waiting};
use blueox_control::forward::ForwardList;
use blueox_control::status::Disk;
use blueox_control::{Client, ClientError, Status, printable};
use serde_json::json;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    /// Worth a look, and no failure.
    Warn,
    Fail,
}

#[derive(Debug)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    text: String,
}

/// Checks the daemon, also when it was not reached.
pub(crate) fn show(client: Result<Client, ClientError>, raw: bool, paint: Paint) -> Answer {
    let checks = match client.and_then(|client| checks(&client)) {
        Ok(checks) => checks,
        Err(error) => vec![Check { name: "alive", verdict: Verdict::Fail, text: error.to_string() }],
    };
    let text = if raw { as_json(&checks) } else { as_lines(&checks, paint) };
    if checks.iter().any(|check| check.verdict == Verdict::Fail) {
        Answer::bad(text)
    } else {
        Answer::good(text)
    }
}

fn checks(client: &Client) -> Result<Vec<Check>, ClientError> {
    let health = client.health()?;
    let verdict = |ok| if ok { Verdict::Ok } else { Verdict::Fail };
    let who = format!("{} at {}", describe(&client.kind()), client.address());
    let alive = if health.alive.ok { who } else { format!("{who}: {}", health.alive.text) };
    let mut checks = vec![Check { name: "alive", verdict: verdict(health.alive.ok), text: alive }];
    let Some(ready) = health.ready else { return Ok(checks) };
    checks.push(Check { name: "ready", verdict: verdict(ready.ok), text: ready.text });
    let status = client.status()?;
    checks.extend(status.disk.as_ref().map(|disk| check_disk(disk, &status)));
    checks.extend(status.forward.iter().map(check_forward));
    let siblings = status.spool.iter().flat_map(|spool| &spool.siblings);
    checks.extend(siblings.map(|sibling| Check {
        name: "spool",
        verdict: Verdict::Warn,
        text: waiting(sibling),
    }));
    if let Some(events) = status.events.as_ref().filter(|events| events.dropped_total() > 0) {
        let lost = counted(events.dropped_total(), "event");
        let text = format!("{lost} dropped since the start ({})", by_reason(&events.dropped));
        checks.push(Check { name: "loss", verdict: Verdict::Warn, text });
    }
    Ok(checks)
}

/// A list that no destination takes is a failure while events wait.
fn check_forward(list: &ForwardList) -> Check {
    let waiting = format!("{} for {}", counted(list.queued, "event"), span(list.lag_seconds));
    let (verdict, text) = match &list.active {
        Some(active) => (Verdict::Ok, format!("list {} to {}", list.list, printable(active))),
        None if list.queued == 0 => (Verdict::Warn, format!("list {}: no destination works", list.list)),
        None => (
            Verdict::Fail,
            format!("list {}: no destination works, {waiting} wait; see oxctl forward show", list.list),
        ),
    };
    Check { name: "forward", verdict, text }
}

fn check_disk(disk: &Disk, status: &Status) -> Check {
    let (verdict, text) = match disk.state.as_str() {
        "ok" => (Verdict::Ok, format!("ok, {} open", counted(disk.open_files, "file"))),
        "none" => (Verdict::Ok, "none: it keeps no log files".into()),
        _ => (Verdict::Fail, disk_failure(disk, status.now())),
    };
    Check { name: "disk", verdict, text }
}

/// What is wrong with a disk: `failing for 3m: No space left on device`.
pub(crate) fn disk_failure(disk: &Disk, now: Option<f64>) -> String {
    let mut text = printable(&disk.state).into_owned();
    if let (Some(now), Some(since)) = (now, disk.since) {
        text.push_str(&format!(" for {}", span((now - since).floor())));
    }
    if let Some(error) = &disk.error {
        text.push_str(&format!(": {}", printable(error)));
    }
    text
}

fn as_lines(checks: &[Check], paint: Paint) -> String {
    let line = |check: &Check| {
        let mark = match check.verdict {
            Verdict::Ok => paint.good("ok  "),
            Verdict::Warn => paint.warning("warn"),
            Verdict::Fail => paint.bad("FAIL"),
        };
        format!("{mark}  {:<5}  {}\n", check.name, check.text)
    };
    checks.iter().map(line).collect()
}

fn as_json(checks: &[Check]) -> String {
    let entry = |check: &Check| {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        json!({ "check": check.name, "verdict": verdict, "text": check.text })
    };
    let ok = checks.iter().all(|check| check.verdict != Verdict::Fail);
    json::text(&json!({ "ok": ok, "checks": checks.iter().map(entry).collect::<Vec<_>>() }))
}
