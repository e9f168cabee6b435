//! Events that stay in this process: for tests of applications.

use crate::decode;
use crate::settings;
use blueox::Config;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use std::sync::{Arc, Mutex, PoisonError};

/// Takes the events of the whole process from `begin` to `end`, in the place of whatever was configured.
#[pyclass(frozen, module = "blueox._core")]
pub(crate) struct Capture {
    events: Arc<Mutex<Vec<Vec<u8>>>>,
    /// What was configured before, while it captures.
    before: Mutex<Option<Option<Config>>>,
}

#[pymethods]
impl Capture {
    #[new]
    fn new() -> Self {
        Self { events: Arc::default(), before: Mutex::new(None) }
    }

    fn begin(&self, py: Python<'_>) -> PyResult<()> {
        let events = Arc::clone(&self.events);
        let config = Config::function(move |event| {
            events.lock().unwrap_or_else(PoisonError::into_inner).push(event.bytes().to_vec());
        });
        let before = settings::install(py, Some(config))?;
        let replaced = self.before.lock().unwrap_or_else(PoisonError::into_inner).replace(before);
        match replaced {
            None => Ok(()),
            Some(_) => Err(PyRuntimeError::new_err("this capture has begun already")),
        }
    }

    fn end(&self, py: Python<'_>) -> PyResult<()> {
        let before = self.before.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(before) = before {
            settings::install(py, before)?;
        }
        Ok(())
    }

    /// All events so far, decoded, in the order in which they ended.
    fn events<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let list = PyList::empty(py);
        for event in events {
            list.append(decode::decode(py, &event)?)?;
        }
        Ok(list)
    }

    fn clear(&self) {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
