//! The only source of chance: ids, spans and jitter.

use crate::process::Incarnation;

/// A generator of a thread's own, xoroshiro128++ (Blackman and Vigna, "Scrambled Linear Pseudorandom Number Generators", 2019), seeded from
/// the system and seeded anew in a forked child, so that two processes never draw the same ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Random {
    state: [u64; 2],
    seeded_in: Option<Incarnation>,
}

impl Random {
    pub(crate) const fn unseeded() -> Self {
        Self { state: [1, 2], seeded_in: None }
    }

    #[inline]
    pub(crate) fn number(&mut self, incarnation: Incarnation) -> u64 {
        if self.seeded_in != Some(incarnation) {
            self.seed(incarnation);
        }
        let [s0, mut s1] = self.state;
        let result = s0.wrapping_add(s1).rotate_left(17).wrapping_add(s0);
        s1 ^= s0;
        self.state = [s0.rotate_left(49) ^ s1 ^ (s1 << 21), s1.rotate_left(28)];
        result
    }

    #[cold]
    fn seed(&mut self, incarnation: Incarnation) {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            // No source of randomness: what differs between threads and moments has to do.
            let place = std::ptr::from_ref(self).addr() as u64;
            let time = crate::clock::Moment::now().as_duration().as_nanos() as u64;
            bytes[..8].copy_from_slice(&mix(place ^ u64::from(crate::process::pid())).to_le_bytes());
            bytes[8..].copy_from_slice(&mix(time).to_le_bytes());
        }
        let (low, high) = bytes.split_at(8);
        let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("BUG: half of 16 bytes"));
        self.state = [word(low), word(high) | 1];
        self.seeded_in = Some(incarnation);
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014): every bit of the input
/// decides over every bit of the output.
#[inline]
pub(crate) fn mix(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_differ() {
        let incarnation = Incarnation::current();
        let (mut one, mut other) = (Random::unseeded(), Random::unseeded());
        let numbers: HashSet<u64> =
            (0..1000).flat_map(|_| [one.number(incarnation), other.number(incarnation)]).collect();
        assert_eq!(numbers.len(), 2000);
    }
}
