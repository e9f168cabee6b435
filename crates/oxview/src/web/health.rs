//! How the daemons are: every number of an event's way, from their own words.

use super::limits::{HEALTH_AGE, HEALTH_ANSWER, HEALTH_CONNECT, HOST_AGE_SECONDS};
use super::page::Page;
use super::question::json_response;
use super::refusal::Refusal;
use crate::clock::Stopwatch;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use blueox_control::{Client, ControlAddress, Status, Timeouts};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// The last answer, and when it was given.
#[derive(Debug, Default)]
pub(crate) struct Health(Mutex<Option<(Stopwatch, Arc<str>)>>);

/// `GET /api/v1/health`
///
/// # Errors
/// When there is too much to do.
pub(crate) async fn get(
    State(page): State<Arc<Page>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    super::parameters::Parameters::parse(&query.unwrap_or_default())?.finish()?;
    let job = {
        let page = Arc::clone(&page);
        move || page.health.ask(&page)
    };
    let text = tokio::task::spawn_blocking(job).await.map_err(Refusal::internal)?;
    Ok(json_response(text.to_string()))
}

impl Health {
    /// Asks the daemons, unless that was done just now; who asks meanwhile waits for the same answer.
    fn ask(&self, page: &Page) -> Arc<str> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, answer)) = &*last
            && when.elapsed() < HEALTH_AGE
        {
            return Arc::clone(answer);
        }
        let answer: Arc<str> = health(&page.daemons, page.now()).to_string().into();
        *last = Some((Stopwatch::start(), Arc::clone(&answer)));
        answer
    }
}

/// What one daemon says.
type Asked = Result<(Value, Status), String>;

fn health(daemons: &[ControlAddress], now: f64) -> Value {
    let answers: Vec<Asked> = thread::scope(|scope| {
        let asked: Vec<_> = daemons.iter().map(|address| scope.spawn(|| ask(address))).collect();
        let failed = || Err("asking it failed".to_owned());
        asked.into_iter().map(|answer| answer.join().unwrap_or_else(|_| failed())).collect()
    });
    sum_up(daemons, &answers, now)
}

fn ask(address: &ControlAddress) -> Asked {
    let timeouts = Timeouts { connect: HEALTH_CONNECT, answer: HEALTH_ANSWER, silence: HEALTH_ANSWER };
    let client = Client::connect(address, timeouts).map_err(|error| error.to_string())?;
    let json = client.status_json().map_err(|error| error.to_string())?;
    let status = serde_json::from_value(json.clone()).or_else(|_| client.status());
    Ok((json, status.map_err(|error| error.to_string())?))
}

fn sum_up(daemons: &[ControlAddress], answers: &[Asked], now: f64) -> Value {
    let statuses = || answers.iter().filter_map(|answer| Some(&answer.as_ref().ok()?.1));
    let events = || statuses().filter_map(|status| status.events.as_ref());
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in events().flat_map(|events| &events.dropped) {
        *reasons.entry(reason).or_default() += count;
    }
    let hosts: BTreeSet<&str> = statuses()
        .flat_map(|status| {
            let now = status.now().unwrap_or(now);
            status
                .hosts
                .iter()
                .filter(move |(_, seen)| seen.last.is_some_and(|last| now - last <= HOST_AGE_SECONDS))
        })
        .map(|(host, _)| host.as_str())
        .collect();
    let shown: Vec<Value> =
        daemons.iter().zip(answers).map(|(address, answer)| daemon(address, answer)).collect();
    let worst = shown.iter().map(|daemon| daemon["state"].as_str().unwrap_or("failing"));
    let worst =
        worst.max_by_key(|state| ["ok", "warning", "failing"].iter().position(|known| known == state));
    // What an agent still has and what a collector has not written are different events.
    json!({
        "state": worst.unwrap_or("none"),
        "time": now,
        "hosts": hosts.len(),
        "lag_seconds": statuses().filter_map(|status| status.lag_seconds).max_by(f64::total_cmp),
        "queued": events().map(|events| events.queued).sum::<u64>(),
        "queued_bytes": events().map(|events| events.queued_bytes).sum::<u64>(),
        "dropped": reasons.values().sum::<u64>(),
        "dropped_by_reason": reasons,
        "rate_in": events().map(|events| events.rate_in).fold(0.0, f64::max),
        "daemons": shown,
    })
}

