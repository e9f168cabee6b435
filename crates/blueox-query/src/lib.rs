//! Questions over events: the same numbers by the same code over day files and over the live stream.
//!
//! Synchronous, no clock. The modules in the order of an event's way to an answer:
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`limits`] | every limit, on one screen |
//! | [`need`] | what a question needs of events, so that the rest is not read |
//! | [`catalog`] | which files a store has, hot and sealed, each event once |
//! | `hot` | the events of a day file, fast; what is not ordinary a scanner judges |
//! | [`scan`] | the events of many day files, by several threads |
//! | [`lookups`] | several paths found in one walk of an event |
//! | [`failed`] | whether an event is an error |
//! | [`measure`] | what is counted: `count`, `rate`, `err`, `sum(x)`, `p99(x)`, `distinct(x)` |
//! | [`group_key`] | the values by which events are grouped |
//! | [`tally`] | the numbers of one group in one step of time; they merge |
//! | [`quantiles`] | the quantiles of a tally, for who counts otherwise |
//! | `sketch_buckets` | the buckets of a quantile's sketch |
//! | [`time_step`] | steps of time that grow with what they have to span |
//! | [`statistics`] | groups, their tallies, and the memory they may take |
//! | [`table`] | the answer: ranked rows, the rest as one |
//! | [`heatmap`] | how often which value occurred when |
//! | [`facets`] | which values the fields of events have |
//! | [`compare`] | in which fields some events differ most from others |
//! | [`sealed`] | day files as Parquet, and back |
//! | [`sealing`] | the day files of a log path become sealed files, and go |
//!
//! # What holds
//!
//! 1. Whatever the order in which events come and however they are split over [`statistics::Statistics`] that are merged
//!    afterwards, counts, errors, least and greatest are the same, sums but for the rounding of floats, quantiles and
//!    distinct counts but for their stated error.
//! 2. An event with a `sample_rate` counts as many times as it stands for, in everything but least, greatest and
//!    distinct.
//! 3. Memory is bounded, whatever the events: rare groups are added together to one, which is said with how much any count
//!    may be too low, or the question is refused.
//! 4. No value of an event is trusted: what is no finite number is not measured, keys are cut.

pub mod limits;

pub mod catalog;
mod hot;
pub mod need;
pub mod scan;

pub mod failed;
pub mod lookups;

pub mod group_key;
pub mod measure;
pub mod quantiles;
mod sketch_buckets;
pub mod tally;
pub mod time_step;

pub mod statistics;
pub mod table;

pub mod heatmap;

pub mod compare;
pub mod facets;

pub mod sealed;
pub mod sealing;
