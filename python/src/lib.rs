//! The extension module of the Python package: `crates/blueox` behind Python functions.
//!
//! | module | what it holds |
//! | --- | --- |
//! | `settings` | `configure` and the account |
//! | `context` | the class `Context` |
//! | `variable` | the `ContextVar` |
//! | `current` | which context is current: a stack in it |
//! | `record`, `fast_set` | `set`, `append`, `add` |
//! | `value`, `kind` | Python's values as MsgPack |
//! | `decode`, `decoder` | MsgPack as Python's values: one, and a stream of events |
//! | `capture` | events that stay in this process |
//!
//! Two rules: nothing here keeps a lock while Python's code runs, and no value raises into the application; only what is no `Exception`
//! (`KeyboardInterrupt`, a greenlet's death) goes through.

mod capture;
mod context;
mod current;
mod decode;
mod decoder;
mod fast_set;
mod kind;
mod record;
mod settings;
mod value;
mod variable;

use pyo3::prelude::*;

/// The Rust side of `blueox`.
#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_init]
    fn prepare(module: &Bound<'_, PyModule>) -> PyResult<()> {
        crate::variable::prepare(module.py())?;
        module.add("set", crate::fast_set::function(module.py())?)
    }

    #[pymodule_export]
    use crate::capture::Capture;
    #[pymodule_export]
    use crate::context::Context;
    #[pymodule_export]
    use crate::current::{
        Entry, clear_contexts, current_context, find_context, swap, top_context, traceparent,
    };
    #[pymodule_export]
    use crate::decode::decode;
    #[pymodule_export]
    use crate::decoder::Decoder;
    #[pymodule_export]
    use crate::record::{add, append};
    #[pymodule_export]
    use crate::settings::{configure, flush, is_configured, shutdown, stats};
}
