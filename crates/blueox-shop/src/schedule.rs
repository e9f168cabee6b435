//! When visits end.

use crate::dice::Dice;

/// The instants at which visits end, one after another without end, in seconds since the epoch.
#[derive(Debug)]
pub struct Schedule {
    dice: Dice,
    mean: f64,
    last: f64,
}

impl Schedule {
    /// `rate` visits a second on average from `begin` on.
    #[must_use]
    pub fn new(seed: u64, rate: f64, begin: f64) -> Self {
        Self { dice: Dice::new(seed ^ 0x7363_6865_6475_6c65), mean: 1.0 / rate, last: begin }
    }
}

impl Iterator for Schedule {
    type Item = f64;

    fn next(&mut self) -> Option<f64> {
        self.last += self.dice.interval(self.mean);
        Some(self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_its_rate() {
        let count = Schedule::new(7, 20.0, 1000.0).take_while(|end| *end < 1100.0).count();
        assert!((1_850..2_150).contains(&count), "{count}");
    }
}
