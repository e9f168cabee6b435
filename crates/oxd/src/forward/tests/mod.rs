//! Forwarding, against collectors that do as they are told.

mod agent;
mod collector;
mod original;

use agent::{Agent, list, numbers};
use blueox_event::wire::native::{LossReason, RefusedReason, Seq, SeqRange, StreamId};
use collector::{Book, Collector, Manner};
use std::ops::Range;
use std::time::Duration;

const DRAIN: Duration = Duration::from_secs(60);
/// A payload that is copied, and one that is not.
const SMALL: usize = 100;
const LARGE: usize = 100_000;

/// In seconds since the epoch.
const LATER: f64 = 4e9;

/// The events that arrived, in order.
fn arrived(book: &Book) -> Vec<u64> {
    book.batches.iter().flat_map(|(_, _, events, _)| numbers(events)).collect()
}

fn all(range: Range<u64>) -> Vec<u64> {
    range.collect()
}

/// Waits until a list is as wanted.
fn wait_for(agent: &Agent, what: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
    for _ in 0..6000 {
        if wanted(&agent.list().report(LATER)) {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("waited in vain for: {what}; {:#}", agent.list().report(LATER));
}

#[test]
fn every_event_arrives_once_over_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::Good);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..50, SMALL);
    agent.record(50..53, LARGE);
    collector.wait("all", |book| arrived(book).len() == 53);
    wait_for(&agent, "all acked", |list| list["forwarded"] == 53 && list["queued"] == 0);
    assert_eq!((agent.ledger.forwarded(), agent.ledger.queued()), (53, 0));
    agent.finish(DRAIN);

    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    assert_eq!(agent.ledger.recovered(), 0);
    agent.record(53..60, SMALL);
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), all(0..60));
    let sessions: Vec<_> = collector.book().hellos.iter().map(|(_, session)| session.0).collect();
    assert!(sessions.is_sorted() && sessions.len() == 2, "{sessions:?}");
}

#[test]
fn what_was_not_acked_is_sent_again() {
    for manner in [Manner::DiesAfter(1), Manner::DiesAfter(7), Manner::GoesAwayAfter(5)] {
        let directory = tempfile::tempdir().unwrap();
        let collector = Collector::start(manner);
        let agent = Agent::start(directory.path(), &[list(&[&collector])]);
        agent.record(0..20, SMALL);
        collector.wait("a second connection", |book| book.hellos.len() >= 2);
        collector.behave(Manner::Good);
        agent.finish(DRAIN);
        assert_eq!(arrived(&collector.book()), all(0..20));
    }
}

#[test]
fn what_the_collector_misses_is_sent_again() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::Loses);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..20, SMALL);
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), all(0..20));
    assert_eq!(collector.book().hellos.len(), 1);
}

#[test]
fn events_wait_in_the_spool_for_acks_and_credit() {
    for manner in [Manner::HoldsAcks, Manner::NoCredit] {
        let directory = tempfile::tempdir().unwrap();
        let collector = Collector::start(manner);
        let agent = Agent::start(directory.path(), &[list(&[&collector])]);
        agent.record(0..10, SMALL);
        collector.wait("a connection", |book| !book.hellos.is_empty());
        wait_for(&agent, "active", |list| list["state"] == "active");
        let report = agent.list().report(LATER);
        assert_eq!((&report["forwarded"], &report["queued"]), (&0.into(), &10.into()));
        wait_for(&agent, "lag", |list| list["lag_seconds"].as_f64() > Some(0.0));
        collector.behave(Manner::Good);
        agent.finish(DRAIN);
        assert_eq!(arrived(&collector.book()), all(0..10));
    }
}

#[test]
fn a_daemon_that_stops_keeps_what_it_cannot_forward() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::HoldsAcks);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..10, SMALL);
    agent.finish(Duration::from_millis(100));
    collector.behave(Manner::Good);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    assert_eq!(agent.ledger.recovered(), 10);
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), all(0..10));
}

