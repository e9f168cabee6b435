//! A web shop that does not exist: what happens in it follows from a seed. Examples send it, `oxview demo` shows it, tests look
//! for what was planted in it. No I/O, no clock: whoever wants a visit says when it ends.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`dice`] | chance that is the same for the same seed |
//! | [`catalogue`] | hosts, pages, queries, errors |
//! | [`schedule`] | when visits end |
//! | [`incident`] | what goes wrong: one page, one host, one version |
//! | [`traffic`] | what happens during a visit |
//! | [`step`] | one event of a visit |

pub mod dice;

pub mod catalogue;

pub mod schedule;

pub mod incident;

pub mod step;
pub mod traffic;
