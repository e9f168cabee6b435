use super::*;
use crate::key::parts;
use blueox_event::Value;
use proptest::prelude::*;

fn body(limit: usize) -> Body {
    let mut body = Body::default();
    body.clear(limit);
    body
}

fn json(body: &Body) -> String {
    let mut out = Vec::new();
    body.encode(&mut out);
    assert!(out.len() <= body.encoded_bound(), "{} of {}", out.len(), body.encoded_bound());
    let raw = RawValue::parse(&out).expect("BUG: no MsgPack").expect("BUG: bytes behind the body");
    let mut text = String::new();
    blueox_event::json::write(raw, &mut text);
    text
}

fn encoded(value: impl Into<Value>) -> Vec<u8> {
    value.into().to_msgpack()
}

#[test]
fn nothing_is_lost_for_the_form_of_what_was_there() {
    let mut b = body(1000);
    b.set(parts("x"), &encoded(1));
    b.set(parts("x.y"), &encoded(2));
    assert_eq!(json(&b), r#"{"x":{"_value":1,"y":2}}"#);
    b.set(parts("x"), &encoded(3));
    b.append(parts("x"), &encoded(4));
    assert_eq!(json(&b), r#"{"x":[3,4]}"#);
    b.add(parts("x"), 1.into());
    b.add(parts("x"), 1.into());
    assert_eq!(json(&b), r#"{"x":{"_value":[3,4],"_added":2}}"#);
    b.set(
        parts("m"),
        &Value::map([("a", Value::from(1)), ("b", Value::map([("c", 2.into())]))]).to_msgpack(),
    );
    b.set(parts("m.b.d"), &encoded(3));
    b.append(parts("m.a"), &encoded("z"));
    assert_eq!(json(&b), r#"{"x":{"_value":[3,4],"_added":2},"m":{"a":[1,"z"],"b":{"c":2,"d":3}}}"#);
}

#[test]
fn odd_keys_are_keys() {
    let mut b = body(100_000);
    for key in ["", ".", "a..b", "\0"] {
        b.set(parts(key), &encoded(1));
    }
    assert_eq!(json(&b), r#"{"":{"_value":1,"":1},"a":{"":{"b":1}},"\u0000":1}"#);
    let mut b = body(100_000);
    b.set(parts(&".".repeat(10_000)), &encoded(1));
    b.set(parts(&"é".repeat(10_000)), &encoded(2));
    let text = json(&b);
    assert!(text.contains("é…\":2"), "{text}");
}

#[test]
fn a_key_that_is_set_for_ever_takes_no_memory() {
    let mut b = body(1000);
    b.set(parts("first"), &encoded("stays"));
    for n in 0..100_000u32 {
        b.set(parts("n"), &encoded("x".repeat(n as usize % 200)));
        assert!(b.bytes.len() < 1300);
    }
    assert_eq!(json(&b), format!(r#"{{"first":"stays","n":"{}"}}"#, "x".repeat(199)));
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut b = body(100);
    b.set(parts("a"), &encoded("x".repeat(50)));
    b.set(parts("b"), &encoded("y".repeat(80)));
    assert_eq!(
        json(&b),
        format!(r#"{{"a":"{}","b":"[left out]","_blueox":{{"left_out":1}}}}"#, "x".repeat(50))
    );
    let mut b = body(1 << 20);
    for n in 0..10_000 {
        b.append(parts("list"), &encoded(n));
    }
    assert!(json(&b).ends_with(&format!(r#""_blueox":{{"left_out":{}}}}}"#, 10_000 - (FIELDS - 2))));
}

#[test]
fn nesting_ends() {
    let mut b = body(1 << 20);
    for _ in 0..1000 {
        b.append(parts("x"), &encoded(1));
        b.set(parts("x.y"), &encoded(1));
    }
    assert!(json(&b).contains(LEFT_OUT));
}

/// What is done to a body, over few keys, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Set(String, Value),
    Append(String, Value),
    Add(String, i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let key = || prop::collection::vec("[abc]", 1..4).prop_map(|parts| parts.join("."));
    let value = || {
        let scalar = prop_oneof![any::<i32>().prop_map(Value::from), "[xyz]{0,9}".prop_map(Value::from)];
        scalar.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
                prop::collection::btree_map("[abc]", inner, 0..3).prop_map(Value::map),
            ]
        })
    };
    prop_oneof![
        (key(), value()).prop_map(|(key, value)| Step::Set(key, value)),
        (key(), value()).prop_map(|(key, value)| Step::Append(key, value)),
        (key(), any::<i64>()).prop_map(|(key, n)| Step::Add(key, n)),
    ]
}

/// The same rules on a plain tree.
#[derive(Debug, Clone)]
enum Tree {
    Empty,
    Leaf(Value),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    fn from(value: &Value) -> Self {
        match value {
            Value::Array(items) => Self::List(items.iter().map(Self::from).collect()),
            Value::Map(pairs) => Self::Map(
                pairs
                    .iter()
                    .map(|(key, value)| (String::from_utf8(text(key)).unwrap(), Self::from(value)))
                    .collect(),
            ),
            other => Self::Leaf(other.clone()),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Empty => Value::Nil,
            Self::Leaf(value) => value.clone(),
            Self::List(items) => Value::Array(items.iter().map(Self::value).collect()),
            Self::Map(pairs) => Value::map(pairs.iter().map(|(key, tree)| (key.clone(), tree.value()))),
        }
    }

    fn child(&mut self, key: &str) -> &mut Self {
        let pairs = match std::mem::replace(self, Self::Empty) {
            Self::Empty => vec![],
            Self::Map(pairs) => pairs,
            other => vec![("_value".into(), other)],
        };
        *self = Self::Map(pairs);
        let Self::Map(pairs) = self else { unreachable!() };
        let found = pairs.iter().position(|(known, _)| known == key);
        let index = found.unwrap_or_else(|| {
            pairs.push((key.into(), Self::Empty));
            pairs.len() - 1
        });
        &mut pairs[index].1
    }

    fn reach(&mut self, key: &str) -> &mut Self {
        key.split('.').fold(self, Self::child)
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Set(key, value) => *self.reach(key) = Self::from(value),
            Step::Append(key, value) => {
                let place = self.reach(key);
                let mut items = match std::mem::replace(place, Self::Empty) {
                    Self::Empty => vec![],
                    Self::List(items) => items,
                    other => vec![other],
                };
                items.push(Self::from(value));
                *place = Self::List(items);
            }
            Step::Add(key, n) => {
                let mut place = self.reach(key);
                if !matches!(place, Self::Empty | Self::Leaf(Value::UInt(_) | Value::Int(_) | Value::F64(_)))
                {
                    place = place.child("_added");
                }
                *place = Self::Leaf(match place {
                    Self::Leaf(Value::F64(before)) => Value::F64(*before + *n as f64),
                    Self::Leaf(Value::UInt(before)) => sum(i128::from(*before), *n),
                    Self::Leaf(Value::Int(before)) => sum(i128::from(*before), *n),
                    _ => sum(0, *n),
                });
            }
        }
    }
}

fn text(value: &Value) -> Vec<u8> {
    let Value::Str(text) = value else { unreachable!() };
    text.clone()
}

fn sum(before: i128, n: i64) -> Value {
    let sum = before + i128::from(n);
    match (u64::try_from(sum), i64::try_from(sum)) {
        (Ok(n), _) => Value::UInt(n),
        (_, Ok(n)) => Value::Int(n),
        _ => Value::F64(sum as f64),
    }
}

proptest! {
    #[test]
    fn bodies_are_those_of_the_model(steps in prop::collection::vec(any_step(), 0..30), compact: bool) {
        let (mut body, mut model) = (body(1 << 20), Tree::Map(vec![]));
        for step in &steps {
            model.apply(step);
            match step {
                Step::Set(key, value) => body.set(parts(key), &value.to_msgpack()),
                Step::Append(key, value) => body.append(parts(key), &value.to_msgpack()),
                Step::Add(key, n) => body.add(parts(key), (*n).into()),
            }
            if compact {
                body.compact();
            }
        }
        let mut out = Vec::new();
        body.encode(&mut out);
        prop_assert!(out.len() <= body.encoded_bound());
        prop_assert_eq!(Value::from_msgpack(&out).unwrap(), model.value());
    }

    /// However small the limit, what comes out is whole.
    #[test]
    fn small_bodies_are_whole(steps in prop::collection::vec(any_step(), 0..60), limit in 0usize..200) {
        let mut body = body(limit);
        for step in &steps {
            match step {
                Step::Set(key, value) => body.set(parts(key), &value.to_msgpack()),
                Step::Append(key, value) => body.append(parts(key), &value.to_msgpack()),
                Step::Add(key, n) => body.add(parts(key), (*n).into()),
            }
        }
        json(&body);
    }
}
