//! MsgPack values, one after another.

use crate::json_output::check_json;
use blueox_event::Value;
use blueox_event::msgpack::{MsgpackError, RawValue, Reader};

/// So many values of one input are looked into; more would only cost time.
const MAX_VALUES: usize = 64;

/// The bounded reader, values and their JSON.
pub fn msgpack(bytes: &[u8]) {
    check_tokens(bytes);
    let mut reader = Reader::new(bytes);
    for _ in 0..MAX_VALUES {
        let start = reader.position();
        match reader.value(0) {
            Ok(value) => {
                assert!(start < reader.position() && reader.position() <= bytes.len());
                assert_eq!(value.bytes(), &bytes[start..reader.position()]);
                check_value(value);
            }
            Err(error) => {
                assert_eq!(reader.position(), start, "a failed read moves nothing");
                check_error(error, start, bytes);
                return;
            }
        }
    }
}

/// Token by token, every byte belongs to one.
fn check_tokens(bytes: &[u8]) {
    let mut reader = Reader::new(bytes);
    loop {
        let start = reader.position();
        match reader.token() {
            Ok(_) => assert!(start < reader.position() && reader.position() <= bytes.len()),
            Err(error) => {
                assert_eq!(reader.position(), start, "a failed read moves nothing");
                assert!(!matches!(error, MsgpackError::TooDeep { .. }), "a token has no depth");
                return check_error(error, start, bytes);
            }
        }
    }
}

fn check_error(error: MsgpackError, start: usize, bytes: &[u8]) {
    match error {
        MsgpackError::Incomplete => {}
        MsgpackError::Reserved { offset } => {
            assert!(offset >= start);
            assert_eq!(bytes.get(offset), Some(&0xc1));
        }
        MsgpackError::TooDeep { offset } => assert!((start..=bytes.len()).contains(&offset)),
    }
}

fn check_value(value: RawValue<'_>) {
    let bytes = value.bytes();
    assert_eq!(RawValue::parse(bytes), Ok(Some(value)));
    for end in cuts(bytes.len()) {
        assert_eq!(RawValue::parse(&bytes[..end]), Err(MsgpackError::Incomplete), "cut at {end}");
    }

    let encoded = Value::from_raw(value).to_msgpack();
    assert!(encoded.len() <= bytes.len(), "the shortest form is longer than another");
    let again = RawValue::parse(&encoded).expect("our own MsgPack").expect("one value");
    assert_eq!(Value::from_raw(again).to_msgpack(), encoded);
    check_json(value);
}

/// All places where a short value can be cut, some of a long one.
fn cuts(length: usize) -> impl Iterator<Item = usize> {
    (0..length).step_by(1 + length / 32).chain(length.checked_sub(1))
}
