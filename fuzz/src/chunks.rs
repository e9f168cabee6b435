//! The sizes of the pieces in which bytes arrive, decided by one byte of the input.

/// Sizes from 1 to 64 or to 4096, small ones often. The same seed gives the same sizes.
#[derive(Debug, Clone)]
pub(crate) struct Chunks {
    state: u32,
}

impl Chunks {
    pub(crate) fn new(seed: u8) -> Self {
        Self { state: u32::from(seed) }
    }

    /// The size of the next piece of what is left; at least 1 unless nothing is.
    pub(crate) fn next_of(&mut self, left: usize) -> usize {
        // Source: W. H. Press et al., "Numerical Recipes", the quick linear congruential generator.
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let random = self.state >> 16;
        let size = match random & 3 {
            0 => 1,
            1 => random >> 2 & 7,
            2 => random >> 2 & 63,
            _ => random >> 2 & 4095,
        };
        left.min(size as usize + 1)
    }
}
