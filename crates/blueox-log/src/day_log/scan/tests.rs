use super::*;
use crate::disk::model::Random;
use crate::schedules::{Run, run_all, share};
use blueox_event::{Event, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A source that gives its bytes in pieces of the given lengths, over and over.
struct Pieces<'a> {
    bytes: &'a [u8],
    lengths: Vec<usize>,
    turn: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let length = self.lengths[self.turn % self.lengths.len()];
        self.turn += 1;
        let count = length.min(out.len()).min(self.bytes.len());
        out[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Got {
    Event(u64, Vec<u8>),
    Damage(Damage),
}

fn scan(source: impl Read, buffer: usize) -> Vec<Got> {
    let mut scanner = Scanner::with_buffer(source, buffer);
    let mut got = Vec::new();
    while let Some(item) = scanner.next_item().unwrap() {
        got.push(match item {
            Item::Event { offset, event } => Got::Event(offset, event.bytes().to_vec()),
            Item::Damage(damage) => Got::Damage(damage),
        });
    }
    got
}

fn event(number: u32, text: &str) -> Vec<u8> {
    Event {
        type_name: "request".into(),
        id: Value::from(number),
        host: "web-1".into(),
        pid: 7,
        start: 1.0,
        end: f64::from(number),
        body: Value::map([
            ("type", Value::from("not an event")),
            ("text", Value::from(text)),
            ("inner", Value::map([("type", Value::from("nor this"))])),
        ]),
    }
    .to_msgpack()
}

fn damages(got: &[Got]) -> Vec<Damage> {
    got.iter().filter_map(|item| if let Got::Damage(damage) = item { Some(*damage) } else { None }).collect()
}

#[test]
fn an_empty_source_has_nothing() {
    assert_eq!(scan(&[][..], 16), []);
}

#[test]
fn a_torn_tail_is_no_damage_in_the_middle() {
    let (first, second) = (event(1, "a"), event(2, "b"));
    let cut = [&first[..], &second[..second.len() - 1]].concat();
    let got = scan(&cut[..], 16);
    assert_eq!(got.len(), 2);
    let [torn] = damages(&got)[..] else { panic!("{got:?}") };
    assert_eq!((torn.offset, torn.length), (first.len() as u64, second.len() as u64 - 1));
    assert_eq!(torn.kind, DamageKind::TornTail);

    let holed = [&first[..], &second[..second.len() - 1], &first[..]].concat();
    let got = scan(&holed[..], 16);
    assert_eq!(got.last(), Some(&Got::Event(holed.len() as u64 - first.len() as u64, first.clone())));
    let [hole] = damages(&got)[..] else { panic!("{got:?}") };
    assert_eq!(hole.kind, DamageKind::Middle);
}

#[test]
fn zeros_after_a_power_loss_are_a_tail_without_events() {
    let bytes = [event(1, "a"), vec![0; 4096]].concat();
    let [tail] = damages(&scan(&bytes[..], 16))[..] else { panic!() };
    assert_eq!((tail.length, tail.kind), (4096, DamageKind::Tail));
}

#[test]
fn nils_between_events_are_keep_alives() {
    let bytes = [event(1, "a"), vec![NIL], event(2, "b"), vec![NIL]].concat();
    let got = scan(&bytes[..], 16);
    assert_eq!((got.len(), damages(&got).len()), (2, 0));
}

#[test]
fn an_event_that_swallowed_the_beginning_of_the_next_does_not_hide_it() {
    // The last text of the first event announces ten bytes more than it has.
    let text = "x".repeat(50);
    let mut first = event(1, &text);
    let at = first.windows(2).position(|pair| pair == [0xd9, 50]).unwrap();
    first[at + 1] += 90;
    let bytes = [&first[..], &event(2, "b"), &event(3, "c")].concat();
    let got = scan(&bytes[..], 16);
    assert!(got.contains(&Got::Event(first.len() as u64, event(2, "b"))), "{got:?}");
    assert!(got.contains(&Got::Event((first.len() + event(2, "b").len()) as u64, event(3, "c"))));
    assert_eq!(damages(&got).len(), 1);
}

#[test]
fn the_largest_event_passes_and_a_larger_one_is_skipped() {
    let room = MAX_EVENT_BYTES - event(1, &"x".repeat(70_000)).len() + 70_000;
    for (length, count, holes) in [(room, 3, 0), (room + 1, 2, 1)] {
        let bytes = [event(1, "a"), event(2, &"x".repeat(length)), event(3, "c")].concat();
        let got = scan(&bytes[..], SCAN_BUFFER_BYTES);
        assert_eq!((got.len() - damages(&got).len(), damages(&got).len()), (count, holes));
    }
}

#[test]
fn hostile_bytes_are_searched_in_bounded_time() {
    // Each of these begins a map that seems to go on for ever.
    let bytes = [0xdf, 0xff, 0xff, 0xff, 0xff].repeat(400_000);
    let bytes = [event(1, "a"), bytes, event(2, "b")].concat();
    let got = scan(&bytes[..], SCAN_BUFFER_BYTES);
    assert_eq!(got.last(), Some(&Got::Event((bytes.len() - event(2, "b").len()) as u64, event(2, "b"))));
}

#[test]
fn a_growing_source_is_continued() {
    let (first, second) = (event(1, "a"), event(2, "b"));
    let (begun, rest) = second.split_at(9);
    let mut scanner = Scanner::with_buffer(io::Cursor::new([&first[..], begun].concat()), 16);
    let mut seen = 0;
    for _ in 0..100 {
        match scanner.step() {
            Step::Event { .. } => seen += 1,
            Step::More if scanner.fill().unwrap() == 0 && seen == 1 => {
                scanner.source_mut().get_mut().extend_from_slice(rest);
            }
            Step::More => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((seen, scanner.offset()), (2, (first.len() + second.len()) as u64));
}

fn events(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<u8>>> {
    vec(("\\PC{0,80}", any::<u32>()), count)
        .prop_map(|events| events.into_iter().map(|(text, number)| event(number, &text)).collect())
}

proptest! {
    /// Garbage between events: every event is found, nothing is invented, every other byte is accounted for.
    #[test]
    fn garbage_between_events_hides_nothing(
        events in events(0..12),
        garbage in vec((any::<Index>(), vec(any::<u8>(), 1..40)), 0..4),
        lengths in vec(1usize..200, 1..8),
        buffer in 16usize..300,
    ) {
        let mut parts: Vec<(bool, Vec<u8>)> = events.iter().map(|event| (true, event.clone())).collect();
        for (at, bytes) in garbage {
            parts.insert(at.index(parts.len() + 1), (false, bytes));
        }
        let file: Vec<u8> = parts.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let got = scan(Pieces { bytes: &file, lengths, turn: 0 }, buffer);
        let mut expected = Vec::new();
        let mut offset = 0;
        for (is_event, bytes) in &parts {
            if *is_event {
                expected.push(Got::Event(offset, bytes.clone()));
            }
            offset += bytes.len() as u64;
        }
        let found: Vec<Got> = got.iter().filter(|item| matches!(item, Got::Event(..))).cloned().collect();
        prop_assert_eq!(found, expected);
        let skipped: u64 = damages(&got).iter().map(|damage| damage.length).sum();
        let garbage: u64 =
            parts.iter().filter(|(is_event, _)| !is_event).map(|(_, bytes)| bytes.len() as u64).sum();
        let nils = garbage - skipped;
        prop_assert!(nils == 0 || parts.iter().any(|(is_event, bytes)| !is_event && bytes.contains(&NIL)));
        // Any chunking gives the same.
        prop_assert_eq!(scan(&file[..], 1 << 16), got);
    }

    /// Damage inside events: what is given out is an event that was written, or touches the damage; an
    /// event that was written is given out, or lies in one that was damaged.
    #[test]
    fn damage_inside_events_stays_local(
        events in events(1..12),
        hits in vec((any::<Index>(), any::<u8>()), 1..4),
        lengths in vec(1usize..200, 1..8),
    ) {
        let mut file = events.concat();
        let hits: Vec<u64> = hits.iter().map(|(at, byte)| {
            let at = at.index(file.len());
            file[at] = *byte;
            at as u64
        }).collect();
        let got = scan(Pieces { bytes: &file, lengths, turn: 0 }, 64);
        prop_assert_eq!(&scan(&file[..], 1 << 16), &got);
        let is_hit = |from: u64, length: usize| hits.iter().any(|hit| (from..from + length as u64).contains(hit));
        let mut offset = 0;
        let mut written = Vec::new();
        for event in &events {
            written.push(Got::Event(offset, event.clone()));
            if !is_hit(offset, event.len()) {
                let swallowed = got.iter().any(|item| matches!(item, Got::Event(from, bytes)
                    if *from < offset && from + bytes.len() as u64 >= offset + event.len() as u64));
                prop_assert!(swallowed || got.contains(&Got::Event(offset, event.clone())), "lost at {offset}");
            }
            offset += event.len() as u64;
        }
        for item in &got {
            if let Got::Event(from, bytes) = item {
                prop_assert!(written.contains(item) || is_hit(*from, bytes.len()), "invented at {from}");
            }
        }
    }

    #[test]
    fn any_bytes_end(bytes: Vec<u8>) {
        scan(&bytes[..], 16);
    }
}

/// The events of a breaker: the body has a map that looks like an event.
fn nested(number: u32, inner: Value) -> Vec<u8> {
    Event {
        type_name: "request".into(),
        id: Value::from(format!("4f5f36c0{number:024x}")),
        host: "web-1".into(),
        pid: 4121,
        start: f64::from(number),
        end: f64::from(number) + 0.5,
        body: Value::map([
            ("seq", Value::from(number)),
            ("q", Value::map([("type", Value::from("q")), ("id", Value::from("abcd")), ("end", inner)])),
        ]),
    }
    .to_msgpack()
}

fn decoded(bytes: &[u8]) -> Value {
    Value::from_raw(EncodedEvent::parse(bytes).unwrap().raw())
}

#[test]
fn a_string_that_becomes_a_map_hides_no_event() {
    let events: Vec<Vec<u8>> = (0..300).map(|number| nested(number, Value::from(1.5))).collect();
    let mut file = events.concat();
    let at = events[..100].concat().len();
    let byte = events[100].windows(5).rposition(|window| window == b"\xa4abcd").unwrap();
    file[at + byte] = 0x88;
    let got = scan(&file[..], 1 << 16);
    assert_eq!(damages(&got).len(), 1, "{:?}", damages(&got));
    for (number, event) in events.iter().enumerate().filter(|(number, _)| *number != 100) {
        assert!(got.iter().any(|item| matches!(item, Got::Event(_, bytes) if bytes == event)), "{number}");
    }
}

/// Whether what stands at an offset lies in an event that was given out and, so little longer than the shortest before
/// it, is not looked through.
fn is_in_an_innocent_one(got: &[Got], offset: u64) -> bool {
    let mut shortest = usize::MAX / 5;
    let mut innocent = 0;
    for item in got {
        let Got::Event(from, bytes) = item else { continue };
        if (*from..from + bytes.len() as u64).contains(&offset) {
            return bytes.len() <= innocent;
        }
        shortest = shortest.min(bytes.len());
        innocent = shortest + shortest / 4;
    }
    false
}

/// What single-byte changes make of the other events, beyond the scanner's known limit.
fn lost_by_changes(events: &[Vec<u8>], changes: impl Iterator<Item = (usize, u8)>) -> Vec<String> {
    let clean = events.concat();
    let mut lost = Vec::new();
    for (at, byte) in changes {
        let mut file = clean.clone();
        let old = std::mem::replace(&mut file[at], byte);
        let got = scan(&file[..], 1 << 16);
        let mut offset = 0;
        for event in events {
            let hit = (offset..offset + event.len()).contains(&at);
            let given = got.iter().any(
                |item| matches!(item, Got::Event(from, bytes) if *from == offset as u64 && bytes == event),
            );
            if !hit && !given && !is_in_an_innocent_one(&got, offset as u64) {
                lost.push(format!("{old:02x} -> {byte:02x} at {at} loses {offset}; {:?}", damages(&got)));
            }
            offset += event.len();
        }
    }
    lost
}

#[test]
fn no_changed_byte_hides_an_undamaged_event() {
    for inner in [Value::from(1.5), Value::from(3), Value::from("text"), Value::Array(vec![1.into()])] {
        let events: Vec<Vec<u8>> = (0..40).map(|number| nested(number, inner.clone())).collect();
        let begin = events[..3].concat().len();
        let length = events[3].len();
        let lost = lost_by_changes(
            &events,
            (0..length).flat_map(|at| {
                (0..=u8::MAX)
                    .step_by(if cfg!(debug_assertions) { 3 } else { 1 })
                    .map(move |byte| (begin + at, byte))
            }),
        );
        assert!(lost.is_empty(), "{} lost\n{}", lost.len(), lost[..lost.len().min(20)].join("\n"));
    }
}

#[test]
fn events_in_events_are_no_damage() {
    let inner = [
        decoded(&nested(9, Value::Nil)),
        Value::Array((0..5).map(|number| decoded(&nested(number, Value::from(1)))).collect()),
        Value::Bin(nested(9, Value::Nil)),
        Value::Bin([nested(9, Value::Nil), nested(10, Value::Nil)].concat()),
        Value::Bin(nested(9, Value::Nil)[..60].to_vec()),
        Value::map([("first", decoded(&nested(9, Value::Nil))), ("then", decoded(&nested(9, Value::Nil)))]),
    ];
    let plain = nested(5, Value::from(1));
    for inner in inner {
        let event = nested(10, inner);
        for file in [
            event.repeat(3),
            [&plain[..], &event, &plain, &event].concat(),
            [&event[..], &plain, &event].concat(),
        ] {
            let got = scan(&file[..], 64);
            assert_eq!(damages(&got), [], "{}", event.len());
        }
    }
}

/// As above, in files of events that differ in length, by seed: there are no checksums, so what is promised rests on
/// rules.
#[test]
fn no_changed_byte_hides_an_undamaged_event_of_another_length() {
    let (first, count) = share(0, 20_000);
    let run = Run { module: "day_log::scan::tests" };
    run_all(run, "no_changed_byte_hides_an_undamaged_event_of_another_length", first, count, |seed| {
        let mut random = Random(seed);
        let events: Vec<Vec<u8>> = (0..2 + random.index(10))
            .map(|number| {
                let text = Value::from("x".repeat(random.index(300)));
                nested(number as u32, if random.one_in(2) { Value::from(1) } else { text })
            })
            .collect();
        if !damages(&scan(&events.concat()[..], 1 << 16)).is_empty() {
            return Err("there is damage before anything is changed".into());
        }
        let at = random.index(events.concat().len());
        let byte = random.next().to_le_bytes()[0];
        let lost = lost_by_changes(&events, [(at, byte)].into_iter());
        if lost.is_empty() { Ok(()) } else { Err(format!("{lost:?}")) }
    });
}

/// The first event of a source swallows the second: nothing before it tells how events end here.
#[test]
fn the_first_event_of_a_source_hides_no_other() {
    for others in 1..3 {
        let short = nested(0, Value::from("x".repeat(80)));
        let events: Vec<_> = [short].into_iter().chain((1..=others).map(|n| nested(n, 1.into()))).collect();
        let at = events[0].windows(5).rposition(|window| window == b"\xa4type").unwrap();
        let lost = lost_by_changes(&events, [(at, 0xa6)].into_iter());
        assert!(lost.is_empty(), "{lost:?}");
    }
}

/// Nobody's event ends in one of its type that ended later, but where all do.
#[test]
fn events_that_all_end_in_a_later_one_are_no_damage() {
    let events: Vec<Vec<u8>> =
        (0..5).map(|number| nested(number, decoded(&nested(number + 20, Value::Nil)))).collect();
    for first in 0..4 {
        assert_eq!(damages(&scan(&events[first..].concat()[..], 64)), []);
    }
}

/// The last byte of the text looks as if a map began there.
#[test]
fn the_last_event_of_a_source_that_may_grow_is_not_kept_back() {
    let bytes =
        [nested(1, Value::from("short")), nested(2, Value::from("a much longer text, then 李"))].concat();
    let bytes = [bytes, nested(3, Value::from(format!("{}李", "x".repeat(200))))].concat();
    let mut scanner = Scanner::with_buffer(&bytes[..], 1 << 16);
    scanner.fill().unwrap();
    let steps: Vec<Step> = (0..4).map(|_| scanner.step()).collect();
    assert!(matches!(steps[..], [Step::Event { .. }, Step::Event { .. }, Step::Event { .. }, Step::More]));
}
