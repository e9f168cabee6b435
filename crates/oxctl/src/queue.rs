//! `oxctl queue`

use crate::figures::{bytes, count, span};
use crate::json;
use crate::output::Answer;
use crate::paint::Paint;
use crate::status::place;
use blueox_control::status::Reader;
use blueox_control::{Client, printable};
use serde_json::json;

/// Shows what waits in the spool, for each that reads it.
pub(crate) fn show(client: &Client, raw: bool, paint: Paint) -> anyhow::Result<Answer> {
    if raw {
        let status = client.status_json()?;
        return Ok(Answer::good(json::text(
            &json!({ "spool": status["spool"], "events": status["events"] }),
        )));
    }
    let status = client.status()?;
    let Some(spool) = &status.spool else {
        let queued = status.events.as_ref().map_or(0, |events| events.queued);
        return Ok(Answer::good(format!("no spool: {} events wait in memory\n", count(queued))));
    };
    let full = if spool.full { paint.bad(", full: senders wait") } else { String::new() };
    let mut text = format!(
        "{}  {} of {}{full}\n",
        printable(place(spool)),
        bytes(spool.used_bytes),
        bytes(spool.max_bytes)
    );
    let width = spool.readers.iter().map(|reader| reader.name.len()).max().unwrap_or(0);
    for reader in &spool.readers {
        text.push_str(&format!("{:<width$}  {}\n", printable(&reader.name), line(reader)));
    }
    Ok(Answer::good(text))
}

/// `1,204 events (1.2 MiB), the oldest waits for 3m`
fn line(reader: &Reader) -> String {
    let mut text = format!("{} events ({})", count(reader.events), bytes(reader.bytes));
    if let Some(oldest) = reader.oldest_seconds.filter(|_| reader.events > 0) {
        text.push_str(&format!(", the oldest waits for {}", span(oldest)));
    }
    text
}
