//! A decoded value.

use crate::msgpack::{MsgpackError, RawValue, Reader, Token};
use rmp::encode::{self, ValueWriteError};

/// A value of an event, decoded. Maps keep their order and may have keys of any kind, as MsgPack has it.
///
/// ```
/// use blueox_event::Value;
/// let body = Value::map([("status", Value::from(500)), ("path", Value::from("/cart"))]);
/// assert_eq!(Value::from_msgpack(&body.to_msgpack()).unwrap(), body);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// nil
    Nil,
    /// true or false
    Bool(bool),
    /// An integer that is not negative.
    UInt(u64),
    /// An integer that is negative.
    Int(i64),
    /// A 32-bit float.
    F32(f32),
    /// A 64-bit float.
    F64(f64),
    /// The `str` family; bytes that are not UTF-8 are kept as they are.
    Str(Vec<u8>),
    /// The `bin` family.
    Bin(Vec<u8>),
    /// An extension: its code and its content.
    Ext(i8, Vec<u8>),
    /// A list.
    Array(Vec<Value>),
    /// Pairs, in order.
    Map(Vec<(Value, Value)>),
}

impl Value {
    /// A map with text keys.
    pub fn map<K: Into<String>>(pairs: impl IntoIterator<Item = (K, Value)>) -> Self {
        Self::Map(pairs.into_iter().map(|(key, value)| (Self::Str(key.into().into_bytes()), value)).collect())
    }

    /// Decodes the value at the beginning of `bytes`.
    ///
    /// # Errors
    /// As [`Reader::value`]. Bytes after the value are not looked at.
    pub fn from_msgpack(bytes: &[u8]) -> Result<Self, MsgpackError> {
        Ok(Self::from_raw(Reader::new(bytes).value(0)?))
    }

    /// Decodes a walked value. Recursion is bounded by [`crate::limits::MAX_DEPTH`].
    #[must_use]
    pub fn from_raw(raw: RawValue<'_>) -> Self {
        Self::from_next(&mut Reader::new(raw.bytes()))
    }

    fn from_next(reader: &mut Reader<'_>) -> Self {
        match reader.token().expect("BUG: a raw value was walked before") {
            Token::Nil => Self::Nil,
            Token::Bool(b) => Self::Bool(b),
            Token::UInt(n) => Self::UInt(n),
            Token::Int(n) => Self::Int(n),
            Token::F32(n) => Self::F32(n),
            Token::F64(n) => Self::F64(n),
            Token::Str(text) => Self::Str(text.to_vec()),
            Token::Bin(content) => Self::Bin(content.to_vec()),
            Token::Ext(code, content) => Self::Ext(code, content.to_vec()),
            Token::Array(items) => Self::Array((0..items).map(|_| Self::from_next(reader)).collect()),
            Token::Map(pairs) => {
                Self::Map((0..pairs).map(|_| (Self::from_next(reader), Self::from_next(reader))).collect())
            }
        }
    }

    /// The value as MsgPack, each number in its shortest form.
    #[must_use]
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write_msgpack(&mut bytes);
        bytes
    }

    /// Appends the value as MsgPack.
    pub fn write_msgpack(&self, out: &mut Vec<u8>) {
        // A Vec as the sink cannot fail.
        let written: Result<(), ValueWriteError> = match self {
            Self::Nil => encode::write_nil(out).map_err(ValueWriteError::InvalidMarkerWrite),
            Self::Bool(b) => encode::write_bool(out, *b).map_err(ValueWriteError::InvalidMarkerWrite),
            Self::UInt(n) => encode::write_uint(out, *n).map(drop),
            Self::Int(n) => encode::write_sint(out, *n).map(drop),
            Self::F32(n) => encode::write_f32(out, *n),
            Self::F64(n) => encode::write_f64(out, *n),
            Self::Str(text) => {
                encode::write_str_len(out, length(text.len())).map(|_| out.extend_from_slice(text))
            }
            Self::Bin(content) => encode::write_bin(out, content),
            Self::Ext(code, content) => encode::write_ext_meta(out, length(content.len()), *code).map(|_| {
                out.extend_from_slice(content);
            }),
            Self::Array(items) => encode::write_array_len(out, length(items.len())).map(|_| {
                for item in items {
                    item.write_msgpack(out);
                }
            }),
            Self::Map(pairs) => encode::write_map_len(out, length(pairs.len())).map(|_| {
                for (key, value) in pairs {
                    key.write_msgpack(out);
                    value.write_msgpack(out);
                }
            }),
        };
        written.expect("BUG: writing to memory failed");
    }
}

fn length(n: usize) -> u32 {
    u32::try_from(n).expect("BUG: a value longer than 4 GiB was built")
}

macro_rules! from_numbers {
    ($($source:ty => $variant:ident),*) => {$(
        impl From<$source> for Value {
            fn from(n: $source) -> Self {
                Self::$variant(n.into())
            }
        }
    )*};
}
from_numbers!(u8 => UInt, u16 => UInt, u32 => UInt, u64 => UInt, f32 => F32, f64 => F64, bool => Bool);

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        u64::try_from(n).map_or(Self::Int(n), Self::UInt)
    }
}

impl From<i32> for Value {
    fn from(n: i32) -> Self {
        i64::from(n).into()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.as_bytes().to_vec())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Str(text.into_bytes())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Any value: all kinds, nested a few levels.
    pub(crate) fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::Bool),
            any::<u64>().prop_map(Value::UInt),
            (0u64..300).prop_map(Value::UInt),
            (i64::MIN..0).prop_map(Value::Int),
            (-300i64..0).prop_map(Value::Int),
            any::<f32>().prop_filter("NaN is unequal to itself", |n| !n.is_nan()).prop_map(Value::F32),
            any::<f64>().prop_filter("NaN is unequal to itself", |n| !n.is_nan()).prop_map(Value::F64),
            "\\PC{0,40}".prop_map(Value::from),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::Str),
            prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::Bin),
            (any::<i8>(), prop::collection::vec(any::<u8>(), 0..20)).prop_map(|(c, b)| Value::Ext(c, b)),
        ];
        scalar.prop_recursive(4, 40, 8, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array),
                prop::collection::vec((inner.clone(), inner), 0..8).prop_map(Value::Map),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(value in any_value()) {
            prop_assert_eq!(Value::from_msgpack(&value.to_msgpack()).unwrap(), value);
        }
    }
}
