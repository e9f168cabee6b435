//! Keys and values that mean no good: nothing panics, and the event arrives with what could be kept.

use crate::collector::{Collector, PATIENCE};
use crate::transport::{alone, get};
use blueox::{Record, Writer, context};
use blueox_event::Value;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// A value as an application might build it, of any shape.
fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        8 => Just(Value::Nil),
        8 => Just(Value::F64(f64::NAN)),
        8 => Just(Value::F64(f64::NEG_INFINITY)),
        8 => any::<u64>().prop_map(Value::UInt),
        8 => (i64::MIN..0).prop_map(Value::Int),
        8 => ".{0,30}".prop_map(Value::from),
        8 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Str),
        8 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Bin),
        1 => Just(Value::Str(vec![0xe9; 70_000])),
        1 => Just(Value::Bin(vec![0; 70_000])),
        1 => Just(Value::Array(vec![Value::Nil; 5000])),
        1 => Just((0..200).fold(Value::Nil, |inner, _| Value::Array(vec![inner]))),
        8 => (any::<i8>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(code, bytes)| Value::Ext(code, bytes)),
    ];
    scalar.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec((inner.clone(), inner), 0..4).prop_map(Value::Map),
        ]
    })
}

fn any_key() -> impl Strategy<Value = String> {
    prop_oneof![
        30 => "",
        30 => "[.]{1,40}",
        30 => ".{0,20}",
        30 => "\0[a-c.]{0,5}",
        60 => "[a-c]([.][a-c]){0,3}",
        1 => Just("k".repeat(1 << 20)),
        1 => Just("é.".repeat(1 << 12)),
    ]
}

/// How a value gets into the event.
#[derive(Debug, Clone, Copy)]
enum Way {
    Set,
    Append,
    Add,
    Parts,
}

fn any_way() -> impl Strategy<Value = Way> {
    prop_oneof![Just(Way::Set), Just(Way::Append), Just(Way::Add), Just(Way::Parts)]
}

/// Writes nothing at all.
struct Silent;

impl Record for Silent {
    fn record(&self, _: Writer<'_>) {}
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// 500 events of about 20 hostile values each.
    #[test]
    fn the_event_arrives_whatever_is_in_it(
        name in any_key(),
        values in prop::collection::vec((any_way(), any_key(), any_value()), 0..40),
    ) {
        let events = blueox::testing::capture();
        {
            let context = context(&name);
            for (way, key, value) in &values {
                match way {
                    Way::Set => context.set(key, value),
                    Way::Append => context.append(key, value),
                    Way::Add => context.add(key, f64::NAN),
                    Way::Parts => context.set_at(&[key, key], |to| value.record(to)),
                }
            }
            context.set("silent", Silent);
            context.set("well", "kept");
        }
        let all = events.all();
        prop_assert_eq!(all.len(), 1);
        let event = all[0].encoded();
        prop_assert!(event.type_name().is_ok());
        prop_assert!(event.bytes().len() < 2 << 20);
        prop_assert_eq!(all[0].json("body.well"), "\"kept\"");
        prop_assert_eq!(all[0].json("body.silent"), "null");
    }
}

/// A number or a text, which are written without a detour.
#[derive(Debug, Clone)]
enum Plain {
    Bool(bool),
    Uint(u64),
    Int(i64),
    Float(f64),
    Text(String),
}

impl Record for Plain {
    fn record(&self, to: Writer<'_>) {
        match self {
            Self::Bool(value) => value.record(to),
            Self::Uint(value) => value.record(to),
            Self::Int(value) => value.record(to),
            Self::Float(value) => value.record(to),
            Self::Text(value) => value.record(to),
        }
    }
}

fn any_plain() -> impl Strategy<Value = Plain> {
    prop_oneof![
        any::<bool>().prop_map(Plain::Bool),
        any::<u64>().prop_map(Plain::Uint),
        any::<i64>().prop_map(Plain::Int),
        any::<f64>().prop_map(Plain::Float),
        ".{0,40}".prop_map(Plain::Text),
        (65_530usize..65_540).prop_map(|length| Plain::Text("é".repeat(length / 2))),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The short way and the long one end in the same body, also at the limits of texts and events, and where secrets are.
    #[test]
    fn numbers_and_texts_are_written_alike_by_both_ways(
        values in prop::collection::vec((prop_oneof![9 => any_key(), 1 => Just("api_key".to_owned())], any_plain()), 0..40),
    ) {
        let events = blueox::testing::capture();
        for is_short in [true, false] {
            let _context = context("job");
            for (key, value) in &values {
                match value {
                    _ if !is_short => blueox::set(key, value),
                    Plain::Bool(value) => blueox::set(key, *value),
                    Plain::Uint(value) => blueox::current().unwrap().set(key, value),
                    Plain::Int(value) => blueox::set(key, *value),
                    Plain::Float(value) => blueox::set(key, *value),
                    Plain::Text(value) => blueox::set(key, value),
                }
            }
        }
        let all = events.all();
        prop_assert_eq!(all[0].json("body"), all[1].json("body"));
    }
}

#[test]
fn an_event_that_is_filled_for_ever_stays_within_its_limit() {
    let events = blueox::testing::capture();
    {
        let _context = context("greedy");
        for n in 0..200 {
            blueox::set(&format!("key.{n}"), "x".repeat(60_000));
        }
        blueox::set("last", 1);
    }
    let event = &events.all()[0];
    assert!(event.encoded().bytes().len() < (1 << 20) + 4096);
    assert!(event.json("body.key.199").contains("left out"));
    assert_ne!(event.json("body._blueox.left_out"), "");
}

/// All the way: the daemon gets every event, and reads it.
#[test]
fn ten_thousand_hostile_values_arrive() {
    const EVENTS: u64 = 1000;
    const VALUES: usize = 10;
    let _alone = alone();
    let collector = Collector::start();
    blueox::configure(blueox::Config::to(&collector.address)).unwrap();
    let mut runner = TestRunner::deterministic();
    let pair = (any_key(), any_value());
    for n in 0..EVENTS {
        let _event = context("hostile");
        for n in 0..VALUES {
            let (key, value) = pair.new_tree(&mut runner).unwrap().current();
            if n % 2 == 0 { blueox::set(&key, &value) } else { blueox::append(&key, &value) }
        }
        blueox::set("sequence number", n);
        if n % 100 == 0 {
            assert!(blueox::flush(PATIENCE)); // they are large: all of them are to fit
        }
    }
    assert!(blueox::flush(PATIENCE));
    let account = blueox::shutdown(PATIENCE);
    assert_eq!((account.accepted, account.dropped), (EVENTS, 0));
    let got = collector.got();
    let numbers = got.events.iter().map(|event| get(get(event, "body"), "sequence number").clone());
    assert!(numbers.eq((0..EVENTS).map(Value::from)));
}
