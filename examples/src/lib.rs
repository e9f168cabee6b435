//! What the examples share: a web shop that does not exist ([`catalogue`]), chance from a seed ([`dice`]), and time ([`clock`]).

pub mod clock;

pub use blueox_shop::{catalogue, dice};

#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/rust.md")]
struct Guide;
