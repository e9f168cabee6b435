//! Values as they are written in a filter, read once.

use super::error::{FilterError, shown_word};
use super::lexer::Operand;
use super::number::{Number, Reading, Unit, with_digits};
use super::{hint, instant};
use crate::msgpack::Token;
use crate::type_name::glob_matches;
use std::cmp::Ordering;
use std::ops::Range;

/// What a path asks of the values beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quantity {
    /// Nothing: it may lead to anything.
    Any,
    /// A number of seconds: `duration`.
    Seconds,
    /// Seconds since the epoch: `start` and `end`.
    Instant,
}

/// A value that others can equal, by any of its readings.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Literal {
    text: TextPattern,
    number: Option<Number>,
    constant: Option<Constant>,
}

/// A value that others can be ordered by.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bound {
    Number(Number),
    Text(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Constant {
    Nil,
    Bool(bool),
}

impl Literal {
    /// Reads the right side of `=`, `!=` and `in`.
    pub(super) fn read(operand: &Operand<'_>, quantity: Quantity) -> Result<Self, FilterError> {
        let word = operand.text;
        if quantity == Quantity::Any && operand.is_quoted {
            return Ok(Self { text: TextPattern::exact(unescape(operand)?), number: None, constant: None });
        }
        let constant = if operand.is_quoted { None } else { constant(word) };
        let number = match (quantity, constant) {
            (_, Some(_)) => None,
            (Quantity::Any, None) => Reading::of(word).number(),
            (Quantity::Seconds, None) => Some(read_seconds(operand)?),
            (Quantity::Instant, None) => Some(read_instant(operand)?),
        };
        Ok(Self { text: TextPattern::glob(word.as_bytes().to_vec()), number, constant })
    }

    /// Whether a scalar of an event equals it.
    #[inline]
    pub(super) fn equals(&self, value: Token<'_>) -> bool {
        match value {
            Token::Str(text) | Token::Bin(text) => self.text.matches(text),
            Token::UInt(_) | Token::Int(_) | Token::F32(_) | Token::F64(_) => {
                self.number.is_some_and(|number| number.order(value) == Some(Ordering::Equal))
                    || (self.text.is_glob() && with_digits(value, |digits| self.text.matches(digits)))
            }
            Token::Bool(b) => self.constant == Some(Constant::Bool(b)),
            Token::Nil => self.constant == Some(Constant::Nil),
            Token::Ext(..) | Token::Array(_) | Token::Map(_) => false,
        }
    }

    /// The pattern that text must match to equal it. As a glob it may match more.
    pub(super) fn pattern(&self) -> &[u8] {
        &self.text.bytes
    }
}

impl Bound {
    /// Reads the right side of `<`, `<=`, `>` and `>=`.
    pub(super) fn read(operand: &Operand<'_>, quantity: Quantity) -> Result<Self, FilterError> {
        match quantity {
            Quantity::Any => Self::read_any(operand),
            Quantity::Seconds => read_seconds(operand).map(Self::Number),
            Quantity::Instant => read_instant(operand).map(Self::Number),
        }
    }

    fn read_any(operand: &Operand<'_>) -> Result<Self, FilterError> {
        if operand.is_quoted {
            return unescape(operand).map(Self::Text);
        }
        let word = operand.text;
        let error = |message: String| Err(FilterError::new(operand.span.clone(), message));
        if constant(word).is_some() {
            return error(format!("{} has no order; it goes with `=` and `!=`", shown_word(word)));
        }
        match Reading::of(word) {
            Reading::Number(number, _) => Ok(Self::Number(number)),
            Reading::TooLarge => error(format!("the number {} is too large", shown_word(word))),
            Reading::UnknownUnit { at } => Err(unknown_unit(operand, at)),
            Reading::Text if word.contains(['*', '?']) => {
                let message = "patterns go with `=`, `!=` and `in`; to order by this text put it in quotes";
                Err(FilterError::new(operand.span.clone(), message).suggest(hint::quoted(word)))
            }
            Reading::Text => Ok(Self::Text(word.as_bytes().to_vec())),
        }
    }

    /// How a scalar of an event stands to it, if they are of one kind.
    #[inline]
    pub(super) fn order(&self, value: Token<'_>) -> Option<Ordering> {
        match (self, value) {
            (Self::Number(number), _) => number.order(value),
            (Self::Text(bound), Token::Str(text) | Token::Bin(text)) => Some(text.cmp(bound)),
            (Self::Text(_), _) => None,
        }
    }
}

/// Text, or a pattern of text, with the common patterns told apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TextPattern {
    bytes: Vec<u8>,
    shape: Shape,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Exact,
    /// `x*`
    Prefix,
    /// `*x`
    Suffix,
    Glob,
}

impl TextPattern {
    fn exact(bytes: Vec<u8>) -> Self {
        Self { bytes, shape: Shape::Exact }
    }

