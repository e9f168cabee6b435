//! A backlog that drains beside live events.

use super::route::Route;
use super::section::Section;
use super::{CONNECTIONS, Setting, say};
use crate::clock::{self, Stopwatch};
use crate::day_files::Counted;
use crate::hop::Hop;
use crate::load::{Load, Wire};
use crate::native::Ack;
use crate::stats::{Stats, short, thousands};
use anyhow::Context;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

const BYTES: usize = 300;
const RATE: f64 = 20_000.0;
/// 100 events: an application that sends often has small batches.
const BATCH_BYTES: usize = 30_000;
const SECONDS: f64 = 12.0;
const WARM_UP: f64 = 2.0;
const DRAINS_TIMES: f64 = 10.0;
const P99_TIMES: f64 = 2.0;
const PATIENCE: Duration = Duration::from_secs(300);

/// One round.
#[derive(Debug)]
struct Drain {
    /// Events a second that left the backlog, beside the live ones.
    rate: f64,
    /// Ack times of live events without and with a drain.
    calm: Stats,
    busy: Stats,
    counted: Counted,
}

pub(super) fn measure(setting: &Setting) -> anyhow::Result<Section> {
    let backlog = setting.events * 2;
    let mut rounds = Vec::new();
    for round in 1..=setting.rounds {
        say(&format!("drain, round {round} of {}", setting.rounds));
        rounds.push(one(setting, backlog)?);
    }
    let of = |number: fn(&Drain) -> f64| Stats::of(rounds.iter().map(number));
    let rate = of(|round| round.rate);
    let ms = |stats: Stats| Stats::of([stats.median() * 1e3]).median();
    let mut section = Section::new("A backlog beside live events");
    section.say(&format!(
        "Two hops. Live: {} events/s of 300 B in batches of 30 kB on 4 streams, for {SECONDS} s (the first {WARM_UP} s are \
         not counted). Then the collector is killed, {} events are spooled at full speed, the live load begins again, and \
         after {WARM_UP} s the collector is started: from its start until its day files hold the backlog. Live acks are the agent's.",
        thousands(RATE as u64),
        thousands(backlog.into()),
    ));
    section.table(
        "rounds | backlog drains, events/s | live ack p50: calm | draining | p99: calm | draining | lost | surplus",
        &[format!(
            "{} | {rate} | {} ms | {} ms | {} ms | {} ms | {} | {}",
            rounds.len(),
            short(ms(of(|round| round.calm.median()))),
            short(ms(of(|round| round.busy.median()))),
            short(ms(of(|round| round.calm.percentile(99.0)))),
            short(ms(of(|round| round.busy.percentile(99.0)))),
            rounds.iter().map(|round| round.counted.lost).sum::<u64>(),
            rounds.iter().map(|round| round.counted.surplus).sum::<u64>(),
        )],
    );
    section.promise(
        "a backlog drains at 10 times the live rate",
        format!("{} times", short(rate.median() / RATE)),
        rate.median() >= DRAINS_TIMES * RATE,
    );
    let times = of(|round| round.busy.percentile(99.0) / round.calm.percentile(99.0)).median();
    section.promise(
        "live ack p99 at most doubled by it",
        format!("{} times (median of rounds)", short(times)),
        times <= P99_TIMES,
    );
    let lost: u64 = rounds.iter().map(|round| round.counted.lost + round.counted.surplus).sum();
    section.promise("drain: every event once", format!("{lost} lost or surplus"), lost == 0);
    Ok(section)
}

fn one(setting: &Setting, backlog: u32) -> anyhow::Result<Drain> {
    let mut route = Route::two_hops(setting, &["--spool-max", "8GiB"])?;
    let entry = route.entry();
    let calm_events = (RATE * SECONDS) as u32;
    let live = Load {
        rate: Some(RATE),
        batch_bytes: BATCH_BYTES,
        ..Load::new(entry, Wire::Native, BYTES, calm_events, CONNECTIONS)
    };
    let calm = live.run(&AtomicBool::new(false))?;
    let watch = Stopwatch::start();
    route.collector.wait_for_files(u64::from(calm_events) * BYTES as u64, Duration::from_secs(10), watch)?;
    route.collector.kill();
    let old = Load { first: calm_events, ..Load::new(entry, Wire::Native, BYTES, backlog, CONNECTIONS) };
    let old = old.run(&AtomicBool::new(false))?;

    let first = calm_events + backlog;
    let live = Load { first, events: u32::MAX / 2, ..live };
    let (stop, acked) = (AtomicBool::new(false), AtomicU64::new(0));
    let (sent, begun, ended) = std::thread::scope(|scope| {
        let watch = Stopwatch::start();
        let sending = scope.spawn(|| live.run_counting(&stop, &acked));
        clock::pause(Duration::from_secs_f64(WARM_UP));
        let drained = drained(&mut route.collector, first, &acked, watch);
        stop.store(true, Relaxed);
        let sent = sending.join().expect("BUG: the generator panicked")?;
        let (begun, ended) = drained?;
        anyhow::Ok((sent, begun, ended))
    })?;
    let total = u64::from(first) + sent.events;
    route.collector.wait_for_files(total * BYTES as u64, Duration::from_secs(10), Stopwatch::start())?;
    route.agent.as_mut().map_or(Ok(()), Hop::stop)?;
    route.collector.stop()?;
    let numbers: Vec<_> = [calm.numbers, old.numbers, sent.numbers.clone()].concat();
    let during = |acks: &[Ack], from: f64, to: f64| {
        let within = acks.iter().filter(|ack| (from..=to).contains(&ack.at)).map(|ack| ack.after);
        let within: Vec<f64> = within.collect();
        (!within.is_empty()).then(|| Stats::of(within)).context("no live event was acked")
    };
    Ok(Drain {
        rate: f64::from(backlog) / (ended - begun),
        calm: during(&calm.acks, WARM_UP, f64::INFINITY)?,
        busy: during(&sent.acks, begun, ended)?,
        counted: route.collector.files().count(&numbers)?,
    })
}

/// Starts the collector and waits until it has all that was acked before; gives both times by `watch`.
fn drained(
    collector: &mut Hop,
    before: u32,
    acked: &AtomicU64,
    watch: Stopwatch,
) -> anyhow::Result<(f64, f64)> {
    let begun = watch.seconds();
    collector.start_again()?;
    let files = collector.files();
    // The agent forwards in order: the backlog is through when the files have as many events as were acked before.
    let all = (u64::from(before) + acked.load(Relaxed)) * BYTES as u64;
    while files.size() < all {
        anyhow::ensure!(watch.elapsed() < PATIENCE, "the backlog does not drain");
        clock::pause(Duration::from_millis(20));
    }
    Ok((begun, watch.seconds()))
}
