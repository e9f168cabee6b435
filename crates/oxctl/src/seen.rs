//! `oxctl types` and `oxctl hosts`

use crate::figures::{ago, bytes, count, counted};
use crate::output::Answer;
use crate::paint::Paint;
use crate::{clock, json};
use blueox_control::status::Seen;
use blueox_control::{Client, DaemonKind, printable};

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Types of events.
    Types,
    /// Hosts that events came from.
    Hosts,
}

/// Names up to this width stand in a column; a longer one pushes its own line out.
const MAX_NAME_WIDTH: usize = 60;

/// Lists what the daemon has seen.
pub(crate) fn show(client: &Client, kind: Kind, raw: bool, paint: Paint) -> anyhow::Result<Answer> {
    if raw {
        let key = match kind {
            Kind::Types if client.kind() == DaemonKind::Original => "events",
            Kind::Types => "types",
            Kind::Hosts => "hosts",
        };
        return Ok(Answer::good(json::text(&client.status_json()?[key])));
    }
    let status = client.status()?;
    let now = status.now().unwrap_or_else(clock::now);
    let (noun, seen, not_listed) = match kind {
        Kind::Types => ("type", &status.types, status.types_not_listed),
        Kind::Hosts => ("host", &status.hosts, status.hosts_not_listed),
    };
    let mut rows: Vec<_> = seen.iter().collect();
    rows.sort_by(|(_, a), (_, b)| b.count.cmp(&a.count).then(newest_first(a, b)));
    if rows.is_empty() {
        return Ok(Answer::good(format!("no events yet, so no {noun}s\n")));
    }
    let mut text = table(noun, &rows, now, paint);
    if not_listed > 0 {
        let more = counted(not_listed, &format!("more {noun}"));
        text.push_str(&format!("{}\n", paint.warning(format!("and {more} that the daemon does not list"))));
    }
    Ok(Answer::good(text))
}

/// The order where nobody counts: by the last event.
fn newest_first(a: &Seen, b: &Seen) -> std::cmp::Ordering {
    b.last.unwrap_or(f64::MIN).total_cmp(&a.last.unwrap_or(f64::MIN))
}

fn table(noun: &str, rows: &[(&String, &Seen)], now: f64, paint: Paint) -> String {
    let with_counts = rows.iter().any(|(_, seen)| seen.count.is_some());
    let with_bytes = rows.iter().any(|(_, seen)| seen.bytes.is_some());
    let mut lines = vec![[noun.to_owned(), "events".into(), "bytes".into(), "last".into()]];
    for (name, seen) in rows {
        lines.push([
            printable(name).into_owned(),
            seen.count.map_or("-".into(), count),
            seen.bytes.map_or("-".into(), bytes),
            seen.last.map_or("-".into(), |last| ago(now, last)),
        ]);
    }
    let width = |column: usize| lines.iter().map(move |line| line[column].chars().count());
    let names = width(0).filter(|width| *width <= MAX_NAME_WIDTH).max().unwrap_or(0);
    let (counts, sizes) = (width(1).max().unwrap_or(0), width(2).max().unwrap_or(0));
    let mut text = String::new();
    for (index, [name, count, size, last]) in lines.iter().enumerate() {
        let mut line = format!("{name:<names$}");
        if with_counts {
            line.push_str(&format!("  {count:>counts$}"));
        }
        if with_bytes {
            line.push_str(&format!("  {size:>sizes$}"));
        }
        line.push_str(&format!("  {last}"));
        text.push_str(&if index == 0 { paint.faint(&line) } else { line });
        text.push('\n');
    }
    text
}
