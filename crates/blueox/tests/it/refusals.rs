//! Daemons that say no, or that know another past.

use crate::collector::{Collector, PATIENCE, REFUSAL};
use crate::transport::{alone, make, numbers};
use blueox::{Config, ConfigError, Stats, configure, flush, shutdown, stats};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Waits until the account is as `is_enough` wants it.
fn wait(is_enough: impl Fn(&Stats) -> bool) -> Stats {
    for _ in 0..PATIENCE.as_millis() / 10 {
        let account = stats();
        if is_enough(&account) {
            return account;
        }
        flush(Duration::from_millis(10));
    }
    panic!("waited in vain; {:?}", stats());
}

#[test]
fn a_refusal_is_shown_and_events_wait() {
    let _alone = alone();
    let collector = Collector::start();
    collector.script.refuses.store(true, Ordering::Relaxed);
    configure(Config::to(&collector.address)).unwrap();
    make(0..10);
    let account = wait(|account| account.problem.is_some());
    assert_eq!(account.problem, Some(format!("the daemon refuses: {REFUSAL}")));
    assert_eq!((account.queued, account.dropped, account.is_connected), (10, 0, false));
    let account = shutdown(Duration::ZERO);
    assert_eq!((account.dropped_exit, account.memory), (10, 0));
}

#[test]
fn a_busy_daemon_is_asked_again() {
    let _alone = alone();
    let collector = Collector::start();
    collector.script.is_busy.store(true, Ordering::Relaxed);
    configure(Config::to(&collector.address)).unwrap();
    make(0..10);
    drop(collector.wait(|got| got.connections > 2));
    let account = wait(|account| account.problem.is_some());
    assert_eq!(account.problem.as_deref(), Some("the daemon is busy, its spool may be full"));
    collector.script.is_busy.store(false, Ordering::Relaxed);
    assert!(flush(PATIENCE));
    let account = stats();
    assert_eq!((account.accepted, account.problem, account.is_connected), (10, None, true));
    shutdown(PATIENCE);
}

#[test]
fn the_token_is_shown_to_the_daemon_and_an_impossible_one_refused() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address).token("open sesame")).unwrap();
    make(0..1);
    assert!(flush(PATIENCE));
    assert_eq!(collector.got().token.as_deref(), Some(&b"open sesame"[..]));
    shutdown(PATIENCE);
    for token in [String::new(), "x".repeat(10_000)] {
        assert_eq!(configure(Config::to(&collector.address).token(token)), Err(ConfigError::Token));
    }
    assert_eq!(stats(), Stats::default());
}

/// What was given up is told to the daemon under its numbers, so that it misses nothing and waits for nothing.
#[test]
fn what_no_daemon_acked_for_too_long_is_lost_and_told() {
    let _alone = alone();
    let collector = Collector::start();
    collector.script.drops.store(true, Ordering::Relaxed);
    configure(Config::to(&collector.address).unacked_patience(Duration::from_millis(50))).unwrap();
    make(0..100);
    let account = wait(|account| account.dropped_unacked == 100);
    assert_eq!((account.queued, account.accepted), (0, 0));
    collector.script.drops.store(false, Ordering::Relaxed);
    make(100..200);
    // A loaded machine may take longer than the patience for the next batch too: then it is made again.
    let got = collector.wait(|got| !got.lost.is_empty());
    let given_up: u64 = got.lost.iter().filter_map(|lost| lost.count).sum();
    let numbers: Vec<u64> = got.lost.iter().map(|lost| lost.numbers.first().get()).collect();
    drop(got);
    assert_eq!(numbers[0], 1);
    assert!(given_up >= 100, "{given_up}");
    let account = shutdown(PATIENCE);
    assert_eq!(account.produced, account.accepted + account.dropped);
    assert_eq!(account.produced, 200);
}

/// The machine was set back to an older state: the daemon knows more of the stream than was sent. The events go on under a new one.
#[test]
fn a_stream_that_the_daemon_knows_better_is_given_up_for_a_new_one() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address)).unwrap();
    make(0..100);
    assert!(flush(PATIENCE));
    collector.script.drops.store(true, Ordering::Relaxed);
    collector.script.boasts.store(true, Ordering::Relaxed);
    make(100..200);
    drop(collector.wait(|got| got.boasts == 1));
    collector.script.drops.store(false, Ordering::Relaxed);
    assert!(flush(PATIENCE));
    let account = shutdown(PATIENCE);
    assert_eq!((account.accepted, account.dropped), (200, 0));
    let got = collector.got();
    assert_eq!(got.marks.len(), 2, "streams");
    assert!(numbers(&got.events).into_iter().eq(0..200));
}
