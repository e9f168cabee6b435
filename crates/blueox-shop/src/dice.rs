//! Chance that is the same for the same seed.

/// A generator of random numbers: SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
/// 2014). Good enough to make up a shop, and nothing else.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// A generator that begins at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 up to, but not, 1.
    pub fn fraction(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A number from 0 up to, but not, `end`; `end` is small and not 0.
    pub fn below(&mut self, end: u32) -> u32 {
        (self.number() % u64::from(end)) as u32
    }

    /// True so often.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.fraction() < probability
    }

    /// One of `choices`, of which there is at least one.
    pub fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.number() as usize % choices.len()]
    }

    /// A waiting time whose mean is `mean` and that knows no past (exponential).
    pub fn interval(&mut self, mean: f64) -> f64 {
        -(1.0 - self.fraction()).ln() * mean
    }

    /// A time as work takes it: around `median`, with a tail to the right (log-normal; `spread` is the deviation of
    /// its logarithm).
    pub fn effort(&mut self, median: f64, spread: f64) -> f64 {
        // The sum of twelve fractions less six is close to a normal deviate.
        let normal = (0..12).map(|_| self.fraction()).sum::<f64>() - 6.0;
        median * (normal * spread).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers for seed 0, as the paper's reference implementation gives them.
    #[test]
    fn it_is_splitmix64() {
        let mut dice = Dice::new(0);
        assert_eq!([dice.number(), dice.number()], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }

    #[test]
    fn times_are_around_what_was_asked_for() {
        let mut dice = Dice::new(1);
        let mut intervals = 0.0;
        let mut longer = 0;
        for _ in 0..10_000 {
            intervals += dice.interval(2.0);
            longer += u32::from(dice.effort(0.1, 0.5) > 0.1);
        }
        assert!((19_000.0..21_000.0).contains(&intervals), "{intervals}");
        assert!((4_800..5_200).contains(&longer), "{longer}");
    }
}
