//! Numbers of few bytes: LEB128, seven bits a byte, the lowest first; differences zigzag.

pub(super) fn put(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// How far `number` is from where it is expected.
pub(super) fn put_difference(out: &mut Vec<u8>, number: u64, expected: u64) {
    let difference = number.wrapping_sub(expected).cast_signed();
    put(out, ((difference << 1) ^ (difference >> 63)).cast_unsigned());
}

/// `None` when the bytes end early or hold more than 64 bits.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if bits << shift >> shift != bits {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

pub(super) fn take_difference(bytes: &mut &[u8], expected: u64) -> Option<u64> {
    let zigzag = take(bytes)?;
    let difference = (zigzag >> 1) ^ (zigzag & 1).wrapping_neg();
    Some(expected.wrapping_add(difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn numbers_come_back(number: u64, expected: u64) {
            let mut bytes = Vec::new();
            put(&mut bytes, number);
            put_difference(&mut bytes, number, expected);
            let mut rest = &bytes[..];
            proptest::prop_assert_eq!(take(&mut rest), Some(number));
            proptest::prop_assert_eq!(take_difference(&mut rest, expected), Some(number));
            proptest::prop_assert_eq!(rest, b"");
        }
    }

    #[test]
    fn too_long_is_no_number() {
        assert_eq!(take(&mut &[0xff; 10][..]), None);
        assert_eq!(take(&mut &[0x80; 12][..]), None);
        assert_eq!(take(&mut &[][..]), None);
    }
}
