use super::super::FilterError;
use super::*;
use crate::limits::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};

fn error(source: &str) -> FilterError {
    match Filter::parse(source) {
        Ok(_) => panic!("this is a filter: {source}"),
        Err(error) => error,
    }
}

/// What is underlined, and what is suggested in its place.
#[test]
fn suggestions() {
    for (source, marked, suggestion) in [
        ("a => 1", "=>", Some(">=")),
        ("a =~ x", "=~", Some("~")),
        ("a <> 1", "<>", Some("!=")),
        ("a === 1", "===", Some("=")),
        ("a eq 1", "eq", Some("=")),
        ("a like x", "like", Some("=")),
        ("a is null", "is", Some("=")),
        ("a IS NOT null", "IS NOT", Some("!=")),
        ("a contains x", "contains", Some("~")),
        ("a = 1 & b = 2", "&", Some("and")),
        ("a = 1 b = 2", "b", Some("and b")),
        ("a = 1 (b = 2)", "(", Some("and (")),
        ("a = 1 not b = 2", "not", Some("and not")),
        ("a = 1 adn b = 2", "adn", Some("and")),
        ("a = 1 ro b = 2", "ro", Some("or")),
        ("a = red wine", "red wine", Some("\"red wine\"")),
        ("a > 250 ms", "250 ms", Some("250ms")),
        ("nto a = 1", "nto", Some("not")),
        ("a exsits", "exsits", Some("exists")),
        ("a = 1 and", "", None),
        ("a =", "", None),
        ("a = and b = 1", "and", Some("\"and\"")),
        ("(a = 1", "(", None),
        ("a = 1)", ")", None),
        ("()", ")", None),
        ("a = \"x", "\"x", Some("\"x\"")),
        ("a = 'x\\'", "'x\\'", Some("'x\\''")),
        ("a = “x”", "“x”", Some("\"x\"")),
        ("a = x(y)", "x(y)", Some("\"x(y)\"")),
        ("(a = <none>)", "<none>", Some("\"<none>\"")),
        ("a = it's", "it's", Some("\"it's\"")),
        ("a ~ (x|y)", "(x|y)", Some("\"(x|y)\"")),
        ("a ~ x{1,2}", "x{1,2}", Some("\"x{1,2}\"")),
        ("a ~ \"(\"", "\"(\"", None),
        ("a = \"\\d\"", "\\d", Some("\\\\d")),
        ("duration > 250msec", "250msec", Some("250ms")),
        ("duration = 5min", "5min", Some("5m")),
        ("a > 10k", "10k", Some("10KB")),
        ("a > 3hrs", "3hrs", Some("3h")),
        ("a > 3zz", "3zz", None),
        ("duration > \"250ms\"", "\"250ms\"", Some("250ms")),
        ("duration > 10KB", "10KB", None),
        ("duration ~ 5", "~", None),
        ("start > -2h", "-2h", None),
        ("start > yesterday", "yesterday", None),
        ("a > true", "true", None),
        ("a > web*", "web*", Some("\"web*\"")),
        ("a > 1e999", "1e999", None),
        ("a in x", "x", Some("(x)")),
        ("a in [x]", "[x]", None),
        ("a in ()", ")", None),
        ("a in (x y)", "y", Some(", y")),
        ("a in (x, y", "(", None),
        ("a = x, y", ",", None),
        ("a not = 1", "not =", Some("!=")),
        ("a not 1", "not 1", None),
        ("a", "a", Some("a exists")),
        ("b = 1 and a.b", "a.b", Some("a.b exists")),
        ("status:500", "status:500", Some("status = 500")),
        ("a foo", "foo", Some("= foo")),
        ("500 = status", "500", None),
        ("\"a\" = 1", "\"a\"", None),
        ("a* = 1", "a*", None),
        ("a..b = 1", "a..b", None),
        ("`a = 1", "`", None),
        ("in = 1", "in", Some("`in`")),
        ("exists = 1", "exists", Some("`exists`")),
        ("= 1", "=", None),
        ("a > 1 < 5", "<", None),
        ("exists (a = 1)", "=", None),
    ] {
        let error = error(source);
        assert_eq!(
            (&source[error.span.clone()], error.suggestion.as_deref()),
            (marked, suggestion),
            "{source}"
        );
        assert!(!error.to_string().contains('\n'));
    }
}

