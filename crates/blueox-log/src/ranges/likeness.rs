//! A number that two events share when they hold the same values, however wide these are written and in whatever order the
//! keys of their maps stand: a sealed file gives back the values, not the bytes.

use blueox_event::msgpack::{RawValue, Token};

/// What stands for an event. Different ones share it as seldom as 64 bits allow.
pub(super) fn likeness(value: RawValue<'_>) -> u64 {
    let scalar = |kind: u64, bits: u64| mix(mix(kind) ^ bits);
    match value.token() {
        Token::Nil => scalar(1, 0),
        Token::Bool(bool) => scalar(2, u64::from(bool)),
        Token::UInt(number) => scalar(3, number),
        Token::Int(number) => scalar(if number < 0 { 4 } else { 3 }, number.cast_unsigned()),
        Token::F32(number) => scalar(5, u64::from(number.to_bits())),
        Token::F64(number) => scalar(6, number.to_bits()),
        Token::Str(text) => scalar(7, of_bytes(text)),
        Token::Bin(bytes) => scalar(8, of_bytes(bytes)),
        Token::Ext(code, bytes) => scalar(9, mix(u64::from(code.cast_unsigned())) ^ of_bytes(bytes)),
        // As deep as an event may be.
        Token::Array(_) => {
            let items = value.items().into_iter().flatten().map(likeness);
            items.fold(mix(10), |all, item| mix(all ^ item))
        }
        Token::Map(_) => {
            let pairs = value.pairs().into_iter().flatten();
            let pairs = pairs.map(|(key, value)| mix(mix(likeness(key)) ^ likeness(value)));
            scalar(11, pairs.fold(0, u64::wrapping_add))
        }
    }
}

fn of_bytes(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(mix(bytes.len() as u64), |all, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        mix(all ^ u64::from_le_bytes(word))
    })
}

/// Source: S. Vigna, splitmix64.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;

    fn of(value: &Value) -> u64 {
        likeness(RawValue::parse(&value.to_msgpack()).unwrap().unwrap())
    }

    #[test]
    fn order_and_width_do_not_matter_and_all_else_does() {
        let (a, b) = (("a", Value::from(1)), ("b", Value::from(1.5)));
        let one = Value::map([a.clone(), b.clone()]);
        assert_eq!(of(&one), of(&Value::map([b.clone(), a.clone()])));
        // 1 in 64 bits.
        let wide =
            [&[0x82, 0xa1, b'a', 0xcf, 0, 0, 0, 0, 0, 0, 0, 1, 0xa1, b'b', 0xcb][..], &1.5f64.to_be_bytes()]
                .concat();
        assert_eq!(of(&one), likeness(RawValue::parse(&wide).unwrap().unwrap()));
        let others = [
            Value::map([a.clone()]),
            Value::map([("a", Value::from(1.5)), ("b", Value::from(1))]),
            Value::map([("a", Value::from(1.0)), b.clone()]),
            Value::map([("a", Value::from("1")), b.clone()]),
            Value::map([("a", Value::Bin(b"1".to_vec())), b.clone()]),
            Value::map([a.clone(), b.clone(), a.clone()]),
            Value::map([("a", Value::from(-1)), b]),
            Value::Array(vec![one.clone()]),
            Value::Array(vec![one.clone(), one.clone()]),
        ];
        let mut seen: Vec<u64> = others.iter().chain([&one]).map(of).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), others.len() + 1);
    }
}
