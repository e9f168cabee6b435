//! The buckets of a quantile's sketch, out of it and back into one.
//!
//! The sketch's own encoding (that of sketches-java: flags, then numbers of 1 to 9 bytes) is the only way to see its
//! buckets; what it decodes to has another size of sketch and cannot be merged, so it is read here.

use crate::limits::{QUANTILE_BUCKETS, QUANTILE_ERROR, QUANTILE_LEAST};
use sketches_ddsketch::{Config, DDSketch};

const ZERO_COUNT: u8 = 0x04;
const COUNT: u8 = 0xa0;
const SUM: u8 = 0x84;
const MIN: u8 = 0x88;
const MAX: u8 = 0x8c;
const MAPPING: u8 = 0x02;
const POSITIVE: u8 = 0x05;
const NEGATIVE: u8 = 0x07;
/// The value whose count of zero the var-double encoding begins at, and by how far it turns the bits.
const ONE: u64 = 0x3ff0_0000_0000_0000;
const ROTATED: u32 = 6;

/// How all our sketches are made.
pub(crate) fn config() -> Config {
    Config::new(QUANTILE_ERROR, QUANTILE_BUCKETS, QUANTILE_LEAST)
}

/// What is in a sketch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Buckets {
    /// How many numbers count as 0.
    pub(crate) zero: u64,
    /// A bucket's number, and how many are in it: of numbers above 0, and below.
    pub(crate) positive: Vec<(i32, u64)>,
    pub(crate) negative: Vec<(i32, u64)>,
}

impl Buckets {
    pub(crate) fn of(sketch: &DDSketch) -> Self {
        let encoded = sketch.to_java_bytes();
        let mut input = &encoded[..];
        let mut buckets = Self::default();
        while let Some(flag) = byte(&mut input) {
            match flag {
                ZERO_COUNT => buckets.zero = double(&mut input) as u64,
                COUNT => drop(double(&mut input)),
                SUM | MIN | MAX => input = &input[8..],
                MAPPING => input = &input[16..],
                POSITIVE => buckets.positive = store(&mut input),
                NEGATIVE => buckets.negative = store(&mut input),
                _ => unreachable!("BUG: the sketch writes no other flag"),
            }
        }
        buckets
    }

    /// A sketch that has them.
    pub(crate) fn into_sketch(self) -> DDSketch {
        let config = config();
        let mut sketch = DDSketch::new(config);
        sketch.add_with_count(0.0, self.zero);
        for (number, count) in self.positive {
            sketch.add_with_count(value_in(number), count);
        }
        for (number, count) in self.negative {
            sketch.add_with_count(-value_in(number), count);
        }
        sketch
    }
}

/// A value that lies in a bucket. The middle of the first one may be below what counts as more than 0.
pub(crate) fn value_in(number: i32) -> f64 {
    config().value(number).max(QUANTILE_LEAST.next_up())
}

fn store(input: &mut &[u8]) -> Vec<(i32, u64)> {
    let count = unsigned(input);
    let mut number = 0i64;
    (0..count)
        .map(|_| {
            let step = unsigned(input);
            number += (step >> 1) as i64 ^ -((step & 1) as i64);
            (i32::try_from(number).expect("BUG: the sketch counts buckets so"), double(input) as u64)
        })
        .collect()
}

fn byte(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

fn next(input: &mut &[u8]) -> u8 {
    byte(input).expect("BUG: the sketch wrote its whole encoding")
}

fn unsigned(input: &mut &[u8]) -> u64 {
    let (mut value, mut shift) = (0, 0);
    loop {
        let next = next(input);
        if next < 0x80 || shift == 56 {
            return value | u64::from(next) << shift;
        }
        value |= u64::from(next & 0x7f) << shift;
        shift += 7;
    }
}

fn double(input: &mut &[u8]) -> f64 {
    let (mut bits, mut shift) = (0u64, 57);
    loop {
        let next = next(input);
        if shift == 1 {
            bits |= u64::from(next);
            break;
        }
        bits |= u64::from(next & 0x7f) << shift;
        if next < 0x80 {
            break;
        }
        shift -= 7;
    }
    f64::from_bits(bits.rotate_right(ROTATED).wrapping_add(ONE)) - 1.0
}
