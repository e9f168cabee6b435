//! The fast walk gives what a scanner gives, whatever the bytes are.

use super::*;
use blueox_event::Value;
use blueox_log::day_log::scan::Item;
use proptest::prelude::*;
use std::io::Write;

#[derive(Debug, Clone, PartialEq)]
enum Got {
    Event(u64, Vec<u8>),
    Damage(Damage),
}

#[derive(Default)]
struct Collected(Vec<Got>);

impl Hears for Collected {
    type Stop = ();

    fn event(&mut self, offset: u64, event: &EncodedEvent<'_>) -> Result<(), ()> {
        self.0.push(Got::Event(offset, event.bytes().to_vec()));
        Ok(())
    }

    fn damage(&mut self, damage: Damage) {
        self.0.push(Got::Damage(damage));
    }

    fn passed(&mut self, _bytes: u64) -> bool {
        true
    }
}

/// With a buffer of that size, and the fast walk going on after so many sound bytes.
fn fast(bytes: &[u8], buffer: usize, sound: u64) -> Vec<Got> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let mut reader = HotReader::open(file.path(), bytes.len() as u64, 0, Vec::new()).unwrap();
    reader.buffer.truncate(buffer);
    reader.sound_bytes = sound;
    let mut collected = Collected::default();
    reader.read(bytes.len() as u64, &mut collected).unwrap();
    collected.0
}

fn plain(bytes: &[u8]) -> Vec<Got> {
    let mut scanner = Scanner::new(bytes);
    let mut got = Vec::new();
    while let Some(item) = scanner.next_item().unwrap() {
        got.push(match item {
            Item::Event { offset, event } => Got::Event(offset, event.bytes().to_vec()),
            Item::Damage(damage) => Got::Damage(damage),
        });
    }
    got
}

/// An event, with other events in it at times, with few fields, or more than usual.
fn event() -> impl Strategy<Value = Vec<u8>> {
    let inner = |end: f64| {
        Value::map([
            ("type", Value::from("t")),
            ("id", Value::from("i")),
            ("end", Value::F64(end)),
            ("body", Value::map([("id", Value::from(1)), ("text", Value::from("x".repeat(9)))])),
        ])
    };
    let special = prop_oneof![
        8 => "[a-z]{0,90}".prop_map(Value::from),
        1 => (1.0..9.0f64).prop_map(inner),
        1 => (1.0..9.0f64).prop_map(move |end| Value::Array(vec![inner(end), inner(end + 1.0)])),
        1 => (1.0..9.0f64).prop_map(move |end| Value::Str([inner(end).to_msgpack(), inner(end).to_msgpack()].concat())),
        1 => Just(Value::map([("id", Value::from(7)), ("start", Value::from(8))])),
    ];
    (special, any::<u64>(), 0usize..10, any::<bool>()).prop_map(|(special, bits, missing, more)| {
        let mut map = vec![
            ("type", Value::from("t")),
            ("id", Value::from(format!("{bits:032x}"))),
            ("host", Value::from("h")),
            ("pid", Value::from(bits as u16)),
            ("start", Value::F64(f64::from_bits(bits))),
            ("end", Value::F64(1e9 + (bits % 1_000_000) as f64)),
            ("body", Value::map([("s", special), ("n", Value::from(3))])),
        ];
        if missing < 7 && bits % 4 == 0 {
            map.remove(missing);
        }
        if bits % 64 == 1 {
            map.truncate(1 + missing % 2);
        }
        if more {
            map.push(("sample_rate", Value::F64(0.5)));
        }
        Value::map(map).to_msgpack()
    })
}

#[derive(Debug, Clone)]
enum Harm {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index, usize),
    Put(prop::sample::Index, Vec<u8>),
}

fn harm() -> impl Strategy<Value = Harm> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 1..20),
        Just(vec![0xc0]),
        Just(vec![0xdf, 0, 0, 0xff]),
        Just(vec![0xde, 0xff]),
        Just(vec![0xdb, 0, 0]),
    ];
    prop_oneof![
        (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Harm::Flip(at, byte)),
        (any::<prop::sample::Index>(), 1usize..80).prop_map(|(at, count)| Harm::Cut(at, count)),
        (any::<prop::sample::Index>(), bytes).prop_map(|(at, bytes)| Harm::Put(at, bytes)),
    ]
}

