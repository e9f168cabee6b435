//! Drops as events: what the daemon drops appears as `blueox.dropped` among all other events, at most every few seconds a reason.
//!
//! Never about itself: as long as nothing but reports was accepted, what an over-full spool drops is caused by reports, and
//! none is made.

use crate::batch::Batch;
use crate::ledger::{DropReason, Ledger};
use crate::status::Observed;
use blueox_event::{EncodedEvent, Value};
use std::collections::HashMap;
use std::time::Duration;

/// How often drops are looked for.
pub(crate) const REPORT_EVERY: Duration = Duration::from_secs(10);

/// Where events were dropped: the daemon's own ledger, or a list's of destinations.
type Place = Option<usize>;

/// Remembers what was reported.
#[derive(Debug, Default)]
pub(crate) struct DropReporter {
    reported: HashMap<(Place, &'static str), u64>,
    /// How many reports were made.
    reports: u64,
    /// Events of others that had been accepted by the last report.
    accepted: u64,
}

/// Drops that were not reported yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Drops {
    place: Place,
    reason: &'static str,
    count: u64,
    total: u64,
}

impl DropReporter {
    /// Hands over an event for each reason for which something was dropped since the last time.
    pub(crate) async fn report(&mut self, observed: &Observed) {
        // Who keeps nothing would drop the reports too; and they shall not wait in front of what has waited longer.
        let is_kept = observed.log_path.is_some() || observed.spool_state.is_some();
        if !is_kept || observed.spool_state.as_ref().is_some_and(|spool| spool.is_full()) {
            return;
        }
        let lists = observed.lists().iter().map(|list| (Some(list.index), list.counts.dropped().collect()));
        let own = (None, observed.ledger.dropped().collect::<Vec<_>>());
        let drops = self.new_drops(&observed.ledger, std::iter::once(own).chain(lists));
        if drops.is_empty() {
            return;
        }
        let now = observed.clock.now();
        let mut batch = Batch::new(now);
        for drops in drops {
            let event = drops.event(&observed.host, now);
            let event = EncodedEvent::parse(&event).expect("BUG: our own event is one");
            batch.push(&event).expect("BUG: our own event has a type");
            self.reports += 1;
        }
        observed.spooler.admit(batch).await;
    }

    fn new_drops(
        &mut self,
        ledger: &Ledger,
        counts: impl Iterator<Item = (Place, Vec<(DropReason, u64)>)>,
    ) -> Vec<Drops> {
        let accepted = ledger.accepted().saturating_sub(self.reports);
        let only_reports = accepted <= self.accepted;
        self.accepted = self.accepted.max(accepted);
        let mut new = Vec::new();
        for (place, counts) in counts {
            for (reason, total) in counts {
                let reported = self.reported.entry((place, reason.name())).or_default();
                if total <= *reported || (only_reports && reason.can_hit_reports()) {
                    continue;
                }
                let count = total - std::mem::replace(reported, total);
                new.push(Drops { place, reason: reason.name(), count, total });
            }
        }
        new
    }
}

impl Drops {
    fn event(&self, host: &str, now: f64) -> Vec<u8> {
        let place = self.place.map_or_else(|| "daemon".to_owned(), |index| format!("forward:{index}"));
        let body = Value::map([
            ("reason", Value::from(self.reason)),
            ("count", Value::from(self.count)),
            ("where", Value::from(place.as_str())),
            ("total", Value::map([(self.reason, Value::from(self.total))])),
        ]);
        Value::map([
            ("type", Value::from("blueox.dropped")),
            ("host", Value::from(host)),
            ("pid", Value::from(std::process::id())),
            ("start", Value::from(now)),
            ("end", Value::from(now)),
            ("body", body),
        ])
        .to_msgpack()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_drops(reporter: &mut DropReporter, ledger: &Ledger) -> Vec<(&'static str, u64, u64)> {
        let drops = reporter.new_drops(ledger, std::iter::once((None, ledger.dropped().collect())));
        reporter.reports += drops.len() as u64;
        ledger.accept(drops.len() as u64, 0);
        drops.into_iter().map(|drops| (drops.reason, drops.count, drops.total)).collect()
    }

    #[test]
    fn each_drop_is_reported_once_and_reports_cause_none() {
        let (mut reporter, ledger) = (DropReporter::default(), Ledger::default());
        assert_eq!(new_drops(&mut reporter, &ledger), []);
        ledger.reject_all(DropReason::Malformed, 3);
        assert_eq!(new_drops(&mut reporter, &ledger), [("malformed", 3, 3)]);
        ledger.reject(DropReason::Malformed);
        ledger.accept(10, 0);
        ledger.lose(DropReason::SpoolFull, 5);
        assert_eq!(new_drops(&mut reporter, &ledger), [("malformed", 1, 4), ("spool_full", 5, 5)]);
        // Nothing but reports came in since: they were what was dropped.
        ledger.lose(DropReason::SpoolFull, 2);
        assert_eq!(new_drops(&mut reporter, &ledger), []);
        ledger.accept(1, 0);
        assert_eq!(new_drops(&mut reporter, &ledger), [("spool_full", 2, 7)]);
        assert_eq!(new_drops(&mut reporter, &ledger), []);
    }
}
