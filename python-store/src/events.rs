//! What Python holds of events.

use crate::batches::{Arrow, Batches, Step, capsule, refuse_schema};
use crate::failure::Failure;
use crate::interrupt::interruptible;
use crate::log::said;
use crate::merge::{Given, Merge};
use crate::shape::{Survey, TIME, Wanted, found};
use crate::sources::Sources;
use crate::value::Values;
use arrow_schema::Schema;
use blueox_event::EncodedEvent;
use blueox_event::msgpack::Reader;
use blueox_query::catalog::{Kind, StoreFile};
use blueox_query::scan::{Report, scan_store};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// Nothing came for so many looks: Python is asked whether there was a signal.
const LOOKS: usize = 64;

/// Events that are asked for, and which fields of them.
#[pyclass(frozen)]
pub(crate) struct Events {
    sources: Sources,
    wanted: Wanted,
    /// Known after the first look at all events.
    schema: Mutex<Option<Arc<Schema>>>,
}

#[pymethods]
impl Events {
    #[new]
    fn new(sources: Sources, fields: Option<Vec<String>>) -> Result<Self, Failure> {
        Ok(Self { sources, wanted: Wanted::new(fields)?, schema: Mutex::new(None) })
    }

    /// One event after the other, from the first.
    fn rows(&self) -> Rows {
        let state = State { merge: self.merge(), values: Values::new() };
        Rows { wanted: self.wanted.clone(), state: Mutex::new(Some(state)) }
    }

    /// All events, in memory, and what there is to say of damage.
    fn collect(&self, py: Python<'_>) -> PyResult<(Arrow, Vec<String>)> {
        let (schema, _) = self.schema(py)?;
        let mut batches = Batches::new(self.merge(), self.wanted.clone(), Arc::clone(&schema));
        let collected = interruptible(py, |stop| {
            let mut collected = Vec::new();
            while !stop.load(Ordering::Relaxed) {
                match batches.advance()? {
                    Step::Batch(batch) => collected.push(batch),
                    Step::Pause => {}
                    Step::End => break,
                }
            }
            Ok::<_, Failure>(collected)
        })??;
        Ok((Arrow::new(schema, collected), batches.take_remarks()))
    }

    #[pyo3(signature = (requested_schema=None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        refuse_schema(requested_schema)?;
        let (schema, _) = self.schema(py)?;
        capsule(py, Box::new(Batches::new(self.merge(), self.wanted.clone(), schema)))
    }
}

impl Events {
    fn merge(&self) -> Merge {
        Merge::new(&self.sources, self.sources.selection.need(self.wanted.paths()))
    }

    /// The columns of all events; looks at them once, with all threads. Remarks of that are those of reading, too.
    fn schema(&self, py: Python<'_>) -> PyResult<(Arc<Schema>, Vec<String>)> {
        let known = |schema: &Mutex<Option<Arc<Schema>>>| {
            schema.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
        };
        if let Some(schema) = known(&self.schema) {
            return Ok((schema, Vec::new()));
        }
        let wanted = &self.wanted;
        let (survey, remarks) = interruptible(py, |stop| {
            let whole = Survey::default();
            over_all(
                &self.sources,
                wanted.paths(),
                whole,
                stop,
                Survey::default,
                |survey, event| {
                    survey.add(event, wanted);
                    Ok(())
                },
                |whole, part| {
                    whole.merge(part);
                    Ok(())
                },
            )
        })??;
        let schema = survey.schema(wanted)?;
        *self.schema.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(Arc::clone(&schema));
        Ok((schema, remarks))
    }
}

