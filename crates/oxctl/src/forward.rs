//! `oxctl forward`

use crate::figures::{ago, bytes, count, span};
use crate::json;
use crate::output::Answer;
use crate::paint::Paint;
use crate::status::by_reason;
use crate::{clock, command};
use blueox_control::forward::{ForwardChange, ForwardDestination, ForwardList};
use blueox_control::{Client, printable};

/// Shows where the daemon forwards to.
pub(crate) fn show(client: &Client, raw: bool, paint: Paint) -> anyhow::Result<Answer> {
    if raw {
        return Ok(Answer::good(json::text(&client.forward_json()?)));
    }
    let lists = client.forward()?;
    if lists.is_empty() {
        let who = format!("{} at {}", command::describe(&client.kind()), client.address());
        return Ok(Answer::good(format!("{who} forwards nothing; it was started without --forward\n")));
    }
    Ok(Answer::good(lines(&lists, paint)))
}

/// Changes a list and shows what became of it.
pub(crate) fn change(
    client: &Client,
    change: &ForwardChange,
    raw: bool,
    paint: Paint,
) -> anyhow::Result<Answer> {
    if raw {
        return Ok(Answer::good(json::text(&client.change_forward_json(change)?)));
    }
    Ok(Answer::good(lines(&client.change_forward(change)?, paint)))
}

fn lines(lists: &[ForwardList], paint: Paint) -> String {
    let now = clock::now();
    let mut text = String::new();
    for list in lists {
        text.push_str(&format!("list {}  {}\n", list.list, figures(list, paint)));
        for destination in &list.destinations {
            text.push_str(&format!("        {}\n", destination_line(destination, now, paint)));
        }
    }
    text
}

/// `durable, lag 12ms queue 0 (0 B) forwarded 412,003`
pub(crate) fn figures(list: &ForwardList, paint: Paint) -> String {
    let mut text = match list.delivery.as_deref() {
        Some("at_most_once") => paint.warning("at most once, "),
        Some("received") => paint.warning("acks mean received, "),
        Some(_) => "durable, ".into(),
        None => paint.bad("no destination works, "),
    };
    text.push_str(&format!(
        "lag {} queue {} ({}) forwarded {}",
        span(list.lag_seconds),
        count(list.queued),
        bytes(list.queued_bytes),
        count(list.forwarded)
    ));
    if let Some(rate) = list.held_to_bytes_per_second {
        text.push_str(&format!(" held to {}/s beside live events", bytes(rate)));
    }
    if list.unsure > 0 {
        text.push_str(&paint.warning(format!(" perhaps lost {}", count(list.unsure))));
    }
    if list.dropped.values().any(|count| *count > 0) {
        text.push_str(&paint.bad(format!(" dropped ({})", by_reason(&list.dropped))));
    }
    if list.switches > 0 {
        text.push_str(&format!(" switches {}", count(list.switches)));
    }
    text
}

/// `master:3514 ACTIVE, backup:3514 standby`
pub(crate) fn destinations(list: &ForwardList, paint: Paint) -> String {
    list.destinations.iter().map(|destination| name(destination, paint)).collect::<Vec<_>>().join(", ")
}

fn name(destination: &ForwardDestination, paint: Paint) -> String {
    let address = printable(&destination.address);
    match destination.state.as_str() {
        "active" => format!("{address} {}", paint.good("ACTIVE")),
        state @ ("failing" | "refused") => format!("{address} {}", paint.bad(state)),
        state => format!("{address} {}", printable(state)),
    }
}

pub(crate) fn destination_line(destination: &ForwardDestination, now: f64, paint: Paint) -> String {
    let mut text = name(destination, paint);
    if let Some(error) = &destination.error {
        text.push_str(&format!(": {}", printable(error)));
    }
    if let Some(since) = destination.since {
        text.push_str(&format!(" ({})", ago(now, since)));
    }
    text
}
