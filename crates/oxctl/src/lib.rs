//! What `oxctl` and `oxingest` have in common: [`generate`] completions and manual pages, and times as they are written in flags ([`patience`]).

pub mod generate;
pub mod patience;