#[test]
fn a_backup_takes_over() {
    let manners =
        [Manner::Silent, Manner::Refuses(RefusedReason::NotAllowed), Manner::Busy(Duration::from_secs(60))];
    for manner in manners {
        let directory = tempfile::tempdir().unwrap();
        let [first, backup] = [manner, Manner::Good].map(Collector::start);
        let agent = Agent::start(directory.path(), &[list(&[&first, &backup])]);
        agent.record(0..5, SMALL);
        collector_gets(&backup, 5);
        wait_for(&agent, "active", |list| list["active"] == backup.address.to_string());
        let report = agent.list().report(LATER);
        assert_ne!(report["destinations"][0]["state"], "standby");
        assert!(report["destinations"][0]["error"].is_string());
        agent.finish(DRAIN);
    }
}

fn collector_gets(collector: &Collector, events: usize) {
    collector.wait("events", |book| arrived(book).len() == events);
}

/// The floor lets the backup go on behind what the first has acked.
#[test]
fn a_backup_goes_on_where_the_first_has_acked() {
    let directory = tempfile::tempdir().unwrap();
    let [first, backup] = [Manner::Good, Manner::Good].map(Collector::start);
    let agent = Agent::start(directory.path(), &[list(&[&first, &backup])]);
    agent.record(0..5, SMALL);
    wait_for(&agent, "acked", |list| list["forwarded"] == 5);
    first.behave(Manner::Silent);
    agent.record(5..10, SMALL);
    collector_gets(&backup, 5);
    wait_for(&agent, "acked", |list| list["forwarded"] == 10 && list["switches"] == 1);
    assert_eq!(arrived(&first.book()), all(0..5));
    assert_eq!(arrived(&backup.book()), all(5..10));
    assert_eq!(backup.book().gaps, 1);
    agent.finish(DRAIN);
}

#[test]
fn two_lists_are_two_copies() {
    let directory = tempfile::tempdir().unwrap();
    let [good, slow] = [Manner::Good, Manner::NoCredit].map(Collector::start);
    let agent = Agent::start(directory.path(), &[list(&[&good]), list(&[&slow])]);
    agent.record(0..10, SMALL);
    wait_for(&agent, "the first copy", |list| list["forwarded"] == 10);
    assert_eq!((agent.ledger.queued(), agent.ledger.forwarded()), (10, 0));
    slow.behave(Manner::Good);
    agent.finish(DRAIN);
    assert_eq!([arrived(&good.book()), arrived(&slow.book())], [all(0..10), all(0..10)]);
}

/// A copied machine: its session is not above, and it must not take the stream from the other.
#[test]
fn a_refused_session_is_not_raised() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::Refuses(RefusedReason::Session));
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..1, SMALL);
    wait_for(&agent, "refused", |list| list["destinations"][0]["state"] == "refused");
    let error = agent.list().report(LATER)["destinations"][0]["error"].to_string();
    assert!(error.contains("is a copy stop oxd and remove its spool"), "{error}");
    agent.finish(Duration::ZERO);
    collector.behave(Manner::Good);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), [0]);
}

#[test]
fn a_machine_that_was_set_back_begins_a_new_stream() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::NoCredit);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..5, SMALL);
    collector.wait("hello", |book| !book.hellos.is_empty());
    let old = collector.book().hellos[0].0;
    agent.finish(Duration::ZERO);
    // It has more than this machine remembers.
    collector.book().high.insert(old, Seq::new(1000));
    collector.behave(Manner::Good);

    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(5..7, SMALL);
    collector_gets(&collector, 7);
    agent.finish(DRAIN);
    let new = collector.book().hellos.last().unwrap().0;
    assert_ne!(new, old);
    assert_eq!(arrived(&collector.book()), all(0..7));

    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(7..8, SMALL);
    agent.finish(DRAIN);
    let streams: Vec<StreamId> = collector.book().hellos.iter().map(|(stream, _)| *stream).collect();
    assert_eq!(streams.last(), Some(&new), "it is kept: {streams:?}");
    assert_eq!(arrived(&collector.book()), all(0..8));
}

