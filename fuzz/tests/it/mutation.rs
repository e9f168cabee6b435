//! Changes seeds, mostly where their pieces begin.

use crate::random::Random;
use std::ops::Range;

/// No input grows beyond this, in bytes.
const MAX_BYTES: usize = 16_000;

pub(crate) struct Mutator<'a> {
    pub(crate) seeds: &'a [Vec<u8>],
    pub(crate) words: &'a [&'a [u8]],
    pub(crate) boundaries: fn(&[u8]) -> Vec<usize>,
}

impl Mutator<'_> {
    /// A seed with one to eight changes.
    pub(crate) fn next(&self, random: &mut Random) -> Vec<u8> {
        let mut input = random.pick(self.seeds).clone();
        for _ in 0..=random.below(8) {
            self.change(&mut input, random);
            input.truncate(MAX_BYTES);
        }
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut Random) {
        let range = if random.below(4) == 0 {
            let ends = [random.below(input.len() + 1), random.below(input.len() + 1)];
            ends[0].min(ends[1])..ends[0].max(ends[1])
        } else {
            self.pieces(input, random)
        };
        let start = range.start;
        match random.below(10) {
            // A piece is replaced, put in, taken out, repeated, moved in from another seed.
            0 => drop(input.splice(range, random.pick(self.words).iter().copied())),
            1 | 2 => drop(input.splice(start..start, random.pick(self.words).iter().copied())),
            3 => drop(input.drain(range)),
            4 => {
                let piece = input[range].repeat(1 + random.below(4));
                input.splice(start..start, piece);
            }
            5 => {
                let other = random.pick(self.seeds);
                let piece = other[self.pieces(other, random)].to_vec();
                input.splice(start..start, piece);
            }
            6 => {
                let word = random.pick(self.words).repeat(1 + random.below(150));
                input.splice(start..start, word);
            }
            7 => input.truncate(start),
            8 => overwrite_number(input, start, random),
            _ => {
                if let Some(byte) = input.get_mut(start) {
                    *byte = match random.below(3) {
                        0 => *byte ^ 1 << random.below(8),
                        1 => byte.wrapping_add(1),
                        _ => random.next() as u8,
                    };
                }
            }
        }
    }

    /// One to four pieces.
    fn pieces(&self, input: &[u8], random: &mut Random) -> Range<usize> {
        let boundaries = (self.boundaries)(input);
        let first = random.below(boundaries.len());
        let last = boundaries.len().min(first + 2 + random.below(4)) - 1;
        boundaries[first]..boundaries[last]
    }
}

/// Puts a number at the edge of its range where there may be a length.
fn overwrite_number(input: &mut [u8], start: usize, random: &mut Random) {
    let length = input.len() as u64;
    let edges = [0, 1, 63, 64, 127, 255, length, length - length.min(1), 1 << 13, 1 << 31, 1 << 63, u64::MAX];
    let bytes = random.pick(&edges).to_be_bytes();
    let width = *random.pick(&[1, 2, 4, 8]);
    for (byte, new) in input[start..].iter_mut().skip(random.below(2)).zip(&bytes[8 - width..]) {
        *byte = *new;
    }
}
