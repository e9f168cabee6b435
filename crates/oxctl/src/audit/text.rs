//! An audit for people.

use super::book::ends;
use super::report::{Figures, Gap, Report, StreamLine, short};
use crate::figures::{count, counted};
use crate::paint::Paint;
use crate::status::by_reason;
use blueox_control::printable;

/// So many lines of each kind are shown; JSON has more.
const MAX_LINES: usize = 40;

/// The report as text: the verdict first, then what it rests on, then a table of streams.
pub(crate) fn of(report: &Report, paint: Paint) -> String {
    let mut text = format!("{}\n", verdict(report, paint));
    let mut lines: Vec<(&str, String)> = vec![("events", events(&report.total))];
    lines.extend(report.daemons.iter().map(|daemon| {
        let (role, host) = (printable(&daemon.role), printable(&daemon.host));
        let mut line = format!("{role} {host} at {}", printable(&daemon.address));
        if daemon.streams_not_listed > 0 {
            let more = counted(daemon.streams_not_listed, "stream");
            line.push_str(&paint.warning(format!(", {more} not told")));
        }
        ("asked", line)
    }));
    for directory in &report.directories {
        let files = counted(directory.files as u64, "file");
        lines.push(("read", format!("{}, {files} of ranges", printable(&directory.path))));
        lines.extend(directory.damaged.iter().map(|place| ("damaged", paint.bad(printable(place)))));
    }
    let gaps: Vec<_> = report.gaps.iter().map(|gap| (gap.what, gap_line(gap, report, paint))).collect();
    push_some(&mut lines, gaps, "gaps");
    let overlaps = report.overlaps.iter().map(|overlap| {
        let [a, b] = overlap.paths.each_ref().map(|path| printable(path));
        let numbers = numbers(overlap.numbers);
        ("overlap", format!("{} {numbers} in {a} and {b}, counted once", short(overlap.stream)))
    });
    push_some(&mut lines, overlaps.collect(), "overlaps");
    let broken = report.streams.iter().filter(|line| line.broke_off());
    let broken = broken.map(|line| {
        (
            "broke off",
            format!("{} after {}: what it had not numbered nobody knows", name(line), line.figures.numbers),
        )
    });
    push_some(&mut lines, broken.collect(), "streams");
    let unnumbered = report.streams.iter().filter_map(|line| {
        let dropped = &line.who.as_ref()?.dropped;
        (!dropped.is_empty()).then(|| {
            ("unnumbered", format!("{} dropped before numbering: {}", name(line), by_reason(dropped)))
        })
    });
    push_some(&mut lines, unnumbered.collect(), "streams");
    lines.extend(report.daemons.iter().filter(|daemon| !daemon.dropped.is_empty()).map(|daemon| {
        let dropped = by_reason(&daemon.dropped);
        ("its counts", format!("{} dropped since its start: {dropped}", printable(&daemon.host)))
    }));
    let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, line) in lines {
        text.push_str(&format!("{}  {line}\n", paint.faint(format!("{name:<width$}"))));
    }
    text.push_str(&table(report, paint));
    text
}

fn push_some<'a>(lines: &mut Vec<(&'a str, String)>, new: Vec<(&'a str, String)>, noun: &str) {
    let more = new.len().saturating_sub(MAX_LINES);
    lines.extend(new.into_iter().take(MAX_LINES));
    if more > 0 {
        lines.push(("", format!("and {} more {noun}; --raw lists them", count(more as u64))));
    }
}

/// `balanced: 1,204 numbers of 3 streams = 1,200 stored + 0 queued + 4 dropped`
fn verdict(report: &Report, paint: Paint) -> String {
    let total = &report.total;
    let mut sum = format!(
        "{} of {} = {} stored + {} queued + {} dropped",
        counted(total.numbers, "number"),
        counted(report.streams.len() as u64, "stream"),
        count(total.stored),
        count(total.queued),
        count(total.dropped_total()),
    );
    if total.removed > 0 {
        sum.push_str(&format!(" + {} removed", count(total.removed)));
    }
    if report.is_balanced() {
        return format!("{}: {sum}", paint.good("balanced"));
    }
    format!("{}: {sum} + {} missing", paint.bad("not balanced"), count(total.missing))
}

fn events(total: &Figures) -> String {
    let (stored, queued) = (count(total.stored_events), count(total.queued_events));
    let mut text = format!("{stored} stored, {queued} queued");
    if total.dropped_events.values().any(|count| *count > 0) {
        text.push_str(&format!(", dropped: {}", by_reason(&total.dropped_events)));
    }
    text
}

/// `1a2b3c4d5e6f web-2:4121 7..9: queue_full`
fn gap_line(gap: &Gap, report: &Report, paint: Paint) -> String {
    let of = report.streams.iter().find(|line| line.stream == gap.stream);
    let who = of.map_or_else(|| short(gap.stream), name);
    let (first, last) = ends(gap.numbers);
    let some = match last - first + 1 {
        all if all == gap.count => String::new(),
        _ => format!(" ({} of them)", count(gap.count)),
    };
    let line = format!("{who} {}{some}: {}", numbers(gap.numbers), printable(&gap.reason));
    if gap.known { line } else { paint.bad(line) }
}

fn numbers(range: blueox_event::wire::native::SeqRange) -> String {
    match ends(range) {
        (first, last) if first == last => first.to_string(),
        (first, last) => format!("{first}..{last}"),
    }
}

/// `1a2b3c4d5e6f web-2:4121`
fn name(line: &StreamLine) -> String {
    let who = line.who.as_ref().filter(|who| !who.host.is_empty());
    match who {
        None => short(line.stream),
        Some(who) => {
            let pid = who.pid.map_or_else(String::new, |pid| format!(":{pid}"));
            format!("{} {}{pid}", short(line.stream), printable(&who.host))
        }
    }
}

fn table(report: &Report, paint: Paint) -> String {
    let mut streams: Vec<_> = report.streams.iter().filter(|line| line.figures.numbers > 0).collect();
    streams.sort_by_key(|line| (line.figures.missing == 0, line.figures.dropped_total() == 0, line.stream));
    let more = streams.len().saturating_sub(MAX_LINES);
    let mut rows = vec![
        ["stream", "role", "numbers", "stored", "queued", "dropped", "missing", "events"].map(String::from),
    ];
    for line in streams.into_iter().take(MAX_LINES) {
        let figures = &line.figures;
        let role = line.who.as_ref().map_or("-".into(), |who| printable(&who.role).into_owned());
        let events = figures.stored_events + figures.queued_events;
        let numbers = [
            figures.numbers,
            figures.stored,
            figures.queued,
            figures.dropped_total(),
            figures.missing,
            events,
        ];
        let [a, b, c, d, e, f] = numbers.map(count);
        rows.push([name(line), role, a, b, c, d, e, f]);
    }
    let widths: [usize; 8] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let cell = |column: usize| {
            let width = widths[column];
            if column < 2 { format!("{:<width$}", row[column]) } else { format!("{:>width$}", row[column]) }
        };
        let line = (0..row.len()).map(cell).collect::<Vec<_>>().join("  ");
        text.push_str(&if index == 0 { paint.faint(&line) } else { line });
        text.push('\n');
    }
    if more > 0 {
        text.push_str(&format!("and {} more streams; --raw lists them\n", count(more as u64)));
    }
    text
}