fn daemon(address: &ControlAddress, answer: &Asked) -> Value {
    let (json, status) = match answer {
        Ok((json, status)) => (json, status),
        Err(error) => {
            return json!({
                "address": address.to_string(), "reachable": false, "error": error, "name": address.to_string(),
                "role": null, "state": "failing", "problems": [{ "state": "failing", "text": error }], "status": null,
            });
        }
    };
    let problems = problems(status);
    let state = match problems.iter().map(|(state, _)| *state).max() {
        None => "ok",
        Some(Severity::Warning) => "warning",
        Some(Severity::Failing) => "failing",
    };
    let role = (!status.role.is_empty()).then_some(&status.role);
    let name = match (role, status.host.as_str()) {
        (None, _) => format!("original oxd at {address}"),
        (Some(role), host) => format!("{role} on {host}"),
    };
    let problems: Value = problems
        .iter()
        .map(|(severity, text)| {
            let state = if *severity == Severity::Failing { "failing" } else { "warning" };
            json!({ "state": state, "text": text })
        })
        .collect();
    json!({
        "address": address.to_string(), "reachable": true, "error": null, "name": name, "role": role,
        "state": state, "problems": problems, "status": json,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Warning,
    Failing,
}

/// What is not as it should be.
fn problems(status: &Status) -> Vec<(Severity, String)> {
    let mut problems = Vec::new();
    if let Some(disk) = status.disk.as_ref().filter(|disk| disk.state == "failing") {
        let error = disk.error.as_deref().unwrap_or("the system did not say why");
        problems.push((Severity::Failing, format!("the log path cannot be written: {error}")));
    }
    if status.spool.as_ref().is_some_and(|spool| spool.full) {
        problems.push((Severity::Failing, "the spool is full: senders wait".to_owned()));
    }
    let dropped = status.events.as_ref().map_or(0, blueox_control::status::EventCounters::dropped_total);
    if dropped > 0 {
        problems.push((Severity::Warning, format!("{dropped} events were dropped since it started")));
    }
    for list in &status.forward {
        if list.active.is_none() {
            let text = format!(
                "no destination of list {} takes events; {} wait in the spool",
                list.list, list.queued
            );
            problems.push((Severity::Failing, text));
        }
        for destination in list.destinations.iter().filter(|destination| {
            list.active.is_some() && matches!(destination.state.as_str(), "failing" | "refused")
        }) {
            let error = destination.error.as_deref().unwrap_or("no reason is known");
            problems.push((
                Severity::Warning,
                format!("{} is {}: {error}", destination.address, destination.state),
            ));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(json: &Value) -> Asked {
        Ok((json.clone(), serde_json::from_value(json.clone()).unwrap()))
    }

    #[test]
    fn one_look_tells_what_is_wrong() {
        let daemons: Vec<ControlAddress> = ["a", "b", "c"].iter().map(|name| name.parse().unwrap()).collect();
        let agent = json!({
            "role": "agent", "host": "web-1", "now": 1000.0, "lag_seconds": 0.5,
            "hosts": { "web-1": { "last": 999.0 }, "old": { "last": 10.0 } },
            "events": { "queued": 7, "queued_bytes": 70, "dropped": { "too_large": 2 }, "rate_in": 5.0 },
            "forward": [{ "list": 0, "queued": 7, "destinations": [{ "address": "b:3514", "state": "failing" }] }],
        });
        let collector = json!({
            "role": "collector", "host": "master", "now": 1000.0, "lag_seconds": 0.1,
            "hosts": { "web-1": { "last": 999.5 }, "web-2": { "last": 960.0 } },
            "events": { "rate_in": 4.0, "dropped": { "too_large": 1 } },
        });
        let health =
            sum_up(&daemons, &[answer(&agent), answer(&collector), Err("connection refused".into())], 0.0);
        assert_eq!(health["state"], "failing");
        assert_eq!(
            (&health["hosts"], &health["queued"], &health["dropped"]),
            (&2.into(), &7.into(), &3.into())
        );
        assert_eq!(health["dropped_by_reason"]["too_large"], 3);
        assert_eq!(health["lag_seconds"], 0.5);
        let states: Vec<&Value> = health["daemons"].as_array().unwrap().iter().map(|d| &d["state"]).collect();
        assert_eq!(states, ["failing", "warning", "failing"]);
        assert_eq!(sum_up(&[], &[], 0.0)["state"], "none");
    }
}
