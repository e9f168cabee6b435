//! Numbers as they are written in a filter, with their units, and how numbers of events stand to them.

use crate::msgpack::Token;
use std::cmp::Ordering;
use std::io::Write;

/// A number as exact as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// Below [`MAX_INTEGER`], beyond all that an event can hold: such a literal is not rounded into one that it can.
    Integer(i128),
    /// Finite.
    Float(f64),
}

const MAX_INTEGER: u128 = 1 << 100;

impl Number {
    /// How a number of an event stands to it. `None` for NaN and for what is no number.
    #[inline]
    pub(super) fn order(self, value: Token<'_>) -> Option<Ordering> {
        match (value, self) {
            (Token::UInt(value), Self::Integer(n)) => Some(i128::from(value).cmp(&n)),
            (Token::Int(value), Self::Integer(n)) => Some(i128::from(value).cmp(&n)),
            (Token::UInt(value), Self::Float(n)) => order_mixed(i128::from(value), n),
            (Token::Int(value), Self::Float(n)) => order_mixed(i128::from(value), n),
            (Token::F32(value), Self::Float(n)) if (n as f32).is_finite() => value.partial_cmp(&(n as f32)),
            (Token::F32(value), _) => self.order(Token::F64(f64::from(value))),
            (Token::F64(value), Self::Float(n)) => value.partial_cmp(&n),
            (Token::F64(value), Self::Integer(n)) => order_mixed(n, value).map(Ordering::reverse),
            _ => None,
        }
    }
}

/// How an integer below [`MAX_INTEGER`] stands to a float, exactly.
fn order_mixed(integer: i128, float: f64) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    // The cast saturates, and what saturates lies beyond every such integer. Equal to its whole part, the integer
    // stands to the float as 0 does to the fraction.
    let whole = float.trunc() as i128;
    Some(integer.cmp(&whole).then_with(|| 0.0.partial_cmp(&float.fract()).unwrap_or(Ordering::Equal)))
}

/// What a unit measures, with its factor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Unit {
    None,
    /// So many seconds.
    Seconds(u64),
    /// So many seconds, as a power of ten.
    SecondsPower(i32),
    /// So many bytes.
    Bytes(u64),
}

impl Unit {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "" => Self::None,
            "ns" => Self::SecondsPower(-9),
            // Both the micro sign and the Greek letter.
            "us" | "\u{b5}s" | "\u{3bc}s" => Self::SecondsPower(-6),
            "ms" => Self::SecondsPower(-3),
            "s" => Self::Seconds(1),
            "m" => Self::Seconds(60),
            "h" => Self::Seconds(3600),
            "d" => Self::Seconds(86_400),
            _ => match name.to_ascii_uppercase().as_str() {
                "B" => Self::Bytes(1),
                "KB" => Self::Bytes(1000),
                "MB" => Self::Bytes(1000 * 1000),
                "GB" => Self::Bytes(1000 * 1000 * 1000),
                "TB" => Self::Bytes(1000 * 1000 * 1000 * 1000),
                "KIB" => Self::Bytes(1 << 10),
                "MIB" => Self::Bytes(1 << 20),
                "GIB" => Self::Bytes(1 << 30),
                "TIB" => Self::Bytes(1 << 40),
                _ => return None,
            },
        })
    }
}

/// A bare word as a number, if it is one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reading {
    Number(Number, Unit),
    /// A number beyond all floats.
    TooLarge,
    /// A number and, from `at` on, letters that are no unit.
    UnknownUnit {
        at: usize,
    },
    Text,
}

impl Reading {
    pub(super) fn of(word: &str) -> Self {
        let Some((digits_end, is_integer)) = number_length(word) else { return Self::Text };
        let (digits, name) = word.split_at(digits_end);
        let Some(unit) = Unit::parse(name) else {
            let is_name = name.chars().all(char::is_alphabetic);
            return if is_name { Self::UnknownUnit { at: digits_end } } else { Self::Text };
        };
        let factor = match unit {
            Unit::Seconds(factor) | Unit::Bytes(factor) => factor,
            Unit::None | Unit::SecondsPower(_) => 1,
        };
        if is_integer && !matches!(unit, Unit::SecondsPower(_)) {
            let integer = digits.parse::<i128>().ok().and_then(|n| n.checked_mul(i128::from(factor)));
            if let Some(n) = integer.filter(|n| n.unsigned_abs() < MAX_INTEGER) {
                return Self::Number(Number::Integer(n), unit);
            }
        }
        let float = match unit {
            // Written as one decimal, 250ms is the float nearest to 0.25, not a product that was rounded twice.
            Unit::SecondsPower(power) if !digits.contains(['e', 'E']) => format!("{digits}e{power}").parse(),
            Unit::SecondsPower(power) => digits.parse::<f64>().map(|n| n * 10f64.powi(power)),
            _ => digits.parse::<f64>().map(|n| n * factor as f64),
        };
        match float {
            Ok(n) if n.is_finite() => Self::Number(Number::Float(n), unit),
            _ => Self::TooLarge,
        }
    }

    pub(super) fn number(self) -> Option<Number> {
        match self {
            Self::Number(number, _) => Some(number),
            _ => None,
        }
    }
}

/// How long the number at the beginning of `word` is, and whether it is a plain integer.
fn number_length(word: &str) -> Option<(usize, bool)> {
    let bytes = word.as_bytes();
    let digits = |from: usize| bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = usize::from(matches!(bytes.first(), Some(b'-' | b'+')));
    let whole = digits(end);
    end += whole;
    let mut is_integer = true;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
        is_integer = false;
    } else if whole == 0 {
        return None;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let exponent = if end + 1 + sign <= bytes.len() { digits(end + 1 + sign) } else { 0 };
        if exponent > 0 {
            end += 1 + sign + exponent;
            is_integer = false;
        }
    }
    Some((end, is_integer))
}

/// Whether `word` is a number with or without a unit.
pub(super) fn is_number(word: &str) -> bool {
    matches!(Reading::of(word), Reading::Number(..))
}

/// Whether `word` is a unit.
pub(super) fn is_unit(word: &str) -> bool {
    !word.is_empty() && Unit::parse(word).is_some()
}

/// Whether `accepts` holds for the digits of an integer; false for other values.
pub(super) fn with_digits(value: Token<'_>, accepts: impl FnOnce(&[u8]) -> bool) -> bool {
    // As long as the longest, -9223372036854775808 and 18446744073709551615.
    let mut digits = [0; 20];
    let mut free = &mut digits[..];
    let written = match value {
        Token::UInt(n) => write!(free, "{n}"),
        Token::Int(n) => write!(free, "{n}"),
        _ => return false,
    };
    let free = free.len();
    written.is_ok() && accepts(&digits[..20 - free])
}
