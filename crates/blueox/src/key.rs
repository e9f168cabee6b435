//! Dotted keys: their parts, and how one part is told from another.

use crate::limits::KEY_PARTS;

/// The parts of a dotted key: at most [`KEY_PARTS`], the rest stays together as the last one. At least one, which may be empty.
#[derive(Debug, Clone)]
pub(crate) struct Parts<'k> {
    rest: Option<&'k [u8]>,
    left: usize,
}

/// The parts of `key`.
#[inline]
pub(crate) fn parts(key: &str) -> Parts<'_> {
    Parts { rest: Some(key.as_bytes()), left: KEY_PARTS }
}

impl Parts<'_> {
    /// Whether the part that was given last was the last one.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_none()
    }
}

impl<'k> Iterator for Parts<'k> {
    type Item = &'k [u8];

    #[inline]
    fn next(&mut self) -> Option<&'k [u8]> {
        let rest = self.rest.take()?;
        self.left -= 1;
        if self.left > 0
            && let Some(dot) = dot(rest)
        {
            self.rest = Some(&rest[dot + 1..]);
            return Some(&rest[..dot]);
        }
        Some(rest)
    }
}

/// A number for a part, made of its first bytes. Parts of the same length up to [`TOLD_BY_TAG`] are the same if their tags are.
#[inline]
pub(crate) fn tag(part: &[u8]) -> u64 {
    if let Some(first) = part.first_chunk::<8>() {
        return u64::from_le_bytes(*first);
    }
    if let (Some(first), Some(last)) = (part.first_chunk::<4>(), part.last_chunk::<4>()) {
        return u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
    }
    match part {
        [] => 0,
        [first, ..] => {
            let (middle, last) = (part[part.len() / 2], part[part.len() - 1]);
            u64::from(*first) | u64::from(middle) << 8 | u64::from(last) << 16
        }
    }
}

/// Up to this length, in bytes, a tag holds all of a part.
pub(crate) const TOLD_BY_TAG: usize = 8;

/// Where the first dot is, looked for in eight bytes at a time: most parts have none.
#[inline]
fn dot(key: &[u8]) -> Option<usize> {
    if key.len() < TOLD_BY_TAG {
        // A tag has all bytes, but not in their order.
        return (dots(tag(key)) != 0).then(|| key.iter().position(|byte| *byte == b'.')).flatten();
    }
    let first = |word: &[u8; 8]| {
        let found = dots(u64::from_le_bytes(*word));
        (found != 0).then_some(found.trailing_zeros() as usize / 8)
    };
    let (words, rest) = key.as_chunks::<8>();
    for (n, word) in words.iter().enumerate() {
        if let Some(at) = first(word) {
            return Some(8 * n + at);
        }
    }
    let end = key.last_chunk::<8>().filter(|_| !rest.is_empty())?;
    Some(key.len() - 8 + first(end)?)
}

/// Not zero if one of the bytes of `word` is a dot; the lowest bit then stands in the first one (Mycroft's test for a zero byte, 1987).
#[inline]
fn dots(word: u64) -> u64 {
    const LOW: u64 = u64::from_ne_bytes([0x01; 8]);
    let zero_at_dots = word ^ u64::from_ne_bytes([b'.'; 8]);
    zero_at_dots.wrapping_sub(LOW) & !zero_at_dots & (LOW << 7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn parts_are_what_stands_between_dots(key in "[.a]{0,80}|[.a-cé]{0,20}|\\PC{0,30}") {
            let found: Vec<&[u8]> = parts(&key).collect();
            let expected: Vec<&[u8]> = key.splitn(KEY_PARTS, '.').map(str::as_bytes).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn short_parts_are_told_apart_by_their_tags(one in "[ab]{0,8}", other in "[ab]{0,8}") {
            prop_assert_eq!((one.len(), tag(one.as_bytes())) == (other.len(), tag(other.as_bytes())), one == other);
        }
    }
}