/// Gives all events that are asked for to parts that merge: by all threads, but for archives. Order means nothing.
pub(crate) fn over_all<P: Send>(
    sources: &Sources,
    paths: Option<Vec<blueox_event::Path>>,
    mut whole: P,
    stop: &AtomicBool,
    part: impl Fn() -> P,
    each: impl Fn(&mut P, &EncodedEvent<'_>) -> Result<(), Failure> + Sync,
    merge: impl Fn(&mut P, P) -> Result<(), Failure>,
) -> Result<(P, Vec<String>), Failure> {
    let selection = &sources.selection;
    let need = selection.need(paths);
    let (archives, files): (Vec<StoreFile>, Vec<StoreFile>) =
        sources.files().cloned().partition(|file| file.kind == Kind::Archive);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut remarks = Vec::new();
    let mut failed = None;
    let hear = |report| match report {
        Report::Read(_) => {}
        Report::Damage(file, damage) => remarks.push(said(&files[file].path, &damage)),
        Report::MoreDamage(file) => {
            remarks.push(format!("{}: more damage than is told", files[file].path.display()));
        }
        Report::Broken(_, error) => match Failure::of_sealed(error) {
            Ok(remark) => remarks.push(remark),
            Err(failure) => failed = Some(failure),
        },
        Report::Unreadable(file, error) => failed = Some(Failure::io("read", &files[file].path)(error)),
    };
    let parts = (0..threads).map(|_| part()).collect();
    let only = |part: &mut P, event: &EncodedEvent<'_>| {
        if selection.matches(event) { each(part, event) } else { Ok(()) }
    };
    let (parts, _) = scan_store(&files, &need, parts, stop, only, hear)?;
    if let Some(failure) = failed {
        return Err(failure);
    }
    for part in parts {
        merge(&mut whole, part)?;
    }
    let mut merged = Merge::of_files(archives, selection, need);
    while !stop.load(Ordering::Relaxed) {
        match merged.advance()? {
            Given::Event => each(&mut whole, &merged.event())?,
            Given::Pause => {}
            Given::End => break,
        }
    }
    remarks.extend(merged.take_remarks());
    Ok((whole, remarks))
}

/// Events, one after the other: whole, as dicts like they were recorded, or the fields that were asked for.
#[pyclass(frozen)]
pub(crate) struct Rows {
    wanted: Wanted,
    state: Mutex<Option<State>>,
}

struct State {
    merge: Merge,
    values: Values,
}

#[pymethods]
impl Rows {
    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Taken out, so that no lock is held while Python's code runs.
        let Some(mut state) = self.lock().take() else {
            return Err(PyRuntimeError::new_err("these events are being read by another thread"));
        };
        let next = self.advance(py, &mut state);
        *self.lock() = Some(state);
        next
    }

    /// What there is to say of damage so far, once.
    fn take_remarks(&self) -> Vec<String> {
        self.lock().as_mut().map_or_else(Vec::new, |state| state.merge.take_remarks())
    }
}

impl Rows {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<State>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn advance<'py>(&self, py: Python<'py>, state: &mut State) -> PyResult<Option<Bound<'py, PyAny>>> {
        loop {
            // The next event is nearly always at hand: Python's lock is let go only where it is not.
            let mut given = Given::Pause;
            for _ in 0..4 {
                given = state.merge.advance()?;
                if given != Given::Pause {
                    break;
                }
            }
            let merge = &mut state.merge;
            if given == Given::Pause {
                given = py.detach(|| {
                    for _ in 0..LOOKS {
                        match merge.advance()? {
                            Given::Pause => {}
                            given => return Ok::<_, Failure>(given),
                        }
                    }
                    Ok(Given::Pause)
                })?;
            }
            match given {
                Given::End => return Ok(None),
                Given::Event => return self.row(py, state).map(Some),
                Given::Pause => py.check_signals()?,
            }
        }
    }

    fn row<'py>(&self, py: Python<'py>, state: &mut State) -> PyResult<Bound<'py, PyAny>> {
        let event = state.merge.event();
        let Wanted::Fields(fields) = &self.wanted else {
            return state.values.value(py, &mut Reader::new(event.bytes()));
        };
        let row = PyDict::new(py);
        for (name, path) in fields {
            let value = match found(&event, path) {
                Some(value) => state.values.value(py, &mut Reader::new(&value.to_msgpack()))?,
                None if name == TIME => crate::answer::instant(py, event.end())?,
                None => py.None().into_bound(py),
            };
            row.set_item(name, value)?;
        }
        Ok(row.into_any())
    }
}
