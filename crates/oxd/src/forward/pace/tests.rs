use super::*;
use blueox_log::spool::{Position, Seq};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A spool that grows, a collector that takes all at once, and a forwarder that looks when it is told to, or later.
struct Simulation {
    now: Duration,
    pace: Pace,
    tail: Place,
    sent: u64,
    /// When how many bytes went.
    log: Vec<(Duration, u64)>,
    record: u64,
    held: bool,
    /// The collector is there.
    connected: bool,
}

impl Simulation {
    /// Bytes that wait, in records of so many.
    fn new(backlog: u64, record: u64) -> Self {
        let tail = Place { position: Position::new(backlog), own_seq: Seq::new(1_000), events: 0 };
        let pace = Pace::new(Duration::ZERO, tail);
        Self {
            now: Duration::ZERO,
            pace,
            tail,
            sent: 0,
            log: Vec::new(),
            record,
            held: false,
            connected: true,
        }
    }

    fn unsent(&self) -> u64 {
        self.tail.position.get() - self.sent
    }

    /// What a link does in one turn.
    fn turn(&mut self) {
        self.pace.look(self.now, self.tail, self.unsent());
        self.held |= self.pace.held_to().is_some();
        let before = self.sent;
        while self.connected && self.unsent() > 0 && self.pace.may_send() {
            let bytes = self.record.min(self.unsent());
            self.sent += bytes;
            self.pace.sent(bytes);
        }
        if self.sent > before {
            self.log.push((self.now, self.sent - before));
        }
    }

    /// Live batches of so many bytes come in so often, for so long; the thread wakes so late.
    fn run(&mut self, time: Duration, batch: u64, every: Duration, late: Duration) {
        let until = self.now + time;
        let mut comes = self.now + every;
        while self.now < until {
            self.turn();
            let resumes = self.pace.resumes().unwrap_or(until).max(self.now + ms(1)) + late;
            self.now = resumes.min(comes).min(until);
            if self.now == comes {
                comes += every;
                let Place { position, own_seq, events } = self.tail;
                self.tail = Place {
                    position: Position::new(position.get() + batch),
                    own_seq: own_seq.next(),
                    events,
                };
            }
        }
    }

    /// Live events come in for 2 s while the collector is away; gives when it is back.
    fn wait_for_collector(&mut self, batch: u64, every: Duration) -> Duration {
        self.connected = false;
        self.run(Duration::from_secs(2), batch, every, Duration::ZERO);
        self.connected = true;
        self.now
    }

    fn bytes_within(&self, from: Duration, to: Duration) -> u64 {
        self.log.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, bytes)| bytes).sum()
    }
}

#[test]
fn without_live_events_nothing_is_held_back() {
    let mut simulation = Simulation::new(900 * MIB, MIB / 4);
    simulation.turn();
    assert_eq!(simulation.unsent(), 0);
    assert!(!simulation.held);
}

/// Cursors that become durable let the spool grow too.
#[test]
fn records_of_the_spools_own_are_not_live_events() {
    let mut pace = Pace::new(Duration::ZERO, Place::START);
    let tail = Place { position: Position::new(4096), ..Place::START };
    pace.look(ms(500), tail, 100 * MIB);
    assert_eq!(pace.held_to(), None);
    pace.look(ms(1000), Place { own_seq: Seq::new(2), ..tail }, 100 * MIB);
    assert!(pace.held_to().is_some());
}

#[test]
fn live_events_alone_are_not_held_back() {
    let mut simulation = Simulation::new(0, 30_000);
    simulation.run(Duration::from_secs(3), 30_000, ms(5), ms(2));
    assert!(!simulation.held);
    assert!(simulation.unsent() <= 60_000);
}

/// What is measured by `oxbench heart --parts drain`: 6 MB/s live, a backlog of 900 MB.
#[test]
fn a_backlog_goes_out_at_its_multiple_and_evenly() {
    let mut simulation = Simulation::new(900_000_000, 256 << 10);
    let back = simulation.wait_for_collector(30_000, ms(5));
    simulation.run(Duration::from_secs(8), 30_000, ms(5), Duration::ZERO);
    for second in 0..8 {
        let from = back + Duration::from_secs(second);
        let rate = simulation.bytes_within(from, from + Duration::from_secs(1)) as f64 / 6e6;
        assert!((13.5..14.5).contains(&rate), "{rate} times the live rate");
    }
    // In any 20 ms: 30 ms' worth and the record that was begun.
    for start in (0..7_900).step_by(7) {
        let bytes = simulation.bytes_within(back + ms(start), back + ms(start + 20));
        assert!(bytes < 84_000 * 30 + (256 << 10), "{bytes} bytes in 20 ms");
    }
}

#[test]
fn when_live_events_end_the_rest_goes_at_once() {
    let mut simulation = Simulation::new(10_000 * MIB, 256 << 10);
    simulation.wait_for_collector(30_000, ms(5));
    simulation.run(Duration::from_secs(3), 30_000, ms(5), Duration::ZERO);
    assert!(simulation.held && simulation.unsent() > 9_000 * MIB);
    let never = Duration::from_secs(100);
    simulation.run(LIVE_FOR - ms(200), 30_000, never, Duration::ZERO);
    assert!(simulation.unsent() > 9_000 * MIB);
    simulation.run(ms(500), 30_000, never, Duration::ZERO);
    assert_eq!(simulation.unsent(), 0);
}

proptest! {
    /// Whatever comes in, in whatever records the backlog stands and however late the thread is, the backlog shrinks at 10
    /// times the live rate (or at 8 MiB/s), never beyond its pace, and all of it is sent.
    #[test]
    fn a_backlog_shrinks_faster_than_promised(
        batch in 1_000_u64..400_000, every_ms in 2_u64..50, record in 300_u64..600_000, late_us in 0_u64..3_000,
    ) {
        let (every, late) = (ms(every_ms), Duration::from_micros(late_us));
        let live = batch as f64 / every.as_secs_f64();
        let pace = (14.0 * live).max(LEAST);
        let mut simulation = Simulation::new((pace * 3.0) as u64, record);
        let from = simulation.wait_for_collector(batch, every);
        simulation.run(Duration::from_secs(2), batch, every, late);
        let to = simulation.now;
        let rate = simulation.bytes_within(from, to) as f64 / 2.0;
        prop_assert!(rate >= (10.0 * live).max(LEAST / 2.0), "{} times", rate / live);
        // The live rate is a mean; a record more may be in the window.
        prop_assert!(rate <= pace * 1.1 + record as f64, "{} times", rate / live);
        simulation.run(Duration::from_secs(4), batch, every, late);
        prop_assert!(simulation.unsent() <= BACKLOG_BYTES + batch + record, "{} left", simulation.unsent());
    }
}
