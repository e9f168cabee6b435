//! Events themselves: the newest, the oldest, or the slowest, of a box or all.

use super::event_row;
use super::limits::{EVENTS, EVENTS_BYTES};
use super::parameters::Parameters;
use super::question::{Answer, Question};
use super::range::{Asked, Region};
use super::refusal::Refusal;
use super::store::Counts;
use crate::summary::Summarizer;
use blueox_event::EncodedEvent;
use blueox_query::statistics::StatisticsError;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// `GET /api/v1/events`
#[derive(Debug)]
pub(crate) struct Events {
    region: Region,
    order: Order,
    limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Newest,
    Oldest,
    Slowest,
}

/// The first few of some events.
#[derive(Debug)]
pub(crate) struct First {
    region: Region,
    order: Order,
    limit: usize,
    /// The last of them on top.
    kept: BinaryHeap<Reverse<Kept>>,
    bytes: usize,
    /// Some did not fit into the number or the memory that there is.
    more: bool,
    /// Some did not fit into the memory.
    too_large: bool,
}

#[derive(Debug)]
struct Kept {
    rank: f64,
    bytes: Vec<u8>,
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then_with(|| other.bytes.cmp(&self.bytes))
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Kept {}

impl First {
    fn new(region: Region, order: Order, limit: usize) -> Self {
        Self { region, order, limit, kept: BinaryHeap::new(), bytes: 0, more: false, too_large: false }
    }

    fn offer(&mut self, rank: f64, bytes: &[u8]) {
        let is_full = self.kept.len() >= self.limit;
        if is_full && self.kept.peek().is_some_and(|Reverse(last)| rank < last.rank) {
            self.more = true;
            return;
        }
        self.bytes += bytes.len();
        self.kept.push(Reverse(Kept { rank, bytes: bytes.to_vec() }));
        while self.kept.len() > self.limit || self.bytes > EVENTS_BYTES {
            let Some(Reverse(last)) = self.kept.pop() else { break };
            self.more = true;
            self.too_large |= self.kept.len() < self.limit;
            self.bytes -= last.bytes.len();
        }
    }
}

impl Counts for First {
    fn add(&mut self, event: &EncodedEvent<'_>) -> Result<(), StatisticsError> {
        if !self.region.holds(event) {
            return Ok(());
        }
        let end = event.end().unwrap_or(f64::NEG_INFINITY);
        let rank = match self.order {
            Order::Newest => end,
            Order::Oldest => -end,
            Order::Slowest => event.duration().unwrap_or(f64::NEG_INFINITY),
        };
        self.offer(rank, event.bytes());
        Ok(())
    }

    fn part(&self, _parts: usize) -> Self {
        Self::new(self.region.clone(), self.order, self.limit)
    }

    fn merge(&mut self, other: Self) -> Result<(), StatisticsError> {
        self.more |= other.more;
        self.too_large |= other.too_large;
        for Reverse(Kept { rank, bytes }) in other.kept {
            self.offer(rank, &bytes);
        }
        Ok(())
    }
}

impl Question for Events {
    type Counts = First;

    fn read(parameters: &mut Parameters, _asked: &Asked, now: f64) -> Result<Self, Refusal> {
        let region = Region::read(parameters, now)?;
        let order = match parameters.one("order")?.as_deref() {
            None | Some("newest") => Order::Newest,
            Some("oldest") => Order::Oldest,
            Some("slowest") => Order::Slowest,
            Some(other) => {
                let error = format!("order is {other:?}; it must be newest, oldest or slowest");
                return Err(Refusal::parameter("order", error));
            }
        };
        Ok(Self { region, order, limit: parameters.count("limit", EVENTS)? })
    }

    fn counts(&self, _asked: &Asked) -> Result<First, Refusal> {
        Ok(First::new(self.region.clone(), self.order, self.limit))
    }

    fn answer(&self, _asked: &Asked, first: First, answer: &mut Answer) -> Result<(), Refusal> {
        let summarizer = Summarizer::new();
        let mut events = String::from("[");
        for (number, Reverse(kept)) in first.kept.into_sorted_vec().iter().enumerate() {
            if number > 0 {
                events.push(',');
            }
            let event = EncodedEvent::parse(&kept.bytes).expect("BUG: it was an event when it was kept");
            event_row::write(&event, &summarizer, &mut events);
        }
        events.push(']');
        answer.put_json("events", events);
        answer.put("more", first.more);
        if first.too_large {
            answer.remark("memory", "the events are too large to show as many as were asked for");
        }
        Ok(())
    }

    fn command(&self, _asked: &Asked) -> Option<(Option<String>, Vec<String>)> {
        let words = match self.order {
            Order::Newest => vec!["--tail".to_owned(), self.limit.to_string()],
            Order::Oldest => Vec::new(),
            Order::Slowest => return None,
        };
        Some((self.region.as_filter(), words))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::parameters::Parameters;
    use blueox_event::Value;

    fn first(order: Order, limit: usize) -> First {
        First::new(Region::read(&mut Parameters::default(), 0.0).unwrap(), order, limit)
    }

    fn event(start: f64, end: f64, filler: usize) -> Vec<u8> {
        Value::map([
            ("type", Value::from("t")),
            ("start", Value::from(start)),
            ("end", Value::from(end)),
            ("body", Value::from("x".repeat(filler))),
        ])
        .to_msgpack()
    }

    fn ends(first: First) -> Vec<f64> {
        let end = |Reverse(kept): Reverse<Kept>| EncodedEvent::parse(&kept.bytes).unwrap().end().unwrap();
        first.kept.into_sorted_vec().into_iter().map(end).collect()
    }

    #[test]
    fn the_first_of_any_order_are_kept_whoever_has_found_them() {
        for (order, expected) in [
            (Order::Newest, [9.0, 8.0, 7.0]),
            (Order::Oldest, [0.0, 1.0, 2.0]),
            // Those with an odd number take longer the later they are.
            (Order::Slowest, [9.0, 7.0, 5.0]),
        ] {
            let (mut one, mut two) = (first(order, 3), first(order, 3));
            for number in [3u32, 9, 0, 4, 8, 1, 7, 2, 6, 5] {
                let end = f64::from(number);
                let start = if number % 2 == 1 { -end } else { end };
                let bytes = event(start, end, 0);
                let part = if number < 5 { &mut one } else { &mut two };
                part.add(&EncodedEvent::parse(&bytes).unwrap()).unwrap();
            }
            one.merge(two).unwrap();
            assert!(one.more && !one.too_large);
            assert_eq!(ends(one), expected, "{order:?}");
        }
    }

    #[test]
    fn large_events_take_no_more_memory_than_there_may_be() {
        let mut kept = first(Order::Newest, 100);
        for number in 0..20u32 {
            let bytes = event(0.0, f64::from(number), 1 << 20);
            kept.add(&EncodedEvent::parse(&bytes).unwrap()).unwrap();
        }
        assert!(kept.bytes <= EVENTS_BYTES && kept.too_large);
        assert_eq!(ends(kept)[0], 19.0);
    }
}
