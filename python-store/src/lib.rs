//! The extension module of `blueox_store`: `crates/blueox-query` behind Python functions.
//!
//! The modules in the order of an event's way to Python:
//!
//! | module | what it holds |
//! | --- | --- |
//! | `failure` | why there is no answer, as Python's exceptions |
//! | `selection` | which events are asked for |
//! | `sources` | which files those stand in |
//! | `log`, `merge` | the events of one file; of all files, day by day in the order of their ends |
//! | `value` | MsgPack as Python's values |
//! | `shape`, `columns` | which columns events have; values into columns |
//! | `batches` | events as Arrow, in batches of bounded size |
//! | `interrupt` | long work, which Ctrl-C ends |
//! | `events`, `answer` | what Python holds: events to iterate over or to take as Arrow; the numbers of a question |
//!
//! Nothing long is done with Python's lock held, and Python's code never runs while another lock is.

mod answer;
mod batches;
mod columns;
mod events;
mod failure;
mod interrupt;
mod log;
mod merge;
mod selection;
mod shape;
mod sources;
mod value;

use pyo3::prelude::*;

/// The Rust side of `blueox_store`.
#[pymodule(gil_used = false)]
mod _store {
    #[pymodule_export]
    use crate::answer::{Answer, stats};
    #[pymodule_export]
    use crate::batches::Arrow;
    #[pymodule_export]
    use crate::events::{Events, Rows};
    #[pymodule_export]
    use crate::selection::Selection;
    #[pymodule_export]
    use crate::sources::Sources;
}
