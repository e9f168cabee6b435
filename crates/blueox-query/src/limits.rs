//! Every limit of questions.

/// The memory that the groups of one question may take together, in bytes.
pub const STATISTICS_BYTES: usize = 512 << 20;

/// Groups are weighed after so many new tallies, and after so many events.
pub const WEIGH_AFTER_TALLIES: usize = 1024;
/// See [`WEIGH_AFTER_TALLIES`]: tallies that are there grow, but not without bound.
pub const WEIGH_AFTER_EVENTS: u64 = 1 << 20;

/// How much of a value names a group, in bytes. Longer values that begin alike are one group.
pub const MAX_KEY_PART_BYTES: usize = 256;

/// By how many fields a question may group.
pub const MAX_BY: usize = 8;
/// How much a question may measure.
pub const MAX_MEASURES: usize = 32;

/// The largest error of a quantile, relative to its value.
pub const QUANTILE_ERROR: f64 = 0.01;
/// What is nearer to 0 than this counts as 0 in a quantile.
pub const QUANTILE_LEAST: f64 = 1e-9;
/// What is further from 0 than this counts as this in a quantile.
pub const QUANTILE_GREATEST: f64 = 1e26;
/// The buckets of a quantile's sketch: they span all from the least to the greatest at the stated error.
pub const QUANTILE_BUCKETS: u32 = 4_100;
/// Weights are counted in steps of 1 / this.
pub const WEIGHT_STEPS: f64 = 1024.0;

/// Registers of a distinct count, as a power of two: a standard error of 1.6 %, exact up to some hundred.
pub const DISTINCT_LG_K: u8 = 12;

/// Columns of a series that chooses its step itself.
pub const SPARK_COLUMNS: usize = 60;

/// Columns and rows of a heatmap.
pub const HEATMAP_COLUMNS: usize = 200;
/// See [`HEATMAP_COLUMNS`].
pub const HEATMAP_ROWS: usize = 60;

/// How many fields are counted by value, and how many values of each.
pub const FACET_FIELDS: usize = 1_000;
/// See [`FACET_FIELDS`].
pub const FACET_VALUES: usize = 1_000;
/// How deep a field may lie to be counted by value.
pub const FACET_DEPTH: usize = 16;

/// Times outside of this span, in seconds since the epoch, come from a clock that was wrong, and are in no series: the
/// beginning of 1980 and the end of 2199.
pub const TIMES: (f64, f64) = (315_532_800.0, 7_258_118_400.0);

/// How many paths are looked at when the columns of a sealed file are chosen, and how many columns there are at most.
pub const SURVEY_PATHS: usize = 10_000;
/// See [`SURVEY_PATHS`].
pub const SEALED_COLUMNS: usize = 500;
/// How deep a path of a sealed file's column goes.
pub const SEALED_DEPTH: usize = 16;
/// Events that are turned into columns at once, at most.
pub const SEALED_BATCH_EVENTS: usize = 4_096;
/// See [`SEALED_BATCH_EVENTS`]: or so many bytes of them.
pub const SEALED_BATCH_BYTES: usize = 16 << 20;
/// Sealed events that are turned back at once have at most so many bytes.
pub const UNSEALED_BATCH_BYTES: usize = 64 << 20;
/// How many paths of values outside of columns a sealed file names; of more it says that there may be any.
pub const SEALED_REST_PATHS: usize = 1_000;
/// See [`SEALED_REST_PATHS`]: or so many bytes of names.
pub const SEALED_REST_BYTES: usize = 64 << 10;
/// Events of a row group, at most.
pub const ROW_GROUP_EVENTS: usize = 256 << 10;
/// A row group is ended when it takes so many bytes.
pub const ROW_GROUP_BYTES: usize = 64 << 20;

/// Sealed files of a day become one when they are not longer together, in bytes.
pub const COMPACT_BYTES: u64 = 256 << 20;

/// How many files that are far away are opened at once.
pub const OPENED_AT_ONCE: usize = 16;

/// How many damaged places of one scan are kept to be told; the others are counted.
pub const DAMAGE_TOLD: usize = 32;
