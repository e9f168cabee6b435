//! From the application to a daemon and back, with a scripted one.

use crate::collector::{Collector, PATIENCE};
use blueox::{Config, configure, context, flush, set, shutdown, stats};
use blueox_event::Value;
use rustix::net;
use std::collections::HashSet;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::atomic::Ordering;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The configuration is the process's: one test at a time.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn get<'v>(event: &'v Value, key: &str) -> &'v Value {
    let Value::Map(pairs) = event else { panic!("no map: {event:?}") };
    let found = pairs.iter().find(|(name, _)| *name == Value::from(key));
    found.map_or(&Value::Nil, |(_, value)| value)
}

pub(crate) fn numbers(events: &[Value]) -> Vec<u64> {
    let number = |event| match get(get(event, "body"), "n") {
        Value::UInt(n) => Some(*n),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}

/// How many drops each `blueox.dropped` tells of.
fn reported(events: &[Value]) -> Vec<u64> {
    let reports = events.iter().filter(|event| get(event, "type") == &Value::from("blueox.dropped"));
    let count = |report| match get(get(report, "body"), "count") {
        Value::UInt(count) => *count,
        other => panic!("no count: {other:?}"),
    };
    reports.map(count).collect()
}

pub(crate) fn make(range: std::ops::Range<u64>) {
    for n in range {
        let _job = context("job");
        set("n", n);
    }
}

#[test]
fn events_arrive_and_the_stream_ends() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address).host("web-1")).unwrap();
    make(0..5000);
    assert!(flush(PATIENCE));
    assert!(numbers(&collector.got().events).into_iter().eq(0..5000));
    assert_eq!(get(&collector.got().events[0], "host"), &Value::from("web-1"));
    let account = shutdown(PATIENCE);
    assert_eq!((account.produced, account.accepted, account.queued, account.dropped), (5000, 5000, 0, 0));
    assert_eq!(account.memory, 0, "memory is given back");
    let got = collector.got();
    assert_eq!((got.connections, got.farewells, got.ledger), (1, 1, (5000, 0)));
}

#[test]
fn an_event_is_on_its_way_without_being_pushed() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address)).unwrap();
    make(0..1);
    drop(collector.wait(|got| got.events.len() == 1));
    shutdown(PATIENCE);
}

#[test]
fn what_was_not_acked_is_sent_again_and_nothing_twice() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address)).unwrap();
    collector.script.cuts.store(true, Ordering::Relaxed);
    for round in 0..5 {
        make(round * 100..(round + 1) * 100);
        drop(collector.wait(|got| numbers(&got.events).len() as u64 >= (round + 1) * 100));
    }
    collector.script.cuts.store(false, Ordering::Relaxed);
    assert!(flush(PATIENCE));
    assert!(numbers(&collector.got().events).into_iter().eq(0..500));
    let account = shutdown(PATIENCE);
    assert_eq!((account.accepted, account.dropped), (500, 0));
    assert!(collector.got().connections >= 5);
}

#[test]
fn without_a_daemon_memory_is_bounded_and_drops_are_counted_and_told() {
    let _alone = alone();
    // A port that refuses connections, and that nobody else can be given before it listens.
    let socket = net::socket(net::AddressFamily::INET, net::SocketType::STREAM, None).unwrap();
    net::bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener = std::net::TcpListener::from(socket);
    let address = listener.local_addr().unwrap().to_string();
    configure(Config::to(&address).memory(1 << 20)).unwrap();
    make(0..50_000);
    let account = stats();
    assert!(account.produced >= 50_000); // on a slow machine drops are reported meanwhile, and reports are events
    assert!(account.memory <= 1 << 20);
    assert!(account.dropped_queue_full > 0 && account.queued > 1000, "{account:?}");
    assert_eq!(account.accepted, 0);
    assert!(!flush(Duration::from_millis(1)));

    // A daemon comes: what was kept arrives, the oldest events, in order, and the report of what did not.
    net::listen(&listener, 16).unwrap();
    let collector = Collector::listen(listener);
    let dropped = account.dropped;
    drop(collector.wait(|got| reported(&got.events).iter().sum::<u64>() == dropped));
    let account = shutdown(PATIENCE);
    assert_eq!(account.produced, account.accepted + account.dropped);
    let got = collector.got();
    let arrived = numbers(&got.events);
    assert_eq!(arrived.len() as u64 + account.dropped, 50_000);
    assert_eq!(account.dropped, dropped);
    assert_eq!(account.produced, 50_000 + reported(&got.events).len() as u64);
    assert_eq!(got.ledger, (account.produced, account.dropped));
}

#[test]
fn a_daemon_that_never_acks_holds_nobody_up() {
    let _alone = alone();
    let collector = Collector::start();
    collector.script.keeps_silent.store(true, Ordering::Relaxed);
    configure(Config::to(&collector.address)).unwrap();
    make(0..100);
    assert!(!flush(Duration::from_millis(200)));
    let account = shutdown(Duration::from_millis(200));
    assert_eq!((account.dropped_exit, account.accepted, account.memory), (100, 0, 0));
}

#[test]
fn all_threads_are_heard_also_those_that_have_ended() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address)).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            scope.spawn(move || make(thread * 2000..(thread + 1) * 2000));
        }
    });
    let account = shutdown(PATIENCE);
    assert_eq!((account.accepted, account.dropped), (16_000, 0));
    let got = numbers(&collector.got().events);
    assert_eq!(got.len(), 16_000);
    assert_eq!(got.into_iter().collect::<HashSet<_>>().len(), 16_000);
}

#[test]
fn a_new_configuration_takes_over_and_the_old_one_finishes() {
    let _alone = alone();
    let (first, second) = (Collector::start(), Collector::start());
    configure(Config::to(&first.address)).unwrap();
    make(0..100);
    let across = context("across");
    configure(Config::to(&second.address)).unwrap();
    make(100..200);
    drop(across);
    assert!(flush(PATIENCE));
    assert_eq!(numbers(&first.wait(|got| got.farewells == 1).events).len(), 100);
    assert_eq!(second.got().events.len(), 101);
    shutdown(PATIENCE);
}

#[test]
fn after_shutdown_nothing_is_recorded() {
    let _alone = alone();
    let collector = Collector::start();
    configure(Config::to(&collector.address)).unwrap();
    make(0..1);
    shutdown(PATIENCE);
    make(1..2);
    assert!(flush(Duration::ZERO));
    assert_eq!(stats().produced, 0);
    assert_eq!(collector.got().events.len(), 1);
}

#[test]
fn a_wrong_address_is_said_at_once() {
    let error = configure(Config::to("web-1:http")).unwrap_err().to_string();
    assert_eq!(
        error,
        r#""web-1:http" is no daemon's address: the port is no number from 1 to 65535; try host, host:port, [ipv6]:port or unix:/path"#
    );
}
