//! MsgPack, written straight into memory. (`rmp` writes through `std::io::Write`, which costs several times as much for a small value.)
//! Source: the MessagePack specification, 2013 edition; what is written here is read back by `blueox_event`'s reader in the tests.

/// nil
pub(crate) const NIL: u8 = 0xc0;

#[inline]
pub(crate) fn put_bool(out: &mut Vec<u8>, value: bool) {
    out.push(0xc2 | u8::from(value));
}

#[inline]
pub(crate) fn put_uint(out: &mut Vec<u8>, n: u64) {
    if n < 0x80 {
        out.push(n as u8);
    } else if n <= 0xff {
        out.extend_from_slice(&[0xcc, n as u8]);
    } else if n <= 0xffff {
        put_marked(out, 0xcd, (n as u16).to_be_bytes());
    } else if n <= 0xffff_ffff {
        put_marked(out, 0xce, (n as u32).to_be_bytes());
    } else {
        put_marked(out, 0xcf, n.to_be_bytes());
    }
}

#[inline]
pub(crate) fn put_int(out: &mut Vec<u8>, n: i64) {
    if n >= 0 {
        put_uint(out, n.cast_unsigned());
    } else if n >= -32 {
        out.push(n as u8);
    } else if n >= i64::from(i8::MIN) {
        out.extend_from_slice(&[0xd0, n as u8]);
    } else if n >= i64::from(i16::MIN) {
        put_marked(out, 0xd1, (n as i16).to_be_bytes());
    } else if n >= i64::from(i32::MIN) {
        put_marked(out, 0xd2, (n as i32).to_be_bytes());
    } else {
        put_marked(out, 0xd3, n.to_be_bytes());
    }
}

#[inline]
pub(crate) fn put_float(out: &mut Vec<u8>, n: f64) {
    put_marked(out, 0xcb, n.to_be_bytes());
}

/// Text, or bytes that an old encoder would call text. Shorter than 4 GiB.
#[inline]
pub(crate) fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    put_text_length(out, text.len());
    out.extend_from_slice(text);
}

/// The header of a text of so many bytes.
#[inline]
pub(crate) fn put_text_length(out: &mut Vec<u8>, length: usize) {
    if length < 32 {
        out.push(0xa0 | length as u8);
    } else {
        put_long_text_length(out, length);
    }
}

fn put_long_text_length(out: &mut Vec<u8>, length: usize) {
    if length <= 0xff {
        out.extend_from_slice(&[0xd9, length as u8]);
    } else if length <= 0xffff {
        put_marked(out, 0xda, (length as u16).to_be_bytes());
    } else {
        put_marked(out, 0xdb, (length as u32).to_be_bytes());
    }
}

/// The `bin` family. Shorter than 4 GiB.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() <= 0xff {
        out.extend_from_slice(&[0xc4, bytes.len() as u8]);
    } else if bytes.len() <= 0xffff {
        put_marked(out, 0xc5, (bytes.len() as u16).to_be_bytes());
    } else {
        put_marked(out, 0xc6, (bytes.len() as u32).to_be_bytes());
    }
    out.extend_from_slice(bytes);
}

/// The header of a list of so many items.
#[inline]
pub(crate) fn put_list(out: &mut Vec<u8>, items: u32) {
    put_container(out, items, 0x90, 0xdc);
}

/// The header of a map of so many pairs.
#[inline]
pub(crate) fn put_map(out: &mut Vec<u8>, pairs: u32) {
    put_container(out, pairs, 0x80, 0xde);
}

#[inline]
fn put_container(out: &mut Vec<u8>, count: u32, small: u8, marker: u8) {
    if count < 16 {
        out.push(small | count as u8);
    } else if count <= 0xffff {
        put_marked(out, marker, (count as u16).to_be_bytes());
    } else {
        put_marked(out, marker + 1, count.to_be_bytes());
    }
}

#[inline]
fn put_marked<const N: usize>(out: &mut Vec<u8>, marker: u8, content: [u8; N]) {
    out.push(marker);
    out.extend_from_slice(&content);
}

#[cfg(test)]
mod tests {
    use super::*;
    use blueox_event::Value;

    fn read(write: impl FnOnce(&mut Vec<u8>)) -> (Value, Vec<u8>) {
        let mut out = Vec::new();
        write(&mut out);
        (Value::from_msgpack(&out).unwrap(), out)
    }

    /// Every width, at both of its ends: as the format's own encoder writes it.
    #[test]
    fn what_is_written_is_read_back_in_its_shortest_form() {
        for shift in 0..64 {
            for n in [(1u64 << shift) - 1, 1 << shift, (1 << shift) + 1] {
                let (value, bytes) = read(|out| put_uint(out, n));
                assert_eq!((value, bytes), (Value::from(n), Value::from(n).to_msgpack()));
                let n = (n.cast_signed()).wrapping_neg();
                let (value, bytes) = read(|out| put_int(out, n));
                assert_eq!((value, bytes), (Value::from(n), Value::from(n).to_msgpack()));
            }
        }
        for length in [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536] {
            let content = vec![b'x'; length];
            let text = Value::Str(content.clone());
            assert_eq!(read(|out| put_text(out, &content)), (text.clone(), text.to_msgpack()));
            let bin = Value::Bin(content.clone());
            assert_eq!(read(|out| put_bytes(out, &content)), (bin.clone(), bin.to_msgpack()));
            let list = Value::Array(vec![Value::Nil; length]);
            let written = read(|out| {
                put_list(out, length as u32);
                out.extend(std::iter::repeat_n(NIL, length));
            });
            assert_eq!(written, (list.clone(), list.to_msgpack()));
            let map = Value::Map(vec![(Value::Nil, Value::Bool(true)); length]);
            let written = read(|out| {
                put_map(out, length as u32);
                for _ in 0..length {
                    out.push(NIL);
                    put_bool(out, true);
                }
            });
            assert_eq!(written, (map.clone(), map.to_msgpack()));
        }
        assert_eq!(read(|out| put_float(out, -0.5)).1, Value::from(-0.5).to_msgpack());
    }
}