/// Own numbers go on, so the new stream does not begin at 1: each collector is told of those before, until one has acked
/// something of the stream. They are not said to be elsewhere.
#[test]
fn a_new_stream_begins_behind_numbers_that_were_never_given() {
    let directory = tempfile::tempdir().unwrap();
    let [first, backup] = [Manner::Good, Manner::Good].map(Collector::start);
    let agent = Agent::start(directory.path(), &[list(&[&first])]);
    agent.record(0..5, SMALL);
    wait_for(&agent, "acked", |list| list["forwarded"] == 5);
    agent.finish(DRAIN);
    let old = first.book().hellos[0].0;
    first.book().high.insert(old, Seq::new(1000));
    first.behave(Manner::HoldsAcks);
    let agent = Agent::start(directory.path(), &[list(&[&first])]);
    agent.record(5..7, SMALL);
    first.wait("a new stream", |book| book.hellos.last().is_some_and(|(stream, _)| *stream != old));
    agent.finish(Duration::ZERO);

    let agent = Agent::start(directory.path(), &[list(&[&backup])]);
    agent.record(7..9, SMALL);
    agent.finish(DRAIN);
    {
        let book = backup.book();
        let lost: Vec<_> = book.lost.iter().map(|lost| (lost.numbers, lost.count, lost.reason)).collect();
        let numbers = SeqRange::new(Seq::new(1), Seq::new(5)).unwrap();
        assert_eq!((lost, book.gaps), (vec![(numbers, None, LossReason::SetBack)], 0));
        let batches: Vec<_> =
            book.batches.iter().map(|(stream, seq, ..)| (*stream != old, seq.get())).collect();
        assert_eq!(batches, [(true, 6), (true, 7), (true, 8), (true, 9)]);
    }
    first.behave(Manner::Good);
    let agent = Agent::start(directory.path(), &[list(&[&first])]);
    agent.record(9..10, SMALL);
    agent.finish(DRAIN);
    let book = first.book();
    assert_eq!((book.lost.len(), book.gaps, arrived(&book)), (0, 1, vec![0, 1, 2, 3, 4, 9]));
}

/// While live events come in a backlog goes out at a pace, and people can see it.
#[test]
fn a_backlog_beside_live_events_is_paced() {
    let directory = tempfile::tempdir().unwrap();
    let collector = Collector::start(Manner::NoCredit);
    let agent = Agent::start(directory.path(), &[list(&[&collector])]);
    agent.record(0..30, LARGE);
    wait_for(&agent, "active", |list| list["state"] == "active");
    // Whatever a loaded machine does to the rate at which they come: it is never below the least pace.
    let next = std::cell::Cell::new(30);
    wait_for(&agent, "the pace", |list| {
        agent.record(next.get()..next.get() + 1, SMALL);
        next.set(next.get() + 1);
        list["held_to_bytes_per_second"].as_u64() >= Some(16 << 20)
    });
    collector.behave(Manner::Good);
    wait_for(&agent, "all acked", |list| list["queued"] == 0 && list["held_to_bytes_per_second"].is_null());
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), all(0..next.get()));
}

#[test]
fn it_goes_back_to_the_first_when_that_is_well_again() {
    let directory = tempfile::tempdir().unwrap();
    let [first, backup] = [Manner::Silent, Manner::Good].map(Collector::start);
    let agent = Agent::start(directory.path(), &[list(&[&first, &backup])]);
    agent.record(0..5, SMALL);
    collector_gets(&backup, 5);
    first.behave(Manner::Good);
    wait_for(&agent, "back", |list| list["active"] == first.address.to_string());
    agent.record(5..10, SMALL);
    agent.finish(DRAIN);
    assert_eq!([arrived(&backup.book()), arrived(&first.book())], [all(0..5), all(5..10)]);
}

/// As the original kept events: nothing outlasts the process, and everybody is told.
#[test]
fn without_a_spool_on_disk_events_wait_in_memory() {
    let collector = Collector::start(Manner::DiesAfter(7));
    let agent = Agent::start_over(None, &[list(&[&collector])]);
    agent.record(0..20, SMALL);
    collector.wait("a second connection", |book| book.hellos.len() >= 2);
    collector.behave(Manner::Good);
    // More than it may hold at once: what was acked makes room.
    agent.record(20..140, LARGE);
    agent.finish(DRAIN);
    assert_eq!(arrived(&collector.book()), all(0..140));
}

#[test]
fn what_waits_in_memory_when_the_daemon_ends_is_counted_as_lost() {
    let collector = Collector::start(Manner::HoldsAcks);
    let agent = Agent::start_over(None, &[list(&[&collector])]);
    agent.record(0..10, SMALL);
    let ledger = std::sync::Arc::clone(&agent.ledger);
    let error = agent.finish_early().unwrap_err().to_string();
    assert!(error.contains("10 events that were received could not be kept"), "{error}");
    assert_eq!((ledger.queued(), ledger.forwarded()), (0, 0));
}
