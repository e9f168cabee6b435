//! Which destination is next. Pure: times are handed in.
//!
//! The list's order is the order of preference. A destination that failed rests for a while, longer each time it fails
//! again; the first that does not rest is tried. So a backup is tried at once, and a lonely destination again and again,
//! ever more slowly. From a backup it goes back when an earlier one was found well (by `probe`), or by hand.

use super::destination::Destination;
use std::time::Duration;

const FIRST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(2);

/// The list, and how each destination was found.
#[derive(Debug)]
pub(super) struct Failover {
    spots: Vec<Spot>,
    /// Chosen by hand: used until it fails.
    chosen: Option<Destination>,
    /// For the rests: connections of many agents must not come back at once.
    random: u64,
}

#[derive(Debug)]
struct Spot {
    destination: Destination,
    failures: u32,
    rests_until: Duration,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    Try(Destination),
    /// All rest, until then.
    Rest(Duration),
}

impl Failover {
    /// `seed` is any random number.
    pub(super) fn new(destinations: &[Destination], seed: u64) -> Self {
        let spots = destinations.iter().map(Spot::new).collect();
        Self { spots, chosen: None, random: seed | 1 }
    }

    /// Another list. What is known of destinations that stay is kept.
    pub(super) fn change(&mut self, destinations: &[Destination]) {
        let mut old = std::mem::take(&mut self.spots);
        self.spots = destinations
            .iter()
            .map(|destination| {
                let known = old.iter().position(|spot| spot.destination == *destination);
                known.map_or_else(|| Spot::new(destination), |index| old.swap_remove(index))
            })
            .collect();
        self.chosen.take_if(|chosen| !destinations.contains(chosen));
    }

    /// This one by hand, and at once.
    pub(super) fn choose(&mut self, destination: &Destination) {
        self.chosen = Some(destination.clone());
        if let Some(spot) = self.spot(destination) {
            (spot.failures, spot.rests_until) = (0, Duration::ZERO);
        }
    }

    pub(super) fn is_chosen(&self, destination: &Destination) -> bool {
        self.chosen.as_ref() == Some(destination)
    }

    pub(super) fn contains(&self, destination: &Destination) -> bool {
        self.spots.iter().any(|spot| spot.destination == *destination)
    }

    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    pub(super) fn next(&self, now: Duration) -> Next {
        let chosen = self.spots.iter().filter(|spot| self.is_chosen(&spot.destination));
        let mut candidates = chosen.chain(&self.spots).filter(|spot| spot.rests_until <= now);
        match candidates.next() {
            Some(spot) => Next::Try(spot.destination.clone()),
            None => Next::Rest(self.spots.iter().map(|spot| spot.rests_until).min().unwrap_or(now)),
        }
    }

    /// It failed; it rests for `least` at least.
    pub(super) fn failed(&mut self, destination: &Destination, now: Duration, least: Duration) {
        self.chosen.take_if(|chosen| chosen == destination);
        let random = self.draw();
        if let Some(spot) = self.spot(destination) {
            let rest = FIRST_REST.saturating_mul(1 << spot.failures.min(10)).min(LONGEST_REST);
            // Half of it is certain.
            let rest = rest / 2 + rest.mul_f64(random) / 2;
            spot.failures += 1;
            spot.rests_until = now + rest.max(least);
        }
    }

    /// It does its work.
    pub(super) fn works(&mut self, destination: &Destination) {
        if let Some(spot) = self.spot(destination) {
            (spot.failures, spot.rests_until) = (0, Duration::ZERO);
        }
    }

    /// Those that would be preferred to the active one: none while it was chosen by hand.
    pub(super) fn preferred_to(&self, active: &Destination) -> Vec<Destination> {
        if self.is_chosen(active) {
            return Vec::new();
        }
        let destinations = self.spots.iter().map(|spot| &spot.destination);
        destinations.take_while(|destination| *destination != active).cloned().collect()
    }

    fn spot(&mut self, destination: &Destination) -> Option<&mut Spot> {
        self.spots.iter_mut().find(|spot| spot.destination == *destination)
    }

    /// From 0 to 1 (xorshift64, Marsaglia 2003).
    fn draw(&mut self) -> f64 {
        let mut x = self.random;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.random = x;
        (x >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl Spot {
    fn new(destination: &Destination) -> Self {
        Self { destination: destination.clone(), failures: 0, rests_until: Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn destinations(text: &str) -> Vec<Destination> {
        text.split(',').map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_backup_is_tried_at_once_and_a_lonely_one_ever_more_slowly() {
        let list = destinations("a,b");
        let mut failover = Failover::new(&list, 7);
        assert_eq!(failover.next(ms(0)), Next::Try(list[0].clone()));
        failover.failed(&list[0], ms(0), ms(0));
        assert_eq!(failover.next(ms(0)), Next::Try(list[1].clone()));
        failover.failed(&list[1], ms(0), ms(0));
        let Next::Rest(until) = failover.next(ms(0)) else { panic!("both failed") };
        assert!((ms(100)..=ms(200)).contains(&until), "{until:?}");

        let mut lonely = Failover::new(&list[..1], 7);
        let mut rests = Vec::new();
        for _ in 0..12 {
            lonely.failed(&list[0], ms(0), ms(0));
            let Next::Rest(until) = lonely.next(ms(0)) else { panic!("it failed") };
            rests.push(until);
        }
        assert!(rests.iter().all(|rest| *rest <= LONGEST_REST));
        assert!(rests[11] >= LONGEST_REST / 2 && rests[3] > rests[0]);
        lonely.works(&list[0]);
        assert_eq!(lonely.next(ms(0)), Next::Try(list[0].clone()));
    }

    #[test]
    fn busy_is_taken_at_its_word() {
        let list = destinations("a");
        let mut failover = Failover::new(&list, 7);
        failover.failed(&list[0], ms(0), ms(9000));
        assert_eq!(failover.next(ms(8999)), Next::Rest(ms(9000)));
        assert_eq!(failover.next(ms(9000)), Next::Try(list[0].clone()));
    }

    #[test]
    fn what_was_chosen_by_hand_stays_until_it_fails() {
        let list = destinations("a,b,c");
        let mut failover = Failover::new(&list, 7);
        failover.failed(&list[1], ms(0), ms(9000));
        failover.choose(&list[1]);
        assert_eq!(failover.next(ms(0)), Next::Try(list[1].clone()));
        assert!(failover.preferred_to(&list[1]).is_empty());
        assert_eq!(failover.preferred_to(&list[2]), list[..2]);
        failover.failed(&list[1], ms(0), ms(0));
        assert_eq!(failover.next(ms(0)), Next::Try(list[0].clone()));
        assert_eq!(failover.preferred_to(&list[1]), list[..1]);
    }

    #[test]
    fn a_changed_list_keeps_what_is_known() {
        let list = destinations("a,b,c");
        let mut failover = Failover::new(&list[..2], 7);
        failover.failed(&list[0], ms(0), ms(100));
        failover.failed(&list[1], ms(0), ms(300));
        failover.choose(&list[0]);
        failover.change(&list[1..]);
        assert_eq!(failover.next(ms(0)), Next::Try(list[2].clone()));
        failover.failed(&list[2], ms(0), ms(400));
        assert_eq!(failover.next(ms(0)), Next::Rest(ms(300)));
        assert!(!failover.contains(&list[0]));
    }
}
