//! Events that can be told apart and checked byte by byte.

use crate::disk::model::Random;

pub(super) const TYPES: u64 = 5;

/// The event of a number: a type, the number, some padding.
pub(super) fn event(number: u32) -> Vec<u8> {
    let mut random = Random(u64::from(number));
    let most = if random.one_in(10) { 200 } else { 60 };
    let padding = random.index(most);
    let mut bytes = b"\x83\xa4type\xa1?\xa1n\xce????\xa1p\xd9?".to_vec();
    bytes[7] = type_name(number);
    bytes[11..15].copy_from_slice(&number.to_be_bytes());
    bytes[18] = u8::try_from(padding).expect("BUG: below 200");
    bytes.resize(19 + padding, b'a' + u8::try_from(number % 26).expect("BUG: a letter"));
    bytes
}

pub(super) fn type_name(number: u32) -> u8 {
    b'a' + u8::try_from(Random(!u64::from(number)).below(TYPES)).expect("BUG: a letter")
}

/// The number and the length of the event that some bytes begin with.
pub(super) fn first(bytes: &[u8]) -> Option<(u32, usize)> {
    let number = u32::from_be_bytes(bytes.get(11..15)?.try_into().ok()?);
    let expected = event(number);
    bytes.starts_with(&expected).then_some((number, expected.len()))
}

/// The numbers of events that stand one after another, and how many bytes at the end are no whole event.
pub(super) fn numbers(mut bytes: &[u8]) -> (Vec<u32>, usize) {
    let mut found = Vec::new();
    while let Some((number, length)) = first(bytes) {
        found.push(number);
        bytes = &bytes[length..];
    }
    (found, bytes.len())
}