/// What most suggestions promise: written in the span's place they make a filter.
#[test]
fn suggestions_are_filters() {
    for source in [
        "a => 1",
        "a IS NOT null",
        "a = 1 b = 2",
        "a = red wine",
        "a > 250 ms",
        "a = it's",
        "a ~ (x|y)",
        "a = \"\\d\"",
        "a",
    ] {
        let error = error(source);
        let mut corrected = source.to_owned();
        corrected.replace_range(error.span, &error.suggestion.unwrap());
        Filter::parse(&corrected).unwrap_or_else(|error| panic!("{}", error.render(&corrected)));
    }
}

#[test]
fn renderings() {
    for (source, expected) in [
        (
            "type = request* and duration > 250msec",
            "type = request* and duration > 250msec\n\
             \x20                              ^^^^^^^\n\
             `msec` is no unit; times: ns us ms s m h d, sizes: B KB MB GB TB KiB MiB GiB TiB\n\
             did you mean `250ms`?",
        ),
        (
            "user = Zoë\n\tand naïve => 5\nand b = 1",
            "\tand naïve => 5\n\
             \t          ^^\n\
             `=>` is no operator\n\
             did you mean `>=`?",
        ),
        ("a =\n", "a =\n\x20  ^\n`=` needs a value on its right"),
        ("", "\n^\nthe filter is empty; write for example type = request* and duration > 250ms"),
        (
            "a = \x1b[2J b",
            "a = \u{fffd}[2J b\n\x20   ^^^^^^\n`and` or `or` is missing, or text with spaces stands in quotes\ndid you mean `\"\u{fffd}[2J b\"`?",
        ),
        ("a = 'é", "a = 'é\n\x20   ^^\nthis quote is not closed; ' is missing\ndid you mean `'é'`?"),
        ("a ~ '('", "a ~ '('\n\x20   ^^^\nthis is no regular expression: unclosed group"),
    ] {
        assert_eq!(error(source).render(source), expected);
    }
}

#[test]
fn a_long_line_is_cut_around_the_error() {
    let source = format!("{}a => 1 and {}", "b = 1 and ".repeat(100), "b = 1 and ".repeat(100));
    let rendered = error(&source).render(&source);
    let lines: Vec<&str> = rendered.lines().collect();
    assert!(lines[0].chars().count() <= 161);
    assert_eq!(lines[0].chars().skip(lines[1].find('^').unwrap()).take(2).collect::<String>(), "=>");
}

#[test]
fn limits() {
    let long = format!("a = {}", "x".repeat(MAX_FILTER_BYTES));
    assert!(error(&long).message.contains("at most 16384"));
    assert!(Filter::parse(&long[..MAX_FILTER_BYTES]).is_ok());
    let nested = |levels: usize| format!("{}a = 1{}", "(".repeat(levels), ")".repeat(levels));
    assert!(Filter::parse(&nested(MAX_FILTER_DEPTH)).is_ok());
    assert_eq!(error(&nested(MAX_FILTER_DEPTH + 1)).span, MAX_FILTER_DEPTH..MAX_FILTER_DEPTH + 1);
    assert!(Filter::parse(&format!("{}a = 1", "not ".repeat(MAX_FILTER_DEPTH))).is_ok());
    error(&format!("{}a = 1", "!".repeat(8000)));
    error(&"(".repeat(8000));
    error(&format!("a = x{}", "(".repeat(8000)));
    assert!(error("a ~ '((x{100}){100}){100}'").message.contains("takes more than 1024 KiB"));
    assert!(
        error("a ~ '(?u)\\w{500}' and a ~ b and a ~ c and a ~ d").message.contains("takes more than 256 KiB")
    );
}
