//! Which contexts are recorded when only a share of them shall be.
//!
//! A decision is a pure function of what it is made for, so nothing is remembered, and whoever knows the same id decides the same, in another
//! process too:
//!
//! | level | decided once for | from |
//! | --- | --- | --- |
//! | `.` or the context's own name | each context | its id if it is the first of its id in this process, else its span |
//! | `..` | each parent, for all its children of that name | the parent and the name |
//! | `^` | each outermost context, for all below it of that name | the outermost context and the name |
//! | the name of an open context | that context, for all below it of that name | that context and the name |
//!
//! A context stands for its id if nobody's child, else for its span. A level that names no open context means the context
//! itself. A child of a context that is not recorded is not recorded. An event's `sample_rate` is the product of its own rate and its parent's: the
//! probability with which it was kept. Statistics weigh it by `1 / sample_rate`.

use crate::random::mix;

/// The probability with which something is kept: from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Rate(f64);

impl Rate {
    /// Everything.
    pub(crate) const ALL: Self = Self(1.0);

    /// Values outside are moved to the nearest end; NaN keeps everything, as a mistake must not lose events.
    pub(crate) fn new(rate: f64) -> Self {
        Self(if rate.is_nan() { 1.0 } else { rate.clamp(0.0, 1.0) })
    }

    pub(crate) fn get(self) -> f64 {
        self.0
    }

    /// Both at once.
    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }

    /// Whether what `seed` stands for is kept. Seeds are spread over all numbers.
    pub(crate) fn keeps(self, seed: Seed) -> bool {
        // The upper 53 bits are a float in 0..1, exactly.
        ((seed.0 >> 11) as f64) * (1.0 / (1u64 << 53) as f64) < self.0
    }
}

/// What a decision is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(u64);

impl Seed {
    /// The seed for an id.
    pub(crate) fn of_id(id: &[u8]) -> Self {
        Self(mix(fnv1a(id)))
    }

    /// The seed for one context.
    pub(crate) fn of_span(span: crate::SpanId) -> Self {
        Self(mix(span.number()))
    }

    /// The seed for all below this one that have a name.
    pub(crate) fn below(self, name: &str) -> Self {
        Self(mix(self.0 ^ fnv1a(name.as_bytes())))
    }
}

/// FNV-1a, 64 bits (Fowler, Noll and Vo).
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_exact() {
        for n in 0..1000u64 {
            let seed = Seed::of_id(&n.to_le_bytes());
            assert!(Rate::ALL.keeps(seed) && !Rate::new(0.0).keeps(seed));
        }
        assert_eq!(Rate::new(f64::NAN), Rate::ALL);
        assert_eq!(Rate::new(-1.0).get(), 0.0);
    }

    /// Over all levels, consecutive numbers as ids and spans: the worst that a caller can give.
    #[test]
    fn shares_are_within_the_99_percent_interval() {
        const TRIALS: u64 = 100_000;
        for rate in [0.001, 0.01, 0.25, 0.5, 0.9] {
            type MakesSeed = fn(u64) -> Seed;
            let kinds: [(&str, MakesSeed); 3] = [
                ("id", |n| Seed::of_id(format!("{n:032x}").as_bytes())),
                ("span", |n| Seed::of_span(crate::SpanId::new(n))),
                ("name", |n| Seed::of_id(&n.to_be_bytes()).below("request.sql")),
            ];
            for (kind, seed) in kinds {
                let kept = (1..=TRIALS).filter(|n| Rate::new(rate).keeps(seed(*n))).count() as f64;
                let mean = TRIALS as f64 * rate;
                let deviation = (mean * (1.0 - rate)).sqrt();
                assert!((kept - mean).abs() <= 2.576 * deviation, "{kind} at {rate}: {kept} of {TRIALS}");
            }
        }
    }

    /// A child's decision says nothing about its parent's.
    #[test]
    fn levels_are_independent() {
        let kept = (0..100_000u64)
            .map(|n| Seed::of_id(&n.to_be_bytes()))
            .filter(|seed| Rate::new(0.5).keeps(*seed) && Rate::new(0.5).keeps(seed.below("a.b")))
            .count() as f64;
        assert!((kept - 25_000.0).abs() <= 2.576 * (25_000.0f64 * 0.75).sqrt(), "{kept}");
    }
}