    fn glob(bytes: Vec<u8>) -> Self {
        let is_plain = |bytes: &[u8]| !bytes.iter().any(|byte| matches!(byte, b'*' | b'?'));
        let shape = match &bytes[..] {
            text if is_plain(text) => Shape::Exact,
            [text @ .., b'*'] if is_plain(text) => Shape::Prefix,
            [b'*', text @ ..] if is_plain(text) => Shape::Suffix,
            _ => Shape::Glob,
        };
        Self { bytes, shape }
    }

    fn is_glob(&self) -> bool {
        self.shape != Shape::Exact
    }

    #[inline]
    fn matches(&self, text: &[u8]) -> bool {
        match self.shape {
            Shape::Exact => text == self.bytes,
            Shape::Prefix => text.starts_with(&self.bytes[..self.bytes.len() - 1]),
            Shape::Suffix => text.ends_with(&self.bytes[1..]),
            Shape::Glob => glob_matches(&self.bytes, text),
        }
    }
}

fn constant(word: &str) -> Option<Constant> {
    [
        ("true", Constant::Bool(true)),
        ("false", Constant::Bool(false)),
        ("null", Constant::Nil),
        ("nil", Constant::Nil),
    ]
    .into_iter()
    .find(|(name, _)| word.eq_ignore_ascii_case(name))
    .map(|(_, constant)| constant)
}

fn read_seconds(operand: &Operand<'_>) -> Result<Number, FilterError> {
    let word = operand.text;
    let reading = Reading::of(word);
    let message = match reading {
        Reading::Number(_, Unit::Bytes(_)) => format!("{} is a size; `duration` is a time", shown_word(word)),
        Reading::Number(number, _) if !operand.is_quoted => return Ok(number),
        Reading::UnknownUnit { at } if !operand.is_quoted => return Err(unknown_unit(operand, at)),
        _ => "`duration` is a number of seconds; write 250ms, 1.5s or 0.25".to_owned(),
    };
    let is_only_quoted =
        operand.is_quoted && matches!(reading, Reading::Number(_, unit) if !matches!(unit, Unit::Bytes(_)));
    let bare = is_only_quoted.then(|| word.to_owned());
    Err(FilterError::new(operand.span.clone(), message).suggest(bare))
}

fn read_instant(operand: &Operand<'_>) -> Result<Number, FilterError> {
    if let Some(seconds) = instant::parse(operand.text) {
        return Ok(Number::Float(seconds));
    }
    let message = match Reading::of(operand.text) {
        Reading::Number(number, Unit::None) if !operand.is_quoted => return Ok(number),
        Reading::Number(..) | Reading::UnknownUnit { .. } if !operand.is_quoted => {
            "a filter has no clock: compare with an instant such as 2012-03-13T12:00Z (or use --since)"
        }
        _ => {
            "this is no time; write 2012-03-13, \"2012-03-13 12:00\", 2012-03-13T12:00:00Z or seconds since the epoch"
        }
    };
    Err(FilterError::new(operand.span.clone(), message))
}

fn unknown_unit(operand: &Operand<'_>, at: usize) -> FilterError {
    let (digits, name) = operand.text.split_at(at);
    let message = format!(
        "{} is no unit; times: ns us ms s m h d, sizes: B KB MB GB TB KiB MiB GiB TiB",
        shown_word(name)
    );
    let meant = hint::for_unit(name).map(|unit| format!("{digits}{unit}"));
    FilterError::new(operand.span.clone(), message).suggest(meant)
}

/// The bytes that text in quotes stands for.
fn unescape(operand: &Operand<'_>) -> Result<Vec<u8>, FilterError> {
    let text = operand.text;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let length = match escape.as_bytes().get(1) {
            Some(b'n') => push(&mut bytes, b'\n'),
            Some(b'r') => push(&mut bytes, b'\r'),
            Some(b't') => push(&mut bytes, b'\t'),
            Some(sign @ (b'\\' | b'"' | b'\'')) => push(&mut bytes, *sign),
            Some(b'x') => {
                match escape.get(2..4).filter(|hex| hex.bytes().all(|digit| digit.is_ascii_hexdigit())) {
                    Some(hex) => push(&mut bytes, u8::from_str_radix(hex, 16).unwrap_or_default()) + 2,
                    None => 0,
                }
            }
            _ => 0,
        };
        if length == 0 {
            // Behind the opening quote.
            let start = operand.span.start + 1 + text.len() - rest.len() + at;
            return Err(unknown_escape(start, escape));
        }
        rest = &escape[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

/// Appends what an escape of two characters stands for; gives its length.
fn push(bytes: &mut Vec<u8>, byte: u8) -> usize {
    bytes.push(byte);
    2
}

fn unknown_escape(start: usize, escape: &str) -> FilterError {
    let length = escape.chars().take(2).map(char::len_utf8).sum();
    let span: Range<usize> = start..start + length;
    let message = "in quotes a backslash stands before \" ' \\ n r t or xNN (two hex digits)";
    FilterError::new(span, message).suggest(format!("\\{}", &escape[..length]))
}
