//! The language once more, naively: a tree that prints itself and is evaluated on decoded values.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Model {
    And(Vec<Model>),
    Or(Vec<Model>),
    Not(Box<Model>),
    Exists(&'static str),
    /// Path, operator, right side.
    Compare(&'static str, &'static str, Right),
    In(&'static str, bool, Vec<Right>),
    /// A regular expression that is a plain word.
    Search(&'static str, bool, &'static str),
}

#[derive(Debug, Clone)]
enum Right {
    /// As written, and the number.
    Number(String, f64),
    Word(&'static str),
    Quoted(&'static str),
    Constant(&'static str, Value),
}

const PATHS: [&str; 12] =
    ["type", "host", "id", "pid", "duration", "a", "body.a", "body.a.b", "a.b", "a.1", "body", "gone"];
const WORDS: [&str; 10] = ["a", "abc", "17", "web-1", "*", "a*", "*c", "?b*", "1*", ""];

impl Model {
    fn source(&self) -> String {
        let join = |terms: &[Self], word: &str| {
            terms.iter().map(|term| format!("({})", term.source())).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::And(terms) => join(terms, " and "),
            Self::Or(terms) => join(terms, "||"),
            Self::Not(term) => format!("not ({})", term.source()),
            Self::Exists(path) => format!("{path} exists"),
            Self::Compare(path, operator, right) => format!("{path} {operator}{}", right.source()),
            Self::In(path, is_in, rights) => {
                let rights: Vec<_> = rights.iter().map(Right::source).collect();
                format!("{path} {}in ({})", if *is_in { "" } else { "not " }, rights.join(", "))
            }
            Self::Search(path, is_found, word) => {
                format!("{path} {} \"{word}\"", if *is_found { "~" } else { "!~" })
            }
        }
    }

    fn holds(&self, event: &Value) -> bool {
        match self {
            Self::And(terms) => !terms.iter().any(|term| !term.holds(event)),
            Self::Or(terms) => terms.iter().any(|term| term.holds(event)),
            Self::Not(term) => !term.holds(event),
            Self::Exists(path) => lookup(event, path).is_some(),
            Self::Compare(path, "!=", right) => !some_item(event, path, |value| right.equals(value)),
            Self::Compare(path, "=", right) => some_item(event, path, |value| right.equals(value)),
            Self::Compare(path, operator, right) => {
                some_item(event, path, |value| right.orders(value, operator))
            }
            Self::In(path, is_in, rights) => {
                *is_in == some_item(event, path, |value| rights.iter().any(|right| right.equals(value)))
            }
            Self::Search(path, is_found, word) => {
                let holds = |value: &Value| text_or_digits(value).is_some_and(|text| text.contains(word));
                *is_found == some_item(event, path, holds)
            }
        }
    }
}

impl Right {
    fn source(&self) -> String {
        match self {
            Self::Number(text, _) => text.clone(),
            // The empty word cannot be written bare.
            Self::Word("") => "\"\"".to_owned(),
            Self::Word(text) => (*text).to_owned(),
            Self::Quoted(text) => format!("'{text}'"),
            Self::Constant(text, _) => (*text).to_owned(),
        }
    }

    fn equals(&self, value: &Value) -> bool {
        let is_text = |expected: &str| text(value).is_some_and(|text| text == expected);
        match self {
            Self::Number(written, n) => number(value) == Some(*n) || is_text(written),
            Self::Word("17") => number(value) == Some(17.0) || is_text("17"),
            Self::Word(pattern) if pattern.contains(['*', '?']) => {
                text_or_digits(value).is_some_and(|text| glob(pattern.as_bytes(), text.as_bytes()))
            }
            Self::Word(word) | Self::Quoted(word) => is_text(word),
            Self::Constant(word, constant) => value == constant || is_text(word),
        }
    }

    fn orders(&self, value: &Value, operator: &str) -> bool {
        let order = match self {
            Self::Number(_, n) => number(value).and_then(|value| value.partial_cmp(n)),
            Self::Word("17") => number(value).and_then(|value| value.partial_cmp(&17.0)),
            Self::Word(word) | Self::Quoted(word) => text(value).map(|text| text.as_str().cmp(word)),
            Self::Constant(..) => None,
        };
        order.is_some_and(|order| match operator {
            "<" => order.is_lt(),
            "<=" => order.is_le(),
            ">" => order.is_gt(),
            _ => order.is_ge(),
        })
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Str(text) | Value::Bin(text) => Some(String::from_utf8(text.clone()).unwrap()),
        _ => None,
    }
}

fn text_or_digits(value: &Value) -> Option<String> {
    match value {
        Value::UInt(n) => Some(n.to_string()),
        Value::Int(n) => Some(n.to_string()),
        _ => text(value),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::UInt(n) => Some(*n as f64),
        Value::Int(n) => Some(*n as f64),
        Value::F32(n) => Some(f64::from(*n)),
        Value::F64(n) => Some(*n),
        _ => None,
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        ([b'?', pattern @ ..], [_, text @ ..]) => glob(pattern, text),
        ([p, pattern @ ..], [t, text @ ..]) => p == t && glob(pattern, text),
        _ => false,
    }
}

fn some_item(event: &Value, path: &str, holds: impl Fn(&Value) -> bool) -> bool {
    match lookup(event, path) {
        Some(Value::Array(items)) => items.iter().any(holds),
        Some(value) => holds(&value),
        None => false,
    }
}

fn get(value: &Value, names: &[&str]) -> Option<Value> {
    let Some((first, rest)) = names.split_first() else { return Some(value.clone()) };
    match value {
        Value::Map(pairs) => {
            pairs.iter().find(|(key, _)| *key == Value::from(*first)).and_then(|(_, value)| get(value, rest))
        }
        Value::Array(items) => get(items.get(first.parse::<usize>().ok()?)?, rest),
        _ => None,
    }
}

fn lookup(event: &Value, path: &str) -> Option<Value> {
    let names: Vec<&str> = path.split('.').collect();
    let seconds = |name| get(event, &[name]).as_ref().and_then(number);
    if let ("duration", Some(start), Some(end)) = (path, seconds("start"), seconds("end")) {
        return Some(Value::from(end - start));
    }
    let is_own = ["type", "id", "host", "pid", "start", "end", "body"].contains(&names[0]);
    let own = if is_own { get(event, &names) } else { None };
    own.or_else(|| get(event, &[&["body"], &names[..]].concat())).or_else(|| get(event, &names))
}

fn any_scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0u64..20).prop_map(Value::UInt),
        (-20i64..0).prop_map(Value::Int),
        (-8i8..80).prop_map(|n| Value::F64(f64::from(n) / 4.0)),
        (-8i8..80).prop_map(|n| Value::F32(f32::from(n) / 4.0)),
        prop::sample::select(&["", "a", "abc", "17", "1.5", "250ms", "true", "web-1", "null"][..])
            .prop_map(Value::from),
        prop::sample::select(&["a", "abc", "17", "web-1"][..]).prop_map(|text| bin(text.as_bytes())),
        any::<bool>().prop_map(Value::Bool),
        Just(Value::Nil),
        Just(Value::F64(f64::NAN)),
        Just(Value::Ext(1, b"a".to_vec())),
    ]
}

fn any_field() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any_scalar(),
        1 => prop::collection::vec(any_scalar(), 0..4).prop_map(Value::Array),
        1 => any_scalar().prop_map(|inner| Value::map([("b", inner)])),
        1 => any_scalar().prop_map(|inner| list([list([inner.clone()]), inner])),
    ]
}

