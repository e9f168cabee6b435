//! The numbers of one group in one step of time. Tallies merge: it does not matter who counted what.
//!
//! Quantiles are DDSketch's (C. Masson, J. E. Rim, H. K. Lee, "DDSketch: a fast and fully-mergeable quantile sketch",
//! VLDB 2019): the answer is within [`crate::limits::QUANTILE_ERROR`] of the value of that rank, the first value that at
//! least that share of the events does not exceed. Distinct counts are HyperLogLog's (Apache DataSketches).

use crate::group_key;
use crate::limits::{DISTINCT_LG_K, QUANTILE_GREATEST, WEIGHT_STEPS};
use crate::measure::Function;
use crate::sketch_buckets::{Buckets, config, value_in};
use blueox_event::event::Found;
use datasketches::hll::{HllSketch, HllType, HllUnion};
use sketches_ddsketch::DDSketch;

/// What a tally keeps of each field that a question measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) quantiles: bool,
}

/// The numbers of one group in one step of time.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// How many events there were, those left out by sampling included.
    pub weight: f64,
    /// How many of them are errors.
    pub errors: f64,
    pub(crate) numbers: Box<[Numbers]>,
    pub(crate) distinct: Box<[Distinct]>,
}

impl Tally {
    pub(crate) fn new(kept: &[Kept], distinct: usize) -> Self {
        Self {
            weight: 0.0,
            errors: 0.0,
            numbers: kept.iter().map(|kept| Numbers::new(*kept)).collect(),
            distinct: std::iter::repeat_with(Distinct::default).take(distinct).collect(),
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.weight += other.weight;
        self.errors += other.errors;
        for (mine, theirs) in self.numbers.iter_mut().zip(&other.numbers) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.distinct.iter_mut().zip(&other.distinct) {
            mine.merge(theirs);
        }
    }

    /// About how much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.numbers.iter().map(Numbers::bytes).sum::<usize>()
            + self.distinct.iter().map(Distinct::bytes).sum::<usize>()
    }
}

/// Numbers of one field.
#[derive(Debug, Clone)]
pub(crate) struct Numbers {
    weight: f64,
    sum: f64,
    min: f64,
    max: f64,
    sketch: Option<Sketch>,
}

/// Of all numbers of a field, by their size.
#[derive(Clone)]
struct Sketch(Box<DDSketch>);

impl std::fmt::Debug for Sketch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Sketch").field(&self.0.count()).finish()
    }
}

impl Numbers {
    pub(crate) fn new(kept: Kept) -> Self {
        Self {
            weight: 0.0,
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sketch: kept.quantiles.then(|| Sketch(Box::new(DDSketch::new(config())))),
        }
    }

    /// Takes a finite number.
    #[inline]
    pub(crate) fn add(&mut self, number: f64, weight: f64) {
        self.weight += weight;
        self.sum += number * weight;
        self.min = self.min.min(number);
        self.max = self.max.max(number);
        if let Some(sketch) = &mut self.sketch {
            let steps = (weight * WEIGHT_STEPS).round() as u64;
            sketch.0.add_with_count(number.clamp(-QUANTILE_GREATEST, QUANTILE_GREATEST), steps);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.weight += other.weight;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if let (Some(mine), Some(theirs)) = (&mut self.sketch, &other.sketch) {
            mine.0.merge(&theirs.0).expect("BUG: all sketches are configured alike");
        }
    }

    /// `None` when there was no number.
    pub(crate) fn value(&self, function: Function) -> Option<f64> {
        if self.weight == 0.0 {
            return None;
        }
        match function {
            Function::Sum => Some(self.sum),
            Function::Avg => Some(self.sum / self.weight),
            Function::Min => Some(self.min),
            Function::Max => Some(self.max),
            Function::Quantile(share) => {
                let value = self.sketch.as_ref()?.0.quantile(share).ok().flatten()?;
                // The ends are known exactly.
                Some(value.clamp(self.min, self.max))
            }
        }
    }

    /// [`crate::quantiles::Quantiles::to_bytes`] says how.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let buckets = self.sketch.as_ref().map_or_else(Buckets::default, |sketch| Buckets::of(&sketch.0));
        let mut bytes = Vec::with_capacity(40 + (buckets.positive.len() + buckets.negative.len()) * 13);
        for number in [self.weight, self.sum, self.min, self.max] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(buckets.zero.to_le_bytes());
        for (sign, buckets) in [(0u8, &buckets.positive), (1, &buckets.negative)] {
            for (number, count) in buckets {
                bytes.push(sign);
                bytes.extend(number.to_le_bytes());
                bytes.extend(count.to_le_bytes());
            }
        }
        bytes
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, rest) = bytes.split_at_checked(40)?;
        let number = |at: usize| Some(f64::from_le_bytes(head[at..at + 8].try_into().ok()?));
        let mut buckets =
            Buckets { zero: u64::from_le_bytes(head[32..].try_into().ok()?), ..Buckets::default() };
        let (all, []) = rest.as_chunks::<13>() else { return None };
        let mut total = buckets.zero;
        for bucket in all {
            let key = i32::from_le_bytes(bucket[1..5].try_into().ok()?);
            let count = u64::from_le_bytes(bucket[5..].try_into().ok()?);
            total = total.checked_add(count)?;
            let value = value_in(key);
            if !value.is_finite() || config().key(value) != key {
                return None;
            }
            match bucket[0] {
                0 => buckets.positive.push((key, count)),
                1 => buckets.negative.push((key, count)),
                _ => return None,
            }
        }
        let (min, max) = (number(16)?, number(24)?);
        (total == 0 || min <= max).then_some(Self {
            weight: number(0)?,
            sum: number(8)?,
            min,
            max,
            sketch: Some(Sketch(Box::new(buckets.into_sketch()))),
        })
    }

    pub(crate) fn bytes(&self) -> usize {
        // A bucket is a u64; the sketch has one row of them for each sign, without which it is a few hundred bytes.
        let sketch = self.sketch.as_ref().map_or(0, |sketch| size_of::<DDSketch>() + sketch.0.length() * 8);
        size_of::<Self>() + sketch
    }
}

/// The different values of one field.
#[derive(Debug, Clone, Default)]
pub(crate) struct Distinct(Option<Box<HllSketch>>);

impl Distinct {
    pub(crate) fn add(&mut self, found: Found<'_>, key: &mut Vec<u8>, scratch: &mut String) {
        key.clear();
        group_key::write(Some(found), key, scratch);
        self.sketch().update(&key[..]);
    }

    fn sketch(&mut self) -> &mut HllSketch {
        self.0.get_or_insert_with(|| {
            Box::new(HllSketch::new(DISTINCT_LG_K, HllType::Hll8).expect("BUG: a size that does not change"))
        })
    }

    fn merge(&mut self, other: &Self) {
        let Some(theirs) = &other.0 else { return };
        let Some(mine) = &self.0 else {
            self.0 = Some(theirs.clone());
            return;
        };
        let mut union = HllUnion::new(DISTINCT_LG_K).expect("BUG: a size that does not change");
        union.update(mine);
        union.update(theirs);
        self.0 = Some(Box::new(union.to_sketch(HllType::Hll8)));
    }

    pub(crate) fn value(&self) -> f64 {
        self.0.as_ref().map_or(0.0, |sketch| sketch.estimate().round())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.0.as_ref().map_or(0, |sketch| size_of::<HllSketch>() + sketch.estimated_size())
    }
}
