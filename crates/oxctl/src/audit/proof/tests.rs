use super::*;
use crate::audit::book::Line;
use blueox_event::time::UtcDay;
use proptest::prelude::*;

struct NoDays;

impl Days for NoDays {
    fn without_ranges(&self, _: DirectoryIndex, _: (u64, u64)) -> Option<String> {
        None
    }
}

const APPS: u128 = 3;
const AGENT: StreamId = StreamId(100);
const COLLECTOR: StreamId = StreamId(200);

fn range(first: u64, last: u64) -> SeqRange {
    SeqRange::new(Seq::new(first), Seq::new(last)).unwrap()
}

fn one(number: u64) -> SeqRange {
    range(number, number)
}

/// A record of an agent: whose, with which number.
type Record = (StreamId, u64);

/// What the collector's ranges say of the agent's number `at`.
fn store(book: &mut Book, (app, number): Record, at: u64, own: u64) {
    let day = UtcDay::of(0);
    let line = |stream, numbers, sender, events| Line {
        stream,
        numbers,
        node: COLLECTOR,
        own: one(own),
        sender,
        events,
        reason: None,
    };
    book.stored(&line(COLLECTOR, one(own), None, 0), 0, day);
    book.stored(&line(AGENT, one(at), None, 0), 0, day);
    book.stored(&line(app, one(number), Some((AGENT, one(at))), 1), 0, day);
}

proptest! {
    /// Applications send to an agent, which loses some of its records and says so (LOST of its own numbers), and perhaps
    /// loses some without a word. With every mark known: what was stored and said is all explained; what was not said is
    /// missing, exactly as many numbers, each in the stream that it belongs to or in place of one that was said.
    #[test]
    fn what_a_daemon_lost_explains_what_it_carried(
        records in prop::collection::vec((0..APPS, 0u8..10), 1..60),
    ) {
        let mut book = Book::default();
        let mut next = [0u64; APPS as usize];
        let (mut own, mut silent) = (0, 0);
        for (at, (app, fate)) in (1..).zip(&records) {
            let number = &mut next[*app as usize];
            *number += 1;
            match fate {
                0 => silent += 1,
                1..4 => {
                    own += 1;
                    let line = |stream, numbers, reason: Option<&str>| Line {
                        stream, numbers, node: COLLECTOR, own: one(own), sender: None, events: 1,
                        reason: reason.map(str::to_owned),
                    };
                    book.stored(&line(COLLECTOR, one(own), None), 0, UtcDay::of(0));
                    book.stored(&line(AGENT, one(at), Some("spool_full")), 0, UtcDay::of(0));
                }
                _ => {
                    own += 1;
                    store(&mut book, (StreamId(*app), *number), at, own);
                }
            }
        }
        for (app, last) in next.iter().enumerate() {
            book.account(StreamId(app as u128)).marks.insert(AGENT, *last);
        }
        book.account(AGENT).last = Some(records.len() as u64);
        let holes = holes(&book, &NoDays);
        for hole in &holes {
            prop_assert_eq!(hole.parts.iter().map(|(count, _)| count).sum::<u64>(), length(hole.numbers));
        }
        let missing = |of_agent: bool| -> u64 {
            let parts = holes.iter().filter(|hole| (hole.stream == AGENT) == of_agent).flat_map(|hole| &hole.parts);
            parts.filter(|(_, fate)| *fate == Fate::Missing).map(|(count, _)| count).sum()
        };
        prop_assert_eq!((missing(true), missing(false)), (silent, silent));
    }
}

#[test]
fn days_that_were_removed_are_told_from_lost_ones() {
    struct Kept(Option<u64>);
    impl Days for Kept {
        fn without_ranges(&self, _: DirectoryIndex, (first, last): (u64, u64)) -> Option<String> {
            self.0.filter(|day| (first..=last).contains(day)).map(|day| day.to_string())
        }
    }
    let mut book = Book::default();
    for (own, day) in [(5u64, 10i64), (6, 10), (9, 12), (11, 12)] {
        let line = Line {
            stream: COLLECTOR,
            numbers: one(own),
            node: COLLECTOR,
            own: one(own),
            sender: None,
            events: 1,
            reason: None,
        };
        book.stored(&line, 0, UtcDay::of(day * 86_400));
    }
    let by = COLLECTOR;
    let fates = |kept: Option<u64>| -> Vec<_> {
        holes(&book, &Kept(kept)).into_iter().map(|hole| (ends(hole.numbers), hole.parts)).collect()
    };
    let hole = |first, last, fate| ((first, last), vec![(last - first + 1, fate)]);
    let removed = Fate::Removed { by };
    assert_eq!(
        fates(None),
        [hole(1, 4, removed.clone()), hole(7, 8, removed.clone()), hole(10, 10, Fate::Missing)]
    );
    let unproven = Fate::Unproven { by, day: "11".into() };
    assert_eq!(fates(Some(11)), [hole(1, 4, removed), hole(7, 8, unproven), hole(10, 10, Fate::Missing)]);
}