fn any_event() -> impl Strategy<Value = Value> {
    let names = ["type", "id", "host", "pid", "start", "end", "body", "a"];
    let times = (0u8..8, 0u8..8).prop_map(|(start, end)| (f64::from(start) / 4.0, f64::from(end) / 4.0));
    let mask = prop::collection::vec(prop::bool::weighted(0.8), names.len());
    (prop::collection::vec(any_field(), names.len()), times, any_field(), mask).prop_map(
        move |(fields, (start, end), inner, mask)| {
            let body = Value::map([("a", inner), ("host", Value::from("web-1"))]);
            let pairs = names.into_iter().zip(fields).zip(mask).filter(|(_, is_there)| *is_there);
            Value::map(pairs.map(|((name, value), _)| match name {
                "start" => (name, Value::from(start)),
                "end" => (name, Value::from(end)),
                "body" => (name, body.clone()),
                _ => (name, value),
            }))
        },
    )
}

fn any_right() -> impl Strategy<Value = Right> {
    prop_oneof![
        (-20i32..20).prop_map(|n| Right::Number(n.to_string(), f64::from(n))),
        (-8i32..80).prop_map(|n| Right::Number(format!("{:?}", f64::from(n) / 4.0), f64::from(n) / 4.0)),
        (0u32..8).prop_map(|n| Right::Number(format!("{}ms", n * 250), f64::from(n) / 4.0)),
        prop::sample::select(&WORDS[..]).prop_map(Right::Word),
        prop::sample::select(&WORDS[..]).prop_map(Right::Quoted),
        prop::sample::select(
            &[("true", Value::Bool(true)), ("FALSE", Value::Bool(false)), ("null", Value::Nil)][..]
        )
        .prop_map(|(text, value)| Right::Constant(text, value)),
    ]
}

/// Only what the language takes: beside `duration` stand numbers, and what has no order is not ordered by.
fn is_sensible(path: &str, operator: &str, right: &Right) -> bool {
    let is_number = matches!(right, Right::Number(..) | Right::Word("17"));
    let is_ordered = !matches!(right, Right::Constant(..))
        && !matches!(right, Right::Word(word) if word.contains(['*', '?']));
    (path != "duration" || is_number) && (is_ordered || matches!(operator, "=" | "!="))
}

