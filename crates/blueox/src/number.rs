//! What a counter counts in.

use crate::msgpack;
use blueox_event::msgpack::{RawValue, Token};

/// A number to be added: an integer as long as all parts are integers and the sum fits, else a float.
///
/// ```
/// # let events = blueox::testing::capture();
/// # let context = blueox::context("x");
/// blueox::add("rows", 3);
/// blueox::add("rows", 4u64);
/// blueox::add("cost", 0.5);
/// # drop(context);
/// # assert_eq!(events.all()[0].json("body"), r#"{"rows":7,"cost":0.5}"#);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number(Kind);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Integer(i128),
    Float(f64),
}

macro_rules! from {
    ($kind:ident($wide:ty): $($number:ty)*) => {$(
        impl From<$number> for Number {
            fn from(n: $number) -> Self {
                Self(Kind::$kind(n as $wide))
            }
        }
    )*};
}
from!(Integer(i128): u8 u16 u32 u64 usize i8 i16 i32 i64 isize);
from!(Float(f64): f32 f64);

impl Number {
    /// The number that is encoded as `value`, if it is one.
    pub(crate) fn decode(value: RawValue<'_>) -> Option<Self> {
        Some(Self(match value.token() {
            Token::UInt(n) => Kind::Integer(n.into()),
            Token::Int(n) => Kind::Integer(n.into()),
            Token::F32(n) => Kind::Float(n.into()),
            Token::F64(n) => Kind::Float(n),
            _ => return None,
        }))
    }

    /// Both added.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(match (self.0, other.0) {
            (Kind::Integer(a), Kind::Integer(b)) => Kind::Integer(a + b), // two 64-bit numbers fit
            _ => Kind::Float(self.as_f64() + other.as_f64()),
        })
    }

    fn as_f64(self) -> f64 {
        match self.0 {
            Kind::Integer(n) => n as f64,
            Kind::Float(n) => n,
        }
    }

    /// Appends it as MsgPack.
    pub(crate) fn encode(self, out: &mut Vec<u8>) {
        match self.0 {
            Kind::Integer(n) => match (u64::try_from(n), i64::try_from(n)) {
                (Ok(n), _) => msgpack::put_uint(out, n),
                (_, Ok(n)) => msgpack::put_int(out, n),
                _ => msgpack::put_float(out, n as f64),
            },
            Kind::Float(n) => msgpack::put_float(out, n),
        }
    }
}
