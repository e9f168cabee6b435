//! Quantiles of numbers that somebody else counts, as SQL does: those of [`crate::tally`], in parts that travel as bytes.

use crate::measure::Function;
use crate::tally::{Kept, Numbers};

/// Numbers, by their size.
///
/// ```
/// use blueox_query::quantiles::Quantiles;
/// let (mut a, mut b) = (Quantiles::default(), Quantiles::default());
/// (1..=50).for_each(|n| a.add(f64::from(n), 1.0));
/// (51..=100).for_each(|n| b.add(f64::from(n), 1.0));
/// a.merge(&Quantiles::from_bytes(&b.to_bytes()).unwrap());
/// assert!((a.value(0.99).unwrap() - 99.0).abs() <= 0.01 * 99.0);
/// ```
#[derive(Debug, Clone)]
pub struct Quantiles(Numbers);

impl Default for Quantiles {
    fn default() -> Self {
        Self(Numbers::new(Kept { quantiles: true }))
    }
}

impl Quantiles {
    /// Takes a number that counts `weight` times. What is not finite is passed over, as is what counts for nothing.
    pub fn add(&mut self, number: f64, weight: f64) {
        if number.is_finite() && weight.is_finite() && weight > 0.0 {
            self.0.add(number, weight);
        }
    }

    /// Takes those of another.
    pub fn merge(&mut self, other: &Self) {
        self.0.merge(&other.0);
    }

    /// The value that a share of the numbers, above 0 and at most 1, does not exceed, within
    /// [`crate::limits::QUANTILE_ERROR`]. `None`: there is no number.
    #[must_use]
    pub fn value(&self, share: f64) -> Option<f64> {
        // The sketch knows its ends no better than its tally does, and after a journey less well.
        if share >= 1.0 {
            return self.0.value(Function::Max);
        }
        self.0.value(Function::Quantile(share))
    }

    /// About how much memory it takes, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// For [`Quantiles::from_bytes`] of the same program: weight, sum, least, greatest, how often zero, and for each bucket
    /// in use its sign and number, and how many are in it. Little endian.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes()
    }

    /// What [`Quantiles::to_bytes`] gave; `None`: something else did.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Numbers::from_bytes(bytes).map(Self)
    }
}