fn any_model() -> impl Strategy<Value = Model> {
    let path = || prop::sample::select(&PATHS[..]);
    let operator = prop::sample::select(&["=", "!=", "<", "<=", ">", ">="][..]);
    let leaf = prop_oneof![
        1 => path().prop_map(Model::Exists),
        6 => (path(), operator, any_right())
            .prop_filter("not of the language", |(path, operator, right)| is_sensible(path, operator, right))
            .prop_map(|(path, operator, right)| Model::Compare(path, operator, right)),
        2 => (path(), any::<bool>(), prop::collection::vec(any_right(), 1..4))
            .prop_filter("not of the language", |(path, _, rights)| {
                rights.iter().all(|right| is_sensible(path, "=", right))
            })
            .prop_map(|(path, is_in, rights)| Model::In(path, is_in, rights)),
        1 => (path(), any::<bool>(), prop::sample::select(&["a", "b", "1", "web", ""][..]))
            .prop_filter("not of the language", |(path, _, _)| *path != "duration")
            .prop_map(|(path, is_found, word)| Model::Search(path, is_found, word)),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Model::And),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Model::Or),
            inner.prop_map(|term| Model::Not(Box::new(term))),
        ]
    })
}

const TOKENS: [&str; 46] = [
    "a",
    "body.b",
    "type",
    "start",
    "duration",
    "and",
    "or",
    "not",
    "in",
    "exists",
    "(",
    ")",
    ",",
    "=",
    "!=",
    "<",
    ">=",
    "~",
    "!~",
    "=>",
    "&&",
    "||",
    "!",
    "&",
    "\"",
    "'",
    "\"x\"",
    "'\\x41'",
    "5",
    "-1.5",
    "250ms",
    "9e",
    "10KB",
    "3zz",
    "true",
    "null",
    "*",
    "a*",
    "`",
    "`x y`",
    "\\",
    "é",
    "“",
    "2012-03-13",
    "\n",
    "[(",
];

/// Parses, and if that succeeds evaluates; what fails is rendered. None of it may panic.
fn exercise(source: &str, event: &Value) -> Result<(), TestCaseError> {
    match Filter::parse(source) {
        Ok(filter) => {
            let again = Filter::parse(&filter.to_string()).unwrap();
            prop_assert_eq!(matches(&filter, event), matches(&again, event));
        }
        Err(error) => {
            prop_assert!(error.span.start <= error.span.end && error.span.end <= source.len());
            prop_assert!(source.get(error.span.clone()).is_some(), "the span cuts a character");
            prop_assert!(!error.to_string().contains('\n'));
            prop_assert!(error.render(source).lines().count() >= 3);
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_filter_means_what_the_model_says(model in any_model(), events in prop::collection::vec(any_event(), 1..4)) {
        let source = model.source();
        let filter = Filter::parse(&source).map_err(|error| TestCaseError::fail(error.render(&source)))?;
        for event in &events {
            prop_assert_eq!(matches(&filter, event), model.holds(event), "{} on {:?}", source, event);
        }
    }

    /// An event that matches has one of the types that can match.
    #[test]
    fn types_are_not_pruned_wrongly(model in any_model(), event in any_event(), name in "a|abc|17|web-1") {
        let Value::Map(mut pairs) = event else { unreachable!() };
        pairs.insert(0, (Value::from("type"), Value::from(name.as_str())));
        let filter = Filter::parse(&model.source()).unwrap();
        if let (true, Some(patterns)) = (matches(&filter, &Value::Map(pairs)), filter.type_patterns()) {
            prop_assert!(patterns.iter().any(|pattern| pattern.matches(name.as_bytes())));
        }
    }

    #[test]
    fn any_text_is_parsed_without_a_panic(source in "\\PC{0,60}|(?s).{0,60}", event in any_event()) {
        exercise(&source, &event)?;
    }

    #[test]
    fn any_words_are_parsed_without_a_panic(
        words in prop::collection::vec((prop::sample::select(&TOKENS[..]), any::<bool>()), 0..14),
        event in any_event(),
    ) {
        let source: String = words.iter().flat_map(|(word, spaced)| [*word, if *spaced { " " } else { "" }]).collect();
        exercise(&source, &event)?;
    }

    #[test]
    fn any_event_is_tested_without_a_panic(body in crate::value::tests::any_value()) {
        let event = Value::map([("type", Value::from("x")), ("body", body)]);
        for source in ["a = 1 or body = *", "body.0 > 5", "0.1 exists", "body ~ '\\d'", "not body in (1, x, null)"] {
            if let Ok(filter) = Filter::parse(source) {
                let _ = matches(&filter, &event);
            }
        }
    }
}