fn harmed(mut bytes: Vec<u8>, harms: &[Harm]) -> Vec<u8> {
    for harm in harms {
        if bytes.is_empty() {
            break;
        }
        match harm {
            Harm::Flip(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Harm::Cut(at, count) => {
                let at = at.index(bytes.len());
                let end = (at + count).min(bytes.len());
                bytes.drain(at..end);
            }
            Harm::Put(at, put) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, put.iter().copied());
            }
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn it_gives_what_a_scanner_gives(
        events in prop::collection::vec(event(), 0..40),
        harms in prop::collection::vec(harm(), 0..4),
        buffer in prop::sample::select(vec![16usize, 300, 1_000, 100_000]),
        sound in prop::sample::select(vec![0, 400, SOUND_BYTES]),
    ) {
        let bytes = harmed(events.concat(), &harms);
        prop_assert_eq!(fast(&bytes, buffer, sound), plain(&bytes));
    }
}

/// Four bytes cut from its text, and the first event takes the beginning of the second for its own end.
#[test]
fn an_event_whose_beginning_another_took_is_found() {
    let event = |number: u64, special: Value| {
        Value::map([
            ("type", Value::from("t")),
            ("id", Value::from(number)),
            ("host", Value::from("h")),
            ("end", Value::F64(1e9 + number as f64)),
            ("body", Value::map([("s", special), ("n", Value::from(3))])),
        ])
        .to_msgpack()
    };
    let inner = Value::map([("type", Value::from("t")), ("id", Value::from("i")), ("end", Value::F64(1.0))]);
    let mut first = event(1, Value::from("a".repeat(27)));
    let text = first.windows(4).position(|four| four == b"aaaa").unwrap();
    first.drain(text..text + 4);
    let bytes = [first, event(2, inner), event(3, Value::from(""))].concat();
    let got = fast(&bytes, SMALLEST_BUFFER_BYTES, 0);
    assert_eq!(got, plain(&bytes));
    assert_eq!(got.iter().filter(|got| matches!(got, Got::Event(..))).count(), 3, "{got:?}");
}

/// Between places that are not ordinary there is room to walk fast again.
#[test]
fn it_goes_on_fast_behind_damage_and_finds_the_next() {
    let event = |number: u64, text: &str| {
        Value::map([
            ("type", Value::from("t")),
            ("id", Value::from(number)),
            ("host", Value::from("h")),
            ("end", Value::F64(1e9 + number as f64)),
            ("body", Value::map([("text", Value::from(text))])),
        ])
        .to_msgpack()
    };
    let long = "x".repeat(900);
    let mut bytes = Vec::new();
    for number in 0..600 {
        if number % 200 == 100 {
            bytes.extend(b"\xc1\xc1 not an event");
        }
        bytes.extend(event(number, if number % 50 == 3 { "" } else { &long }));
    }
    // A wrong length, far from the beginning: 200 bytes of the events behind are taken for text.
    let at = bytes.len() - 950 * 90;
    let at = at + bytes[at..].windows(3).position(|three| three == [0xda, 0x03, 0x84]).unwrap();
    bytes[at + 2] += 120;
    let got = fast(&bytes, BUFFER_BYTES, SOUND_BYTES);
    assert_eq!(got, plain(&bytes));
    assert_eq!(got.iter().filter(|got| matches!(got, Got::Damage(_))).count(), 4);
}

#[test]
fn a_part_is_what_begins_in_it() {
    let events: Vec<Vec<u8>> = (0..50u64)
        .map(|number| {
            Value::map([("type", Value::from("t")), ("id", Value::from(number)), ("host", Value::from("h"))])
                .to_msgpack()
        })
        .collect();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&events.concat()).unwrap();
    let length = events.concat().len() as u64;
    let (begin, end) = (events[..10].concat().len() as u64, events[..30].concat().len() as u64);
    let mut reader = HotReader::open(file.path(), length, begin, Vec::new()).unwrap();
    let mut collected = Collected::default();
    reader.read(end, &mut collected).unwrap();
    let got: Vec<Vec<u8>> = collected
        .0
        .iter()
        .map(|got| if let Got::Event(_, bytes) = got { bytes.clone() } else { panic!() })
        .collect();
    assert_eq!(got, events[10..30]);
}
